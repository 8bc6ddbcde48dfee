"""A path's table for H.323."""

from __future__ import annotations

from typing import Any

from sbc.config.faults import Findings
from sbc.h323.options import DEFAULTS, H323Options, Private, Tokens, of, read
from tests.h323_calls import h323_plan


def said(**table: Any) -> tuple[H323Options, list[str]]:
    findings = Findings("x.toml")
    return read(table, "paths[0].h323", findings), [str(each) for each in findings]


def test_nothing_said_is_the_default() -> None:
    assert said() == (DEFAULTS, []) and DEFAULTS.tokens is Tokens.PASS
    (path,) = h323_plan().paths
    assert of(path) is DEFAULTS


def test_what_becomes_of_tokens() -> None:
    for word in Tokens:
        assert said(tokens=word.value) == (H323Options(tokens=word), [])
    options, faults = said(tokens="forge")
    assert options == DEFAULTS and '"pass", "strip", "refuse"' in faults[0] and "paths[0].h323.tokens" in faults[0]


def test_what_becomes_of_who_is_private() -> None:
    assert DEFAULTS.private is Private.STRIP
    for word in Private:
        assert said(private=word.value) == (H323Options(private=word), [])
    options, faults = said(private="show")
    assert options == DEFAULTS and "paths[0].h323.private" in faults[0]
