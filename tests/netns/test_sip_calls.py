"""The main job, on real networks: registrations and calls of phones behind NATs through the SBC, and what each side
sees."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import pytest

from tests.netns.capture import Capture, SeenSip
from tests.netns.hearing import assert_heard, wait_heard
from tests.netns.namespace import udp_kernel_counters
from tests.netns.nat import Nat, NatKind
from tests.netns.phone_call import PhoneCall
from tests.netns.phone_media import batch_tag
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.sip import first_of_each
from tests.netns.sippphone import UNTIL_TOLD
from tests.netns.softphone import Softphone
from tests.netns.softswitch import DOMAIN, SoftswitchPlan
from tests.netns.talk import Talk, open_media, talk, talk_all
from tests.netns.topology import FIRST, HOME_ROUTER, PHONE, SECOND, home, one_pair, two_pairs
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]

NATS: dict[str, tuple[Nat, ...]] = {
    "none": (),
    "masquerade": (Nat(NatKind.MASQUERADE),),
    "port-restricted": (Nat(NatKind.PORT_RESTRICTED),),
    "symmetric": (Nat(NatKind.SYMMETRIC),),
    "full-cone": (Nat(NatKind.FULL_CONE),),
    "double": (Nat(NatKind.PORT_RESTRICTED), Nat(NatKind.SYMMETRIC)),
}
GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
ACCESS_SIDE = [PHONE, HOME_ROUTER, "203.0.113.1", "203.0.113.11", "203.0.113.12", "100.64.0.1", "100.64.0.2"]
CORE_SIDE = ["198.51.100.1", "198.51.100.2", "198.51.100.3"]


def registered(*phones: Softphone) -> None:
    for phone in phones:
        assert phone.register().status == 200, phone.account.user


def statuses(phone: Softphone, method: str) -> list[int]:
    """The statuses of all answers a phone got to a method."""
    return [t.message.status for t in phone.received(method) if t.message.status]


def connected(caller: Softphone, callee: Softphone, number: int = 0) -> tuple[PhoneCall, PhoneCall]:
    """A call between two phones that is up at both ends; `number` counts the callee's calls from 0."""
    call = caller.dial(callee.account.user).wait("up")
    return call, callee.wait_call(number).wait("up")


def assert_whole(talked: Talk, *wires: Capture) -> None:
    """All of a batch was heard, once and in order, as many packets each way; and each wire carried just that."""
    assert talked.whole, talked
    for wire in wires:
        wire.stop()
        packets, reports = talked.there.sent
        tag = batch_tag(talked.batch)
        assert sorted(wire.rtp_counts(tag).values()) == [packets, packets], wire.path.name
        assert sorted(wire.rtcp_counts(tag).values()) == [reports, reports], wire.path.name


CREDENTIALS = re.compile(rb"(?im)^(?:Proxy-)?Authorization[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
"""What a digest covers, and nobody may change (docs/sip.rst)."""


def assert_hidden(wire: Capture, allowed: set[str], foreign: list[str], apart: re.Pattern[bytes] | None = None) -> None:
    """No IP header has another host than the allowed, and nowhere in any packet, as text or packed, is a foreign
    address; what `apart` matches is not looked into."""
    assert wire.packets
    assert wire.hosts() <= allowed
    found = {address: wire.find(address.encode(), apart=apart) for address in foreign}
    assert {address: packets[0] for address, packets in found.items() if packets} == {}


def assert_small(wire: Capture, sbc: str = FIRST.sbc_access) -> list[SeenSip]:
    """Whatever the SBC sends to a phone has one Via (the phone's own, or the SBC's) and at most one route."""
    messages = wire.sip_messages(src=sbc)
    assert messages
    for seen in messages:
        message = seen.message
        assert len(message.all("via")) == 1, seen
        assert len(message.all("route") + message.all("record-route")) <= 1, seen
    return messages


@pytest.mark.parametrize("nats", NATS.values(), ids=NATS)
def test_phones_behind_nats_register_and_call_each_other(make_scene: MakeScene, nats: tuple[Nat, ...]) -> None:
    """Registration with a challenge, a call, media both ways, hold and resume, hanging up; with each kind of NAT at
    both ends."""
    stage = make_scene(one_pair(nats, nats))
    at_phones = [stage.lab.host(f"phone-{label}").capture() for label in "ab"]
    access, core = (stage.lab.host("sbc").capture(segment) for segment in ("access", "core"))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    for phone in (alice, bob):
        assert statuses(phone, "REGISTER") == [401, 200]
        assert phone.registered_for == 60, "the phone finds its own contact in the answer"
    (contact,) = stage.softswitch.contacts("bob")
    assert contact.rpartition("@")[2] == f"{FIRST.sbc_core}:5060"

    call, answered = connected(alice, bob)
    assert [s for s in statuses(alice, "INVITE") if s != 100] == [407, 180, 200]
    first = talk(call, answered)
    assert first.whole, first
    call.hold()
    assert (answered.remote_sdp.direction, call.remote_sdp.direction) == ("sendonly", "recvonly")
    call.resume()
    assert (answered.remote_sdp.direction, call.remote_sdp.direction) == ("sendrecv", "sendrecv")
    second = talk(call, answered)
    assert call.bye().status == 200
    assert answered.wait("ended").cause == "hung up there"

    assert_whole(second, *at_phones)
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)
    for wire in (access, *at_phones):
        assert_hidden(wire, {*ACCESS_SIDE, "203.0.113.1"}, CORE_SIDE)
    for wire in at_phones:
        assert_small(wire)


