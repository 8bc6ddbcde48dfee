"""What every media engine does between real networks: relays, latches, is attacked, polices, ends; real packets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from sbc.config.values import EngineName
from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Rate, Shared, StreamSpec
from sbc.core.plain import to_bytes
from sbc.core.vpn import Vpn
from sbc.media.choose import missing
from sbc.media.counters import Drops, Volume
from sbc.media.srtp import Session
from sbc.policy.marking import Incoming, Mapped, Marks
from tests.contract.engines import QUIET, balanced
from tests.contract.wires import (
    ACCESS,
    ACCESS6,
    ALICE,
    AWAY,
    BOB,
    CORE,
    FIRST_PORT,
    MALLORY,
    PACE,
    SBC,
    TOPOLOGY,
    Engine,
    Failed,
    Net,
    Peer,
    Stream,
    Voice,
    arrived,
    make_ready,
    sleep_until,
    until,
    v4,
    v6,
    wait_come,
)
from tests.media.keys import key, security
from tests.media.packets import receiver_report
from tests.media.reference import protect_rtp
from tests.netns.lab import Lab
from tests.netns.waiting import PATIENCE

KEEP = Marks(incoming=Incoming.KEEP).table

pytestmark = pytest.mark.netns

WINDOW = 1.0  # seconds; the host of the signalling may latch after them as well, where nobody has
SPRAYED = 8_000  # packets that an attacker sends at least: two for each of the ports
MEMORY = 4_096  # kilobytes by which a process may grow and not be said to leak


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(TOPOLOGY) as lab:
        make_ready(lab)
        yield lab


@pytest.fixture(scope="module", params=["twisted", "native", "kernel"])
def running(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Net]:
    why = missing(EngineName(request.param))
    if why:
        pytest.skip(why)
    net = Net(lab, request.param)
    yield net
    net.engine.end()


@pytest.fixture
def net(running: Net) -> Iterator[Net]:
    yield running
    running.close()


# -- relaying


@pytest.mark.parametrize("six", [(False, False), (True, True), (False, True), (True, False)], ids=str)
def test_relays_both_ways_between_any_ip_versions_and_counts_exactly(net: Net, six: tuple[bool, bool]) -> None:
    stream = Stream(net, six=six, a={"dscp": 34}, b={"dscp": 46})
    stream.settle()
    there, back = stream.speak(200)
    wait_come(stream.bob, 200)
    wait_come(stream.alice, 200)
    assert stream.bob.take() == [(data, stream.at_b, 46) for data in there]
    assert stream.alice.take() == [(data, stream.at_a, 34) for data in back]
    until(lambda: balanced(stream.counters()), "what was sent to be counted, too")
    final = stream.counters()
    a, b = final.sides
    assert a.received_rtp == b.sent_rtp == b.received_rtp == a.sent_rtp == Volume(201, 201 * 172)
    assert a.drops == b.drops == QUIET


@pytest.mark.parametrize("six", [(False, False), (False, True)], ids=str)
def test_rtcp_goes_by_its_own_ports(net: Net, six: tuple[bool, bool]) -> None:
    stream = Stream(net, six=six, b={"dscp": 46})
    stream.settle()
    for number in range(10):
        stream.send(stream.alice_rtcp, stream.at_a_rtcp, [receiver_report(number)])
        stream.send(stream.bob_rtcp, stream.at_b_rtcp, [receiver_report(number)])
        if number == 5:
            stream.settle()  # with RTCP latched
    wait_come(stream.bob_rtcp, 10)
    wait_come(stream.alice_rtcp, 10)
    assert stream.bob_rtcp.take() == [(receiver_report(number), stream.at_b_rtcp, 46) for number in range(10)]
    assert [(data, source) for data, source, _ in stream.alice_rtcp.take()] == [
        (receiver_report(number), stream.at_a_rtcp) for number in range(10)
    ]
    assert [side.received_rtcp for side in stream.counters().sides] == [Volume(10, 80)] * 2


def test_no_packet_is_lost_right_behind_what_is_signalled_anew(net: Net) -> None:
    """A re-INVITE's offer and answer, again and again, and at once the next report and packet of either side."""
    stream = Stream(net, nat=True)
    phones = (stream.alice, stream.at_a, stream.alice_rtcp, stream.at_a_rtcp), (
        stream.bob, stream.at_b, stream.bob_rtcp, stream.at_b_rtcp,
    )  # fmt: skip
    for _ in range(2):  # who is behind a NAT is heard before anything is sent there, its reports too
        stream.speak()
        for _, _, rtcp, to in phones:
            stream.send(rtcp, to, [receiver_report(0)])
    until(lambda: stream.settled, "it to be settled")
    for peer in (stream.alice, stream.bob, stream.alice_rtcp, stream.bob_rtcp):
        peer.look()
        peer.take()
    rounds = 100
    for number in range(rounds):
        stream.update(number % 2)
        for rtp, to_rtp, rtcp, to_rtcp in phones[::-1]:  # what goes to the NAT first: it is known where to
            rtcp.send(to_rtcp, receiver_report(number))
            rtp.send(to_rtp, stream.voices[rtp is stream.bob].packets(1)[0])
        if number % 10 == 9:  # all ten at once are forwarded by whoever forwards now; then by the kernel again
            until(lambda: stream.settled, "it to be settled")
    for rtp, _, rtcp, _ in phones:
        wait_come(rtcp, rounds)
        assert rtcp.data() == [receiver_report(number) for number in range(rounds)]
        wait_come(rtp, rounds)


