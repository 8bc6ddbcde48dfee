"""The sums in the counters."""

from __future__ import annotations

import attrs
import pytest

from sbc.media.counters import Drops, Quality, SideCounters, Volume, together


def test_volumes_add() -> None:
    side = SideCounters(Volume(3, 300), Volume(1, 8), Volume(5, 500), Volume(2, 16))
    assert side.received == Volume(4, 308)
    assert side.sent == Volume(7, 516)


def test_every_reason_is_in_the_total() -> None:
    names = [field.name for field in attrs.fields(Drops)]
    assert Drops(**{name: 10**at for at, name in enumerate(names)}).total == int("1" * len(names))


def test_what_was_charged_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Volume(1, 1).packets = 0  # type: ignore[misc]


def test_the_quality_of_two_who_took_turns() -> None:
    first = Quality(100, 10, 2.0, 50.0, 4.0, 9.0, 1, 2, 5)
    later = Quality(300, 0, 6.0, None, 4.4, 8.0, 0, 1, None)
    assert first + later == Quality(400, 10, 5.0, 50.0, 4.3, 9.0, 1, 3, 5)
    assert later + first == Quality(400, 10, 5.0, 50.0, 4.3, 9.0, 1, 3, 5)


def test_nothing_changes_no_quality() -> None:
    some = Quality(100, 10, 2.0, 50.0, 4.0, 9.0, 1, 2, 5)
    assert some + Quality() == some == Quality() + some
    assert together(some, None) == some == together(None, some)
    assert together(None, None) is None


def test_what_nobody_expected_was_not_lost() -> None:
    assert Quality().loss == 0.0 and Quality(200, 10).loss == 0.05
