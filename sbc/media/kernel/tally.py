"""What a slot has counted and heard, as values."""

from __future__ import annotations

from typing import NamedTuple


class Tally(NamedTuple):
    """What a slot has counted: see struct relay_slot."""

    packets: int = 0
    octets: int = 0
    rtcp_packets: int = 0
    rtcp_octets: int = 0
    policed: int = 0
    wrong_source: int = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(*(one + another for one, another in zip(self, other, strict=True)))


class Last(NamedTuple):
    """What a flow's source has said last, and how many seconds ago; RTCP has an SSRC alone."""

    ssrc: int
    sequence: int | None
    timestamp: int | None
    ago: float
