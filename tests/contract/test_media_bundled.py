"""Several streams by the transport of one of them (BUNDLE, RFC 9143): what is for which, and as they come and go."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.orders import Rate
from sbc.core.secured import Bundled, Dtls, Fingerprint, SideSecurity
from sbc.media.srtp import Session
from tests.contract.engines import Call, Rig, balanced
from tests.media.keys import key, security
from tests.media.packets import receiver_report, report_block, rtp, sender_report
from tests.media.reference import protect_rtcp, protect_rtp

RIDER = SideSecurity(dtls=Dtls(client=False, fingerprints=(Fingerprint("sha-256", bytes(32)),)))
AUDIO, VIDEO, ALONE = 0x1234, 0x9999, 0x7777
THEIRS = key("a")
FEEDBACK = 206  # of one payload (RFC 4585 section 6.3): a picture is asked for


@pytest.fixture(autouse=True)
def can(rig: Rig) -> None:
    if not rig.engine.suites():
        pytest.skip("SRTP is not built into this engine")


def sealed(*packets: bytes) -> list[bytes]:
    session = Session(THEIRS, sends=True)
    return [session.close(each, False) for each in packets]


def named(sequence: int, mid: bytes, number: int = 4, ssrc: int = ALONE, payload_type: int = 77) -> bytes:
    """A packet whose header extension has a name (RFC 8285 section 4.2), after something else that it says."""
    elements = b"\x22abc" + bytes([number << 4 | len(mid) - 1]) + mid
    elements += bytes(-len(elements) % 4)
    packet = rtp(sequence, ssrc, payload_type=payload_type)
    return bytes([0x90]) + packet[1:12] + b"\xbe\xde" + (len(elements) // 4).to_bytes(2, "big") + elements + packet[12:]


def picture_wanted(sender: int, media: int) -> bytes:
    return bytes((0x81, FEEDBACK, 0, 2)) + sender.to_bytes(4, "big") + media.to_bytes(4, "big")


class Both:
    """Audio, by whose transport video goes: side 0 of both is the browser's."""

    def __init__(self, rig: Rig, video_first: bool = False, **video: Any) -> None:
        self.rig = rig
        self.ours = Session(key("a-ours"), sends=False)
        ride = attrs.evolve(RIDER, bundled=Bundled("", "1", 4, (VIDEO,), (96,)))
        carrier = attrs.evolve(security("a"), bundled=Bundled("", "0", 4, (), (0, 8)))
        if video_first:
            self.video = Call(rig, a={"security": RIDER, **video})
            self.audio = Call(rig, a={"security": carrier})
        else:
            self.audio = Call(rig, a={"security": carrier})
            self.video = Call(rig, a={"security": RIDER, **video})
        self.video.update(0, security=attrs.evolve(ride, bundled=attrs.evolve(ride.bundled, carrier=self.audio.id)))

    def from_browser(self, *packets: bytes) -> None:
        """What the browser sends, all by one port; to be waited for by whoever knows for whom it is."""
        for data in packets:
            self.audio.a.send(self.audio.at_a, data)

    def taken(self, audio: int, video: int) -> None:
        """Wait until so many packets more of each were taken or dropped, and what was taken has left: the further
        parts of one that was divided leave a turn later than they are counted."""
        for call, more in ((self.audio, audio), (self.video, video)):
            call.expected += more
            self.rig.wait_for(call.id, call.expected)
            self.rig.wait(lambda call=call: balanced(call.counters()), f"{call.id} has sent what it took")

    def at_browser(self, rtcp: bool = False) -> list[bytes]:
        return [self.ours.open(data, rtcp) for data in self.audio.a.data()]


def test_each_gets_what_is_its_own_by_ssrc_and_by_payload_type(rig: Rig) -> None:
    both = Both(rig)
    audio = [rtp(n, AUDIO, payload_type=8) for n in (1, 2)]
    video = [rtp(n, VIDEO, bytes(900), payload_type=77) for n in (1, 2)] + [rtp(1, ALONE, payload_type=96, marker=True)]
    both.from_browser(*sealed(audio[0], video[0], video[1], audio[1], video[2]))
    both.taken(2, 3)
    assert both.audio.b.data() == audio and both.video.b.data() == video
    counters = both.video.counters()
    assert counters.sides[0].received_rtp.packets == counters.sides[1].sent_rtp.packets == 3
    assert counters.sides[0].received_rtp.octets == 2 * (912 + 10) + 172 + 10
    assert both.audio.counters().sides[0].received_rtp.packets == 2
    both.from_browser(*sealed(rtp(2, ALONE, payload_type=77)))  # its SSRC is known by now
    both.taken(0, 1)
    assert both.video.b.data() == [rtp(2, ALONE, payload_type=77)]


