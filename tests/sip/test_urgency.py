"""How urgent a request says it is."""

from __future__ import annotations

import pytest

from sbc.sip.urgency import urgency


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (b"", 0),
        (b"ets.4", 1),
        (b"ets.0", 5),
        (b"WPS.3", 2),
        (b"dsn.routine", 1),
        (b"dsn.flash-override", 5),
        (b"drsn.flash-override-override", 6),
        (b"dsn.flash-override-override", 0),
        (b"dsn.flash, q735.2", 4),
        (b"nonsense, wps.1", 4),
        (b"ets.9", 0),
        (b"ets", 0),
        (b".0", 0),
        (b"," * 5000, 0),
    ],
)
def test_the_highest_of_those_that_are_known_counts(value: bytes, priority: int) -> None:
    assert urgency(value) == priority


def test_only_namespaces_that_are_wanted_count() -> None:
    assert urgency(b"dsn.flash, ets.3, WPS.0", (b"ets", b"wps")) == 5
    assert urgency(b"dsn.flash", (b"ets",)) == 0 == urgency(b"dsn.flash", ())
