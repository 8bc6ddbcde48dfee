"""The sums in the counters."""

from __future__ import annotations

import attrs
import pytest

from sbc.media.counters import Drops, SideCounters, Volume


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
