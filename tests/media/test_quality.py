"""Figures out of counts: what is known, what is not, and what makes a score worse."""

from __future__ import annotations

import attrs
import pytest

from sbc.media.counters import Quality
from sbc.media.meter import Reports, Tally
from sbc.media.quality import LEAST, assess

PCMU = ("audio PCMU/8000 telephone-event/8000", "audio PCMU/8000")
GOOD = Tally(received=1000, samples=999, jitter_sum=999 * 2000, jitter_max=5000)


def reported(rtt: int = 0, missed: int | None = None) -> Reports:
    made = Reports()
    made.rtt_sum, made.rtt_count = 2 * rtt, 2 if rtt else 0
    made.told, made.told_lost = missed is not None, missed or 0
    return made


def assessed(tally: Tally, trips: Reports | None = None, media: tuple[str, str] = PCMU) -> Quality:
    found = assess(tally, trips or Reports(), media)
    assert found is not None
    return found


def test_a_good_way() -> None:
    assert assessed(GOOD) == Quality(1000, 0, jitter=2.0, rtt=None, mos=4.41, jitter_max=5.0)


def test_nothing_has_no_quality() -> None:
    assert assess(Tally(), reported(20_000), PCMU) is None


def test_round_trip_and_what_the_other_end_misses_are_told_where_reports_came() -> None:
    found = assessed(GOOD, reported(60_000, missed=3))
    assert (found.rtt, found.missed) == (60.0, 3)
    assert assessed(GOOD, reported(missed=0)).missed == 0


def test_without_a_clock_there_is_a_score_but_no_jitter() -> None:
    found = assessed(Tally(received=500))
    assert (found.jitter, found.jitter_max, found.mos) == (None, None, 4.41)


@pytest.mark.parametrize(
    "worse",
    [
        {"received": 970, "lost": 30, "gaps": 30},
        {"received": 990, "lost": 10, "gaps": 1},
        {"jitter_sum": 999 * 30_000},
    ],
)
def test_loss_and_jitter_cost_score(worse: dict[str, int]) -> None:
    better = assessed(GOOD).mos
    found = assessed(attrs.evolve(GOOD, **worse)).mos
    assert found is not None and better is not None and found < better - 0.02


def test_a_little_jitter_costs_nothing() -> None:
    assert assessed(attrs.evolve(GOOD, jitter_sum=999 * 8_000)).mos == 4.41


def test_losses_in_one_burst_cost_more_than_the_same_by_chance() -> None:
    lossy = attrs.evolve(GOOD, received=950, lost=50)
    chance, burst = (assessed(attrs.evolve(lossy, gaps=gaps)).mos for gaps in (48, 5))
    assert chance is not None and burst is not None and burst < chance


def test_a_long_way_costs_score() -> None:
    near, far = (assessed(GOOD, reported(rtt)).mos for rtt in (20_000, 600_000))
    assert near == 4.41 and far is not None and far < 4.0


def test_the_codec_counts() -> None:
    assert assessed(GOOD, media=("audio G729/8000", "audio G729/8000")).mos == pytest.approx(4.1, abs=0.05)


@pytest.mark.parametrize("media", [("video VP8/90000", "video VP8/90000"), ("image t38", "")])
def test_what_is_no_audio_has_no_score(media: tuple[str, str]) -> None:
    assert assessed(GOOD, media=media).mos is None


def test_who_has_said_nothing_is_judged_as_audio() -> None:
    assert assessed(GOOD, media=("", "")).mos == 4.41


def test_too_little_has_no_score() -> None:
    assert assessed(Tally(received=LEAST - 2, lost=1)).mos is None
    assert assessed(Tally(received=LEAST - 2, lost=2)).mos is not None
