"""Why calls end, in H.323's words (Q.850, H.225.0 clause 7.2.2.8 and its table 5) and in ours."""

from __future__ import annotations

from typing import Any

from sbc.core.message import Cause, Elsewhere, Ending
from sbc.h323.message import H323Message

ENDINGS = {
    1: Ending.NOT_FOUND,
    2: Ending.NOT_FOUND,
    3: Ending.NOT_FOUND,
    16: Ending.REJECTED,  # before the answer: who was called did not want it
    17: Ending.BUSY,
    18: Ending.NO_ANSWER,
    19: Ending.NO_ANSWER,
    20: Ending.UNREACHABLE,
    21: Ending.REJECTED,
    22: Ending.MOVED,
    27: Ending.UNREACHABLE,
    28: Ending.NOT_FOUND,
    34: Ending.CONGESTION,
    38: Ending.UNREACHABLE,
    41: Ending.FAILED,
    42: Ending.CONGESTION,
    47: Ending.CONGESTION,
    57: Ending.REJECTED,
    58: Ending.CONGESTION,
    65: Ending.INCOMPATIBLE,
    79: Ending.INCOMPATIBLE,
    88: Ending.INCOMPATIBLE,
    102: Ending.NO_ANSWER,
}
"""What a cause means for a call that nobody has answered."""
ELSEWHERE = dict.fromkeys((34, 38, 41, 42, 47, 58), Elsewhere.UNAVAILABLE)
"""Causes of one gatekeeper or gateway that another might not have: what is 503 in SIP (RFC 3398 section 7.2.4.1)."""
_OF_REASONS = {
    "noBandwidth": 34,
    "gatekeeperResources": 47,
    "unreachableDestination": 3,
    "destinationRejection": 16,
    "invalidRevision": 88,
    "noPermission": 127,
    "unreachableGatekeeper": 38,
    "gatewayResources": 42,
    "badFormatAddress": 28,
    "adaptiveBusy": 41,
    "inConf": 17,
    "facilityCallDeflection": 16,
    "securityDenied": 31,
    "calledPartyNotRegistered": 20,
    "callerNotRegistered": 31,
}
"""The cause that a ReleaseCompleteReason stands for, where the message has none of its own (H.225.0, table 5)."""
REASONS = {
    Cause.SEALED: "securityDenied",
    Cause.SECURITY: "securityDenied",
    Cause.BANDWIDTH: "noBandwidth",
    Cause.QUOTA: "noPermission",
    Cause.DENIED: "securityDenied",
}
"""The ReleaseCompleteReason that says more than the cause does."""


def cause_of(message: H323Message) -> int | None:
    """The Q.850 cause of a message; what its reason stands for where it has none; None where it gives neither."""
    head = message.message.q931
    if head is None or head.cause is not None:
        return None if head is None else head.cause
    value: Any = message.value
    reason = value.get("reason") if isinstance(value, dict) else None
    return _OF_REASONS.get(reason[0], 31) if isinstance(reason, tuple) else None
