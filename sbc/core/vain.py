"""Attempts that were refused lately: who repeats one is refused again, and no second record is made of that."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from sbc.core.address import Address

LASTS = 32.0
"""Seconds for which a request is repeated to who does not answer (RFC 3261 section 17.1.1.2: 64 times 0.5 s)."""
MOST = 10_000
"""Attempts that are remembered, the latest."""


class Attempt(NamedTuple):
    """One request for a call: where it came from, and what it calls itself and its call."""

    realm: str
    source: Address
    call: bytes
    exchange: bytes


class Vain:
    """Those attempts, by when they were refused first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: OrderedDict[Attempt, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def is_new(self, attempt: Attempt, now: float) -> bool:
        """Whether it was not refused before; from now on it was."""
        while self._seen and next(iter(self._seen.values())) <= now - LASTS:
            self._seen.popitem(last=False)
        if attempt in self._seen:
            return False
        self._seen[attempt] = now
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return True
