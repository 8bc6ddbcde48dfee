"""Ports that streams share: packets told apart by the number before them, and nobody's media by knowing a number."""

from __future__ import annotations

import socket
import time
from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Shared
from sbc.core.vpn import Vpn
from sbc.media.counters import Drops, Volume
from sbc.media.interfaces import PortUnavailable
from tests.contract.engines import QUIET, Call, Rig, balanced
from tests.contract.test_media_sockets import descriptors, media_sockets
from tests.media.packets import receiver_report, rtp, udptl

MINE, THEIRS = 0x01020304, 0x7FFFFFFF
"""A number that the terminal is to use towards us, and one that it asks for."""
NAT: dict[str, Any] = {"behind_nat": True}


def numbered(number: int, data: bytes) -> bytes:
    return number.to_bytes(4, "big") + data


def call_by(rig: Rig, ports: Pair, number: int = MINE, kind: str = "rtp", a: Any = None, **said: Any) -> Call:
    """A stream whose side A shares ports."""
    return Call(rig, kind, a={"shared": Shared(ports, number, **{"told": True, **said}), **(a or {})})


def odd(ports: Pair) -> Address:
    assert ports.rtcp is not None
    return ports.rtcp


def test_packets_are_told_apart_by_the_number_before_them_and_counted_without(rig: Rig) -> None:
    ports = rig.pair(1)
    first, second = call_by(rig, ports, 7), call_by(rig, ports, 8, rtp=THEIRS, rtcp=9)
    for call, number in ((first, 7), (second, 8)):
        there = [numbered(number, rtp(n, ssrc=number)) for n in range(20)]
        call.send(call.a, ports.rtp, *there)
        call.send(call.a_rtcp, odd(ports), numbered(number, receiver_report(number)))
        call.send(call.b, call.at_b, rtp(1, ssrc=99))
        call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(99))
        assert call.b.drain() == [(rtp(n, ssrc=number), call.at_b) for n in range(20)]
        assert call.b_rtcp.drain() == [(receiver_report(number), call.at_b_rtcp)]
        a, b = call.counters().sides
        assert a.received_rtp == b.sent_rtp == Volume(20, 20 * 172)
        assert a.received_rtcp == b.sent_rtcp == b.received_rtcp == a.sent_rtcp == Volume(1, 8)
        assert b.received_rtp == a.sent_rtp == Volume(1, 172)
        assert a.drops == b.drops == QUIET
    assert first.a.drain() == [(rtp(1, ssrc=99), ports.rtp)]
    assert first.a_rtcp.drain() == [(receiver_report(99), odd(ports))]
    assert second.a.drain() == [(numbered(THEIRS, rtp(1, ssrc=99)), ports.rtp)]
    assert second.a_rtcp.drain() == [(numbered(9, receiver_report(99)), odd(ports))]
    assert rig.engine.strays() == 0


def test_one_source_may_speak_on_all_streams_that_share(rig: Rig) -> None:
    ports, terminal = rig.pair(1), rig.peer(9)
    calls = [call_by(rig, ports, number, a=NAT, rtp=100 + number) for number in (1, 2, 3)]
    for number, call in enumerate(calls, 1):
        # it proves that it has a stream, since nothing but the window speaks for it
        rig.pass_time(0.6)
        call.send(terminal, ports.rtp, *(numbered(number, rtp(n, ssrc=number)) for n in range(5)))
        call.send(call.b, call.at_b, rtp(1, ssrc=99))
        assert call.b.data()[-1] == rtp(4, ssrc=number)
        assert terminal.drain() == [(numbered(100 + number, rtp(1, ssrc=99)), ports.rtp)]
        assert (0, terminal.address, "nat") in call.latches()


@pytest.mark.parametrize("latch", Latch)
def test_a_stranger_with_the_right_number_gets_nothing_and_diverts_nothing(rig: Rig, latch: Latch) -> None:
    ports, stranger = rig.pair(1), rig.peer(9)
    call = call_by(rig, ports, a={"latch": latch}, rtp=THEIRS)
    call.send(call.a, ports.rtp, numbered(MINE, rtp(1)))
    counters = call.send(stranger, ports.rtp, *(numbered(MINE, rtp(n)) for n in range(2, 12)))
    assert counters.sides[0].drops == Drops(wrong_source=10)
    call.send(call.b, call.at_b, rtp(1, ssrc=99))
    assert stranger.data() == []
    assert call.a.data() == [numbered(THEIRS, rtp(1, ssrc=99))]
    assert call.b.data() == [rtp(1)]


