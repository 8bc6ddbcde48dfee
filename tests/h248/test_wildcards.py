"""Binary names of which bits are left open: who is meant by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.patterns import Patterns, digit
from sbc.h248.wildcards import Levels, meets, standing


@pytest.mark.parametrize(
    ("asked", "given", "meant"),
    [
        (b"40000000/1e", b"40000001", True),
        (b"40000000/1e", b"c0000001", False),
        (b"40000000/18", b"41ffffff", True),
        (b"40000000/18", b"42000000", False),
        (b"4000/0317", b"40000001", False),  # of another length
        (b"00/3f", b"ff", True),
        (b"40000000/1e", b"rtp/1", False),
        (b"rtp/1", b"rtp/1", None),
        (b"40000000", b"40000000", None),
    ],
)
def test_which_terminations_a_wildcard_meets(asked: bytes, given: bytes, meant: bool | None) -> None:
    assert meets(asked, given) is meant


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        (b"7274702f31/83", b"7274702f3*"),
        (b"7274702f31/81", b"7274702f3" + digit(0, 3)),
        (b"7274702f31/84", b"7274702f" + digit(2, 1) + b"*"),
        (b"40000000/9f", b"*"),
        (b"40/bf", b"*"),
        (b"rtp/*/1", b"rtp/*/1"),
        (b"*", b"*"),
        (b"rtp/1", b"rtp/1"),
    ],
)
def test_who_is_gone(key: bytes, pattern: bytes) -> None:
    assert standing(key) == pattern


@pytest.mark.parametrize(
    ("asked", "levels", "given", "meant"),
    [
        # the examples of H.248.1 Annex A.1: three levels, of an octet each
        (b"011e00/87", (8, 8, 8), b"011eff", True),
        (b"011e00/87", (8, 8, 8), b"021eff", False),
        (b"001e00/1707", (8, 8, 8), b"421e99", True),
        (b"001e00/1707", (8, 8, 8), b"421f99", False),
        (b"010000/4f", (8, 8, 8), b"014299", True),
        (b"010000/4f", (8, 8, 8), b"024299", False),
        (b"011e55/8f", (8, 8, 8), b"019955", True),
        (b"011e55/8f", (8, 8, 8), b"019956", False),
        (b"011e55/8f", (), b"019956", True),  # who does not know how wide it is takes all below
        (b"011e55/8f", (8, 8), b"019956", True),  # nor of names of another length
        (b"011e55/8f", (8, 4, 12), b"01fe55", True),
        (b"011e55/8f", (8, 4, 12), b"010055", False),
        (b"011e55/8f", (8, 1, 15), b"019e55", True),
        (b"011e55/8f", (8, 1, 15), b"015e55", False),
        (b"011e55/97", (24,), b"ffffff", True),
        (b"011e55/bf", (8, 8, 8), b"991e55", True),  # a position beyond the name is its first bit
        (b"011e55/80", (8, 8, 8), b"011e54", True),
        (b"011e55/80", (8, 8, 8), b"011e57", False),  # within a level, from there on
    ],
)
def test_levels_that_are_known_are_as_wide_as_they_are(asked: bytes, levels: Levels, given: bytes, meant: bool) -> None:
    assert meets(asked, given, levels) is meant


@pytest.mark.parametrize(
    ("key", "levels", "pattern"),
    [
        (b"011e55/8f", (8, 8, 8), b"01\0\x0055"),
        (b"011e55/97", (8, 8, 8), b"\0\x001e55"),
        (b"011e55/cf", (8, 8, 8), b"01*"),
        (b"011e55/87", (8, 8, 8), b"011e*"),
        (b"011e55/8f", (8, 2, 6, 8), b"01" + digit(1, 12) + b"e55"),
        (b"011e55/8f", (8, 6, 10), b"01\0" + digit(2, 12) + b"55"),
        (b"0000/8d8581", (2, 3, 3, 2, 4, 2), digit(0, 3) + digit(0, 8) + digit(0, 3) + b"*"),
    ],
)
def test_who_is_gone_where_levels_are_known(key: bytes, levels: Levels, pattern: bytes) -> None:
    assert standing(key, levels) == pattern


@given(st.binary(min_size=1, max_size=4), st.lists(st.integers(0, 255), min_size=1, max_size=6), st.data())
def test_who_is_meant_is_who_is_gone(name: bytes, fields: list[int], data: st.DataObject) -> None:
    """Both say the same of every name."""
    levels = tuple(data.draw(st.sampled_from([(), (8,) * len(name), (4,) * (2 * len(name)), (3, 8 * len(name) - 3)])))
    key = name.hex().encode() + b"/" + bytes(fields).hex().encode()
    other = data.draw(st.binary(min_size=len(name), max_size=len(name))).hex().encode()
    assert Patterns((standing(key, levels),)).fits(other) is meets(key, other, levels)
