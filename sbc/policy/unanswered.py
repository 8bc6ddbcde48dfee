"""Who was asked for credentials at one source and has shown none: counted, however many are asked at once."""

from __future__ import annotations

PATIENCE = 8.0
"""Seconds within which who is asked for credentials shows some, losses and all."""
FRESH = 600.0
"""Seconds for which it is remembered what was asked for in vain."""
FEW = 8
"""So many more than have shown some may be left at one source."""


class Unanswered:
    """Users and calls that were asked. What has been asked for twice `PATIENCE` at most counts as under way: a line
    concentrator registers all its lines before the first answer is there. Times are in seconds."""

    __slots__ = ("_asked", "_before", "_halved", "_left", "_shown", "_since", "_told")

    def __init__(self, now: float) -> None:
        self._asked = self._before = 0  # since the last turn, and between that and the one before
        self._left = self._shown = self._told = 0
        self._since = self._halved = now

    def ask(self, now: float) -> int:
        """One more is asked now. Returns how many more have been left than when this was asked last: only those of
        whom there are more than few, and more than of those who have shown some."""
        self._turn(now)
        self._asked += 1
        over = max(0, self._left - self._shown - FEW)
        more, self._told = max(0, over - self._told), over
        return more

    def answer(self) -> None:
        """One of them has shown some: of those asked longest ago, since it is only counted."""
        self._shown += 1
        if self._left:
            self._left -= 1
        elif self._before:
            self._before -= 1
        elif self._asked:
            self._asked -= 1

    def _turn(self, now: float) -> None:
        passed = now - self._since
        if passed < 0.0:  # the clock was set back
            self._since = self._halved = now
        elif passed >= PATIENCE:
            self._left += self._before
            self._before, self._asked, self._since = self._asked, 0, now
            if passed >= 2 * PATIENCE:
                self._left, self._before = self._left + self._before, 0
        if now - self._halved >= FRESH:
            self._left, self._shown, self._halved = self._left // 2, self._shown // 2, now
            self._told = min(self._told, self._left)
