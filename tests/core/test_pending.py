"""Registrations that nobody has confirmed: found as they came, at one cost however many of one user's there are."""

from __future__ import annotations

from functools import partial

import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.orders import Send
from sbc.core.registry import Arrival
from sbc.sip.dialect import SipDialect
from tests.rig import NAT, PHONE, Rig, make_plan, of
from tests.sip_messages import plain_answer, register, registered
from tests.steps import steps


def rig() -> Rig:
    return Rig.make(SipDialect(), make_plan("sip"))


def forge(made: Rig, count: int, contact: Address | None = None, *more: bytes) -> None:
    """So many registrations of one user, each from a source of its own."""
    for n in range(count):
        source = Address(f"100.64.{n >> 8}.{n & 255}", 5060)
        data = register(contact or source, *more, call=b"%d" % n, user=b"nobody")
        made.border.receive(arrival(made, source, data))


def arrival(made: Rig, source: Address, data: bytes) -> Arrival:
    return Arrival(made.border.plan.realms["access"].listeners[0], source, data, made.now)


def lines(made: Rig, source: Address, data: bytes) -> int:
    """How many lines of code one message takes."""
    return steps(partial(made.border.receive, arrival(made, source, data)))[1]


@pytest.mark.parametrize("shared", [False, True], ids=["each at its own place", "all at the same place"])
def test_one_more_of_very_many_of_one_user_costs_what_the_first_costs(shared: bool) -> None:
    """Anybody may begin registrations of anybody: what each costs is not to grow with them."""
    contact = PHONE if shared else None
    made, last = rig(), Address("100.99.0.1", 5060)
    first = lines(made, Address("100.98.0.1", 5060), register(contact or last, call=b"first", user=b"nobody"))
    forge(made, 1500, contact)
    assert len([each for each in made.border.registry.bindings.values() if each.state is BindingState.PENDING]) == 1501
    assert lines(made, last, register(contact or last, call=b"last", user=b"nobody")) < first + 200


def test_who_is_repeated_or_moves_while_it_waits_is_the_same_one() -> None:
    made = rig()
    made.from_access(register(PHONE, call=b"a"))
    made.from_access(register(PHONE, call=b"b"), Address(NAT.host, 40_009))
    (binding,) = made.border.registry.bindings.values()
    made.from_access(register(PHONE, call=b"a", seq=2), Address("203.0.113.77", 4000))
    assert [each.seen.host for each in made.border.registry.bindings.values()] == [NAT.host], (
        "by its label: its Call-ID"
    )
    made.from_access(register(PHONE, call=b"other"), Address("203.0.113.77", 4000))
    assert len(made.border.registry.bindings) == 2 and binding.state is BindingState.PENDING


def test_who_is_confirmed_waits_no_more_and_who_is_refused_is_gone() -> None:
    made = rig()
    registry = made.border.registry
    (sent,) = of(Send, made.from_access(register(PHONE)))
    assert list(registry.pending) and not registry.bindings_by_user and not registry.bindings_at
    made.from_core(registered(sent.data))
    assert not list(registry.pending) and not registry.pending and registry.bindings_by_user and registry.bindings_at
    (sent,) = of(Send, made.from_access(register(PHONE, call=b"x", user=b"bob"), Address("203.0.113.77", 4000)))
    assert len(registry.pending) > 0
    made.from_core(plain_answer(sent.data, b"403 Forbidden"))
    made.now += 64
    made.border.wake(made.now)
    assert not registry.pending and len(registry.bindings) == 1
