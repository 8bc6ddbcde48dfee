"""What is remembered of sources: rates, points that fade, names asked for in vain; and never of too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.policy.source import MOST_NOTED, Source, Sources
from sbc.policy.unanswered import FRESH
from tests.effort import effort

TIMES = st.lists(st.floats(0.0, 5.0, allow_nan=False), max_size=300)


@given(TIMES, st.floats(0.5, 100.0), st.integers(1, 50))
def test_no_more_pass_than_the_burst_and_the_rate(waits: list[float], rate: float, burst: int) -> None:
    source, now, passed = Source(0.0), 0.0, 0
    for wait in waits:
        now += wait
        passed += not source.over(1.0 / rate, burst / rate, now)
    assert passed <= burst + rate * now + 1


@given(st.floats(0.5, 100.0), st.integers(1, 50))
def test_a_burst_passes_after_a_pause(rate: float, burst: int) -> None:
    source = Source(0.0)
    for now in (0.0, 1_000.0):
        passed = sum(not source.over(1.0 / rate, burst / rate, now) for _ in range(burst + 5))
        assert burst - 1 <= passed <= burst


def test_where_there_is_no_limit_all_passes() -> None:
    source = Source(0.0)
    assert not any(source.over(0.0, 0.0, 1.0) for _ in range(100_000))
    assert not any(source.over_open(0.0, 0.0, 1.0) for _ in range(1_000))


def test_a_stranger_has_a_turn_now_and_then_and_one_too_many_costs_no_more() -> None:
    source = Source(0.0)
    for now in (0.0, 1_000.0):
        for _ in range(2):
            assert source.has_turn(30.0, 60.0, now)
            source.take_turn(30.0, 60.0, now)
        assert not source.has_turn(30.0, 60.0, now)
        for _ in range(100):
            source.take_turn(30.0, 60.0, now)
        assert not source.has_turn(30.0, 60.0, now + 29.0) and source.has_turn(30.0, 60.0, now + 31.0)
    assert source.has_turn(30.0, 60.0, 3.0), "a clock that was set back takes none away"


def test_a_favour_is_no_turn() -> None:
    source = Source(0.0)
    source.asked, source.favours = 32.0, 2
    for now in (0.0, 1.0):
        source.take_turn(30.0, 30.0, now)
        assert source.has_turn(30.0, 30.0, now)
    source.take_turn(30.0, 30.0, 2.0)
    assert not source.favours and not source.has_turn(30.0, 30.0, 2.0)


def test_points_are_halved() -> None:
    source = Source(0.0)
    source.add(80.0, 0.0, 60.0)
    assert source.points(60.0, 60.0) == pytest.approx(40.0)
    assert source.add(-100.0, 120.0, 60.0) == 0.0
    assert source.points(1e9, 60.0) == 0.0


@pytest.mark.parametrize("back", [3.0, 60.0, 3_600.0])
def test_a_clock_that_is_set_back_silences_nobody(back: float) -> None:
    source = Source(0.0)
    assert not source.over(0.01, 4.0, 10_000.0) and not source.over_open(0.5, 10.0, 10_000.0)
    for _ in range(1_000):
        source.over(0.01, 4.0, 10_000.0)
    let = [source.over(0.01, 4.0, 10_000.0 - back + step / 10) for step in range(60)]
    assert not any(let[5:]), "at most for what it had used up"
    assert not source.over_open(0.5, 10.0, 10_000.0 - back)


def test_what_is_certain_fades_with_the_rest_and_is_never_more() -> None:
    source = Source(0.0)
    source.add(80.0, 0.0, 60.0, True)
    source.add(40.0, 60.0, 60.0)
    assert (source.score, source.sure) == (pytest.approx(80.0), pytest.approx(40.0))
    source.add(-70.0, 60.0, 60.0)
    assert source.sure == source.score


@given(st.lists(st.tuples(st.floats(-50.0, 50.0), st.floats(0.0, 100.0)), max_size=100))
def test_points_are_never_fewer_than_none(said: list[tuple[float, float]]) -> None:
    source, now, given_ = Source(0.0), 0.0, 0.0
    for points, wait in said:
        now += wait
        given_ += max(points, 0.0)
        assert 0.0 <= source.add(points, now, 60.0) <= given_ + 1e-6


def test_few_names_are_remembered_the_newest() -> None:
    source = Source(0.0)
    for number in range(1_000):
        assert source.note(b"%d" % number, float(number)) <= MOST_NOTED
    assert source.failed is not None and set(source.failed) == {
        b"%d" % each for each in range(1_000 - MOST_NOTED, 1_000)
    }
    for number in range(1_000):
        source.excuse(b"%d" % number)
    assert source.failed is None


def test_names_of_long_ago_are_let_go() -> None:
    source = Source(0.0)
    for number in range(10):
        source.note(b"%d" % number, 0.0)
    assert source.note(b"new", FRESH + 1.0) == 1


@given(st.integers(1, 40), st.lists(st.integers(0, 200), max_size=400))
def test_there_are_never_more_than_allowed(most: int, keys: list[int]) -> None:
    sources = Sources(most)
    for at, key in enumerate(keys):
        sources.meet(key, float(at)).chances = key % 5
        assert len(sources) <= most and sources.get(key) is not None


def test_who_has_done_something_is_remembered_longer() -> None:
    sources = Sources(100)
    sources.meet("bad", 0.0).chances = 3
    for number in range(350):
        sources.meet(number, 1.0)
    assert sources.get("bad") is not None
    for number in range(1_000):
        sources.meet((number,), 2.0)
    assert sources.get("bad") is None, "for ever nobody is"


@pytest.mark.parametrize("chances", [0, 3])
def test_a_full_table_costs_no_more_the_larger_it_is(chances: int) -> None:
    """Of a dict whose first are taken out the first that is left is ever farther away."""

    def full(most: int) -> tuple[Sources]:
        there = Sources(most)
        for number in range(most):
            there.meet(number, 0.0).chances = chances
        return (there,)

    def more(there: Sources) -> None:
        for number in range(100_000, 120_000):
            there.meet(number, 0.0)

    assert effort(more, lambda: full(50_000)) < 5 * effort(more, lambda: full(500))
