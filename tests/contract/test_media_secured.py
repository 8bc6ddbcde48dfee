"""Secured media: every suite, both ways, to plain media and to other keys; what is refused, and what goes on."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.keyed import MARGIN, beyond
from sbc.core.secured import SUITES, Dtls, Fingerprint, Ice, IcePair, Key, OwnRtcp, SideSecurity
from sbc.media.counters import Drops, SideCounters
from sbc.media.sealing import SOURCES, USED
from sbc.media.srtp import Session
from tests.contract.engines import QUIET, Call, Rig, balanced
from tests.media.keys import key, security
from tests.media.packets import dtls_hello, receiver_report, rtp, sender_report, stun_request
from tests.media.reference import protect_rtcp, protect_rtp

EACH = pytest.mark.parametrize("suite", SUITES)
DTLS = SideSecurity(dtls=Dtls(client=False, fingerprints=(Fingerprint("sha-256", bytes(32)),)))
ICE = IcePair(Ice("ours", "password"), Ice("theirs", "password"))


@pytest.fixture(autouse=True)
def can(rig: Rig) -> None:
    if not rig.engine.suites():
        pytest.skip("SRTP is not built into this engine")


def call_of(rig: Rig, a: SideSecurity | None = None, b: SideSecurity | None = None, **changes: Any) -> Call:
    return Call(rig, a={"security": a, **changes}, b={"security": b})


def drops(call: Call, side: int) -> Drops:
    counters: SideCounters = call.counters().sides[side]
    return counters.drops


def opened(session: Session, packets: list[bytes], rtcp: bool = False) -> list[bytes]:
    return [session.open(data, rtcp) for data in packets]


def index_rtcp(sealed: bytes, gcm: bool = False) -> int:
    return int.from_bytes(sealed[-4:] if gcm else sealed[-14:-10], "big") & 0x7FFFFFFF


@EACH
@pytest.mark.parametrize("mki", [b"", b"\0\0\0\x05"])
def test_translates_between_secured_and_plain(rig: Rig, suite: str, mki: bytes) -> None:
    call = call_of(rig, security("a", suite, mki))
    theirs, ours = key("a", suite, mki), Session(key("a-ours", suite, mki), sends=False)
    counters = call.send(call.a, call.at_a, *(protect_rtp(theirs, rtp(n)) for n in range(1, 6)))
    assert call.b.data() == [rtp(n) for n in range(1, 6)]
    call.send(call.b, call.at_b, *(rtp(n, ssrc=7) for n in range(1, 4)))
    assert opened(ours, call.a.data()) == [rtp(n, ssrc=7) for n in range(1, 4)]
    call.send(call.a_rtcp, call.at_a_rtcp, protect_rtcp(theirs, sender_report(0x1234, 9), 1))
    assert call.b_rtcp.data() == [sender_report(0x1234, 9)]
    counters = call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(7))
    assert opened(ours, call.a_rtcp.data(), rtcp=True) == [receiver_report(7)]
    assert balanced(counters)
    assert counters.sides[0].received_rtp.octets == 5 * (172 + SUITES[suite].tag + len(mki))
    assert counters.sides[1].sent_rtp.octets == 5 * 172
    assert drops(call, 0) == drops(call, 1) == QUIET


@EACH
def test_translates_between_two_keys(rig: Rig, suite: str) -> None:
    call = call_of(rig, security("a", suite), security("b", "AEAD_AES_256_GCM"))
    from_us = Session(key("b-ours", "AEAD_AES_256_GCM"), sends=False)
    call.send(call.a, call.at_a, *(protect_rtp(key("a", suite), rtp(n)) for n in range(1, 4)))
    assert opened(from_us, call.b.data()) == [rtp(n) for n in range(1, 4)]
    call.send(call.b, call.at_b, protect_rtp(key("b", "AEAD_AES_256_GCM"), rtp(9, ssrc=2)))
    assert call.a.data() == [protect_rtp(key("a-ours", suite), rtp(9, ssrc=2))]


@EACH
def test_what_is_altered_replayed_or_of_another_key_is_refused_and_counted(rig: Rig, suite: str) -> None:
    call = call_of(rig, security("a", suite))
    good, last = protect_rtp(key("a", suite), rtp(1)), protect_rtp(key("a", suite), rtp(2))
    altered = good[:30] + bytes([good[30] ^ 1]) + good[31:]
    call.send(call.a, call.at_a, altered, good, good, protect_rtp(key("b", suite), rtp(3)), last, rtp(4), rtp(5)[:13])
    assert call.b.data() == [rtp(1), rtp(2)]
    report = protect_rtcp(key("a", suite), receiver_report(), 1)
    call.send(call.a_rtcp, call.at_a_rtcp, report[:-1] + bytes([report[-1] ^ 1]), report, report, receiver_report() * 8)
    assert call.b_rtcp.data() == [receiver_report()]
    assert drops(call, 0) == Drops(forged=4, replayed=2, clear=2)
    counters = call.counters()
    assert balanced(counters)
    assert counters.sides[0].received.packets == 3


def test_nothing_clear_leaves_or_enters_before_there_are_keys(rig: Rig) -> None:
    call = call_of(rig, DTLS)
    call.send(call.b, call.at_b, rtp(1), rtp(2))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report())
    call.send(call.a, call.at_a, rtp(1), protect_rtp(key("a"), rtp(2)))
    assert drops(call, 0) == Drops(unkeyed=2, no_destination=3)
    rig.engine.key(call.id, 0, key("a"), key("a-ours"))
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(3)))
    call.send(call.b, call.at_b, rtp(4))
    assert call.b.data() == [rtp(3)]
    assert call.a.data() == [protect_rtp(key("a-ours"), rtp(4))]
    assert call.a_rtcp.data() == call.b_rtcp.data() == []


def test_what_is_not_rtp_ends_at_a_secured_side(rig: Rig) -> None:
    call = call_of(rig, security("a"))
    call.send(call.b, call.at_b, rtp(1))
    call.send(call.b, call.at_b, stun_request(), dtls_hello())
    assert call.a.data() == [protect_rtp(key("a-ours"), rtp(1))]
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(1)), stun_request(), dtls_hello())
    assert call.b.data() == [rtp(1)]
    assert drops(call, 0).not_rtp == drops(call, 1).not_rtp == 2
    assert rig.observer.handshakes == []


def test_only_what_proves_its_sender_latches_or_moves_a_latch(rig: Rig) -> None:
    call = call_of(rig, security("a"), behind_nat=True)
    nat, stranger = rig.peer(2), rig.peer(4)
    call.send(stranger, call.at_a, rtp(1), rtp(2), rtp(3), protect_rtp(key("b"), rtp(4)))
    assert call.latches() == []
    call.send(nat, call.at_a, protect_rtp(key("a"), rtp(1)))
    assert call.latches() == [(0, nat.address, "seen-host")]
    call.send(call.b, call.at_b, rtp(1))
    assert len(nat.data()) == 1
    call.update(0)
    call.send(stranger, call.at_a, rtp(2), protect_rtp(key("a"), rtp(1)))  # as it was seen on the wire
    call.send(call.b, call.at_b, rtp(2))
    assert len(nat.data()) == 1
    assert stranger.data() == []
    rebound = rig.peer(4)
    rig.pass_time(0.2)
    call.send(rebound, call.at_a, protect_rtp(key("a"), rtp(2)))
    assert call.latches()[-1] == (0, rebound.address, "continues")


def test_who_proves_itself_by_a_key_need_not_prove_a_stream(rig: Rig) -> None:
    call = call_of(rig, security("a"), behind_nat=True)
    nat = rig.peer(4)
    call.send(nat, call.at_a, protect_rtp(key("a"), rtp(1)))
    assert call.latches() == [(0, nat.address, "nat")]


def test_a_copy_from_elsewhere_does_not_use_a_packet_up(rig: Rig) -> None:
    call = call_of(rig, security("a"))
    stranger = rig.peer(4)
    call.send(stranger, call.at_a, protect_rtp(key("a"), rtp(1)))
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(1)))
    assert call.b.data() == [rtp(1)]
    assert drops(call, 0) == Drops(wrong_source=1)


@EACH
def test_the_roll_over_of_sequence_numbers_is_counted_over_re_offers(rig: Rig, suite: str) -> None:
    call = call_of(rig, security("a", suite))
    peer, ours = Session(key("a", suite), sends=True), Session(key("a-ours", suite), sends=False)
    for sequence in (65_534, 65_535, 0, 1):
        call.send(call.a, call.at_a, peer.close(rtp(sequence), False))
        call.send(call.b, call.at_b, rtp(sequence))
    call.update(0, remote=call.a_pair)
    call.update(1)
    call.send(call.a, call.at_a, peer.close(rtp(2), False))
    call.send(call.b, call.at_b, rtp(2))
    assert call.b.data() == [rtp(n) for n in (65_534, 65_535, 0, 1, 2)]
    assert opened(ours, call.a.data()) == [rtp(n) for n in (65_534, 65_535, 0, 1, 2)]
    assert {row[2] for row in rig.engine.rollovers(call.id)[0]} == {1 << 16 | 2}


@EACH
def test_goes_on_after_a_restart(rig: Rig, suite: str) -> None:
    call = call_of(rig, security("a", suite))
    peer, ours = Session(key("a", suite), sends=True), Session(key("a-ours", suite), sends=False)
    for sequence in (65_535, 0):
        call.send(call.a, call.at_a, peer.close(rtp(sequence), False))
        call.send(call.b, call.at_b, rtp(sequence))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report())
    old = peer.close(rtp(1), False)
    call.send(call.a, call.at_a, old)
    rows = rig.engine.rollovers(call.id)
    assert rows[1] == ()
    opened(ours, call.a.data())
    opened(ours, call.a_rtcp.data(), rtcp=True)
    again = call_of(rig, security("a", suite, rollover=rows[0]))
    again.send(again.a, again.at_a, old, peer.close(rtp(2), False))
    again.send(again.b, again.at_b, rtp(1))
    again.send(again.b_rtcp, again.at_b_rtcp, receiver_report())
    assert again.b.data() == [rtp(2)]
    assert opened(ours, again.a.data()) == [rtp(1)]
    assert opened(ours, again.a_rtcp.data(), rtcp=True) == [receiver_report()]
    assert drops(again, 0) == Drops(replayed=1)


def test_rtcp_goes_on_after_every_restart_and_no_number_comes_twice(rig: Rig) -> None:
    ours, theirs, numbers = Session(key("a-ours"), sends=False), security("a"), list[int]()
    for ssrc in (7, 7, 7, 7):
        call = call_of(rig, theirs)
        call.send(call.b, call.at_b, rtp(len(numbers) + 1, ssrc=ssrc))
        call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(ssrc), receiver_report(ssrc))
        sealed = call.a_rtcp.data()
        assert opened(ours, sealed, rtcp=True) == [receiver_report(ssrc)] * 2
        numbers += [index_rtcp(each) for each in sealed]
        theirs = beyond(attrs.evolve(theirs, rollover=rig.engine.rollovers(call.id)[0]))
    assert numbers == sorted(set(numbers)), "the same number would be the same keystream"


@EACH
@pytest.mark.parametrize("index", [0, 10_000_000, 2**31 - 130])
def test_goes_on_behind_any_number_of_rtcp_at_once(rig: Rig, suite: str, index: int) -> None:
    known = security("a", suite, rollover=((1, 7, -1, index),))
    for theirs in (known, attrs.evolve(known, rollover=(), begins=index)):
        call = call_of(rig, theirs)
        call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(7), receiver_report(7))
        wanted = [protect_rtcp(key("a-ours", suite), receiver_report(7), number) for number in (index + 1, index + 2)]
        assert call.a_rtcp.data() == wanted
        call.send(call.b, call.at_b, rtp(1, ssrc=7))
        assert call.a.data() == [protect_rtp(key("a-ours", suite), rtp(1, ssrc=7))]
        assert (1, 7, 1, index + 2) in rig.engine.rollovers(call.id)[0]


@EACH
def test_who_forges_cannot_mislead_who_goes_on_after_a_restart(rig: Rig, suite: str) -> None:
    """How often the numbers have begun anew is told by a packet that proves its sender, and by no other."""
    rows = ((0, 0x1234, 2 << 16 | 60_000, -1), (1, 7, 2 << 16 | 60_000, -1))
    call = call_of(rig, security("a", suite, rollover=rows))
    call.send(call.a, call.at_a, protect_rtp(key("b", suite), rtp(10)))
    call.send(call.b, call.at_b, b"\x90\0" + rtp(10, ssrc=7)[2:12] + b"\0\0\xff\xff")  # it cannot be encrypted
    call.send(call.a, call.at_a, protect_rtp(key("a", suite), rtp(60_001), rolls=2))
    call.send(call.b, call.at_b, rtp(60_001, ssrc=7))
    assert call.b.data() == [rtp(60_001)]
    assert call.a.data() == [protect_rtp(key("a-ours", suite), rtp(60_001, ssrc=7), rolls=2)]


def test_a_number_that_another_process_has_sent_is_not_sent_again(rig: Rig) -> None:
    call = call_of(rig, security("a", rollover=((1, 7, 2 << 16 | 20, -1),)))
    call.send(call.b, call.at_b, rtp(20, ssrc=7), rtp(19, ssrc=7), rtp(22, ssrc=7), rtp(21, ssrc=7))
    assert call.a.data() == [protect_rtp(key("a-ours"), rtp(n, ssrc=7), rolls=2) for n in (22, 21)]
    assert drops(call, 0) == Drops(send_error=2)


def test_a_key_is_good_for_as_many_packets_as_its_peer_has_said(rig: Rig) -> None:
    """Also where another process has taken some of them, and where what does not prove itself comes between."""
    few = attrs.evolve(security("a"), receive=attrs.evolve(key("a"), lifetime=5))
    call, peer = call_of(rig, few), Session(key("a"), sends=True)
    call.send(call.a, call.at_a, *(peer.close(rtp(n), False) for n in (1, 2)), protect_rtp(key("b"), rtp(3)))
    call.send(call.a_rtcp, call.at_a_rtcp, peer.close(receiver_report(), True))
    rows = rig.engine.rollovers(call.id)[0]
    assert sorted(rows) == [(0, USED, 2, 1), (0, 0x1234, 2, 1)]
    call = call_of(rig, attrs.evolve(few, rollover=rows))
    call.send(call.a, call.at_a, *(peer.close(rtp(n), False) for n in range(3, 9)))
    call.send(call.a_rtcp, call.at_a_rtcp, peer.close(receiver_report(), True))
    assert call.b.data() == [rtp(n) for n in range(3, 6)] and len(call.b_rtcp.data()) == 1
    assert drops(call, 0) == Drops(expired=3) and balanced(call.counters())
    rig.wait(lambda: rig.observer.expiries, "told")
    assert rig.observer.expiries == [(call.id, 0)], "once of a key"
    again = attrs.evolve(security("c"), receive=attrs.evolve(key("c"), lifetime=1 << 20))
    call.update(0, security=again)
    call.send(call.a, call.at_a, protect_rtp(key("c"), rtp(9)))
    assert call.b.data() == [rtp(9)], "the peer has said another key"


def test_each_source_more_is_told_of_and_no_other_packet_is(rig: Rig) -> None:
    """So that how far it has come is kept at once: until then another process would know nothing of it."""
    call, uses = call_of(rig, security("a")), rig.observer.uses
    call.send(call.b, call.at_b, rtp(1, ssrc=7), rtp(2, ssrc=7))
    rig.wait(lambda: uses == [call.id], "a source that is sent")
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(8))
    rig.wait(lambda: uses == [call.id] * 2, "one of RTCP alone")
    good, forged = [protect_rtp(key("a"), rtp(n)) for n in (1, 2)], protect_rtp(key("b"), rtp(3, ssrc=9))
    call.send(call.a, call.at_a, *good, forged)
    rig.wait(lambda: uses == [call.id] * 3, "one that comes")
    again = call_of(rig, security("a", rollover=rig.engine.rollovers(call.id)[0]))
    again.send(again.b, again.at_b, rtp(3, ssrc=7), rtp(1, ssrc=9))
    rig.wait(lambda: uses[3:] == [again.id], "one that was not known before")


def test_numbers_that_are_used_up_are_not_sent(rig: Rig) -> None:
    call = call_of(rig, attrs.evolve(security("a"), begins=2**31 - 100))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(7))
    call.send(call.b, call.at_b, rtp(1, ssrc=7))
    assert (len(call.a.data()), call.a_rtcp.data(), drops(call, 0)) == (1, [], Drops(send_error=1))


def test_a_source_that_nobody_had_told_of_before_a_kill_does_not_begin_anew(rig: Rig) -> None:
    """It has come seconds before the kill, so nothing of it is in the store."""
    theirs, numbers = security("a", "AEAD_AES_128_GCM"), list[int]()
    for _ in range(3):
        call = call_of(rig, theirs)
        call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(7), receiver_report(8), receiver_report(7))
        numbers += [index_rtcp(each, gcm=True) for each in call.a_rtcp.data() if each[4:8] == b"\0\0\0\7"]
        theirs = beyond(theirs)
    assert numbers == sorted(set(numbers)) and len(numbers) == 6


def test_a_key_that_comes_back_goes_on_where_it_was(rig: Rig) -> None:
    call, numbers = call_of(rig, security("a")), list[int]()
    peer = Session(key("a"), sends=True)
    first = peer.close(rtp(1), False)
    call.send(call.a, call.at_a, first)
    for sequence in (65_535, 0):
        call.send(call.b, call.at_b, rtp(sequence, ssrc=7))
    call.a.data()
    for present in (security("a"), security("c"), security("a"), None, security("a")):
        call.update(0, security=present)
        call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(7))
        numbers += [index_rtcp(each) for each in call.a_rtcp.data() if present is not None]
    assert numbers[0] == numbers[1] == 1, "each of its key"
    assert len(numbers) == 4 and 1 < numbers[2] < numbers[3]
    call.send(call.b, call.at_b, rtp(1, ssrc=7))
    assert call.a.data() == [protect_rtp(key("a-ours"), rtp(1, ssrc=7), rolls=1)]
    call.send(call.a, call.at_a, first, peer.close(rtp(2), False))
    assert call.b.data() == [rtp(1), rtp(2)], "and what it was used for before is not taken again"


@EACH
def test_keys_change_in_mid_stream_and_nothing_is_lost(rig: Rig, suite: str) -> None:
    call = call_of(rig, security("a", suite))
    before, after = Session(key("a", suite), sends=True), Session(key("c", suite), sends=True)
    call.send(call.a, call.at_a, before.close(rtp(1), False))
    call.update(0, security=security("c", suite))
    call.send(call.a, call.at_a, before.close(rtp(2), False), after.close(rtp(4), False), before.close(rtp(3), False))
    call.send(call.b, call.at_b, rtp(1))
    assert call.b.data() == [rtp(n) for n in (1, 2, 4, 3)]
    assert call.a.data() == [protect_rtp(key("c-ours", suite), rtp(1))]
    rig.pass_time(3.5)
    call.send(call.a, call.at_a, before.close(rtp(5), False), after.close(rtp(6), False))
    assert call.b.data() == [rtp(6)]
    assert drops(call, 0) == Drops(forged=1)


def test_security_comes_and_goes_with_offers(rig: Rig) -> None:
    call = call_of(rig)
    call.send(call.a, call.at_a, rtp(1))
    call.send(call.b, call.at_b, rtp(1))
    assert (call.b.data(), call.a.data()) == ([rtp(1)], [rtp(1)])
    call.update(0, security=security("a"))
    assert rig.engine.forwarder(call.id)[1] == "secured"
    call.send(call.a, call.at_a, rtp(2), protect_rtp(key("a"), rtp(3)))
    call.send(call.b, call.at_b, rtp(2))
    assert (call.b.data(), call.a.data()) == ([rtp(3)], [protect_rtp(key("a-ours"), rtp(2))])
    assert rig.engine.sides(call.id)[0].security == "AES_CM_128_HMAC_SHA1_80"
    call.update(0, security=None)
    call.send(call.a, call.at_a, rtp(4))
    call.send(call.b, call.at_b, rtp(3))
    assert (call.b.data(), call.a.data()) == ([rtp(4)], [rtp(3)])


def test_what_a_handshake_has_given_outlives_an_offer_of_the_same_peer(rig: Rig) -> None:
    call = call_of(rig, DTLS)
    rig.engine.key(call.id, 0, key("a"), key("a-ours"))
    call.update(0)
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(1)))
    assert call.b.data() == [rtp(1)]
    other = Dtls(client=False, fingerprints=(Fingerprint("sha-256", bytes(31) + b"\1"),))
    call.update(0, security=SideSecurity(dtls=other))
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(2)))
    assert drops(call, 0) == Drops(unkeyed=1)


def test_rtcp_by_the_port_of_rtp(rig: Rig) -> None:
    call = call_of(rig, security("a"))
    call.update(0, remote=Pair(call.a_pair.rtp, call.a_pair.rtp))
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(1)), protect_rtcp(key("a"), receiver_report(), 1))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.b.data() == [rtp(1)]
    assert call.b_rtcp.data() == [receiver_report()]
    assert opened(Session(key("a-ours"), sends=False), call.a.data(), rtcp=True) == [receiver_report(2)]


def test_rtcp_has_keys_of_its_own_at_its_port(rig: Rig) -> None:
    """And those of RTP at the port of that. Nothing goes there before it has them, nor where checks have not been."""
    assert DTLS.dtls is not None
    call = call_of(rig, attrs.evolve(DTLS, rtcp=OwnRtcp()))
    rig.engine.key(call.id, 0, key("a"), key("a-ours"))
    call.send(call.a_rtcp, call.at_a_rtcp, protect_rtcp(key("a"), receiver_report(), 1))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.b_rtcp.data() == [] and call.a_rtcp.data() == [] and drops(call, 0).unkeyed == 1
    rig.engine.key(call.id, 0, key("c"), key("c-ours"), True)
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(1)), protect_rtp(key("c"), rtp(2)))
    call.send(call.a_rtcp, call.at_a_rtcp, protect_rtcp(key("a"), receiver_report(), 2))
    call.send(call.a_rtcp, call.at_a_rtcp, protect_rtcp(key("c"), receiver_report(), 3))
    call.send(call.b, call.at_b, rtp(1))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.b.data() == [rtp(1)] and call.b_rtcp.data() == [receiver_report()] and drops(call, 0).forged == 2
    assert opened(Session(key("a-ours"), sends=False), call.a.data()) == [rtp(1)]
    ours = call.a_rtcp.data()
    assert opened(Session(key("c-ours"), sends=False), ours, rtcp=True) == [receiver_report(2)]
    rows = rig.engine.rollovers(call.id)[0]
    assert {row[0] for row in rows} == {0, 1, 2, 3}
    rig.engine.aim(call.id, 0, call.a_pair.rtp, None)
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    assert call.a.data() == call.a_rtcp.data() == []
    rig.engine.aim(call.id, 0, call.a_pair.rtp, call.a_pair.rtcp)
    call.update(0, security=SideSecurity(key("a"), key("a-ours"), DTLS.dtls, rtcp=OwnRtcp(key("c"), key("c-ours"))))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report(2))
    (again,) = call.a_rtcp.data()
    assert index_rtcp(again) == index_rtcp(ours[0]) + 1, "the key goes on where it was"
    rig.engine.close(call.id)
    later = call_of(rig, beyond(attrs.evolve(call.spec.sides[0].security, rollover=rows)))
    later.send(later.b_rtcp, later.at_b_rtcp, receiver_report(2))
    (after,) = later.a_rtcp.data()
    assert index_rtcp(after) > MARGIN, "and after a restart, too"
    later.update(
        0, security=SideSecurity(key("a"), key("a-ours"), DTLS.dtls), remote=Pair(later.a_pair.rtp, later.a_pair.rtp)
    )
    later.send(later.b_rtcp, later.at_b_rtcp, receiver_report(2))
    assert len(later.a.data()) == 1 and later.a_rtcp.data() == [], "it goes with RTP"
    with pytest.raises(ValueError, match="no keys"):
        rig.engine.key(later.id, 0, key("c"), key("c-ours"), True)


def test_what_is_sent_again_is_encrypted_once(rig: Rig) -> None:
    """One index is used once: else two packets could be told from each other's ciphertext."""
    call = call_of(rig, security("a"))
    counters = call.send(call.b, call.at_b, rtp(1), rtp(1, payload=bytes(range(160))))
    assert call.a.data() == [protect_rtp(key("a-ours"), rtp(1))]
    assert counters.sides[0].drops == Drops(send_error=1)


