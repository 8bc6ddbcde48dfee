"""What is known of codecs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.policy.codecs import amr_rate, codec_of, name_of


@pytest.mark.parametrize(
    ("coded", "rate"),
    [
        ("PCMU/8000", 64_000),
        ("pcma/8000/1", 64_000),
        ("PCMA/8000/2", 128_000),
        ("L16/44100/2", 1_411_200),
        ("L16/8000", 128_000),
        ("DVI4/16000", 64_000),
        ("G729/8000", 8_000),
        ("G723/8000", 6_400),
        ("opus/48000/2", 64_000),  # its two channels are said of every Opus (RFC 7587 section 7)
        ("AMR/8000/1", 13_200),
    ],
)
def test_codecs_are_known_by_name_clock_and_channels(coded: str, rate: int) -> None:
    codec = codec_of(coded)
    assert codec is not None and codec.rate == rate


@pytest.mark.parametrize("coded", ["", "99", "H264/90000", "L16", "L16/x", "L16/9999999", "unheard-of/8000"])
def test_what_is_not_known_is_not_guessed_at(coded: str) -> None:
    assert codec_of(coded) is None


def test_modes_of_amr_have_the_rates_of_their_frames() -> None:
    assert [amr_rate(False, mode) for mode in (0, 7)] == [5_600, 13_200]  # 12 and 31 octets, and two, each 20 ms
    assert [amr_rate(True, mode) for mode in (0, 8)] == [7_600, 24_800]
    assert amr_rate(False, 8) == amr_rate(True, 9) == amr_rate(False, -1) == 0


@given(st.text(max_size=40))
def test_any_name_is_looked_up(coded: str) -> None:
    codec = codec_of(coded)
    assert codec is None or (0 < codec.rate <= codec.most and 0 < codec.frame <= codec.packing)
    assert name_of(coded) == name_of(coded.upper()) or not coded.isascii()
