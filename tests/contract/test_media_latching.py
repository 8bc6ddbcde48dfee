"""Whom every media engine listens to: each mode, RTP bleed, re-latching (finer rules: tests/media/test_latching.py)."""

from __future__ import annotations

import time

import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch
from sbc.media.counters import Drops
from sbc.media.latching import COURTESY
from tests.contract.engines import Call, Peer, Rig
from tests.media.packets import receiver_report, rtp

MODES = [Latch.STRICT, Latch.NAT, Latch.OFF]


class NatCall(Call):
    """A call whose side A stands behind a NAT: it signalled an inside address, and speaks from host 2."""

    def __init__(self, rig: Rig, latch: Latch) -> None:
        inside = Pair(Address("192.0.2.10", 4000), Address("192.0.2.10", 4001))
        super().__init__(rig, a={"remote": inside, "behind_nat": True, "seen_host": rig.host(2), "latch": latch})
        self.inside = inside
        self.stranger = rig.peer(9)

    def spray(self, times: int = 5) -> None:
        """The stranger sends to every port of ours."""
        for n in range(times):
            for to in (self.at_a, self.at_b):
                self.stranger.send(to, rtp(n, ssrc=0xBAD))
            for to in (self.at_a_rtcp, self.at_b_rtcp):
                self.stranger.send(to, receiver_report(0xBAD))
        self.expected += 4 * times
        self.rig.wait_for(self.id, self.expected)  # for all at once: some scenes have to be over in time

    def talk(self, first: int, count: int = 5) -> None:
        """Both speak."""
        for n in range(first, first + count):
            self.send(self.a, self.at_a, rtp(n, ssrc=0xA))
            self.send(self.b, self.at_b, rtp(n, ssrc=0xB))


def prompt_call(rig: Rig) -> NatCall:
    """A call that a stranger was first to speak in, and whose peers have spoken before a stranger may be listened to.

    An engine with a clock of its own does not wait for us: where others had the processor meanwhile, it was another
    scene.
    """
    for _ in range(50):
        began = time.monotonic()
        call = NatCall(rig, Latch.NAT)
        call.spray()
        call.send(call.b, call.at_b, rtp(0, ssrc=0xB))
        call.talk(0, count=1)
        if time.monotonic() - began < COURTESY:
            return call
    raise AssertionError("the machine is too slow to speak in time")


def heard_by(peer: Peer) -> set[int]:
    """The SSRCs of what a peer has been sent."""
    return {int.from_bytes(data[8:12], "big") for data in peer.data()}


def test_a_peer_behind_a_nat_is_answered_where_it_speaks_from(rig: Rig) -> None:
    for latch in (Latch.STRICT, Latch.NAT):
        call = NatCall(rig, latch)
        call.send(call.a, call.at_a, rtp(1))
        call.send(call.b, call.at_b, rtp(2))
        assert (call.b.data(), call.a.data()) == ([rtp(1)], [rtp(2)])
        assert (0, call.a.address, "seen-host") in call.latches()


def test_rtcp_latches_by_itself_and_also_after_the_window(rig: Rig) -> None:
    call = NatCall(rig, Latch.STRICT)
    call.send(call.a, call.at_a, rtp(1))
    rig.pass_time(10.0)
    call.send(call.stranger, call.at_a_rtcp, receiver_report(0xBAD))
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report(0xA))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(0xB))
    assert (call.a_rtcp.data(), call.b_rtcp.data()) == ([receiver_report(0xB)], [receiver_report(0xA)])


def test_off_listens_to_the_signalled_address_alone(rig: Rig) -> None:
    call = NatCall(rig, Latch.OFF)
    counters = call.send(call.a, call.at_a, rtp(1))
    assert counters.sides[0].drops == Drops(wrong_source=1)
    call.update(0, remote=call.a_pair)
    call.talk(2)
    assert (heard_by(call.a), heard_by(call.b)) == ({0xB}, {0xA})


