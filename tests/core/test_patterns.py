"""Patterns of names: who fits them, however they were made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.patterns import ALL, ONE, Patterns, digit, is_plain
from tests.effort import effort


@pytest.mark.parametrize(
    ("name", "pattern", "meant"),
    [
        (b"rtp/1", b"rtp/1", True),
        (b"rtp/1", b"rtp/*", True),
        (b"rtp/1", b"*", True),
        (b"rtp/1/2", b"rtp/*/2", True),
        (b"rtp/1/3", b"rtp/*/2", False),
        (b"rtp/", b"rtp/*/2", False),
        (b"a/1/b/2/c", b"a/*/b/*/c", True),
        (b"a/1/b/c", b"a/*/b/*/c", False),  # one stretch is no two
        (b"aba", b"ab*ba", False),
        (b"01ff55", b"01\0\x0055", True),
        (b"01ff5", b"01\0\x0055", False),
        (b"01ff56", b"01\0\x0055", False),
        (b"01ff5577", b"01\0\x0055*", True),
        (b"0155ff55", b"*5\x005*5", False),
        (b"015515f5", b"*5\x005*5", True),
        (b"01", b"\0", False),
        (b"a\nb", b"a\0b", True),
        (b"a\n", b"a", False),
        (b"a.c", b"a\0c", True),
        (b"axc", b"a.c", False),
        (b"a*", b"a**", True),
        (b"05", digit(0, 3) + b"5", True),
        (b"35", digit(0, 3) + b"5", True),
        (b"45", digit(0, 3) + b"5", False),
        (b"4c", digit(4, 0) + digit(0, 12), True),
        (b"\x80/1", b"\x80/*", True),  # should somebody be called so
    ],
)
def test_who_fits_a_pattern(name: bytes, pattern: bytes, meant: bool) -> None:
    assert Patterns((b"another", pattern)).fits(name) is meant


def test_what_is_plain() -> None:
    assert is_plain(b"aaln/1 a.b+") and is_plain(digit(10, 0)) and digit(10, 0) == b"a"
    assert not any(map(is_plain, (b"a*", b"\0", digit(0, 1), digit(15, 14)))) and digit(7, 15) == ONE


def test_every_digit_means_those_that_differ_in_what_is_open_alone() -> None:
    for bits in range(16):
        for open_ in range(16):
            fits = Patterns((digit(bits, open_),)).fits
            assert [each for each in range(16) if fits(b"%x" % each)] == [
                each for each in range(16) if not (each ^ bits) & ~open_
            ]


def _fits(name: bytes, pattern: bytes) -> bool:
    if not pattern:
        return not name
    if pattern[:1] == ALL:
        return any(_fits(name[at:], pattern[1:]) for at in range(len(name) + 1))
    return bool(name) and pattern[:1] in (ONE, name[:1]) and _fits(name[1:], pattern[1:])


@given(st.lists(st.text("ab*\0", max_size=7), min_size=1, max_size=4), st.text("ab\n", max_size=8))
def test_one_of_several_is_met_as_each_alone_would_be(patterns: list[str], name: str) -> None:
    every = [each.encode() for each in patterns]
    assert Patterns(every).fits(name.encode()) is any(_fits(name.encode(), each) for each in every)


def test_no_pattern_takes_long_however_it_was_made() -> None:
    """Tried every way, forty stars in a name of 512 octets would take for ever."""
    patterns = [b"a*" * 200 + b"b", b"*" + b"a\0*" * 40 + b"b"]
    assert not Patterns(patterns).fits(b"a" * 512)
    assert effort(lambda: Patterns(patterns).fits(b"a" * 512), enough=1000) < 1000
