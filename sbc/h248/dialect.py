"""H.248 (Megaco) as a dialect of the core's loop: its functions, gathered behind IDialect."""

from __future__ import annotations

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage, Cause, Ending, Intent, Keys, Place, Refused, Slot, Timing
from sbc.core.orders import Listener
from sbc.core.reticent import Reticent
from sbc.core.secured import Secured
from sbc.h248 import answers, describe, memo, quoted, requests, shown, slots, stamp, taken
from sbc.h248.causes import cause_of_ours
from sbc.h248.memo import CallMemo, Memo
from sbc.h248.taken import Taken
from sbc.interfaces import IDialect

NUMBERS = 4_294_967_295
"""How many transaction numbers there are; 0 is none (H.248.1 clause 8.2)."""
LONG_TIMER = 30.0
"""Seconds for which an answer is remembered: a transaction that comes again is carried out once (clause D.1)."""
_TIMING = Timing(first=0.5, cap=4.0, limit=20.0, linger=LONG_TIMER, patience=LONG_TIMER, prolonged=True)


@implementer(IDialect)
class H248Dialect(Reticent):
    """H.248.1, versions 1 to 3, in text and in binary."""

    name = "h248"
    numbers = NUMBERS
    parted = False
    references = 0

    def parts(self, data: bytes) -> tuple[bytes, ...]:
        return taken.parts(data)

    def decode(self, data: bytes) -> Taken:
        return taken.decode(data)

    def encode(self, message: Taken) -> bytes:
        return message.encode()

    def describe(self, message: Taken) -> Intent:
        return describe.describe(message)

    def slots(self, message: Taken) -> list[Slot]:
        return slots.slots(message)

    def fill(self, message: Taken, slot: Slot, place: Place) -> None:
        slots.fill(message, slot, place)

    def narrow(self, message: Taken, slot: Slot, formats: tuple[int, ...] | None) -> bool:
        return any(each.sdp.narrow(slot, formats) for each in message.descriptions)

    def secure(self, message: Taken, slot: Slot, secured: Secured | None) -> bool:
        return any(each.sdp.secure(slot, secured) for each in message.descriptions)

    def stamp(self, message: Taken, crossing: Crossing) -> None:
        stamp.stamp(message, crossing)

    def remarks(self, message: Taken) -> list[tuple[str, str]]:
        return message.remarks

    def keys(self, message: Taken, crossing: Crossing) -> Keys:
        return stamp.keys(message, crossing)

    def keep_memo(self, kept: Memo | CallMemo | None) -> bytes:
        return memo.keep(kept)

    def recall_memo(self, data: bytes) -> Memo | CallMemo | None:
        return memo.recall(data)

    def refuse(self, message: Taken, refused: Refused, source: Address) -> bytes | None:
        return answers.refuse(message, refused)

    def complain(self, bad: BadMessage, source: Address) -> bytes | None:
        return answers.complain(bad)

    def in_name_of(self, answer: bytes, known: bytes, at: Address) -> bytes:
        return answers.in_name_of(answer, known, at)

    def accept(self, message: Taken, source: Address) -> bytes | None:
        return answers.accept(message)

    def withdraw(self, sent: bytes, asked: Taken | None, ending: Ending | None = None) -> bytes:
        return sent  # nothing takes a transaction back; who has carried it out does not do so twice

    def release(
        self,
        call: bytes,
        member: bytes,
        to_asker: bool,
        kept: CallMemo | None,
        place: Place,
        listener: Listener,
        token: bytes,
        ending: Ending,
    ) -> bytes | None:
        return requests.release(call, member, to_asker, kept, listener, token, ending)

    def word(self, why: Ending | Cause) -> str:
        return f"H.248.8 {cause_of_ours(why)}"

    def remember(self, message: Taken) -> Memo:
        return memo.asked(message.message)

    def complete(self, message: Taken, kept: Memo | None) -> Taken:
        message.asked = kept
        return message

    def confirm(self, sent: bytes, reply: Taken) -> bytes | None:
        return answers.confirm(sent, reply)

    def keep(self, answer: bytes) -> bytes:
        return answer  # for whose answers it takes: `in_name_of`

    def unbind(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return requests.unbind(sent, token)

    def restore(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return requests.restore(sent, token)

    def probe(self, place: Place, listener: Listener, token: bytes) -> bytes:
        return requests.probe(place, listener, token)

    def timing(self, intent: Intent) -> Timing:
        return _TIMING

    def tell(self, data: bytes) -> str:
        return shown.tell(data)

    def mask(self, data: bytes) -> bytes:
        return shown.mask(data)

    def quoted(self, data: bytes) -> bytes | None:
        return quoted.quoted(data)

    def moved(self, sent: bytes, transport: str, address: Address) -> bytes:
        return taken.carried(sent, transport != "udp")
