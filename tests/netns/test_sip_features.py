"""What phones do beyond a plain call, on real networks: PRACK, UPDATE, late offers, forked early media, fax (T.38)."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from itertools import count

import pytest

from tests.netns.capture import Capture
from tests.netns.hearing import assert_heard, wait_heard
from tests.netns.nat import Nat, NatKind
from tests.netns.phone_call import PhoneCall
from tests.netns.scene import Scene
from tests.netns.sip import first_of_each
from tests.netns.sippphone import FAX_PORT, UNTIL_TOLD, SippPhone
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.talk import open_media, talk
from tests.netns.test_sip_calls import ACCESS_SIDE, assert_hidden, assert_small, registered
from tests.netns.topology import FIRST, PHONE, home, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
SYMMETRIC, RESTRICTED = (Nat(NatKind.SYMMETRIC),), (Nat(NatKind.PORT_RESTRICTED),)
GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")


def requests(wire: Capture, src: str) -> list[str]:
    """The methods of the requests from there, in order, repetitions left out."""
    return [seen.message.method for seen in first_of_each(wire.sip_messages(src=src)) if not seen.message.status]


def test_provisional_answers_are_acknowledged_and_dialogues_updated(make_scene: MakeScene) -> None:
    """sipp to sipp, both behind NATs: PRACK twice, UPDATE in the early dialogue with a description, in the answered one
    without, from both sides, and with one for hold. Each request crosses once and is the other phone's."""
    stage = make_scene(one_pair(SYMMETRIC, RESTRICTED))
    at_alice, at_bob = (stage.lab.host(f"phone-{label}").capture() for label in "ab")
    core = stage.lab.host("sbc").capture("core")
    alice, bob = stage.sipp("phone-a", "alice"), stage.sipp("phone-b", "bob")
    alice.register()
    bob.register()
    taken = bob.take("uas_update")
    calling = alice.call("bob", "uac_update", talk=UNTIL_TOLD)
    at_alice.wait_message("1 UPDATE", 200, src=PHONE)  # that of the called side ends the exchanges
    wait_heard(at_alice, at_bob)
    alice.go_on(calling)
    at_alice.wait_message("7 UPDATE", 200)  # held
    alice.go_on(calling)
    calling.check_exit()
    taken.check_exit()
    flow = ["INVITE", "PRACK", "UPDATE", "PRACK", "ACK", "UPDATE", "UPDATE", "BYE"]
    assert [m for m in requests(at_bob, FIRST.sbc_access) if m != "OPTIONS"] == flow
    assert [m for m in requests(at_alice, FIRST.sbc_access) if m != "OPTIONS"] == ["UPDATE"], "the called one's own"
    reliable = [m.message for m in at_alice.sip_messages(src=FIRST.sbc_access) if m.message.get("rseq")]
    assert {(m.status, m.get("require"), m.get("rseq")) for m in reliable} == {
        (183, "100rel", "101"), (180, "100rel", "102"),
    }  # fmt: skip
    for wire in (at_alice, at_bob):
        assert_small(wire)
    assert_heard(at_alice, at_bob)
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)
    assert stage.softswitch.complaints() == []


def late_call(alice: SippPhone, at_alice: Capture, at_bob: Capture) -> None:
    """A call to bob with late offers, in which both are heard before its re-INVITE and after."""
    calling = alice.call("bob", "uac_late", talk=UNTIL_TOLD)
    wait_heard(at_alice, at_bob)
    alice.go_on(calling)
    at_alice.wait_message("3 ACK")
    wait_heard(at_alice, at_bob)
    alice.go_on(calling)
    calling.check_exit()


def test_the_offer_comes_late(make_scene: MakeScene) -> None:
    """An INVITE and a re-INVITE without a description: offers in the 200s, answers in the ACKs."""
    stage = make_scene(one_pair(SYMMETRIC, RESTRICTED))
    at_alice, at_bob = (stage.lab.host(f"phone-{label}").capture() for label in "ab")
    core = stage.lab.host("sbc").capture("core")
    alice, bob = stage.sipp("phone-a", "alice"), stage.sipp("phone-b", "bob")
    alice.register()
    bob.register()
    taken = bob.take("uas_talk")
    late_call(alice, at_alice, at_bob)
    taken.check_exit()
    got = [m.message for m in at_bob.sip_messages(src=FIRST.sbc_access) if m.message.method in ("INVITE", "ACK")]
    assert {(m.method, bool(m.body)) for m in got} == {("INVITE", False), ("ACK", True)}
    assert_heard(at_alice, at_bob)
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)


def test_baresip_gets_its_offer_late(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair(RESTRICTED, SYMMETRIC))
    at_alice, at_bob = (stage.lab.host(f"phone-{label}").capture() for label in "ab")
    bob, alice = stage.baresip("phone-b", "bob"), stage.sipp("phone-a", "alice")
    bob.wait_registered()
    alice.register()
    late_call(alice, at_alice, at_bob)
    bob.wait_event("CALL_CLOSED")
    assert_heard(at_alice, at_bob)


