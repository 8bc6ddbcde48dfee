"""The token bucket: its rate whatever comes, its burst, and several at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.orders import Rate
from sbc.media.bucket import Bucket, Drawn, waits


def within(buckets: tuple[Drawn, ...], octets: int, now: float) -> bool:
    return waits(buckets, octets, now) == 0.0


def passed(bucket: Bucket, arrivals: list[tuple[float, int]]) -> int:
    """Octets that are let through of what comes at those times."""
    return sum(size for at, size in arrivals if within((bucket,), size, at))


@pytest.mark.parametrize("octets", [2_000, 10_800, 125_000, 12_500_000])
@pytest.mark.parametrize("size", [12, 172, 1472])
def test_what_passes_is_the_rate_within_two_parts_in_a_hundred(octets: int, size: int) -> None:
    bucket, seconds = Bucket(Rate(octets, 3_000), 0.0), 200_000 / octets
    step = size / octets / 3  # three times the rate
    arrivals = [(n * step, size) for n in range(int(seconds / step))]
    assert passed(bucket, arrivals) - 3_000 == pytest.approx(octets * seconds, rel=0.02)


def test_what_stays_below_its_rate_is_never_touched() -> None:
    bucket = Bucket(Rate(172 * 50 + 1, 2 * 172), 0.0)
    assert passed(bucket, [(n * 0.02, 172) for n in range(50_000)]) == 50_000 * 172


def test_after_a_pause_the_burst_passes_at_once_and_no_more() -> None:
    bucket = Bucket(Rate(1_000, 1_720), 0.0)
    assert passed(bucket, [(0.0, 172)] * 100) == 1_720
    assert passed(bucket, [(3_600.0, 172)] * 100) == 1_720


def test_what_is_larger_than_the_burst_never_passes() -> None:
    bucket = Bucket(Rate(1_000_000, 1_000), 0.0)
    assert passed(bucket, [(n * 10.0, 1_001) for n in range(10)]) == 0


def test_what_it_lacks_and_holds_can_be_told_and_put() -> None:
    bucket = Bucket(Rate(1_000, 500), 0.0)
    bucket.take(300)
    assert bucket.missing(0.1) == 200
    bucket.put(50.0, 0.1)
    assert bucket.missing(0.1) == 450
    assert bucket.missing(0.2) == 350
    bucket.put(9_000.0, 0.2)
    assert bucket.missing(0.2) == 0


def test_a_packet_over_one_rate_costs_the_other_nothing() -> None:
    side, realm = Bucket(Rate(1_000, 500), 0.0), Bucket(Rate(1_000, 200), 0.0)
    assert within((side, realm), 200, 0.0)
    assert not within((side, realm), 200, 0.0)
    assert side.has(300, 0.0)
    assert not side.has(301, 0.0)


def test_no_bucket_holds_nobody_back() -> None:
    assert within((), 65_535, 0.0)


def test_another_rate_counts_at_once_and_gives_nothing() -> None:
    bucket = Bucket(Rate(1_000, 1_000), 0.0)
    assert within((bucket,), 1_000, 0.0)
    bucket.change(Rate(100, 5_000), 0.5)
    assert bucket.has(500, 0.5)
    assert not bucket.has(501, 0.5)
    assert bucket.has(600, 1.5)
    bucket.change(Rate(100, 50), 1.5)
    assert not bucket.has(51, 100.0)


@given(
    st.integers(1, 1_000_000),
    st.integers(1, 100_000),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 65_535)), max_size=50),
)
def test_never_more_than_rate_and_burst(octets: int, burst: int, gaps: list[tuple[float, int]]) -> None:
    bucket, now, arrivals = Bucket(Rate(octets, burst), 0.0), 0.0, []
    for gap, size in gaps:
        now += gap
        arrivals.append((now, size))
    assert passed(bucket, arrivals) <= burst + octets * now + 1


def test_what_may_wait_is_told_how_long_and_books_its_turn() -> None:
    bucket = Bucket(Rate(1_000, 500, wait=0.5), 0.0)
    assert [waits((bucket,), 250, 0.0) for _ in range(5)] == [0.0, 0.0, 0.25, 0.5, None]
    assert waits((bucket,), 250, 0.25) == pytest.approx(0.5)
    assert waits((bucket,), 501, 100.0) is None  # larger than the burst


def test_of_two_rates_the_slower_says_when_and_what_may_not_wait_for_one_costs_the_other_nothing() -> None:
    side, realm = Bucket(Rate(1_000, 500, wait=1.0), 0.0), Bucket(Rate(500, 500, wait=0.5), 0.0)
    assert [waits((side, realm), 250, 0.0) for _ in range(4)] == [0.0, 0.0, 0.5, None]
    assert side.delay(0, 0.0) == pytest.approx(0.25)
    realm.change(Rate(500, 500), 0.0)
    assert waits((side, realm), 1, 0.0) is None
