"""H.323 through the SBC and real NATs, between the tests' own gatekeeper and endpoints (`test_h323_peers` proves
those)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.netns.capture import Capture
from tests.netns.h323_call import H323Call
from tests.netns.h323_control import G729, PCMU
from tests.netns.h323_endpoint import FAST, SLOW, TUNNEL, H323Endpoint, Manner
from tests.netns.h323_gatekeeper import H323Gatekeeper
from tests.netns.h323_scene import H323Scene, h323_config
from tests.netns.h323_tshark import malformed
from tests.netns.hiding import assert_hidden
from tests.netns.nat import Nat, NatKind
from tests.netns.talk import talk
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., H323Scene]
RESTRICTED = (Nat(NatKind.PORT_RESTRICTED),)
SYMMETRIC = (Nat(NatKind.SYMMETRIC),)


def assert_clean(core: Capture, access: Capture) -> None:
    """Neither network has seen an address of the other, and tshark understands every message."""
    assert_hidden(core, access)
    assert malformed(core.path) == malformed(access.path) == []


def test_terminals_of_one_address_behind_two_nats_register_and_stay(make_h323_scene: MakeScene) -> None:
    """Registered each at a port of its own, renewed by lightweight RRQs that end at the SBC, asked by the gatekeeper,
    refused, located, unregistered from either side; and after a NAT's restart they are found again."""
    stage = make_h323_scene(one_pair(RESTRICTED, SYMMETRIC), h323_config(behind_nat=20))
    gatekeeper = stage.gatekeeper
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    alice, bob = stage.endpoint("phone-a", "alice"), stage.endpoint("phone-b", ("bob", "200"))
    assert alice.register(ttl=600)[0] == bob.register(ttl=600)[0] == "registrationConfirm"
    assert alice.gatekeeper == bob.gatekeeper == (FIRST.sbc_access, 1719), "the SBC is their gatekeeper"
    assert alice.registered_for == bob.registered_for == 20, "so that renewals hold the NAT's mapping"
    one, other = gatekeeper.registration("alice"), gatekeeper.registration("200")
    for each in (one, other):
        assert each.ras[0] == each.signal[0] == FIRST.sbc_core
        assert 41000 <= each.ras[1] <= 41999
    assert one.ras != other.ras
    assert one.signal != other.signal
    assert (alice.identifier, bob.identifier) == (one.identifier, other.identifier)

    asked = len(gatekeeper.received("registrationRequest"))
    for _ in range(3):
        assert alice.keep_alive()[0] == bob.keep_alive()[0] == "registrationConfirm"
    assert len(gatekeeper.received("registrationRequest")) == asked, "the SBC renews by itself"

    told = gatekeeper.inquire("bob")
    assert told["endpointIdentifier"] == bob.identifier
    assert bob.inquiries >= 1
    assert alice.locate("200")[0] == "locationConfirm"
    assert alice.locate("zoe")[1]["rejectReason"] == ("notRegistered", None)
    assert alice.dial("zoe").wait("ended").reason == "calledPartyNotRegistered"

    stage.lab.host("nat-b").flush_nat()  # bob's mapping moves
    assert bob.keep_alive()[0] == "registrationConfirm"
    assert gatekeeper.inquire("bob")["endpointIdentifier"] == bob.identifier

    assert gatekeeper.unregister("bob") == "unregistrationConfirm"
    assert bob.identifier == "", "told through the SBC"
    assert alice.unregister() == "unregistrationConfirm"
    assert gatekeeper.registrations == {}
    assert {host for host, _ in gatekeeper.sources()} == {FIRST.sbc_core}
    assert {host for host, _ in gatekeeper.seen()} == {FIRST.sbc_core}, "the gatekeeper knows none but the SBC"
    assert_clean(core, access)


def two_registered(
    stage: H323Scene, manner: Manner = SLOW
) -> tuple[H323Gatekeeper, Capture, Capture, H323Endpoint, H323Endpoint]:
    """The gatekeeper, what the SBC sees in the core and in the access network from now on, two registered terminals."""
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    alice, bob = stage.endpoint("phone-a", "alice", manner), stage.endpoint("phone-b", ("bob", "200"), manner)
    alice.register()
    bob.register()
    return stage.gatekeeper, core, access, alice, bob


def hang_up(call: H323Call, answered: H323Call, gatekeeper: H323Gatekeeper) -> None:
    """The caller ends the call, and all hear of it."""
    call.release()
    assert answered.wait("ended").cause == 16
    wait_for(lambda: not gatekeeper.calls, what="both to be disengaged")


