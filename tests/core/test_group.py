"""Groups are what sets in order would be, whatever they are made of; and one alone takes little."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from sbc.core.group import Group, enter, joined, leave, parted


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4))))
def test_a_group_is_an_ordered_set(steps: list[tuple[bool, int]]) -> None:
    group: Group[int] = ()
    model: dict[int, None] = {}
    groups: dict[str, Group[int]] = {}
    for more, what in steps:
        group = joined(group, what) if more else parted(group, what)
        (enter if more else leave)(groups, "key", what)
        if more:
            model.setdefault(what)
        else:
            model.pop(what, None)
        assert list(group) == list(model) == list(groups.get("key", ()))
        assert len(group) == len(model) and bool(group) == bool(model) == ("key" in groups)
        assert all(each in group for each in model)


def test_one_alone_takes_less_than_a_table() -> None:
    assert sys.getsizeof(joined((), 1)) < sys.getsizeof({1: None}) / 3
