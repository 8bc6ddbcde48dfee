"""Until when the kernel forwards: as long as somebody renews it, for all flows at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.core.resume import SHORT

LEASE = SHORT
"""Seconds that the kernel goes on forwarding when nobody renews them: an absence in which nothing need be learned anew.
Who comes later would not believe the latches any more that it forwards by."""


class Lease:
    """``struct relay_lease`` in memory that the kernel's programs look into, and that outlives the process."""

    def __init__(self, at: Any, now: Callable[[], int]) -> None:
        """`now` has the nanoseconds of the clock that the programs go by."""
        self._at = at
        self._now = now
        self.since = 0
        """When it was taken up again after it had ended, on that clock; 0: it has not ended in this process's time."""

    def ended(self) -> bool:
        """Whether nobody has answered for what is forwarded for so long that it is not any more."""
        return bool(self._at.until <= self._now())

    def renew(self) -> int:
        """Let the kernel forward for `LEASE` seconds from now; how many packets it has left to the stack because nobody
        had renewed that, since it was asked last."""
        now, passed = self._now(), int(self._at.passed)
        if self._at.until <= now:
            self.since = self._at.anew = now  # what came meanwhile sockets have had
        self._at.until = now + int(LEASE * 1e9)
        self._at.passed = 0
        return passed

    def end(self) -> None:
        """Let the kernel forward nothing from now on."""
        self._at.until = self._now()

    @property
    def routes(self) -> int:
        """What was set in the system so that programs find routes: see lookups.py."""
        return int(self._at.routes)

    @routes.setter
    def routes(self, routes: int) -> None:
        self._at.routes = routes
