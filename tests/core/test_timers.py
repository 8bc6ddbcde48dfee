"""Deadlines against a naive model of them."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.timers import Entry, Timers


@attrs.define(eq=False)
class Owner:
    due: float | None = None
    entry: Entry | None = None


moments = st.integers(0, 30)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), st.none() | moments),
        st.tuples(st.just("wake"), moments, st.none() | moments),
    ),
    max_size=60,
)


@given(steps)
def test_it_wakes_whom_a_dictionary_of_deadlines_would(script: list[tuple[str, int, int | None]]) -> None:
    timers, owners = Timers(), [Owner() for _ in range(5)]
    model: dict[int, float] = {}
    now = 0.0
    for what, first, second in script:
        if what == "set":
            at = None if second is None else now + second
            timers.set(owners[first], at)
            model.pop(first, None)
            if at is not None:
                model[first] = at
        else:
            now += first
            expected = sorted(each for each in model if model[each] <= now)
            woken = []
            for owner in timers.due(now):
                woken.append(owners.index(owner))  # type: ignore[arg-type]
                del model[woken[-1]]
                if second and len(woken) < 3:  # an owner may ask for more while it is being woken
                    timers.set(owner, now + second)
                    model[woken[-1]] = now + second
            assert sorted(woken) == expected
        assert {id(owners[each]) for each in model} == timers.owners()
        assert {owners.index(owner) for owner in owners if owner.due is not None} == set(model)
        soonest = timers.next()
        assert (soonest is None) == (not model)
        assert soonest is None or soonest <= min(model.values())  # early at most, never late


def test_earliest_first() -> None:
    timers = Timers()
    first, second, third = Owner(), Owner(), Owner()
    for owner, at in ((second, 2.0), (third, 3.0), (first, 1.0)):
        timers.set(owner, at)
    assert list(timers.due(2.5)) == [first, second]
    assert timers.next() == 3.0


def test_postponing_does_not_wake_early() -> None:
    timers, owner = Timers(), Owner()
    timers.set(owner, 1.0)
    timers.set(owner, 5.0)
    assert list(timers.due(4.9)) == []
    assert list(timers.due(5.0)) == [owner]
    assert timers.next() is None


def test_bringing_forward_wakes_once() -> None:
    timers, owner = Timers(), Owner()
    timers.set(owner, 5.0)
    timers.set(owner, 1.0)
    assert list(timers.due(1.0)) == [owner]
    assert list(timers.due(10.0)) == []


def test_owners_that_went_are_not_kept_until_the_hour_they_once_asked_for() -> None:
    timers = Timers()
    for _ in range(10_000):  # each asks for a far hour, then for soon, and is gone
        owner = Owner()
        timers.set(owner, 43_200.0)
        timers.set(owner, 32.0)
        timers.set(owner, None)
    assert len(timers) < 100
    stays = Owner()
    timers.set(stays, 7.0)
    assert list(timers.due(43_200.0)) == [stays]
    assert len(timers) == 0
