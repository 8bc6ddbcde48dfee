"""What befalls many exchanges at once is seen to for a few of them in a turn; the others have their turns soon."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import attrs

from sbc.core.exchange import Exchange, Hop
from sbc.core.hops import Neighbour

AT_ONCE = 10
"""Exchanges that are seen to in a turn: to send one elsewhere takes a call's first message again."""
PAUSE = 0.002
"""Seconds between turns, in which messages are read."""


@attrs.frozen
class Left:
    """An exchange that has lost whom it was sent to: there is no connection to `hop`, or `neighbour` has died in
    silence."""

    exchange: Exchange
    why: str
    hop: Hop | None = None
    neighbour: Neighbour | None = None


class Backlog:
    """Those whose turn has not come yet. `due` and `entry` are the timer's, as long as there is one of them."""

    def __init__(self) -> None:
        self._waiting: deque[Left] = deque()
        self._taken = 0
        self.due: float | None = None
        self.entry: list[Any] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, left: Iterable[Left]) -> None:
        """They are to be seen to, after all others."""
        self._waiting.extend(left)

    def take(self) -> Left:
        """The next. @raises IndexError where there is none."""
        self._taken += 1
        return self._waiting.popleft()

    def next(self, now: float) -> float | None:
        """When to take another, after one was taken; None where there is none."""
        if not self._waiting:
            return None
        return now if self._taken % AT_ONCE else now + PAUSE
