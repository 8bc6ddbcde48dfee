"""Deadlines of whatever lives in the registry: at most one an owner, kept in one heap."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Protocol

_SLACK = 64  # entries that lead to nobody which are too few to be swept


class Timed(Protocol):
    """An owner of a deadline. `due` is when it wants to be woken, None for never."""

    due: float | None
    entry: float | None  # when its live heap entry will surface; the heap's own book-keeping


class Timers:
    """A heap that is cheap to postpone: a deadline moved later stays where it is and moves when it surfaces.

    What leads to nobody any more is swept once it is more than half of the heap: a call that has ended must not be kept
    in memory until the hour at which it would have been cut.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._tie = count()
        self._waiting = 0  # owners that have a deadline

    def __len__(self) -> int:
        """How many entries the heap holds, those that lead to nobody included."""
        return len(self._heap)

    def set(self, owner: Timed, at: float | None) -> None:
        """Give `owner` the deadline `at`, in place of any it had; None takes it away."""
        self._waiting += (at is not None) - (owner.due is not None)
        owner.due = at
        if at is not None and (owner.entry is None or at < owner.entry):
            owner.entry = at
            heappush(self._heap, (at, next(self._tie), owner))
        if len(self._heap) > 2 * self._waiting + _SLACK:
            self._sweep()

    def due(self, now: float) -> Iterator[Timed]:
        """Owners whose deadline has come, each with its deadline taken away. Owners may set new ones meanwhile."""
        while self._heap and self._heap[0][0] <= now:
            at, _, owner = heappop(self._heap)
            if owner.entry != at:
                continue  # an earlier entry replaced this one
            owner.entry = None
            if owner.due is None:
                continue
            if owner.due > now:
                self.set(owner, owner.due)
                continue
            self.set(owner, None)
            yield owner

    def next(self) -> float | None:
        """When to look again, or None while nothing is pending."""
        while self._heap and (self._heap[0][2].entry != self._heap[0][0] or self._heap[0][2].due is None):
            at, _, owner = heappop(self._heap)
            if owner.entry == at:
                owner.entry = None
        return self._heap[0][0] if self._heap else None

    def owners(self) -> builtins.set[int]:
        """The identities (`id()`) of all owners that will be woken; for the auditor."""
        return {id(owner) for at, _, owner in self._heap if owner.entry == at and owner.due is not None}

    def _sweep(self) -> None:
        live: dict[int, tuple[float, int, Timed]] = {}
        for item in self._heap:
            at, _, owner = item
            if owner.entry == at:
                if owner.due is None:
                    owner.entry = None
                else:
                    live[id(owner)] = item
        self._heap = list(live.values())
        heapify(self._heap)
