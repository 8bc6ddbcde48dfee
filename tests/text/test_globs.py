"""Patterns for hostile text: what they match, what their stars stand for, and that the time is linear."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.text.globs import MOST_STARS, Glob, Template
from tests.effort import effort


@pytest.mark.parametrize(
    ("pattern", "text", "stars"),
    [
        ("", b"", ()),
        ("abc", b"ABC", ()),
        ("abc", b"abcd", None),
        ("*", b"", (b"",)),
        ("*", b"anything", (b"anything",)),
        ("sip:*", b"SIP:bob@x", (b"bob@x",)),
        ("*;cause=*", b"x;cause=1;cause=2", (b"x", b"1;cause=2")),
        ("a*a", b"a", None),
        ("a*a", b"aa", (b"",)),
        ("*b*c", b"abcbc", (b"a", b"cb")),
    ],
)
def test_matching(pattern: str, text: bytes, stars: tuple[bytes, ...] | None) -> None:
    assert Glob.read(pattern).match(text) == stars


@given(st.text("ab*", max_size=8), st.text("abA", max_size=12))
def test_it_matches_what_a_backtracking_expression_does(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*?".join(map(re.escape, pattern.split("*"))), text, re.IGNORECASE | re.DOTALL)
    found = Glob.read(pattern).match(text.encode())
    assert (found is None) == (expected is None)
    if found is not None:
        rebuilt = iter(found)
        said = b"".join(piece + next(rebuilt, b"") for piece in pattern.encode().split(b"*"))
        assert said.lower() == text.encode().lower()


def test_too_many_stars_are_refused() -> None:
    Glob.read("*" * MOST_STARS)
    with pytest.raises(ValueError, match="more than"):
        Glob.read("*" * (MOST_STARS + 1))


def test_the_time_is_linear() -> None:
    """What makes a backtracking expression of eight stars run for hours."""
    glob = Glob.read("a*a*a*a*a*a*a*a*b")
    assert glob.match(b"a" * 60_000) is None
    assert effort(lambda: glob.match(b"a" * 60_000), enough=100) < 100


def test_templates() -> None:
    template = Template.read("<{1}>;was={0};{2}{x}")
    assert template.highest == 2
    assert template.fill(b"whole", (b"one", b"two")) == b"<one>;was=whole;two{x}"
    assert Template.read("plain").highest == -1 and Template.read("").fill(b"x", ()) == b""
