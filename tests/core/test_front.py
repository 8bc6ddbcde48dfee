"""The registrar front without SIP: a made-up protocol's bindings are refreshed by the same rules."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.crossing import MOST_GRANTED
from sbc.core.message import Cause
from sbc.core.realm import Registrations
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, sends
from tests.toy import CAUSES
from tests.toy_calls import bound, read, toy_rig
from tests.toy_records import FAILURE, SUCCESS, Record, binding, granted, opening, place

TIMES = Registrations(behind_nat=40, direct=50, core=1000)


def rig() -> Rig:
    return toy_rig(registrations=TIMES)


def test_both_lifetimes_are_written() -> None:
    made = rig()
    (sent,) = sends(made.from_access(binding(PHONE, life=300).pack()), "core")
    assert Record.read(sent).places[0][1] == 1000
    (back,) = sends(made.from_core(granted(sent).pack()), "access")
    assert Record.read(back).places[0] == (place(*PHONE, "alice"), 40)


def test_a_refresh_is_answered_with_what_was_said_before() -> None:
    made = rig()
    (sent,) = sends(made.from_access(binding(PHONE, life=300).pack()), "core")
    made.from_core(granted(sent, identity=b"said").pack())
    made.now += 30
    orders = made.from_access(binding(PHONE, exchange=2, life=300).pack())
    (back,) = read(sends(orders, "access"))
    assert events(orders) == ["absorbed"] and not sends(orders, "core")
    assert (back.stage, back.places, back.identity) == (SUCCESS, ((place(*PHONE, "alice"), 40),), b"said")


def test_another_listener_is_another_way() -> None:
    """The same address at another socket of ours may be another NAT mapping: the registrar is asked."""
    made = rig()
    bound(made, life=300)
    (own,) = made.border.plan.realms["access"].listeners
    other = own.__class__(own.realm, own.dialect, own.transport, Address(own.address.host, 5070), own.advertised)
    orders = made.border.receive(Arrival(other, NAT, binding(PHONE, exchange=2, life=300).pack(), made.now))
    assert "from elsewhere" in [getattr(order, "reason", "") for order in orders]


def test_after_half_the_grant_the_registrar_is_asked_again() -> None:
    made = rig()
    bound(made, life=300)
    for exchange in range(2, 20):
        made.wait(30)
        orders = made.from_access(binding(PHONE, exchange=exchange, life=300).pack())
        if sends(orders, "core"):
            break
    assert exchange == 18  # 17 times 30 s: the first past 500


def test_who_does_not_come_back_is_absent_and_comes_back_by_the_registrar() -> None:
    made = rig()
    name = bound(made, life=300)
    made.wait(40 + 31)
    assert [b.state for b in made.border.registry.bindings.values()] == [BindingState.BOUND]
    made.wait(2)
    assert [b.state for b in made.border.registry.bindings.values()] == [BindingState.LAPSED]
    call = opening(SOFTSWITCH).but(target=name).pack()
    (reply,) = read(sends(made.from_core(call), "core"))
    assert (reply.stage, CAUSES[reply.cause - 1]) == (FAILURE, Cause.ABSENT)
    assert not made.border.registry.calls
    assert bound(made, life=300, exchange=9) == name
    assert sends(made.from_core(opening(SOFTSWITCH, exchange=2).but(target=name).pack()), "access")


def test_a_terminal_with_several_places_hears_of_all() -> None:
    made = rig()
    bound(made, life=300)
    second = (place(PHONE.host, 5062, "alice"), 300)
    bound(made, life=300, exchange=2, places=(second,))
    made.now += 10
    (back,) = read(sends(made.from_access(binding(PHONE, exchange=3, life=300).pack()), "access"))
    assert back.places == ((place(*PHONE, "alice"), 40), (second[0], 30))


@pytest.mark.parametrize("front", [True, False])
def test_a_grant_of_years_counts_as_one_of_a_week(front: bool) -> None:
    """Nobody is kept for years who is long gone; and whoever is told of it comes in time."""
    made = toy_rig(registrations=attrs.evolve(TIMES, front=front))
    (sent,) = sends(made.from_access(binding(PHONE, life=400_000_000).pack()), "core")
    assert Record.read(sent).places[0][1] == 400_000_000
    (back,) = sends(made.from_core(granted(sent).pack()), "access")
    assert Record.read(back).places[0][1] == (40 if front else MOST_GRANTED)
    made.wait(MOST_GRANTED + 1)
    assert not made.border.registry.bindings
