"""Calls that gather and that the SBC ends itself: every member is released on both sides."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.call import CallState
from sbc.core.message import Ending
from sbc.core.orders import CloseStream, Record
from sbc.core.realm import Timers
from tests.rig import PHONE, SOFTSWITCH, events, of
from tests.toy import PLAIN
from tests.toy_calls import read
from tests.toy_gateway import RESTART, Gateway, gateway, joined, opens, takes_off, yes
from tests.toy_records import CLOSE, FAILURE, binding, granted, place


def closing(orders: list[object]) -> list[Record]:
    return [each for each in orders if isinstance(each, Record) and each.event == "close"]


def gathered() -> Gateway:
    """A gateway with a call of two members."""
    one = gateway()
    one.gather()
    one.gather(opens(exchange=2), b"2")
    return one


def test_both_sides_are_told_of_each_member() -> None:
    one = gathered()
    (call,) = one.rig.border.registry.calls.values()
    orders = one.rig._take(one.rig.border.end_call(call.id, "no more", one.rig.now))
    for told in (one.told(orders), one.heard(orders)):
        assert [(each.op, each.user, each.call) for each in read(told)] == [
            (CLOSE, b"1", read(told)[0].call),
            (CLOSE, b"2", read(told)[0].call),
        ]
    assert len(of(CloseStream, orders)) == 2 and call.state is CallState.CLOSED
    (record,) = closing(list(orders))
    assert (record.fields["cause"], record.fields["ending"], record.fields["who"]) == ("no more", "cleared", "sbc")
    for data in one.told(orders):
        assert not one.heard(one.say(yes(data)))
    one.rig.wait(100)
    assert not one.rig.border.registry.calls and not one.rig.border.registry.live_exchanges


def test_silence_ends_it_as_any_call() -> None:
    one = gathered()
    (call,) = one.rig.border.registry.calls.values()
    streams = [each.id for each in call.streams.values()]
    assert not closing(list(one.rig._take(one.rig.border.silent(streams[0], 60, one.rig.now))))
    orders = one.rig._take(one.rig.border.silent(streams[1], 60, one.rig.now))
    assert [each.fields["ending"] for each in closing(list(orders))] == [Ending.SILENT.value]
    assert len(one.told(orders)) == len(one.heard(orders)) == 2


def test_it_lasts_no_longer_than_a_call_may() -> None:
    one = gathered()
    one.rig.border.registry.networks.plan = attrs.evolve(one.rig.border.plan, timers=Timers(call_max=30.0))
    assert one.rig.border.plan.timers.call_max == 30.0
    call = one.gather(opens(5, 9), b"9")
    orders = one.rig.wait(31)
    assert [(each.call, each.fields["ending"]) for each in closing(list(orders))] == [(call.id, "expired")]
    assert [each.user for each in read(one.told(orders)) if each.op == CLOSE][:1] == [b"9"]


def test_who_waits_to_join_is_refused_and_released_when_it_joins_too_late() -> None:
    one = gathered()
    (call,) = one.rig.border.registry.calls.values()
    (asked,) = one.told(one.ask(opens(exchange=7)))
    orders = one.rig._take(one.rig.border.end_call(call.id, "no more", one.rig.now))
    assert FAILURE in [each.stage for each in read(one.heard(orders))]
    orders = one.say(joined(asked, b"3"))
    assert not one.heard(orders) and "too-late" in events(orders)
    (release,) = read(one.told(orders))
    assert (release.op, release.user) == (CLOSE, b"3")
    assert not one.told(one.say(joined(asked, b"3"))), "the same again"


def test_a_call_that_nobody_has_joined_yet_ends_with_its_attempts() -> None:
    one = gateway()
    (first,), (second,) = one.told(one.ask(opens())), one.told(one.ask(opens(exchange=2)))
    (call,) = one.rig.border.registry.calls.values()
    orders = one.rig._take(one.rig.border.end_call(call.id, "no more", one.rig.now))
    assert [each.stage for each in read(one.heard(orders))] == [FAILURE, FAILURE]
    assert len(closing(list(orders))) == 1
    for late, member in ((first, b"1"), (second, b"2")):
        assert [each.user for each in read(one.told(one.say(joined(late, member))))] == [member]


@pytest.mark.parametrize("answered", [True, False])
def test_what_is_given_up_for_time_does_not_end_what_others_are_in(answered: bool) -> None:
    one = gateway()
    if answered:
        one.gather()
    (asked,) = one.told(one.ask(opens(exchange=2)))
    orders = one.rig.wait(11)
    assert FAILURE in [each.stage for each in read(one.heard(orders))]
    assert len(closing(list(orders))) == (not answered)
    assert [each.user for each in read(one.told(one.say(joined(asked, b"2"))))] == [b"2"]
    (refusal,) = read(one.heard(one.ask(opens(exchange=2))))
    assert refusal.stage == FAILURE


def test_who_is_taken_off_too_late_is_gone_all_the_same() -> None:
    """Whoever asked was told that nobody had answered, and does not ask again."""
    one = gathered()
    (call,) = one.rig.border.registry.calls.values()
    (asked,) = one.told(one.ask(takes_off(b"1", exchange=7)))
    assert FAILURE in [each.stage for each in read(one.heard(one.rig.wait(PLAIN.limit + 1)))]
    assert call.gathering is not None and call.gathering.members == [b"1", b"2"]
    orders = one.say(yes(asked))
    assert call.gathering.members == [b"2"] and len(call.streams) == len(of(CloseStream, orders)) == 1
    assert "too-late" in events(orders) and not one.heard(orders) and not closing(list(orders))
    one.gather(opens(exchange=8), b"1")
    one.say(yes(asked))
    assert call.gathering.members == [b"2", b"1"], "the same again"


def test_with_the_last_of_them_their_call_ends() -> None:
    one = gateway()
    call = one.gather()
    (asked,) = one.told(one.ask(takes_off()))
    one.rig.wait(PLAIN.limit + 1)
    (record,) = closing(list(one.say(yes(asked))))
    assert (record.call, record.fields["ending"]) == (call.id, "normal")
    assert not one.rig.border.registry.media_ports["core"].used


def test_what_a_gateway_says_of_itself_is_not_believed_too_late() -> None:
    """It repeats that, and others may have joined since."""
    one = gateway()
    again = binding(PHONE, 91, one.name, 600, places=((place(*PHONE, "gw"), 600),), cause=RESTART)
    (asked,) = one.heard(one.say(again))
    one.rig.wait(PLAIN.limit + 1)
    call = one.gather()
    orders = one.rig.from_core(granted(asked).pack(), SOFTSWITCH, at=one.own)
    assert "too-late" in events(orders) and call.gathering is not None and call.gathering.members == [b"1"]


def test_calls_end_with_their_gateway_and_the_core_hears_of_it() -> None:
    one = gathered()
    registry = one.rig.border.registry
    (call,) = registry.calls.values()
    one.rig._take(registry.forget_binding(one.binding, "gone", one.rig.now))
    orders = one.rig.wait(0)
    assert not one.told(orders) and [each.user for each in read(one.heard(orders))] == [b"1", b"2"]
    (record,) = closing(list(orders))
    assert (record.call, record.fields["ending"]) == (call.id, "vanished")
    assert SOFTSWITCH
