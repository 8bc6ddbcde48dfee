"""The event loop's delay: measured against when a look was due, summed up, and its worst forgotten after a while."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from sbc.admin.lag import EVERY, WINDOW, Lag


def test_a_loop_in_time_has_no_lag() -> None:
    clock = Clock()
    lag = Lag(clock)
    lag.startService()
    clock.pump([EVERY] * 8)
    assert (lag.count, lag.sum, lag.worst) == (8, 0.0, 0.0)
    lag.stopService()
    assert clock.getDelayedCalls() == []


def test_a_late_turn_is_summed_up_and_remembered_for_a_while() -> None:
    clock = Clock()
    lag = Lag(clock)
    lag.startService()
    clock.advance(EVERY + 0.5)
    assert lag.sum == lag.worst == pytest.approx(0.5)
    clock.pump([EVERY] * round(WINDOW / EVERY))
    assert lag.worst == pytest.approx(0.5)
    clock.pump([EVERY] * round(2 * WINDOW / EVERY))
    assert lag.worst == pytest.approx(0.0)
    assert lag.sum == pytest.approx(0.5)
    lag.stopService()


def test_one_that_never_ran_stops_too() -> None:
    Lag(Clock()).stopService()