def test_many_sources_of_one_key(rig: Rig) -> None:
    call = call_of(rig, security("a"))
    call.send(call.a, call.at_a, *(protect_rtp(key("a"), rtp(1, ssrc=n)) for n in range(SOURCES + 2)))
    assert call.b.data() == [rtp(1, ssrc=n) for n in range(SOURCES)]
    assert drops(call, 0) == Drops(unkeyed=2)


# -- checks and handshakes


def test_checks_and_handshakes_are_told_and_answered(rig: Rig) -> None:
    call = call_of(rig, DTLS)
    call.send(call.a, call.at_a)
    call.a.send(call.at_a, dtls_hello())
    call.a_rtcp.send(call.at_a_rtcp, stun_request())
    rig.wait(lambda: len(rig.observer.handshakes) == 2, "both told")
    assert sorted(rig.observer.handshakes, key=lambda told: told[2]) == [
        (call.id, 0, False, dtls_hello(), call.a.address),
        (call.id, 0, True, stun_request(), call.a_rtcp.address),
    ]
    assert rig.engine.say(call.id, 0, b"answer", call.a.address)
    assert rig.engine.say(call.id, 0, b"answer by rtcp", call.a.address, rtcp=True)
    assert sorted(call.a.drain()) == [(b"answer", call.at_a), (b"answer by rtcp", call.at_a_rtcp)]
    assert call.b.data() == []
    assert call.counters().sides[0].received.packets == 0