def test_the_media_of_both_wires_is_the_same(make_scene: MakeScene) -> None:
    """What comes in at one side of the SBC goes out at the other: counted on the SBC's own interfaces, towards a
    core host."""
    stage = make_scene(one_pair(NATS["symmetric"]), plan=GATEWAY)
    access, core = (stage.lab.host("sbc").capture(segment) for segment in ("access", "core"))
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    registered(alice)
    call = alice.dial("9001").wait("up")
    talked = talk(call, gateway.wait_call().wait("up"), packets=100, reports=10)
    call.bye()
    assert_whole(talked, access, core)
    assert udp_kernel_counters(stage.lab.host("sbc").netns)["RcvbufErrors"] == 0
    there = {ends: n for ends, n in core.rtp_counts(batch_tag(talked.batch)).items() if ends[1][0] == gateway.address}
    assert {src[0] for src, _ in there} == {FIRST.sbc_core}


def test_phone_calls_softswitch_and_softswitch_calls_phone(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair(NATS["port-restricted"]), plan=GATEWAY)
    core = stage.lab.host("sbc").capture("core")
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    gateway.account.user, gateway.account.password = "carol", "carol-secret"
    registered(alice)

    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    assert taken.invite.uri.startswith("sip:9001@")
    assert talk(call, taken, packets=20, reports=2).whole
    taken.hold()
    assert call.direction == "recvonly"
    taken.resume()
    assert taken.bye().status == 200
    assert call.wait("ended").cause == "hung up there"

    called, ringing = connected(gateway, alice, 1)
    assert ringing.invite.uri == alice.contact, "the phone is called by the very contact it registered"
    assert talk(called, ringing, packets=20, reports=2).whole
    ringing.hold()
    ringing.resume()
    assert called.bye().status == 200
    ringing.wait("ended")
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address, gateway.address}, ACCESS_SIDE)


@pytest.mark.parametrize("who", ["phone", "softswitch"])
def test_a_call_is_cancelled(make_scene: MakeScene, who: str) -> None:
    stage = make_scene(one_pair(), plan=GATEWAY)
    bob = stage.phone("phone-b", "bob", on_invite="ring")
    caller = stage.phone("phone-a", "alice") if who == "phone" else stage.phone("uas", "carol")
    registered(bob)
    call = caller.dial("bob").wait("ringing")
    ringing = bob.wait_call().wait("ringing")
    call.cancel()
    assert call.wait("ended").status == 487
    assert ringing.wait("ended").cause == "cancelled there"
    wait_for(lambda: ringing.acknowledged, what="the ACK to bob's 487")
    assert statuses(caller, "CANCEL") == [200]
    bob.on_invite = "answer"
    again, answered = connected(caller, bob, 1)
    assert talk(again, answered, packets=10, reports=1).whole, "the phones are free again"
    again.bye()


def test_refusals_cross_with_their_status(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair())
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob", on_invite="busy")
    registered(alice, bob)
    assert alice.dial("nobody").wait("ended").status == 404
    assert alice.dial("bob").wait("ended").status == 486
    alice.account.password = "guess"
    assert alice.register(0).status == 401, "a mere refresh the SBC would have answered"
    assert alice.dial("bob").wait("ended").status == 407