def heard_of(call: PhoneCall, batch: int) -> int:
    return call.media.counts(batch)[0]


@pytest.mark.parametrize("answers", ["first", "last"])
def test_two_branches_give_early_media(make_scene: MakeScene, answers: str) -> None:
    """The softswitch forks to two phones behind two NATs, and both give early media: the caller hears the one that
    told of itself last, never both; then the one that answers, whole and alone."""
    stage = make_scene(one_pair(SYMMETRIC, RESTRICTED) + home("c", "203.0.113.13", nats=RESTRICTED))
    core = stage.lab.host("sbc").capture("core")
    alice = stage.phone("phone-a", "alice")
    desk, mobile = (stage.phone(host, "bob", on_invite="ring") for host in ("phone-b", "phone-c"))
    registered(alice, desk, mobile)
    call = alice.dial("bob")
    first, last = (phone.wait_call() for phone in (desk, mobile))
    wait_for(lambda: len(call.early_tags) == 2, what="both phones to ring")
    first.early()
    call.wait("early")
    open_media([(call, first)])
    assert talk(call, first, packets=10, reports=1, opened=True).whole, "the only one to give early media"
    last.early()
    wait_for(lambda: len(alice.received("INVITE", 183)) >= 2, what="the second branch's early media to be told")
    open_media([(call, last)])
    first.send_batch(801, 20, 0)
    last.send_batch(802, 20, 0)
    wait_for(lambda: first.media.idle and last.media.idle, what="both to have sent")
    wait_for(lambda: heard_of(call, 802) == 20, what="the last to be heard")
    assert heard_of(call, 801) == 0, "the other is not heard any more"
    winner, loser = (first, last) if answers == "first" else (last, first)
    winner.answer()
    call.wait("up")
    assert loser.wait("ended").cause == "cancelled there"
    assert talk(call, winner, packets=20, reports=2).whole, "media follows the answer"
    assert call.bye().status == 200
    winner.wait("ended")
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, [*ACCESS_SIDE, "203.0.113.13"])


class Fax:
    """One end of a fax at a phone: numbered UDPTL packets (ITU-T T.38 section 9.1) from the port its sipp has told."""

    def __init__(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        self.sock, self.peer, self._got = sock, peer, list[int]()
        sock.setblocking(False)

    def send(self, number: int) -> None:
        """A sequence number, a primary packet of one data field, and no redundant ones (t38UDPRedundancy)."""
        primary = bytes([0xC0, 0x01, 0x80, 0x00, 0x00, 0xFF])
        self.sock.sendto(struct.pack(">HB", number, len(primary)) + primary + b"\x00\x00", self.peer)

    def hear(self, since: int = 0) -> list[int]:
        """The numbers of all that have come, from one on."""
        while True:
            try:
                data = self.sock.recv(2048)
            except BlockingIOError:
                return [number for number in self._got if number >= since]
            assert data[3:9] == bytes([0xC0, 0x01, 0x80, 0x00, 0x00, 0xFF])
            self._got.append(struct.unpack(">H", data[:2])[0])


def test_a_call_becomes_a_fax(make_scene: MakeScene) -> None:
    """The called side asks for T.38 in a re-INVITE: UDPTL goes through both NATs and the SBC, each packet once."""
    stage = make_scene(one_pair(SYMMETRIC, RESTRICTED))
    at_alice, core = stage.lab.host("phone-a").capture(), stage.lab.host("sbc").capture("core")
    alice, bob = stage.sipp("phone-a", "alice"), stage.sipp("phone-b", "bob")
    alice.register()
    bob.register()
    taken = bob.take("uas_fax")
    calling = alice.call("bob", "uac_fax", talk=UNTIL_TOLD)
    here, there = (Fax(each.host.udp(FAX_PORT), each.fax_peer()) for each in (alice, bob))
    assert here.peer[0] == there.peer[0] == FIRST.sbc_access
    numbers = count(1)

    def both_hear() -> bool:
        number = next(numbers)
        here.send(number)
        there.send(number)
        return bool(here.hear() and there.hear())

    wait_for(both_hear, what="both NATs to be open", step=0.02)
    for number in range(10_000, 10_050):
        here.send(number)
        there.send(number)
        time.sleep(0.02)
    wait_for(lambda: len(here.hear(10_000)) >= 50 <= len(there.hear(10_000)), what="the fax to arrive")
    assert here.hear(10_000) == there.hear(10_000) == list(range(10_000, 10_050))
    at_alice.wait_message("1 ACK", src=FIRST.sbc_access)  # that of the called side's re-INVITE
    alice.go_on(calling)
    calling.check_exit()
    taken.check_exit()
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)
