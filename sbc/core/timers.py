"""Deadlines of whatever lives in the registry: at most one an owner, kept in one heap."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Final, Protocol

_SLACK: Final = 64  # entries that lead to nobody which are too few to be swept


Entry = list[Any]
"""When it surfaces, a number to tell it from others of the same moment, and its owner: None once it leads nowhere."""
_AT, _OWNER = 0, 2


class Timed(Protocol):
    """An owner of a deadline. `due` is when it wants to be woken, None for never."""

    due: float | None
    entry: Entry | None  # its live entry in the heap, which may surface earlier; the heap's own book-keeping


class Timers:
    """A heap that is cheap to postpone: a deadline moved later stays where it is and moves when it surfaces.

    An entry that was given up lets go of its owner at once: a call that has ended must not be kept in memory until the
    hour at which it would have been cut. Such entries are swept once they are more than half of the heap.
    """

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._tie = count()
        self._waiting = 0  # owners that have a deadline

    def __len__(self) -> int:
        """How many entries the heap holds, those that lead to nobody included."""
        return len(self._heap)

    def set(self, owner: Timed, at: float | None) -> None:
        """Give `owner` the deadline `at`, in place of any it had; None takes it away."""
        self._waiting += (at is not None) - (owner.due is not None)
        owner.due = at
        entry = owner.entry
        if entry is not None and (at is None or at < entry[_AT]):
            entry[_OWNER] = owner.entry = None
        if at is not None and owner.entry is None:
            owner.entry = [at, next(self._tie), owner]
            heappush(self._heap, owner.entry)
        if len(self._heap) > 2 * self._waiting + _SLACK:
            self._heap = [entry for entry in self._heap if entry[_OWNER] is not None]
            heapify(self._heap)

    def due(self, now: float) -> Iterator[Timed]:
        """Owners whose deadline has come, each with its deadline taken away. Owners may set new ones meanwhile."""
        while self._heap and self._heap[0][_AT] <= now:
            owner = heappop(self._heap)[_OWNER]
            if owner is None:
                continue
            owner.entry = None
            if owner.due > now:
                self.set(owner, owner.due)
                continue
            self.set(owner, None)
            yield owner

    def next(self) -> float | None:
        """When to look again, or None while nothing is pending."""
        while self._heap and self._heap[0][_OWNER] is None:
            heappop(self._heap)
        return self._heap[0][_AT] if self._heap else None

    def owners(self) -> builtins.set[int]:
        """The identities (`id()`) of all owners that will be woken; for the auditor."""
        return {id(entry[_OWNER]) for entry in self._heap if entry[_OWNER] is not None}