def test_a_forked_call_with_early_media(make_scene: MakeScene) -> None:
    """Two phones of bob's behind one NAT ring at once; one gives early media, the other answers."""
    stage = make_scene(one_pair(NATS["port-restricted"], NATS["port-restricted"]))
    alice = stage.phone("phone-a", "alice")
    desk = stage.phone("phone-b", "bob", on_invite="early")
    cordless = stage.phone("phone-b", "bob", on_invite="ring", port=5070, media_port=18000)
    registered(alice, desk, cordless)
    assert len(stage.softswitch.contacts("bob")) == 2
    call = alice.dial("bob").wait("early")
    early = desk.wait_call()
    wait_for(lambda: len(call.early_tags) == 2, what="both phones to ring")
    open_media([(call, early)])
    assert talk(call, early, packets=10, reports=1, opened=True).whole, "early media"
    cordless.wait_call().answer()
    call.wait("up")
    assert early.wait("ended").cause == "cancelled there"
    assert talk(call, cordless.wait_call(), packets=10, reports=1).whole, "media follows the answer"
    assert call.bye().status == 200


def test_two_realm_pairs_at_once_with_the_same_addresses_and_names(make_scene: MakeScene) -> None:
    """Four phones, all 192.168.1.10, two of them alice and two bob; each pair has its own softswitch and sees only
    its own."""
    stage = make_scene(two_pairs(Nat(NatKind.PORT_RESTRICTED)), pairs=(FIRST, SECOND))
    wires = {segment: stage.lab.host("sbc").capture(segment) for segment in ("access", "core", "access2", "core2")}
    phones = {
        label: stage.phone(f"phone-{label}", user) for label, user in zip("abcd", ("alice", "bob") * 2, strict=True)
    }
    registered(*phones.values())
    for pair in (FIRST, SECOND):
        for user in ("alice", "bob"):
            (contact,) = stage.softswitches[pair.core].contacts(user)
            assert f"@{pair.sbc_core}:" in contact
    calls = [connected(phones["a"], phones["b"]), connected(phones["c"], phones["d"])]
    for talked in talk_all(calls):
        assert talked.whole, talked
    for call, answered in calls:
        call.hold()
        call.resume()
        assert call.bye().status == 200
        answered.wait("ended")
    first, second = ({pair.sbc_core, pair.softswitch_address} for pair in (FIRST, SECOND))
    others = ["192.0.2.1", "192.0.2.11", "192.0.2.12"]
    assert_hidden(wires["core"], first, [*ACCESS_SIDE, *others, *second])
    assert_hidden(wires["core2"], second, [*ACCESS_SIDE, *others, *first])
    assert_hidden(wires["access"], set(ACCESS_SIDE), [*others, *first, *second])
    assert_hidden(wires["access2"], set(others), ["203.0.113.1", "203.0.113.11", *first, *second])


def test_messages_to_phones_are_smaller_than_the_softswitch_made_them(make_scene: MakeScene) -> None:
    """Request by request, and the whole conversation summed up."""
    stage = make_scene(one_pair())
    at_bob, at_alice, core = (
        stage.lab.host(host).capture(segment) for host, segment in (("phone-b", ""), ("phone-a", ""), ("sbc", "core"))
    )
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    call, answered = connected(alice, bob)
    call.hold()
    call.resume()
    call.bye()
    answered.wait("ended")

    def about(seen: SeenSip) -> tuple[int, str]:
        return seen.message.status, seen.message.get("cseq")

    made: dict[tuple[int, str], int] = {}
    for seen in core.sip_messages(src=FIRST.softswitch_address):
        made.setdefault(about(seen), len(seen.data))
    got = [
        seen for wire in (at_bob, at_alice) for seen in first_of_each(assert_small(wire)) if seen.message.status != 100
    ]
    requests = [seen for seen in got if not seen.message.status and seen.message.method != "OPTIONS"]
    assert [seen.message.method for seen in requests] == ["INVITE", "ACK", "INVITE", "ACK", "INVITE", "ACK", "BYE"]
    for seen in requests:
        assert len(seen.data) < made[about(seen)], seen
    in_call = [seen for seen in got if seen.message.method not in ("REGISTER", "OPTIONS")]
    assert sum(len(seen.data) for seen in in_call) < sum(made[about(seen)] for seen in in_call)


