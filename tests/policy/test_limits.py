"""What may be limited."""

from __future__ import annotations

import pytest

from sbc.policy.limits import UNLIMITED, Caps


@pytest.mark.parametrize(("rate", "burst", "at_once"), [(10.0, 0, 10), (2.5, 0, 3), (0.2, 0, 1), (0.2, 4, 4)])
def test_as_many_calls_may_come_at_once_as_in_a_second_unless_it_is_said(rate: float, burst: int, at_once: int) -> None:
    assert Caps(calls_per_second=rate, burst=burst).at_once == at_once


def test_nothing_is_limited_by_itself() -> None:
    assert Caps() == UNLIMITED
