"""Proves the lab's players without an SBC: softswitch, softphone, sipp and baresip each work with each other, and
NATs stop them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.netns.capture import Capture
from tests.netns.hearing import wait_media_both_ways
from tests.netns.pcap import Packet
from tests.netns.phone_media import batch_tag
from tests.netns.scene import Scene
from tests.netns.sip import first_of_each
from tests.netns.sippphone import UNTIL_TOLD, SippPhone
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.talk import talk
from tests.netns.topology import flat, home
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
PHONES = flat("softswitch", "phone-a", "phone-b", "phone-c")


def both_ways(capture: Capture) -> tuple[int, int]:
    """The RTP packets of the one stream in a capture, there and back."""
    counts = capture.rtp_counts()
    assert len(counts) == 2, counts
    (ends, there), (other, back) = counts.items()
    assert other == ends[::-1]
    return there, back


def test_a_phone_registers_after_a_challenge(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice = stage.phone("phone-a", "alice")
    assert alice.register(expires=60).status == 200
    assert [t.message.status for t in alice.received("REGISTER")] == [401, 200]
    assert stage.softswitch.contacts("alice") == [alice.contact]
    assert alice.register(expires=0).status == 200
    assert stage.softswitch.contacts("alice") == []
    assert stage.softswitch.complaints() == []


def test_a_wrong_password_and_a_stranger_are_refused(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice, zoe = stage.phone("phone-a", "alice"), stage.phone("phone-b", "zoe")
    alice.account.password = "guess"
    assert alice.register().status == 401
    assert zoe.register().status == 401
    assert zoe.dial("alice").wait("ended").status == 407
    assert stage.softswitch.contacts("alice") == []


def test_two_phones_talk_hold_resume_and_hang_up(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    alice.register()
    bob.register()
    capture = stage.lab.host("phone-b").capture()
    call = alice.dial("bob").wait("up")
    answered = bob.wait_call().wait("up")
    assert [t.message.status for t in alice.received("INVITE")] == [407, 100, 180, 200]
    talked = talk(call, answered, packets=50, reports=5)
    assert talked.whole, talked
    call.hold()
    assert (answered.remote_sdp.direction, answered.direction) == ("sendonly", "recvonly")
    call.resume()
    assert (answered.remote_sdp.direction, call.remote_sdp.direction) == ("sendrecv", "sendrecv")
    answered.hold()
    assert call.direction == "recvonly"
    assert answered.bye().status == 200
    call.wait("ended")
    tag = batch_tag(talked.batch)
    assert sorted(capture.rtp_counts(tag).values()) == [50, 50]
    assert sorted(capture.rtcp_counts(tag).values()) == [5, 5]
    got = first_of_each(capture.sip_messages(dst=bob.address))
    assert [m.message.method for m in got if not m.message.status] == [
        "INVITE", "ACK", "INVITE", "ACK", "INVITE", "ACK",
    ]  # fmt: skip
    assert stage.softswitch.complaints() == []


def test_calls_end_as_they_should(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob", on_invite="ring")
    alice.register()
    bob.register()
    assert alice.dial("nobody").wait("ended").status == 404
    call = alice.dial("bob").wait("ringing")
    call.cancel()
    assert call.wait("ended").status == 487
    assert bob.wait_call(0).wait("ended").cause == "cancelled there"
    call = alice.dial("bob").wait("ringing")
    bob.wait_call(1).reject("603 Decline")
    assert call.wait("ended").status == 603
    call = alice.dial("bob").wait("ringing")
    bob.wait_call(2).early()
    call.wait("early")
    assert talk(call, bob.wait_call(2), packets=10, reports=1).whole, "early media"
    bob.wait_call(2).answer()
    assert call.wait("up").bye().status == 200
    assert alice.message("bob", "hello").status == 200
    assert [t.message.body for t in bob.received("MESSAGE")] == [b"hello"]


def test_a_call_forks_to_all_phones_of_a_user(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice = stage.phone("phone-a", "alice")
    first, second = (stage.phone(host, "bob", on_invite="ring") for host in ("phone-b", "phone-c"))
    for phone in (alice, first, second):
        phone.register()
    call = alice.dial("bob").wait("ringing")
    for phone in (first, second):
        phone.wait_call()
    wait_for(lambda: len(call.early_tags) == 2, what="both phones to ring")
    second.wait_call().answer()
    call.wait("up")
    assert first.wait_call().wait("ended").cause == "cancelled there"
    assert talk(call, second.wait_call(), packets=10, reports=1).whole
    call.bye()


def test_a_number_goes_to_the_gateway_unchallenged_where_so_set(make_bare_scene: MakeScene) -> None:
    plan = SoftswitchPlan(gateway="203.0.113.4:5060", challenge=False)
    stage = make_bare_scene(PHONES, plan)
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("phone-c", "gateway")
    alice.register()
    call = alice.dial("9001").wait("up")
    assert [t.message.status for t in alice.received("INVITE")] == [100, 180, 200]
    assert gateway.wait_call().invite.uri == "sip:9001@voice.example"
    assert talk(call, gateway.wait_call(), packets=10, reports=1).whole
    call.bye()


@pytest.mark.parametrize(
    ("caller", "callee"), [("uac", "uas"), ("uac", "uas_early"), ("uac_hold", "uas"), ("uac_cancel", "uas_ring")]
)
def test_sipp_calls_sipp(make_bare_scene: MakeScene, caller: str, callee: str) -> None:
    stage = make_bare_scene(PHONES)
    alice, bob = stage.sipp("phone-a", "alice"), stage.sipp("phone-b", "bob")
    alice.register()
    bob.register()
    capture = stage.lab.host("phone-b").capture()
    taken = bob.take(callee)
    calling = alice.call("bob", caller, talk=600 if caller == "uac_cancel" else UNTIL_TOLD)
    for number in {"uac": [2], "uac_hold": [2, 4]}.get(caller, []):
        capture.wait_message(f"{number} ACK")
        heard = len(echoes(capture.so_far(), bob))
        wait_for(lambda heard=heard: len(echoes(capture.so_far(), bob)) >= heard + 10, what="ten echoes", step=0.05)
        alice.go_on(calling)
    calling.check_exit()
    taken.check_exit()
    if caller == "uac_cancel":
        assert capture.rtp_counts() == {}
    else:
        both_ways(capture)
        sent = [p.payload for p in capture.packets if p.dst == (bob.host.address(), bob.media_port)]
        came_back = [p.payload for p in echoes(capture.packets, bob)]
        assert came_back == sent[: len(came_back)], "what crosses its end is not echoed"
    assert stage.softswitch.complaints() == []


def echoes(packets: list[Packet], phone: SippPhone) -> list[Packet]:
    """What sipp has sent from where it echoes."""
    return [packet for packet in packets if packet.src == (phone.host.address(), phone.media_port)]


def test_sipp_calls_the_softphone_and_is_called(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice, bob = stage.sipp("phone-a", "alice"), stage.phone("phone-b", "bob")
    alice.register()
    bob.register()
    capture = stage.lab.host("phone-b").capture()
    calling = alice.call("bob", "uac_hold", talk=UNTIL_TOLD)
    taken = bob.wait_call().wait("up")
    for number in (2, 4):
        capture.wait_message(f"{number} ACK")
        heard = taken.media.other
        wait_for(lambda heard=heard: taken.media.other > heard, what="sipp's media")
        alice.go_on(calling)
    calling.check_exit()
    taken.wait("ended")
    talking = alice.take("uas_talk")
    call = bob.dial("alice").wait("up")
    call.send_batch(1, 20, 0)
    wait_for(lambda: call.media.other > 0, what="sipp's media")  # it begins some time after the ACK, or after a BYE
    call.hold()
    call.resume()
    call.bye()
    talking.check_exit()


def test_baresip_calls_baresip(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    alice, bob = stage.baresip("phone-a", "alice"), stage.baresip("phone-b", "bob")
    alice.wait_registered()
    bob.wait_registered()
    capture = stage.lab.host("phone-b").capture()
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    alice.wait_event("CALL_RTCP")
    bob.wait_event("CALL_RTCP")
    wait_media_both_ways(capture)
    alice.hold()
    bob.wait_event("CALL_REMOTE_SDP", 2)
    alice.resume()
    bob.wait_event("CALL_REMOTE_SDP", 3)
    alice.hangup()
    bob.wait_event("CALL_CLOSED")
    assert min(both_ways(capture)) > 10
    assert len(capture.rtcp_counts()) == 2


def test_the_softphone_runs_from_the_command_line(make_bare_scene: MakeScene) -> None:
    stage = make_bare_scene(PHONES)
    base = ["-m", "tests.netns.softphone", "--proxy", stage.softswitch.address]
    bob = stage.lab.host("phone-b").python(
        *base,
        "--user",
        "bob",
        "--password",
        "bob-secret",
        "--address",
        "203.0.113.3",
        "register",
        "expect",
        "wait:ended",
    )
    stage.lab.host("phone-b").wait_bound(5060, by=bob)
    wait_for(lambda: stage.softswitch.contacts("bob"), what="bob to have registered")
    alice = stage.lab.host("phone-a").python(
        *base, "--user", "alice", "--password", "alice-secret", "--address", "203.0.113.2",
        "register", "dial:bob", "wait:up", "talk:10", "hold", "resume", "bye", "unregister",
    )  # fmt: skip
    alice.check_exit()
    bob.check_exit()
    assert json.loads(alice.output())["calls"][0]["sent"] == {"rtp 1": 10, "rtcp 1": 2}
    assert json.loads(bob.output())["calls"][0]["heard"]["1"] == {"rtp": 10, "rtcp": 2, "repeated": 0}
    assert stage.softswitch.contacts("alice") == []


def test_without_an_sbc_a_nat_stops_the_call(make_bare_scene: MakeScene) -> None:
    """The control experiment: what the SBC's tests prove is not the lab's or the softswitch's doing."""
    stage = make_bare_scene(flat("softswitch") + home("a", "203.0.113.11") + home("b", "203.0.113.12"))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    capture = stage.lab.host("softswitch").capture()
    assert alice.register().status == bob.register().status == 200
    assert stage.softswitch.contacts("bob") == ["sip:bob@192.168.1.10:5060"]
    assert alice.dial("bob").wait("ended").status >= 400
    assert bob.calls == []
    assert capture.contains(b"192.168.1.10")
