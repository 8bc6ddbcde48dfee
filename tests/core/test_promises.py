"""Leave for calls: it holds for a minute, for one host and one name, or as long as its calls; and there is no end of
neither."""

from __future__ import annotations

import pytest

from sbc.core.call import Call, Leg
from sbc.core.promises import GRACE, LASTS, MOST, Promise, Promises, key_of
from sbc.core.timers import Timers
from tests.rig import NAT, PHONE, SOFTSWITCH, make_plan

PLAN = make_plan("toy")
KEY = ("access", NAT.host, b"call", False)


def made(
    name: bytes = b"call", now: float = 100.0, takes: bool = False, binding: str = "b", host: str = NAT.host
) -> Promise:
    return Promise("p", "toy", PLAN.paths[0], host, name, takes, binding, SOFTSWITCH, now + LASTS)


def call(name: bytes = b"call", takes: bool = False) -> Call:
    access, core = PLAN.realms["access"], PLAN.realms["core"]
    legs = (Leg(access, access.listeners[0], NAT), Leg(core, core.listeners[0], SOFTSWITCH))
    one = Call("c", "toy", PLAN.paths[0], legs[::-1] if takes else legs, 100.0)
    one.herald = name
    return one


def test_it_holds_for_its_time_and_for_an_attempt_that_comes_again() -> None:
    promises = Promises(Timers())
    promise = made()
    assert promises.keep(promise, 100.0) == [] and promise.due == 100.0 + LASTS
    for now in (100.0, 100.0 + LASTS - 1):
        assert promises.find(KEY, now) is promise
    assert promises.find(KEY, 100.0 + LASTS) is None
    promises.drop(promise)
    assert len(promises) == 0 and promise.due is None


def test_it_is_for_who_asked_and_the_last_word_counts() -> None:
    promises = Promises(Timers())
    first, second = made(), made(now=101.0)
    promises.keep(first, 100.0)
    assert promises.keep(second, 101.0) == [first]
    assert promises.find(KEY, 102.0) is second and promises.all() == [second]
    assert promises.find(("access", PHONE.host, b"call", False), 102.0) is None
    assert promises.find((*KEY[:3], True), 102.0) is None
    assert promises.of(*KEY[:3], "b") is second and promises.of(*KEY[:3], "c") is None


def test_of_too_many_that_no_call_has_come_of_the_oldest_is_forgotten() -> None:
    promises = Promises(Timers())
    promises.keep(made(b"begun"), 100.0)
    promises.begin(call(b"begun"))
    for number in range(MOST):
        assert promises.keep(made(b"%d" % number), 100.0) == []
    (gone,) = promises.keep(made(b"last"), 100.0)
    assert gone.name == b"0" and gone.due is None and not promises.has(gone)
    assert len(promises) == MOST + 1, "one is begun"


@pytest.mark.parametrize("other", [{"host": PHONE.host}, {"binding": "c"}])
def test_of_too_many_nobody_loses_what_another_has_asked_for(other: dict[str, str]) -> None:
    """Not who had it before, nor who gets it after."""
    promises = Promises(Timers())
    first, last = made(b"first", **other), made(b"last", **other)  # type: ignore[arg-type]
    promises.keep(first, 100.0)
    gone = [each for number in range(MOST + 5) for each in promises.keep(made(b"%d" % number), 100.0)]
    gone += promises.keep(last, 100.0)
    assert [each.name for each in gone] == [b"%d" % number for number in range(7)]
    assert promises.has(first) and promises.has(last) and len(promises) == MOST


def test_while_its_call_lives_it_waits_and_a_moment_longer() -> None:
    promises, one, other = Promises(Timers()), call(), call()
    promise = made()
    promises.keep(promise, 100.0)
    assert promises.begin(one) is promise and promises.begin(other) is None, "it is news but once"
    assert promise.begun and promise.due is None and set(promise.calls) == {one, other}
    promises.over(one, 200.0)
    assert promise.due is None and promises.live(KEY) == [other]
    promises.over(other, 200.0)
    assert promise.due == 200.0 + GRACE and not promises.live(KEY) and promises.at(KEY) is promise
    promises.over(other, 300.0)  # it is not there any more
    assert promise.due == 200.0 + GRACE


def test_leave_that_comes_when_the_call_is_there_has_begun() -> None:
    promises, taken = Promises(Timers()), call(takes=True)
    assert promises.begin(taken) is None
    promise = made(takes=True)
    promises.keep(promise, 100.0)
    assert promise.begun and promise.due is None and list(promise.calls) == [taken]


def test_leave_that_had_begun_before_a_restart_is_soon_looked_at() -> None:
    promises, promise = Promises(Timers()), made()
    promise.begun = True
    promises.keep(promise, 100.0)
    assert promise.due == 100.0 + GRACE


def test_a_call_without_such_a_name_means_no_leave() -> None:
    promises, nameless = Promises(Timers()), call(b"")
    assert key_of(nameless) is None and promises.begin(nameless) is None
    promises.over(nameless, 100.0)
    assert len(promises) == 0
