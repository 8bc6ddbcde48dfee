"""What a message of H.248 means to the core: its Intent (H.248.1 clauses 7 and 8)."""

from __future__ import annotations

from collections.abc import Iterator

from sbc.core.message import Counted, Intent, Kind, Phase
from sbc.h248.causes import GONE, UNKNOWN_CONTEXT, elsewhere_of, ending_of
from sbc.h248.counted import counted
from sbc.h248.message import ALL, CHOOSE, NULL, ROOT, Action, Body, Command, Failure, H248Message, Verb
from sbc.h248.registering import describe_answer, describe_change, root_change
from sbc.h248.slots import whole
from sbc.h248.taken import Taken
from sbc.h248.wildcards import standing

GATHER = frozenset({Verb.ADD, Verb.MOVE})
"""Commands by which a termination comes into a context."""
_AUDITS = frozenset({Verb.AUDIT_VALUE, Verb.AUDIT_CAPABILITY})
_OWN = frozenset({Verb.NOTIFY, Verb.SERVICE_CHANGE})
"""Commands that gateways give: who does is told from another, that may be at the same place still, by its name."""
_CHANGE = frozenset({Verb.MODIFY, Verb.SUBTRACT, *_AUDITS})
"""Commands that change, end or show what is in a context that is there."""
LATCH = b"ipnapt/latch"
"""The signal by which a controller has media taken from wherever it comes (H.248.37)."""
_NO_CALL = frozenset({NULL, CHOOSE, ALL})


def describe(taken: Taken) -> Intent:
    """The Intent of a message."""
    message = taken.message
    if message.body is Body.REQUEST:
        return _request(message)
    if message.body is Body.REPLY:
        return _reply(taken)
    if message.body is Body.PENDING:
        return _plain(message, Phase.PROVISIONAL, "Pending")
    if message.body is Body.ACK:  # of several replies the first is meant: the others are repeated by nobody
        intent = _plain(message, Phase.CONFIRM, "TransactionResponseAck")
        intent.exchange, intent.within = b"%d" % (message.acks[0][0] if message.acks else 0), True
        return intent
    if message.body is Body.SEGMENT:
        intent = _plain(message, Phase.CONFIRM, "Segment")
        intent.within = True
        return intent
    intent = _plain(message, Phase.CONFIRM, "Error")  # about no transaction: it is told, and that is all
    intent.exchange, intent.cause = b"", _cause(message.error)
    return intent


def gathering(message: H248Message) -> list[Action]:
    """The actions that put terminations into a context, or say where their media goes: each is of a call."""
    return [action for action in message.actions if any(map(_concerns_media, action.commands))]


def _concerns_media(command: Command) -> bool:
    return command.verb in GATHER or any(map(_has_place, _remotes(command)))


def _remotes(command: Command) -> Iterator[bytes]:
    for stream in command.streams:
        for description in (stream.local, stream.remote):
            yield from (group.text for group in (description.groups if description is not None else ()))


def _has_place(text: bytes) -> bool:
    """Whether a session description says an address: all that the gateway is to choose says none."""
    return any(line.lstrip()[:2] == b"c=" and b"$" not in line for line in text.split(b"\n"))


def _plain(message: H248Message, phase: Phase, method: str, kind: Kind = Kind.OTHER) -> Intent:
    exchange = b"%d" % message.transaction
    return Intent(kind, phase, call=b"", exchange=exchange, method=method, local=True, frank=True)


def _request(message: H248Message) -> Intent:
    commands = message.commands
    intent = _plain(message, Phase.REQUEST, commands[0].verb.value if commands else "Transaction")
    if message.mid.address is not None:
        intent.claimed = whole(message, message.mid.address)
    if commands and commands[0].verb in _OWN:
        intent.user = message.mid.text.lower()
    change = root_change(message)
    if change is not None:
        describe_change(intent, message, change)
        return intent
    action = _meant(message)
    if action is None:
        return intent
    intent.call = b"" if action.context in _NO_CALL else action.context
    verbs = {command.verb for command in action.commands}
    intent.latches = any(LATCH in (command.signals or ()) for command in action.commands)
    if verbs & GATHER and action.context not in (NULL, ALL):
        intent.kind, intent.gathers, intent.urgent = Kind.OPEN, True, action.emergency
        intent.moves = tuple(key for key, verb in _named(action) if verb is Verb.MOVE)
    elif verbs & _CHANGE and intent.call:
        intent.kind = Kind.MODIFY
        intent.within = any(map(_concerns_media, action.commands))
    intent.probe = _asks_nothing(commands)
    return intent


def _meant(message: H248Message) -> Action | None:
    """The action that is of a call, or of the first context that is there."""
    named = [action for action in message.actions if action.context not in (NULL, ALL)]
    return next(iter([*gathering(message), *named, *message.actions]), None)


