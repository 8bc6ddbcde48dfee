"""What the kernel's programs make of single frames: rewritten to the bit, dropped or left to the stack, and counted."""

from __future__ import annotations

import ctypes
import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Rate
from sbc.media.flow import Flow
from sbc.media.kernel.addresses import pack
from sbc.media.kernel.peers import FRAMES, PEER
from sbc.media.kernel.plane import OTHERS, STRANGERS, UNROUTED, Plane, Tally
from sbc.media.packet import Kind, classify
from tests.media.kernel.apart import Apart
from tests.media.kernel.bench import (
    AT_PHONE,
    AT_PHONE6,
    B_MAC,
    FLOW,
    FLOW6,
    LONGEST,
    PHONE,
    PHONE6,
    TC_REDIRECT,
    TC_SHOT,
    TC_UNSPEC,
    XDP_DROP,
    XDP_PASS,
    XDP_REDIRECT,
    XDP_TX,
    Bench,
)
from tests.media.kernel.frames import OURS, Frame, checksum
from tests.media.packets import dtls_hello, receiver_report, report_block, rtp, sender_report, stun_request

STRANGER = Address("10.1.0.3", 30_000)
RTP = Frame(PHONE, AT_PHONE, rtp())
RTP6 = Frame(PHONE6, AT_PHONE6, rtp())


def relayed(frame: Frame, flow=FLOW) -> Frame:
    """The frame as it is to go out, made anew with all its checksums."""
    return attrs.evolve(
        frame,
        source=flow.out,
        to=flow.to,
        ttl=frame.ttl - 1,
        tos=flow.dscp << 2,
        destination=B_MAC,
        trailer=frame.trailer,
    )


@pytest.mark.parametrize(("frame", "flow"), [(RTP, FLOW), (RTP6, FLOW6)], ids=["IPv4", "IPv6"])
def test_rewrites_a_packet_to_the_bit(bench: Bench, frame: Frame, flow) -> None:
    slot = bench.ready(flow)
    action, out = bench.xdp(frame)
    assert action == XDP_REDIRECT
    assert out[:6] == B_MAC
    assert out[14:] == relayed(frame, flow).ip()
    assert bench.tally(slot) == Tally(packets=1, octets=172)
    (last,) = bench.plane.last(slot)
    assert (last.ssrc, last.sequence, last.timestamp) == (0x1234, 1, 160)
    assert last.ago < 10


@pytest.mark.parametrize(("frame", "flow"), [(RTP, FLOW), (RTP6, FLOW6)], ids=["IPv4", "IPv6"])
def test_tc_rewrites_it_as_well(bench: Bench, frame: Frame, flow) -> None:
    slot = bench.enter(flow)
    action, out = bench.tc(frame)
    assert action == TC_REDIRECT
    assert out[14:] == relayed(frame, flow).ip()
    assert bench.tally(slot) == Tally(packets=1, octets=172)


@pytest.mark.parametrize("tc", [False, True], ids=["xdp", "tc"])
@pytest.mark.parametrize("version", [4, 6])
def test_checksums_are_right_whatever_changes(bench: Bench, version: int, tc: bool) -> None:
    """Against a reckoning over the whole packet, also where sums come near 0."""
    chance = random.Random(version)
    for turn in range(60):
        hosts = (
            ("10.1.0.2", "10.1.0.1", "10.2.0.1", "10.2.0.2")
            if version == 4
            else ("fd01::2", "fd01::1", "fd02::1", "fd02::2")
        )
        source, local, out, to = (Address(host, chance.randrange(1, 65_536)) for host in hosts)
        flow = attrs.evolve(FLOW, source=source, local=local, out=out, to=to, dscp=chance.randrange(64))
        bench.enter(flow) if tc or turn else bench.ready(flow)
        payload = rtp(payload=chance.randbytes(chance.randrange(0, 1200)), sequence=turn)
        frame = Frame(source, local, payload, ttl=chance.randrange(2, 256), tos=chance.randrange(256), trailer=bytes(4))
        want = relayed(frame, flow)
        if turn % 3 == 0:  # a payload with which the sum comes out as 0, of the new packet or of the old
            fixed = (want if turn % 2 else frame).udp()
            payload = payload[:-2] + payload[-2:] if len(payload) % 2 else payload
            if len(payload) % 2 == 0 and len(payload) > 12:
                total = int.from_bytes(payload[-2:], "big") + int.from_bytes(fixed[6:8], "big")
                payload = payload[:-2] + ((total & 0xFFFF) + (total >> 16)).to_bytes(2, "big")
                frame = attrs.evolve(frame, payload=payload)
                want = relayed(frame, flow)
        action, out_data = (bench.tc if tc else bench.xdp)(frame)
        assert action == (TC_REDIRECT if tc else XDP_REDIRECT)
        assert out_data[14:] == want.ip() + bytes(4)
        bench.shut_all()


def test_what_is_left_to_user_space_is_not_lost(bench: Bench) -> None:
    slot = bench.enter(longest=172)
    for number, size in ((1, 160), (2, 161), (3, 160), (5, 160)):
        bench.tc(attrs.evolve(RTP, payload=rtp(number, payload=bytes(size))))
    meter = bench.plane.meters(slot)[0]
    assert (meter.received, meter.lost) == (3, 1)


