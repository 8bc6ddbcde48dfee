"""What is counted under each bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.media.histogram import Histogram


def test_each_value_counts_under_every_bound_it_is_not_above() -> None:
    made = Histogram((0.0, 0.5, 2.0))
    for value in (0.0, 0.2, 0.5, 1.0, 2.5):
        made.observe(value)
    assert made.buckets() == [("0.0", 1), ("0.5", 3), ("2.0", 4), ("+Inf", 5)]
    assert made.sum == 4.2


@given(st.lists(st.floats(0, 10)))
def test_counts_grow_to_all(values: list[float]) -> None:
    made = Histogram((1.0, 3.0, 9.0))
    for value in values:
        made.observe(value)
    counts = [count for _, count in made.buckets()]
    assert counts == sorted(counts) and counts[-1] == len(values)