def test_who_is_latched_on_one_stream_has_no_other_by_its_number(rig: Rig) -> None:
    ports = rig.pair(1)
    first, second = call_by(rig, ports, 1), call_by(rig, ports, 2)
    first.send(first.a, ports.rtp, numbered(1, rtp(1)))
    second.send(second.a, ports.rtp, numbered(2, rtp(1)))
    counters = second.send(first.a, ports.rtp, numbered(2, rtp(2)), numbered(2, rtp(3)))
    assert counters.sides[0].drops == Drops(wrong_source=2)
    second.send(second.b, second.at_b, rtp(5))
    assert first.a.data() == []
    assert second.a.data() == [rtp(5)]


def test_what_has_no_number_of_a_stream_is_counted_and_nobodys(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports)
    strays = [b"", b"\1", b"\1\2\3", numbered(MINE + 1, rtp(1)), numbered(MINE + 1024, rtp(1)), rtp(1), bytes(16)]
    for data in strays:
        call.a.send(ports.rtp, data)
        call.a_rtcp.send(odd(ports), data)
    rig.wait(lambda: rig.engine.strays() == 2 * len(strays), "all strays")
    assert call.counters().sides[0].drops == QUIET
    counters = call.send(call.a, ports.rtp, numbered(MINE, b""), numbered(MINE, b"\x80"), numbered(MINE, b"\xff" * 20))
    assert counters.sides[0].drops == Drops(too_short=2, not_rtp=1)
    assert call.b.data() == []
    rig.engine.close(call.id)
    assert rig.engine.strays() == 2 * len(strays)


def test_who_speaks_by_the_own_ports_is_answered_from_there_and_may_turn(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports)
    call.send(call.b, call.at_b, rtp(1))
    assert call.a.drain() == [(rtp(1), ports.rtp)]  # where it was told we are
    call.send(call.a, call.at_a, rtp(1))
    call.send(call.b, call.at_b, rtp(2))
    assert call.a.drain() == [(rtp(2), call.at_a)]
    call.send(call.a, ports.rtp, numbered(MINE, rtp(2)), numbered(MINE, rtp(3)))
    call.send(call.b, call.at_b, rtp(3))
    assert call.a.drain() == [(rtp(3), ports.rtp)]
    assert call.b.data() == [rtp(1), rtp(2), rtp(3)]
    assert balanced(call.counters())
    rig.wait(lambda: len([each for each in call.latches() if each[0] == 0]) == 2, "both turns told")
    assert {address for side, address, _ in call.latches() if side == 0} == {call.a_pair.rtp}


def test_who_turns_at_each_packet_is_followed_and_told_of_seldom(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports)
    began = time.monotonic()
    for n in range(0, 60, 2):
        call.send(call.a, call.at_a, rtp(n))
        call.send(call.a, ports.rtp, numbered(MINE, rtp(n + 1)))
    call.send(call.b, call.at_b, rtp(1))
    assert call.a.drain() == [(rtp(1), ports.rtp)]
    assert call.b.data() == [rtp(n) for n in range(60)]
    assert len(call.latches()) <= 3 + (time.monotonic() - began), "first where it is, a turn, then one in a second"
    call.send(call.a, call.at_a, rtp(60))
    rig.pass_time(1.1)
    for n in range(61, 64):  # it stays
        before = len(call.latches())
        call.send(call.a, ports.rtp, numbered(MINE, rtp(n)))
        rig.pass_time(1.1)
        call.send(call.a, call.at_a, rtp(n + 10))
        rig.wait(lambda before=before: len(call.latches()) > before, "the turn told")
        rig.pass_time(1.1)


def test_who_is_remembered_is_spoken_to_from_where_it_was_told_that_we_are(rig: Rig) -> None:
    """A call that is taken up again after a restart, whose terminal has yet to speak."""
    ports, terminal = rig.pair(1), rig.peer(2)
    call = call_by(rig, ports, a={"latched": terminal.address, "behind_nat": True}, rtp=THEIRS)
    call.send(call.b, call.at_b, rtp(1))
    assert terminal.drain() == [(numbered(THEIRS, rtp(1)), ports.rtp)]
    call.send(terminal, call.at_a, rtp(1))
    call.send(call.b, call.at_b, rtp(2))
    assert terminal.drain() == [(numbered(THEIRS, rtp(2)), call.at_a)]