@pytest.mark.parametrize("routed", [False, True], ids=["direct", "routed"])
def test_a_terminal_behind_a_nat_calls_and_talks(make_h323_scene: MakeScene, routed: bool) -> None:
    """By fast connect, in the tunnel, and both; held and resumed; calls go directly, or through the gatekeeper."""
    stage = make_h323_scene(one_pair(RESTRICTED, ()), routed=routed)
    gatekeeper, core, access, alice, bob = two_registered(stage)
    for number, manner in enumerate((Manner(fast=True, tunnel=True), TUNNEL, FAST)):
        alice.manner = bob.manner = manner
        call = alice.dial("200").wait("up").wait_flowing()
        answered = bob.wait_call(number).wait("up").wait_flowing()
        assert call.fast == answered.fast == manner.fast
        assert talk(call, answered, packets=20, reports=2).whole
        assert {host for (_, (host, _)) in call.media.sources} == {FIRST.sbc_access}
        if manner is TUNNEL:
            call.hold()
            call.resume()
            answered.wait_flowing()
            assert talk(call, answered, packets=10, reports=1).whole
        hang_up(call, answered, gatekeeper)
    bob.on_setup = "busy"
    assert alice.dial("200").wait("ended").cause == 17
    assert {host for host, _ in gatekeeper.seen()} <= {FIRST.sbc_core, FIRST.softswitch_address}
    assert_clean(core, access)


def is_whole(heard: list[int], count: int) -> bool:
    return len(heard) == count


def converse(call: H323Call, answered: H323Call) -> None:
    """H.245 goes by a connection of its own, through the SBC, and so does all that it opens."""
    wait_for(lambda: call.control_link and answered.control_link, what="H.245 on a connection of its own")
    call.wait_flowing()
    answered.wait_flowing()
    call.ping()
    answered.ping()
    assert talk(call, answered, packets=20, reports=2).whole
    call.press("17#")
    wait_for(lambda: answered.control.digits == "17#", what="digits")
    assert call.control_link is not None and answered.control_link is not None
    assert {call.control_link.peer[0], answered.control_link.peer[0]} == {FIRST.sbc_access}


def test_h245_on_a_connection_of_its_own(make_h323_scene: MakeScene) -> None:
    """Slow start and early H.245, opened by either end, though one stands behind a NAT; fax and hold by it."""
    stage = make_h323_scene(one_pair(RESTRICTED, ()), routed=True)
    gatekeeper, core, access, alice, bob = two_registered(stage)
    for number, manner in enumerate((SLOW, Manner(early=True), FAST)):
        alice.manner = bob.manner = manner
        call = alice.dial("200").wait("up")
        answered = bob.wait_call(number).wait("up")
        if manner is FAST:
            call.start_control()  # bob connects; alice, to whom no way leads, is asked to
        converse(call, answered)
        if manner is SLOW:
            call.hold()
            call.resume()
            answered.wait_flowing()
            assert talk(call, answered, packets=10, reports=1).whole
            call.to_fax()
            answered.wait_flowing()
            alice.send_fax(call, 5)
            wait_for(partial(is_whole, answered.fax.heard, 5), what="a fax through the SBC")
        hang_up(call, answered, gatekeeper)
    assert_clean(core, access)


NARROW = """
[realms.core.limits]
bandwidth_in = {kbits}
bandwidth_out = {kbits}
[realms.core.bandwidth]
fit = "filter"
"""


def test_codecs_are_cut_to_the_bandwidth_that_is_left(make_h323_scene: MakeScene) -> None:
    """Proposals of fast connect, and what either end says that it can take, in the tunnel and beside it."""
    both = (PCMU, G729)
    stage = make_h323_scene(one_pair(RESTRICTED, ()), h323_config() + NARROW.format(kbits=60), routed=False)
    gatekeeper, core, access, alice, bob = two_registered(stage)
    for number, manner in enumerate((FAST, TUNNEL, SLOW)):
        alice.manner = bob.manner = replace(manner, codecs=both)
        call = alice.dial("200").wait("up").wait_flowing()
        answered = bob.wait_call(number).wait("up").wait_flowing()
        assert call.control.spoken == answered.control.spoken == {G729}
        assert manner.fast or call.control.able == answered.control.able == [G729]
        assert call.control.refusals == answered.control.refusals == []
        assert talk(call, answered, packets=10, reports=1).whole
        hang_up(call, answered, gatekeeper)
    alice.manner = bob.manner = replace(TUNNEL, codecs=(PCMU,))
    call = alice.dial("200").wait("up")
    wait_for(lambda: "insufficientBandwidth" in call.control.refusals, what="a channel to be refused")
    hang_up(call, bob.wait_call(3), gatekeeper)
    assert_clean(core, access)
