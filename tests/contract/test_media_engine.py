"""What every media engine relays and how it counts: RTP, RTCP, mux, hold, early media, T.38, IPv6; what it tells."""

from __future__ import annotations

import os
import socket

import pytest
from zope.interface.verify import verifyObject

from sbc.core.address import Address, Pair
from sbc.media.counters import Drops, Volume
from sbc.media.interfaces import IMediaEngine
from tests.contract.engines import QUIET, Call, Rig, balanced
from tests.media.packets import dtls_hello, receiver_report, rtp, stun_request, udptl
from tests.media.specs import signalled


def test_provides_the_interface(rig: Rig) -> None:
    assert verifyObject(IMediaEngine, rig.engine)
    assert isinstance(rig.engine.name, str)


# -- relaying


def test_relays_both_ways_from_the_right_ports_with_equal_counts(rig: Rig) -> None:
    call = Call(rig)
    there, back = [rtp(n, ssrc=1) for n in range(50)], [rtp(n, ssrc=2, payload=bytes(20)) for n in range(30)]
    call.send(call.a, call.at_a, *there)
    call.send(call.b, call.at_b, *back)
    assert call.b.drain() == [(data, call.at_b) for data in there]
    assert call.a.drain() == [(data, call.at_a) for data in back]
    final = rig.engine.close(call.id)
    a, b = final.sides
    assert a.received_rtp == b.sent_rtp == Volume(50, 50 * 172)
    assert b.received_rtp == a.sent_rtp == Volume(30, 30 * 32)
    assert a.received_rtcp == a.sent_rtcp == b.received_rtcp == b.sent_rtcp == Volume()
    assert a.drops == b.drops == QUIET


def test_rtcp_goes_by_the_odd_ports(rig: Rig) -> None:
    call = Call(rig)
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report(1))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2), receiver_report(3))
    assert call.b_rtcp.drain() == [(receiver_report(1), call.at_b_rtcp)]
    assert call.a_rtcp.drain() == [(receiver_report(2), call.at_a_rtcp), (receiver_report(3), call.at_a_rtcp)]
    assert call.a.drain() == call.b.drain() == []
    a, b = call.counters().sides
    assert a.received_rtcp == b.sent_rtcp == Volume(1, 8)
    assert b.received_rtcp == a.sent_rtcp == Volume(2, 16)


def test_rtcp_goes_where_it_was_signalled_even_if_that_is_not_the_next_port(rig: Rig) -> None:
    elsewhere = rig.peer(4)
    call = Call(rig)
    call.update(1, remote=Pair(call.b_pair.rtp, elsewhere.address))
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    assert elsewhere.data() == [receiver_report()]
    assert call.b_rtcp.data() == []


@pytest.mark.parametrize("size", [12, 1472, 8193, 60_000])
def test_packets_pass_whole_whatever_their_size(rig: Rig, size: int) -> None:
    call = Call(rig)
    packet = rtp(payload=os.urandom(size - 12))
    counters = call.send(call.a, call.at_a, packet)
    assert call.b.data() == [packet]
    assert counters.sides[1].sent_rtp == Volume(1, size)


@pytest.mark.parametrize("options", [{"longest": 1000}])
def test_what_is_longer_than_permitted_is_counted(rig: Rig) -> None:
    call = Call(rig)
    counters = call.send(call.a, call.at_a, rtp(payload=bytes(988)), rtp(payload=bytes(989)))
    counters = call.send(call.a_rtcp, call.at_a_rtcp, receiver_report() + bytes(993))
    assert [len(data) for data in call.b.data()] == [1000]
    assert counters.sides[0].drops == Drops(too_long=2)


def test_what_is_no_media_is_counted_by_what_is_wrong_with_it(rig: Rig) -> None:
    call = Call(rig)
    call.send(call.a, call.at_a, b"", b"\x80", rtp()[:11])
    call.send(call.a, call.at_a, b"GET / HTTP/1.1\r\n\r\n")
    call.send(call.a_rtcp, call.at_a_rtcp, rtp(), receiver_report()[:4])
    call.send(call.a, call.at_a, rtp())  # from one who is known too
    counters = call.send(call.a, call.at_a, b"", rtp()[:11], b"GET / HTTP/1.1\r\n\r\n")
    assert counters.sides[0].drops == Drops(too_short=6, not_rtp=3)
    assert counters.sides[0].received == Volume(1, 172)
    assert call.b.data() == [rtp()]
    assert call.b_rtcp.data() == []


