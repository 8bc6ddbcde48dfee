"""What is to be looked at, and when: each thing once, the soonest first, only so many at a time."""

from __future__ import annotations

import heapq


class Agenda:
    """Names, each with the time it is due (seconds of any clock). No clock of its own."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def put(self, name: str, at: float) -> None:
        """Be reminded of it at `at`, or sooner where that is asked already."""
        if at < self._due.get(name, float("inf")):
            self._due[name] = at
            heapq.heappush(self._heap, (at, name))

    def drop(self, name: str) -> None:
        """Be reminded of it no more."""
        self._due.pop(name, None)

    def due(self, now: float, most: int) -> list[str]:
        """What is due, at most so much; it is taken off."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now and len(found) < most:
            at, name = heapq.heappop(self._heap)
            if self._due.get(name) == at:
                del self._due[name]
                found.append(name)
        return found

    def has_due(self, now: float) -> bool:
        """Whether there may be something due."""
        return bool(self._heap) and self._heap[0][0] <= now

    def __len__(self) -> int:
        return len(self._due)
