"""Farewells: the registrar hears of a dead terminal once; a terminal that is back comes by its registration alone."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.binding import Binding, BindingState
from sbc.core.orders import Note, Order
from sbc.core.realm import Keepalive, Probing, Registrations, Signaling
from sbc.sip.dialect import SipDialect
from tests import sip_messages as sip
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, make_plan, of
from tests.toy_calls import answered, bound, read, to_access, to_core, toy_rig
from tests.toy_records import BIND, CHALLENGE, FAILURE, PROBE, Record, answer, binding, granted, opening

TELLING = Keepalive(Probing.PROBE, period=20.0, answer_within=8.0, misses=3, tell_core=True)
TOLD = 300
"""Seconds for which the phone is registered: longer than it takes to die."""


def rig(keepalive: Keepalive = TELLING, **more: Any) -> Rig:
    return toy_rig(keepalive=keepalive, **more)


def of_bindings(orders: list[Order]) -> list[Record]:
    """What the registrar is told."""
    return [record for record in read([order.data for order in to_core(orders)]) if record.op == BIND]


def dies(made: Rig, exchange: int = 1) -> tuple[bytes, bytes]:
    """A terminal is bound and dies: the place it was known by, and what the registrar is told of it."""
    place, start = bound(made, life=TOLD, exchange=exchange), made.now
    while True:
        orders = made.wait(0.5)
        if "dead" in events(orders):
            (told,) = to_core(orders)
            return place, told.data
        assert made.now < start + 100 and not to_core(orders)


def the_binding(made: Rig) -> Binding:
    (binding,) = made.border.registry.bindings.values()
    return binding


@pytest.mark.parametrize("signaling", list(Signaling))
def test_the_registrar_is_asked_to_take_a_dead_terminal_off_and_does(signaling: Signaling) -> None:
    made = rig(signaling=signaling)
    place, told = dies(made)
    record = Record.read(told)
    assert (record.op, record.places) == (BIND, ((place, 0),))
    assert the_binding(made).state is BindingState.LAPSED
    own = the_binding(made).onward
    orders = made.from_core(answer(told, SOFTSWITCH.host).pack(), at=own)
    assert events(orders) == ["unbound"]
    assert not made.border.registry.bindings
    made.wait(1000)
    assert not made.border.registry.live_exchanges and not made.border.registry.watches


def test_it_is_asked_again_only_as_datagrams_need_it() -> None:
    made = rig()
    _, told = dies(made)
    again = [order.data for order in to_core(made.wait(60))]
    assert again and set(again) == {told}
    assert not made.border.registry.live_exchanges


@pytest.mark.parametrize("stage", [CHALLENGE, FAILURE])
def test_a_registrar_that_will_not_have_it_is_left_alone_and_the_reason_told(stage: int) -> None:
    made = rig()
    _, told = dies(made)
    orders = made.from_core(answer(told, SOFTSWITCH.host, stage, cause=9).pack())
    (note,) = of(Note, orders)
    assert (note.event, note.reason, note.fields["user"]) == ("unparted", "cause 9", "alice")
    assert not to_core(made.wait(100))
    assert the_binding(made).state is BindingState.LAPSED  # until the grant runs out
    made.wait(TOLD)
    assert not made.border.registry.bindings


def test_a_registrar_that_says_nothing_is_told_of_in_the_log() -> None:
    made = rig()
    dies(made)
    orders = made.wait(60)
    assert [note.reason for note in of(Note, orders) if note.event == "unparted"] == ["no answer from the next hop"]


def test_whatever_else_it_sends_does_not_bring_it_back_and_its_registration_goes_on() -> None:
    made = rig(registrations=Registrations())
    dies(made)
    probe = Record(PROBE, sender=7, call=bytes(10), exchange=b"p" * 10, target=b"203.0.113.1 5060 bob")
    made.from_access(probe.pack())
    assert the_binding(made).state is BindingState.LAPSED
    orders = made.from_access(binding(PHONE, exchange=2, life=TOLD).pack())
    (sent,) = [order for order in to_core(orders) if Record.read(order.data).op == BIND]
    assert "forwarded" in events(orders)
    made.from_core(granted(sent.data).pack())
    assert the_binding(made).state is BindingState.BOUND


def test_who_registers_anew_is_not_taken_off_afterwards() -> None:
    """Neither by a repetition of what was on its way, nor by its answer."""
    made = rig()
    _, told = dies(made)
    (sent,) = of_bindings(made.from_access(binding(PHONE, exchange=2, life=TOLD).pack()))
    assert [record.exchange for record in of_bindings(made.wait(1.0))] == [sent.exchange]
    assert events(made.from_core(answer(told, SOFTSWITCH.host).pack())) == ["stray-reply"]
    made.from_core(granted(sent.pack()).pack())
    assert the_binding(made).state is BindingState.BOUND
    assert not [record for record in of_bindings(made.wait(20)) if record.exchange != sent.exchange]


def test_it_may_die_and_be_taken_off_again_and_again() -> None:
    made = rig()
    for turn in range(3):
        _, told = dies(made, exchange=10 + turn)
        made.from_core(answer(told, SOFTSWITCH.host).pack())
        assert not made.border.registry.bindings


def test_a_registrar_that_has_said_yes_twice_is_told_as_well() -> None:
    made = rig()
    (sent,) = to_core(made.from_access(binding(PHONE, life=TOLD).pack(), NAT))
    for party in (9, 8):
        made.from_core(granted(sent.data).but(sender=party).pack(), at=sent.listener)
    orders = [order for _ in range(200) for order in made.wait(0.5)]
    assert "dead" in events(orders) and len(of_bindings(orders)) >= 1


def test_without_the_option_nobody_is_told() -> None:
    made = rig(attrs.evolve(TELLING, tell_core=False))
    bound(made, life=TOLD)
    orders = made.wait(200)
    assert "dead" in events(orders) and not to_core(orders)
    assert the_binding(made).state is BindingState.DEAD and not the_binding(made).sent


def test_a_grant_that_ends_before_the_answer_leaves_nothing() -> None:
    first = rig()
    dies(first)
    made = rig()
    bound(made, life=int(first.now - 1000) + 3)
    orders = made.wait(first.now - 1000)
    (told,) = of_bindings(orders)
    made.wait(4)
    assert not made.border.registry.bindings and made.border.registry.live_exchanges
    assert not of(Note, made.from_core(answer(told.pack(), SOFTSWITCH.host).pack()))
    assert not made.border.registry.live_exchanges


def test_a_call_of_the_dead_goes_on_being_watched() -> None:
    made = rig()
    bound(made, life=TOLD)
    talk = answered(made, opening(PHONE, exchange=5))
    orders = made.wait(90)
    assert "dead" in events(orders) and of_bindings(orders)
    assert the_binding(made).watch is None and talk.call.watch is not None
    assert to_access(orders)[-1].to == NAT


def test_who_registered_by_the_port_of_another_that_is_gone_is_taken_off_by_its_own() -> None:
    """Two places of one registration go to the registrar by the port of the first of them."""
    made = Rig.make(SipDialect(), make_plan("sip", keepalive=TELLING, signaling=Signaling.PORT_PER_TERMINAL))
    other = b"Contact: <sip:alice@192.168.1.11:5060>;expires=300"
    (sent,) = to_core(made.from_access(sip.register(PHONE, other)))
    made.from_core(sip.registered(sent.data), at=sent.listener)
    first, second = sorted(made.border.registry.bindings.values(), key=lambda each: each.place)
    off = sip.register(PHONE, seq=2, expires=0)
    (sent,) = to_core(made.from_access(off))
    made.from_core(sip.plain_answer(sent.data, b"200 OK"), at=sent.listener)
    assert list(made.border.registry.bindings.values()) == [second] and first.onward != second.onward
    made.wait(40)  # until nobody absorbs what comes late by the port of the first
    (told,) = [order for _ in range(200) for order in to_core(made.wait(0.5)) if b"REGISTER" in order.data][:1]
    assert told.listener == second.onward and b"192.168.1.11" not in told.data
