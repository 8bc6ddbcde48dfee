"""What the registrar front writes into REGISTER and its answers, and its own answers (RFC 3261 section 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sbc.core.address import Address, bracketed
from sbc.core.message import Place, Slot
from sbc.core.orders import Listener
from sbc.sip.bulk import token_of
from sbc.sip.codec import SipMessage, decode
from sbc.sip.describe import expires_of
from sbc.sip.headers import NameAddr, name_addrs
from sbc.sip.replies import reply
from sbc.sip.stamp import own_via
from sbc.sip.terms import without_expires

_OF_THE_MOMENT = frozenset(
    (
        *("via", "from", "to", "call-id", "cseq", "contact", "expires", "content-length", "content-type", "date"),
        *("warning", "record-route", "retry-after", "timestamp", "authentication-info"),
        *("www-authenticate", "proxy-authenticate"),
    )
)
"""What a 200 says of itself alone, and what is not to be said twice (RFC 7615: a next nonce)."""
_MOST_KEPT = 2048  # octets of a binding's kept headers


def grant(message: SipMessage, slot: Slot, seconds: int) -> None:
    """Write the expiry of one contact, and let the Expires header, where there is one, not contradict it."""
    at: NameAddr = slot.at
    written = b";expires=%d" % seconds
    span = at.param_whole("expires")
    if span is None:
        message.edits.insert(at.end, written)
    else:
        message.edits.replace(*span, written)
    most = message.cache["granted"] = max(seconds, message.cache.get("granted", 0))
    for header in message.all("expires"):
        if expires_of(message.data[header.start : header.end]):
            message.edits.replace(header.start, header.end, b"%d" % most)


def keep(answer: bytes) -> bytes:
    """The header lines of a 200 that hold for every refresh too (P-Associated-URI, Require, Flow-Timer and such)."""
    message = decode(answer)
    lines = [
        message.data[header.line_start : header.line_end].rstrip()
        for header in message.headers
        if header.name not in _OF_THE_MOMENT
    ]
    while lines and sum(map(len, lines)) + 2 * len(lines) > _MOST_KEPT:
        lines.pop()
    return b"\r\n".join(lines)


def unbind(sent: bytes, name: bytes, listener: Listener, token: bytes) -> bytes | None:
    """A REGISTER that takes off the contact called `name` of the REGISTER `sent` (RFC 3261 section 10.2.2).

    Under a Call-ID of its own, so that its CSeq is in no order with the terminal's (section 10.3, step 7). Without
    credentials: the terminal's are for its own requests, and not ours to use.
    """
    message = decode(sent)
    values = [value for header in message.all("contact") for value in name_addrs(message, header) if not value.star]
    contact = next((value for value in values if value.uri.is_sip and token_of(value.uri) == name), None)
    if contact is None:
        return None
    host = bracketed(listener.advertised.host).encode()
    lines = [
        b"REGISTER %b SIP/2.0" % message.data[message.uri_start : message.uri_end],
        b"Via: " + own_via(listener, token),
        *(b"Route: " + message.data[header.start : header.end] for header in message.all("route")),
        b"Max-Forwards: 70",
        b"From: " + (message.value("from") or b""),
        b"To: " + (message.value("to") or b""),
        b"Call-ID: %b@%b" % (token, host),
        b"CSeq: 1 REGISTER",
        b"Contact: " + without_expires(contact) + b";expires=0",
        b"Content-Length: 0",
        b"",
        b"",
    ]
    return b"\r\n".join(lines)


def renew(
    message: SipMessage,
    source: Address,
    kept: bytes,
    lives: Mapping[Slot, int],
    others: Sequence[tuple[Place, int]],
) -> bytes | None:
    """The 200 to a REGISTER: its contacts as the terminal wrote them, each with what is left to it."""
    contacts = [b"Contact: " + without_expires(slot.at) + b";expires=%d" % seconds for slot, seconds in lives.items()]
    contacts += [b"Contact: <" + place.name + b">;expires=%d" % seconds for place, seconds in others]
    return reply(message, 200, b"OK", source, (*contacts, *([kept] if kept else [])))