def test_no_more_of_them_are_told_than_can_be_borne(rig: Rig) -> None:
    call = call_of(rig, attrs.evolve(DTLS, ice=ICE))
    stranger = rig.peer(4)
    counters = call.send(stranger, call.at_a)
    for sent in range(50, 301, 50):
        stranger.send(call.at_a, stun_request(), 50)
        rig.wait(lambda n=sent: len(rig.observer.handshakes) + drops(call, 0).policed >= n, "told or counted")  # type: ignore[misc]
    counters = call.counters()
    assert 100 <= len(rig.observer.handshakes) < 300
    assert counters.sides[0].drops.policed == 300 - len(rig.observer.handshakes)
    rig.engine.aim(call.id, 0, call.a.address, None)
    call.a.send(call.at_a, stun_request())
    rig.wait(lambda: rig.observer.handshakes[-1][4] == call.a.address, "whom we speak to is heard beside a flood")


def test_with_ice_only_where_checks_agree_counts(rig: Rig) -> None:
    call = call_of(rig, security("a"), behind_nat=True)
    call.update(0, security=attrs.evolve(security("a"), ice=ICE), remote=Pair(Address("0.0.0.0", 9), None))
    peer, other = rig.peer(2), rig.peer(4)
    call.send(peer, call.at_a, protect_rtp(key("a"), rtp(1)))
    call.send(call.b, call.at_b, rtp(1))
    assert drops(call, 0) == Drops(wrong_source=1, no_destination=1)
    rig.engine.aim(call.id, 0, peer.address, None)
    call.send(peer, call.at_a, protect_rtp(key("a"), rtp(1)))
    call.send(other, call.at_a, protect_rtp(key("a"), rtp(2)))
    call.send(call.b, call.at_b, rtp(2))
    call.send(call.b_rtcp, call.at_b_rtcp, receiver_report())
    assert call.b.data() == [rtp(1)]
    assert len(peer.data()) == 2  # RTCP, too: it muxes
    assert next(told for told in call.latches() if told[0] == 0) == (0, peer.address, "nominated")
    rig.engine.aim(call.id, 0, other.address, None)
    call.send(other, call.at_a, protect_rtp(key("a"), rtp(2)))
    call.send(call.b, call.at_b, rtp(3))
    assert call.b.data() == [rtp(2)]
    assert len(other.data()) == 1
    rig.engine.aim(call.id, 0, None, None)
    call.send(call.b, call.at_b, rtp(4))
    assert (other.data(), peer.data()) == ([], [])


