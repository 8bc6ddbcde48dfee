"""How busy the process is, and whose turn it is then: each class of sources has its share of the processor.

What a message costs is measured by who deals with it. While there is time for all, nobody is held to a share.
"""

from __future__ import annotations

OVERHEAD = 8e-6
"""Seconds that reading a message costs before it is dealt with."""
DROPPED = 4e-6
"""Seconds that a message costs which is read and dropped."""
WINDOW = 0.1
"""Seconds over which it is summed up."""


class Share:
    """Time that one class may use in each second, once the process is busy. It is used first and counted afterwards."""

    __slots__ = ("at", "depth", "left", "part")

    def __init__(self, part: float) -> None:
        self.part = part
        self.depth = part / 2.0  # half a second's worth, for what comes in bursts
        self.left = self.depth
        self.at = 0.0

    def has(self, now: float, reserve: float = 0.0) -> bool:
        """Whether something is left beyond the part `reserve` that is kept for others."""
        if now > self.at:
            self.left = min(self.depth, self.left + (now - self.at) * self.part)
        self.at = now  # which is earlier where the clock was set back
        return self.left > reserve * self.depth

    def use(self, seconds: float) -> None:
        """It has been used. No more is owed than is had again in a tenth of a second: there may have been time."""
        self.left = max(self.left - seconds, -self.part / 10.0)


class Load:
    """What part of its time the process has lately been at work with messages: 0 to 1. Where more waits than can be
    read it has no time, whatever it does with it."""

    __slots__ = ("_began", "_used", "behind", "level")

    def __init__(self) -> None:
        self.level = 0.0
        self.behind: set[object] = set()  # sockets whose last turn was over before all was read
        self._began = self._used = 0.0

    def use(self, seconds: float, now: float) -> None:
        """So long was spent on a message that came at `now`, or a bit before."""
        self._used += seconds
        if now < self._began:  # the clock was set back
            self._began = now
        if now - self._began >= WINDOW:
            self._roll(now)

    def _roll(self, now: float) -> None:
        passed = now - self._began
        part = 1.0 if self.behind else min(self._used / passed, 1.0)
        # of a pause nothing is known but that it was one
        self.level = part if passed >= 5 * WINDOW else (self.level + part) / 2
        self._began, self._used = now, 0.0
        self.behind.clear()  # what is behind is soon there again
