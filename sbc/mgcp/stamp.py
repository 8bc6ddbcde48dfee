"""What is our own in an MGCP message that crosses: the transaction's number, whose the endpoint is on that side, where
a gateway is to turn to, and acknowledgements (RFC 3435 sections 2.1.2, 2.1.4, 3.2.2.21)."""

from __future__ import annotations

from sbc.core.address import is_literal
from sbc.core.crossing import Crossing
from sbc.core.message import Cause, Keys, Refused
from sbc.core.realm import Side
from sbc.mgcp.codec import Line, MgcpMessage
from sbc.mgcp.describe import name_of, remember
from sbc.mgcp.memo import CallMemo, Memo
from sbc.mgcp.names import Name, domain, endpoint, entity
from sbc.mgcp.sweep import gateway_of, sweep

_ENDPOINTS = ("Z", "Z2")
_ENTITIES = ("N", "RED/NL", "NL")
"""Whom a gateway is to turn to: one, or a list (RFC 3991)."""


def stamp(message: MgcpMessage, crossing: Crossing) -> None:
    """Write what is our own on this hop. @raises Refused where a gateway speaks in the name of another."""
    exchange = crossing.exchange
    if message.code is None:
        exchange.memo = remember(message)
        message.edits.replace(*message.number_span, exchange.token)
        name = name_of(message)
        _refuse_foreign(message, crossing, name)
        written = message.data[name.start : name.end]
        if message.verb != "RSIP":
            written = _write_domain(message, crossing, name)
        _note(message, crossing, name, written)
    else:
        memo: Memo = exchange.memo
        message.edits.replace(*message.number_span, memo.number)
    named: list[tuple[int, int]] = []
    for line in message.lines:
        if line.name in _ENDPOINTS:
            for start, end in _listed(message, line):
                name = endpoint(message.data, start, end)
                _write_domain(message, crossing, name)
                named.append((start, start + len(name.local)))
        elif line.name in _ENTITIES and line.start < line.end:
            _write_entity(message, crossing, line)
        elif line.name == "K" and line.start < line.end:
            message.edits.delete(line.line_start, line.line_end)  # these are numbers between neighbours
    _straighten(message)
    sweep(message, crossing, named)


def _straighten(message: MgcpMessage) -> None:
    """Leave out the blanks before the first parameter: others would take it for the continuation of nothing."""
    for line in message.lines[:1]:
        written = message.data[line.line_start : line.line_end]
        end = line.line_start + len(written) - len(written.lstrip(b" \t"))
        if end > line.line_start and message.edits.is_free(line.line_start, end):
            message.edits.delete(line.line_start, end)


def _refuse_foreign(message: MgcpMessage, crossing: Crossing, name: Name) -> None:
    """See that a gateway that commands does so by its own name: the call agent finds the gateway by it. What it
    registers by is the core's to judge. @raises Refused."""
    if message.verb == "RSIP" or crossing.here.side is not Side.ACCESS or not name.host or name.is_address:
        return
    gateway = gateway_of(crossing)
    if gateway is None or gateway.user != name.host.encode():
        raise Refused(Cause.FORBIDDEN, "that is another gateway's name", counted="foreign")


def _listed(message: MgcpMessage, line: Line) -> list[tuple[int, int]]:
    """The names of endpoints in one parameter: several where a wildcard was audited."""
    found, at = [], line.start
    for each in message.data[line.start : line.end].split(b","):
        start = at + len(each) - len(each.lstrip())
        found.append((start, at + len(each.rstrip())))
        at += len(each) + 1
    return [span for span in found if span[0] < span[1]]


def _write_domain(message: MgcpMessage, crossing: Crossing, name: Name) -> bytes:
    """Let the domain of an endpoint be what it is on the other side: in the core our own address stands for that of its
    gateway; to the gateway it is called as it calls itself. Names of domains are the same on both. Returns it."""
    before = message.data[name.start : name.end]
    if not name.host:
        return before
    host = name.host
    if crossing.there.side is Side.CORE:
        host = crossing.local.host if name.is_address else host
    elif crossing.registry.networks.is_ours(crossing.here, name.host):
        gateway = gateway_of(crossing)
        host = crossing.hop.peer.host if gateway is None else gateway.place.address.host
        known = gateway.route.hops[0] if gateway is not None and gateway.route.hops else b""
        if is_literal(host) and b"@" in known:  # to the octet as it had it, with the port that some write
            after = known[known.rfind(b"@") + 1 :]
            message.edits.replace(name.start, name.end, after)
            return after
    if host == name.host:
        return before
    bare = name.is_address and before[:1] != b"[" and ":" not in host
    after = host.encode() if bare else domain(host)
    message.edits.replace(name.start, name.end, after)
    return after


def _note(message: MgcpMessage, crossing: Crossing, name: Name, written: bytes) -> None:
    """How each side calls the endpoint of a call, for when the SBC has to speak of it."""
    call = crossing.call
    if message.verb == "CRCX" and call is not None:
        said = message.data[name.start : name.end]
        asker, asked = (written, said) if crossing.from_leg else (said, written)
        call.memo = CallMemo(asker, asked, crossing.intent.label)


def _write_entity(message: MgcpMessage, crossing: Crossing, line: Line) -> None:
    """Whom a gateway turns to: to it that is the SBC; what it repeats of that is said to the core as that has it."""
    found = entity(message.data, line.start, line.end) if line.name == "N" else None
    own = crossing.local
    if found is None:
        if crossing.there.side is Side.ACCESS:  # several, or what is none: neither is a gateway to find past us
            message.edits.replace(line.start, line.end, b"%b:%d" % (domain(own.host), own.port))
        return
    if crossing.there.side is Side.ACCESS:
        message.edits.replace(found.start, found.end, b"%b:%d" % (domain(own.host), own.port))
    elif crossing.registry.networks.is_ours(crossing.here, found.host):
        gateway, peer = gateway_of(crossing), crossing.hop.peer
        known = gateway.service.hops if gateway is not None else ()
        if known:
            message.edits.replace(line.start, line.end, known[0])
        else:
            message.edits.replace(found.start, found.end, b"%b:%d" % (domain(crossing.peer_host), peer.port))
    elif is_literal(found.host) and found.host not in crossing.there.addresses:
        message.edits.replace(found.start, found.end, b"%b:%d" % (domain(own.host), own.port))


def keys(message: MgcpMessage, crossing: Crossing) -> Keys:
    """What a stamped message is found by where it goes: `describe` would say the same of it there."""
    if message.code is not None:
        return Keys(b"", crossing.exchange.intent.exchange)
    return Keys(crossing.intent.call, crossing.exchange.token)
