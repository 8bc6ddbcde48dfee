"""What is let in and for whom it counts: calls of both directions, registrations, and that all of it is given back."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import attrs
import pytest

from sbc.core.address import Address, network_of
from sbc.core.message import Cause
from sbc.core.orders import Note, Record
from sbc.policy.customers import Customer
from sbc.policy.limits import Caps
from sbc.policy.tally import CALLS, CUSTOMER, TERMINAL, Tally
from tests import toy_records
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, of, sends
from tests.toy import CAUSES, TELL
from tests.toy_calls import answered, bound, to_access, to_core, toy_rig
from tests.toy_records import CLOSE, FAILURE, answer, binding, granted, inside, number, opening

OTHER, THIRD = Address("203.0.113.12", 40001), Address("203.0.113.13", 40001)


def limited(caps: Caps, **plan: Any) -> Rig:
    """A rig whose terminals have these limits."""
    rig = toy_rig(**plan)
    return replanned(rig, caps)


def replanned(rig: Rig, caps: Caps) -> Rig:
    access = attrs.evolve(rig.border.plan.realms["access"], terminals=caps)
    rig.replan(attrs.evolve(rig.border.plan, realms={**rig.border.plan.realms, "access": access}))
    return rig


def causes(orders: Any) -> list[str]:
    return [note.fields["cause"] for note in of(Note, orders) if note.event == "refused"]


def told(orders: Any, realm: str = "access") -> list[Cause]:
    """The causes of what is refused, as they are said."""
    return [CAUSES[data[4] - 1] for data in sends(orders, realm) if toy_records.Record.read(data).stage == FAILURE]


def terminals(rig: Rig) -> dict[str, Tally]:
    return {each.name: each for each in rig.border.registry.gate.book.tallies() if each.kind == TERMINAL}


def call(rig: Rig, which: int, source: Address = NAT, **changes: Any) -> Any:
    record = opening(PHONE, call=which, exchange=which).but(**changes)
    return rig.from_access(record.pack(), source)


def call_in(rig: Rig, place: bytes, which: int) -> Any:
    """The core calls the terminal that it knows by that place."""
    record = opening(SOFTSWITCH, call=which, exchange=which, target=place).but(user=b"bob")
    return rig.from_core(record.pack())


def test_calls_from_and_to_a_terminal_count_together_and_who_calls_it_hears_that_it_is_busy() -> None:
    rig = limited(Caps(calls=2))
    at = bound(rig)
    call(rig, 11)
    assert to_access(call_in(rig, at, 12))
    orders = call_in(rig, at, 13)
    assert told(orders, "core") == [Cause.ENGAGED] and not to_access(orders)
    assert told(call(rig, 14)) == [Cause.BUSY]
    assert (terminals(rig)["alice"].calls, terminals(rig)["alice"].refused[CALLS]) == (2, 2)
    rig.wait(400)  # nobody has answered
    assert terminals(rig)["alice"].empty and to_access(call_in(rig, at, 15)) == []  # it has expired meanwhile


def test_a_terminal_is_its_user_wherever_it_calls_from_and_a_stranger_its_address() -> None:
    rig = limited(Caps(calls=1))
    bound(rig)
    bound(rig, source=OTHER, call=number(78))
    call(rig, 11)
    assert told(call(rig, 12, OTHER)) == [Cause.BUSY]
    assert to_core(call(rig, 13, THIRD)) and told(call(rig, 14, THIRD)) == [Cause.BUSY]
    assert set(terminals(rig)) == {"alice", THIRD.host}


def test_an_attempt_that_comes_again_with_credentials_is_the_same_call() -> None:
    rig = limited(Caps(calls=1, calls_per_second=0.1))
    (sent,) = to_core(call(rig, 1))
    rig.from_core(answer(sent.data, SOFTSWITCH.host, 5).pack())
    assert to_core(call(rig, 1, exchange=number(2)))
    assert terminals(rig)[NAT.host].calls == 1


def test_what_ends_makes_room_however_it_ends() -> None:
    rig = limited(Caps(calls=1))
    (sent,) = to_core(call(rig, 1))
    rig.from_core(answer(sent.data, SOFTSWITCH.host, FAILURE).pack())
    (sent,) = to_core(call(rig, 2))
    (back,) = to_access(rig.from_core(answer(sent.data, SOFTSWITCH.host).pack()))
    (bye,) = to_core(rig.from_access(inside(opening(PHONE, 2, 2).pack(), back.data, CLOSE, 9).pack()))
    rig.from_core(answer(bye.data, SOFTSWITCH.host).pack())
    call(rig, 3)
    rig._take(rig.border.end_call(next(reversed(rig.border.registry.calls)), "enough", rig.now))
    assert to_core(call(rig, 4))


def test_a_subscription_is_no_call() -> None:
    rig = limited(Caps(calls=1))
    for which in (1, 2, 3):
        assert to_core(call(rig, which, lifetime=60))
    assert to_core(call(rig, 4)) and told(call(rig, 5)) == [Cause.BUSY]


def test_calls_for_help_go_past_and_are_counted() -> None:
    rig = limited(Caps(calls=1, calls_per_second=0.1))
    call(rig, 1)
    assert told(call(rig, 2)) == [Cause.BUSY]
    assert to_core(call(rig, 3, target=b"203.0.113.1 5060 help"))
    assert (terminals(rig)[NAT.host].calls, terminals(rig)[NAT.host].passed) == (2, 1)


def test_lower_limits_keep_live_calls() -> None:
    rig = limited(Caps(calls=2))
    call(rig, 1)
    call(rig, 2)
    replanned(rig, Caps(calls=1))
    assert len(rig.border.registry.calls) == 2 and told(call(rig, 3)) == [Cause.BUSY]


def test_an_attempt_that_finds_no_media_port_takes_no_place() -> None:
    rig = limited(Caps(calls=1), ports=2)
    call(rig, 1, OTHER)
    assert told(call(rig, 2)) == [Cause.NO_PORTS] and terminals(rig)[NAT.host].empty


def test_who_is_known_has_a_record_of_what_was_refused_and_strangers_have_none() -> None:
    rig = limited(Caps(calls=1))
    at = bound(rig)
    call(rig, 11)
    call(rig, 12, THIRD)
    for orders, who in ((call(rig, 13), "access"), (call_in(rig, at, 14), "core")):
        records = of(Record, orders)
        assert [each.event for each in records] == ["open", "close"] and records[0].fields["from"].startswith(who)
        assert (records[1].fields["who"], "has its 1 calls" in records[1].fields["cause"]) == ("sbc", True)
        assert records[1].fields["ending"] == ("congestion" if who == "access" else "busy")
    assert told(call(rig, 15, THIRD)) == [Cause.BUSY] and not of(Record, call(rig, 16, THIRD))


# -- registrations


def bind(rig: Rig, port: int, source: Address = NAT, user: bytes = b"alice") -> Any:
    return rig.from_access(binding(Address(PHONE.host, port), exchange=port, user=user).pack(), source)


def test_a_user_has_so_many_contacts_and_others_have_theirs() -> None:
    rig = limited(Caps(bindings=2))
    for port in (5060, 5061):
        (sent,) = to_core(bind(rig, port))
        rig.from_core(granted(sent.data).pack())
    assert told(bind(rig, 5062)) == [Cause.BUSY] and to_core(bind(rig, 5063, user=b"bob"))
    again = binding(Address(PHONE.host, 5060), exchange=9)
    assert to_core(rig.from_access(again.pack()))  # a refresh is none
    rig.wait(100)
    assert to_core(bind(rig, 5064))


def test_what_no_registrar_has_confirmed_takes_nobodys_place_but_its_own() -> None:
    rig = limited(Caps(bindings=1))
    for port in (5070, 5071, 5072):  # somebody who claims to be alice, and is not
        bind(rig, port, Address(OTHER.host, port))
    (sent,) = to_core(bind(rig, 5060))
    assert told(bind(rig, 5061)) == [Cause.BUSY]  # it would have two, if both were confirmed
    rig.from_core(granted(sent.data).pack())
    assert terminals(rig)["alice"].bindings == 1
    assert told(bind(rig, 5073, Address(OTHER.host, 5073))) == [Cause.BUSY]


def test_a_contact_whose_terminal_is_gone_is_in_nobodys_way() -> None:
    rig = limited(Caps(bindings=1))
    (sent,) = to_core(bind(rig, 5060))
    rig.from_core(granted(sent.data, 3600).pack())
    (known,) = rig.border.registry.bindings.values()
    known.state = type(known.state).LAPSED
    assert to_core(bind(rig, 5061))


@pytest.mark.parametrize("end", ["expires", "taken off"])
def test_a_registration_that_is_over_is_given_back(end: str) -> None:
    rig = limited(Caps(bindings=1))
    bound(rig)
    if end == "expires":
        rig.wait(100)
    else:
        (sent,) = to_core(rig.from_access(binding(PHONE, 3, life=0).pack()))
        rig.from_core(granted(sent.data).pack())
    assert not rig.border.registry.bindings and terminals(rig)["alice"].empty


# -- whom addresses stand for


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.11", "203.0.113.11"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
    ],
)
def test_of_ipv6_a_whole_network_is_one(host: str, network: str) -> None:
    assert network_of(host) == network


def test_an_attempt_that_is_repeated_after_its_refusal_has_one_record() -> None:
    rig = limited(Caps(calls=1))
    bound(rig)
    call(rig, 11)
    refused = [call(rig, 12) for _ in range(4)]
    assert [told(each) for each in refused] == [[Cause.BUSY]] * 4
    assert [len(of(Record, each)) for each in refused] == [2, 0, 0, 0]
    assert len(of(Record, call(rig, 13))) == 2  # which is another


def test_what_a_terminal_has_counts_for_it_from_the_reload_on_that_limits_it() -> None:
    rig = toy_rig()
    bound(rig)
    for which in range(11, 16):
        assert to_core(call(rig, which))
    replanned(rig, Caps(calls=2, bindings=1))
    assert (terminals(rig)["alice"].calls, terminals(rig)["alice"].bindings) == (5, 1)
    assert told(call(rig, 16)) == [Cause.BUSY]
    replanned(rig, Caps())
    assert to_core(call(rig, 17))


def two_networks(rig: Rig) -> Rig:
    """The NAT is of one customer, another host of a second, and each may have one of everything."""
    access = rig.border.plan.realms["access"]
    each = (
        Customer(name, networks=(IPv4Network(source.host),), caps=Caps(calls=1, bindings=1))
        for name, source in (("acme", NAT), ("other", OTHER))
    )
    realms = {**rig.border.plan.realms, "access": attrs.evolve(access, customers=tuple(each))}
    rig.replan(attrs.evolve(rig.border.plan, realms=realms))
    return rig


def customers(rig: Rig) -> dict[str, Tally]:
    return {each.name: each for each in rig.border.registry.gate.book.tallies() if each.kind == CUSTOMER}


def test_a_registration_counts_for_whose_network_its_terminal_is_in_now() -> None:
    """It counted for the one that it had left, for as long as it was refreshed."""
    rig = two_networks(toy_rig())
    bound(rig)
    bound(rig, source=OTHER, exchange=3)
    assert {name: each.bindings for name, each in customers(rig).items()} == {"acme": 0, "other": 1}
    assert to_core(bind(rig, 5070, user=b"bob")), "there is room where it was"
    rig.wait(100)
    assert not rig.border.registry.bindings and not any(each.bindings for each in customers(rig).values())


def test_a_call_counts_for_whose_network_its_terminal_has_moved_to() -> None:
    rig = two_networks(toy_rig())
    bound(rig, exchange=3)
    talk = answered(rig)
    assert talk.call.terminal == b"alice"
    rig.from_access(inside(talk.asked, talk.back, TELL).pack(), OTHER)
    there = customers(rig)
    assert (there["acme"].calls, there["other"].calls) == (0, 1)
    assert told(call(rig, 12, OTHER)) == [Cause.BUSY] and to_core(call(rig, 13))
