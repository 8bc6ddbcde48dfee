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

    The first six were dropped when they arrived from this side, the last two on their way out to it.
    """

    wrong_source: int = 0  # the latch did not accept the sender
    too_short: int = 0
    too_long: int = 0
    not_rtp: int = 0
    kernel: int = 0  # the socket's queue was full, or reading failed
    policed: int = 0  # more than the stream's or the realm's rate allows; the sender was accepted
    no_destination: int = 0  # nobody to send to: nothing signalled yet, on hold, or an unusable address
    send_error: int = 0  # the kernel would not send

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
        )


@attrs.frozen
class Quality:
    """How well the RTP that arrived from a side has come (RFC 3550 appendices A.3 and A.8).

    `expected` and `lost` are packets, `jitter` and `rtt` milliseconds; `rtt` is None where no report has told it, and
    `mos` (1 to 4.5, ITU-T G.107) where there is too little to judge by.
    """

    expected: int = 0
    lost: int = 0
    jitter: float = 0.0
    rtt: float | None = None
    mos: float | None = None


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
