"""Calls to H.323 terminals behind NATs, which open the connection for each themselves when they are told of it; and
their media, whose way they keep open."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from tests.netns.h323_call import H323Call
from tests.netns.h323_endpoint import Manner, coming
from tests.netns.h323_link import Place
from tests.netns.h323_scene import h323_config
from tests.netns.h323_wire import tpkt
from tests.netns.nat import Nat, NatKind
from tests.netns.phone_media import PRIME, TAG
from tests.netns.talk import talk
from tests.netns.test_h323 import MakeScene, assert_clean, converse, hang_up, two_registered
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

RESTRICTED = (Nat(NatKind.PORT_RESTRICTED),)
SYMMETRIC = (Nat(NatKind.SYMMETRIC),)
BOTH = Manner(fast=True, tunnel=True, traversal=True)


def assert_heard_in_silence(caller: H323Call, answered: H323Call) -> None:
    """Who was called hears media though it says nothing: what keeps its NAT open is enough (H.460.19)."""
    assert answered.pinhole is not None and answered.pinhole[0] == FIRST.sbc_access
    assert not answered.media.sent
    caller.send_batch(PRIME, 10_000, 0)

    def heard() -> bool:
        assert answered.pinhole is not None
        answered.media.send_empty(answered.pinhole)
        return answered.media.counts(PRIME)[0] >= 5

    wait_for(heard, what="media that reaches a silent terminal", step=0.1)
    assert not answered.media.sent
    caller.stop_sending()


def send_page(sender: H323Call, hearer: H323Call) -> None:
    first = sender.fax.sent
    sender.endpoint.send_fax(sender, 5)
    page = set(range(first, first + 5))
    wait_for(lambda: page <= set(hearer.fax.heard), what="a whole page")


def assert_fax(caller: H323Call, answered: H323Call) -> None:
    """Both NATs are opened, by who was called first; then pages go each way whole."""
    caller.to_fax()
    answered.wait_flowing()

    def opened() -> bool:
        for each in (answered, caller):
            each.endpoint.send_fax(each, 1)
        return bool(caller.fax.heard and answered.fax.heard)

    wait_for(opened, what="fax both ways", step=0.1)
    send_page(answered, caller)
    send_page(caller, answered)


@pytest.mark.parametrize("routed", [False, True], ids=["direct", "routed"])
def test_terminals_of_one_address_behind_two_nats_call_each_other(make_h323_scene: MakeScene, routed: bool) -> None:
    """By H.460.18, each way, in two manners; media goes both ways, and reaches who says nothing."""
    stage = make_h323_scene(one_pair(RESTRICTED, SYMMETRIC), routed=routed)
    gatekeeper, sbc = stage.gatekeeper, stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    alice, bob = stage.endpoint("phone-a", "alice", BOTH), stage.endpoint("phone-b", ("bob", "200"), BOTH)
    for each in (alice, bob):
        name, confirm = each.register()
        assert name == "registrationConfirm"
        assert confirm["featureSet"]["supportedFeatures"] == [{"id": ("standard", 18)}], "the SBC answers it"
    calls = [(alice, "200", bob), (bob, "alice", alice)]
    for manner in (BOTH, replace(BOTH, fast=False)):
        for caller, name, callee in calls:
            caller.manner = callee.manner = manner
            number = len(callee.calls)
            call = caller.dial(name).wait("up").wait_flowing()
            answered = callee.wait_call(number).wait("up").wait_flowing()
            assert_heard_in_silence(call, answered)
            assert talk(call, answered, packets=20, reports=2).whole
            hang_up(call, answered, gatekeeper)
    for request in gatekeeper.received("registrationRequest"):
        assert "featureSet" not in request.value, "the gatekeeper hears nothing of it"
    assert {host for host, _ in gatekeeper.seen()} <= {FIRST.sbc_core, FIRST.softswitch_address}
    assert_clean(core, access)


def test_slow_start_to_terminals_behind_nats(make_h323_scene: MakeScene) -> None:
    """H.245 on connections of its own, which both terminals open: talk, hold, fax, whoever calls."""
    stage = make_h323_scene(one_pair(RESTRICTED, SYMMETRIC), routed=True)
    gatekeeper, core, access, alice, bob = two_registered(stage, Manner(traversal=True))
    for caller, name, callee in ((alice, "200", bob), (bob, "alice", alice)):
        number = len(callee.calls)
        call = caller.dial(name).wait("up").wait_flowing()
        answered = callee.wait_call(number).wait("up").wait_flowing()
        assert_heard_in_silence(call, answered)
        converse(call, answered)
        for one, other in ((call, answered), (answered, call)):
            one.hold()
            one.resume()
            other.wait_flowing()
        assert talk(call, answered, packets=10, reports=1).whole
        assert_fax(call, answered)
        hang_up(call, answered, gatekeeper)
    assert_clean(core, access)


def test_nobody_gets_the_call_of_another(make_h323_scene: MakeScene) -> None:
    """A stranger says that it comes for a call whose identifier it knows; so does a neighbour behind the terminal's own
    NAT, with one that it guesses. A terminal that offers nothing is not reached, nor is one that has gone."""
    stage = make_h323_scene(one_pair(RESTRICTED, ()))
    alice = stage.endpoint("phone-a", "alice", BOTH, on_setup="ring")
    bob = stage.endpoint("phone-b", ("bob", "200"), BOTH)
    plain = stage.endpoint("phone-a", "carol", Manner(fast=True), ras_port=1819, signal_port=1820)
    for each in (alice, bob, plain):
        each.register()
    assert bob.dial("carol").wait("ended").cause == 20
    call = bob.dial("alice").wait("ringing")
    thief = Place.of(stage.lab.host("phone-b")).connect((FIRST.sbc_access, 1720))
    neighbour = Place.of(stage.lab.host("phone-a")).connect((FIRST.sbc_access, 1720))
    with thief, neighbour:
        for sock, guess in ((thief, call.call_id), (neighbour, bytes(reversed(call.call_id)))):
            sock.settimeout(5.0)
            sock.sendall(tpkt(coming(guess)))
            assert sock.recv(100) == b"", "closed without a word"
    alice.wait_call().answer()
    call.wait("up").wait_flowing()
    assert talk(call, alice.wait_call(), packets=10, reports=1).whole
    call.release()
    assert stage.sbc.process.output().count("uninvited: ") == 2


def test_terminals_are_called_by_the_connection_that_they_have_open(make_h323_scene: MakeScene) -> None:
    """One says all by one connection (H.460.17), behind a symmetric NAT; another, at the same private address behind
    another NAT, keeps those that it makes for calls. Calls go both ways, two at a time; media too."""
    stage = make_h323_scene(one_pair(SYMMETRIC, RESTRICTED), routed=True)
    gatekeeper, sbc = stage.gatekeeper, stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    alice = stage.endpoint("phone-a", "alice", Manner(fast=True, tunnel=True, carried=True))
    bob = stage.endpoint("phone-b", ("bob", "200"), Manner(fast=True, tunnel=True, keep=True))
    assert alice.register()[0] == bob.register()[0] == "registrationConfirm"
    assert alice.keep_alive()[0] == "registrationConfirm"
    assert gatekeeper.inquire("alice")["endpointIdentifier"] == alice.identifier
    assert alice.dial("200").wait("ended").cause == 20, "it has opened none yet"
    calls = [bob.dial("alice").wait("up").wait_flowing()]
    calls.append(alice.wait_call(1).wait("up").wait_flowing())
    assert talk(*calls, packets=20, reports=2).whole
    again = [alice.dial("200").wait("up").wait_flowing(), bob.wait_call(1).wait("up").wait_flowing()]
    assert talk(*again, packets=20, reports=2).whole
    assert len(alice.by_link) == len(bob.by_link) == 1, "both calls go by the one connection"
    calls[0].release()
    assert calls[1].wait("ended").cause == 16
    assert talk(*again, packets=10, reports=1).whole, "it goes on"
    again[0].release()
    assert again[1].wait("ended").cause == 16
    last = [alice.dial("200").wait("up").wait_flowing(), bob.wait_call(2).wait("up").wait_flowing()]
    assert talk(*last, packets=10, reports=1).whole, "no call was left, but the connection"
    last[1].release()
    last[0].wait("ended")
    alice.do(lambda: alice.trunk.close() if alice.trunk else None)
    assert bob.dial("alice").wait("ended").cause == 20, "its connection is lost"
    assert {host for host, _ in gatekeeper.seen()} <= {FIRST.sbc_core, FIRST.softswitch_address}
    assert_clean(core, access)


def test_all_media_of_a_terminal_comes_by_one_pair_of_ports(make_h323_scene: MakeScene) -> None:
    """H.460.19's multiplexed media through a symmetric NAT, two calls at a time, slow start and tunnelled, whoever
    calls: the NAT has one mapping for RTP and one for RTCP. A stranger that knows a number gets and spoils nothing."""
    stage = make_h323_scene(one_pair(SYMMETRIC, RESTRICTED), h323_config(multiplexed=2776))
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    alice = stage.endpoint("phone-a", "alice", Manner(traversal=True, shared=True))
    bob = stage.endpoint("phone-b", ("bob", "200"), Manner(traversal=True))
    alice.register()
    bob.register()
    calls: list[tuple[H323Call, H323Call]] = []  # alice's and bob's
    for tunnel, caller, name, callee in ((False, alice, "200", bob), (True, bob, "alice", alice)):
        for each in (alice, bob):
            each.manner = replace(each.manner, tunnel=tunnel)
        number = len(callee.calls)
        call = caller.dial(name).wait("up").wait_flowing()
        answered = callee.wait_call(number).wait("up").wait_flowing()
        calls.append((call, answered) if caller is alice else (answered, call))
        assert_heard_in_silence(calls[-1][1], calls[-1][0])
    assert all(talk(*each, packets=20, reports=2).whole for each in calls)
    numbers = [call.media.rtp.number for call, _ in calls]
    assert len(set(numbers)) == 2 and None not in numbers
    with Place.of(stage.lab.host("phone-b")).udp() as thief:
        thief.setblocking(False)
        for sequence in range(20):
            for told in numbers:
                forged = struct.pack(">IBBHII", told, 0x80, 0, sequence, 160 * sequence, 7) + TAG + bytes(160)
                thief.sendto(forged, (FIRST.sbc_access, 2776))
        assert all(talk(*each, packets=20, reports=2).whole for each in calls)
        with pytest.raises(BlockingIOError):
            thief.recv(2000)
    assert not any(7 in heard.ssrcs for _, bobs in calls for heard in bobs.media.heard.values())
    for call, _ in calls:
        call.release()
    access.stop()
    sent = [each for each in access.packets if each.protocol == "udp" and each.src[0] == "203.0.113.11"]
    media = [each for each in sent if each.dst[1] != 1719]
    assert {each.dst for each in media} == {(FIRST.sbc_access, 2776), (FIRST.sbc_access, 2777)}
    assert len({each.src for each in media}) == 2
    assert_clean(core, access)
