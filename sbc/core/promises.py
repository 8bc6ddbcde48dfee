"""Calls that somebody has been given leave for, and where they are to go: kept until they come, or for a minute."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.address import Address

LASTS = 60.0
"""Seconds from the leave to the call."""
MOST = 20_000

Key = tuple[str, str, bytes]
"""The realm and host of who has leave, and what the call is called everywhere."""


class Promise(NamedTuple):
    """Where the call is to go, whose it is (a binding's id, or empty), and until when that is believed."""

    to: Address
    binding: str
    until: float


class Promises:
    """What answers have promised. Bounded: of too many the oldest is forgotten."""

    def __init__(self) -> None:
        self._kept: dict[Key, Promise] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, key: Key, to: Address, binding: str, now: float) -> None:
        """A call of that name may come, and is then to go to `to`."""
        self._kept.pop(key, None)
        self._kept[key] = Promise(to, binding, now + LASTS)
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    def find(self, key: Key, now: float) -> Promise | None:
        """What was promised, if it still holds. It holds for an attempt that comes again, too."""
        while self._kept and next(iter(self._kept.values())).until <= now:  # the oldest stand first
            del self._kept[next(iter(self._kept))]
        return self._kept.get(key)