def test_what_is_left_to_user_space_hides_no_loss_and_takes_nothing_back(bench: Bench) -> None:
    slot = bench.enter(longest=172)
    for number, size in ((1, 160), (4, 161), (6, 160), (5, 161), (7, 160), (900, 161), (899, 160), (901, 160)):
        bench.tc(attrs.evolve(RTP, payload=rtp(number, payload=bytes(size))))
    meter = bench.plane.meters(slot)[0]
    assert (meter.received, meter.lost) == (5, 2 + 891)


def test_what_is_no_flow_s_says_nothing_of_what_is_lost(bench: Bench) -> None:
    """RTP on RTCP's port, which user space drops."""
    slot = bench.enter(attrs.evolve(FLOW, rtcp=True))
    for number in (1, 10):
        bench.tc(attrs.evolve(RTP, payload=rtp(number)))
    assert bench.plane.meters(slot)[0].lost == 0


@pytest.mark.parametrize(("flow", "like"), [(FLOW, RTP), (FLOW6, RTP6)], ids=["IPv4", "IPv6"])
def test_what_comes_in_fragments_is_the_stack_s_and_is_not_lost(bench: Bench, flow: Flow, like: Frame) -> None:
    """User space has it whole. Of a stranger's nothing is counted here: user space judges it."""
    slot = bench.enter(flow)
    bench.tc(attrs.evolve(like, payload=rtp(1)))
    seen = bench.plane._slots[slot].seen
    stranger = attrs.evolve(like, source=Address(like.source.host, 9))
    for number, each in ((50, stranger), (2, like)):
        for frame in attrs.evolve(each, payload=rtp(number, payload=bytes(1000))).fragments(512):
            assert bench.xdp(frame) == (XDP_PASS, frame)
            assert bench.tc(frame) == (TC_UNSPEC, frame)
    bench.tc(attrs.evolve(like, payload=rtp(4)))
    meter = bench.plane.meters(slot)[0]
    assert (meter.received, meter.lost) == (2, 1)
    assert bench.tally(slot).wrong_source == 0
    assert bench.plane._slots[slot].seen > seen
    assert bench.plane._slots[slot].others == 0, "nothing that the reactor must see to"


def test_what_came_by_no_program_for_a_while_is_not_lost(bench: Bench) -> None:
    """Neither while nobody answered for what is forwarded nor before a filter was put back: sockets have had it."""
    slot = bench.enter()

    def come(number: int) -> None:
        bench.tc(attrs.evolve(RTP, payload=rtp(number)))

    assert bench.apart.call(bench.plane.attach_tc, bench.a)
    come(1)
    bench.plane.lease.end()
    come(2)
    bench.plane.lease.renew()
    come(3)
    bench.apart.call(bench.plane.detach_tc, bench.a)
    assert bench.apart.call(bench.plane.attach_tc, bench.a)
    come(7)
    assert not bench.apart.call(bench.plane.attach_tc, bench.a)
    come(9)
    bench.plane.lease.renew()
    come(11)
    bench.apart.ip("link add shares type veth peer name far")
    bench.apart.run("tc qdisc add dev shares ingress_block 5 clsact")
    shares = bench.apart.call(socket.if_nametoindex, "shares")
    with pytest.raises(OSError, match="not supported"):
        bench.apart.call(bench.plane.attach_tc, shares)  # as is tried every second
    come(13)
    bench.apart.ip("link del shares")
    meter = bench.plane.meters(slot)[0]
    assert (meter.received, meter.lost) == (6, 3)


def test_a_sender_report_without_a_block_is_remembered(bench: Bench) -> None:
    """Of who hears nothing himself: the other's report of it gives the round trip all the same."""
    local, other = Address("10.1.0.1", 20_001), Address("10.1.0.1", 20_003)
    one, two = (bench.enter(attrs.evolve(FLOW, local=each, rtcp=True)) for each in (local, other))
    bench.plane.join(one, two)
    assert bench.tc(Frame(PHONE, local, sender_report(7, 0x1000)))[0] == TC_REDIRECT
    assert 0x1000 in list(bench.plane.meters(one)[1].sent_ntp)


def test_what_goes_to_another_s_mac_is_not_ours(bench: Bench) -> None:
    """As it comes to an interface that takes all there is on its wire."""
    slot = bench.enter()
    frame = attrs.evolve(RTP, destination=B_MAC)
    assert bench.tc(frame) == (TC_UNSPEC, frame.data())
    assert bench.tally(slot) == Tally()


def test_without_a_lease_it_is_the_stack_s_and_counted_once(bench: Bench) -> None:
    slot = bench.ready()
    before = bench.tally(slot)
    bench.plane.lease.renew()
    bench.plane.lease.end()
    for frame in (RTP, attrs.evolve(RTP, source=STRANGER)):
        assert bench.xdp(frame)[0] == XDP_PASS  # which the other program sees again,
        assert bench.tc(frame)[0] == TC_UNSPEC  # and counts
    assert bench.tally(slot) == before
    assert bench.plane.lease.renew() == 2
    assert bench.plane.lease.renew() == 0
    assert bench.xdp(RTP)[0] == XDP_REDIRECT


