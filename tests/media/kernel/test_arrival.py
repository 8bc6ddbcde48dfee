"""How well what has come by the kernel has come: sums of slots, and what of them is new."""

from __future__ import annotations

from sbc.media.kernel.arrival import UNHEARD, Arrival
from sbc.media.meter import Tally

THEN = Arrival(Tally(100, 5, 2, 1, 3, 90, 400, 9_000, 700), 50, 2, 30, 1, 4)
NOW = Arrival(Tally(150, 6, 3, 1, 4, 130, 300, 9_900, 800), 80, 3, 30, 1, 6)


def test_what_was_recorded_and_what_came_since_are_the_whole() -> None:
    since = NOW.less(THEN)
    assert since == Arrival(Tally(50, 1, 1, 0, 1, 40, 300, 900, 800), 30, 1, 30, 1, 6)
    assert THEN.plus(since) == NOW


def test_what_was_missing_then_and_has_come_is_no_loss_below_nothing() -> None:
    late = Arrival(Tally(received=101, lost=4, gaps=2))
    assert late.less(Arrival(Tally(received=100, lost=5, gaps=2))).tally == Tally(received=1)


def test_nothing_is_nothing() -> None:
    assert NOW.less(UNHEARD) is NOW
    assert UNHEARD.plus(NOW) == NOW.plus(UNHEARD) == NOW
