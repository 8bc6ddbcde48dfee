"""SIP as a dialect of the core's loop: its functions, gathered behind IDialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.crossing import Crossing
from sbc.core.message import (
    BadMessage,
    Cause,
    Ending,
    Intent,
    Keys,
    Kind,
    Place,
    Refused,
    Slot,
    Timing,
)
from sbc.core.orders import Listener
from sbc.core.reticent import Reticent
from sbc.core.secured import Secured
from sbc.interfaces import IDialect
from sbc.sip import codec, describe, memos, probe, quoted, registrar, reliable, replies, shown, slots, stamp
from sbc.sip.codec import BadSip, SipMessage
from sbc.sip.emergency import is_emergency
from sbc.sip.memo import Memo
from sbc.sip.stun import Ping, ping_of, pong
from sbc.sip.urgency import urgency
from sbc.text import q850

T1 = 0.5  # seconds (RFC 3261 section 17.1.1.1)
T2 = 4.0
_LIMIT = 64 * T1
_MOST_ADDED = 8  # header lines that a crossing may add; there are not so many kinds of them


@implementer(IDialect)
class SipDialect(Reticent):
    """SIP over any transport. `patience` is how long an INVITE may ring, in seconds (timer C); `emergency` are the
    numbers and services that are called for help, `spaces` the namespaces of priorities that count (None: all)."""

    name = "sip"
    numbers = 0
    parted = False
    references = 0

    def __init__(
        self,
        patience: float = 180.0,
        linger: float = _LIMIT,
        emergency: Sequence[str] = (),
        spaces: Sequence[str] | None = None,
    ) -> None:
        self._emergency = emergency
        self._spaces = None if spaces is None else frozenset(each.encode() for each in spaces)
        self._invite = Timing(T1, _LIMIT, _LIMIT, linger, patience, quiet=True, confirmed=True, repeat=T2)
        self._other = Timing(T1, T2, _LIMIT, linger, _LIMIT)

    def decode(self, data: bytes) -> SipMessage:
        ping = ping_of(data)
        if ping is not None:
            raise ping
        return codec.decode(data)

    def encode(self, message: SipMessage) -> bytes:
        edits = message.edits
        for sdp in message.cache.get("sdp", ()):
            sdp.finish()
        if not edits:
            return message.data
        described = message.body_start < message.body_end
        grown = edits.size_within(message.body_start, message.body_end) if described else 0
        header = message.first("content-length")
        length = message.body_end - message.body_start + grown
        if header is None and message.cache.get("framed"):
            stamp.insert_after_via(message, b"Content-Length: %d" % length)
        elif header is not None and grown:
            edits.replace(header.start, header.end, b"%d" % length)
        data = edits.apply(message.data)
        after = message.cache.get("after", ())
        for change in after:
            data = change(data)
        if after or len(data) > codec.MAX_LINE or len(message.names) > codec.MAX_HEADERS - _MOST_ADDED:
            message.cache["read"] = describe.describe(codec.decode(data))  # all else is far from what cannot be read
        return data

    def describe(self, message: SipMessage) -> Intent:
        try:
            intent = describe.describe(message)
        except BadMessage as bad:
            _answerable(bad, message)
        if intent.kind is Kind.OPEN and intent.method == "INVITE":
            intent.urgent = is_emergency(describe.request_uri(message), self._emergency)
        if intent.priority and self._spaces is not None:
            intent.priority = urgency(message.value("resource-priority") or b"", self._spaces)
        return intent

    def slots(self, message: SipMessage) -> list[Slot]:
        try:
            return slots.slots(message)
        except BadMessage as bad:
            _answerable(bad, message)

    def fill(self, message: SipMessage, slot: Slot, place: Place) -> None:
        slots.fill(message, slot, place)

    def narrow(self, message: SipMessage, slot: Slot, formats: tuple[int, ...] | None) -> bool:
        return any(sdp.narrow(slot, formats) for sdp in message.cache["sdp"])

    def secure(self, message: SipMessage, slot: Slot, secured: Secured | None) -> bool:
        return any(sdp.secure(slot, secured) for sdp in message.cache["sdp"])

    def stamp(self, message: SipMessage, crossing: Crossing) -> None:
        stamp.stamp(message, crossing)

    def keep_memo(self, memo: Any) -> bytes:
        return memos.keep(memo)

    def recall_memo(self, data: bytes) -> Any:
        return memos.recall(data)

    def keys(self, message: SipMessage, crossing: Crossing) -> Keys:
        read: Intent | None = message.cache.get("read")
        return stamp.keys(message, crossing) if read is None else Keys(read.call, read.exchange)

    def refuse(self, message: SipMessage, refused: Refused, source: Address) -> bytes | None:
        return replies.refuse(message, refused, source)

    def complain(self, bad: BadMessage, source: Address) -> bytes | None:
        return pong(bad, source) if isinstance(bad, Ping) else replies.complain(bad, source)

    def pending(self, message: SipMessage, source: Address) -> bytes | None:
        return replies.pending(message, source)

    def accept(self, message: SipMessage, source: Address) -> bytes | None:
        return replies.accept(message, source)

    def withdraw(self, sent: bytes, asked: SipMessage | None, ending: Ending | None = None) -> bytes:
        return replies.withdraw(sent, asked, ending)

    def close(
        self,
        answer: bytes,
        to_asker: bool,
        place: Place,
        listener: Listener,
        token: bytes,
        sequence: int | None,
        ending: Ending | None = None,
    ) -> bytes | None:
        return replies.close(answer, to_asker, place, listener, token, sequence, ending)

    def word(self, why: Ending | Cause) -> str:
        return f"Q.850 {q850.cause(why)}" if isinstance(why, Ending) else ""

    def inquire(
        self, answer: bytes, to_asker: bool, place: Place, listener: Listener, token: bytes, sequence: int | None
    ) -> bytes | None:
        return replies.inquire(answer, to_asker, place, listener, token, sequence)

    def receipt(self, answer: bytes, place: Place, listener: Listener, token: bytes, sequence: int) -> bytes | None:
        return replies.receipt(answer, place, listener, token, sequence)

    def complete(self, message: SipMessage, memo: Memo) -> SipMessage:
        return reliable.complete(message, memo)

    def confirm(self, sent: bytes, reply: SipMessage) -> bytes | None:
        return replies.confirm(sent, reply)

    def grant(self, message: SipMessage, slot: Slot, seconds: int) -> None:
        registrar.grant(message, slot, seconds)

    def keep(self, answer: bytes) -> bytes:
        return registrar.keep(answer)

    def renew(
        self,
        message: SipMessage,
        source: Address,
        kept: bytes,
        lives: Mapping[Slot, int],
        others: Sequence[tuple[Place, int]],
    ) -> bytes | None:
        return registrar.renew(message, source, kept, lives, others)

    def tell(self, data: bytes) -> str:
        return shown.tell(data)

    def mask(self, data: bytes) -> bytes:
        return shown.mask(data)

    def quoted(self, data: bytes) -> bytes | None:
        return quoted.exchange_of(data)

    def moved(self, sent: bytes, transport: str, address: Address) -> bytes:
        return replies.moved(sent, transport, address)

    def unbind(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return registrar.unbind(sent, name, listener, token)

    def probe(self, place: Place, listener: Listener, token: bytes) -> bytes:
        return probe.options(place, listener, token)

    def timing(self, intent: Intent) -> Timing:
        return self._invite if intent.method == "INVITE" else self._other


def _answerable(bad: BadMessage, message: SipMessage) -> NoReturn:
    """Raise `bad` so that `complain` can answer it."""
    status = bad.status if isinstance(bad, BadSip) else 400
    raise BadSip(bad.reason, status, message if message.is_request else None) from bad
