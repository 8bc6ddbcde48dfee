"""How late the event loop is: the time between when something was due and when it was done."""

# What this class inherits from Twisted has no annotations, and mypy counts it as its own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from twisted.application.service import Service

EVERY = 0.25
"""Seconds between two looks."""
WINDOW = 60.0
"""Seconds for which the worst is remembered."""


class Lag(Service):
    """Looks at the clock again and again. `sum` and `count` of all delays, in seconds, and the `worst` of the last one
    to two minutes."""

    def __init__(self, reactor: Any) -> None:
        self.setName("lag")
        self._reactor = reactor
        self._due = 0.0
        self._call: Any = None
        self._turned = 0.0
        self._now = self._before = 0.0  # the worst of this minute and of the last
        self.sum = 0.0
        self.count = 0

    @property
    def worst(self) -> float:
        """The longest delay of late."""
        return max(self._now, self._before)

    def startService(self) -> None:
        super().startService()
        self._turned = self._reactor.seconds()
        self._wait()

    def stopService(self) -> None:
        super().stopService()
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _wait(self) -> None:
        self._due = self._reactor.seconds() + EVERY
        self._call = self._reactor.callLater(EVERY, self._look)

    def _look(self) -> None:
        now = self._reactor.seconds()
        late = max(0.0, now - self._due)
        self.sum += late
        self.count += 1
        if now - self._turned >= WINDOW:
            self._before, self._now, self._turned = self._now, 0.0, now
        self._now = max(self._now, late)
        self._wait()
