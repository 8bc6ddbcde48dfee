"""How well media comes, as every engine measures it: the same packets, the same figures."""

from __future__ import annotations

from collections.abc import Iterable

from sbc.core.orders import Rate
from sbc.media.counters import Quality
from tests.contract.engines import Call, Rig
from tests.media.packets import receiver_report, report_block, rtp, sender_report, stun_request

PCMU = {"media": "audio PCMU/8000", "clock": 8000}


def sent(call: Call, numbers: Iterable[int], ssrc: int = 0x1234, payload_type: int = 0) -> Quality:
    """What A's side has after A has sent these packets."""
    packets = [rtp(number, ssrc, payload_type=payload_type) for number in numbers]
    found = call.send(call.a, call.at_a, *packets).sides[0].quality
    assert found is not None
    return found


def test_lost_late_and_repeated_packets(rig: Rig) -> None:
    call = Call(rig, a=PCMU, b=PCMU)
    found = sent(call, [65_530, 65_531, 65_533, 65_535, 65_534, 0, 0, 1, 3, *range(5, 201)])
    assert (found.expected, found.lost, found.late, found.duplicates) == (207, 3, 1, 1)
    assert found.mos is not None and 1.0 <= found.mos < 4.41
    assert call.counters().sides[1].quality is None


def test_a_new_source_and_a_restart_lose_nothing(rig: Rig) -> None:
    call = Call(rig)
    found = sent(call, [*range(1, 40), *range(30_000, 30_040)])
    assert (found.expected, found.lost) == (79, 0)
    found = sent(call, range(7, 20), ssrc=0x5678)
    assert (found.expected, found.lost) == (92, 0)


def test_jitter_needs_a_clock(rig: Rig) -> None:
    """All these packets come at once, 20 ms of audio in each, so that is what they are off."""
    call = Call(rig, a={"clock": 16_000})
    assert sent(call, range(200), payload_type=96).jitter is not None
    unknown = Call(rig)
    assert sent(unknown, range(200), payload_type=96).jitter is None
    found = sent(unknown, range(200, 600)).jitter  # PCMU needs nobody to say it
    assert found is not None and found > 5.0


def test_video_has_no_score(rig: Rig) -> None:
    video = {"media": "video VP8/90000", "clock": 90_000}
    assert sent(Call(rig, a=video, b=video), range(200)).mos is None


def test_what_is_not_accepted_is_not_measured(rig: Rig) -> None:
    call = Call(rig)
    sent(call, range(10))
    stranger = rig.peer(9)
    call.send(stranger, call.at_a, *[rtp(number) for number in range(20, 30)])
    call.send(call.a, call.at_a, b"\x80", stun_request())
    found = sent(call, range(10, 20))
    assert (found.expected, found.lost) == (20, 0)


def test_what_is_policed_is_lost(rig: Rig) -> None:
    call = Call(rig, a={"limit": Rate(172, 172)})
    sent(call, range(6))
    rig.pass_time(2.0)
    found = sent(call, [6])
    assert (found.expected, found.lost) == (7, 5)


def test_round_trips_by_reports(rig: Rig) -> None:
    call = Call(rig)
    for peer, at in ((call.a, call.at_a), (call.b, call.at_b)):
        call.send(peer, at, rtp())
    call.send(call.a_rtcp, call.at_a_rtcp, sender_report(7, 0x1000))
    rig.pass_time(3.0)
    call.send(call.b_rtcp, call.at_b_rtcp, sender_report(8, 0x2000, report_block(7, 0x1000, delay=2 << 16)))
    rig.pass_time(1.0)
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report(7, report_block(8, 0x2000, lost=9)))
    near, far = (side.quality for side in call.counters().sides)
    assert near is not None and far is not None and near.rtt is not None and far.rtt is not None
    assert 1000.0 <= near.rtt < 9000.0 and 1000.0 <= far.rtt < 9000.0
    assert (near.missed, far.missed) == (9, 0)


def test_what_others_have_forwarded_is_not_lost(rig: Rig) -> None:
    call = Call(rig)
    sent(call, range(10))
    rig.engine.carried(call.id, 0, False, 0x1234, 5000, 5000 * 160)
    found = sent(call, [5001, 5003])
    assert (found.expected, found.lost) == (13, 1)


def test_what_comes_before_it_is_told_who_forwarded_is_not_lost(rig: Rig) -> None:
    """Packets come here again before the engine has heard how far the kernel has come."""
    call = Call(rig)
    sent(call, range(10))
    rig.engine.away(call.id, 0, True)
    sent(call, [300])  # a fragment, say, which the kernel leaves to us
    sent(call, [501, 502])
    rig.engine.carried(call.id, 0, False, 0x1234, 500, 500 * 160)
    rig.engine.away(call.id, 0, False)
    found = sent(call, [503, 505])
    assert (found.expected, found.lost, found.duplicates) == (16, 1, 0)


def test_what_is_measured_is_charged_with_the_rest(rig: Rig) -> None:
    call = Call(rig)
    sent(call, [1, 2, 4])
    final = rig.engine.close(call.id).sides[0].quality
    assert (final.expected, final.lost) == (4, 1)