@pytest.mark.parametrize("six", [(False, False), (True, True), (False, True)], ids=str)
def test_marks_that_arrive_are_kept_mapped_or_forgotten(net: Net, six: tuple[bool, bool]) -> None:
    """On the wire, by whatever forwards: each packet leaves as its own mark says."""
    mapped = Marks(incoming=Incoming.MAP, map=(Mapped(40, 46), Mapped(8, 0))).table
    stream = Stream(net, six=six, a={"incoming": mapped, "dscp": 34}, b={"dscp": 26, "incoming": KEEP})
    stream.settle()
    for arrives, there, back in ((40, 46, 40), (8, 0, 8), (0, 26, 0), (46, 26, 46)):
        stream.alice.mark(arrives)
        stream.bob.mark(arrives)
        stream.speak(3)
        wait_come(stream.bob, 3)
        wait_come(stream.alice, 3)
        assert {dscp for _, _, dscp in stream.bob.take()} == {there}
        assert {dscp for _, _, dscp in stream.alice.take()} == {back}
    stream.update(0, incoming=b"")
    stream.settle()
    stream.speak(3)
    wait_come(stream.bob, 3)
    assert {dscp for _, _, dscp in stream.bob.take()} == {26}


@pytest.mark.parametrize("six", [False, True], ids=str)
def test_what_comes_by_shared_ports_is_relayed_in_user_space(net: Net, six: bool) -> None:
    """Before each packet stands a number (H.460.19), there and back, from the first one on; by its own ports a stream
    is forwarded as any other, until it turns to the shared ones."""
    host = v6(ACCESS6, SBC) if six else v4(ACCESS, SBC)
    ports, number, asked = Pair(Address(host, 2776), Address(host, 2777)), b"\0\0\0\7", b"\xff\0\0\1"
    stream = Stream(net, six=(six, six), a={"shared": Shared(ports, 7)})
    stream.settle()
    stream.update(0, shared=Shared(ports, 7, True, int.from_bytes(asked, "big")))
    there, back = stream.voices[0].packets(30), stream.voices[1].packets(30)
    stream.send(stream.alice, ports.rtp, [number + each for each in there])
    stream.send(stream.bob, stream.at_b, back)
    wait_come(stream.bob, 30)
    wait_come(stream.alice, 30)
    assert stream.bob.data() == there
    assert [(data, source) for data, source, _ in stream.alice.take()] == [(asked + each, ports.rtp) for each in back]
    engine, why = stream.forwarder()
    assert (engine != "kernel", why) == (True, "multiplexed")
    until(lambda: balanced(stream.counters()), "what was sent to be counted, too")
    a, b = stream.counters().sides
    assert a.received_rtp == b.sent_rtp == b.received_rtp == a.sent_rtp == Volume(31, 31 * 172)


