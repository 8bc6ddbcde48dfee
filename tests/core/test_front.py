"""The registrar front without SIP: a made-up protocol's bindings are refreshed by the same rules."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.crossing import MOST_GRANTED
from sbc.core.message import Cause
from sbc.core.realm import Registrations, Signaling
from sbc.core.registry import Arrival
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, sends
from tests.toy import CAUSES
from tests.toy_calls import bound, read, toy_rig
from tests.toy_records import FAILURE, SUCCESS, Record, binding, granted, number, opening, place

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


# -- terminals that the registrar calls by a name of its own


def named(made: Rig) -> bytes:
    """A terminal that the registrar calls #7; the answer it got."""
    (sent,) = sends(made.from_access(binding(PHONE, life=300).pack()), "core")
    (back,) = sends(made.from_core(granted(sent, places=(), user=b"#7", lifetime=1000).pack()), "access")
    return back


def keepalive(exchange: int = 2, name: bytes = b"#7") -> bytes:
    return binding(PHONE, exchange=exchange, user=name, life=300, places=(), lifetime=300).pack()


def test_who_grants_all_need_not_name_it() -> None:
    made = rig()
    back = Record.read(named(made))
    assert (back.user, back.lifetime, back.places) == (b"#7", 40, ())
    (kept,) = made.border.registry.bindings.values()
    assert (kept.state, kept.handle, kept.grant_ends) == (BindingState.BOUND, b"#7", made.now + 1000)


def test_a_refresh_may_say_no_more_than_the_name() -> None:
    made = rig()
    named(made)
    made.now += 30
    orders = made.from_access(keepalive())
    (back,) = read(sends(orders, "access"))
    assert events(orders) == ["absorbed"] and (back.stage, back.lifetime) == (SUCCESS, 40)


def test_when_it_is_due_the_registrar_is_asked_by_the_name_and_what_it_grants_counts_anew() -> None:
    made = rig()
    named(made)
    (kept,) = made.border.registry.bindings.values()
    terms = kept.terms
    made.wait(30)
    while not (sent := sends(made.from_access(keepalive(exchange=int(made.now))), "core")):
        made.wait(30)
    asked = Record.read(sent[0])
    assert (asked.user, asked.places, asked.lifetime) == (b"#7", (), 1000)
    made.from_core(granted(sent[0], user=b"#7", lifetime=900).pack())
    assert (kept.grant_ends, kept.terms, kept.place.address) == (made.now + 900, terms, PHONE)


def test_nobody_is_known_by_the_name_of_another() -> None:
    made = rig()
    named(made)
    for source, name in ((NAT, b"#8"), (Address("203.0.113.66", 5060), b"#7")):
        (back,) = read(sends(made.from_access(keepalive(exchange=9, name=name), source), "access"))
        assert (back.stage, back.cause) == (FAILURE, 1 + CAUSES.index(Cause.UNBOUND))


def test_the_registrar_takes_off_a_terminal_with_a_port_of_its_own() -> None:
    ports = {"signaling": Signaling.PORT_PER_TERMINAL, "signaling_ports": range(41000, 41010)}
    made = toy_rig(registrations=TIMES, **ports)
    bound(made, life=300)
    (kept,) = made.border.registry.bindings.values()
    off = binding(SOFTSWITCH, exchange=5, user=b"#7", life=0, places=(), lifetime=0, target=b"").pack()
    (sent,) = sends(made.from_core(off, at=kept.onward), "access")
    made.from_access(granted(sent).pack())
    assert not made.border.registry.bindings
    (no,) = read(sends(made.from_core(Record.read(off).but(exchange=number(6)).pack()), "core"))
    assert (no.stage, no.cause) == (FAILURE, 1 + CAUSES.index(Cause.NOT_FOUND))


def test_only_who_binds_from_access_binds() -> None:
    ports = {"signaling": Signaling.PORT_PER_TERMINAL, "signaling_ports": range(41000, 41010)}
    made = toy_rig(registrations=TIMES, **ports)
    bound(made, life=300)
    (kept,) = made.border.registry.bindings.values()
    (no,) = read(sends(made.from_core(binding(SOFTSWITCH, exchange=5, target=b"").pack(), at=kept.onward), "core"))
    assert (no.stage, no.cause) == (FAILURE, 1 + CAUSES.index(Cause.FORBIDDEN)) and kept.state is BindingState.BOUND
