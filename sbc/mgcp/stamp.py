"""What is our own in an MGCP message that crosses: the transaction's number, whose the endpoint is on that side, where
a gateway is to turn to, and acknowledgements (RFC 3435 sections 2.1.2, 2.1.4, 3.2.2.21)."""

from __future__ import annotations

from sbc.core.address import is_literal
from sbc.core.crossing import Crossing
from sbc.core.message import Keys
from sbc.core.realm import Side
from sbc.mgcp.codec import Line, MgcpMessage
from sbc.mgcp.describe import name_of, remember
from sbc.mgcp.memo import CallMemo, Memo
from sbc.mgcp.names import Name, domain, endpoint, entity
from sbc.mgcp.sweep import gateway_of, sweep

_ENDPOINTS = ("Z", "Z2")


def stamp(message: MgcpMessage, crossing: Crossing) -> None:
    """Write what is our own on this hop."""
    exchange = crossing.exchange
    if message.code is None:
        exchange.memo = remember(message)
        message.edits.replace(*message.number_span, exchange.token)
        name = name_of(message)
        written = message.data[name.start : name.end]
        if message.verb != "RSIP":
            written = _write_domain(message, crossing, name)
        _note(message, crossing, name, written)
    else:
        memo: Memo = exchange.memo
        message.edits.replace(*message.number_span, memo.number)
    for line in message.lines:
        if line.name in _ENDPOINTS:
            for start, end in _listed(message, line):
                _write_domain(message, crossing, endpoint(message.data, start, end))
        elif line.name == "N":
            _write_entity(message, crossing, line)
        elif line.name == "K" and line.start < line.end:
            message.edits.delete(line.line_start, line.line_end)  # these are numbers between neighbours
    sweep(message, crossing)


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
        call.memo = CallMemo(message.data[name.start : name.end], written)
        if crossing.from_leg:
            call.memo = CallMemo(written, message.data[name.start : name.end])


def _write_entity(message: MgcpMessage, crossing: Crossing, line: Line) -> None:
    """Whom a gateway turns to: to it that is the SBC; what it repeats of that is said to the core as that has it."""
    found = entity(message.data, line.start, line.end)
    if found is None:
        return
    if crossing.there.side is Side.ACCESS:
        own = crossing.local
        message.edits.replace(found.start, found.end, b"%b:%d" % (domain(own.host), own.port))
    elif crossing.registry.networks.is_ours(crossing.here, found.host):
        gateway, peer = gateway_of(crossing), crossing.hop.peer
        known = gateway.service.hops if gateway is not None else ()
        if known:
            message.edits.replace(line.start, line.end, known[0])
        else:
            message.edits.replace(found.start, found.end, b"%b:%d" % (domain(crossing.peer_host), peer.port))
    elif is_literal(found.host) and found.host not in crossing.there.addresses:
        own = crossing.local
        message.edits.replace(found.start, found.end, b"%b:%d" % (domain(own.host), own.port))


def keys(message: MgcpMessage, crossing: Crossing) -> Keys:
    """What a stamped message is found by where it goes: `describe` would say the same of it there."""
    if message.code is not None:
        return Keys(b"", crossing.exchange.intent.exchange)
    return Keys(crossing.intent.call, crossing.exchange.token)
