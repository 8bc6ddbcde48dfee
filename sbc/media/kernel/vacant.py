"""The slots that serve no flow: one that has served rests before it does again, for a program may still look at it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

REST = 1_000_000_000
"""Nanoseconds a slot rests; a program that still looks at it needs microseconds."""


class Vacant:
    """The vacant ones of the slots from 1 on. Those that never served cost nothing to know of; one that has served is
    taken before them, since its memory is there already."""

    def __init__(self, room: int, taken: Collection[int]) -> None:
        """`room`: how many slots there are. `taken`: those that serve."""
        self._unused = (slot for slot in range(1, room + 1) if slot not in taken)
        self._never = room - len(taken)  # how many of these there are
        self._resting: deque[tuple[int, int]] = deque()  # until when, and which

    def take(self, now: int) -> int:
        """One of them; `now` as `rest` has it. @raises OSError where there is none."""
        if self._resting and self._resting[0][0] <= now:
            return self._resting.popleft()[1]
        slot = next(self._unused, 0)
        if not slot:
            raise OSError(105, "no slot is free")  # ENOBUFS
        self._never -= 1
        return slot

    def rest(self, slot: int, now: int) -> None:
        """Give one back; `now` in nanoseconds of a clock that never goes back."""
        self._resting.append((now + REST, slot))

    def __len__(self) -> int:
        return self._never + len(self._resting)
