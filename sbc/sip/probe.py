"""The request that asks a terminal only whether it lives: OPTIONS (RFC 3261 section 11)."""

from __future__ import annotations

from sbc.core.address import bracketed
from sbc.core.message import Place
from sbc.core.orders import Listener


def options(place: Place, listener: Listener, token: bytes) -> bytes:
    """An OPTIONS to a terminal, outside any dialogue, from one of our listeners.

    OPTIONS because every phone answers it with something (unlike line ends over UDP, RFC 5626 section 3.5.1), changes
    nothing, and rings nowhere.
    """
    ours = listener.advertised
    host = bracketed(ours.host).encode()
    at = place.name or b"sip:%b:%d" % (bracketed(place.address.host).encode(), place.address.port)
    lines = [
        b"OPTIONS " + at + b" SIP/2.0",
        b"Via: SIP/2.0/%b %b:%d;branch=z9hG4bK%b;rport" % (listener.transport.upper().encode(), host, ours.port, token),
        *([b"Route: " + b", ".join(place.route.hops)] if place.route.hops else []),
        b"Max-Forwards: 70",
        b"From: <sip:keepalive@" + host + b">;tag=" + token[:8],
        b"To: <" + at + b">",
        b"Call-ID: " + token,
        b"CSeq: 1 OPTIONS",
        b"Contact: <sip:%b:%d>" % (host, ours.port),
        b"Accept: application/sdp",
        b"Content-Length: 0",
        b"",
        b"",
    ]
    return b"\r\n".join(lines)
