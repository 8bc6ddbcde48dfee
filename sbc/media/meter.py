"""How well the RTP of one direction arrives, and what RTCP tells to somebody in the middle: the reference (RFC 3550).

The native and the kernel engine have the same in C, sbc/media/native/meter.h. A test holds them to each other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

import attrs

from sbc.media.codecs import MAX_CLOCK

MAX_DROPOUT = 3000  # RFC 3550 appendix A.1
MAX_MISORDER = 100
WINDOW = 32
"""Packets back that are told from each other."""
MAX_LEAP = 4
"""Seconds that a packet may be off before it is taken for another time: the sender set its clock, or was on hold."""
PAUSE = 10
"""A tenth of a second: so long a silence before a marker was meant (RFC 3551 section 4.1), and is no jitter."""
MAX_RTT = 10_000_000
"""Microseconds."""
HEAD = 52
"""Octets of RTCP that are read: a sender report with one block."""

FOLD = 64
"""The most packets that `Meter.fold` takes at once."""
_TIMED = 6  # packets of a fold that are timed: 5 samples of the jitter

_RUNNING, _JUMPED, _TIMING, _AWAY = 1, 2, 4, 8
_STATIC = frozenset({0, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18})  # RFC 3551 table 4: audio of 8000 Hz
_SENDER_REPORT, _RECEIVER_REPORT = 200, 201
_WORD, _HALF = 0xFFFFFFFF, 0xFFFF

_header = struct.Struct("!xBHII")
_headers = tuple(struct.Struct("!" + "xBHII" * count) for count in range(FOLD + 1))
_block = struct.Struct("!IIIIII")


class Metered(Protocol):
    """What a meter has counted, in whatever language: see `Tally`."""

    received: int
    lost: int
    gaps: int
    duplicates: int
    late: int
    samples: int
    jitter: int
    jitter_sum: int
    jitter_max: int


@attrs.frozen
class Tally:
    """What one meter or several have counted of a direction.

    `received` are packets, each once; `lost` those skipped that have not come since, in `gaps` runs. `duplicates` came
    again, `late` behind one that was sent after them. Jitter is in microseconds: the latest, the sum after each of
    `samples`, and the highest.
    """

    received: int = 0
    lost: int = 0
    gaps: int = 0
    duplicates: int = 0
    late: int = 0
    samples: int = 0
    jitter: int = 0
    jitter_sum: int = 0
    jitter_max: int = 0

    @classmethod
    def of(cls, meter: Metered) -> Tally:
        """The state of a Meter, or of a ``struct meter``."""
        return cls(
            meter.received,
            meter.lost,
            meter.gaps,
            meter.duplicates,
            meter.late,
            meter.samples,
            meter.jitter >> 4,
            meter.jitter_sum,
            meter.jitter_max * 100,
        )

    def __add__(self, later: Tally) -> Tally:
        """Of two who have taken turns, each packet having been counted by one of them: `later` has measured last."""
        return Tally(
            self.received + later.received,
            self.lost + later.lost,
            self.gaps + later.gaps,
            self.duplicates + later.duplicates,
            self.late + later.late,
            self.samples + later.samples,
            later.jitter if later.samples else self.jitter,
            self.jitter_sum + later.jitter_sum,
            max(self.jitter_max, later.jitter_max),
        )


class Meter:
    """One direction of a stream. All numbers are as in ``struct meter``; times are nanoseconds.

    A change of SSRC begins a new run at once; a jump of the sequence numbers as in appendix A.1, when the next packet
    goes on from there. What came before the first packet of a run counts as a duplicate: nobody has missed it. The
    jitter is that of appendix A.8, but in microseconds, and is not sampled where a packet tells nothing of the way it
    came: with another payload type than the one before (its clock may differ), with the same timestamp (a further
    packet of a video frame, or of one telephone event), at the marker after a silence, or when it is off by seconds.
    """

    __slots__ = (
        "arrival", "awaited", "duplicates", "gaps", "jitter", "jitter_max", "jitter_sum", "late", "lost", "received",
        "samples", "seen", "sequence", "ssrc", "state", "timestamp", "type",
    )  # fmt: skip

    def __init__(self) -> None:
        self.received = self.lost = self.gaps = self.duplicates = self.late = 0
        self.samples = self.jitter = self.jitter_sum = self.jitter_max = 0
        self.ssrc = self.timestamp = self.arrival = self.seen = self.sequence = self.awaited = 0
        self.type = self.state = 0

    def packet(self, header: bytes, clock: int, now: int) -> None:
        """Take an accepted packet: its first 12 octets. `clock` is the side's in Hz, 0 where it is not known."""
        second, sequence, timestamp, ssrc = _header.unpack_from(header)
        if self.state & (_RUNNING | _AWAY) != _RUNNING or ssrc != self.ssrc:
            self._begin(ssrc, sequence)
            self.received += 1
        elif not self._count(sequence):
            return
        clock = clock_of(second & 0x7F, clock)
        if clock:
            self._time(second & 0x7F, second >> 7, timestamp, clock, now)
        else:
            self.state &= ~_TIMING

    def fold(self, headers: Sequence[bytes], times: Sequence[float], clock: int) -> None:
        """Take up to FOLD packets in the order in which they came: the first 12 octets of each, and when it came, in
        seconds.

        Counts as `packet` does. Where they came one after another only the first few are timed: that a packet costs
        next to nothing is what a relay in Python needs more."""
        if not self._take_run(headers, times, clock):
            for header, now in zip(headers, times, strict=True):
                self.packet(header, clock, int(now * 1e9))

    def pause(self) -> None:
        """Somebody else takes the packets from now on. What comes here all the same is a run by itself: what is missing
        between is not lost."""
        self.state = _AWAY

    def resume(self) -> None:
        """They come here again."""
        self.state &= ~_AWAY

    def carried(self, ssrc: int, sequence: int) -> None:
        """Somebody else has taken the packets up to this one. What has followed it meanwhile stays the furthest."""
        goes_on = self.state & (_RUNNING | _AWAY) == _RUNNING | _AWAY and ssrc == self.ssrc
        if not goes_on or (self.sequence - sequence) & _HALF >= MAX_DROPOUT:
            self._begin(ssrc, sequence)

    def _take_run(self, headers: Sequence[bytes], times: Sequence[float], clock: int) -> bool:
        """Take packets if nothing is remarkable about them."""
        count = len(headers)
        fields = _headers[count].unpack(b"".join(headers))
        first = self.sequence + 1
        if (
            self.state & (_RUNNING | _AWAY) != _RUNNING
            or fields[1::4] != tuple(range(first, first + count))
            or fields[3::4].count(self.ssrc) != count
            or fields[0::4].count(fields[0]) != count
            or fields[0] & 0x80
        ):
            return False
        self.received += count
        self.sequence += count
        self.seen = (self.seen << count | (1 << count) - 1) & _WORD
        self.state = _RUNNING
        clock = clock_of(fields[0], clock)
        if clock:
            self._time_some(fields[2 : 4 * _TIMED : 4], times, clock)
        return True

    def _time_some(self, stamps: Sequence[int], times: Sequence[float], clock: int) -> None:
        """Time packets that came one after another."""
        stamp, came = stamps[0], times[0]
        for at in range(1, len(stamps)):
            ahead = (stamps[at] - stamp + 0x80000000 & _WORD) - 0x80000000
            off = abs(times[at] - came - ahead / clock)
            if ahead and off <= MAX_LEAP:
                self._sample(int(off * 1_000_000))
            stamp, came = stamps[at], times[at]

    def _begin(self, ssrc: int, sequence: int) -> None:
        self.ssrc, self.sequence = ssrc, sequence
        self.seen, self.state = _WORD, _RUNNING | self.state & _AWAY

    def _count(self, sequence: int) -> bool:
        """Count a packet of the run that is going on. Whether it came for the first time, and so may be timed."""
        back = (self.sequence - sequence) & _HALF
        if back < WINDOW:
            if self.seen >> back & 1:
                self.duplicates += 1
                return False
            self.seen |= 1 << back
            self.received += 1
            self.lost -= 1
            self.late += 1
            return True
        if back < MAX_MISORDER:  # too late for any use: lost it stays
            self.late += 1
            return True
        ahead = (sequence - self.sequence) & _HALF
        if ahead < MAX_DROPOUT:
            self.seen = self.seen << ahead & _WORD | 1
            self.lost += ahead - 1
            self.gaps += ahead > 1
            self.received += 1
            self.sequence = sequence
            self.state &= ~_JUMPED
            return True
        if self.state & _JUMPED and sequence == self.awaited:
            self._begin(self.ssrc, sequence)
            self.received += 2
            return True
        self.state |= _JUMPED
        self.awaited = (sequence + 1) & _HALF
        return False

    def _time(self, payload_type: int, marker: int, timestamp: int, clock: int, now: int) -> None:
        seconds, rest = divmod(now, 1_000_000_000)
        arrival = (seconds * clock + rest * clock // 1_000_000_000) & _WORD
        if self.state & _TIMING and payload_type == self.type:
            if timestamp == self.timestamp:
                return
            gone = (arrival - self.arrival) & _WORD
            off = (gone - timestamp + self.timestamp) & _WORD
            if off >> 31:
                off = 0x100000000 - off
            if off <= MAX_LEAP * clock and not (marker and gone > clock // PAUSE):
                self._sample(off * 1_000_000 // clock)
        self.type, self.timestamp, self.arrival = payload_type, timestamp, arrival
        self.state |= _TIMING

    def _sample(self, off: int) -> None:
        self.jitter += off - (self.jitter + 8 >> 4)
        jitter = self.jitter >> 4
        self.samples += 1
        self.jitter_sum += jitter
        self.jitter_max = max(self.jitter_max, jitter // 100)


class Trips(Protocol):
    """What the reports of a side have told, in whatever language: see `Reports`."""

    rtt_sum: int
    rtt_count: int
    rtt_max: int
    told: int
    told_lost: int


class Reports:
    """What RTCP from one side tells. All numbers are as in ``struct meter_reports``; times are nanoseconds.

    The round trip is that between us and this side, without what lies behind the other one. A sender report comes from
    the other side, and goes on to this one; a block from this side says which report it has last seen (LSR) and how
    long ago (DLSR): what has gone by here since that report came, less that delay, is the way there and back (RFC 3550
    section 6.4.1, with us in the place of the source). So it takes sender reports of the one and reports of the other.
    """

    __slots__ = (
        "next", "rtt", "rtt_count", "rtt_max", "rtt_sum", "sent", "told", "told_fraction", "told_lost",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sent = [(0, 0, 0), (0, 0, 0)]  # the two latest sender reports: SSRC, middle of the NTP timestamp, arrival
        self.next = self.told = self.told_lost = self.told_fraction = 0
        self.rtt = self.rtt_sum = self.rtt_count = self.rtt_max = 0

    def take(self, other: Reports, data: bytes, now: int) -> None:
        """Take RTCP that was accepted from this side; `other` are the other side's reports.

        Only the first packet of a compound is read, and the first block in it: a call has one source on each side.
        """
        length = 4 + 4 * int.from_bytes(data[2:4], "big")
        begin = 28 if data[1] == _SENDER_REPORT else 8
        if data[0] >> 6 != 2 or not begin <= length <= len(data):
            return
        if data[1] == _SENDER_REPORT:
            self._remember(int.from_bytes(data[4:8], "big"), int.from_bytes(data[10:14], "big"), now)
        elif data[1] != _RECEIVER_REPORT:
            return
        if data[0] & 0x1F and length >= begin + _block.size:
            for sent in other.sent:
                self._read_block(sent, data[begin : begin + _block.size], now)

    def _remember(self, ssrc: int, ntp: int, now: int) -> None:
        if ntp and self.sent[1 - self.next][:2] != (ssrc, ntp):  # it has a clock, and has not come before
            self.sent[self.next] = ssrc, ntp, now
            self.next = 1 - self.next

    def _read_block(self, sent: tuple[int, int, int], data: bytes, now: int) -> None:
        """A block about what the other side has sent, if it is about the source of that side's report `sent`: who knows
        that SSRC has read the report, and it is none of SRTCP's, where all from the ninth octet on is encrypted."""
        source, lost, _, _, lsr, delay = _block.unpack(data)
        ssrc, ntp, came = sent
        if not ntp or ssrc != source:
            return
        self.told = 1
        self.told_fraction = lost >> 24
        self.told_lost = 0 if lost & 0x800000 else lost & 0x7FFFFF  # signed: there may be duplicates
        gone, kept = (now - came) // 1000, delay * 1_000_000 >> 16
        if lsr == ntp and 0 <= gone - kept <= MAX_RTT:
            self.rtt = gone - kept
            self.rtt_sum += self.rtt
            self.rtt_count += 1
            self.rtt_max = max(self.rtt_max, self.rtt)


def clock_of(payload_type: int, clock: int) -> int:
    """The clock of a payload type in Hz, where `clock` was agreed upon: static types of audio keep their own."""
    if payload_type in _STATIC:
        return 8000
    return clock if clock <= MAX_CLOCK else 0