def test_what_is_nobodys_is_counted_and_dropped(rig: Rig) -> None:
    both = Both(rig)
    both.from_browser(*sealed(rtp(1, ALONE, payload_type=77)), protect_rtcp(THEIRS, receiver_report(ALONE), 1))
    both.taken(2, 0)
    assert both.audio.b.data() == both.video.b.data() == both.audio.b_rtcp.data() == []
    first, _ = rig.engine.sides(both.audio.id)
    assert first.refused["no-stream"] == 2


def test_a_stream_may_be_named_in_each_packet(rig: Rig) -> None:
    both = Both(rig)
    both.from_browser(*sealed(named(1, b"1"), named(1, b"0", ssrc=AUDIO), named(2, b"x"), named(3, b"1", number=5)))
    both.taken(2, 2)
    (audio,), video = both.audio.b.data(), both.video.b.data()
    assert audio == named(1, b"0", ssrc=AUDIO).replace(b"\x400", b"\0\0"), "what it is called there is not told"
    assert video == [named(1, b"1").replace(b"\x401", b"\0\0"), named(3, b"1", number=5)]


def test_both_go_out_by_one_port_and_key(rig: Rig) -> None:
    both = Both(rig)
    both.audio.send(both.audio.b, both.audio.at_b, rtp(1, 5))
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6), rtp(2, 6))
    both.video.send(both.video.b_rtcp, both.video.at_b_rtcp, sender_report(6, 1))
    data = both.audio.a.drain()
    assert {source for _, source in data} == {both.audio.at_a}
    assert [both.ours.open(each, False) for each, _ in data[:3]] == [rtp(1, 5), rtp(1, 6), rtp(2, 6)]
    assert both.ours.open(data[3][0], True) == sender_report(6, 1)
    sides = both.video.counters().sides
    assert (sides[0].sent_rtp.packets, sides[0].sent_rtcp.packets) == (2, 1)
    assert both.video.a.data() == both.video.a_rtcp.data() == []
    assert rig.engine.sides(both.video.id)[0].security == "AES_CM_128_HMAC_SHA1_80"


def test_reports_go_to_the_stream_they_are_of(rig: Rig) -> None:
    both = Both(rig)
    both.from_browser(*sealed(rtp(1, AUDIO), rtp(1, VIDEO)))
    both.taken(1, 1)
    both.audio.send(both.audio.b, both.audio.at_b, rtp(1, 5))
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6))
    asked = receiver_report(1) + picture_wanted(1, 6)
    both.from_browser(
        protect_rtcp(THEIRS, sender_report(AUDIO, 1), 1),
        protect_rtcp(THEIRS, sender_report(VIDEO, 2, report_block(6)), 2),
        protect_rtcp(THEIRS, receiver_report(1, report_block(5)), 3),
        protect_rtcp(THEIRS, asked, 4),
    )
    both.taken(2, 2)
    assert both.audio.b_rtcp.data() == [sender_report(AUDIO, 1), receiver_report(1, report_block(5))]
    assert both.video.b_rtcp.data() == [sender_report(VIDEO, 2, report_block(6)), asked]


def test_a_compound_of_both_is_divided(rig: Rig) -> None:
    both = Both(rig)
    both.from_browser(*sealed(rtp(1, AUDIO), rtp(1, VIDEO)))
    both.taken(1, 1)
    both.audio.send(both.audio.b, both.audio.at_b, rtp(1, 5))
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6))
    blocks = report_block(5, lost=1) + report_block(6, lost=2)
    report = bytes([0x82]) + sender_report(AUDIO, 1)[1:2] + bytes([0, 18]) + sender_report(AUDIO, 1)[4:] + blocks
    name = bytes((0x81, 202, 0, 2)) + AUDIO.to_bytes(4, "big") + b"\x01\x01x\0"
    both.from_browser(protect_rtcp(THEIRS, report + name + picture_wanted(AUDIO, 6), 1))
    both.taken(1, 1)
    assert both.audio.b_rtcp.data() == [sender_report(AUDIO, 1, report_block(5, lost=1)) + name]
    wanted = receiver_report(AUDIO, report_block(6, lost=2)) + name + picture_wanted(AUDIO, 6)
    assert both.video.b_rtcp.data() == [wanted]
    assert (
        both.audio.counters().sides[0].received_rtcp.packets
        == 1
        == both.video.counters().sides[0].received_rtcp.packets
    )