def test_shared_ports_mark_packets_as_who_joined_last_wants_them(rig: Rig) -> None:
    """The realm's DSCP was changed while calls went on."""
    ports = rig.pair(1)
    first = call_by(rig, ports, 1, a={"dscp": 34})
    second = call_by(rig, ports, 2, a={"dscp": 46})
    for left in (second, first):  # whoever goes
        with_them = media_sockets(ports.rtp, odd(ports))
        assert [sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) for sock in with_them] == [46 << 2] * 2
        for sock in with_them:
            sock.close()
        rig.engine.close(left.id)
    third = call_by(rig, ports, 3)
    (sock, other) = media_sockets(ports.rtp, odd(ports))
    with sock, other:
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0
    rig.engine.close(third.id)


def test_shared_ports_are_in_the_way_of_those_of_a_device(rig: Rig) -> None:
    ports = rig.pair(1)
    first, other = call_by(rig, ports, 1), Call(rig)
    rig.engine.close(other.id)
    spec = _with(other, Shared(ports, 2))
    spec = attrs.evolve(spec, sides=(attrs.evolve(spec.sides[0], vpn=Vpn("", "lo")), spec.sides[1]))
    with pytest.raises(PortUnavailable, match="in use") as caught:
        rig.engine.open(spec)
    assert caught.value.address == ports.rtp
    assert rig.engine.streams() == [first.id]
    rig.engine.close(first.id)
    rig.engine.open(spec)
    rig.engine.close(spec.id)


def test_who_was_not_told_is_spoken_to_from_the_own_ports_until_it_is(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports, told=False)
    call.send(call.b, call.at_b, rtp(1))
    assert call.a.drain() == [(rtp(1), call.at_a)]
    call.update(0, shared=Shared(ports, MINE, True, 5, 6))
    call.send(call.b, call.at_b, rtp(2))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.a.drain() == [(numbered(5, rtp(2)), ports.rtp)]
    assert call.a_rtcp.drain() == [(numbered(6, receiver_report(2)), odd(ports))]


def test_a_number_may_be_asked_for_alone(rig: Rig) -> None:
    """What is sent to it begins with one, and it speaks by the stream's own ports."""
    call = call_by(rig, rig.pair(1), told=False, rtp=THEIRS)
    call.send(call.a, call.at_a, rtp(1))
    call.send(call.b, call.at_b, rtp(2))
    assert call.a.drain() == [(numbered(THEIRS, rtp(2)), call.at_a)]
    assert rig.engine.forwarder(call.id)[1] == "multiplexed"


def test_rtcp_on_the_rtp_port_goes_with_rtps_number(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports, rtp=THEIRS, rtcp=9)
    call.send(call.a, ports.rtp, numbered(MINE, rtp(1)), numbered(MINE, receiver_report(1)))
    assert call.b_rtcp.data() == [receiver_report(1)]
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.a.drain() == [(numbered(THEIRS, receiver_report(2)), ports.rtp)]


def test_fax_shares_ports_too(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports, kind="t38", rtp=THEIRS)
    call.send(call.a, ports.rtp, numbered(MINE, udptl(1, b"\6\7")))
    call.send(call.b, call.at_b, udptl(2, b"\6\7"))
    assert call.b.data() == [udptl(1, b"\6\7")]
    assert call.a.drain() == [(numbered(THEIRS, udptl(2, b"\6\7")), ports.rtp)]


def test_from_ipv6_to_ipv4(rig: Rig) -> None:
    ports = Pair(Address("::1", rig.port()), None)
    ports = Pair(ports.rtp, ports.rtp._replace(port=ports.rtp.port + 1))
    six = rig.peer(Address("::1", rig.port()))
    own = Pair(Address("::1", rig.port()), None)
    signalled = Pair(six.address, None)
    changes = {"local": own, "remote": signalled, "seen_host": "::1", "shared": Shared(ports, MINE, True, THEIRS)}
    call = Call(rig, a=changes)
    call.send(six, ports.rtp, numbered(MINE, rtp(1)))
    call.send(call.b, call.at_b, rtp(2))
    assert call.b.data() == [rtp(1)]
    assert six.drain() == [(numbered(THEIRS, rtp(2)), ports.rtp)]


