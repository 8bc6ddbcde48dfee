"""Watches the time of day, which others set: what goes by it is told; timers, calls and records go by another clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from sbc.policy.rules import Rules

PACE = 1.0
"""Seconds between two looks."""
STEP = 0.5
"""Seconds by which the time of day is off what it was reckoned to be, that are told of: NTP slews less in one look."""


class Watch:
    """Tells when the clock `wall` was set, by how far it is `ahead` of `steady`, which nobody sets."""

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall, self._steady = wall, steady
        self.ahead = wall() - steady()

    def look(self) -> float:
        """Seconds by which the clock was set since the last look; 0 where it was not."""
        before, self.ahead = self.ahead, self._wall() - self._steady()
        moved = self.ahead - before
        return moved if abs(moved) >= STEP else 0.0


class DaytimeService(Service):
    """Lets `rules` know the time of day. A step is logged, counted as ``clock-steps`` and told to `stepped`."""

    _log = Logger()

    def __init__(self, reactor: Any, wall: Callable[[], float], rules: Rules, counted: Counter[str]) -> None:
        """`reactor` provides IReactorTime by a clock that nobody sets."""
        self.name = "daytime"
        self._watch = Watch(wall, reactor.seconds)
        self._rules, self._counted = rules, counted
        self.stepped: list[Callable[[], None]] = []
        rules.ahead = self._watch.ahead
        self._looks = LoopingCall(self.look)
        self._looks.clock = reactor

    def startService(self) -> None:
        untyped: Any = super()
        untyped.startService()
        self._looks.start(PACE)

    def stopService(self) -> None:
        untyped: Any = super()
        untyped.stopService()
        if self._looks.running:
            self._looks.stop()

    def look(self) -> None:
        """See whether the clock was set."""
        moved = self._watch.look()
        self._rules.ahead = self._watch.ahead
        if not moved:
            return
        self._counted["clock-steps"] += 1
        self._log.warn(
            "the system's clock was set {way} by {seconds:.1f} s: timers, registrations and calls go on as they were",
            way="on" if moved > 0 else "back",
            seconds=abs(moved),
        )
        for tell in self.stepped:
            try:
                tell()
            except Exception:  # noqa: BLE001 - whatever it is, the others are to hear of it, and of the next step
                self._counted["internal-error"] += 1
                self._log.failure("a fault in telling that the clock was set")
