"""Who was asked for credentials and shows none is counted, and who only takes its time is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.policy.unanswered import FEW, FRESH, PATIENCE, Unanswered


def test_very_many_at_once_are_nothing_as_long_as_they_answer() -> None:
    asked, found = Unanswered(0.0), 0
    for number in range(500):
        found += asked.ask(number / 100)
    for _ in range(500):
        asked.answer()
    assert not found and not asked.ask(60.0) and not asked.ask(120.0)


def test_those_that_are_left_count_when_their_time_is_over_and_each_once() -> None:
    asked = Unanswered(0.0)
    assert not any(asked.ask(0.1) for _ in range(100))
    assert not asked.ask(PATIENCE), "their time is not over, whenever in it they came"
    assert asked.ask(2 * PATIENCE + 1.0) == 100 - FEW
    assert asked.ask(2 * PATIENCE + 2.0) == 0 and asked.ask(4 * PATIENCE) <= 2


def test_as_many_may_be_left_as_have_shown_some() -> None:
    asked, found = Unanswered(0.0), 0
    for minute in range(60):  # a concentrator with a third of its lines out of order
        for number in range(90):
            found += asked.ask(60.0 * minute)
            if number % 3:
                asked.answer()
    assert not found


def test_what_was_long_ago_is_forgotten_by_halves() -> None:
    asked = Unanswered(0.0)
    for _ in range(20):
        asked.ask(0.0)
    assert asked.ask(30.0) == 20 - FEW
    found = sum(asked.ask(30.0 + FRESH * each) for each in range(1, 30))
    assert found == 0


def test_a_clock_that_is_set_back_leaves_nobody_waiting_for_it() -> None:
    asked = Unanswered(10_000.0)
    for _ in range(50):
        asked.ask(10_000.0)
    asked.ask(100.0)
    assert sum(asked.ask(100.0 + 9.0 * each) for each in range(1, 4)) >= 50 - FEW


@given(st.lists(st.tuples(st.booleans(), st.floats(-20.0, 700.0)), max_size=200))
def test_no_more_are_told_than_were_asked(steps: list[tuple[bool, float]]) -> None:
    asked, now, found, count = Unanswered(0.0), 0.0, 0, 0
    for is_asked, wait in steps:
        now = max(0.0, now + wait)
        if is_asked:
            found, count = found + asked.ask(now), count + 1
        else:
            asked.answer()
        assert 0 <= found <= 2 * count
