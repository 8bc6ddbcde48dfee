"""What was agreed upon to flow, and by which clock its timestamps run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.media.codecs import MAX_CLOCK, agreed, clock, foremost


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("audio A B C", "audio B", ["B"]),
        ("audio B", "audio C B A", ["B"]),
        ("audio A B", "audio B A", ["B", "A"]),
        ("audio A", "", ["A"]),
        ("", "", []),
        ("audio A", "audio B", []),
        ("image t38", "image t38", ["t38"]),
    ],
)
def test_the_codecs_are_those_of_the_answer(first: str, second: str, expected: list[str]) -> None:
    assert agreed((first, second)) == expected


@pytest.mark.parametrize(
    ("first", "second", "rate"),
    [
        ("audio PCMU/8000 telephone-event/8000", "", 8000),
        ("audio opus/48000/2 PCMU/8000", "", 48_000),
        ("audio opus/48000/2 PCMU/8000", "audio PCMU/8000", 8000),
        ("audio telephone-event/8000 AMR-WB/16000", "audio telephone-event/8000 AMR-WB/16000", 16_000),
        ("audio CN/8000 L16/44100/2", "", 44_100),
        ("video VP8/90000 rtx/90000", "video VP8/90000", 90_000),
        ("audio telephone-event/8000", "", 0),
        ("audio 96", "", 0),  # a dynamic payload type that nobody has named
        ("audio G729/", "", 0),
        ("audio X/\u0663", "", 0),
        ("audio X/-8000", "", 0),
        (f"audio X/{MAX_CLOCK + 1}", "", 0),
        ("audio X/" + "9" * 30, "", 0),
        ("audio A/8000", "audio B/8000", 0),
        ("image t38", "image t38", 0),
        ("", "", 0),
    ],
)
def test_the_clock_is_that_of_the_foremost_format(first: str, second: str, rate: int) -> None:
    assert clock((first, second)) == rate


def test_a_companion_is_not_foremost() -> None:
    assert foremost(("audio RED/8000/2 TELEPHONE-EVENT/8000 PCMA/8000", "")) == "PCMA/8000"


@given(st.text(), st.text())
def test_whatever_peers_write_makes_a_clock(first: str, second: str) -> None:
    assert 0 <= clock((first, second)) <= MAX_CLOCK