def test_what_is_over_the_rate_is_not_measured(bench: Bench) -> None:
    """As in user space: it is lost."""
    slot = bench.enter(attrs.evolve(FLOW, limit=Rate(octets=1, burst=2 * 172)), own=-1)
    results = [bench.tc(attrs.evolve(RTP, payload=rtp(n)))[0] for n in range(5)]
    assert results == [TC_REDIRECT] * 2 + [TC_SHOT] * 3
    assert bench.plane.meters(slot)[0].received == 2


@pytest.mark.parametrize("run", ["xdp", "tc"])
def test_no_udp_checksum_stays_none(bench: Bench, run: str) -> None:
    bench.ready()
    frame = attrs.evolve(RTP, udp_sum=0)
    _, out = getattr(bench, run)(frame)
    assert out[14:] == relayed(frame).ip()


@pytest.mark.parametrize("run", ["xdp", "tc"])
def test_a_wrong_checksum_stays_wrong(bench: Bench, run: str) -> None:
    bench.ready()
    right = relayed(RTP).udp()
    frame = attrs.evolve(RTP, udp_sum=int.from_bytes(RTP.udp()[6:8], "big") ^ 0x0100)
    _, out = getattr(bench, run)(frame)
    assert out[14 + 20 :] != right
    assert out[14 + 28 :] == right[8:]


UNTOUCHED = {
    "IP options": attrs.evolve(RTP, options=b"\x94\x04\x00\x00"),
    "a first fragment": attrs.evolve(RTP, fragment=0x2000),
    "a later fragment": attrs.evolve(RTP, fragment=0x0010),
    "TTL 1": attrs.evolve(RTP, ttl=1),
    "hop limit 1": attrs.evolve(RTP6, ttl=1),
    "an extension header": attrs.evolve(RTP6, protocol=44),
    "IPv6 without a checksum": attrs.evolve(RTP6, udp_sum=0),
    "a VLAN": attrs.evolve(RTP, tags=b"\x81\x00\x00\x64"),
    "two VLANs": attrs.evolve(RTP, tags=b"\x88\xa8\x00\x64\x81\x00\x00\x65"),
    "not UDP": attrs.evolve(RTP, protocol=6),
    "another port": attrs.evolve(RTP, to=Address(AT_PHONE.host, 20_002)),
    "another address": attrs.evolve(RTP, to=Address("10.1.0.9", 20_000)),
    "to many": attrs.evolve(RTP, destination=b"\xff" * 6),
    "STUN": attrs.evolve(RTP, payload=stun_request()),
    "DTLS": attrs.evolve(RTP, payload=dtls_hello()),
    "RTCP on the RTP port": attrs.evolve(RTP, payload=receiver_report()),
    "nothing in it": attrs.evolve(RTP, payload=b""),
    "too short": attrs.evolve(RTP, payload=rtp()[:11]),
    "CSRCs that are not there": attrs.evolve(RTP, payload=b"\x8f" + rtp(payload=bytes(8))[1:]),
    "an extension that is not there": attrs.evolve(RTP, payload=b"\x90" + rtp(payload=b"\0\0\0\x09" + bytes(8))[1:]),
    "half an extension's head": attrs.evolve(RTP, payload=b"\x90" + rtp(payload=b"\0\0")[1:]),
}


@pytest.mark.parametrize("what", UNTOUCHED)
def test_is_left_to_the_stack_as_it_came(bench: Bench, what: str) -> None:
    slots = [bench.ready(FLOW), bench.ready(FLOW6)]
    frame = UNTOUCHED[what]
    assert bench.xdp(frame) == (XDP_PASS, frame.data())
    action, out = bench.tc(frame)
    assert action == TC_UNSPEC
    if not frame.tags:  # with them the test's own skb has its tag beside the frame
        assert out == frame.data()
    assert [bench.tally(slot) for slot in slots] == [Tally(), Tally()]


@pytest.mark.parametrize("cut", range(0, 56, 3))
def test_frames_that_end_early_are_left_to_the_stack(bench: Bench, cut: int) -> None:
    slot = bench.ready()
    frame = RTP.data()[: max(14, cut)]
    assert bench.xdp(frame) == (XDP_PASS, frame)
    assert bench.tally(slot) == Tally()


def _changed(chance: random.Random, payload: bytes) -> bytes:
    """A payload of which something is another, missing, or too much."""
    data = bytearray(payload)
    for _ in range(chance.randrange(1, 4)):
        what = chance.randrange(3)
        if what == 0 and data:
            odd = (0, 1, 0x80, 0x8F, 0x90, 0x9F, 191, 192, 200, 223, 224, 0xFF, chance.randrange(256))
            data[chance.randrange(min(24, len(data)))] = chance.choice(odd)
        elif what == 1:
            del data[chance.randrange(len(data) + 1) :]
        else:
            data += chance.randbytes(chance.randrange(8))
    return bytes(data)


