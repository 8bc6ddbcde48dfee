"""Proves the lab's H.323 players without an SBC: their PER against recorded messages of real programs, gatekeeper and
endpoints against each other, and what they send against tshark."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.corpora import ROOT, corpus
from tests.netns.h323_call import H323Call
from tests.netns.h323_endpoint import FAST, SLOW, TUNNEL, H323Endpoint, Manner
from tests.netns.h323_per import PerError
from tests.netns.h323_scene import H323Scene
from tests.netns.h323_tshark import malformed, messages
from tests.netns.h323_types import H225, H245
from tests.netns.h323_wire import Q931
from tests.netns.talk import talk
from tests.netns.topology import flat, home
from tests.netns.waiting import wait_for

PLAYERS = flat("gatekeeper", "phone-a", "phone-b")
BOTH = Manner(fast=True, tunnel=True)
MakeScene = Callable[..., H323Scene]


@pytest.mark.skipif(not ROOT.is_dir(), reason="needs the corpora in ../shared/corpora")
def test_recorded_messages_are_read_and_written_again_to_the_octet() -> None:
    """The tables and the PER are right where the messages of five real programs come out as they went in."""
    seen = 0
    for name, data in [*corpus("h323/lab", "*.*"), *corpus("h323/real", "*.*")]:
        if name.endswith(".ras"):
            assert H225.encode("RasMessage", H225.decode("RasMessage", data)) == data, name
        elif name.endswith(".h245"):
            assert H245.encode("Message", H245.decode("Message", data)) == data, name
        elif name.endswith(".q931"):
            message = Q931.decode(data)
            assert Q931.decode(message.encode()) == message, name
            assert H225.encode("UserInformation", message.uu) in data, name
        seen += 1
    assert seen >= 130


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x0e\xc0\x46", b"\xff" * 40, b"\x0e\xc0" + bytes(30)])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(PerError):
        H225.decode("RasMessage", data)


def connected(alice: H323Endpoint, bob: H323Endpoint, manner: Manner) -> tuple[H323Call, H323Call]:
    """A call from alice to bob that is up, with channels both ways."""
    alice.manner = bob.manner = manner
    already = len(bob.calls)
    call = alice.dial("200").wait("up").wait_flowing()
    answered = bob.wait_call(already).wait("up").wait_flowing()
    assert (call.fast, answered.fast, call.tunnel, answered.tunnel) == (
        manner.fast,
        manner.fast,
        manner.tunnel,
        manner.tunnel,
    )
    return call, answered


def live_a_life(alice: H323Endpoint, bob: H323Endpoint, manner: Manner) -> None:
    """Everything that a call can do."""
    call, answered = connected(alice, bob, manner)
    assert talk(call, answered, packets=20, reports=2).whole
    if manner.fast:
        call.start_control()
        wait_for(lambda: call.control.master is not None and answered.control.master is not None, what="H.245")
    call.hold()
    wait_for(lambda: answered.media.remote is None, what="bob to fall silent")
    assert answered.control.paused
    call.resume()
    answered.wait_flowing()
    assert talk(call, answered, packets=10, reports=1).whole
    answered.to_fax()
    call.wait_flowing()
    alice.send_fax(call, 5)
    bob.send_fax(answered, 6)
    wait_for(lambda: (call.fax.heard, answered.fax.heard) == ([*range(6)], [*range(5)]), what="the fax, in order")
    call.to_audio()
    answered.wait_flowing()
    call.ping()
    answered.press("12#")
    wait_for(lambda: call.control.digits == "12#", what="digits")
    call.release()
    answered.wait("ended")
    assert (answered.cause, answered.reason) == (16, "released there")
    wait_for(lambda: answered.disengaged, what="both to be disengaged")


def test_endpoints_call_each_other_in_every_manner_and_tshark_agrees(
    make_bare_h323_scene: MakeScene,
) -> None:
    stage = make_bare_h323_scene(PLAYERS)
    gatekeeper = stage.gatekeeper
    capture = stage.lab.host("gatekeeper").capture()
    heard = stage.lab.host("phone-b").capture()
    alice, bob = stage.endpoint("phone-a", "alice"), stage.endpoint("phone-b", ("bob", "200"))
    assert alice.register()[0] == bob.register()[0] == "registrationConfirm"
    assert gatekeeper.registration("200").signal == ("203.0.113.3", 1720)
    for manner in (SLOW, TUNNEL, FAST, BOTH):
        live_a_life(alice, bob, manner)
    assert gatekeeper.calls == {}
    assert gatekeeper.seen() == {(e.place.address, port) for e in (alice, bob) for port in (1719, 1720)}
    alice.close()  # so that all has been sent when the capture ends
    bob.close()
    for each, least in ((capture, {"ras": 40}), (heard, {"ras": 20, "signal": 40, "control": 80})):
        each.stop()
        assert malformed(each.path) == []
        assert {kind: count for kind, count in messages(each.path).items() if count < least.get(kind, 0)} == {}
    proposals = sum(len(m.body.get("fastStart", [])) for e in (alice, bob) for call in e.calls for m in call.seen)
    control = proposals + sum(len(call.control.trace) for call in bob.calls)
    assert messages(heard.path)["control"] == control, "tshark has not read every H.245 message"


def test_a_gatekeeper_routes_and_asks(make_bare_h323_scene: MakeScene) -> None:
    stage = make_bare_h323_scene(PLAYERS, routed=True)
    gatekeeper = stage.gatekeeper
    alice, bob = stage.endpoint("phone-a", "alice"), stage.endpoint("phone-b", ("bob", "200"))
    alice.identifier = "nobody's"
    assert alice.dial("200").wait("ended").reason == "callerNotRegistered"
    alice.register()
    bob.register()
    assert alice.keep_alive()[0] == "registrationConfirm"
    call, answered = connected(alice, bob, TUNNEL)
    assert ("203.0.113.2", 16388) in gatekeeper.seen(), "tunnelled H.245 passes a gatekeeper that routes"
    told = gatekeeper.inquire("bob")["perCallInfo"]
    assert [one["callReferenceValue"] for one in told] == [answered.reference]
    assert gatekeeper.bandwidth("alice", 640) == "bandwidthConfirm"
    assert (alice.locate("bob")[0], alice.locate("zoe")[0]) == ("locationConfirm", "locationReject")
    assert gatekeeper.disengage("alice") == "disengageConfirm"
    assert call.wait("ended").reason == "disengaged by the gatekeeper"
    assert answered.wait("ended").reason == "released there"
    wait_for(lambda: answered.disengaged, what="bob to be disengaged")
    bob.on_setup = "busy"
    assert alice.dial("200").wait("ended").cause == 17
    bob.on_setup = "ring"
    call = alice.dial("200").wait("ringing")
    call.release()
    bob.wait_call(2).wait("ended")
    assert alice.dial("nobody").wait("ended").reason == "calledPartyNotRegistered"
    assert gatekeeper.unregister("bob") == "unregistrationConfirm"
    assert bob.identifier == ""
    kept = alice.identifier
    assert alice.unregister() == "unregistrationConfirm"
    alice.identifier = kept  # as one that does not know yet
    assert alice.keep_alive()[1]["rejectReason"] == ("fullRegistrationRequired", None)
    wait_for(lambda: gatekeeper.registration("alice"), what="alice to register in full")
    stranger = stage.lab.host("phone-b").udp()
    stranger.sendto(b"\x0e\xc0\x46", gatekeeper.peer)
    wait_for(lambda: gatekeeper.faults, what="the gatekeeper to notice a broken message")
    assert "cut off" in gatekeeper.faults.pop()


def test_tshark_is_not_blind(make_bare_h323_scene: MakeScene) -> None:
    stage = make_bare_h323_scene(flat("gatekeeper", "phone-a"))
    capture = stage.lab.host("gatekeeper").capture()
    alice = stage.endpoint("phone-a", "alice")
    alice.register()
    whole = H225.encode("RasMessage", (alice.trace[2].name, alice.trace[2].value))
    alice.do(lambda: alice.ras.sock.sendto(whole[:-20], stage.gatekeeper.peer))
    wait_for(lambda: stage.gatekeeper.faults, what="the broken message")
    stage.gatekeeper.faults.clear()
    capture.stop()
    assert len(malformed(capture.path)) == 1


def test_they_run_from_the_command_line(make_bare_h323_scene: MakeScene) -> None:
    stage = make_bare_h323_scene(PLAYERS)
    base = ["-m", "tests.netns.h323_cli", "--gatekeeper", "203.0.113.1"]
    bob = stage.lab.host("phone-b").python(
        *base, "--alias", "bob", "--address", "203.0.113.3", "register", "expect", "wait:ended"
    )
    wait_for(lambda: stage.gatekeeper.registration("bob"), what="bob to register")
    alice = stage.lab.host("phone-a").python(
        *base, "--alias", "alice", "--address", "203.0.113.2", "--fast", "--tunnel",
        "register", "dial:bob", "flowing", "talk:10", "release", "unregister",
    )  # fmt: skip
    alice.check_exit()
    bob.check_exit()
    assert json.loads(alice.output())["calls"][0]["sent"] == {"rtp 1": 10, "rtcp 1": 2}
    assert json.loads(bob.output())["calls"][0]["heard"]["1"] == {"rtp": 10, "rtcp": 2, "repeated": 0}


def test_without_an_sbc_a_nat_stops_the_call(make_bare_h323_scene: MakeScene) -> None:
    """The control experiment: what the SBC's tests prove is not the lab's or the gatekeeper's doing."""
    stage = make_bare_h323_scene(flat("gatekeeper", "phone-a") + home("b", "203.0.113.12"))
    alice, bob = stage.endpoint("phone-a", "alice"), stage.endpoint("phone-b", "bob")
    assert alice.register()[0] == bob.register()[0] == "registrationConfirm"
    assert stage.gatekeeper.registration("bob").signal == ("192.168.1.10", 1720)
    assert "cannot be reached" in alice.dial("bob").wait("ended").reason
    assert bob.calls == []