def test_a_port_for_each_terminal(make_scene: MakeScene) -> None:
    """`signaling = "port-per-terminal"`: the softswitch tells terminals apart by port, and hears each from its own."""
    stage = make_scene(one_pair(), toml=sbc_config(FIRST, signaling="port-per-terminal"))
    core = stage.lab.host("sbc").capture("core")
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    ports = {}
    for phone in (alice, bob):
        (contact,) = stage.softswitch.contacts(phone.account.user)
        host, _, port = contact.rpartition("@")[2].partition(":")
        assert host == FIRST.sbc_core
        ports[phone.account.user] = int(port)
    assert len(set(ports.values())) == 2
    assert all(40000 <= port <= 40999 for port in ports.values())
    call, answered = connected(alice, bob)
    assert talk(call, answered, packets=10, reports=1).whole
    call.hold()
    answered.reinvite("sendrecv")
    call.bye()
    sources = {seen.src[1] for seen in core.sip_messages(src=FIRST.sbc_core) if seen.message.uri.endswith(f"@{DOMAIN}")}
    assert sources == {ports["alice"]}, "alice's INVITE comes from alice's port"
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)


def test_a_nat_that_forgets_is_found_again(make_scene: MakeScene) -> None:
    """The router restarts: signalling is found again by the next registration, media by the next re-INVITE."""
    stage = make_scene(one_pair(NATS["symmetric"], NATS["symmetric"]))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    stage.lab.host("nat-b").flush_nat()
    registered(bob)
    assert len(stage.softswitch.contacts("bob")) == 1, "it is still the same binding"
    call, answered = connected(alice, bob)
    assert talk(call, answered, packets=20, reports=2).whole
    stage.lab.host("nat-b").flush_nat()
    answered.hold()
    answered.resume()
    assert talk(call, answered, packets=20, reports=2).whole, "another source port, learnt anew"
    assert call.bye().status == 200
    answered.wait("ended")


@pytest.mark.parametrize("caller", ["uac", "uac_hold", "uac_cancel"])
def test_sipp_behind_nat_calls_sipp_behind_nat(make_scene: MakeScene, caller: str) -> None:
    stage = make_scene(one_pair(NATS["symmetric"], NATS["port-restricted"]))
    at_phones = [stage.lab.host(f"phone-{label}").capture() for label in "ab"]
    core = stage.lab.host("sbc").capture("core")
    alice, bob = stage.sipp("phone-a", "alice"), stage.sipp("phone-b", "bob")
    alice.register()
    bob.register()
    taken = bob.take("uas_ring" if caller == "uac_cancel" else "uas_talk")
    calling = alice.call("bob", caller, talk=1000 if caller == "uac_cancel" else UNTIL_TOLD)
    if caller != "uac_cancel":
        wait_heard(*at_phones)
        alice.go_on(calling)
    if caller == "uac_hold":
        at_phones[0].wait_message("4 ACK")  # the call is resumed
        wait_heard(*at_phones)
        alice.go_on(calling)
    calling.check_exit()
    taken.check_exit()
    for wire in at_phones:
        assert_small(wire)
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)
    if caller != "uac_cancel":
        assert_heard(*at_phones)


def test_sipp_plays_early_media_from_the_core(make_scene: MakeScene) -> None:
    """sipp as a gateway echoes what it hears, so what alice sends comes back to her: equal counts, before and after
    the answer."""
    stage = make_scene(one_pair(NATS["symmetric"]), plan=GATEWAY)
    gateway = stage.sipp("uas", "gateway")
    taken = gateway.take("uas_early", talk=700)
    alice = stage.phone("phone-a", "alice")
    registered(alice)
    call = alice.dial("9100").wait("early")
    call.send_batch(900, 20, 0)
    wait_for(lambda: call.media.idle, what="alice to have sent it all")
    call.wait("up")
    call.send_batch(901, 20, 0)
    wait_for(lambda: call.media.counts(901)[0] == 20, what="the echo after the answer")
    assert call.media.counts(900)[0] == 20, "the echo before it"
    assert call.bye().status == 200
    taken.check_exit()