def test_stun_and_dtls_are_relayed_from_accepted_sources_only(rig: Rig) -> None:
    call = Call(rig)
    stranger = rig.peer(9)
    call.send(call.a, call.at_a, stun_request(), dtls_hello(), rtp(), stun_request())
    counters = call.send(stranger, call.at_a, stun_request(), dtls_hello())
    assert call.b.data() == [stun_request(), dtls_hello(), rtp(), stun_request()]
    rig.wait(call.latches, "the latch to be told")
    assert call.latches() == [(0, call.a.address, "signalled")], "RTP has latched, nothing before it"
    assert counters.sides[0].drops == Drops(wrong_source=2)


def test_several_streams_do_not_mix(rig: Rig) -> None:
    calls = [Call(rig) for _ in range(3)]
    for number, call in enumerate(calls):
        call.send(call.a, call.at_a, rtp(ssrc=number))
    assert [call.b.data() for call in calls] == [[rtp(ssrc=number)] for number in range(3)]
    assert sorted(rig.engine.streams()) == sorted(call.id for call in calls)


# -- RTP and RTCP on one port


def test_rtcp_of_a_side_that_muxes_reaches_one_that_does_not_on_its_rtcp_port(rig: Rig) -> None:
    call = Call(rig)
    call.update(0, remote=Pair(call.a_pair.rtp, call.a_pair.rtp))
    call.send(call.a, call.at_a, rtp(), receiver_report(1))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.b.drain() == [(rtp(), call.at_b)]
    assert call.b_rtcp.drain() == [(receiver_report(1), call.at_b_rtcp)]
    assert call.a.drain() == [(receiver_report(2), call.at_a)]
    a, b = call.counters().sides
    assert (a.received_rtp, a.received_rtcp) == (Volume(1, 172), Volume(1, 8))
    assert (b.sent_rtp, b.sent_rtcp) == (Volume(1, 172), Volume(1, 8))


def test_between_two_sides_that_mux_only_the_rtp_ports_are_used(rig: Rig) -> None:
    call = Call(rig)
    call.update(0, remote=Pair(call.a_pair.rtp, call.a_pair.rtp))
    call.update(1, remote=Pair(call.b_pair.rtp, call.b_pair.rtp))
    call.send(call.a, call.at_a, receiver_report(1))
    call.send(call.b, call.at_b, receiver_report(2))
    assert call.b.drain() == [(receiver_report(1), call.at_b)]
    assert call.a.drain() == [(receiver_report(2), call.at_a)]


def test_a_side_that_sends_rtcp_on_its_rtp_port_gets_it_there(rig: Rig) -> None:
    call = Call(rig)
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(1))
    assert call.a_rtcp.data() == [receiver_report(1)]
    call.send(call.a, call.at_a, receiver_report(2))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(3))
    assert call.a.drain() == [(receiver_report(3), call.at_a)]
    call.send(
        call.a_rtcp, call.at_a_rtcp, receiver_report(4)
    )  # and takes it where it sends from, if it changes its mind
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(5))
    assert call.a_rtcp.data() == [receiver_report(5)]


def test_who_signals_another_address_has_rtcp_where_that_says(rig: Rig) -> None:
    """Though it came on RTP's port before."""
    call = Call(rig)
    call.send(call.a, call.at_a, rtp(), receiver_report(1))
    new = rig.pair(5)
    a, a_rtcp = rig.peer(new.rtp), rig.peer(new.rtcp or new.rtp)
    call.update(0, remote=new)
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert (a.data(), a_rtcp.data()) == ([], [receiver_report(2)])


def test_what_one_side_signals_opens_the_other_s_window_too(rig: Rig) -> None:
    """An answer ends an exchange that concerns both: in it a NAT's other port is believed, though the former speaks."""
    call = Call(rig, b={"behind_nat": True, "window": 1.0})
    call.send(call.b, call.at_b, rtp(1))
    rig.pass_time(2.0)
    call.send(call.b, call.at_b, rtp(2))
    call.update(0)
    other = rig.peer(3)
    call.send(other, call.at_b, rtp(3))
    call.send(call.a, call.at_a, rtp(4))
    assert (other.data(), call.b.data()) == ([rtp(4)], [])


