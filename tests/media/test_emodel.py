"""The E-model as far as it is used here, held to figures of the Recommendations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.media.emodel import BASE, UNKNOWN, impairment, mos, rating


def test_the_default_values_give_the_rating_and_score_of_g_107() -> None:
    assert rating("PCMU/8000", 0.0, 1.0, 0.0) == BASE == 93.2
    assert round(mos(BASE), 2) == 4.41


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