def _fate(frame: bytes) -> str:
    """What becomes of a frame with RTP in it for FLOW or FLOW6, read in another way than relay_packet.h does."""
    ip, four = frame[14:], frame[12:14] == b"\x08\x00"
    if len(frame) < 34 or frame[0] & 1 or not (four or frame[12:14] == b"\x86\xdd"):
        return "up"
    if four:
        size = int.from_bytes(ip[2:4], "big")
        plain = ip[0] == 0x45 and ip[9] == 17 and not int.from_bytes(ip[6:8], "big") & 0x3FFF and ip[8] > 1
        source, to, udp = ip[12:16], ip[16:20], ip[20:size]
    else:
        size = 40 + int.from_bytes(ip[4:6], "big")
        plain = ip[0] >> 4 == 6 and ip[6:7] == b"\x11" and ip[7:8] > b"\1"
        source, to, udp = ip[8:24], ip[24:40], ip[40:size]
    if not plain or size > len(ip) or len(udp) < 8 or int.from_bytes(udp[4:6], "big") != len(udp):
        return "up"
    flow = FLOW if four else FLOW6
    if (ip_address(to), int.from_bytes(udp[2:4], "big")) != (ip_address(flow.local.host), flow.local.port):
        return "up"
    if (ip_address(source), int.from_bytes(udp[:2], "big")) != (ip_address(flow.source.host), flow.source.port):
        return "dropped"
    return "up" if classify(udp[8:]) is not Kind.RTP or not (four or any(udp[6:8])) else "forwarded"


def test_of_any_headers_it_forwards_what_is_sound_and_drops_what_a_stranger_sends(bench: Bench) -> None:
    chance, words = random.Random(4), {XDP_PASS: "up", XDP_DROP: "dropped", XDP_REDIRECT: "forwarded"}
    slots, fates = [bench.ready(FLOW), bench.ready(FLOW6)], set()
    for _ in range(1500):
        frame = bytearray(chance.choice((RTP.data(), RTP6.data(), RTP.data() + bytes(6))))
        for _ in range(chance.randrange(1, 3)):
            what = chance.randrange(5)
            if what < 3:
                odd = (0, 1, 0xFF, 0x45, 0x46, 0x60, 17, chance.randrange(256))
                frame[chance.randrange(min(66, len(frame)))] = chance.choice(odd)
            elif what == 3:
                del frame[max(14, chance.randrange(len(frame) + 1)) :]
            else:
                frame += chance.randbytes(chance.randrange(9))
        for slot in (bench.plane._slots[each] for each in slots):  # however long it takes to come here
            slot.confirmed, slot.seen = bench.plane.now() >> 30, bench.plane.now() + 10**9
        action, _ = bench.xdp(bytes(frame))
        assert words.get(action) == _fate(bytes(frame)), frame.hex()
        fates.add(words[action])
    assert fates == {"up", "dropped", "forwarded"}


@pytest.mark.parametrize("mux", [False, True])
@pytest.mark.parametrize("run", ["xdp", "tc"])
def test_of_any_octets_octets_it_takes_what_user_space_calls_rtp_or_rtcp(bench: Bench, run: str, mux: bool) -> None:
    """Read by the same rules, to the octet: what is neither goes up as it came, what is one goes on as it came."""
    chance = random.Random(run)
    extended = b"\x9f" + rtp()[1:12] + bytes(60) + b"\xbe\xde\x00\x01" + bytes(4) + b"voice"
    payloads = (
        rtp(),
        extended,
        receiver_report(),
        sender_report(7, 1, report_block(8, 2)),
        stun_request(),
        dtls_hello(),
    )
    slot = bench.ready(mux=mux)
    goes_on = XDP_REDIRECT if run == "xdp" else TC_REDIRECT
    for _ in range(400):
        frame = attrs.evolve(RTP, payload=_changed(chance, chance.choice(payloads)))
        bench.plane._slots[slot].confirmed = bench.plane.now() >> 30  # however long it takes to come here
        action, out = getattr(bench, run)(frame)
        kind = classify(frame.payload)
        taken = kind is Kind.RTP or (mux and kind is Kind.RTCP)
        assert (action == goes_on) == taken, (kind, frame.payload)
        assert out[14:] == (relayed(frame) if taken else frame).ip()


def test_rtp_with_csrcs_and_an_extension_is_forwarded(bench: Bench) -> None:
    bench.ready()
    payload = b"\x9f" + rtp()[1:12] + bytes(60) + b"\xbe\xde\x00\x01" + bytes(4) + b"voice"
    frame = attrs.evolve(RTP, payload=payload)
    for run, redirect in ((bench.xdp, XDP_REDIRECT), (bench.tc, TC_REDIRECT)):
        action, out = run(frame)
        assert action == redirect
        assert out[14:] == relayed(frame).ip()


def test_rtcp_on_the_rtp_port_says_nothing_of_sequence_numbers(bench: Bench) -> None:
    slot = bench.enter(mux=True)
    report = Frame(PHONE, AT_PHONE, receiver_report(9))
    bench.tc(report)
    assert [said[:3] for said in bench.plane.last(slot)] == [(9, None, None)]
    bench.tc(RTP)
    assert [said[:3] for said in bench.plane.last(slot)] == [(0x1234, 1, 160)]
    bench.tc(report)
    rtp_said, rtcp_said = bench.plane.last(slot)
    assert (rtp_said[:3], rtcp_said[:3]) == ((0x1234, 1, 160), (9, None, None))
    assert rtp_said.ago > rtcp_said.ago


def test_rtcp_goes_by_its_own_flow_or_by_one_that_muxes(bench: Bench) -> None:
    rtcp = bench.enter(attrs.evolve(FLOW, local=Address("10.1.0.1", 20_001), rtcp=True))
    frame = Frame(PHONE, Address("10.1.0.1", 20_001), receiver_report())
    assert bench.tc(frame)[0] == TC_REDIRECT
    assert bench.tc(attrs.evolve(frame, payload=rtp()))[0] == TC_UNSPEC
    assert bench.tally(rtcp) == Tally(rtcp_packets=1, rtcp_octets=8)
    both = bench.enter(mux=True)
    assert bench.tc(attrs.evolve(RTP, payload=receiver_report(7)))[0] == TC_REDIRECT
    assert bench.tc(RTP)[0] == TC_REDIRECT
    assert bench.tally(both) == Tally(1, 172, 1, 8)


