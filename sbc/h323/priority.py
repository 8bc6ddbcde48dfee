"""How urgent a call says that it is: call priority designation (H.460.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sbc.h323.features import LISTS

FEATURE = 4
DESIGNATION = 1
"""The feature's parameter that holds a CallPriorityInfo."""
_LEVELS = (6, 5, 3, 0)
"""What Intent.priority is for emergencyAuthorized, emergencyPublic, high and normal."""
_UNKNOWN = 0x04  # of the first octet: a priority that a later edition has named
_PRIORITY = 0x03


def priority_of(value: Mapping[str, Any]) -> int:
    """Intent.priority of a Setup or a request for leave, 0 where it says nothing.

    A CallPriorityInfo begins (aligned PER) with an octet: one bit says that it is extended, four what it has besides,
    three the priority.
    """
    for feature in _features(value):
        if feature.get("id") != ("standard", FEATURE):
            continue
        for parameter in feature.get("parameters") or ():
            kind, content = parameter.get("content") or ("", b"")
            if parameter.get("id") == ("standard", DESIGNATION) and kind == "raw" and content:
                return 0 if content[0] & _UNKNOWN else _LEVELS[content[0] & _PRIORITY]
    return 0


def _features(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A Setup has lists of its own, RAS a set of them, and both may have generic data."""
    held = value.get("featureSet")
    for each in (value, held if isinstance(held, dict) else {}):
        for name in (*LISTS, "genericData"):
            yield from each.get(name) or ()