@pytest.mark.parametrize("latch", MODES)
def test_a_peer_not_behind_a_nat_is_heard_only_from_where_it_said(rig: Rig, latch: Latch) -> None:
    call = Call(rig, a={"latch": latch}, b={"latch": latch})
    stranger, other_port = rig.peer(9), rig.peer(2)
    counters = call.send(stranger, call.at_a, rtp(1, ssrc=0xBAD))
    counters = call.send(other_port, call.at_a, rtp(2, ssrc=0xBAD))
    call.send(call.b, call.at_b, rtp(3, ssrc=0xB))
    assert (heard_by(call.a), heard_by(call.b)) == ({0xB}, set())
    assert heard_by(stranger) == heard_by(other_port) == set()
    assert counters.sides[0].drops == Drops(wrong_source=2)


# -- RTP bleed: a third host sprays all our ports, from before the first packet of the call until its end


def test_bleed_strict_gives_a_stranger_nothing_ever(rig: Rig) -> None:
    call = NatCall(rig, Latch.STRICT)
    call.spray()
    call.talk(0)
    call.spray()
    call.talk(5)
    rig.pass_time(10.0)
    call.spray()
    call.talk(10)
    call.update(0)  # a re-offer opens the window again
    call.spray()
    call.talk(15)
    assert heard_by(call.stranger) == set()
    assert (heard_by(call.a), heard_by(call.b)) == ({0xB}, {0xA})
    a, b = call.counters().sides
    assert (a.received_rtp.packets, b.received_rtp.packets) == (20, 20)
    assert (a.drops, b.drops) == (Drops(wrong_source=40), Drops(wrong_source=40))


def test_bleed_nat_a_stranger_who_is_first_gets_nothing_if_the_peer_is_not_late(rig: Rig) -> None:
    call = prompt_call(rig)
    assert call.latches() == [(1, call.b.address, "signalled"), (0, call.a.address, "seen-host")]
    call.spray()
    call.talk(1)
    rig.pass_time(10.0)
    call.spray()
    call.talk(6)
    assert heard_by(call.stranger) == set()
    assert heard_by(call.b) == {0xA}
    assert len(call.a.data()) == 11


def test_bleed_nat_after_the_window_a_stranger_gets_nothing_even_if_nobody_has_spoken(rig: Rig) -> None:
    call = NatCall(rig, Latch.NAT)
    rig.pass_time(3.0)
    call.spray()
    call.send(call.b, call.at_b, rtp(1))
    assert heard_by(call.stranger) == set()
    assert call.counters().sides[0].drops.wrong_source == 10


@pytest.mark.parametrize("latch", [Latch.NAT, Latch.STRICT])
def test_bleed_a_reopened_window_gives_a_stranger_nothing_while_the_peer_is_known(rig: Rig, latch: Latch) -> None:
    call = NatCall(rig, latch)
    call.talk(0)
    rig.pass_time(60.0)
    call.update(0)
    call.spray()
    call.talk(5)
    rig.pass_time(1.5)
    call.spray()
    call.talk(10)
    assert heard_by(call.stranger) == set()
    assert (heard_by(call.a), heard_by(call.b)) == ({0xB}, {0xA})


# -- moving


def test_the_signalled_address_wins_over_both(rig: Rig) -> None:
    call = NatCall(rig, Latch.NAT)
    public = rig.peer(4)
    call.update(0, remote=Pair(public.address, None))
    rig.pass_time(1.0)
    call.send(call.stranger, call.at_a, rtp(1), rtp(2), rtp(3))
    call.send(call.a, call.at_a, rtp(4))
    call.send(public, call.at_a, rtp(5))
    call.send(call.a, call.at_a, rtp(6))
    call.send(call.b, call.at_b, rtp(7))
    assert call.b.data() == [rtp(3), rtp(4), rtp(5)]
    assert public.data() == [rtp(7)]
    assert [latch[1:] for latch in call.latches() if latch[0] == 0] == [
        (call.stranger.address, "nat"),
        (call.a.address, "seen-host"),
        (public.address, "signalled"),
    ]


def test_an_update_that_changes_nothing_keeps_the_latch(rig: Rig) -> None:
    call = NatCall(rig, Latch.STRICT)
    call.talk(0, count=1)
    rig.pass_time(60.0)
    call.update(0)
    call.send(call.b, call.at_b, rtp(9, ssrc=0xC))
    assert heard_by(call.a) == {0xB, 0xC}


