"""Features that the SBC itself answers to terminals (H.460): no business of the gatekeeper's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.h323 import per
from sbc.h323.anew import transport_address
from sbc.h323.codec import build_ras

TRAVERSAL = 18
"""H.460.18: the terminal opens the connection for a call to it, when an indication tells it to."""
MEDIA = 19
"""H.460.19: where media comes through a NAT, the terminal keeps the way open."""
OURS = frozenset({17, TRAVERSAL, MEDIA})
"""What is agreed upon hop by hop, for the NAT between a terminal and us."""
LISTS = ("supportedFeatures", "desiredFeatures", "neededFeatures")
_INCOMING_CALL = 1


@attrs.frozen
class Answered:
    """What is to become of a message's featureSet: those of ours go, and of ours `put` are supported."""

    put: tuple[int, ...] = ()


def offers(value: Mapping[str, Any], number: int) -> bool:
    """Whether a message of RAS offers the standard feature of that number."""
    held = value.get("featureSet")
    if not isinstance(held, dict):
        return False
    return any(_number(each) == number for name in LISTS for each in held.get(name) or ())


def answered(value: Mapping[str, Any], answer: Answered) -> dict[str, Any]:
    """The value of a RAS message whose featureSet is as `answer` says; without any where nothing is left of it."""
    said = dict(value)
    held = without_ours(said.pop("featureSet", None) or {"replacementFeatureSet": False})
    if answer.put:
        put = [{"id": ("standard", number)} for number in answer.put]
        held["supportedFeatures"] = [*held.get("supportedFeatures", ()), *put]
    if any(name in held for name in LISTS):
        said["featureSet"] = held
    return said


def without_ours(held: Mapping[str, Any]) -> dict[str, Any]:
    """A featureSet less what is agreed upon with us."""
    left = {name: each for name, each in held.items() if name not in LISTS}
    for name in LISTS:
        kept = [each for each in held.get(name) or () if _number(each) not in OURS]
        if kept:
            left[name] = kept
    return left


def has_ours(value: Mapping[str, Any]) -> bool:
    """Whether a message's featureSet names any that is agreed upon with us."""
    return any(offers(value, number) for number in OURS)


def incoming_call(number: int, guid: bytes, at: Address) -> bytes:
    """The serviceControlIndication that tells a terminal to open a connection to `at` for the call `guid` (H.460.18
    clause 8). It opens a session besides, since there are terminals that look for one."""
    told = per.encode(
        "IncomingCallIndication", {"callSignallingAddress": transport_address(at), "callID": {"guid": guid}}
    )
    parameter = {"id": ("standard", _INCOMING_CALL), "content": ("raw", told)}
    said = {
        "requestSeqNum": number,
        "serviceControl": [{"sessionId": 0, "reason": ("open", 0)}],
        "genericData": [{"id": ("standard", TRAVERSAL), "parameters": [parameter]}],
    }
    return build_ras("serviceControlIndication", said)


def _number(feature: Any) -> int | None:
    kind, name = feature["id"]
    return name if kind == "standard" and isinstance(name, int) else None
