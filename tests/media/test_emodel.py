"""The E-model as far as it is used here, held to figures of the Recommendations."""

from __future__ import annotations

from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.media.emodel import BASE, UNKNOWN, impairment, mos, rating


def test_the_default_values_give_the_rating_and_score_of_g_107() -> None:
    assert rating("PCMU/8000", 0.0, 1.0, 0.0) == BASE == 93.2
    assert round(mos(BASE), 2) == 4.41


def test_the_whole_of_clause_7_gives_that_rating_with_the_default_values() -> None:
    """G.107 (06/2015) equations 7-2 to 7-26 with what table 3 sets: what the model here takes for constant."""
    slr, rlr, stmr, lstr, telr, wepl, nc, nfor, ps, pr, qdu, d = 8, 2, 15, 18, 65, 110, -70, -64, 35, 35, 1, 3
    olr = slr + rlr
    pre = pr + 10 * log10(1 + 10 ** ((10 - lstr) / 10))
    nor = rlr - 121 + pre + 0.008 * (pre - 35) ** 2
    nos = ps - slr - d - 100 + 0.004 * (ps - olr - d - 14) ** 2
    no = 10 * log10(sum(10 ** (each / 10) for each in (nc, nos, nor, nfor + rlr)))
    ro = 15 - 1.5 * (slr + no)
    xolr = olr + 0.2 * (64 + no - rlr)
    iolr = 20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8)
    stmro = -10 * log10(10 ** (-stmr / 10) + 10 ** (-telr / 10))
    ist = (
        12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8)
        - 28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35)
        - 13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13)
        + 29
    )
    q = 37 - 15 * log10(qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    iq = 15 * log10(1 + 10 ** ((ro - 100) / 15 + 46 / 8.4 - g / 9) + 10 ** (46 / 30 - g / 40))
    rle = 10.5 * (wepl + 7)  # at no delay
    idle = (ro - rle) / 2 + ((ro - rle) ** 2 / 4 + 169) ** 0.5
    assert (round(ro, 2), round(iolr + ist + iq, 2), round(idle, 2)) == (94.77, 1.41, 0.15)
    assert round(ro - (iolr + ist + iq) - idle, 1) == BASE


# For which delay a call by each codec without loss or echo still has R = 70, from 94 at best: table 3 of a study of
# voice quality in Telektronikk's issue of 2001 on Internet traffic engineering, whose authors had the Ie of G.113 then
# in force.
BEARABLE = {
    "pcmu": 400,
    "g726-40": 375,
    "gsm-efr": 342,
    "amr": 342,
    "g726-32": 322,
    "g728": 322,
    "g723": 251,
    "gsm": 213,
    "gsm-hr-08": 177,
}


@pytest.mark.parametrize("codec", BEARABLE)
def test_impairments_agree_with_delays_that_others_have_found_bearable(codec: str) -> None:
    """By which an Ie can be told to half a point, and Idd with it."""
    left = 94 - BASE + rating(codec, 0.0, 1.0, BEARABLE[codec])
    assert left == pytest.approx(70, abs=0.6)


def test_concealment_is_worth_what_others_have_found() -> None:
    """The same authors, of small losses: each percent costs G.711 with concealment 4 of R, and of codecs that conceal
    it is the best, then come G.729, G.723.1 and GSM-EFR."""
    slopes = [rating(codec, 0.0, 1, 0) - rating(codec, 0.001, 1, 0) for codec in ("pcma", "g729", "g723", "gsm-efr")]
    assert slopes == sorted(slopes)
    assert 10 * slopes[0] == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize(("r", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_scores_are_those_of_g_107_annex_b_table_b_1(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(("r", "score"), [(-40, 1.0), (0, 1.0), (3, 1.0), (100, 4.5), (120, 4.5)])
def test_scores_have_their_bounds(r: float, score: float) -> None:
    assert mos(r) == score


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        ("PCMA/8000", (0.0, 25.1)),
        ("g729", (11.0, 19.0)),
        ("G723/8000", (15.0, 16.1)),
        ("opus/48000/2", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_impairments_are_those_of_g_113(codec: str, expected: tuple[float, float]) -> None:
    assert impairment(codec) == expected


def test_loss_costs_what_the_formula_says() -> None:
    """Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl): at 3 percent 95 * 3 / 28.1 for G.711."""
    assert BASE - rating("PCMU", 0.03, 1.0, 0.0) == pytest.approx(95 * 3 / 28.1)
    assert BASE - rating("G729", 0.03, 1.0, 0.0) == pytest.approx(11 + 84 * 3 / 22)


def test_losses_in_bursts_cost_more_up_to_a_bound() -> None:
    random, bursts = rating("G729", 0.03, 1.0, 0.0), rating("G729", 0.03, 2.0, 0.0)
    assert bursts < random
    assert rating("G729", 0.03, 8.0, 0.0) == rating("G729", 0.03, 800.0, 0.0)
    assert rating("G729", 0.03, 0.2, 0.0) == random


def test_delay_costs_from_a_tenth_of_a_second_on() -> None:
    rated = [rating("PCMU", 0.0, 1.0, delay) for delay in (0.0, 100.0, 150.0, 200.0, 400.0, 800.0)]
    assert rated[0] == rated[1] == BASE
    assert rated == sorted(rated, reverse=True)
    assert BASE - rated[4] == pytest.approx(25 * (65 ** (1 / 6) - 3 * (1 + (2 / 3) ** 6) ** (1 / 6) + 2))


@given(st.text(max_size=9), st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1e6))
def test_whatever_is_measured_has_a_score(codec: str, loss: float, burst: float, delay: float) -> None:
    assert 1.0 <= mos(rating(codec, loss, burst, delay)) <= 4.41