# -- encryption


@pytest.mark.parametrize("side", [0, 1])
def test_no_packet_is_in_the_clear_on_a_side_from_the_offer_that_secures_it_on(net: Net, side: int) -> None:
    """A call that was forwarded in the clear comes back to user space, and goes from there when it is plain again."""
    stream = Stream(net)
    if not net.engine.ask("suites"):
        pytest.skip("SRTP is not built into this engine")
    stream.settle()
    hers, his = (stream.alice, stream.at_a), (stream.bob, stream.at_b)
    (phone, to_phone), (other, to_other) = (hers, his) if side == 0 else (his, hers)
    for turn in range(2):
        stream.speak(30)
        for peer in (phone, other):
            wait_come(peer, 30)
            peer.take()
        stream.update(side, security=security(f"{side} {turn}"))
        clear = stream.voices[1 - side].packets(30)  # the first thing after the update: none of it passes as it is
        stream.send(other, to_other, clear)
        wait_come(phone, 30)
        ours = Session(key(f"{side} {turn}-ours"), sends=False)
        sealed = phone.data()
        assert not set(sealed) & set(clear) and [ours.open(data, False) for data in sealed] == clear
        engine, why = stream.forwarder()
        assert engine != "kernel" and (net.name != "kernel" or why == "secured")
        said = stream.voices[side].packets(60)
        before = stream.side(side).drops.forged
        stream.send(phone, to_phone, said[:30])  # in the clear: it says who sends them no more
        assert stream.side(side).drops.forged - before == 30 and other.look() == 0
        theirs = key(f"{side} {turn}")
        stream.send(phone, to_phone, [protect_rtp(theirs, data) for data in said[30:]])
        wait_come(other, 30)
        assert other.data() == said[30:]
        stream.update(side, security=None)
        stream.settle()


# -- latching


@pytest.mark.parametrize("latch", Latch)
def test_who_may_latch_behind_a_nat(net: Net, latch: Latch) -> None:
    stream = Stream(net, nat=True, a={"latch": latch})
    there, back = stream.speak(5)
    a = stream.side(0)
    if latch is Latch.OFF:
        assert (a.received_rtp.packets, a.drops.wrong_source) == (0, 5)
        assert stream.latches(0) == []
        assert stream.bob.look() == stream.alice.look() == 0
    else:
        assert (a.received_rtp.packets, a.drops.wrong_source) == (5, 0)
        until(lambda: stream.latches(0), "the latch to be told")
        assert stream.latches(0) == [(str(stream.alice.address), "seen-host")]
        wait_come(stream.bob, 5)
        wait_come(stream.alice, 5)
        assert (stream.bob.data(), stream.alice.data()) == (there, back)


@pytest.mark.parametrize("latch", Latch)
def test_a_third_host_behind_the_nat_must_show_a_stream_and_be_permitted(net: Net, latch: Latch) -> None:
    """`mallory` stands for a media gateway of the terminal's network: an honest one, with time to show it."""
    stream = Stream(net, nat=True, a={"latch": latch, "window": PATIENCE})
    gateway = net.peer("mallory", net.pair(v4(ACCESS, MALLORY)).rtp)
    give_up = time.monotonic() + (PATIENCE if latch is Latch.NAT else 2.5)
    while not stream.latches(0) and time.monotonic() < give_up:
        talk(stream, gateway, 0.2)
    if latch is Latch.NAT:
        assert stream.latches(0) == [(str(gateway.address), "nat")]
        stream.speak(5, alice=gateway)
        until(lambda: gateway.look() >= 5, "media at the gateway")
    else:
        assert stream.latches(0) == []
        assert gateway.look() == stream.bob.look() == 0


