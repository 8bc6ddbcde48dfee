"""Calls of H.323 that are sent elsewhere by a Facility, and those that begin H.245 beside their fast start."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import HangUp, OpenStream
from sbc.h323.codec import build_signal, decode
from tests.calls.test_h323_calls import (
    BY_TCP,
    GATEKEEPER_CALLS,
    SECOND,
    admitted,
    answered,
    from_gatekeeper,
    heard,
    only,
    opened,
    tcp,
)
from tests.calls.test_h323_channels import CORE, TERMINAL, ack, capabilities, olc
from tests.h323_calls import (
    CALLS,
    CONFERENCE,
    GATEKEEPER,
    PROTOCOL,
    TERMINAL_CALLS,
    acf,
    addresses,
    arq,
    h323_rig,
    ip,
    read,
    registered,
    release,
    said_back,
    setup,
    to,
    tunnel,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, of

PUBLIC = Address("203.0.113.50", 1719)
FORWARDS = ["callForwarded", "routeCallToGatekeeper", "routeCallToMC"]


def facility(asked: bytes, reason: str, where: Address, back: bool = False) -> bytes:
    """Who reads it is to call elsewhere (H.323 clause 8.4.2, H.225.0 clause 7.4.1)."""
    head, body = decode(asked).q931, decode(asked).value
    assert head is not None
    said = {
        "protocolIdentifier": PROTOCOL,
        "alternativeAddress": ip(where),
        "alternativeAliasAddress": [("dialledDigits", "300"), ("h323-ID", "carol")],
        "conferenceID": CONFERENCE,
        "reason": (reason, 0),
        "callIdentifier": body["callIdentifier"],
    }
    return build_signal("facility", head.call_reference, back, said)


@pytest.mark.parametrize("reason", FORWARDS)
@pytest.mark.parametrize("up", [False, True], ids=["before the answer", "after"])
def test_a_terminal_is_sent_elsewhere_by_way_of_us(reason: str, up: bool) -> None:
    """It reads our address in place of who takes the call; names and reason it reads as they were said."""
    rig = h323_rig()
    if up:
        sent, _ = answered(rig)
    else:
        admitted(rig)
        sent = opened(rig)
    orders = from_gatekeeper(rig, sent, facility(sent.data, reason, SECOND, back=True))
    back = only(to(orders, "access"))
    assert addresses(back.data)["alternativeAddress"] == [Address(SBC_ACCESS.host, CALLS)]
    said = read(back).value
    assert said["reason"][0] == reason and said["alternativeAliasAddress"][0] == ("dialledDigits", "300")
    assert_no_trace(back.data, SECOND.host, SBC_CORE.host, SOFTSWITCH.host)
    assert not of(HangUp, orders) and len(rig.border.registry.calls) == 1, "it is the terminal that ends the call"
    ended = heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
    assert read(only(to(ended, "core"))).name == "releaseComplete" and len(of(HangUp, ended)) == 2


def nameless(where: Address, asked: bytes) -> bytes:
    """A Facility that forwards to an address alone."""
    head, body = decode(asked).q931, decode(asked).value
    assert head is not None
    said = {"protocolIdentifier": PROTOCOL, "alternativeAddress": ip(where), "reason": ("callForwarded", 0)}
    return build_signal("facility", head.call_reference, True, {**said, "callIdentifier": body["callIdentifier"]})


AGAIN = bytes(range(50, 66))


def test_who_was_forwarded_to_an_address_alone_asks_for_leave_to_call_that() -> None:
    """It names ours, which it has read; the gatekeeper is told the other, gives leave, and the call goes there."""
    rig = h323_rig()
    own = admitted(rig)
    sent = opened(rig)
    back = only(to(from_gatekeeper(rig, sent, nameless(SECOND, sent.data)), "access"))
    (told,) = addresses(back.data)["alternativeAddress"]
    assert told == Address(SBC_ACCESS.host, CALLS)
    heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
    asked = arq(21, destinationInfo=[], destCallSignalAddress=ip(told), callIdentifier={"guid": AGAIN})
    up = only(to(rig.from_access(asked), "core"))
    assert addresses(up.data)["destCallSignalAddress"] == [SECOND]
    assert_no_trace(up.data, SBC_ACCESS.host, PHONE.host, NAT.host)
    leave = only(to(rig.from_core(acf(up.data, SECOND), GATEKEEPER, at=own), "access"))
    assert addresses(leave.data)["destCallSignalAddress"] == [told]
    again = setup(reference=78, callIdentifier={"guid": AGAIN}, destinationAddress=[])
    assert only(to(heard(rig, tcp(rig, "access"), BY_TCP._replace(port=53009), again), "core")).to == SECOND


@pytest.mark.parametrize("named", [False, True])
def test_who_asks_for_no_leave_calls_where_it_was_forwarded_to(named: bool) -> None:
    """Whom it calls by name is another matter, and goes to where its gatekeeper takes calls."""
    rig = h323_rig()
    admitted(rig)
    sent = opened(rig)
    from_gatekeeper(rig, sent, nameless(SECOND, sent.data))
    heard(rig, tcp(rig, "access"), BY_TCP, release(setup()))
    whom = [("dialledDigits", "200")] if named else []
    more: Any = {"callIdentifier": {"guid": AGAIN}, "destinationAddress": whom, "endpointIdentifier": "17_endp"}
    up = only(to(heard(rig, tcp(rig, "access"), BY_TCP._replace(port=53009), setup(reference=78, **more)), "core"))
    assert up.to == (GATEKEEPER_CALLS if named else SECOND)


def test_an_address_that_nobody_was_forwarded_to_is_the_terminals_own_port() -> None:
    rig = h323_rig()
    own = registered(rig)
    asked = arq(21, destinationInfo=[], destCallSignalAddress=ip(Address(SBC_ACCESS.host, CALLS)))
    up = only(to(rig.from_access(asked), "core"))
    assert addresses(up.data)["destCallSignalAddress"] == [own.address]


@pytest.mark.parametrize("reason", FORWARDS)
def test_the_core_is_sent_elsewhere_by_way_of_us(reason: str) -> None:
    """A terminal that forwards to itself is its own port in the core; one that names another there has its address
    hidden all the same."""
    for where in (PUBLIC._replace(port=CALLS), TERMINAL_CALLS):
        rig = h323_rig()
        own = registered(rig, PUBLIC, ras=PUBLIC, calls=PUBLIC._replace(port=CALLS))
        caller, at = SOFTSWITCH._replace(port=33000), attrs.evolve(own, transport="tcp")
        down = only(to(heard(rig, at, caller, setup(GATEKEEPER_CALLS, own.address)), "access"))
        orders = heard(rig, down.listener, down.to, facility(down.data, reason, where, back=True))
        up = only(to(orders, "core"))
        (told,) = addresses(up.data)["alternativeAddress"]
        assert told == own.address and read(up).value["reason"][0] == reason
        assert_no_trace(up.data, PUBLIC.host, PHONE.host, SBC_ACCESS.host)


def test_h245_begins_in_the_setup_beside_fast_start() -> None:
    """H.323 clause 8.2.4: who takes the call goes on in the tunnel; what is opened there leads to us on either side."""
    rig = h323_rig()
    admitted(rig)
    early = [capabilities(False), olc(TERMINAL, 3, 4001)]
    sent = opened(rig, parallelH245Control=early)
    parallel: Any = [pdu for pdu in read(sent).pdus if pdu.holder == "parallelH245Control"]
    assert [pdu.name for pdu in parallel] == ["terminalCapabilitySet", "openLogicalChannel"]
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    ours = only(of(OpenStream, rig.log)).spec.sides[1].local
    assert {spot.value for spot in read(sent).spots if spot.field == "mediaControlChannel"} == {ours.rtcp}
    assert from_gatekeeper(rig, sent, said_back("connect", sent.data))
    crossed = from_gatekeeper(rig, sent, tunnel(sent.data, [ack(CORE, 3, 5000), olc(CORE, 7, 5001)], back=True))
    back = only(to(crossed, "access"))
    theirs = only(list(only(list(rig.border.registry.calls.values())).streams.values()))
    assert addresses(back.data)["mediaChannel"] == [only(of(OpenStream, rig.log)).spec.sides[0].local.rtp]
    assert_no_trace(back.data, SOFTSWITCH.host, SBC_CORE.host)
    last = only(to(heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [ack(TERMINAL, 7, 4000)])), "core"))
    assert addresses(last.data)["mediaChannel"] == [ours.rtp] and theirs.media[0].startswith("audio")
