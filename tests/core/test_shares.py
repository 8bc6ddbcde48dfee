"""Of too much goes the oldest of whoever has the most: not what others have, however late or early they came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.shares import Shares


def test_the_oldest_of_whoever_has_the_most_goes_first() -> None:
    shares: Shares[str, int] = Shares()
    shares.add("quiet", 0)
    for number in range(1, 5):
        shares.add("loud", number)
    assert len(shares) == 5 and shares.first() == 1
    for number in (1, 2):
        shares.drop("loud", number)
    assert shares.first() == 3
    shares.drop("loud", 3)
    assert shares.first() in (0, 4), "each has one"
    shares.drop("quiet", 0)
    assert shares.first() == 4 and "quiet" not in shares and "loud" in shares


def test_what_is_not_there_cannot_go() -> None:
    shares: Shares[str, int] = Shares()
    shares.drop("nobody", 1)
    assert len(shares) == 0
    with pytest.raises(StopIteration):
        shares.first()


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 9))))
def test_it_counts_right(steps: list[tuple[bool, str, int]]) -> None:
    shares: Shares[str, tuple[str, int]] = Shares()
    mine: dict[tuple[str, int], None] = {}
    for adds, owner, number in steps:
        thing = (owner, number)
        if not adds:
            shares.drop(owner, thing)
            mine.pop(thing, None)
        elif thing not in mine:
            shares.add(owner, thing)
            mine[thing] = None
        assert len(shares) == len(mine)
        have = {each: [one for one in mine if one[0] == each] for each in "abc"}
        if mine:
            assert len(have[shares.first()[0]]) == max(map(len, have.values()))
            assert have[shares.first()[0]][0] == shares.first(), "the oldest"
    for thing in mine:
        shares.drop(thing[0], thing)
    assert len(shares) == 0 and not any(each in shares for each in "abc")
