"""Token buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.policy.bucket import Bucket


def test_it_is_full_at_first_and_fills_by_its_rate_up_to_its_burst() -> None:
    bucket = Bucket(2.0, 3.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait(10.0) == 0.5 and bucket.wait(10.25) == 0.25
    assert not bucket.holds(10.49) and bucket.holds(10.5) and bucket.take(10.5) and not bucket.holds(10.5)
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]


def test_another_rate_gives_nothing_at_once() -> None:
    bucket = Bucket(1.0, 2.0)
    bucket.take(5.0, 2.0)
    bucket.change(10.0, 20.0)
    assert not bucket.holds(5.0) and bucket.holds(5.2)
    bucket.change(1.0, 1.0)
    assert bucket.holds(100.0) and not bucket.holds(100.0, 1.5)


@given(st.floats(0.1, 100), st.integers(1, 20), st.lists(st.floats(0, 3), max_size=60))
def test_never_more_pass_than_the_burst_and_the_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    bucket, now, passed = Bucket(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
    assert passed <= burst + rate * now + 1e-6


def test_who_waits_as_long_as_it_is_told_gets_it() -> None:
    bucket = Bucket(0.2, 1.0)
    assert bucket.take(7.0)
    assert bucket.wait(8.0) == pytest.approx(4.0) and bucket.take(8.0 + bucket.wait(8.0))


def test_a_clock_that_is_set_back_leaves_nobody_waiting_for_it() -> None:
    bucket = Bucket(1.0, 2.0)
    bucket.take(10_000.0, 2.0)
    assert not bucket.holds(5_000.0) and bucket.wait(5_000.0) == 1.0
    assert bucket.take(5_001.0) and not bucket.take(5_001.0)
