"""Draining without any protocol of the world: what is new is refused, what is under way goes on, help is never."""

from __future__ import annotations

import pytest

from sbc.core.drain import live_calls
from sbc.core.message import Cause
from sbc.core.realm import Registrations
from tests.core.test_leave import CALLER, asks, has_leave
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, sends
from tests.toy import CAUSES
from tests.toy_calls import answered, bound, opened, read, toy_rig
from tests.toy_gateway import RESTART, adjusts, gateway, opens, registers, takes_off, yes
from tests.toy_records import (
    CHALLENGE,
    CHANGE,
    CLOSE,
    CONFIRM,
    FAILURE,
    PROBE,
    SUCCESS,
    Record,
    answer,
    binding,
    from_other,
    granted,
    inside,
    number,
    opening,
    place,
)

REFUSED = (FAILURE, 1 + CAUSES.index(Cause.DRAINING))


def draining(**plan: object) -> Rig:
    rig = toy_rig(**plan)
    rig.border.drain(30)
    return rig


def said(data: list[bytes]) -> list[tuple[int, int]]:
    return [(each.stage, each.cause) for each in read(data)]


def test_a_new_call_is_refused_on_either_side() -> None:
    rig = toy_rig()
    place = bound(rig)
    rig.border.drain(30)
    orders = rig.from_access(opening(PHONE, exchange=8).pack())
    assert said(sends(orders, "access")) == [REFUSED] and not sends(orders, "core")
    assert events(orders) == ["refused"]
    orders = rig.from_core(opening(SOFTSWITCH, target=place).pack())
    assert said(sends(orders, "core")) == [REFUSED] and not sends(orders, "access")
    assert not rig.border.registry.calls


def test_a_call_for_help_is_taken() -> None:
    rig = draining()
    orders = rig.from_access(opening(PHONE, target=b"203.0.113.1 5060 help").pack())
    assert len(sends(orders, "core")) == 1
    assert live_calls(rig.border.registry) == 1


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_live_call_goes_on_to_its_end(who: str) -> None:
    talk = answered()
    rig = talk.rig
    rig.border.drain(30)
    if who == "caller":
        orders = rig.from_access(inside(talk.asked, talk.back, CHANGE).pack())
        assert len(sends(orders, "core")) == 1
        (sent,) = sends(rig.from_access(inside(talk.asked, talk.back, CLOSE, 5).pack()), "core")
        rig.from_core(answer(sent, SOFTSWITCH.host).pack())
    else:
        (sent,) = sends(rig.from_core(from_other(talk.sent, talk.said).pack()), "access")
        rig.from_access(answer(sent, PHONE.host).pack())
    assert live_calls(rig.border.registry) == 0


def test_an_attempt_under_way_may_come_again_with_credentials() -> None:
    talk = opened()
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, CHALLENGE).pack())
    talk.rig.border.drain(30)
    again = Record.read(talk.asked).but(exchange=number(2))
    assert len(sends(talk.rig.from_access(again.pack()), "core")) == 1


def test_what_was_asked_before_is_answered_after() -> None:
    talk = opened()
    talk.rig.border.drain(30)
    orders = talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host).pack())
    (back,) = sends(orders, "access")
    orders = talk.rig.from_access(inside(talk.asked, back, CONFIRM).pack())
    assert len(sends(orders, "core")) == 1


def test_who_is_bound_may_refresh_and_who_is_new_may_not() -> None:
    rig = toy_rig()
    bound(rig)
    rig.border.drain(30)
    (sent,) = sends(rig.from_access(binding(PHONE, 2).pack()), "core")
    rig.from_core(granted(sent).pack())
    orders = rig.from_access(binding(PHONE, 3, user=b"bob").pack(), NAT)
    assert said(sends(orders, "access")) == [REFUSED]
    assert len(rig.border.registry.bindings) == 1


def test_a_refresh_that_ends_here_is_still_answered() -> None:
    rig = toy_rig(registrations=Registrations(behind_nat=40, direct=50, core=1000))
    bound(rig, life=300)
    rig.border.drain(30)
    orders = rig.from_access(binding(PHONE, 2, life=300).pack())
    assert "absorbed" in events(orders)
    assert said(sends(orders, "access")) == [(SUCCESS, 0)]


