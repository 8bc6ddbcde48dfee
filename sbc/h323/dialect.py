"""H.323 as a dialect of the core's loop: its functions, gathered behind IDialect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage, Cause, Ending, Intent, Keys, Phase, Place, Refused, Slot, Timing
from sbc.core.orders import Listener
from sbc.core.question import Question
from sbc.core.reticent import Reticent
from sbc.core.secured import Secured
from sbc.h323 import alive, answers, describe, features, leave, memo, registrar, release, separate, shown, slots, stamp
from sbc.h323.apart import apart
from sbc.h323.carried import unwrap, wrap
from sbc.h323.codec import Wire, decode
from sbc.h323.memo import CallMemo, Memo
from sbc.h323.message import H323Message
from sbc.h323.naming import GUID, calls_help
from sbc.h323.narrow import Narrowing
from sbc.h323.ras import LINGER, NUMBERS, REQUESTS
from sbc.h323.securing import Securing
from sbc.interfaces import IDialect
from sbc.policy.bandwidth import Possible
from sbc.text import q850

T303 = 15.0
"""Seconds for a first answer to a Setup: a gatekeeper may have asked others before it says anything."""


@implementer(IDialect)
class H323Dialect(Reticent):
    """H.225.0: RAS over datagrams, call signalling over connections. `patience` is how long a call may ring, in seconds
    (timer T301), `emergency` what is called for help."""

    name = "h323"
    numbers = NUMBERS
    parted = True
    references = 32_767

    def __init__(self, patience: float = 180.0, emergency: Iterable[str] = ()) -> None:
        self._emergency = frozenset(emergency)
        self._setup = Timing(T303, T303, T303, LINGER, patience, quiet=True, confirmed=True, repeat=T303, blunt=True)

    def decode(self, data: bytes) -> H323Message:
        message = decode(data)
        held = unwrap(message)
        return H323Message(message) if held is None else H323Message(held, carried=True, came=data)

    def encode(self, message: H323Message) -> bytes:
        return message.encode()

    def describe(self, message: H323Message) -> Intent:
        intent = describe.describe(message)
        intent.urgent = bool(intent.heralds) and calls_help(intent.called, self._emergency)
        return intent

    def slots(self, message: H323Message) -> list[Slot]:
        return slots.slots(message)

    def fill(self, message: H323Message, slot: Slot, place: Place) -> None:
        slots.fill(message, slot, place)

    def narrow(self, message: H323Message, slot: Slot, formats: tuple[int, ...] | None) -> bool:
        message.narrowing = message.narrowing or Narrowing()
        return message.narrowing.keep(slot, formats)

    def curb(self, message: H323Message, possible: Possible) -> None:
        message.narrowing = message.narrowing or Narrowing()
        message.narrowing.able = possible

    def secure(self, message: H323Message, slot: Slot, secured: Secured | None) -> bool:
        if slot.one_way is None:
            return False
        message.securing = message.securing or Securing()
        place = next(place for place, pdu in enumerate(message.message.pdus) if pdu is slot.at.pdu)
        message.securing.channels[place] = secured
        return True

    def stamp(self, message: H323Message, crossing: Crossing) -> None:
        stamp.stamp(message, crossing)

    def remarks(self, message: H323Message) -> list[tuple[str, str]]:
        resized = message.message.resized
        return [*message.remarks, ("resized", "; ".join(resized))] if resized else message.remarks

    def keys(self, message: H323Message, crossing: Crossing) -> Keys:
        return stamp.keys(message, crossing)

    def keep_memo(self, kept: Memo | None) -> bytes:
        return memo.keep(kept)

    def recall_memo(self, data: bytes) -> Memo | None:
        return memo.recall(data)

    def refuse(self, message: H323Message, refused: Refused, source: Address) -> bytes | None:
        if not _is_ras(message):
            return release.refuse(message, refused)
        return _carry(message, answers.refuse(message, refused))

    def apart(self, data: bytes, refused: Refused) -> tuple[bytes, ...]:
        return apart(data, refused)

    def complain(self, bad: BadMessage, source: Address) -> bytes | None:
        return None

    def accept(self, message: H323Message, source: Address) -> bytes | None:
        return _carry(message, answers.accept(message)) if _is_ras(message) else None

    def withdraw(self, sent: bytes, asked: H323Message | None, ending: Ending | None = None) -> bytes:
        return release.withdraw(sent, asked, ending)

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
        return None if sequence is None else release.close(answer, to_asker, ending)

    def word(self, why: Ending | Cause) -> str:
        return f"Q.850 {q850.cause(why)}"

    def question(
        self, answer: bytes, to_asker: bool, memo: CallMemo | None, number: int, control: bool = False
    ) -> Question | None:
        return alive.question(answer, to_asker, memo, number, control)

    def strip(self, message: H323Message, told: Collection[bytes]) -> bool:
        return alive.strip(message, told)

    def beckon(self, opening: bytes, to_asker: bool, address: Address) -> bytes | None:
        return separate.beckon(opening, to_asker, address)

    def grant(self, message: H323Message, slot: Slot, seconds: int) -> None:
        registrar.grant(message, seconds)

    def keep(self, answer: bytes) -> bytes:
        held = unwrap(decode(answer))
        return registrar.keep(answer if held is None else held.data)

    def renew(
        self,
        message: H323Message,
        source: Address,
        kept: bytes,
        lives: Mapping[Slot, int],
        others: Sequence[tuple[Place, int]],
    ) -> bytes | None:
        return _carry(message, registrar.renew(message, kept, lives))

    def unbind(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return registrar.unbind(sent, handle, token)

    def give_back(self, sent: bytes, ending: Ending | None, token: bytes) -> bytes | None:
        return leave.give_back(sent, ending, token)

    def probe(self, place: Place, listener: Listener, token: bytes) -> bytes:
        asked = registrar.probe(place, listener, token)
        return wrap(asked) if listener.reliable else asked

    def summon(self, call: bytes, place: Place, listener: Listener, token: bytes) -> bytes | None:
        return features.incoming_call(int(token), call, listener.advertised) if len(call) == GUID else None

    def timing(self, intent: Intent) -> Timing:
        if intent.method == "setup":
            return self._setup
        return REQUESTS.get(intent.method, REQUESTS["registrationRequest"]).timing

    def tell(self, data: bytes) -> str:
        return shown.tell(data)

    def mask(self, data: bytes) -> bytes:
        return shown.mask(data)

    def quoted(self, data: bytes) -> bytes | None:
        try:
            intent = describe.describe(self.decode(data))
        except BadMessage:
            return None
        return intent.exchange if intent.phase is Phase.REQUEST else None


def _is_ras(message: H323Message) -> bool:
    return message.message.wire is Wire.RAS


def _carry(message: H323Message, answer: bytes | None) -> bytes | None:
    """What answers a message, by the way that it came."""
    return wrap(answer) if message.carried and answer is not None else answer
