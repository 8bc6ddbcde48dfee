"""What a stream carried and what it dropped, as every engine reports it: the charged volume."""

from __future__ import annotations

import attrs


@attrs.frozen
class Volume:
    """Packets, and the octets of their UDP payloads (IP and UDP headers not counted)."""

    packets: int = 0
    octets: int = 0

    def __add__(self, other: Volume) -> Volume:
        return Volume(self.packets + other.packets, self.octets + other.octets)


@attrs.frozen
class Drops:
    """Packets of a side that were not relayed, by reason.

    `no_destination` and `send_error` were dropped on their way out to this side, all others when they arrived from it.
    """

    wrong_source: int = 0  # the latch did not accept the sender
    too_short: int = 0
    too_long: int = 0
    not_rtp: int = 0
    kernel: int = 0  # the socket's queue was full, or reading failed
    policed: int = 0  # more than the stream's or the realm's rate allows; the sender was accepted
    no_destination: int = 0  # nobody to send to: nothing signalled yet, on hold, or an unusable address
    send_error: int = 0  # the kernel would not send, or what is to be sent cannot be encrypted
    unkeyed: int = 0  # on a side that is secured, of which there is no key yet
    forged: int = 0  # it does not prove that who has the key has sent it
    replayed: int = 0  # it has come before, or is so old that nobody knows
    clear: int = 0  # it is not encrypted, where it is to be
    expired: int = 0  # its key is good for no more

    @property
    def total(self) -> int:
        return (
            self.wrong_source
            + self.too_short
            + self.too_long
            + self.not_rtp
            + self.kernel
            + self.policed
            + self.no_destination
            + self.send_error
            + self.unkeyed
            + self.forged
            + self.replayed
            + self.clear
            + self.expired
        )


@attrs.frozen
class Quality:
    """How well the RTP that arrived from a side has come (docs/media.rst).

    `expected` and `lost` are packets (RFC 3550 appendix A.3, but each counts once however often it came: `duplicates`
    are those that came again, `late` those that came behind one sent after them). `jitter` is the mean of the estimate
    (appendix A.8), `jitter_max` its highest value, `rtt` the mean round trip between the SBC and this side, all in
    milliseconds, None where nothing tells them. `mos` (1 to 4.5, ITU-T G.107) is None where there is too little to
    judge by, or no audio. `missed` are the packets the side itself says it misses of what was sent to it, None where
    it has not said.
    """

    expected: int = 0
    lost: int = 0
    jitter: float | None = None
    rtt: float | None = None
    mos: float | None = None
    jitter_max: float | None = None
    duplicates: int = 0
    late: int = 0
    missed: int | None = None

    @property
    def loss(self) -> float:
        """The lost as a ratio to the expected, 0 to 1."""
        return self.lost / self.expected if self.expected else 0.0

    def __add__(self, later: Quality) -> Quality:
        """Of two who have taken turns (user space and kernel, or before a restart and after): sums, the highest, and
        means by how much each has seen."""
        first, second = self.expected, later.expected
        return Quality(
            first + second,
            self.lost + later.lost,
            _mean(self.jitter, first, later.jitter, second),
            _mean(self.rtt, first, later.rtt, second),
            _mean(self.mos, first, later.mos, second),
            _highest(self.jitter_max, later.jitter_max),
            self.duplicates + later.duplicates,
            self.late + later.late,
            self.missed if later.missed is None else later.missed,  # it is of the whole of a source
        )


def together(first: Quality | None, later: Quality | None) -> Quality | None:
    """The quality of two who have taken turns, of whom any may have measured nothing."""
    return first + later if first is not None and later is not None else first or later


def _mean(one: float | None, weight: int, other: float | None, other_weight: int) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    total = weight + other_weight
    return round((one * weight + other * other_weight) / total, 2) if total else one


def _highest(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


@attrs.frozen
class SideCounters:
    """One side. `received` counts accepted packets only, so that no stranger can run up a bill, and of those what was
    within the rate. `quality` is None where it was not measured.

    RTCP counts as such on whichever port it came or went; what is neither RTP nor RTCP (T.38, STUN, DTLS) counts with
    the port it came on.
    """

    received_rtp: Volume = Volume()
    received_rtcp: Volume = Volume()
    sent_rtp: Volume = Volume()
    sent_rtcp: Volume = Volume()
    drops: Drops = Drops()
    quality: Quality | None = None

    @property
    def received(self) -> Volume:
        return self.received_rtp + self.received_rtcp

    @property
    def sent(self) -> Volume:
        return self.sent_rtp + self.sent_rtcp


@attrs.frozen
class StreamCounters:
    """Both sides of a stream.

    The books balance: what side 0 received is what side 1 sent plus side 1's `no_destination` and `send_error`, and the
    other way round.
    """

    sides: tuple[SideCounters, SideCounters]
