"""Watching the time of day: a step is told of once, in its direction, and what goes by the time of day follows."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import provider

from sbc.daytime import PACE, DaytimeService, Watch
from sbc.policy.rules import Rules

BEGAN = 1_800_000_000.0
HOURS = 7200.0


class Times:
    """A clock that is set, beside one that is not."""

    def __init__(self) -> None:
        self.reactor = Clock()
        self.set = 0.0

    def wall(self) -> float:
        return BEGAN + self.reactor.seconds() + self.set


def test_time_that_passes_is_no_step() -> None:
    times = Times()
    watch = Watch(times.wall, times.reactor.seconds)
    times.reactor.advance(1e6)
    times.set = 0.001  # NTP slews
    assert watch.look() == 0.0


@pytest.mark.parametrize("step", [HOURS, -HOURS, 1.0, -BEGAN])
def test_a_step_is_told_once(step: float) -> None:
    times = Times()
    watch = Watch(times.wall, times.reactor.seconds)
    times.set += step
    assert watch.look() == pytest.approx(step)
    assert watch.look() == 0.0
    assert watch.ahead == pytest.approx(BEGAN + step)


def test_rules_follow_and_others_are_told() -> None:
    times, rules, counted, told = Times(), Rules(), Counter[str](), list[float]()
    service = DaytimeService(times.reactor, times.wall, rules, counted)
    service.stepped.append(lambda: told.append(rules.ahead))
    said: list[str | None] = []

    @provider(ILogObserver)
    def watcher(event: LogEvent) -> None:
        said.append(formatEvent(event))

    globalLogPublisher.addObserver(watcher)
    try:
        service.startService()
        assert rules.ahead == BEGAN and not said
        times.reactor.pump([PACE] * 5)
        assert not told
        times.set = -HOURS
        times.reactor.pump([PACE] * 5)
        times.set = 0.0
        times.reactor.pump([PACE] * 5)
    finally:
        globalLogPublisher.removeObserver(watcher)
    assert told == [BEGAN - HOURS, BEGAN] and counted["clock-steps"] == 2
    assert [("back by 7200.0" in str(each), "on by 7200.0" in str(each)) for each in said] == [
        (True, False),
        (False, True),
    ]
    service.stopService()
    assert not times.reactor.getDelayedCalls()


def test_one_who_cannot_hear_of_it_keeps_it_from_nobody() -> None:
    """Neither from the others, nor from itself the next time."""
    times, counted, told = Times(), Counter[str](), list[str]()

    def fails() -> None:
        told.append("first")
        raise ValueError("a fault")

    service = DaytimeService(times.reactor, times.wall, Rules(), counted)
    service.stepped += [fails, lambda: told.append("second")]
    service.startService()
    for times.set in (HOURS, 0.0):
        times.reactor.pump([PACE] * 2)
    assert told == ["first", "second"] * 2 and counted["internal-error"] == 2
    service.stopService()
