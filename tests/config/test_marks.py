"""The keys that say how packets are marked."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.config.faults import Findings, Unfit
from sbc.config.marks import MARK, not_moved, read
from sbc.policy.marking import Classes, Incoming, Mapped, Mark, Marks


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (0, Mark(0)),
        (63, Mark(63)),
        ("EF", Mark(46)),
        ("af41", Mark(34)),
        ("cs7/7", Mark(56, 7)),
        ("46/0", Mark(46, 0)),
        ("le", Mark(1)),
        ("va", Mark(44)),
    ],
)
def test_a_mark_is_a_number_or_a_name_with_a_priority_or_without(value: object, mark: Mark) -> None:
    assert MARK.read(value) == mark


@pytest.mark.parametrize("value", [-1, 64, True, 1.0, None, "", "eff", "ef/", "ef/8", "ef/55", "/5", "64", "af44", "٣"])
def test_what_is_no_mark(value: object) -> None:
    with pytest.raises(Unfit):
        MARK.read(value)


def reading(table: dict[str, Any], media: dict[str, Any] | None = None) -> tuple[Marks, list[str]]:
    findings = Findings("sbc.toml")
    marks = read(table, media or {}, "realms.access", findings)
    return marks, [f"{fault.key}: {fault.problem}" for fault in findings.faults]


def test_all_of_it_is_read() -> None:
    table = {
        "signalling": "cs3",
        "media": "ef/5",
        "emergency": {"video": 34},
        "incoming": "map",
        "map": ["cs5=ef", "8 = 0"],
    }
    assert reading(table) == (
        Marks(
            signalling=Mark(24),
            media=Mark(46, 5),
            emergency=Classes(video=Mark(34)),
            incoming=Incoming.MAP,
            map=(Mapped(40, 46), Mapped(8, 0)),
        ),
        [],
    )
    assert reading({}) == (Marks(), [])


@pytest.mark.parametrize(
    ("table", "media", "fault"),
    [
        ({"incoming": "map"}, {}, "realms.access.marks.map: "),
        ({"map": ["ef=0"]}, {}, "realms.access.marks.map: is of no use"),
        ({"incoming": "keep", "map": ["ef=0"]}, {}, "realms.access.marks.map: is of no use"),
        ({"incoming": "map", "map": ["ef=0", "46=8"]}, {}, "realms.access.marks.map: says of one DSCP twice"),
        ({"incoming": "map", "map": ["ef"]}, {}, "realms.access.marks.map: number 0"),
        ({"priority": {"incoming": "keep"}}, {}, "realms.access.marks.priority.incoming: "),
        ({}, {"dscp": 46}, "realms.access.media.dscp: is one of several marks, which stand in a table of their own"),
    ],
)
def test_what_is_wrong_is_said(table: dict[str, Any], media: dict[str, Any], fault: str) -> None:
    _, (found,) = reading(table, media)
    assert found.startswith(fault)


def test_what_has_moved_is_not_read_where_it_was() -> None:
    assert not_moved({"dscp": 46, "address": "192.0.2.1"}) == {"address": "192.0.2.1"}
