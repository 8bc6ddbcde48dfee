"""Values: as attrs' frozen classes, but for what is checked whenever one is made."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.value import value


@value
class Spot:
    at: int
    name: str = ""


@value(cache_hash=True)
class Kept:
    at: int


def test_values_compare_and_hash_by_what_they_hold() -> None:
    assert Spot(1, "one") == Spot(1, "one") != Spot(1)
    assert hash(Spot(1, "one")) == hash(Spot(1, "one"))
    assert {Spot(1): "there"}[Spot(1)] == "there"
    assert {Kept(1): "there"}[Kept(1)] == "there"
    assert attrs.evolve(Spot(1), name="one") == Spot(1, "one")


def test_they_have_no_room_for_anything_else() -> None:
    with pytest.raises(AttributeError):
        Spot(1).other = 2  # type: ignore[attr-defined]
