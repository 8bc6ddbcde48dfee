"""What is learned of NATs: the search upwards, the way back at once, who may try, and what is forgotten."""

from __future__ import annotations

import pytest

from sbc.core.habits import CLOSE_ENOUGH, MARGIN, REMEMBERED, Learner

HOST = ("udp", "203.0.113.11")
FLOOR = 20.0
ME, OTHER = object(), object()


def search(timer: float, longest: float = 3600.0) -> tuple[Learner, list[float], int]:
    """Search against a NAT with that timer; the learner, all that was tried, and how often that was too long."""
    learner, tried, failures = Learner(longest), [], 0
    while (silence := learner.attempt(HOST, FLOOR, ME, 0.0)) is not None:
        tried.append(silence)
        if silence < timer:
            learner.survived(HOST, FLOOR, ME, silence)
        else:
            failures += 1
            learner.failed(HOST, FLOOR, ME, silence, 0.0)
            learner.release(HOST, ME)
        assert len(tried) < 30
    return learner, tried, failures


@pytest.mark.parametrize("timer", [30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600])
def test_the_search_ends_just_below_the_timer_after_few_failures(timer: float) -> None:
    learner, tried, failures = search(timer)
    habit = learner.known(HOST)
    assert habit is not None
    assert habit.held < timer <= CLOSE_ENOUGH * habit.held
    assert learner.period(HOST, FLOOR) == max(FLOOR, MARGIN * habit.held) < timer
    assert len(tried) <= 11 and failures <= 3


def test_nothing_longer_than_wanted_is_tried() -> None:
    learner, tried, failures = search(3600, longest=500)
    assert max(tried) == 500 and failures == 0
    assert learner.period(HOST, FLOOR) == 450


def test_of_a_host_nothing_is_known_of_the_floor_is_the_period() -> None:
    assert Learner(600).period(HOST, FLOOR) == FLOOR


def test_what_one_has_learned_serves_all_behind_the_host_and_nobody_else() -> None:
    learner, _, _ = search(300)
    assert learner.period(HOST, FLOOR) > 200
    assert learner.period(("udp", "203.0.113.12"), FLOOR) == FLOOR
    assert learner.period(("tcp", HOST[1]), FLOOR) == FLOOR


def test_only_one_tries_at_a_time() -> None:
    learner = Learner(600)
    assert learner.attempt(HOST, FLOOR, ME, 0.0) == 40
    assert learner.attempt(HOST, FLOOR, OTHER, 0.0) is None
    assert learner.trial(HOST, FLOOR, OTHER, 0.0) is None
    learner.release(HOST, OTHER)
    assert learner.attempt(HOST, FLOOR, ME, 0.0) == 40
    learner.release(HOST, ME)
    assert learner.attempt(HOST, FLOOR, OTHER, 0.0) == 40


def test_a_miss_of_what_was_survived_before_takes_all_back_at_once() -> None:
    learner, _, _ = search(300)
    before = learner.period(HOST, FLOOR)
    learner.failed(HOST, FLOOR, ME, before, 0.0)
    assert learner.period(HOST, FLOOR) == pytest.approx(before / 2)


def test_a_terminal_that_turns_up_where_it_was_was_only_away() -> None:
    learner, _, _ = search(300)
    before = learner.period(HOST, FLOOR)
    learner.failed(HOST, FLOOR, ME, before, 0.0)
    learner.failed(HOST, FLOOR, OTHER, before / 2, 0.0)
    learner.survived(HOST, FLOOR, ME, 500.0)
    assert learner.period(HOST, FLOOR) >= before


def test_a_lost_question_is_made_good_by_the_next_answer() -> None:
    learner = Learner(600)
    learner.attempt(HOST, FLOOR, ME, 0.0)
    learner.failed(HOST, FLOOR, ME, 40.0, 0.0)
    learner.survived(HOST, FLOOR, ME, 50.0)
    assert learner.attempt(HOST, FLOOR, OTHER, 0.0) is None or learner.known(HOST)
    habit = learner.known(HOST)
    assert habit is not None and (habit.held, habit.lost) == (50, None)


def test_a_silence_that_was_too_long_once_is_tried_again_after_a_day() -> None:
    learner, _, _ = search(300)
    assert learner.trial(HOST, FLOOR, ME, 10.0) is None
    assert learner.trial(HOST, FLOOR, ME, REMEMBERED + 1) == 560


def test_the_table_is_bounded_and_forgets_who_was_not_asked_for() -> None:
    learner = Learner(600, most=3)
    for number in range(3):
        learner.survived(("udp", str(number)), FLOOR, ME, 100)
    learner.trial(("udp", "0"), FLOOR, ME, 0.0)
    learner.survived(("udp", "3"), FLOOR, ME, 100)
    assert len(learner) == 3
    assert learner.known(("udp", "1")) is None and learner.known(("udp", "0")) is not None
