"""What a message of H.248 means to the core: its Intent (H.248.1 clauses 7 and 8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from sbc.core.message import Counted, Intent, Kind, Phase
from sbc.h248.causes import GONE, UNKNOWN_CONTEXT, elsewhere_of, ending_of
from sbc.h248.contexts import GATHER, NO_CALL, latches, places, says_place
from sbc.h248.counted import counted
from sbc.h248.message import ALL, NULL, ROOT, Action, Body, Command, Failure, H248Message, Verb
from sbc.h248.registering import describe_answer, describe_change, root_change
from sbc.h248.slots import whole
from sbc.h248.taken import Taken
from sbc.h248.wildcards import standing

_AUDITS = frozenset({Verb.AUDIT_VALUE, Verb.AUDIT_CAPABILITY})
_OWN = frozenset({Verb.NOTIFY, Verb.SERVICE_CHANGE})
"""Commands that gateways give: who does is told from another, that may be at the same place still, by its name."""
_CHANGE = frozenset({Verb.MODIFY, Verb.SUBTRACT, *_AUDITS})
"""Commands that change, end or show what is in a context that is there."""


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
    calls = _by_call(message.actions, places(message.actions))
    _say(intent, calls[0])
    for place, actions in enumerate(calls[1:], 1):
        share = _plain(message, Phase.REQUEST, intent.method)
        share.exchange += b" %d" % place  # no transaction is called so
        share.claimed, share.user = intent.claimed, intent.user
        _say(share, actions)
        intent.beside += (share,)
    intent.probe = _asks_nothing(commands)
    return intent


def _by_call(actions: Sequence[Action], placed: Sequence[int]) -> list[list[Action]]:
    """The actions of each call that a transaction is about; of the first even where it is about the media of none."""
    found: list[list[Action]] = [[] for _ in range(max(0, *placed, 0) + 1)]
    for action, place in zip(actions, placed, strict=True):
        if place >= 0:
            found[place].append(action)
    return found


def _meant(actions: Sequence[Action]) -> Action | None:
    """The action that says which call several are of: that by which somebody joins it, or that names a context."""
    named = [each for each in actions if each.context not in (NULL, ALL)]
    joining = (each for each in named if any(command.verb in GATHER for command in each.commands))
    return next(chain(joining, named, actions), None)


def _say(intent: Intent, actions: Sequence[Action]) -> None:
    """What a request is to a call of which these actions are."""
    action = _meant(actions)
    if action is None:
        return
    intent.call = b"" if action.context in NO_CALL else action.context
    commands = [each for same in actions if same.context == action.context for each in same.commands]
    verbs = {command.verb for command in commands}
    intent.latches = any(map(latches, commands))
    if verbs & GATHER and action.context not in (NULL, ALL):
        intent.kind, intent.gathers = Kind.OPEN, True
        intent.urgent = any(each.emergency for each in actions)
        intent.moves = tuple(key for key, verb in _named(actions) if verb is Verb.MOVE)
    elif verbs & _CHANGE and intent.call:
        intent.kind = Kind.MODIFY
        intent.within = any(map(says_place, commands))


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
    calls = _by_call(message.actions, taken.places())
    intent.call = _named_by(calls[0])
    failed = _failures(message.actions, message.error)
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
    _join(intent, calls[0])
    intent.leaves = _left(taken) + _unknown(message)
    intent.reported = _reported(commands)
    if message.segment is not None and not _is_whole(taken):
        intent.phase = Phase.PROVISIONAL
    intent.beside = tuple(_share(message, intent, failed, actions) for actions in _of_each(taken, calls)[1:])
    return intent


def _of_each(taken: Taken, calls: list[list[Action]]) -> list[list[Action]]:
    """The same for every call that was asked about, also where an answer says nothing of it."""
    asked = max((order.place for order in taken.asked.orders), default=0) + 1 if taken.asked is not None else 1
    return [*calls, *([] for _ in range(asked - len(calls)))][:asked]


def _share(message: H248Message, whole: Intent, failed: list[Failure], actions: Sequence[Action]) -> Intent:
    """What an answer is to a further call. What comes after a command that has failed was not done; of an answer in
    segments what is not in this one may have been in another."""
    share = _plain(message, whole.phase, whole.method)
    own = _failures(actions) if actions else failed if message.segment is None else []
    if own and not any(each.error is None for action in actions for each in action.commands):
        if whole.phase is Phase.SUCCESS:
            share.phase, share.cause, share.ending = Phase.FAILURE, _cause(own[0]), ending_of(own[0].code)
        return share
    share.kind, share.call = whole.kind, _named_by(actions)
    _join(share, actions)
    return share


def _named_by(actions: Sequence[Action]) -> bytes:
    action = _meant(actions)
    return b"" if action is None or action.context in NO_CALL else action.context


def _is_whole(taken: Taken) -> bool:
    """Whether a segment is the one with which all of an answer has come: on the way they may overtake each other."""
    message = taken.message
    return message.last if taken.asked is None else taken.asked.with_segment(message).is_whole


def _note_gone(intent: Intent, taken: Taken) -> None:
    """Who was to be taken off and is not known there is off all the same."""
    asked = taken.asked.orders if taken.asked is not None else ()
    if intent.gone and asked and all(order.verb == Verb.SUBTRACT.value for order in asked):
        intent.phase = Phase.SUCCESS
        intent.leaves = tuple(
            (_of_call(each.context), _standing(each.termination, each.every, taken)) for each in asked
        )


def _unknown(message: H248Message) -> tuple[tuple[bytes, bytes], ...]:
    """The contexts that the gateway knows nothing of, whatever was to be done in them: nobody is in them any more."""
    failed = [each for each in message.actions if each.error is not None and each.error.code == UNKNOWN_CONTEXT]
    return tuple((each.context, ALL) for each in failed if each.context not in NO_CALL)


def _kind(commands: tuple[Command, ...]) -> Kind:
    verbs = {command.verb for command in commands}
    return Kind.ANSWER if verbs & (GATHER | _CHANGE) else Kind.OTHER


def _join(intent: Intent, actions: Sequence[Action]) -> None:
    """Who has joined a call."""
    joins = [(key, verb) for key, verb in _named(actions) if verb in GATHER]
    intent.joins = tuple(key for key, _ in joins)
    intent.moves = tuple(key for key, verb in joins if verb is Verb.MOVE)


def _left(taken: Taken) -> tuple[tuple[bytes, bytes], ...]:
    """Who has left which call."""
    leaves: list[tuple[bytes, bytes]] = []
    for each in taken.message.actions:
        for command in each.commands:
            if not command.terminations:  # of an audit that found none
                continue
            key = command.termination.key
            if command.verb is Verb.SUBTRACT and (command.error is None or command.error.code in GONE):
                leaves.append((_of_call(each.context), _standing(key, command.termination.every, taken)))
    return tuple(leaves)


def _named(actions: Sequence[Action]) -> list[tuple[bytes, Verb]]:
    """The terminations of actions that are one each, and what is done to them, or was."""
    commands = [each for action in actions for each in action.commands if each.terminations and each.error is None]
    return [(each.termination.key, each.verb) for each in commands if not each.termination.every]


def _of_call(context: bytes) -> bytes:
    return b"*" if context in NO_CALL else context


def _standing(key: bytes, every: bool, taken: Taken) -> bytes:
    """The terminations that are meant by a key, as `Intent.leaves` has them."""
    return standing(key, taken.asked.levels if taken.asked is not None else ()) if every else key


def _reported(commands: tuple[Command, ...]) -> tuple[tuple[bytes, Counted], ...]:
    """What the gateway has counted of each termination."""
    named = [command for command in commands if command.terminations and not command.termination.every]
    found = ((command.termination.key, counted(command)) for command in named)
    return tuple((member, figures) for member, figures in found if figures)


def _failures(actions: Iterable[Action], whole: Failure | None = None) -> list[Failure]:
    """All that has failed, in order; `whole`: the transaction."""
    found = [whole]
    for action in actions:
        found += [action.error, *(command.error for command in action.commands)]
    return [each for each in found if each is not None]


def _cause(failure: Failure | None) -> str:
    if failure is None:
        return ""
    return f"{failure.code} {failure.text.decode('utf-8', 'replace')}".strip()
