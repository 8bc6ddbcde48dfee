"""What the registrar front writes into REGISTER and its answers, and its own answers (RFC 3261 section 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sbc.core.address import Address
from sbc.core.message import Place, Slot
from sbc.sip.codec import SipMessage, decode
from sbc.sip.describe import expires_of
from sbc.sip.headers import NameAddr
from sbc.sip.replies import reply
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