def test_rates_are_of_each_stream(rig: Rig) -> None:
    both = Both(rig, limit=Rate(octets=1, burst=2 * 182))
    both.from_browser(*sealed(*(rtp(n, VIDEO) for n in range(1, 5)), *(rtp(n, AUDIO) for n in range(1, 5))))
    both.taken(4, 4)
    assert len(both.video.b.data()) == 2 and len(both.audio.b.data()) == 4
    assert both.video.counters().sides[0].drops.policed == 2
    assert [event[0] for event in rig.observer.policings] == [both.video.id]


def test_where_checks_say_that_the_browser_is_both_follow(rig: Rig) -> None:
    both = Both(rig)
    there = rig.peer(4)
    both.audio.update(0, behind_nat=True)
    rig.engine.aim(both.audio.id, 0, there.address, None)
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6))
    rig.wait(lambda: both.video.counters().sides[0].sent_rtp.packets == 1)
    assert [both.ours.open(each, False) for each in there.data()] == [rtp(1, 6)]
    rig.engine.aim(both.audio.id, 0, None, None)
    both.video.send(both.video.b, both.video.at_b, rtp(2, 6))
    assert both.video.counters().sides[0].drops.no_destination == 1


def test_keys_of_the_transport_are_those_of_all(rig: Rig) -> None:
    both = Both(rig)
    rig.engine.key(both.audio.id, 0, key("c"), key("c-ours"))
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6))
    assert [Session(key("c-ours"), sends=False).open(each, False) for each in both.audio.a.data()] == [rtp(1, 6)]
    both.from_browser(protect_rtp(key("c"), rtp(1, VIDEO)))
    both.taken(0, 1)
    assert both.video.b.data() == [rtp(1, VIDEO)]


def test_a_carrier_that_closes_takes_nobody_along(rig: Rig) -> None:
    both = Both(rig)
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6))
    assert len(both.at_browser()) == 1
    rig.engine.close(both.audio.id)
    both.video.send(both.video.b, both.video.at_b, rtp(2, 6))
    assert both.video.counters().sides[0].drops.no_destination == 1
    both.video.update(0, security=security("a"))
    both.video.send(both.video.b, both.video.at_b, rtp(3, 6))
    assert [Session(key("a-ours"), sends=False).open(each, False) for each in both.video.a.data()] == [rtp(3, 6)]


def test_who_comes_first_waits_for_its_carrier(rig: Rig) -> None:
    """As streams are opened again after a restart."""
    ids = f"stream-{next(Call._ids) + 2}"
    video = Call(rig, a={"security": attrs.evolve(RIDER, bundled=Bundled(ids, "1", 0, (VIDEO,), (96,)))})
    video.send(video.b, video.at_b, rtp(1, 6))
    assert video.counters().sides[0].drops.no_destination == 1
    audio = Call(rig, a={"security": attrs.evolve(security("a"), bundled=Bundled("", "0", 0, (), (0,)))})
    assert audio.id == ids
    video.send(video.b, video.at_b, rtp(2, 6))
    assert [Session(key("a-ours"), sends=False).open(each, False) for each in audio.a.data()] == [rtp(2, 6)]


def test_who_leaves_the_bundle_goes_by_its_own_transport(rig: Rig) -> None:
    both = Both(rig)
    both.video.update(0, security=security("c"))
    both.video.send(both.video.b, both.video.at_b, rtp(1, 6))
    assert [Session(key("c-ours"), sends=False).open(each, False) for each in both.video.a.data()] == [rtp(1, 6)]
    both.from_browser(*sealed(rtp(1, VIDEO, payload_type=96), rtp(2, AUDIO)))
    both.taken(2, 0)
    assert both.audio.b.data() == [rtp(2, AUDIO)]
    both.audio.update(0, security=security("a"))
    both.from_browser(*sealed(rtp(3, ALONE, payload_type=77)))
    both.taken(1, 0)
    assert both.audio.b.data() == [rtp(3, ALONE, payload_type=77)], "no bundle, no question whose it is"
