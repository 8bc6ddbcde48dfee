"""Call priority, as a Setup and a request for leave have it."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.h323.priority import priority_of
from tests.h323.test_describe import said as said_in_ras
from tests.h323.test_signal import said as said_in_signalling
from tests.h323_calls import arq, setup


def feature(*octets: int, number: int = 4, parameter: int = 1) -> dict[str, Any]:
    return {
        "id": ("standard", number),
        "parameters": [{"id": ("standard", parameter), "content": ("raw", bytes(octets))}],
    }


@pytest.mark.parametrize(("octet", "level"), [(0, 6), (1, 5), (2, 3), (3, 0), (0x40, 6), (0x81, 5), (4, 0), (7, 0)])
def test_each_priority(octet: int, level: int) -> None:
    """Whatever else it has; 4: a later edition's."""
    assert priority_of({"desiredFeatures": [feature(octet, 0)]}) == level


def test_it_stands_in_a_feature_of_either_and_on_the_wire() -> None:
    lists = {"replacementFeatureSet": False, "desiredFeatures": [feature(2)]}
    assert said_in_ras(arq(20, featureSet=lists)).priority == 3
    assert said_in_ras(arq(20)).priority == 0
    assert said_in_signalling(setup(neededFeatures=[feature(0, 0)])).priority == 6
    assert said_in_signalling(setup()).priority == 0


@pytest.mark.parametrize("other", [feature(), feature(0, number=9), feature(0, parameter=2), {"id": ("standard", 4)}])
def test_what_is_none_says_nothing(other: dict[str, Any]) -> None:
    assert priority_of({"supportedFeatures": [other], "featureSet": None}) == 0
