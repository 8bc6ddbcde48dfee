"""What many may have and few use up: of too much of it goes the oldest of whoever has the most."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
T = TypeVar("T", bound=Hashable)


class Shares(Generic[Owner, T]):
    """Things in the order in which they came, by owner. Whatever it is asked costs the same, however many there are."""

    def __init__(self) -> None:
        self._of: dict[Owner, dict[T, None]] = {}
        self._having: dict[int, dict[Owner, None]] = {}  # how many: who
        self._most = self._all = 0

    def __len__(self) -> int:
        return self._all

    def __contains__(self, owner: object) -> bool:
        return owner in self._of

    def add(self, owner: Owner, thing: T) -> None:
        """One more, which is not there yet."""
        there = self._of.setdefault(owner, {})
        there[thing] = None
        self._all += 1
        self._count(owner, len(there) - 1, len(there))
        self._most = max(self._most, len(there))

    def drop(self, owner: Owner, thing: T) -> None:
        """The twin of `add`; nothing to do where it is not there."""
        there = self._of.get(owner, {})
        if thing not in there:
            return
        del there[thing]
        self._all -= 1
        self._count(owner, len(there) + 1, len(there))
        if not there:
            del self._of[owner]
        if self._most not in self._having:
            self._most -= 1

    def first(self) -> T:
        """What is to go first. @raises StopIteration where there is nothing."""
        owner = next(iter(self._having.get(self._most, ())))
        return next(iter(self._of[owner]))

    def _count(self, owner: Owner, before: int, now: int) -> None:
        if before:
            del self._having[before][owner]
            if not self._having[before]:
                del self._having[before]
        if now:
            self._having.setdefault(now, {})[owner] = None