def test_where_nobody_is_behind_a_nat_only_the_signalled_address_counts(net: Net) -> None:
    stream = Stream(net)
    other = net.peer("alice", net.pair(v4(ACCESS, ALICE + AWAY)).rtp)
    stream.send(other, stream.at_a, stream.voices[0].packets(5))
    stream.settle()
    stream.send(other, stream.at_a, stream.voices[0].packets(5))
    assert stream.side(0).drops == Drops(wrong_source=10)
    assert stream.bob.look() == 0


def test_an_address_that_changes_by_signalling_is_where_media_goes(net: Net) -> None:
    stream = Stream(net)
    stream.settle()
    moved = net.peer("bob", net.pair(v4(CORE, BOB + AWAY)).rtp)
    stream.update(1, remote=Pair(moved.address, Address(moved.address.host, moved.address.port + 1)))
    stream.update(0)
    there, back = stream.speak(50, bob=moved)
    wait_come(moved, 50)
    wait_come(stream.alice, 50)
    assert moved.data() == there
    assert stream.alice.data() == back
    before = stream.side(1).drops.wrong_source
    stream.send(stream.bob, stream.at_b, stream.voices[1].packets(5))
    assert stream.side(1).drops.wrong_source == before + 5
    assert stream.bob.look() == stream.alice.look() == 0


def talk(stream: Stream, alice: Peer, seconds: float) -> None:
    """Both speak at the pace of a voice."""
    at = time.monotonic()
    for number in range(round(seconds / PACE)):
        sleep_until(at + number * PACE)
        for peer, to, voice in ((alice, stream.at_a, 0), (stream.bob, stream.at_b, 1)):
            peer.send(to, stream.voices[voice].packets(1)[0])
        alice.look()
        stream.bob.look()


@pytest.mark.parametrize("latch", [Latch.NAT, Latch.STRICT])
def test_a_nat_that_rebinds_in_mid_call_is_followed_within_half_a_second(net: Net, latch: Latch) -> None:
    """Half a second of speech: so much of it may be lost, however long a busy machine takes over it."""
    stream = Stream(net, nat=True, a={"latch": latch, "window": WINDOW})
    talk(stream, stream.alice, WINDOW)
    give_up = time.monotonic() + PATIENCE
    while not stream.settled:
        assert time.monotonic() < give_up, stream.forwarder()
        talk(stream, stream.alice, 0.1)
    rebound = net.peer("alice", net.pair(v4(ACCESS, ALICE)).rtp)
    stream.bob.take()
    before = stream.side(0).drops.wrong_source
    give_up = time.monotonic() + PATIENCE
    while rebound.look() == 0 and time.monotonic() < give_up:
        talk(stream, rebound, PACE)
        time.sleep(PACE)  # and not what was missed meanwhile
    until(lambda: stream.latches(0)[-1] == (str(rebound.address), "rebound"), "the latch to be told")
    wait_come(stream.bob, 1)
    lost = stream.side(0).drops.wrong_source - before
    assert lost * PACE < 0.5, f"{lost} packets were refused"


def test_after_the_window_another_stream_is_not_followed_nor_one_beside_a_speaker(net: Net) -> None:
    stream = Stream(net, nat=True, a={"window": WINDOW})
    talk(stream, stream.alice, WINDOW + 0.1)
    thief = net.peer("mallory", net.pair(v4(ACCESS, MALLORY)).rtp)
    at = time.monotonic()
    for number in range(30):  # it knows all that is said, and says it again, while alice goes on speaking
        sleep_until(at + number * PACE)
        (data,) = stream.voices[0].packets(1)
        stream.alice.send(stream.at_a, data)
        thief.send(stream.at_a, data)
        stream.bob.send(stream.at_b, stream.voices[1].packets(1)[0])
    time.sleep(0.4)  # and now alice is silent, but this is another stream
    stream.send(thief, stream.at_a, Voice().packets(5))
    assert {address for address, _ in stream.latches(0)} == {str(stream.alice.address)}
    assert stream.side(0).drops.wrong_source >= 5
    assert thief.look() == 0


# -- attacks


def ours(peer: Peer) -> list[int]:
    """The SSRCs of what has come."""
    return [int.from_bytes(data[8:12], "big") for data in peer.data()]


