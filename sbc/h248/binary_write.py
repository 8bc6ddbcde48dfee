"""Binary messages that the SBC says by itself, from the model (H.248.1 Annex A)."""

from __future__ import annotations

from sbc.core.message import BadMessage
from sbc.h248.ber import CONSTRUCTED, OCTETS, whole, wrap
from sbc.h248.binary_commands import AUDITED, METHODS, MODES, VERBS
from sbc.h248.binary_values import (
    PLACE_FORMS,
    context_number,
    failure_octets,
    mid_octets,
    termination_octets,
)
from sbc.h248.message import Action, Body, Command, Description, Group, H248Message, Services, Stream, Verb
from sbc.h248.packages import EVENTS, SIGNALS, STATISTICS, Names
from sbc.h248.properties import group_octets

_AUDITS = (Verb.AUDIT_CAPABILITY, Verb.AUDIT_VALUE)
_LIST = 0x30


def _context(number: int, *contents: bytes) -> bytes:
    """A constructed element with a context-specific tag."""
    return wrap(0x80 | CONSTRUCTED | number, *contents)


def _plain(number: int, octets: bytes) -> bytes:
    return wrap(0x80 | number, octets)


def _number(number: int, value: int) -> bytes:
    return _plain(number, whole(value))


def _flag(number: int, there: bool) -> bytes:
    return _plain(number, b"") if there else b""


def write(message: H248Message) -> bytes:
    """The octets of a message that was made. @raises BadMessage where something in it cannot be written."""
    body = _context(0, _failed(message)) if message.body is Body.ERROR else _context(1, _transaction(message))
    inner = (_number(0, message.version), _context(1, mid_octets(message.mid)), _context(2, body))
    return wrap(_LIST, _context(1, *inner))


def _failed(message: H248Message) -> bytes:
    if message.error is None:
        raise BadMessage("no error")
    return failure_octets(message.error)


def _transaction(message: H248Message) -> bytes:
    number = _number(0, message.transaction)
    if message.body is Body.REQUEST:
        return _context(0, number, _context(1, *[_request(each) for each in message.actions]))
    if message.body is Body.PENDING:
        return _context(1, number)
    if message.body is Body.ACK:
        ranges = [
            wrap(_LIST, _number(0, first), b"" if last == first else _number(1, last)) for first, last in message.acks
        ]
        return _context(3, *ranges)
    if message.body is Body.SEGMENT:
        return _context(4, number, _number(1, message.segment or 0), _flag(2, message.last))
    replies = [_reply(each) for each in message.actions]
    result = _context(1, *replies) if message.error is None else _context(0, failure_octets(message.error))
    segment = b"" if message.segment is None else _number(3, message.segment)
    return _context(2, number, _flag(1, message.wants_ack), _context(2, result), segment, _flag(4, message.last))


def _request(action: Action) -> bytes:
    commands = [
        wrap(
            _LIST,
            _context(0, _context(VERBS.index(each.verb), *_asked(each))),
            _flag(1, each.optional),
            _flag(2, each.wild),
        )
        for each in action.commands
    ]
    return wrap(_LIST, _number(0, context_number(action.context)), _attributes(1, action), _context(3, *commands))


def _attributes(number: int, action: Action) -> bytes:
    return _context(number, _plain(1, b"\xff")) if action.emergency else b""


def _asked(command: Command) -> tuple[bytes, ...]:
    verb = command.verb
    if verb in _AUDITS:
        first = _context(0, termination_octets(command.termination.key))
        several = _terminations(2, command) if len(command.terminations) > 1 else b""
        return first, _audit(1, command.audit or ()), several
    named = _terminations(0, command)
    if verb is Verb.SUBTRACT:
        return named, b"" if command.audit is None else _audit(1, command.audit)
    if verb is Verb.SERVICE_CHANGE:
        return named, _context(1, *_services(_needed(command)))
    if verb is Verb.NOTIFY:
        return named, _observed(1, command.observed or ())
    return named, _context(1, *_descriptors(command))


def _descriptors(command: Command) -> list[bytes]:
    found = [_media(0, command.streams)] if command.streams else []
    if command.events is not None:
        found.append(_events(3, command.events))
    if command.signals is not None:
        found.append(_signals(5, command.signals))
    if command.audit is not None:
        found.append(_audit(7, command.audit))
    if command.statistics is not None:
        found.append(_statistics(8, command.statistics))
    return found


def _reply(action: Action) -> bytes:
    commands = [_context(VERBS.index(each.verb), *_answered(each)) for each in action.commands]
    failed = b"" if action.error is None else _context(1, failure_octets(action.error))
    named = _number(0, context_number(action.context))
    return wrap(_LIST, named, failed, _attributes(2, action), _context(3, *commands))


def _answered(command: Command) -> tuple[bytes, ...]:
    verb = command.verb
    error = None if command.error is None else failure_octets(command.error)
    if verb in _AUDITS and not command.terminations:
        return (_context(0) if error is None else _context(1, error),)
    if verb in _AUDITS and len(command.terminations) > 1:
        return (_context(3, _terminations(0, command), _context(1, *_reported(command))),)
    if verb in _AUDITS:
        named = _context(0, termination_octets(command.termination.key))
        return (_context(2, named, _context(1, *_reported(command))),)
    named = _terminations(0, command)
    if verb is Verb.SERVICE_CHANGE:
        result = _context(1, *_accepted(_needed(command))) if error is None else _context(0, error)
        return named, _context(1, result)
    if verb is Verb.NOTIFY:
        return named, b"" if error is None else _context(1, error)
    reported = _reported(command)
    return named, _context(1, *reported) if reported else b""


