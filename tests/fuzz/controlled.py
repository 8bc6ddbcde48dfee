"""What the storms of protocols that control gateways have in common: gateways and who controls them answer what the
border has asked of them, or say something of their own; some of it comes from elsewhere, again, or spoilt.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from sbc.core.address import Address
from sbc.core.border import Border
from tests.fuzz.gale import Gale, Saying
from tests.fuzz.storm import STRANGER, Told


class Controlled(Gale):
    """Of both sides it is remembered what they were `asked`. `answers` is how often they say something to that, and
    `unreadable` what says that they cannot."""

    gateways: ClassVar[Sequence[Address]]
    answers: ClassVar[float]
    unreadable: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, border: Border, seed: int) -> None:
        super().__init__(border, seed)
        self.asked: dict[str, deque[Told]] = {name: deque(maxlen=40) for name in border.plan.realms}

    def settle(self) -> list[str]:
        left = super().settle()
        for table in self.asked.values():
            table.clear()
        return left

    def _next(self) -> Saying:
        random = self.random
        if self._recent and random.random() < 0.06:
            listener, source, data = random.choice(self._recent)
            return self._open(listener), source, data
        realm = random.choice(("access", "core"))
        listener, source, data = self._made(realm)
        if random.random() < 0.04:
            source = STRANGER if realm == "core" else random.choice(self.gateways)
        data = self._joined(data)
        if random.random() < 0.3:
            self.counted["spoilt"] += 1
            data = self._spoilt(data)
        return self._open(listener), source, data

    def _made(self, realm: str) -> Saying:
        if self.asked[realm] and self.random.random() < self.answers:
            told = self.random.choice(self.asked[realm])
            try:
                return told.listener, told.at, self._answered(told.data, realm)
            except self.unreadable:  # it was spoilt, and was passed on so
                self.counted["unreadable"] += 1
        return self._of_controller() if realm == "core" else self._of_gateway()

    def _joined(self, data: bytes) -> bytes:
        """What is said with it in one datagram, where that is a thing of its own in the protocol."""
        return data

    @abstractmethod
    def _spoilt(self, data: bytes) -> bytes:
        """A message spoilt."""

    @abstractmethod
    def _answered(self, data: bytes, realm: str) -> bytes:
        """An answer to what the border has said to somebody in a realm."""

    @abstractmethod
    def _of_gateway(self) -> Saying:
        """What a gateway says of its own accord."""

    @abstractmethod
    def _of_controller(self) -> Saying:
        """What is asked of gateways."""