def test_who_sprays_all_ports_never_hears_nor_says_anything(net: Net) -> None:
    """From the first millisecond, before the streams are there, and on while calls talk; then again in mid-call."""
    attack = net.spray(FIRST_PORT, FIRST_PORT + 3_999)
    shapes: list[dict[str, Any]] = [
        {},
        {"nat": True, "a": {"latch": Latch.STRICT}},
        {"a": {"latch": Latch.OFF}},
        {"nat": True, "a": {"latch": Latch.NAT}},
    ]
    streams = [Stream(net, **shape) for shape in shapes * 3]
    sent = _converse(net, streams, 1.5)
    sprayed, heard = net.end_spray(attack)
    assert (sprayed > SPRAYED, heard) == (True, 0)
    _judge(streams, sent)
    for stream in streams:
        stream.settle()
    calm = [stream.side(0).drops.wrong_source for stream in streams]
    attack = net.spray(FIRST_PORT, FIRST_PORT + 3_999)
    later = _converse(net, streams, 1.5)
    sprayed, heard = net.end_spray(attack)
    assert (sprayed > SPRAYED, heard) == (True, 0)
    _judge(streams, later)
    assert all(stream.side(0).drops.wrong_source > before for stream, before in zip(streams, calm, strict=True))


def _converse(net: Net, streams: list[Stream], seconds: float) -> int:
    """All talk at the pace of a voice, until mallory has sent to every port more than once; how many packets each has
    said."""
    at, number, sprayed = time.monotonic(), 0, net.has_sent("mallory") + SPRAYED
    while number * PACE < seconds or net.has_sent("mallory") <= sprayed:
        assert number * PACE < PATIENCE, "the attacker is too slow"
        sleep_until(at + number * PACE)
        for stream in streams:
            stream.alice.send(stream.at_a, stream.voices[0].packets(1)[0])
            stream.bob.send(stream.at_b, stream.voices[1].packets(1)[0])
            stream.alice.look()
            stream.bob.look()
        number += 1
    return number


def _judge(streams: list[Stream], sent: int) -> None:
    """What was said has come to the other and to nobody else, and nothing besides. Some of it may be lost: the queues
    before the engine are mallory's, too."""
    for stream in streams:
        until(lambda of=stream: _at_rest(of), f"{stream.id} to be at rest")
        counters = stream.counters()
        for peer, voice in ((stream.bob, 0), (stream.alice, 1)):
            heard = ours(peer)
            assert sent // 2 <= len(heard) <= sent
            assert set(heard) == {stream.voices[voice].ssrc}
            until(lambda of=stream, side=1 - voice: of.latches(side), "the latch to be told")
            assert {address for address, _ in stream.latches(1 - voice)} == {str(peer.address)}
        assert balanced(counters)
        assert counters.sides[0].drops.wrong_source > 0


def _at_rest(stream: Stream) -> bool:
    """Whether nothing comes any more."""
    before = arrived(stream.counters())
    time.sleep(0.02)
    return arrived(stream.counters()) == before


# -- policing


@pytest.mark.parametrize("by", ["stream", "realm"])
def test_what_passes_is_the_rate_within_two_parts_in_a_hundred(net: Net, by: str) -> None:
    rate = Rate(200 * 172, 100 * 172)
    stream = Stream(net, a={"limit": rate} if by == "stream" else {"realm": "slow"})
    if by == "realm":
        net.engine.ask("limit", realm="slow", octets=rate.octets, burst=rate.burst)
    stream.settle()
    # Each round brings more than the bucket can hold, so what it passes is what has flowed in since the last, and no
    # more than has flowed in by its end.
    began = ended = time.monotonic()
    least = rate.burst - 172  # that of settling
    for round_ in range(7):
        if round_:
            time.sleep(0.3)
            least += min(rate.burst, rate.octets * (time.monotonic() - ended))
        stream.send(stream.alice, stream.at_a, stream.voices[0].packets(300))
        stream.bob.look()
        ended = time.monotonic()
    most = rate.burst + rate.octets * (ended - began)
    a = stream.side(0)
    passed = a.received_rtp.packets - 1
    assert 0.98 * least - 172 <= passed * 172 <= 1.02 * most
    assert a.drops == Drops(policed=7 * 300 - passed)
    wait_come(stream.bob, passed)
    until(lambda: net.engine.events(stream.id, "policed"), "that it was policed")
    assert [each[1:] for each in net.engine.events(stream.id, "policed")] == [["policed", 0]]
    net.engine.ask("limit", realm="slow", octets=0, burst=0)


