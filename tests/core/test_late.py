"""What is over is kept up to its bounds: those of its source first, then of its realm; the oldest goes."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.late import Late
from sbc.core.realm import Limits
from tests.rig import make_plan

SOURCES = [Address("203.0.113.9", 5060 + number) for number in range(3)]
PLAN = make_plan("toy", Limits(lingering=6, lingering_per_source=3))
ACCESS, CORE = PLAN.realms["access"], PLAN.realms["core"]


@given(st.lists(st.tuples(st.sampled_from(["add", "drop"]), st.integers(0, 20), st.integers(0, 2)), max_size=80))
def test_against_a_model(script: list[tuple[str, int, int]]) -> None:
    late: Late[int] = Late()
    there: dict[int, Address] = {}
    for word, what, where in script:
        source = SOURCES[where]
        if word == "drop":
            assert late.drop(what) is (what in there)
            there.pop(what, None)
            continue
        gone = late.add(what, ACCESS, source)
        if what in there:
            assert gone == []
            continue
        there[what] = source
        of_source = [each for each in there if there[each] == source]
        expected = of_source[:1] if len(of_source) > 3 else []
        expected = expected or (list(there)[:1] if len(there) > 6 else [])
        assert gone == expected
        for each in gone:
            late.drop(each)
            del there[each]
        assert late.all() == set(there) and len(late) == len(there) <= 6
        assert all((each in late) is (each in there) for each in range(21))
        for source in SOURCES:
            assert late.at(ACCESS.name, source) == [each for each in there if there[each] == source]


def test_core_hosts_are_bounded_by_their_realm_alone() -> None:
    late: Late[int] = Late()
    assert [late.add(each, CORE, SOURCES[0]) for each in range(6)] == [[]] * 6
    assert late.add(6, CORE, SOURCES[0]) == [0]
    assert (late.count("core"), late.count("access")) == (7, 0)


def test_the_realms_are_apart() -> None:
    late: Late[int] = Late()
    other = attrs.evolve(CORE, name="other")
    assert not any(late.add(each, CORE if each % 2 else other, SOURCES[0]) for each in range(12))