def test_what_is_longer_than_permitted_is_left_to_user_space(bench: Bench) -> None:
    slot = bench.enter(longest=172)
    assert bench.tc(RTP)[0] == TC_REDIRECT
    assert bench.tc(attrs.evolve(RTP, payload=rtp() + b"x"))[0] == TC_UNSPEC
    assert bench.tally(slot) == Tally(1, 172)
    assert bench.plane.look() == [(slot, OTHERS)]
    assert bench.plane.look() == []


@pytest.mark.parametrize("run", ["xdp", "tc"])
def test_another_source_is_dropped_and_counted(bench: Bench, run: str) -> None:
    slot = bench.ready()
    bench.plane._slots[slot].seen += 60_000_000_000  # however long it takes to come here
    drop = XDP_DROP if run == "xdp" else TC_SHOT
    for source in (STRANGER, Address(PHONE.host, 30_002)):
        assert getattr(bench, run)(attrs.evolve(RTP, source=source))[0] == drop
    assert getattr(bench, run)(attrs.evolve(RTP, source=STRANGER, payload=stun_request()))[0] == drop
    assert bench.tally(slot) == Tally(wrong_source=3)


def test_another_source_is_shown_to_user_space_while_the_latched_one_is_silent(bench: Bench) -> None:
    slot = bench.ready()
    stranger = attrs.evolve(RTP, source=STRANGER)
    bench.plane._slots[slot].seen -= 200_000_000
    assert bench.xdp(stranger) == (XDP_PASS, stranger.data())
    assert bench.tc(stranger) == (TC_UNSPEC, stranger.data())
    assert bench.plane.look() == [(slot, STRANGERS)]
    assert bench.tally(slot) == Tally()
    bench.xdp(RTP)
    bench.plane._slots[slot].seen += 60_000_000_000
    assert bench.xdp(stranger)[0] == XDP_DROP


def test_a_neighbour_is_asked_after_by_way_of_the_stack_again_and_again(bench: Bench) -> None:
    slot = bench.ready()
    assert bench.xdp(RTP)[0] == XDP_REDIRECT
    first = bench.plane._slots[slot]
    first.confirmed -= 6  # as if it were long ago, but another flow has just done it
    assert bench.xdp(RTP)[0] == XDP_REDIRECT
    assert bench.tally(slot).packets == 2


def test_xdp_sends_only_by_interfaces_that_take_frames(bench: Bench) -> None:
    slot = bench.ready()
    bench.apart.call(bench.plane.outlet, bench.b, 0)
    assert bench.xdp(RTP) == (XDP_PASS, RTP.data())
    assert bench.tc(RTP)[0] == TC_REDIRECT
    assert bench.tally(slot) == Tally(1, 172)


_hosts = count(100)


@pytest.fixture
def beside(bench: Bench) -> Iterator[tuple[Bench, Flow, Flow]]:
    """The same on one processor, since each finds by itself what is next; the way out has a peer at hand, with hosts of
    both IP versions that nothing was sent to yet."""
    before = bench.apart.call(os.sched_getaffinity, 0)
    bench.apart.call(os.sched_setaffinity, 0, {min(before)})
    bench.apart.call(bench.plane.outlet, bench.b, PEER)
    number = next(_hosts)
    flows = [
        attrs.evolve(flow, to=Address(host, flow.to.port))
        for flow, host in ((FLOW, f"10.2.0.{number}"), (FLOW6, f"fd02::{number}"))
    ]
    bench.apart.ip(*(f"neigh replace {flow.to.host} lladdr {B_MAC.hex(':')} dev right nud permanent" for flow in flows))
    yield bench, *flows
    bench.apart.call(bench.plane.outlet, bench.b, 0)
    bench.apart.call(os.sched_setaffinity, 0, before)


def handed(bench: Bench, frame: Frame, flow: Flow) -> bool:
    """Whether TC hands the packet to the peer; else it leaves the link's addresses to the stack, which sends it."""
    action, out = bench.tc(frame)
    assert action == TC_REDIRECT
    want = relayed(frame, flow)
    assert out[14:] == want.ip() + want.trailer
    assert out[:12] in (B_MAC + OURS, frame.data()[:12])
    return out[:6] == B_MAC


def test_a_peer_at_hand_is_handed_packets_but_for_one_in_five_seconds(beside: tuple[Bench, Flow, Flow]) -> None:
    """Which the stack sends, so that it asks after the neighbour: for all flows there, and by each IP version."""
    bench, flow, flow6 = beside
    other = attrs.evolve(flow, local=Address(flow.local.host, 20_444))
    slots = [bench.enter(each) for each in (flow, other, flow6)]
    frames = [(RTP, flow), (attrs.evolve(RTP, to=other.local), other), (RTP6, flow6)]
    for turn in range(2):
        assert [handed(bench, *each) for each in frames] == [False, True, False]
        assert [handed(bench, *each) for each in frames * 2] == [True] * 6
        time.sleep(5.05 * (turn == 0))
        bench.plane.lease.renew()
    assert [bench.tally(slot).packets for slot in slots] == [6, 6, 6]


