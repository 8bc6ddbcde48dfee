"""H.245 on a connection of its own: who opens it to where, what goes by it, and what becomes of it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import Connect, HangUp, Listen, Listener, Note, OpenStream, Order, Send, Unlisten
from sbc.core.wires import ControlHosts
from sbc.h323.codec import build_control, build_signal, decode
from sbc.octets.tpkt import wrap
from tests.calls.test_h323_calls import (
    BY_TCP,
    admitted,
    from_gatekeeper,
    heard,
    lost,
    olc,
    olc_ack,
    only,
    opened,
    tcp,
)
from tests.h323_calls import CALLS, CONFERENCE, addresses, h323_rig, ip, read, registered, said_back, setup, to
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, of

PUBLIC = Address("203.0.113.50", 1719)
THEIRS = Address(SOFTSWITCH.host, 33245)
"""Where the gatekeeper takes H.245."""
OURS = Address(PHONE.host, 55245)
"""Where a terminal behind a NAT does, as it believes."""
ROUND_TRIP = build_control("request", "roundTripDelayRequest", {"sequenceNumber": 7})


def told(data: Send | bytes) -> Address:
    """The h245Address in a message."""
    (address,) = addresses(data.data if isinstance(data, Send) else data)["h245Address"]
    return address


def came(rig: Rig, door: Listener, peer: Address) -> list[Order]:
    """Somebody connects to a door and is let in."""
    assert rig.border.barred(door, peer, rig.now) == ""
    return rig._take(rig.border.accepted(door, peer, rig.now))


def slow(rig: Rig | None = None, **more: Any) -> tuple[Rig, Send, Listener, list[Order]]:
    """A call of a terminal behind a NAT, up by slow start: the gatekeeper takes H.245 in its Connect. The Setup as it
    went on, the door for the terminal, and the orders that came with the Connect."""
    rig = rig or h323_rig()
    admitted(rig)
    sent = opened(rig, fast=False, **more)
    orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, h245Address=ip(THEIRS)))
    return rig, sent, only(of(Listen, orders)).listener, orders


def talking(rig: Rig | None = None) -> tuple[Rig, Send, Listener, Listener]:
    """The same, with the control channel up on both sides: the door, and the connection of ours to the gatekeeper."""
    rig, sent, door, _ = slow(rig)
    connect = only(of(Connect, came(rig, door, BY_TCP)))
    assert not came(rig, connect.listener, THEIRS)
    return rig, sent, door, connect.listener


def test_an_h245_address_is_a_door_of_ours_on_the_other_side() -> None:
    rig, _, door, orders = slow()
    back = only(to(orders, "access"))
    assert told(back) == door.advertised and door.realm == "access" and not door.lane
    assert door.address.host == SBC_ACCESS.host and 20000 <= door.address.port < 20100
    assert orders.index(only(of(Listen, orders))) < orders.index(back)
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)
    assert rig.border.registry.controls.listeners() == {door}


def test_when_the_terminal_comes_we_connect_to_where_the_other_party_takes_it() -> None:
    rig, sent, door, _ = slow()
    orders = came(rig, door, BY_TCP._replace(port=52009))
    connect = only(of(Connect, orders))
    assert connect.peer == THEIRS and connect.listener.lane not in ("", sent.listener.lane)
    assert connect.listener.shared == sent.listener.shared  # the terminal's own port
    assert not of(Send, orders)


def test_what_is_said_there_crosses_with_the_slots_of_its_call() -> None:
    rig, _, door, onward = talking()
    up = only(to(heard(rig, door, BY_TCP, ROUND_TRIP), "core"))
    assert (up.listener, up.to, up.data) == (onward, THEIRS, ROUND_TRIP)
    orders = heard(rig, door, BY_TCP, wrap(olc(PHONE.host, 4001)))
    spec = only(of(OpenStream, orders)).spec
    assert addresses(only(to(orders, "core")).data)["mediaControlChannel"] == [spec.sides[1].local.rtcp]
    down = only(to(heard(rig, onward, THEIRS, wrap(olc_ack(SOFTSWITCH.host, 5000))), "access"))
    assert (down.listener, down.to) == (door, BY_TCP)
    assert addresses(down.data)["mediaChannel"] == [spec.sides[0].local.rtp]
    assert_no_trace(down.data, SOFTSWITCH.host, SBC_CORE.host)
    assert not rig.border.registry.call_named(rig.border.plan.realms["access"], BY_TCP, b"")


def test_a_terminal_behind_a_nat_that_takes_h245_is_asked_to_come_to_us() -> None:
    """Early H.245: the gatekeeper connects, and no way of ours leads to where the terminal believes to be."""
    rig = h323_rig()
    admitted(rig)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fast=False, h245Address=ip(OURS)))
    sent, door = only(to(orders, "core")), only(of(Listen, orders)).listener
    assert told(sent) == door.advertised and door.realm == "core"
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    orders = came(rig, door, SOFTSWITCH._replace(port=41234))
    asked, other = only(to(orders, "access")), only(of(Listen, orders)).listener
    assert not of(Connect, orders)
    message = decode(asked.data)
    assert (message.name, message.value["reason"][0], asked.to) == ("facility", "startH245", BY_TCP)
    assert message.q931.from_destination and message.value["conferenceID"] == CONFERENCE  # type: ignore[union-attr]
    assert told(asked) == other.advertised and other.realm == "access"
    assert not of(Send, heard(rig, door, SOFTSWITCH._replace(port=41234), ROUND_TRIP))  # it waits
    orders = came(rig, other, BY_TCP._replace(port=52010))
    said = only(of(Send, orders))
    assert (said.listener, said.to, said.data) == (other, BY_TCP._replace(port=52010), ROUND_TRIP)
    assert rig.border.registry.timers.owners() and not of(HangUp, rig.wait(11))


def called(public: bool = True) -> tuple[Rig, Send, Listener, Address]:
    """A call to a terminal without a NAT that takes H.245 in its Connect, up; the door for the gatekeeper."""
    rig = h323_rig()
    calls = PUBLIC._replace(port=CALLS)
    own = registered(rig, PUBLIC, ras=PUBLIC, calls=calls)
    caller = SOFTSWITCH._replace(port=33000)
    orders = heard(rig, attrs.evolve(own, transport="tcp"), caller, setup(own.address, own.address, fast=False))
    down = only(to(orders, "access"))
    takes = PUBLIC._replace(port=50245) if public else Address("198.51.100.77", 22)
    orders = heard(rig, down.listener, calls, said_back("connect", down.data, h245Address=ip(takes)))
    return rig, down, only(of(Listen, orders)).listener, takes


def test_a_terminal_without_a_nat_is_connected_to() -> None:
    rig, down, door, takes = called()
    connect = only(of(Connect, came(rig, door, SOFTSWITCH._replace(port=41234))))
    assert (connect.peer, connect.listener.shared) == (takes, down.listener.shared)


def test_we_never_connect_into_the_carriers_net_because_a_terminal_says_so() -> None:
    rig, down, door, _ = called(public=False)
    orders = came(rig, door, SOFTSWITCH._replace(port=41234))
    assert not of(Connect, orders)
    asked = only(to(orders, "access"))
    assert (asked.listener, asked.to, decode(asked.data).name) == (down.listener, down.to, "facility")
    assert not decode(asked.data).q931.from_destination  # type: ignore[union-attr]


def test_to_another_host_of_the_core_only_if_the_realm_says_so() -> None:
    elsewhere = Address("198.51.100.99", 33245)
    for hosts, connects in ((ControlHosts.PEER, False), (ControlHosts.ANY, True)):
        rig, plan = h323_rig(), h323_rig().border.plan
        core = plan.realms["core"]
        core = attrs.evolve(core, connections=attrs.evolve(core.connections, control_hosts=hosts))
        rig.replan(attrs.evolve(plan, realms={**plan.realms, "core": core}))
        admitted(rig)
        sent = opened(rig, fast=False)
        orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, h245Address=ip(elsewhere)))
        orders = came(rig, only(of(Listen, orders)).listener, BY_TCP)
        assert [each.peer for each in of(Connect, orders)] == ([elsewhere] if connects else [])
        asked = [decode(each.data).name for each in to(orders, "core")]
        assert asked == ([] if connects else ["facility"])


def test_only_the_host_of_the_signalling_is_let_in_and_only_once() -> None:
    rig, _, door, _ = slow()
    assert "signalling" in rig.border.barred(door, Address("203.0.113.66", 5), rig.now)
    came(rig, door, BY_TCP)
    assert "already" in rig.border.barred(door, BY_TCP._replace(port=52011), rig.now)
    assert rig.border.barred(tcp(rig, "access"), Address("203.0.113.66", 5), rig.now) == ""


def test_who_takes_no_connection_of_ours_is_asked_to_come_and_then_given_up() -> None:
    rig, sent, door, _ = slow()
    connect = only(of(Connect, came(rig, door, BY_TCP)))
    orders = lost(rig, connect.listener, THEIRS)
    asked = only(to(orders, "core"))
    assert (asked.listener, asked.to, decode(asked.data).name) == (sent.listener, sent.to, "facility")
    orders = rig.wait(11)
    assert only(of(HangUp, orders)) == HangUp(door, BY_TCP)
    call = only(list(rig.border.registry.calls.values()))
    assert call.state is CallState.UP and not rig.border.registry.controls.hops()
    assert [each.event for each in of(Note, orders)] == ["control-lost"]


def test_what_becomes_of_one_sides_connection_becomes_of_the_others_and_the_call_lives_on() -> None:
    for side in ("access", "core"):
        rig, sent, door, onward = talking()
        heard(rig, door, BY_TCP, ROUND_TRIP)
        heard(rig, onward, THEIRS, ROUND_TRIP)
        orders = lost(rig, door, BY_TCP) if side == "access" else lost(rig, onward, THEIRS)
        assert not of(HangUp, orders)
        orders = rig.wait(1)
        other = HangUp(onward, THEIRS) if side == "access" else HangUp(door, BY_TCP)
        assert only(of(HangUp, orders)) == other and not of(Send, orders)
        assert only(list(rig.border.registry.calls.values())).state is CallState.UP
        again = BY_TCP._replace(port=52012)
        assert only(of(Connect, came(rig, door, again))).peer == THEIRS
        from_gatekeeper(rig, sent, ROUND_TRIP)


@pytest.mark.parametrize(("host", "stays"), [("190.0.0.1", "ours"), ("198.51.100.77", "theirs")])
def test_both_sides_open_one_at_once(host: str, stays: str) -> None:
    """H.323 clause 8.2.3: who takes connections at the smaller address gives up the one it opened."""
    rig = h323_rig()
    admitted(rig, Address(host, CALLS))
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fast=False, h245Address=ip(OURS)))
    sent, door = only(to(orders, "core")), only(of(Listen, orders)).listener
    takes = Address(host, 33245)
    orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, h245Address=ip(takes)))
    connect = only(of(Connect, came(rig, only(of(Listen, orders)).listener, BY_TCP)))
    incoming = Address(host, 41234)
    came(rig, connect.listener, takes)
    hung = of(HangUp, came(rig, door, incoming))
    up = only(to(heard(rig, only(of(Listen, orders)).listener, BY_TCP, ROUND_TRIP), "core"))
    if stays == "theirs":
        assert only(hung) == HangUp(connect.listener, takes) and up.to == incoming
    else:
        assert not hung and up.to == takes
        assert only(to(heard(rig, door, incoming, ROUND_TRIP), "access")).to == BY_TCP  # until they close theirs
        assert not of(HangUp, lost(rig, door, incoming))


def start_h245(sent: Send, address: Address) -> bytes:
    """A Facility by which the gatekeeper says where it takes H.245."""
    head = decode(sent.data).q931
    assert head is not None
    body = {"protocolIdentifier": (0, 0, 8, 2250, 0, 6), "reason": ("startH245", 0), "h245Address": ip(address)}
    return build_signal("facility", head.call_reference, True, body)


def test_doors_are_shut_and_connections_closed_with_the_call() -> None:
    rig, sent, door, onward = talking()
    call = only(list(rig.border.registry.calls.values()))
    orders = rig._take(rig.border.end_call(call.id, "cleared", rig.now))
    assert {(each.listener, each.peer) for each in of(HangUp, orders)} >= {(door, BY_TCP), (onward, THEIRS)}
    hung = [(each.listener, each.late) for each in of(HangUp, orders)]
    assert (door, True) in hung and (onward, True) in hung, "who hears of the end by the signalling hears that first"
    assert only(of(Unlisten, orders)).listener == door
    controls = rig.border.registry.controls
    assert not len(controls) and not controls.listeners() and not controls.hops()
    assert all(not pool.used for pool in controls.pools.values())
    assert not of(Send, heard(rig, door, BY_TCP, ROUND_TRIP))
    assert sent


def test_nothing_else_is_said_on_a_control_channel_and_no_h245_elsewhere() -> None:
    rig, sent, door, _ = talking()
    for data in (setup(), said_back("facility", setup(), reason=("undefinedReason", 0))):
        orders = heard(rig, door, BY_TCP, data)
        assert not of(Send, orders) and [note.event for note in of(Note, orders)] == ["bad-message"]
    for listener, peer in ((tcp(rig, "access"), BY_TCP), (sent.listener, sent.to)):
        assert not of(Send, heard(rig, listener, peer, ROUND_TRIP))
    assert len(rig.border.registry.calls) == 1


def test_what_waits_for_a_party_is_bounded() -> None:
    rig = h323_rig()
    admitted(rig)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fast=False, h245Address=ip(OURS)))
    door, peer = only(of(Listen, orders)).listener, SOFTSWITCH._replace(port=41234)
    came(rig, door, peer)
    orders = [order for _ in range(5000) for order in heard(rig, door, peer, ROUND_TRIP)]
    assert only(of(HangUp, orders)) == HangUp(door, peer)


def test_a_door_that_cannot_be_opened_ends_the_call() -> None:
    rig, _, door, _ = slow()
    orders = rig._take(rig.border.unlistened(door, "in use", rig.now))
    assert {read(each).name for each in of(Send, orders)} == {"releaseComplete"}
    assert not rig.border.registry.controls.listeners()


def test_without_a_port_what_would_need_one_is_refused() -> None:
    rig = h323_rig()
    admitted(rig)
    pool = rig.border.registry.controls.pools["access"]
    while pool.take(rig.now) is not None:
        pass
    sent = only(to(rig.border.receive(_arrival(rig, setup(fast=False))), "core"))
    data = said_back("connect", sent.data, h245Address=ip(THEIRS))
    orders = rig.border.receive(attrs.evolve(_arrival(rig, data), listener=sent.listener, source=sent.to))
    assert read(only(to(orders, "access"))).q931.cause == 34  # type: ignore[union-attr]


def _arrival(rig: Rig, data: bytes) -> Any:
    from sbc.core.registry import Arrival

    return Arrival(tcp(rig, "access"), BY_TCP, data, rig.now)


@pytest.mark.parametrize("name", ["callProceeding", "alerting", "progress", "connect"])
def test_it_may_be_said_early(name: str) -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig, fast=False)
    orders = from_gatekeeper(rig, sent, said_back(name, sent.data, h245Address=ip(THEIRS)))
    door = only(of(Listen, orders)).listener
    assert told(only(to(orders, "access"))) == door.advertised
    assert only(of(Connect, came(rig, door, BY_TCP))).peer == THEIRS
    orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, h245Address=ip(THEIRS)))
    assert not of(Listen, orders) and told(only(to(orders, "access"))) == door.advertised


def test_a_facility_may_start_it() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig, fast=False)
    from_gatekeeper(rig, sent, said_back("connect", sent.data))
    orders = from_gatekeeper(rig, sent, start_h245(sent, THEIRS))
    assert told(only(to(orders, "access"))) == only(of(Listen, orders)).listener.advertised
