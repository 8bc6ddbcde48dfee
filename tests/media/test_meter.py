"""The meter of RTP and RTCP: what it counts, what it times, and that the C of the engines counts the very same."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.media.codecs import MAX_CLOCK
from sbc.media.meter import FOLD, MAX_LEAP, Meter, Reports, Tally, clock_of
from tests.media.compiled import NATIVE, compiled
from tests.media.packets import receiver_report, report_block, rtp, sender_report

MS = 1_000_000
CLOCK = 8000
FIELDS = tuple(name for name in Meter.__slots__)
TRIPS = ("rtt", "rtt_count", "rtt_max", "rtt_sum", "told", "told_fraction", "told_lost")


def header(sequence: int, timestamp: int, ssrc: int = 7, payload_type: int = 0, marker: bool = False) -> bytes:
    second = payload_type | marker << 7
    return struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)


def heard(*sequences: int, ssrc: int = 7, meter: Meter | None = None) -> Meter:
    """A meter that has taken packets of 20 ms, punctually, but in this order."""
    meter = meter or Meter()
    for at, sequence in enumerate(sequences):
        meter.packet(header(sequence, sequence * 160, ssrc), CLOCK, at * 20 * MS)
    return meter


def counts(meter: Meter) -> tuple[int, int, int, int]:
    return meter.received, meter.lost, meter.duplicates, meter.late


# -- what is counted


def test_all_that_was_sent_has_come() -> None:
    assert counts(heard(*range(10, 60))) == (50, 0, 0, 0)


@pytest.mark.parametrize("first", [1, 65_534])  # across the wrap
def test_what_is_skipped_is_lost(first: int) -> None:
    meter = heard(first, first + 1, first + 4, first + 5, first + 7)
    assert counts(meter) == (5, 3, 0, 0)
    assert meter.gaps == 2


def test_what_comes_late_was_not_lost() -> None:
    assert counts(heard(1, 2, 4, 5, 3)) == (5, 0, 0, 1)


def test_what_comes_far_too_late_stays_lost() -> None:
    assert counts(heard(1, *range(3, 50), 2)) == (48, 1, 0, 1)


def test_what_comes_again_counts_once() -> None:
    assert counts(heard(1, 2, 2, 3, 1, 4, 5, 3)) == (5, 0, 3, 0)


def test_a_late_packet_that_comes_again_counts_once() -> None:
    assert counts(heard(1, 3, 2, 2)) == (3, 0, 1, 1)


def test_what_was_sent_before_the_first_has_been_missed_by_nobody() -> None:
    assert counts(heard(10, 9, 11)) == (2, 0, 1, 0)


def test_another_source_begins_anew() -> None:
    meter = heard(1, 2, 3)
    heard(40_000, 40_001, 40_003, ssrc=8, meter=meter)
    assert counts(meter) == (6, 1, 0, 0)


def test_a_restart_of_the_sequence_is_no_loss() -> None:
    assert counts(heard(1, 2, 3, 30_000, 30_001, 30_002)) == (6, 0, 0, 0)


def test_a_stray_packet_is_no_restart() -> None:
    assert counts(heard(1, 2, 30_000, 3, 30_001, 4)) == (4, 0, 0, 0)


def test_loss_beyond_the_window_forgets_what_was_seen() -> None:
    assert counts(heard(1, 2, 102, 101)) == (4, 98, 0, 1)


def test_what_others_have_carried_is_not_lost() -> None:
    meter = heard(1, 2, 3)
    meter.pause()
    heard(900, 902, meter=meter)
    assert counts(meter) == (5, 0, 0, 0), "what comes all the same is a run by itself"
    meter.carried(7, 2000)
    meter.resume()
    heard(2002, 1999, meter=meter)
    assert counts(meter) == (6, 1, 1, 0)


def test_what_has_followed_what_others_have_carried_is_not_lost_either() -> None:
    """Who hears of that may have had the next ones meanwhile."""
    meter = heard(1, 2, 3)
    meter.pause()
    heard(101, 102, meter=meter)
    meter.carried(7, 100)
    meter.resume()
    heard(103, 105, meter=meter)
    assert counts(meter) == (7, 1, 0, 0)


# -- what is timed


def timed(*packets: tuple[int, int, int], clock: int = CLOCK, marker: bool = False) -> Meter:
    """A meter that has taken packets in sequence; of each the payload type, the timestamp and when it came (ms)."""
    meter = Meter()
    for at, (payload_type, timestamp, now) in enumerate(packets):
        meter.packet(header(at, timestamp, 7, payload_type, marker and at > 0), clock, now * MS)
    return meter


def test_punctual_packets_have_no_jitter() -> None:
    meter = timed(*((96, n * 160, n * 20) for n in range(100)))
    assert (meter.samples, meter.jitter, meter.jitter_max) == (99, 0, 0)


def test_the_jitter_is_that_of_appendix_a_8() -> None:
    arrivals = [0, 23, 38, 61, 90, 99, 121]
    meter = timed(*((96, n * 160, now) for n, now in enumerate(arrivals)))
    jitter = 0
    for at in range(1, len(arrivals)):
        off = abs((arrivals[at] - arrivals[at - 1]) - 20) * 8  # in units of the timestamp, as there
        jitter += off - ((jitter + 8) >> 4)
    assert abs(meter.jitter / 16 / 1000 - jitter / 16 / 8) < 1 / 8  # milliseconds; a unit is an eighth of one
    assert meter.samples == 6


def test_packets_that_swing_by_ten_milliseconds_have_that_jitter() -> None:
    """Each differs by 10 ms from the one before: the estimate goes there."""
    meter = timed(*((96, n * 160, n * 20 + 10 * (n % 2)) for n in range(400)))
    assert 9_900 <= meter.jitter >> 4 <= 10_000
    tally = Tally.of(meter)
    assert 9_000 <= tally.jitter_sum / tally.samples <= 10_000
    assert tally.jitter_max in (9_900, 10_000)


def test_without_a_clock_there_is_no_jitter() -> None:
    meter = timed(*((96, n * 160, n * 25) for n in range(9)), clock=0)
    assert (meter.received, meter.samples) == (9, 0)


def test_static_types_need_no_clock() -> None:
    assert timed(*((8, n * 160, n * 20) for n in range(9)), clock=48_000).jitter == 0
    assert timed(*((8, n * 160, n * 20) for n in range(9)), clock=0).samples == 8


@pytest.mark.parametrize(
    ("payload_type", "agreed", "clock"),
    [(0, 0, 8000), (9, 16_000, 8000), (18, 0, 8000), (6, 16_000, 16_000), (34, 90_000, 90_000), (96, 48_000, 48_000)],
)
def test_the_clock_of_a_payload_type(payload_type: int, agreed: int, clock: int) -> None:
    assert clock_of(payload_type, agreed) == clock


def test_a_clock_that_cannot_be_is_none() -> None:
    assert clock_of(96, MAX_CLOCK + 1) == 0


def test_a_telephone_event_is_no_jitter() -> None:
    """Its packets have the timestamp of its beginning (RFC 4733 section 2.1), and audio goes on behind it."""
    audio = [(0, n * 160, n * 20) for n in range(10)]
    event = [(101, 1600, 200 + n * 20) for n in range(8)]
    after = [(0, 1600 + (8 + n) * 160, 360 + n * 20) for n in range(10)]
    assert timed(*audio, *event, *after).jitter_max == 0


def test_further_packets_of_a_frame_are_no_jitter() -> None:
    packets = [(96, frame * 3000, round(frame * 100 / 3) + part) for frame in range(30) for part in range(3)]
    meter = timed(*packets, clock=90_000)
    assert meter.samples == 29 and meter.jitter_max <= 10


def test_a_silence_that_stopped_the_clock_is_no_jitter() -> None:
    packets = [(0, 160, 20), (0, 320, 340)]
    assert timed(*packets, marker=True).samples == 0
    assert timed(*packets).samples == 1


def test_a_leap_of_the_clock_is_no_jitter() -> None:
    leap = (MAX_LEAP + 1) * 8000
    meter = timed((0, 0, 0), (0, 160, 20), (0, 320 + leap, 40), (0, 480 + leap, 60))
    assert (meter.samples, meter.jitter) == (2, 0)


# -- many at once


def run(sequence: int, count: int, begin: float = 0.0, swing: float = 0.0) -> tuple[list[bytes], list[float]]:
    numbers = range(sequence, sequence + count)
    return [header(n, n * 160) for n in numbers], [begin + n * 0.02 + swing * (n % 2) for n in numbers]


def folded(*runs: tuple[list[bytes], list[float]]) -> Meter:
    meter = Meter()
    for headers, times in runs:
        meter.fold(headers, times, CLOCK)
    return meter


def test_a_fold_counts_as_the_packets_do() -> None:
    meter = folded(run(1, FOLD), run(1 + FOLD, FOLD), run(3 + 2 * FOLD, FOLD))
    assert counts(meter) == (3 * FOLD, 2, 0, 0)
    assert meter.jitter_max == 0 and meter.samples > FOLD


def test_a_fold_times_some_of_the_packets() -> None:
    meter = folded(*(run(1 + n * FOLD, FOLD, swing=0.01) for n in range(60)))
    assert 200 < meter.samples < 10 * 60 and 9_500 <= meter.jitter >> 4 <= 10_100


def test_a_fold_sees_a_packet_of_the_fold_before() -> None:
    meter = folded(run(1, FOLD), run(1 + FOLD, FOLD))
    meter.fold(*run(2 * FOLD - 5, 1), CLOCK)
    assert counts(meter) == (2 * FOLD, 0, 1, 0)


lists = st.lists(
    st.tuples(st.sampled_from([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0, -1, 5000]), st.sampled_from([7, 7, 7, 7, 8])),
    max_size=3,
)


@given(st.integers(0, 0xFFFF), st.lists(lists, max_size=12))
def test_what_is_folded_is_counted_the_same(sequence: int, oddities: list[list[tuple[int, int]]]) -> None:
    packets = []
    for odd in oddities:
        for step, ssrc in [*odd, *([(1, 7)] * (FOLD - len(odd)))]:
            sequence += step
            packets.append(header(sequence, sequence * 160, ssrc))
    times = [at * 0.02 for at in range(len(packets))]
    one, many = Meter(), Meter()
    for first, now in zip(packets, times, strict=True):
        one.packet(first, CLOCK, int(now * 1e9))
    for at in range(0, len(packets), FOLD):
        many.fold(packets[at : at + FOLD], times[at : at + FOLD], CLOCK)
    assert counts(one) == counts(many)
    assert (one.gaps, one.sequence, one.ssrc, one.seen) == (many.gaps, many.sequence, many.ssrc, many.seen)
    assert many.samples <= one.samples


# -- tallies


def test_tallies_of_two_who_took_turns_add_up() -> None:
    first, second = Tally.of(heard(1, 2, 4)), Tally.of(heard(10, 10, 12, 11))
    both = first + second
    assert (both.received, both.lost, both.duplicates, both.late, both.gaps) == (6, 1, 1, 1, 2)
    assert both + Tally() == both
    assert (Tally(jitter=5, samples=1, jitter_max=900) + Tally(jitter=7, samples=1, jitter_max=100)).jitter == 7
    assert (Tally(jitter=5, samples=1, jitter_max=900) + Tally()).jitter == 5


# -- reports

NTP = 0xABCD_1234  # the middle 32 bits of an NTP timestamp


def test_the_round_trip_is_that_between_us_and_who_reports() -> None:
    """A report of the first side passes at 1 s; the second keeps it for 2 s, and its answer passes 2.06 s later."""
    first, second = Reports(), Reports()
    first.take(second, sender_report(7, NTP), 1000 * MS)
    second.take(first, receiver_report(8, report_block(7, NTP, delay=2 * 65_536)), 3060 * MS)
    assert (second.rtt, second.rtt_count, second.rtt_sum, second.rtt_max) == (60_000, 1, 60_000, 60_000)
    assert first.rtt_count == 0


def test_a_sender_report_may_answer_one() -> None:
    first, second = Reports(), Reports()
    first.take(second, sender_report(7, NTP), 1000 * MS)
    second.take(first, sender_report(8, NTP + 5, report_block(7, NTP, delay=0)), 1020 * MS)
    first.take(second, sender_report(7, NTP + 9, report_block(8, NTP + 5, delay=65_536)), 2050 * MS)
    assert (second.rtt, first.rtt) == (20_000, 30_000)


def test_an_answer_to_the_report_before_the_last_is_good() -> None:
    first, second = Reports(), Reports()
    for at in range(3):
        first.take(second, sender_report(7, NTP + at), at * 1000 * MS)
    second.take(first, receiver_report(8, report_block(7, NTP + 1)), 2010 * MS)
    second.take(first, receiver_report(8, report_block(7, NTP)), 2010 * MS)  # which is forgotten
    assert (second.rtt, second.rtt_count) == (1_010_000, 1)


@pytest.mark.parametrize(
    "answer",
    [
        receiver_report(8),
        receiver_report(8, report_block(9, NTP)),  # about somebody else
        receiver_report(8, report_block(7, NTP + 1)),  # a report that never passed
        receiver_report(8, report_block(7, 0)),  # none has been seen
        receiver_report(8, report_block(7, NTP, delay=65_536)),  # longer than it can have been
        receiver_report(8, report_block(7, NTP))[:-1],
        b"\x81\xcb\x00\x07" + bytes(28),  # BYE
        b"\x41" + receiver_report(8, report_block(7, NTP))[1:],
    ],
)
def test_what_is_no_answer_tells_no_round_trip(answer: bytes) -> None:
    first, second = Reports(), Reports()
    first.take(second, sender_report(7, NTP), 1000 * MS)
    second.take(first, answer, 1500 * MS)
    assert second.rtt_count == 0


def test_a_report_without_a_clock_is_not_remembered() -> None:
    first, second = Reports(), Reports()
    first.take(second, sender_report(7, 0), 1000 * MS)
    second.take(first, receiver_report(8, report_block(7, 0)), 1500 * MS)
    assert (second.rtt_count, second.told) == (0, 0)


def test_what_the_receiver_misses_is_told() -> None:
    first, second = Reports(), Reports()
    first.take(second, sender_report(7, NTP), 1000 * MS)
    second.take(first, receiver_report(8, report_block(7, NTP, lost=12, fraction=25)), 1500 * MS)
    assert (second.told, second.told_lost, second.told_fraction) == (1, 12, 25)
    second.take(first, receiver_report(8, report_block(7, NTP, lost=-3)), 1500 * MS)
    assert second.told_lost == 0


# -- the same in C

sequences = st.one_of(st.integers(-140, 140), st.integers(-3100, 3100), st.integers(0, 0xFFFF), st.just(1), st.just(1))
steps = st.tuples(
    sequences,
    st.one_of(st.just(160), st.just(0), st.integers(-2000, 40_000), st.integers(0, 0xFFFFFFFF)),
    st.sampled_from([7, 7, 7, 7, 8]),
    st.sampled_from([0, 0, 8, 13, 101, 96, 34, 127]),
    st.booleans(),
    st.one_of(st.just(20 * MS), st.integers(0, 500 * MS), st.integers(0, 10**13)),
    st.sampled_from([8000, 8000, 48_000, 90_000, 0, MAX_CLOCK, MAX_CLOCK + 1, 11_025]),
    st.sampled_from(["", "", "", "", "", "", "pause", "carried", "resume"]),
)


@given(st.integers(0, 2**62), st.lists(steps, max_size=60))
def test_the_meter_in_c_counts_the_very_same(now: int, packets: list[tuple[Any, ...]]) -> None:
    module = compiled("meter.h")
    ours, theirs = Meter(), module.ffi.new("struct meter *")
    sequence = timestamp = 0
    for step, later, ssrc, payload_type, marker, gone, clock, also in packets:
        sequence, timestamp, now = (sequence + step) & 0xFFFF, (timestamp + later) & 0xFFFFFFFF, now + gone
        if also == "pause":
            ours.pause()
            module.lib.meter_pause(theirs)
        elif also == "resume":
            ours.resume()
            module.lib.meter_resume(theirs)
        elif also == "carried":
            ours.carried(ssrc, sequence)
            module.lib.meter_carried(theirs, ssrc, sequence)
        else:
            first = header(sequence, timestamp, ssrc, payload_type, marker)
            ours.packet(first, clock, now)
            module.lib.meter_packet(theirs, first, clock, now)
        assert {name: getattr(ours, name) for name in FIELDS} == {name: getattr(theirs, name) for name in FIELDS}
        assert Tally.of(ours) == Tally.of(theirs)


numbers = st.sampled_from([0, 1, NTP, NTP + 1, NTP + 2])
sources = st.sampled_from([7, 8])
blocks = st.none() | st.builds(
    report_block,
    ssrc=sources,
    lsr=numbers,
    delay=st.one_of(st.integers(0, 65_536), st.integers(0, 0xFFFFFFFF)),
    lost=st.integers(-0x800000, 0x7FFFFF),
    fraction=st.integers(0, 255),
)
reports = st.one_of(
    st.builds(sender_report, ssrc=sources, ntp=numbers, block=blocks),
    st.builds(receiver_report, ssrc=sources, block=blocks),
    st.binary(min_size=8, max_size=80),
)


@given(st.integers(0, 2**62), st.lists(st.tuples(st.booleans(), reports, st.integers(0, 4000 * MS)), max_size=30))
def test_the_reports_in_c_tell_the_very_same(now: int, packets: list[tuple[bool, bytes, int]]) -> None:
    module = compiled("meter.h")
    ours = (Reports(), Reports())
    theirs = (module.ffi.new("struct meter_reports *"), module.ffi.new("struct meter_reports *"))
    for side, data, gone in packets:
        now += gone
        ours[side].take(ours[1 - side], data, now)
        module.lib.meter_report(theirs[side], theirs[1 - side], data[:52].ljust(52, b"\x55"), len(data), now)
        for one, other in zip(ours, theirs, strict=True):
            assert {name: getattr(one, name) for name in TRIPS} == {name: getattr(other, name) for name in TRIPS}
            assert one.sent == [
                (other.sent_ssrc[at], other.sent_ntp[at], other.sent_at[at] if other.sent_ntp[at] else 0)
                for at in (0, 1)
            ]


@given(st.binary(min_size=12, max_size=12), st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1))
def test_any_octets_do(data: bytes, clock: int, now: int) -> None:
    meter = Meter()
    meter.packet(data, clock, now)
    assert meter.received == 1


@pytest.mark.parametrize(
    ("packets", "received", "lost"),
    [
        ("1 2- 3 5", 3, 1),
        ("1 4- 6", 2, 3),
        ("1 2 4 3- 5", 4, 0),  # behind one that was sent after it
        ("1 2 2- 3", 3, 0),
        ("1- 2 4", 2, 1),
        ("65535 0- 1 3", 3, 1),
        ("1 2 9000- 9001 9003", 4, 1),  # a leap is at once a run
        ("1 9000- 2 3", 3, 0),
    ],
)
def test_what_is_left_to_others_is_neither_lost_nor_counted(packets: str, received: int, lost: int) -> None:
    """`-`: it is left. In C alone: user space leaves nothing."""
    module = compiled("meter.h")
    meter = module.ffi.new("struct meter *")
    for at, each in enumerate(packets.split()):
        number = int(each.rstrip("-"))
        if each.endswith("-"):
            module.lib.meter_left(meter, 7, number)
        else:
            module.lib.meter_packet(meter, header(number, number * 160), CLOCK, at * 20 * MS)
    assert (meter.received, meter.lost) == (received, lost)


def test_it_is_compiled_for_the_kernel_too() -> None:
    """eBPF knows no signed division and no library, and clang refuses them."""
    if shutil.which("clang") is None:
        pytest.skip("no clang")
    text = """#include "meter.h"
    int packet(struct meter *m, const uint8_t *data) { meter_packet(m, data, data[1], 5); return 0; }
    int report(struct meter_reports *r, const uint8_t *data) { meter_report(r, r + 1, data, 52, 5); return 0; }
    int others(struct meter *m) { meter_pause(m); meter_carried(m, 1, 2); meter_resume(m); return 0; }
    int left(struct meter *m) { meter_left(m, 1, 2); return 0; }
    """
    strict = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}"]
    done = subprocess.run(
        ["clang", "-target", "bpf", *strict, "-x", "c", "-c", "-", "-o", "/dev/null"],
        input=text,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_packet_of_the_tests_is_one() -> None:
    assert heard().received == 0
    meter = Meter()
    meter.packet(rtp(5, 9), CLOCK, 0)
    assert (meter.received, meter.ssrc, meter.sequence) == (1, 9, 5)