def test_a_peer_that_is_not_at_hand_any_more_is_sent_to_by_the_stack(beside: tuple[Bench, Flow, Flow]) -> None:
    bench, flow, _ = beside
    bench.enter(flow)
    assert [handed(bench, RTP, flow) for _ in range(3)] == [False, True, True]
    bench.apart.call(bench.plane.outlet, bench.b, 0)
    time.sleep(0.11)  # RELAY_ROUTE
    assert not handed(bench, RTP, flow)
    bench.apart.call(bench.plane.outlet, bench.b, PEER)
    time.sleep(0.11)
    assert handed(bench, RTP, flow)
    bench.apart.ip(f"neigh del {flow.to.host} dev right")
    time.sleep(0.11)
    assert not handed(bench, RTP, flow)


def add_host(bench: Bench, host: str, mac: bytes = B_MAC) -> None:
    bench.apart.ip(f"neigh replace {host} lladdr {mac.hex(':')} dev right nud permanent")


def place(bench: Bench, host: str) -> int:
    """Of the next host: RELAY_HOPS of them, by a hash that is told by near_hop() of relay_route.h."""
    word = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return ((word ^ bench.b) * 2654435761 & 0xFFFFFFFF) >> 24


def test_of_hosts_that_meet_at_one_place_one_is_handed_packets(beside: tuple[Bench, Flow, Flow]) -> None:
    """However they take turns: else none was, and each packet cost a second look at the routes."""
    bench, flow, _ = beside
    at = place(bench, flow.to.host)
    host = next(host for n in range(9999) if place(bench, host := f"10.64.{n // 250}.{n % 250 + 2}") == at)
    bench.apart.ip("route add 10.64.0.0/16 dev right")
    add_host(bench, host)
    other = attrs.evolve(flow, local=Address(flow.local.host, 20_446), to=Address(host, flow.to.port))
    for each in (flow, other):
        bench.enter(each)
    frames = [(RTP, flow), (attrs.evolve(RTP, to=other.local), other)]
    assert 0 < sum(handed(bench, *each) for each in frames * 20) <= 20


def test_who_is_next_by_a_new_route_is_not_taken_for_who_was(beside: tuple[Bench, Flow, Flow]) -> None:
    """A route is believed for a while, and meanwhile the link's addresses are found: by then they may be another's."""
    bench, flow, _ = beside
    last = next(_hosts)
    add_host(bench, f"10.2.0.{last}", bytes.fromhex("0200000000cc"))
    bench.apart.ip(f"route add 10.8.0.0/24 via {flow.to.host}")
    far = attrs.evolve(flow, local=Address(flow.local.host, 20_448), to=Address("10.8.0.2", flow.to.port))
    slot = bench.enter(far)
    bench.enter(flow)
    frame = attrs.evolve(RTP, to=far.local)
    assert not handed(bench, frame, far)
    bench.plane._slots[slot].hop_until += 60_000_000_000  # it is believed, however long the next takes
    time.sleep(0.11)  # while the host is to be found anew
    bench.apart.ip(f"route replace 10.8.0.0/24 via 10.2.0.{last}")
    assert not handed(bench, frame, far)
    handed(bench, RTP, flow)  # by whomever: not to the other's address
    bench.apart.ip("route del 10.8.0.0/24")
    time.sleep(0.11)
    assert handed(bench, RTP, flow)


def test_what_a_peer_is_handed_is_rewritten_to_the_bit(beside: tuple[Bench, Flow, Flow]) -> None:
    bench, flow, _ = beside
    bench.enter(flow)
    assert not handed(bench, RTP, flow)
    for other in (
        {"payload": rtp(payload=bytes(333))},
        {"ttl": 2, "tos": 255},
        {"udp_sum": 0},
        {"trailer": bytes(6), "payload": rtp(payload=b"")},
    ):
        assert handed(bench, attrs.evolve(RTP, **other), flow)


def test_a_checksum_that_is_left_to_the_sender_s_device_is_left_to_tc(bench: Bench) -> None:
    slot = bench.ready()
    partial = attrs.evolve(RTP, udp_sum=checksum_of_pseudo_header(RTP))
    assert bench.xdp(partial) == (XDP_PASS, partial.data())
    assert bench.tally(slot) == Tally()


def checksum_of_pseudo_header(frame: Frame) -> int:
    return ~checksum(frame.pseudo()) & 0xFFFF


def test_back_by_the_interface_it_came_from(bench: Bench) -> None:
    flow = attrs.evolve(FLOW, out=Address("10.1.0.1", 20_002), to=Address("10.1.0.2", 30_004))
    bench.ready(flow)
    action, out = bench.xdp(RTP)
    assert action == XDP_TX
    assert out[14:] == relayed(RTP, flow).ip()


@pytest.mark.parametrize(
    "to",
    [
        Address("203.0.113.1", 4000),
        Address("10.1.0.1", 4000),
        Address("10.2.255.255", 4000),
        Address("127.0.0.1", 4000),
    ],
)
def test_where_there_is_no_route_user_space_is_told(bench: Bench, to: Address) -> None:
    slot = bench.enter(attrs.evolve(FLOW, to=to))
    assert bench.xdp(RTP) == (XDP_PASS, RTP.data())
    assert bench.tc(RTP) == (TC_UNSPEC, RTP.data())
    assert bench.tally(slot) == Tally()
    assert bench.plane.look() == [(slot, UNROUTED)]