# -- silence


def test_silence_is_told_and_its_end(net: Net) -> None:
    stream = Stream(net)
    spoke = time.monotonic()
    stream.settle()
    net.engine.ask("silence", seconds=0.5)  # only now: who is slow to speak first is silent, too
    try:
        until(lambda: net.engine.events(stream.id, "silent"), "silence")
        stream.speak(5)
        until(lambda: net.engine.events(stream.id, "resumed"), "its end")
    finally:
        net.engine.ask("silence", seconds=0)
    silent = net.engine.events(stream.id, "silent")[0]
    assert silent[0] - spoke >= 0.5
    assert silent[2] >= 0.5


# -- marks and devices


def test_a_mark_decides_which_way_media_takes(net: Net) -> None:
    sbc = net.lab.host("sbc")
    sbc.run(["ip", "rule", "add", "fwmark", "7", "prio", "10", "unreachable"])
    try:
        stream = Stream(net, b={"mark": 7})
        for _ in range(3):
            stream.speak(10)
            time.sleep(0.1)
    finally:
        sbc.run(["ip", "rule", "del", "fwmark", "7", "prio", "10"])
    wait_come(stream.alice, 30)
    assert stream.bob.look() == 0
    assert stream.side(1).drops.send_error == 30


def test_a_socket_hears_what_comes_by_its_device_alone(net: Net) -> None:
    stream = Stream(net, a={"vpn": Vpn("", "core")})
    stream.alice.send(stream.at_a, stream.voices[0].packets(1)[0])
    right = Stream(net, a={"vpn": Vpn("", "access")}, b={"vpn": Vpn("", "core")})
    right.speak(10)
    wait_come(right.bob, 10)
    wait_come(right.alice, 10)
    assert stream.side(0).received_rtp.packets == 0
    gone = attrs.evolve(right.spec.sides[0], vpn=Vpn("", "gone"))
    spec = attrs.evolve(right.spec, id="none", sides=(gone, right.spec.sides[1]))
    with pytest.raises(Failed, match=r"PortUnavailable: .*device gone: No such device"):
        net.engine.ask("open", spec=to_bytes(StreamSpec, spec).decode())


# -- what is left


def test_thousands_of_streams_open_and_close_and_leave_nothing(net: Net) -> None:
    model = Stream(net)
    spec = to_bytes(StreamSpec, _at(model.spec, FIRST_PORT + 10_000)).decode()
    net.engine.ask("churn", spec=spec, rounds=2, together=250)  # what is kept for good is there now
    before = net.engine.ask("holds")
    net.engine.ask("churn", spec=spec, rounds=20, together=250)
    after = net.engine.ask("holds")
    assert after["descriptors"] == before["descriptors"]
    assert after["memory"] - before["memory"] <= MEMORY
    assert net.engine.ask("streams") == [model.id]
    model.settle()


def _at(spec: StreamSpec, port: int) -> StreamSpec:
    sides = [
        attrs.evolve(each, local=Pair(Address(each.local.rtp.host, port), Address(each.local.rtp.host, port + 1)))
        for each in spec.sides
    ]
    return attrs.evolve(spec, sides=(sides[0], sides[1]))


def test_an_engine_that_is_killed_leaves_its_ports_to_the_next(net: Net) -> None:
    stream = Stream(net)
    stream.settle()
    net.engine.end(kill=True)
    net.engine = Engine(net.lab, net.name)
    net.engine.ask("open", spec=to_bytes(StreamSpec, stream.spec).decode())
    stream.settle()
    there, back = stream.speak(50)
    wait_come(stream.bob, 50)
    wait_come(stream.alice, 50)
    assert (stream.bob.data(), stream.alice.data()) == (there, back)
