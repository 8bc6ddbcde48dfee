"""What a dialect says where its protocol has nothing for it: no request, no answer, and a message stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sbc.core.address import Address
from sbc.core.message import Cause, Ending, Place, Refused, Slot
from sbc.core.orders import Listener
from sbc.core.question import Question
from sbc.core.secured import Secured
from sbc.policy.bandwidth import Possible


class Reticent:
    """Those functions of IDialect that a protocol need not have. A dialect is one, and says what its own has to say."""

    def parts(self, data: bytes) -> tuple[bytes, ...]:
        return (data,)

    def narrow(self, message: Any, slot: Slot, formats: tuple[int, ...] | None) -> bool:
        return False

    def curb(self, message: Any, possible: Possible) -> None:
        """What its sender could take stays as it is."""

    def secure(self, message: Any, slot: Slot, secured: Secured | None) -> bool:
        return False

    def remarks(self, message: Any) -> Sequence[tuple[str, str]]:
        return ()

    def apart(self, data: bytes, refused: Refused) -> Sequence[bytes]:
        return ()

    def in_name_of(self, answer: bytes, known: bytes, at: Address) -> bytes:
        return answer

    def pending(self, message: Any, source: Address) -> bytes | None:
        return None

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
        return None

    def release(
        self,
        call: bytes,
        member: bytes,
        to_asker: bool,
        memo: Any,
        place: Place,
        listener: Listener,
        token: bytes,
        ending: Ending,
    ) -> bytes | None:
        return None

    def word(self, why: Ending | Cause) -> str:
        return ""

    def inquire(
        self, answer: bytes, to_asker: bool, place: Place, listener: Listener, token: bytes, sequence: int | None
    ) -> bytes | None:
        return None

    def question(self, answer: bytes, to_asker: bool, memo: Any, number: int, control: bool = False) -> Question | None:
        return None

    def strip(self, message: Any, told: Collection[bytes]) -> bool:
        return True

    def beckon(self, opening: bytes, to_asker: bool, address: Address) -> bytes | None:
        return None

    def receipt(self, answer: bytes, place: Place, listener: Listener, token: bytes, sequence: int) -> bytes | None:
        return None

    def remember(self, message: Any) -> Any:
        return None

    def complete(self, message: Any, memo: Any) -> Any:
        return message

    def confirm(self, sent: bytes, reply: Any) -> bytes | None:
        return None

    def grant(self, message: Any, slot: Slot, seconds: int) -> None:
        """Nobody is told for how long."""

    def keep(self, answer: bytes) -> bytes:
        return b""

    def renew(
        self,
        message: Any,
        source: Address,
        kept: bytes,
        lives: Mapping[Slot, int],
        others: Sequence[tuple[Place, int]],
    ) -> bytes | None:
        return None

    def restore(self, sent: bytes, name: bytes, handle: bytes, listener: Listener, token: bytes) -> bytes | None:
        return None

    def give_back(self, sent: bytes, ending: Ending | None, token: bytes) -> bytes | None:
        return None

    def summon(self, call: bytes, place: Place, listener: Listener, token: bytes) -> bytes | None:
        return None

    def moved(self, sent: bytes, transport: str, address: Address) -> bytes:
        return sent
