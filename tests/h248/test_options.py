"""A path's table for H.248."""

from __future__ import annotations

from typing import Any

from sbc.config.faults import Findings
from sbc.h248.options import DEFAULTS, OWN_PORTS, Authentication, H248Options, Identity, of, read
from tests.rig import make_plan


def said(**table: Any) -> tuple[H248Options, list[str]]:
    findings = Findings("x.toml")
    return read(table, "paths[0].h248", findings), [str(each) for each in findings]


def test_nothing_said_is_the_default() -> None:
    assert said() == (DEFAULTS, []) and H248Options(Authentication.PASS, Identity.NAME) == DEFAULTS
    (path,) = make_plan("h248").paths
    assert of(path) is DEFAULTS and OWN_PORTS


def test_every_word_is_read_and_no_other() -> None:
    for word in Authentication:
        assert said(authentication=word.value) == (H248Options(authentication=word), [])
    for name in Identity:
        assert said(mid=name.value) == (H248Options(mid=name), [])
    options, faults = said(authentication="forge", mid="none")
    assert options == DEFAULTS and [each.split(":")[1].split()[0] for each in faults] and len(faults) == 2


def test_levels_are_whole_octets_in_all() -> None:
    assert said(levels=[8, 4, 4, 8]) == (H248Options(levels=(8, 4, 4, 8)), [])
    for levels in ([8, 4], [64, 8], [0, 8], [], [8, "8"], 8):
        options, faults = said(levels=levels)
        assert options == DEFAULTS and len(faults) == 1 and "levels" in faults[0]
