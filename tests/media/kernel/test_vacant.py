"""Which slot serves next: one that has rested, else one that never served."""

from __future__ import annotations

import pytest

from sbc.media.kernel.vacant import REST, Vacant


def test_each_serves_one_at_a_time_and_those_taken_never() -> None:
    vacant = Vacant(5, {2, 4})
    assert len(vacant) == 3
    assert [vacant.take(0) for _ in range(3)] == [1, 3, 5]
    assert len(vacant) == 0
    with pytest.raises(OSError, match="no slot is free"):
        vacant.take(REST)


def test_one_that_has_served_rests_and_goes_before_those_that_have_not() -> None:
    vacant = Vacant(3, ())
    assert vacant.take(7) == 1
    vacant.rest(1, 8)
    assert len(vacant) == 3
    assert vacant.take(7 + REST) == 2, "it rests"
    assert vacant.take(8 + REST) == 1
    vacant.rest(2, 9)
    vacant.rest(1, 10)
    assert [vacant.take(10 + REST) for _ in range(3)] == [2, 1, 3]