def test_one_port_of_ours_can_serve_both(rig: Rig) -> None:
    ours = Address(rig.host(1), rig.port())
    call = Call(rig, a={"local": Pair(ours, ours)})
    call.update(0, remote=Pair(call.a_pair.rtp, call.a_pair.rtp))
    call.send(call.a, ours, rtp(), receiver_report(1))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert (call.b.data(), call.b_rtcp.data()) == ([rtp()], [receiver_report(1)])
    assert call.a.drain() == [(receiver_report(2), ours)]


# -- hold, early media, changes


def test_nothing_is_sent_to_a_side_on_hold(rig: Rig) -> None:
    call = Call(rig)
    call.send(call.a, call.at_a, rtp(1))
    unspecified = Pair(Address("0.0.0.0", call.b_pair.rtp.port), Address("0.0.0.0", call.b_pair.rtp.port + 1))
    for held in (unspecified, Pair(call.b_pair.rtp._replace(port=0), None)):
        call.update(1, remote=held)
        call.send(call.a, call.at_a, rtp(2), rtp(2))
        call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    call.send(call.b, call.at_b, rtp(3))  # music on hold
    call.update(1, remote=call.b_pair)
    counters = call.send(call.a, call.at_a, rtp(4))
    assert call.b.data() == [rtp(1), rtp(4)]
    assert call.b_rtcp.data() == []
    assert call.a.data() == [rtp(3)]
    assert counters.sides[1].drops == Drops(no_destination=6)
    assert balanced(counters)


def test_early_media_waits_for_the_answer_and_comes_only_from_where_it_may(rig: Rig) -> None:
    call = Call(rig, b={"remote": None})
    call.send(call.a, call.at_a, rtp(1))  # nobody to send it to yet
    counters = call.send(call.b, call.at_b, rtp(2))  # B has signalled nothing and is not behind a NAT
    assert counters.sides[1].drops == Drops(no_destination=1, wrong_source=1)
    call.update(1, remote=call.b_pair)
    call.send(call.a, call.at_a, rtp(3))
    counters = call.send(call.b, call.at_b, rtp(4))
    assert (call.a.data(), call.b.data()) == ([rtp(4)], [rtp(3)])
    assert balanced(counters)


def test_early_media_of_a_peer_behind_a_nat_comes_from_the_host_of_its_signalling(rig: Rig) -> None:
    call = Call(rig, b={"remote": None, "behind_nat": True})
    stranger = rig.peer(9)
    call.send(stranger, call.at_b, rtp(1))
    call.send(call.b, call.at_b, rtp(2))
    call.send(call.a, call.at_a, rtp(3))
    assert (call.a.data(), call.b.data(), stranger.data()) == ([rtp(2)], [rtp(3)], [])
    assert (1, call.b.address, "seen-host") in call.latches()


def behind_nat(rig: Rig) -> Call:
    """A's address as it is signalled is one at home; it is seen where `call.a` is."""
    home = Pair(Address("192.168.77.1", 4000), Address("192.168.77.1", 4001))
    return Call(rig, a={"behind_nat": True, "remote": home, "seen_host": rig.host(2)})


def again(call: Call, **kept: Address) -> None:
    """As after a restart of the SBC."""
    rig = call.rig
    rig.engine.close(call.id)
    spec = signalled(call.spec, 0, window=0.0, **kept)
    rig.engine.open(spec)
    call.expected = 0


def test_reports_go_on_after_a_restart_to_where_they_went(rig: Rig) -> None:
    """The very first of the other's, though the terminal behind its NAT has not sent any yet."""
    call = behind_nat(rig)
    call.send(call.a, call.at_a, rtp(1))
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    rig.wait(lambda: rig.observer.rtcp_latches, "its reports' address to be told")
    assert rig.observer.rtcp_latches == [(call.id, 0, call.a_rtcp.address)]
    again(call, latched=call.a.address, latched_rtcp=call.a_rtcp.address)
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(9))
    counters = call.send(call.b, call.at_b, rtp(2))
    assert (call.a_rtcp.data(), call.a.data()) == ([receiver_report(9)], [rtp(2)])
    assert balanced(counters) and not any(side.drops.total for side in counters.sides)