def test_a_pending_binding_is_none_yet() -> None:
    rig = toy_rig()
    rig.from_access(binding(PHONE).pack())
    rig.border.drain(30)
    assert said(sends(rig.from_access(binding(PHONE, 2).pack()), "access")) == [REFUSED]


def test_taking_off_is_never_refused() -> None:
    rig = toy_rig()
    rig.border.drain(30)
    assert len(sends(rig.from_access(binding(PHONE, life=0).pack()), "core")) == 1


def test_the_core_side_hears_that_no_calls_may_come() -> None:
    rig = toy_rig()
    probe = Record(PROBE, sender=1, exchange=number(4), target=b"198.51.100.1 5060")
    assert said(sends(rig.from_core(probe.pack()), "core")) == [(SUCCESS, 0)]
    rig.border.drain(30)
    assert said(sends(rig.from_core(probe.but(exchange=number(5)).pack()), "core")) == [REFUSED]


def test_the_first_side_is_still_told_that_somebody_lives() -> None:
    rig = draining()
    probe = Record(PROBE, hops=0, sender=1, exchange=number(4), target=b"203.0.113.1 5060")
    assert said(sends(rig.from_access(probe.pack()), "access")) == [(SUCCESS, 0)]


def test_calls_are_taken_again() -> None:
    rig = draining()
    rig.border.drain(None)
    assert len(sends(rig.from_access(opening(PHONE).pack()), "core")) == 1


def test_who_lives_by_refreshing_is_not_waited_for() -> None:
    talk = answered(record=opening(PHONE).but(lifetime=600))
    assert talk.call.lifetime
    assert live_calls(talk.rig.border.registry) == 0


def test_leave_to_call_is_not_given_any_more_but_leave_that_was_given_holds() -> None:
    rig, own = has_leave()
    rig.border.drain(30)
    assert said(sends(rig.from_access(asks(exchange=6, call=2).pack()), "access")) == [REFUSED]
    assert len(sends(rig.from_access(asks(b"take", 7, call=3).pack()), "core")) == 1, (
        "that a call is taken is part of it"
    )
    assert len(sends(rig.from_access(asks(b"return", 8, call=3).pack()), "core")) == 1
    assert len(sends(rig.from_access(opening(PHONE).pack(), CALLER, own), "core")) == 1, "it was given leave before"


# -- calls that gather


def test_nobody_joins_a_new_call_but_members_of_live_ones_change_and_more_may_join() -> None:
    one = gateway()
    call = one.gather()
    one.rig.border.drain(30)
    orders = one.ask(opens(2, 2))
    assert said(one.heard(orders)) == [REFUSED] and not one.told(orders)
    assert said(one.heard(one.ask(opens(0, 3)))) == [REFUSED], "one that is yet to be named"
    assert one.gather(opens(exchange=4), b"2") is call
    (changed,) = one.told(one.ask(adjusts(exchange=5)))
    assert said(one.heard(one.say(yes(changed)))) == [(SUCCESS, 0)]
    assert live_calls(one.rig.border.registry) == 1
    for exchange, member in ((6, b"1"), (7, b"2")):
        (asked,) = one.told(one.ask(takes_off(member, exchange=exchange)))
        one.say(yes(asked))
    assert live_calls(one.rig.border.registry) == 0


def test_gateways_that_are_known_may_register_anew_and_others_may_not() -> None:
    """They begin anew, or have lost sight of the core: their calls would not end otherwise."""
    one = gateway()
    one.rig.border.drain(30)
    assert registers(one.rig, one.at, one.name, 95, cause=RESTART) == one.own
    record = binding(PHONE, 96, b"gw9", 600, places=((place(*PHONE, "gw"), 600),))
    orders = one.rig.from_access(record.pack(), NAT._replace(port=40777))
    assert said(sends(orders, "access")) == [REFUSED] and not sends(orders, "core")


def test_those_that_are_left_are_taken_off_on_both_sides() -> None:
    one = gateway()
    call = one.gather(members=b"1 2")
    one.rig.border.drain(30)
    orders = one.rig._take(one.rig.border.end_call(call.id, "drained", one.rig.now))
    for told in (one.told(orders), one.heard(orders)):
        assert [(each.op, each.user) for each in read(told)] == [(CLOSE, b"1"), (CLOSE, b"2")]
