"""H.245 on a connection of its own that does not come about at once, breaks, or moves: who hears what was said
meanwhile, and who may come again."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Connect, HangUp, Listen, Listener, Send
from sbc.h323.codec import build_signal, decode
from tests.calls.test_h323_calls import BY_TCP, admitted, from_gatekeeper, heard, lost, only, opened, tcp
from tests.calls.test_h323_control import OURS, ROUND_TRIP, THEIRS, came, slow, start_h245, talking, told
from tests.h323_calls import CALLS, h323_rig, ip, said_back, setup, to
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, of


def test_what_was_said_before_ours_is_given_up_is_said_on_theirs() -> None:
    """Of two that are opened at once ours yields: whatever the party was told by it, it hears on its own."""
    for up in (False, True):
        host = "198.51.100.77"
        rig = h323_rig()
        admitted(rig, Address(host, CALLS))
        orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fast=False, h245Address=ip(OURS)))
        sent, door = only(to(orders, "core")), only(of(Listen, orders)).listener
        takes, incoming = Address(host, 33245), Address(host, 41234)
        orders = from_gatekeeper(rig, sent, said_back("connect", sent.data, h245Address=ip(takes)))
        access = only(of(Listen, orders)).listener
        connect = only(of(Connect, came(rig, access, BY_TCP)))
        assert not of(Send, heard(rig, access, BY_TCP, ROUND_TRIP))  # ours is not up
        if up:
            assert only(of(Send, came(rig, connect.listener, takes))).to == takes
        orders = came(rig, door, incoming)
        assert only(of(HangUp, orders)) == HangUp(connect.listener, takes)
        said = only(of(Send, orders))
        assert (said.listener, said.to, said.data) == (door, incoming, ROUND_TRIP)
        assert len(of(Send, heard(rig, access, BY_TCP, ROUND_TRIP))) == 1


def test_the_first_words_reach_a_party_that_takes_no_connection_and_comes() -> None:
    """With ours refused, or taken and closed without a word: what was said meanwhile is for who is asked to come."""
    for up in (False, True):
        rig, _, door, _ = slow()
        connect = only(of(Connect, came(rig, door, BY_TCP)))
        assert not of(Send, heard(rig, door, BY_TCP, ROUND_TRIP))
        if up:
            assert only(of(Send, came(rig, connect.listener, THEIRS))).data == ROUND_TRIP
        core = only(of(Listen, lost(rig, connect.listener, THEIRS))).listener
        said = only(of(Send, came(rig, core, SOFTSWITCH._replace(port=4444))))
        assert (said.listener, said.data) == (core, ROUND_TRIP)


def test_what_a_party_has_answered_it_is_not_told_again() -> None:
    rig, _, door, onward = talking()
    heard(rig, door, BY_TCP, ROUND_TRIP)
    heard(rig, onward, THEIRS, ROUND_TRIP)
    control = only(rig.border.registry.controls.all())
    assert not any(end.waiting for end in control.ends)


@pytest.mark.parametrize("closes", [True, False])
def test_h245_that_moves_is_followed(closes: bool) -> None:
    """The gatekeeper has transferred the call, and says where H.245 goes from now on."""
    rig, sent, door, onward = talking()
    heard(rig, door, BY_TCP, ROUND_TRIP)
    heard(rig, onward, THEIRS, ROUND_TRIP)
    new, again = THEIRS._replace(port=44444), BY_TCP._replace(port=52077)
    orders = from_gatekeeper(rig, sent, start_h245(sent, new))
    assert only(of(HangUp, orders)) == HangUp(onward, THEIRS)
    connect = only(of(Connect, orders))
    assert connect.peer == new
    if closes:
        lost(rig, door, BY_TCP)
    orders = came(rig, door, again)
    assert of(HangUp, orders) == ([] if closes else [HangUp(door, BY_TCP)]) and not of(Connect, orders)
    assert "already" in rig.border.barred(door, again._replace(port=52078), rig.now)
    assert not of(Send, heard(rig, door, again, ROUND_TRIP))
    said = only(of(Send, came(rig, connect.listener, new)))
    assert (said.to, said.data) == (new, ROUND_TRIP)
    assert only(of(Send, heard(rig, connect.listener, new, ROUND_TRIP))).to == again
    assert not of(HangUp, rig.wait(11))


def early() -> tuple[Rig, Listener, Listener, Address]:
    """The gatekeeper has come to its door and said something; the terminal was asked to come: both doors, and who."""
    rig = h323_rig()
    admitted(rig)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fast=False, h245Address=ip(OURS)))
    door, peer = only(of(Listen, orders)).listener, SOFTSWITCH._replace(port=41234)
    other = only(of(Listen, came(rig, door, peer))).listener
    heard(rig, door, peer, ROUND_TRIP)
    return rig, door, other, peer


def test_whose_only_connection_broke_may_come_again_and_the_other_is_asked_again() -> None:
    rig, door, _, peer = early()
    lost(rig, door, peer)
    orders = came(rig, door, peer._replace(port=41235))
    assert not of(HangUp, orders) and decode(only(to(orders, "access")).data).name == "facility"


def test_nobody_hears_what_was_said_on_a_connection_that_is_gone() -> None:
    rig, door, other, peer = early()
    lost(rig, door, peer)
    assert not of(Send, [each for each in came(rig, other, BY_TCP) if getattr(each, "listener", None) == other])


def test_who_repeats_its_door_does_not_show_where_it_has_it() -> None:
    rig, _, other, _ = early()
    repeated = {
        "protocolIdentifier": (0, 0, 8, 2250, 0, 6),
        "reason": ("startH245", 0),
        "h245Address": ip(other.advertised),
    }
    orders = heard(rig, tcp(rig, "access"), BY_TCP, build_signal("facility", 77, False, repeated))
    up = only(to(orders, "core"))
    assert told(up) == Address(SBC_CORE.host, 0)
    assert_no_trace(up.data, SBC_ACCESS.host, NAT.host, PHONE.host)


def test_a_call_finds_a_door_when_its_realms_address_was_changed_meanwhile() -> None:
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig, fast=False)
    from_gatekeeper(rig, sent, said_back("connect", sent.data))
    plan = rig.border.plan
    access = plan.realms["access"]
    media = attrs.evolve(access.media, address="203.0.113.2", advertised="203.0.113.2")
    rig.replan(attrs.evolve(plan, realms={**plan.realms, "access": attrs.evolve(access, media=media)}))
    rig.wait(5)
    door = only(of(Listen, from_gatekeeper(rig, sent, start_h245(sent, THEIRS)))).listener
    assert door.address.host == SBC_ACCESS.host
