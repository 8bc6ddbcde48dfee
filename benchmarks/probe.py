"""How long a border holds up the setting up of a call: INVITE in to INVITE out, and 200 in to 200 out."""

from __future__ import annotations

import socket
from time import perf_counter

from benchmarks.load import CALLEE, CALLER, CALLER_SIDE, PORT, body
from tests import sip_messages as sip

_PATIENCE = 2.0  # seconds for one message; then the call does not count


def delays(caller: socket.socket, callee: socket.socket, calls: int, media: bool) -> list[float]:
    """Milliseconds a border adds to each of `calls` calls, one after the other; sorted. Both are bound to PORT."""
    for own in (caller, callee):
        own.settimeout(_PATIENCE)
    found = []
    for number in range(calls):
        try:
            found.append(_one(caller, callee, number, media))
        except TimeoutError:
            continue
    return sorted(found)


def _one(caller: socket.socket, callee: socket.socket, number: int, media: bool) -> float:
    name = b"probe-%d-%d" % (id(caller) % 100_000, number)
    invite = sip.message(
        b"INVITE sip:bob@%b:%d SIP/2.0" % (CALLER_SIDE.encode(), PORT),
        b"Via: SIP/2.0/UDP %b:%d;branch=z9hG4bK%b-1;rport" % (CALLER.encode(), PORT, name),
        b"Max-Forwards: 70",
        b'From: "Alice" <sip:alice@example.com>;tag=' + name,
        b"To: <sip:bob@example.com>",
        b"Call-ID: " + name,
        b"CSeq: 1 INVITE",
        b"Contact: <sip:alice@%b:%d>" % (CALLER.encode(), PORT),
        body=body(CALLER) if media else b"",
    )
    began = perf_counter()
    caller.sendto(invite, (CALLER_SIDE, PORT))
    asked, hop = _next(callee, b"INVITE ")
    there = perf_counter() - began
    answer = sip.answer(asked, CALLEE, body=body(CALLEE) if media else b"")
    began = perf_counter()
    callee.sendto(answer, hop)
    accepted, _ = _next(caller, b"SIP/2.0 200")
    back = perf_counter() - began
    for method, seq in ((b"ACK", 1), (b"BYE", 2)):
        routes = [line.replace(b"Record-Route", b"Route", 1) for line in _routes(accepted)[::-1]]
        request = sip.inside(invite, accepted, method, seq).replace(b"z9hG4bK", b"z9hG4bK" + name)
        first, _, rest = request.partition(b"\r\n")
        caller.sendto(b"\r\n".join((first, *routes, rest)), (CALLER_SIDE, PORT))
        heard, hop = _next(callee, method + b" ")
    callee.sendto(sip.answer(heard, CALLEE, body=b""), hop)
    _next(caller, b"SIP/2.0 200")
    return (there + back) * 1000


def _routes(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\r\n") if line.lower().startswith(b"record-route:")]


def _next(own: socket.socket, begins: bytes) -> tuple[bytes, tuple[str, int]]:
    """The next message that begins so; others are passed over. @raises TimeoutError."""
    while True:
        data, source = own.recvfrom(65_535)
        if data.startswith(begins):
            return data, source