def test_baresip_behind_nats(make_scene: MakeScene) -> None:
    """Another independent phone, with RTCP of its own making, calls through the SBC, holds and resumes."""
    stage = make_scene(one_pair(NATS["port-restricted"], NATS["symmetric"]))
    at_phones = [stage.lab.host(f"phone-{label}").capture() for label in "ab"]
    core = stage.lab.host("sbc").capture("core")
    alice, bob = stage.baresip("phone-a", "alice"), stage.baresip("phone-b", "bob")
    alice.wait_registered()
    bob.wait_registered()
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    wait_heard(*at_phones, "rtcp", packets=1)
    wait_heard(*at_phones)
    alice.hold()
    bob.wait_event("CALL_REMOTE_SDP", 2)
    alice.resume()
    bob.wait_event("CALL_REMOTE_SDP", 3)
    wait_heard(*at_phones)
    bob.hangup()
    alice.wait_event("CALL_CLOSED")
    for wire in at_phones:
        assert_small(wire)
    hidden = [address for address in ACCESS_SIDE if address != FIRST.sbc_access]
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, hidden)
    for packet in core.find(FIRST.sbc_access.encode()):
        # The SBC's own access address is told by baresip itself, where nobody can or may change it: in the credentials
        # it repeats inside the dialog, whose digest covers their uri (RFC 3261 section 22.4), and in a header of its
        # own making about the RTP it got.
        told = [line for line in packet.payload.split(b"\r\n") if FIRST.sbc_access.encode() in line]
        assert {line.partition(b":")[0] for line in told} <= {b"Proxy-Authorization", b"X-RTP-Stat"}
    for kind in ("rtp", "rtcp"):
        assert_heard(*at_phones, kind)


def test_a_softphone_calls_baresip_and_holds(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair())
    bob = stage.baresip("phone-b", "bob")
    bob.wait_registered()
    alice = stage.phone("phone-a", "alice")
    registered(alice)
    call = alice.dial("bob").wait("up")
    call.send_batch(902, 50, 5)
    wait_for(lambda: call.media.other > 30, what="baresip's media")
    call.hold()
    assert call.remote_sdp.direction in ("recvonly", "inactive")
    call.resume()
    assert call.bye().status == 200
    bob.wait_event("CALL_CLOSED")


def test_other_requests_cross(make_scene: MakeScene) -> None:
    """MESSAGE and OPTIONS outside a dialog, INFO inside one."""
    stage = make_scene(one_pair())
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    assert alice.message("bob", "hello").status == 200
    assert [t.message.body for t in bob.received("MESSAGE")] == [b"hello"]
    assert alice.message("bob", "", method="OPTIONS").status == 200
    call, answered = connected(alice, bob)
    assert call.request("INFO", b"Signal=1", "application/dtmf-relay").status == 200
    assert [t.message.body for t in bob.received("INFO")] == [b"Signal=1"]
    assert answered.bye().status == 200
    call.wait("ended")


def test_unregistering_takes_the_binding_away(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair())
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    assert bob.register(expires=0).status == 200
    assert stage.softswitch.contacts("bob") == []
    assert alice.dial("bob").wait("ended").status == 404


def test_a_phone_without_nat_calls_one_behind_a_nat(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair() + home("z", "203.0.113.21", nats=()))
    alice, carol = stage.phone("phone-a", "alice"), stage.phone("phone-z", "carol")
    registered(alice, carol)
    call, answered = connected(carol, alice)
    assert talk(call, answered, packets=10, reports=1).whole
    assert call.bye().status == 200


@pytest.mark.parametrize("latch", ["nat", "strict"])
def test_a_stranger_is_not_heard(make_scene: MakeScene, latch: str) -> None:
    """RTP bleed: once both ends are known, media from anybody else is dropped, and the call goes on unharmed."""
    topology = one_pair() + home("z", "203.0.113.21", nats=())
    stage = make_scene(topology, toml=sbc_config(FIRST, latch=latch))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    call, answered = connected(alice, bob)
    open_media([(call, answered)])
    stranger = stage.lab.host("phone-z").udp(30000)
    for number in range(50):
        packet = struct.pack(">BBHII", 0x80, 0, number, number * 160, 1) + bytes(160)
        stranger.sendto(packet, call.remote_sdp.rtp)
        stranger.sendto(packet, answered.remote_sdp.rtp)
    assert talk(call, answered, opened=True, packets=20, reports=2).whole
    assert (call.media.other, answered.media.other) == (0, 0)
    stranger.settimeout(0.05)
    with pytest.raises(TimeoutError):
        stranger.recv(2048)
    call.bye()


def test_without_latching_a_nat_stops_the_media(make_scene: MakeScene) -> None:
    """The control experiment: signalling crosses, but media sent to the address the phone believes in never arrives."""
    stage = make_scene(one_pair(NATS["symmetric"], NATS["symmetric"]), toml=sbc_config(FIRST, latch="off"))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice, bob)
    call, answered = connected(alice, bob)
    with pytest.raises(TimeoutError, match="media both ways"):
        open_media([(call, answered)], timeout=1.0)
    assert not call.media.heard
    assert not answered.media.heard
    call.bye()