@pytest.mark.parametrize("options", [{"longest": 1000}])
def test_the_number_does_not_count_for_the_longest(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports, rtp=THEIRS)
    counters = call.send(
        call.a, ports.rtp, numbered(MINE, rtp(payload=bytes(988))), numbered(MINE, rtp(payload=bytes(989)))
    )
    assert counters.sides[0].drops == Drops(too_long=1)
    call.send(call.b, call.at_b, rtp(payload=bytes(988)))
    assert [len(data) for data in call.a.data()] == [1004]


def test_a_forwarder_that_judges_nothing_has_no_such_stream(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports, told=False)
    call.send(call.a, call.at_a, rtp(1))
    call.send(call.b, call.at_b, rtp(1))
    assert rig.engine.forwarder(call.id)[1] == ""
    assert len(rig.engine.flows(call.id)) == 2
    call.send(call.a, ports.rtp, numbered(MINE, rtp(2)))
    assert rig.engine.forwarder(call.id)[1] == "multiplexed"
    assert rig.engine.flows(call.id) == ()


def test_ports_are_open_from_the_first_stream_to_the_last(rig: Rig) -> None:
    ports = rig.pair(1)
    Call(rig)  # engines of threads keep some descriptors from their first stream on
    before, sockets = descriptors(), rig.engine.sockets()
    calls = [call_by(rig, ports, number) for number in (1, 2)]
    assert rig.engine.sockets() == sockets + 2 * 4 + 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(ports.rtp)
    for call in calls:
        assert rig.engine.sockets() > sockets
        rig.engine.close(call.id)
        for peer in (call.a, call.b, call.a_rtcp, call.b_rtcp):
            peer.sock.close()
    assert (descriptors(), rig.engine.sockets()) == (before, sockets)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(ports.rtp)


def test_a_shared_port_that_is_taken_leaves_nothing_open(rig: Rig) -> None:
    ports = rig.pair(1)
    call = Call(rig)
    rig.engine.close(call.id)
    spec = _with(call, Shared(ports, MINE))
    before = descriptors()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(odd(ports))
        with pytest.raises(PortUnavailable) as caught:
            rig.engine.open(spec)
        assert caught.value.address == odd(ports)
    assert (descriptors(), rig.engine.streams()) == (before, [])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(call.at_b)
        with pytest.raises(PortUnavailable):
            rig.engine.open(spec)
    assert (descriptors(), rig.engine.streams()) == (before, [])
    rig.engine.open(spec)
    rig.engine.close(spec.id)


def test_a_number_belongs_to_one_stream_for_life(rig: Rig) -> None:
    ports = rig.pair(1)
    call = call_by(rig, ports)
    other = Call(rig)
    rig.engine.close(other.id)
    with pytest.raises(ValueError, match="another stream's"):
        rig.engine.open(_with(other, Shared(ports, MINE)))
    for changed in (None, Shared(ports, MINE + 1), Shared(rig.pair(1), MINE)):
        with pytest.raises(ValueError, match="keeps its shared ports"):
            call.update(0, shared=changed)
    rig.engine.close(call.id)
    rig.engine.open(_with(other, Shared(ports, MINE)))
    with pytest.raises(ValueError, match="both sides"):
        rig.engine.open(_with(Call(rig), Shared(ports, 5), Shared(ports, 5)))


def test_many_streams_with_numbers_that_are_kept_in_one_place(rig: Rig) -> None:
    ports = rig.pair(1)
    calls = [call_by(rig, ports, 1 + 1024 * n) for n in range(8)]
    rig.engine.close(calls.pop(3).id)
    rig.engine.close(calls.pop(0).id)
    for call in calls:
        shared = call.spec.sides[0].shared
        assert shared is not None
        call.send(call.a, ports.rtp, numbered(shared.number, rtp(shared.number & 0xFFFF)))
        assert call.b.data() == [rtp(shared.number & 0xFFFF)]
    calls[0].a.send(ports.rtp, numbered(1, rtp(1)))
    rig.wait(lambda: rig.engine.strays() == 1, "the number of a closed stream")


def _with(call: Call, *shared: Shared) -> Any:
    sides = list(call.spec.sides)
    for side, each in enumerate(shared):
        sides[side] = attrs.evolve(sides[side], shared=each)
    return attrs.evolve(call.spec, id=f"{call.id}-again", sides=tuple(sides))