def _asks_nothing(commands: tuple[Command, ...]) -> bool:
    """Whether it only asks whether the gateway is there: an audit that shows nothing."""
    if len(commands) != 1 or commands[0].verb is not Verb.AUDIT_VALUE:
        return False
    return commands[0].termination.key == ROOT and not commands[0].audit


def _reply(taken: Taken) -> Intent:
    message, commands = taken.message, taken.message.commands
    method = commands[0].verb.value if commands else "Reply"
    intent = _plain(message, Phase.SUCCESS, method)
    intent.receipt = message.wants_ack or message.segment is not None
    action = _meant(message)
    if action is not None and action.context not in _NO_CALL:
        intent.call = action.context
    failed = _failures(message)
    if failed and not any(each.error is None for each in commands):
        intent.phase, intent.cause, intent.ending = Phase.FAILURE, _cause(failed[0]), ending_of(failed[0].code)
        intent.elsewhere, intent.gone = elsewhere_of(failed[0].code), failed[0].code in GONE
        _note_gone(intent, taken)
        intent.leaves += _unknown(message)
        return intent
    change = root_change(message)
    if change is not None:
        describe_answer(intent, message, change)
        return intent
    intent.kind = _kind(commands)
    _members(intent, message)
    intent.leaves += _unknown(message)
    intent.reported = _reported(commands)
    if message.segment is not None and not _is_whole(taken):
        intent.phase = Phase.PROVISIONAL
    return intent


def _is_whole(taken: Taken) -> bool:
    """Whether a segment is the one with which all of an answer has come: on the way they may overtake each other."""
    message = taken.message
    return message.last if taken.asked is None else taken.asked.with_segment(message).is_whole


def _note_gone(intent: Intent, taken: Taken) -> None:
    """Who was to be taken off and is not known there is off all the same."""
    asked = taken.asked.orders if taken.asked is not None else ()
    if intent.gone and asked and all(order.verb == Verb.SUBTRACT.value for order in asked):
        intent.phase = Phase.SUCCESS
        gone = ((order.context, each) for order in asked for each in _standing(order.termination, order.every))
        intent.leaves = tuple((_of_call(context), each) for context, each in gone)


def _unknown(message: H248Message) -> tuple[tuple[bytes, bytes], ...]:
    """The contexts that the gateway knows nothing of, whatever was to be done in them: nobody is in them any more."""
    failed = [each for each in message.actions if each.error is not None and each.error.code == UNKNOWN_CONTEXT]
    return tuple((each.context, ALL) for each in failed if each.context not in _NO_CALL)


def _kind(commands: tuple[Command, ...]) -> Kind:
    verbs = {command.verb for command in commands}
    return Kind.ANSWER if verbs & (GATHER | _CHANGE) else Kind.OTHER


def _members(intent: Intent, message: H248Message) -> None:
    """Who has joined the call, and who has left which."""
    leaves: list[tuple[bytes, bytes]] = []
    action = _meant(message)
    joins = [(key, verb) for key, verb in _named(action) if verb in GATHER] if action is not None else []
    for each in message.actions:
        for command in each.commands:
            if not command.terminations:  # of an audit that found none
                continue
            key = command.termination.key
            if command.verb is Verb.SUBTRACT and (command.error is None or command.error.code in GONE):
                leaves += [(_of_call(each.context), gone) for gone in _standing(key, command.termination.every)]
    intent.joins, intent.leaves = tuple(key for key, _ in joins), tuple(leaves)
    intent.moves = tuple(key for key, verb in joins if verb is Verb.MOVE)


def _named(action: Action) -> list[tuple[bytes, Verb]]:
    """The terminations of an action that are one each, and what is done to them, or was."""
    commands = [each for each in action.commands if each.terminations and each.error is None]
    return [(each.termination.key, each.verb) for each in commands if not each.termination.every]


def _of_call(context: bytes) -> bytes:
    return b"*" if context in _NO_CALL else context


def _standing(key: bytes, every: bool) -> tuple[bytes, ...]:
    """The terminations that are meant by a key, as `Intent.leaves` has them."""
    return standing(key) if every else (key,)


def _reported(commands: tuple[Command, ...]) -> tuple[tuple[bytes, Counted], ...]:
    """What the gateway has counted of each termination."""
    named = [command for command in commands if command.terminations and not command.termination.every]
    found = ((command.termination.key, counted(command)) for command in named)
    return tuple((member, figures) for member, figures in found if figures)


def _failures(message: H248Message) -> list[Failure]:
    """All that has failed, in order."""
    found = [message.error]
    for action in message.actions:
        found += [action.error, *(command.error for command in action.commands)]
    return [each for each in found if each is not None]


def _cause(failure: Failure | None) -> str:
    if failure is None:
        return ""
    return f"{failure.code} {failure.text.decode('utf-8', 'replace')}".strip()