def test_reports_that_come_by_the_port_of_rtp_go_on_there_after_a_restart(rig: Rig) -> None:
    call = behind_nat(rig)
    call.send(call.a, call.at_a, rtp(1), receiver_report())
    rig.wait(lambda: rig.observer.rtcp_latches, "its reports' address to be told")
    assert rig.observer.rtcp_latches[-1] == (call.id, 0, call.a.address)
    again(call, latched=call.a.address, latched_rtcp=call.a.address)
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(9))
    assert (call.a.data(), call.a_rtcp.data()) == ([receiver_report(9)], [])


def test_media_follows_a_changed_address(rig: Rig) -> None:
    call = Call(rig)
    call.send(call.b, call.at_b, rtp(1))
    new = rig.pair(5)
    b, b_rtcp = rig.peer(new.rtp), rig.peer(new.rtcp or new.rtp)
    call.update(1, remote=new)
    call.send(call.a, call.at_a, rtp(2))
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    call.send(b, call.at_b, rtp(3))
    counters = call.send(call.b, call.at_b, rtp(4))
    assert (b.data(), b_rtcp.data(), call.b.data()) == ([rtp(2)], [receiver_report()], [])
    assert call.a.data() == [rtp(1), rtp(3)]
    assert counters.sides[1].drops == Drops(wrong_source=1)


@pytest.mark.parametrize(
    "host", ["phone.example.com", "<broadcast>", "255.255.255.255", "224.0.0.1", "::1", "127.0.0.1%lo"]
)
def test_hosts_nothing_may_be_sent_to(rig: Rig, host: str) -> None:
    call = Call(rig)
    call.update(1, remote=Pair(Address(host, 4000), Address(host, 4001)))
    counters = call.send(call.a, call.at_a, rtp())
    assert counters.sides[1].drops == Drops(no_destination=1)


def test_a_stream_does_not_feed_itself(rig: Rig) -> None:
    call = Call(rig)
    call.update(0, remote=call.spec.sides[0].local)
    call.update(1, remote=call.spec.sides[1].local)
    counters = call.send(rig.peer(9), call.at_a, rtp())
    assert counters.sides[0].drops == Drops(wrong_source=1)
    call.update(0, remote=call.a_pair)
    counters = call.send(call.a, call.at_a, rtp())
    assert counters.sides[1].drops == Drops(no_destination=1)


# -- T.38


def test_t38_is_relayed_as_it_is(rig: Rig) -> None:
    call = Call(rig, "t38")
    packets = [udptl(0), udptl(1, b"\xc0\x01\x80"), b"\x00", udptl(0x8000)]
    call.send(call.a, call.at_a, *packets)
    counters = call.send(call.b, call.at_b, *packets, b"")
    assert (call.a.data(), call.b.data()) == (packets, packets)
    assert counters.sides[0].received_rtp == counters.sides[1].sent_rtp == Volume(4, sum(map(len, packets)))
    assert counters.sides[1].drops == Drops(too_short=1)


def test_t38_latches_on_what_can_be_t38(rig: Rig) -> None:
    call = Call(rig, "t38", a={"behind_nat": True})
    elsewhere = rig.peer(call.a.address._replace(port=rig.port()))
    counters = call.send(elsewhere, call.at_a, b"x")
    assert counters.sides[0].drops == Drops(wrong_source=1)
    call.send(elsewhere, call.at_a, udptl(1))
    call.send(call.b, call.at_b, udptl(2))
    assert (call.b.data(), elsewhere.data()) == ([udptl(1)], [udptl(2)])


# -- IPv6


@pytest.fixture
def v6(rig: Rig) -> Pair:
    """A pair of ours on ::1."""
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as two,
    ):
        try:
            one.bind(("::1", 0))
            two.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 on loopback: {error}")
        return Pair(Address("::1", one.getsockname()[1]), Address("::1", two.getsockname()[1]))


