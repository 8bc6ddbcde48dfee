"""The SIP messages that the SBC writes itself: its answers, and the CANCEL and ACK of its own hop."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from sbc.core.address import Address, bracketed
from sbc.core.message import BadMessage, Cause, Ending, Place, Refused
from sbc.core.orders import Listener
from sbc.sip.codec import BadSip, SipMessage, decode
from sbc.sip.describe import rseq_of
from sbc.sip.headers import vias
from sbc.sip.stamp import own_via, received_vias
from sbc.text import q850

_CAUSES: Final = {
    Cause.NOT_FOUND: (404, b"Not Found"),
    Cause.NO_CALL: (481, b"Call/Transaction Does Not Exist"),
    Cause.FORBIDDEN: (403, b"Forbidden"),
    Cause.UNBOUND: (403, b"Forbidden"),
    Cause.BUSY: (503, b"Service Unavailable"),
    Cause.ENGAGED: (486, b"Busy Here"),
    Cause.RATE: (503, b"Service Unavailable"),
    Cause.BANDWIDTH: (488, b"Not Acceptable Here"),
    Cause.QUOTA: (402, b"Payment Required"),
    Cause.DENIED: (403, b"Forbidden"),
    Cause.NO_PORTS: (503, b"Service Unavailable"),
    Cause.LOOP: (483, b"Too Many Hops"),
    Cause.MERGED: (482, b"Loop Detected"),
    Cause.TIMEOUT: (408, b"Request Timeout"),
    Cause.UNREACHABLE: (503, b"Service Unavailable"),
    Cause.ABSENT: (480, b"Temporarily Unavailable"),
    Cause.FLOW: (430, b"Flow Failed"),  # RFC 5626 section 5.3.1
    Cause.UNSUPPORTED: (501, b"Not Implemented"),
    Cause.SECURITY: (488, b"Not Acceptable Here"),
    Cause.WITHDRAWN: (487, b"Request Terminated"),
    Cause.DRAINING: (503, b"Service Unavailable"),
    Cause.SEALED: (403, b"Forbidden"),
    Cause.BRIEF: (422, b"Session Interval Too Small"),
}
_WARNINGS: Final = {Cause.BANDWIDTH: 370}
"""Warnings that have a number of their own (RFC 3261 section 20.43): insufficient bandwidth; others are 399."""
_METHODS: Final = (
    b"INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, MESSAGE, SUBSCRIBE, NOTIFY, PRACK, UPDATE, REFER, PUBLISH"
)


def reply(
    message: SipMessage, status: int, reason: bytes, source: Address, extra: tuple[bytes, ...] = (), tagged: bool = True
) -> bytes | None:
    """Our answer to a request that came from `source`; None for an ACK, or where it has no Via to answer by.

    Headers that could not be read are given back as they came.
    """
    if message.method == "ACK" or message.first("via") is None:
        return None
    try:
        via_lines = [b"Via: " + value for value in received_vias(message, source)]
    except BadMessage:
        via_lines = [b"Via: " + message.data[header.start : header.end] for header in message.all("via")]
    to = message.value("to") or b""
    if tagged and to and not _is_inside(message):
        to += (
            b";tag="
            + blake2b(b"\0".join((*via_lines[:1], message.value("call-id") or b"")), digest_size=8).hexdigest().encode()
        )
    lines = [b"SIP/2.0 %d %b" % (status, reason), *via_lines]
    for name, value in ((b"From", message.value("from")), (b"To", to)):
        if value:
            lines.append(name + b": " + value)
    for name, value in ((b"Call-ID", message.value("call-id")), (b"CSeq", message.value("cseq"))):
        if value:
            lines.append(name + b": " + value)
    lines += [*extra, b"Content-Length: 0", b"", b""]
    return b"\r\n".join(lines)


def refuse(message: SipMessage, refused: Refused, source: Address) -> bytes | None:
    """The answer that says why the SBC will not take a request across."""
    if refused.cause is Cause.TIMEOUT and message.method != "INVITE":
        return None  # the asker's own timer has run out as well (RFC 4320 section 4.2)
    status, phrase = _CAUSES[refused.cause]
    why = refused.why.encode("ascii", "replace").replace(b'"', b"'")
    extra = [b'Warning: %d sbc "%b"' % (_WARNINGS.get(refused.cause, 399), why)]
    if refused.retry_after is not None:
        name = b"Min-SE" if refused.cause is Cause.BRIEF else b"Retry-After"
        extra.append(b"%b: %d" % (name, refused.retry_after))
    if message.method == "INVITE" and not _is_inside(message):  # RFC 6432: gateways to ISUP go by it
        extra.append(b"Reason: " + q850.reason(refused.ending or refused.cause))
    return reply(message, status, phrase, source, tuple(extra))


def _is_inside(message: SipMessage) -> bool:
    """Whether a request is one in a dialogue, which goes on however it is answered."""
    return b"tag=" in (message.value("to") or b"").rpartition(b">")[2].lower()


def complain(bad: BadMessage, source: Address) -> bytes | None:
    """The 400 (or 505) to a request that could not be read; None if it could not even be told from noise."""
    if not isinstance(bad, BadSip) or bad.partial is None or not bad.partial.is_request:
        return None
    return reply(bad.partial, bad.status, bad.reason.encode("ascii", "replace"), source)


def accept(message: SipMessage, source: Address) -> bytes | None:
    """200 OK to what the SBC has done itself."""
    return reply(message, 200, b"OK", source, (b"Allow: " + _METHODS,) if message.method == "OPTIONS" else ())


def pending(message: SipMessage, source: Address) -> bytes | None:
    """100 Trying to an INVITE, None to others (RFC 3261 section 17.2.1, RFC 4320)."""
    return reply(message, 100, b"Trying", source, tagged=False) if message.method == "INVITE" else None


def withdraw(sent: bytes, asked: SipMessage | None, ending: Ending | None = None) -> bytes:
    """The CANCEL of the INVITE `sent` (RFC 3261 section 9.1), with the reasons of the one that came (RFC 3326), or
    where we take it back ourselves with ours."""
    reasons = [] if asked is None else [b"Reason: " + asked.data[h.start : h.end] for h in asked.all("reason")]
    if asked is None and ending is not None:
        reasons = [b"Reason: " + q850.reason(ending)]
    return _same_hop(decode(sent), b"CANCEL", None, reasons)


def moved(sent: bytes, transport: str, address: Address) -> bytes:
    """The request `sent`, as another socket of ours sends it: another transport and address in its Via."""
    message = decode(sent)
    top = vias(message)[0]
    via = message.data[top.start : top.end]
    _, semicolon, params = via.partition(b";")
    spoken = b"SIP/2.0/%b %b:%d" % (transport.upper().encode(), bracketed(address.host).encode(), address.port)
    moved_via = spoken + semicolon + params
    if message.first("content-length") is None:  # which a stream needs
        line = b"Content-Length: %d" % (message.body_end - message.body_start)
        message.edits.insert(message.all("via")[0].line_start, line + message.eol)
    message.edits.replace(top.start, top.end, moved_via)
    return message.edits.apply(sent)


def confirm(sent: bytes, answer: SipMessage) -> bytes | None:
    """The ACK of our hop to a failure of the INVITE `sent`, None for other methods (RFC 3261 section 17.1.1.3)."""
    request = decode(sent)
    return (
        _same_hop(request, b"ACK", answer.value("to")) if request.method == "INVITE" and answer.status >= 300 else None
    )


def close(
    answer: bytes,
    to_asker: bool,
    place: Place,
    listener: Listener,
    token: bytes,
    sequence: int | None,
    ending: Ending | None = None,
) -> bytes | None:
    """A BYE in the dialogue that the 2xx `answer` to an INVITE has begun, with its reason, or the ACK to it.

    RFC 3261 sections 12.2.1.1, 13.2.2.4, 15.1.1; RFC 3326.
    """
    method = "ACK" if sequence is None else "BYE"
    more = () if ending is None else (b"Reason: " + q850.reason(ending),)
    return inside(decode(answer), method, to_asker, place, listener, token, sequence, more)


def inquire(
    answer: bytes, to_asker: bool, place: Place, listener: Listener, token: bytes, sequence: int | None
) -> bytes | None:
    """An OPTIONS in the dialogue that the 2xx `answer` to an INVITE has begun: whoever does not know it says 481.

    RFC 3261 sections 11 and 12.2.2. It refreshes no target and no session, and every phone answers it with something.
    """
    more = (b"Accept: application/sdp",)
    return inside(decode(answer), "OPTIONS", to_asker, place, listener, token, sequence, more)


def receipt(answer: bytes, place: Place, listener: Listener, token: bytes, sequence: int) -> bytes | None:
    """The PRACK of a reliable provisional `answer` (RFC 3262 section 4)."""
    message = decode(answer)
    number, method = message.cseq
    rack = b"RAck: %d %d %b" % (rseq_of(message), number, method.encode())
    return inside(message, "PRACK", False, place, listener, token, sequence, (rack,))


def inside(
    answer: SipMessage,
    method: str,
    to_asker: bool,
    place: Place,
    listener: Listener,
    token: bytes,
    sequence: int | None,
    more: Sequence[bytes] = (),
) -> bytes | None:
    """A request in the dialogue of `answer`, numbered as the INVITE was where `sequence` is None."""
    if answer.method != "INVITE":
        return None
    from_, to = answer.value("from") or b"", answer.value("to") or b""
    if to_asker:
        from_, to = to, from_
    number = answer.cseq[0] if sequence is None else sequence
    lines = [
        b"%b %b SIP/2.0" % (method.encode(), place.name),
        b"Via: " + own_via(listener, token),
        *([b"Route: " + b", ".join(place.route.hops)] if place.route.hops else []),
        b"Max-Forwards: 70",
        b"From: " + from_,
        b"To: " + to,
        b"Call-ID: " + (answer.value("call-id") or b""),
        b"CSeq: %d %b" % (number, method.encode()),
        *more,
        b"Content-Length: 0",
        b"",
        b"",
    ]
    return b"\r\n".join(lines)


def _same_hop(request: SipMessage, method: bytes, to: bytes | None, more: Sequence[bytes] = ()) -> bytes:
    lines = [
        b"%b %b SIP/2.0" % (method, request.data[request.uri_start : request.uri_end]),
        b"Via: " + (request.value("via") or b""),
        *(b"Route: " + request.data[header.start : header.end] for header in request.all("route")),
        b"Max-Forwards: 70",
        b"From: " + (request.value("from") or b""),
        b"To: " + (to or request.value("to") or b""),
        b"Call-ID: " + (request.value("call-id") or b""),
        b"CSeq: %d %b" % (request.cseq[0], method),
        *more,
        b"Content-Length: 0",
        b"",
        b"",
    ]
    return b"\r\n".join(lines)