def test_a_nat_that_rebinds_is_followed_after_a_re_offer_by_the_same_stream_only(rig: Rig) -> None:
    call = NatCall(rig, Latch.STRICT)
    call.talk(0)
    rig.pass_time(60.0)
    rebound, neighbour = rig.peer(2), rig.peer(2)  # both come from the NAT's host
    call.send(rebound, call.at_a, rtp(4, ssrc=0xA))  # dropped: the same once more, and nothing opened the window
    call.update(0)
    call.send(neighbour, call.at_a, rtp(6, ssrc=0xBAD))
    call.send(rebound, call.at_a, rtp(6, ssrc=0xA))
    call.b.drain()
    call.send(call.b, call.at_b, rtp(7, ssrc=0xC))
    assert heard_by(rebound) == {0xC}
    assert heard_by(neighbour) == set()
    assert call.counters().sides[0].drops == Drops(wrong_source=2)
    assert call.latches()[-1] == (0, rebound.address, "continues")


@pytest.mark.parametrize("latch", [Latch.NAT, Latch.STRICT])
def test_a_nat_that_rebinds_in_mid_call_is_followed_by_the_same_stream_only(rig: Rig, latch: Latch) -> None:
    call = NatCall(rig, latch)
    call.update(0, clock=8000)
    call.talk(0)
    rig.pass_time(60.0)
    call.talk(3000)
    rig.pass_time(0.4)  # 20 packets, which the NAT has lost
    rebound = rig.peer(2)
    for guess in (rtp(3025, ssrc=0xBAD), rtp(3004, ssrc=0xA), rtp(9000, ssrc=0xA)):
        call.send(rebound, call.at_a, guess)
        call.send(call.stranger, call.at_a, guess)
    guessed = bytearray(rtp(3025, ssrc=0xA))
    guessed[4] ^= 0x80  # another timestamp
    call.send(rebound, call.at_a, bytes(guessed))
    call.b.drain()
    call.a.drain()
    call.send(rebound, call.at_a, rtp(3025, ssrc=0xA))
    call.send(call.b, call.at_b, rtp(7, ssrc=0xC))
    assert call.b.data() == [rtp(3025, ssrc=0xA)]
    assert (heard_by(rebound), heard_by(call.a), heard_by(call.stranger)) == ({0xC}, set(), set())
    assert call.counters().sides[0].drops == Drops(wrong_source=7)
    assert call.latches()[-1] == (0, rebound.address, "rebound")


def test_a_new_stream_behind_the_same_nat_is_followed_once_the_old_one_is_silent(rig: Rig) -> None:
    call = NatCall(rig, Latch.STRICT)
    call.talk(0)
    rig.pass_time(60.0)
    call.update(0)
    other = rig.peer(2)
    call.send(other, call.at_a, rtp(1, ssrc=0xD))
    rig.pass_time(1.5)
    call.send(other, call.at_a, rtp(2, ssrc=0xD))
    call.a.drain()
    call.send(call.b, call.at_b, rtp(8, ssrc=0xC))
    assert (heard_by(other), heard_by(call.a)) == ({0xC}, set())


def test_an_answer_opens_the_window_of_the_side_that_made_the_offer(rig: Rig) -> None:
    call = NatCall(rig, Latch.STRICT)
    rig.pass_time(20.0)  # it rings
    call.update(1)  # B answers
    call.talk(0)
    assert (heard_by(call.a), heard_by(call.b)) == ({0xB}, {0xA})


def test_changes_of_the_spec_count_at_once(rig: Rig) -> None:
    call = NatCall(rig, Latch.NAT)
    call.send(call.stranger, call.at_a, rtp(1))
    call.update(0, latch=Latch.STRICT)
    call.send(call.b, call.at_b, rtp(2))
    assert heard_by(call.stranger) == set()
    call.update(0, seen_host=call.stranger.address.host)
    call.send(call.stranger, call.at_a, rtp(3))
    assert call.latches()[-1] == (0, call.stranger.address, "seen-host")