def test_what_a_handshake_has_shown_is_where_media_goes(rig: Rig) -> None:
    call = call_of(rig, security("a"), behind_nat=True)
    nat = rig.peer(4)
    rig.engine.aim(call.id, 0, nat.address, None)
    call.send(call.b, call.at_b, rtp(1))
    assert len(nat.data()) == 1
    assert rig.engine.sides(call.id)[0].rtp == nat.address


# -- what is wrong


@pytest.mark.parametrize("wrong", [Key("AES_CM_128_HMAC_MD5", bytes(30)), Key("AEAD_AES_128_GCM", bytes(30))])
def test_what_is_no_key_is_refused_and_leaves_nothing_open(rig: Rig, wrong: Key) -> None:
    with pytest.raises(ValueError, match="no key"):
        call_of(rig, SideSecurity(wrong, wrong))
    assert rig.engine.streams() == []
    call = call_of(rig, security("a"))
    with pytest.raises(ValueError, match="no key"):
        rig.engine.key(call.id, 0, wrong, wrong)
    with pytest.raises(ValueError, match="no key"):
        call.update(0, security=SideSecurity(wrong, wrong))
    call.send(call.a, call.at_a, protect_rtp(key("a"), rtp(1)))
    assert call.b.data() == [rtp(1)]


def test_a_plain_side_has_no_keys(rig: Rig) -> None:
    call = call_of(rig)
    with pytest.raises(ValueError, match="not secured"):
        rig.engine.key(call.id, 0, key("a"), key("b"))
    assert rig.engine.rollovers(call.id) == ((), ())
    for ask in (lambda: rig.engine.rollovers("none"), lambda: rig.engine.aim("none", 0, None, None)):
        with pytest.raises(KeyError):
            ask()