def _reported(command: Command) -> list[bytes]:
    found = [] if command.error is None else [_context(0, failure_octets(command.error))]
    if command.streams:
        found.append(_media(1, command.streams))
    if command.events is not None:
        found.append(_events(4, command.events))
    if command.signals is not None:
        found.append(_signals(6, command.signals))
    if command.observed is not None:
        found.append(_observed(8, command.observed))
    if command.statistics is not None:
        found.append(_statistics(9, command.statistics))
    return found


def _events(number: int, names: tuple[bytes, ...]) -> bytes:
    """Those that are asked for, all by one request identifier; none: what was asked for is no longer."""
    events = [wrap(_LIST, _plain(0, _named(EVENTS, name)), _context(3)) for name in names]
    return _context(number, _number(0, 1) if events else b"", _context(1, *events))


def _signals(number: int, names: tuple[bytes, ...]) -> bytes:
    return _context(number, *[_context(0, _plain(0, _named(SIGNALS, name)), _context(6)) for name in names])


def _observed(number: int, names: tuple[bytes, ...]) -> bytes:
    events = [wrap(_LIST, _plain(0, _named(EVENTS, name)), _context(2)) for name in names]
    return _context(number, _number(0, 0), _context(1, *events))


def _terminations(number: int, command: Command) -> bytes:
    return _context(number, *[wrap(_LIST, termination_octets(each.key)) for each in command.terminations])


def _audit(number: int, words: tuple[str, ...]) -> bytes:
    bits = 0
    for word in words:
        if word not in AUDITED:
            raise BadMessage("nothing that is audited")
        bits |= 0x8000 >> AUDITED.index(word)
    used = 16 - ((bits & -bits).bit_length() - 1)  # zeros at the end are left out (X.690, 11.2.2)
    token = bytes((-used & 7,)) + bits.to_bytes(2, "big")[: (used + 7) >> 3]
    return _context(number, _plain(0, token) if words else b"")


def _needed(command: Command) -> Services:
    return command.services or Services()


def _services(said: Services) -> tuple[bytes, ...]:
    if said.method not in METHODS:
        raise BadMessage("a method of no such name")
    return (
        _number(0, METHODS.index(said.method)),
        b"" if said.address is None else _context(1, mid_octets(said.address, PLACE_FORMS)),
        b"" if said.version is None else _number(2, said.version),
        _context(3, _plain(0, said.profile)) if said.profile else b"",
        _context(4, wrap(OCTETS, said.reason)),
        b"" if said.delay is None else _number(5, said.delay),
        b"" if said.mgc is None else _context(6, mid_octets(said.mgc)),
        _timestamp(7, said.timestamp),
        _flag(10, said.incomplete),
    )


def _accepted(said: Services) -> tuple[bytes, ...]:
    return (
        b"" if said.mgc is None else _context(0, mid_octets(said.mgc)),
        b"" if said.address is None else _context(1, mid_octets(said.address, PLACE_FORMS)),
        b"" if said.version is None else _number(2, said.version),
        _context(3, _plain(0, said.profile)) if said.profile else b"",
        _timestamp(4, said.timestamp),
    )


def _timestamp(number: int, said: bytes) -> bytes:
    date, _, time = said.upper().partition(b"T")
    return _context(number, _plain(0, date), _plain(1, time)) if said else b""


def _media(number: int, streams: tuple[Stream, ...]) -> bytes:
    described = [wrap(_LIST, _number(0, each.id), _context(1, *_stream(each))) for each in streams]
    return _context(number, _context(1, _context(1, *described)))


def _stream(stream: Stream) -> list[bytes]:
    found = []
    if stream.mode and stream.mode not in MODES:
        raise BadMessage("a mode of no such name")
    if stream.mode or stream.reserves is not None:
        mode = _number(0, MODES.index(stream.mode)) if stream.mode else b""
        reserves = b"" if stream.reserves is None else _plain(2, bytes((0xFF if stream.reserves else 0,)))
        found.append(_context(0, mode, reserves, _context(3)))
    for number, described in ((1, stream.local), (2, stream.remote)):
        if described is not None:
            found.append(_context(number, _described(described)))
    if stream.statistics is not None:
        found.append(_statistics(3, stream.statistics))
    return found


def _described(described: Description) -> bytes:
    groups: list[Group] = list(described.groups)
    return _context(0, *[group_octets(each.text) for each in groups])


def _statistics(number: int, counted: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return _context(
        number,
        *[
            wrap(_LIST, _plain(0, _named(STATISTICS, name)), _context(1, wrap(OCTETS, value)) if value else b"")
            for name, value in counted
        ],
    )


def _named(names: Names, name: bytes) -> bytes:
    octets = names.octets(name)
    if octets is None:
        raise BadMessage("a name that has no number")
    return octets
