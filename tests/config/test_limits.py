"""The keys that say how much realms, paths and terminals may have at once."""

from __future__ import annotations

import pytest

from sbc.config.faults import Unfit
from sbc.config.limits import CAPS, TABLES

RATE = next(key.kind for key in CAPS if key.name == "calls_per_second")


@pytest.mark.parametrize("value", [0, 1, 0.2, 1_000_000])
def test_rates_may_be_less_than_one_a_second(value: float) -> None:
    assert RATE.read(value) == value


@pytest.mark.parametrize("value", [-1, True, "1", 1_000_001, float("nan"), float("inf"), None])
def test_what_is_no_rate(value: object) -> None:
    with pytest.raises(Unfit):
        RATE.read(value)


def test_a_realm_as_a_whole_always_has_limits_and_the_rest_may_have_none() -> None:
    (of_realm,) = (key.kind for key in TABLES["realms.NAME.limits"] if key.name == "calls")
    (of_terminals,) = (key.kind for key in CAPS if key.name == "calls")
    with pytest.raises(Unfit):
        of_realm.read(0)
    assert of_terminals.read(0) == 0
