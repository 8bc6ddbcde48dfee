"""H.248 messages of our own in the text encoding, in long tokens or short (H.248.1 Annex B.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sbc.h248.message import Action, Body, Command, Description, Failure, H248Message, Services, Stream
from sbc.h248.tokens import SHORT

_LONG = {word.lower(): word for word in SHORT}
_BODIES = {Body.REQUEST: "Transaction", Body.REPLY: "Reply", Body.PENDING: "Pending"}


class _Node(NamedTuple):
    """``word [= value] [{ inside }]``; in braces are items, or octets; None where there are no braces."""

    word: str | bytes
    value: str | bytes | None = None
    inside: tuple[_Node, ...] | bytes | None = None
    prefix: bytes = b""


def write(message: H248Message) -> bytes:
    """The octets of a message that was made, not read: in short tokens if it is `compact`. All that the model can say
    is written; events are asked for, and told, under request number 0."""
    compact = message.compact
    head = b"%s/%d %s\n" % (_token("MEGACO", compact), message.version, message.mid.text)
    out: list[bytes] = [head]
    _put(out, _transaction(message), compact, 0)
    return b"".join(out)


def _token(word: str | bytes, compact: bool) -> bytes:
    if isinstance(word, bytes):
        return word
    long = _LONG.get(word.lower(), word)
    return (SHORT[long] if compact and long in SHORT else long).encode("latin-1")


def _put(out: list[bytes], node: _Node, compact: bool, depth: int) -> None:
    out.append(node.prefix + _token(node.word, compact))
    if node.value is not None:
        out.append((b"=" if compact else b" = ") + _token(node.value, compact))
    inside = node.inside
    if inside is None:
        return
    tabs = b"" if compact else b"\n" + b"\t" * depth
    if isinstance(inside, bytes):
        out.append((b"{" if compact else b" { ") + inside + (b"}" if compact else b" }"))
    elif not inside:
        out.append(b"{}" if compact else b" { }")
    else:
        out.append(b"{" if compact else b" {")
        for number, each in enumerate(inside):
            out.append((b"," if number else b"") + (tabs and tabs + b"\t"))
            _put(out, each, compact, depth + 1)
        out.append(tabs + b"}")


def _transaction(message: H248Message) -> _Node:
    number = b"%d" % message.transaction
    if message.segment is not None:
        number += b"/%d" % message.segment + (b"/" + _token("END", message.compact) if message.last else b"")
    if message.body is Body.ERROR:
        return _failure(message.error or Failure(500))
    if message.body is Body.SEGMENT:
        return _Node("Segment", number)
    if message.body is Body.ACK:
        acks = (b"%d" % first if first == last else b"%d-%d" % (first, last) for first, last in message.acks)
        return _Node("TransactionResponseAck", None, tuple(_Node(each) for each in acks))
    inside = [_Node("ImmAckRequired")] if message.wants_ack else []
    inside += [_failure(message.error)] if message.error is not None else map(_action, message.actions)
    return _Node(_BODIES[message.body], number, tuple(inside))


def _failure(failure: Failure) -> _Node:
    return _Node("Error", b"%d" % failure.code, _quoted(failure.text) if failure.text else ())


def _action(action: Action) -> _Node:
    inside = [_Node("Emergency")] if action.emergency else []
    inside += map(_command, action.commands)
    inside += [_failure(action.error)] if action.error is not None else []
    return _Node("Context", action.context, tuple(inside))


def _command(command: Command) -> _Node:
    names = [each.name for each in command.terminations]
    inside: list[_Node] = []
    if command.streams:
        inside.append(_Node("Media", None, tuple(map(_stream, command.streams))))
    if command.services is not None:
        inside.append(_Node("Services", None, tuple(_parameters(command.services))))
    if command.statistics is not None:
        inside.append(_statistics(command.statistics))
    if command.audit is not None:
        inside.append(_Node("Audit", None, tuple(_Node(each) for each in command.audit)))
    for word, names_of, number in (
        ("Signals", command.signals, None), ("Events", command.events, b"0"), ("ObservedEvents", command.observed, b"0")
    ):  # fmt: skip
        if names_of:
            inside.append(_Node(word, number, tuple(_Node(each) for each in names_of)))
        elif names_of is not None:
            inside.append(
                _Node(word)
            )  # without braces: all of them are to end, or none be told (Erlang takes no others)
    if command.error is not None:
        inside.append(_failure(command.error))
    value = names[0] if len(names) == 1 else b"[" + b",".join(names) + b"]"
    prefix = (b"O-" if command.optional else b"") + (b"W-" if command.wild else b"")
    return _Node(command.verb.value, value, tuple(inside) if inside else None, prefix)


def _statistics(figures: Iterable[tuple[bytes, bytes]]) -> _Node:
    return _Node("Statistics", None, tuple(_Node(name, value or None) for name, value in figures))


def _stream(stream: Stream) -> _Node:
    inside: list[_Node] = []
    control = [_Node("Mode", stream.mode)] if stream.mode else []
    if stream.reserves is not None:
        control.append(_Node("ReserveGroup", b"ON" if stream.reserves else b"OFF"))
    if control:
        inside.append(_Node("LocalControl", None, tuple(control)))
    for word, description in (("Local", stream.local), ("Remote", stream.remote)):
        if description is not None:
            inside.append(_Node(word, None, _octets(description)))
    if stream.statistics is not None:
        inside.append(_statistics(stream.statistics))
    return _Node("Stream", b"%d" % stream.id, tuple(inside))


def _octets(description: Description) -> bytes:
    texts = (group.text.rstrip() + b"\n" for group in description.groups)
    return b"\n" + b"".join(texts).replace(b"}", b"\\}")


def _parameters(services: Services) -> list[_Node]:
    found: list[_Node] = []
    if services.method:
        found.append(_Node("Method", services.method))
    for word, place in (("ServiceChangeAddress", services.address), ("MgcIdToTry", services.mgc)):
        if place is not None:
            found.append(_Node(word, place.text))
    for word, number in (("Delay", services.delay), ("Version", services.version)):
        if number is not None:
            found.append(_Node(word, b"%d" % number))
    if services.profile:
        found.append(_Node("Profile", services.profile))
    if services.reason:
        found.append(_Node("Reason", _quoted(services.reason)))
    if services.timestamp:
        found.append(_Node(services.timestamp))
    if services.incomplete:
        found.append(_Node("ServiceChangeInc"))
    return found


def _quoted(text: bytes) -> bytes:
    """A quoted string; it can hold neither quotes nor line ends."""
    return b'"' + text.replace(b'"', b"'").replace(b"\r", b" ").replace(b"\n", b" ") + b'"'
