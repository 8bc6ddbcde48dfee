"""What was counted of a direction, as an operator reads it: loss, jitter, round trip and what a listener would say."""

from __future__ import annotations

from math import exp

from sbc.media.codecs import foremost
from sbc.media.counters import Quality
from sbc.media.emodel import mos, rating
from sbc.media.meter import Tally, Trips

LEAST = 100
"""Packets from which on a MOS is given: two seconds of audio."""

_BUFFER = 80.0
"""Milliseconds that a receiver's buffer is taken to hold at most. What comes later is of no use to it: with delays that
differ by chance, each so much rarer as it is longer, that is exp(-80 ms / jitter) of what has come."""
_DEPTH = 4.0
"""Times the jitter that the buffer holds as long as that is less."""


def assess(tally: Tally, trips: Trips, media: tuple[str, str]) -> Quality | None:
    """The quality of what came from a side, None where nothing has come. `tally` and `trips` are the side's, `media` is
    what each side has signalled (SideSpec.media)."""
    expected = tally.received + tally.lost
    if not expected:
        return None
    jitter = tally.jitter_sum / tally.samples / 1000 if tally.samples else None
    rtt = trips.rtt_sum / trips.rtt_count / 1000 if trips.rtt_count else None
    audio = (media[0] or media[1]).partition(" ")[0] in ("", "audio")
    return Quality(
        expected,
        tally.lost,
        _rounded(jitter),
        _rounded(rtt),
        _score(tally, jitter or 0.0, rtt or 0.0, foremost(media)) if audio and expected >= LEAST else None,
        _rounded(tally.jitter_max / 1000 if tally.samples else None),
        tally.duplicates,
        tally.late,
        trips.told_lost if trips.told else None,
    )


def _score(tally: Tally, jitter: float, rtt: float, codec: str) -> float:
    lost = tally.lost / (tally.received + tally.lost)
    late = (1.0 - lost) * exp(-_BUFFER / jitter) if jitter else 0.0
    delay = rtt / 2 + min(_BUFFER, _DEPTH * jitter)
    return round(mos(rating(codec, lost + late, _burst(tally, lost), delay)), 2)


def _burst(tally: Tally, loss: float) -> float:
    """BurstR (G.107 clause 7.5): how long the losses were that came one after another, to how long they were if each
    packet had been lost by chance alone."""
    return tally.lost / tally.gaps * (1.0 - loss) if tally.gaps else 1.0


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)