def test_what_the_next_link_cannot_carry_whole_is_left_to_the_stack(bench: Bench) -> None:
    slot = bench.ready()
    bench.apart.ip("link set right mtu 1400")
    long = attrs.evolve(RTP, payload=rtp(payload=bytes(1400)))
    results = bench.xdp(long), bench.tc(long)
    bench.apart.ip("link set right mtu 1500")
    assert results == ((XDP_PASS, long.data()), (TC_UNSPEC, long.data()))
    assert bench.plane.look() == [(slot, OTHERS)]
    assert bench.xdp(RTP)[0] == XDP_REDIRECT


def test_tc_believes_a_route_for_a_tenth_of_a_second(bench: Bench) -> None:
    slot = bench.enter()
    bench.tc(RTP)
    assert bench.plane._slots[slot].hop >> 32 == bench.b
    bench.apart.ip("route add unreachable 10.2.0.2/32")
    believed = bench.tc(RTP)
    longer = bench.tc(attrs.evolve(RTP, payload=rtp(payload=bytes(161))))
    bench.plane._slots[slot].hop_until -= 100_000_000  # as if that time had gone by
    asked = bench.tc(RTP)
    bench.apart.ip("route del unreachable 10.2.0.2/32")
    assert (believed[0], longer[0], asked[0]) == (TC_REDIRECT, TC_UNSPEC, TC_UNSPEC)
    assert bench.tc(RTP)[0] == TC_REDIRECT, "what was not found is asked for again"
    assert bench.plane.look() == [(slot, UNROUTED)]


def test_a_route_by_a_host_of_the_other_ip_version_is_not_believed(bench: Bench) -> None:
    """RFC 8950: packets of IPv4 by a neighbour of IPv6, of whose address the belief has room for the first word."""
    bench.apart.ip("route add 10.9.0.0/24 via inet6 fd02::2 dev right")
    flow = attrs.evolve(FLOW, to=Address("10.9.0.2", 40_000))
    slot = bench.enter(flow)
    results = [bench.tc(RTP) for _ in range(2)]
    bench.apart.ip("route del 10.9.0.0/24")
    assert [(action, out[14:]) for action, out in results] == [(TC_REDIRECT, relayed(RTP, flow).ip())] * 2
    assert bench.plane._slots[slot].hop == 0


def test_a_neighbour_that_is_not_known_is_left_to_tc_which_asks_for_it(bench: Bench) -> None:
    bench.apart.ip("neigh del 10.2.0.2 dev right")
    bench.apart.call(bench.plane.outlet, bench.b, FRAMES)
    slot = bench.enter()
    results = bench.xdp(RTP), bench.tc(RTP)
    bench.apart.ip(f"neigh replace 10.2.0.2 lladdr {B_MAC.hex(':')} dev right nud permanent")
    assert results[0] == (XDP_PASS, RTP.data())
    assert results[1][0] == TC_REDIRECT
    assert bench.tally(slot) == Tally(1, 172)


@pytest.mark.parametrize("run", ["xdp", "tc"])
def test_a_flow_that_is_shut_has_counted_all(bench: Bench, run: str) -> None:
    slot = bench.ready()
    for _ in range(5):
        getattr(bench, run)(RTP)
    bench.entered.remove(slot)
    tally, last = bench.plane.shut(slot)
    assert tally == Tally(5, 5 * 172)
    assert last is not None
    assert bench.xdp(RTP) == (XDP_PASS, RTP.data())
    assert bench.tc(RTP) == (TC_UNSPEC, RTP.data())
    assert bench.tally(slot) == tally


def test_an_entry_that_has_become_another_s_is_not_used(bench: Bench) -> None:
    """A program may have found an entry of the map that is given to another flow before it looks into the slot."""
    slot = bench.ready()
    ports = bench.plane._slots[slot].ports
    ports[0] ^= 1
    result = bench.xdp(RTP)
    ports[0] ^= 1
    assert result == (XDP_PASS, RTP.data())
    assert bench.plane._slots[slot].gate == 0


def test_a_flow_is_found_beside_those_of_its_neighbouring_ports(bench: Bench) -> None:
    """Without the entry that each has in `flows`, that is; and it is not once it is shut."""
    ports = (20_000, 20_001, 20_016, 65_535, 1)
    frames = [attrs.evolve(RTP, to=Address(AT_PHONE.host, port)) for port in ports]
    frames.append(RTP6)
    flows = [attrs.evolve(FLOW, local=frame.to) for frame in frames[:-1]] + [FLOW6]
    slots = [bench.enter(flow) for flow in flows]
    for flow in flows:
        bench.apart.call(_strike, bench.folder / "sbc" / "flows", pack(flow.local))
    assert [bench.tc(frame)[0] for frame in frames] == [TC_REDIRECT] * len(frames)
    assert [bench.tally(slot).packets for slot in slots] == [1] * len(slots)
    bench.shut_all()
    assert {bench.tc(frame)[0] for frame in frames} == {TC_UNSPEC}


