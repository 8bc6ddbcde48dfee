"""Which bans are in force below, and until when: so that what is over makes room, and all can be said again."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

Key = tuple[str, str, int]
"""Realm, host, and port, 0 for all of its ports."""


class Ledger:
    """Bans by their keys, with the time at which each ends."""

    def __init__(self, most: int) -> None:
        """`most`: how many there may be."""
        self._most = most
        self._ends: dict[Key, float] = {}
        self._order: list[tuple[float, Key]] = []  # one for each time that was ever said, the others are void

    def __len__(self) -> int:
        return len(self._ends)

    def __contains__(self, key: Key) -> bool:
        return key in self._ends

    def put(self, key: Key, until: float) -> bool:
        """Enter one, or let it end at another time; False where there is no room."""
        if key not in self._ends and len(self._ends) >= self._most:
            return False
        self._ends[key] = until
        heappush(self._order, (until, key))
        if len(self._order) > 2 * len(self._ends) + 1_000:  # mostly void
            self._order = sorted((until, key) for key, until in self._ends.items())
        return True

    def drop(self, key: Key) -> bool:
        """Take one out; whether it was there."""
        return self._ends.pop(key, None) is not None

    def over(self, now: float) -> list[Key]:
        """Take out those that have ended."""
        found = []
        while self._order and self._order[0][0] <= now:
            until, key = heappop(self._order)
            if self._ends.get(key) == until:
                del self._ends[key]
                found.append(key)
        return found

    def items(self) -> Iterator[tuple[Key, float]]:
        """All there are, each with its end."""
        yield from list(self._ends.items())
