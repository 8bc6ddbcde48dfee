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

    The first five were dropped when they arrived from this side, the last two on their way out to it.
    """

    wrong_source: int = 0  # the latch did not accept the sender
    too_short: int = 0
    too_long: int = 0
    not_rtp: int = 0
    kernel: int = 0  # the socket's queue was full, or reading failed
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
            + self.no_destination
            + self.send_error
        )


@attrs.frozen
class SideCounters:
    """One side. `received` counts accepted packets only, so that no stranger can run up a bill.

    RTCP counts as such on whichever port it came or went; what is neither RTP nor RTCP (T.38, STUN, DTLS) counts with
    the port it came on.
    """

    received_rtp: Volume = Volume()
    received_rtcp: Volume = Volume()
    sent_rtp: Volume = Volume()
    sent_rtcp: Volume = Volume()
    drops: Drops = Drops()

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