def test_relays_between_ipv4_and_ipv6(rig: Rig, v6: Pair) -> None:
    call = Call(rig, b={"local": v6})
    b, b_rtcp, stranger = (rig.peer(Address("::1", 0)) for _ in range(3))
    call.update(1, remote=Pair(b.address, b_rtcp.address))
    call.send(call.a, call.at_a, rtp(1))
    call.send(b, call.at_b, rtp(2), rtp(3))
    call.send(b_rtcp, call.at_b_rtcp, receiver_report())
    counters = call.send(stranger, call.at_b, rtp(4))
    assert b.drain() == [(rtp(1), call.at_b)]
    assert call.a.drain() == [(rtp(2), call.at_a), (rtp(3), call.at_a)]
    assert call.a_rtcp.data() == [receiver_report()]
    assert counters.sides[1].drops == Drops(wrong_source=1)


def test_what_is_too_long_for_the_other_ip_is_counted(rig: Rig, v6: Pair) -> None:
    call = Call(rig, b={"local": v6})
    b = rig.peer(Address("::1", 0))
    call.update(1, remote=Pair(b.address, None))
    counters = call.send(b, call.at_b, rtp(payload=bytes(65_527 - 12)), rtp())
    assert call.a.data() == [rtp()]
    assert counters.sides[0].drops == Drops(send_error=1)
    assert balanced(counters)


# -- the observer


def test_a_latch_is_told_once_and_again_only_when_it_changes(rig: Rig) -> None:
    call = Call(rig)
    call.send(call.a, call.at_a, rtp(1), rtp(2))
    call.send(call.b, call.at_b, rtp(3), rtp(4))
    call.update(0)
    call.send(call.a, call.at_a, rtp(5))
    assert call.latches() == [(0, call.a.address, "signalled"), (1, call.b.address, "signalled")]


@pytest.mark.parametrize("options", [{"silence": 2.0}])
def test_silence_is_told_once_until_somebody_speaks(rig: Rig) -> None:
    call, talking = Call(rig), Call(rig)

    def quiet_for(seconds: float) -> None:
        for _ in range(int(seconds / 0.5)):
            rig.pass_time(0.5)
            talking.send(talking.a, talking.at_a, rtp())
            rig.reactor.iterate(0)

    quiet_for(1.0)
    assert rig.observer.silences == []
    quiet_for(3.0)
    ((stream, seconds),) = rig.observer.silences
    assert stream == call.id
    assert 2.0 <= seconds < 4.0
    quiet_for(4.0)
    assert len(rig.observer.silences) == 1
    call.send(call.b, call.at_b, rtp())
    quiet_for(4.0)
    assert [stream for stream, _ in rig.observer.silences] == [call.id, call.id]
    assert rig.observer.resumptions == [call.id]
    rig.engine.update(call.id, 0, call.spec.sides[0])
    quiet_for(4.0)
    assert len(rig.observer.silences) == 3  # after a change it is told anew


def test_without_a_limit_silence_is_not_told(rig: Rig) -> None:
    Call(rig)
    rig.pass_time(3600.0)
    rig.reactor.iterate(0)
    assert rig.observer.silences == []


# -- for whoever would forward below the engine, and at the end


def test_says_who_forwards_a_stream(rig: Rig) -> None:
    call = Call(rig)
    assert rig.engine.forwarder(call.id) == (rig.engine.name, "not-latched")
    with pytest.raises(KeyError):
        rig.engine.forwarder("none")


def test_stop_closes_everything(rig: Rig) -> None:
    calls = [Call(rig) for _ in range(3)]
    rig.engine.stop()
    assert rig.engine.streams() == []
    for call in calls:
        for address in (call.at_a, call.at_b, call.at_a_rtcp, call.at_b_rtcp):
            rig.peer(address)  # is free again


def test_reports_that_come_by_turns_on_both_ports_are_told_of_once_a_second(rig: Rig) -> None:
    """Whoever does so at each packet makes nobody work at that rate: what is told is kept for the next process."""
    call = behind_nat(rig)
    call.send(call.a, call.at_a, rtp(1))
    for _ in range(20):
        call.send(call.a, call.at_a, receiver_report())
        call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    told = len(rig.observer.rtcp_latches)
    assert 1 <= told <= 4
    rig.pass_time(1.5)
    call.send(call.a, call.at_a, receiver_report())
    rig.wait(lambda: rig.observer.rtcp_latches[-1] == (call.id, 0, call.a.address), "where they come now to be told")
    assert len(rig.observer.rtcp_latches) <= told + 1