def _strike(pinned: Path, key: bytes) -> None:
    """Take an entry out of a map."""
    libbpf = ctypes.CDLL("libbpf.so.1")
    map_of = libbpf.bpf_obj_get(str(pinned).encode())
    assert map_of >= 0
    assert libbpf.bpf_map_delete_elem(map_of, key) == 0
    os.close(map_of)


def test_flows_that_meet_at_one_place_are_forwarded_both(bench: Bench) -> None:
    """There are 16,384 places where there is room for 4,096 flows."""
    first, second = (attrs.evolve(FLOW, local=Address(AT_PHONE.host, port)) for port in (20_000, 20_000 + 16_384))
    frames = [attrs.evolve(RTP, to=flow.local) for flow in (first, second)]
    slots = [bench.enter(first), bench.enter(second)]
    for _ in range(3):
        assert [bench.tc(frame)[0] for frame in frames] == [TC_REDIRECT] * 2
    assert [bench.tally(slot).packets for slot in slots] == [3, 3]
    bench.plane.shut(slots[0])
    assert [bench.tc(frame)[0] for frame in frames] == [TC_UNSPEC, TC_REDIRECT]
    slots[0] = bench.plane.enter(first, LONGEST, False, 0, 0)
    bench.plane.shut(slots[1])
    assert [bench.tc(frame)[0] for frame in frames] == [TC_REDIRECT, TC_UNSPEC]
    bench.plane.shut(slots[0])
    bench.entered.clear()


def test_tc_writes_a_checksum_anew_that_may_be_left_to_a_device(bench: Bench) -> None:
    """It looks so, and is none: by what changes it is as right, or wrong, as it was."""
    slot = bench.enter()
    frame = attrs.evolve(RTP, udp_sum=checksum_of_pseudo_header(RTP))
    whole = relayed(RTP).udp()
    off = int.from_bytes(RTP.udp()[6:8], "big") - int.from_bytes(frame.udp()[6:8], "big")
    action, out = bench.tc(frame)
    assert action == TC_REDIRECT
    assert (int.from_bytes(out[40:42], "big") + off - int.from_bytes(whole[6:8], "big")) % 0xFFFF == 0
    assert out[42:] == whole[8:]
    assert bench.tally(slot) == Tally(1, 172)


@pytest.mark.parametrize("flow", [FLOW, FLOW6], ids=["IPv4", "IPv6"])
def test_what_a_tunnel_has_summed_up_arrives_behind_a_veth(tmp_path: Path, flow) -> None:
    """The far end of a VXLAN, whose checksums no device has seen to, speaks to a container on this host."""
    with ExitStack() as stack:
        try:
            ours, phone, trunk = (stack.enter_context(Apart()) for _ in range(3))
        except OSError as error:
            pytest.skip(str(error))
        ours.mount_bpffs(tmp_path)
        files = [apart.call(os.open, "/proc/thread-self/ns/net", os.O_RDONLY) for apart in (phone, trunk)]
        here = f"/proc/{os.getpid()}/fd/"
        tunnel = "link add tunnel type vxlan id 7 dstport 4789 udpcsum remote 10.9.0.%d dev %s"
        ours.ip(
            f"link add near type veth peer name wire netns {here}{files[0]}",
            f"link add right type veth peer name port netns {here}{files[1]} address {B_MAC.hex(':')}",
            "addr add 10.9.0.1/24 dev near", "link set near up", tunnel % (2, "near"), "link set tunnel up",
            *(f"addr add 10.{n}.0.1/24 dev {name}" for n, name in ((1, "tunnel"), (2, "right"))),
            *(f"addr add fd0{n}::1/64 dev {name} nodad" for n, name in ((1, "tunnel"), (2, "right"))),
            "link set lo up", "link set right up",
            *(f"neigh replace {host} lladdr {B_MAC.hex(':')} dev right" for host in ("10.2.0.2", "fd02::2")),
        )  # fmt: skip
        ours.run("sysctl -qw net.ipv4.conf.lo.forwarding=1 net.ipv6.conf.lo.forwarding=1")
        phone.ip("addr add 10.9.0.2/24 dev wire", "link set wire up", tunnel % (1, "wire"), "link set tunnel up")
        phone.ip("addr add 10.1.0.2/24 dev tunnel", "addr add fd01::2/64 dev tunnel nodad")
        phone.run("ethtool -K tunnel tx off", "ethtool -K wire tx off")
        trunk.ip("addr add 10.2.0.2/24 dev port", "addr add fd02::2/64 dev port nodad", "link set port up")
        plane = ours.call(Plane, str(tmp_path / "sbc"), 64)
        plane.enter(flow, LONGEST, False, 0, 0)
        plane.lease.renew()
        ours.call(plane.attach_tc, ours.call(socket.if_nametoindex, "tunnel"))
        family = socket.AF_INET6 if ":" in flow.to.host else socket.AF_INET
        sender, receiver = (apart.call(socket.socket, family, socket.SOCK_DGRAM) for apart in (phone, trunk))
        phone.call(sender.bind, flow.source)
        trunk.call(receiver.bind, flow.to)
        receiver.settimeout(10.0)
        for number in range(3):
            sender.sendto(rtp(number), flow.local)
            assert receiver.recv(2048) == rtp(number)
        for each in (sender, receiver):
            each.close()
        for number in files:
            os.close(number)
        ours.call(plane.close)
