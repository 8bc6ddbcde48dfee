"""MGCP as a dialect of the core's loop: its functions, gathered behind IDialect."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.crossing import Crossing
from sbc.core.message import (
    BadMessage,
    Cause,
    Ending,
    Intent,
    Keys,
    Place,
    Refused,
    Slot,
    Timing,
)
from sbc.core.orders import Listener
from sbc.core.reticent import Reticent
from sbc.core.secured import Secured
from sbc.interfaces import IDialect
from sbc.mgcp import codec, codes, describe, memo, said, shown, slots, stamp
from sbc.mgcp.codec import MgcpMessage
from sbc.mgcp.memo import CallMemo, Memo
from sbc.mgcp.options import DEFAULTS, MgcpOptions

_TIMING = Timing(first=0.5, cap=4.0, limit=20.0, linger=30.0, patience=30.0, prolonged=True, slow=5.0)
"""Retransmission as RFC 3435 section 3.5.3 has it: at most every 4 s, 20 s in all (T-MAX); what is known of a
transaction is kept for 30 s (T-HIST)."""
_QUOTED = re.compile(rb"[A-Z][A-Z0-9]{3}[ \t]++([0-9]{1,9})[ \t]", re.IGNORECASE)


@implementer(IDialect)
class MgcpDialect(Reticent):
    """MGCP over datagrams. `options` say for each access realm how its gateways are asked whether they live."""

    name = "mgcp"
    numbers = codec.NUMBERS
    parted = False
    references = 0

    def __init__(self, options: Mapping[str, MgcpOptions] | None = None) -> None:
        self._options = dict(options or {})

    def parts(self, data: bytes) -> tuple[bytes, ...]:
        return codec.parts(data)

    def decode(self, data: bytes) -> MgcpMessage:
        return codec.decode(data)

    def encode(self, message: MgcpMessage) -> bytes:
        for sdp in message.cache.get("sdp", ()):
            sdp.finish()
        if not message.edits:
            return message.data
        start, end = message.endpoint
        if message.code is None and end - start + message.edits.size_within(start, end) > codec.MAX_NAME:
            raise codec.BadMgcp("the endpoint's name is too long")
        data = message.edits.apply(message.data)
        if len(data) > codec.MAX_LINE:  # all else is far from what cannot be read
            codec.decode(data)
        return data

    def describe(self, message: MgcpMessage) -> Intent:
        return describe.describe(message)

    def slots(self, message: MgcpMessage) -> list[Slot]:
        return slots.slots(message)

    def fill(self, message: MgcpMessage, slot: Slot, place: Place) -> None:
        slots.fill(message, slot, place)

    def narrow(self, message: MgcpMessage, slot: Slot, formats: tuple[int, ...] | None) -> bool:
        return any(sdp.narrow(slot, formats) for sdp in message.cache["sdp"])

    def secure(self, message: MgcpMessage, slot: Slot, secured: Secured | None) -> bool:
        return any(sdp.secure(slot, secured) for sdp in message.cache["sdp"])

    def stamp(self, message: MgcpMessage, crossing: Crossing) -> None:
        stamp.stamp(message, crossing)

    def remarks(self, message: MgcpMessage) -> list[tuple[str, str]]:
        swept = message.cache.get("swept")
        return [("swept", swept)] if swept else []

    def keys(self, message: MgcpMessage, crossing: Crossing) -> Keys:
        return stamp.keys(message, crossing)

    def keep_memo(self, kept: Memo | CallMemo | None) -> bytes:
        return memo.keep(kept)

    def recall_memo(self, data: bytes) -> Memo | CallMemo | None:
        return memo.recall(data)

    def refuse(self, message: MgcpMessage, refused: Refused, source: Address) -> bytes | None:
        return said.refuse(message, refused)

    def complain(self, bad: BadMessage, source: Address) -> bytes | None:
        return said.complain(bad)

    def accept(self, message: MgcpMessage, source: Address) -> bytes | None:
        return said.accept(message)

    def withdraw(self, sent: bytes, asked: MgcpMessage | None, ending: Ending | None = None) -> bytes:
        """Nothing is taken back in MGCP; whoever is asked for it is told nothing."""
        return b""

    def release(
        self,
        call: bytes,
        member: bytes,
        to_asker: bool,
        memo: CallMemo | None,
        place: Place,
        listener: Listener,
        token: bytes,
        ending: Ending,
    ) -> bytes | None:
        return said.release(call, member, to_asker, memo, place, token, ending)

    def word(self, why: Ending | Cause) -> str:
        if isinstance(why, Cause):
            return f"MGCP {codes.OF_CAUSES[why]}"
        return f"MGCP reason {codes.REASONS.get(why, codes.OTHERWISE)[0]}"

    def remember(self, message: MgcpMessage) -> Memo:
        return describe.remember(message)

    def complete(self, message: MgcpMessage, kept: Memo | None) -> MgcpMessage:
        message.asked = kept
        return message

    def confirm(self, sent: bytes, reply: MgcpMessage) -> bytes | None:
        return said.acknowledge(reply)

    def renew(
        self,
        message: MgcpMessage,
        source: Address,
        kept: bytes,
        lives: Mapping[Slot, int],
        others: Sequence[tuple[Place, int]],
    ) -> bytes | None:
        return said.accept(message)

    def unbind(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return said.restart(sent, b"forced", token)

    def restore(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return said.restart(sent, b"disconnected", token)

    def probe(self, place: Place, listener: Listener, token: bytes) -> bytes:
        if listener.realm not in self._options and not place.route.hops:
            return said.notify(listener, token)
        options = self._options.get(listener.realm, DEFAULTS)
        return said.probe(options.keepalive.value.upper().encode(), options.endpoint.encode(), place, token)

    def timing(self, intent: Intent) -> Timing:
        return _TIMING

    def tell(self, data: bytes) -> str:
        return shown.tell(data)

    def mask(self, data: bytes) -> bytes:
        return shown.mask(data)

    def quoted(self, data: bytes) -> bytes | None:
        found = _QUOTED.match(codec.bare(data))
        return None if found is None else b"%d" % int(found[1])
