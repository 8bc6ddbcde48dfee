"""Why things fail, in H.248's numbers (H.248.8) and in the core's words."""

from __future__ import annotations

from sbc.core.message import Cause, Elsewhere, Ending, Refused

OF_REFUSALS = {
    Cause.NOT_FOUND: 581,  # does not exist
    Cause.NO_CALL: 411,  # unknown ContextID
    Cause.FORBIDDEN: 504,  # command received from unauthorized entity
    Cause.UNBOUND: 505,  # transaction request received before a ServiceChange reply has been received
    Cause.BUSY: 510,  # insufficient resources
    Cause.ENGAGED: 510,
    Cause.RATE: 510,
    Cause.BANDWIDTH: 526,  # insufficient bandwidth
    Cause.QUOTA: 510,
    Cause.DENIED: 504,
    Cause.NO_PORTS: 510,
    Cause.LOOP: 500,  # internal software failure
    Cause.MERGED: 500,
    Cause.TIMEOUT: 530,  # temporary network failure
    Cause.UNREACHABLE: 530,
    Cause.ABSENT: 503,  # service unavailable
    Cause.FLOW: 503,
    Cause.UNSUPPORTED: 501,  # not implemented
    Cause.SECURITY: 449,  # unsupported or unknown parameter or property value
    Cause.WITHDRAWN: 500,
    Cause.DRAINING: 502,  # not ready
    Cause.SEALED: 402,  # unauthorized
    Cause.BRIEF: 501,
}
"""What the SBC itself refuses."""
ILLEGAL_COMBINATION = 421
"""Unknown action or illegal combination of actions."""
BAD_SDP = 474
"""Invalid SDP syntax."""
UNKNOWN_CONTEXT = 411
GONE = frozenset({UNKNOWN_CONTEXT, 430, 431, 435, 581})
"""Of who was to be taken off: it is not there, so it is off."""

OF_ENDINGS = {
    Ending.NORMAL: 905,  # termination taken out of service
    Ending.SHUTDOWN: 908,  # MG impending failure
    Ending.SILENT: 906,  # loss of lower layer connectivity
    Ending.VANISHED: 906,
    Ending.UNREACHABLE: 906,
}
"""Reasons of a ServiceChange that tells of a termination lost (H.248.8); 904 (malfunctioning) is said of others."""
REASONS = {
    900: "Service Restored",
    904: "Termination malfunctioning",
    905: "Termination taken out of service",
    906: "Loss of lower layer connectivity",
    908: "MG Impending Failure",
}

_ELSEWHERE = {500: Elsewhere.ERROR, 502: Elsewhere.UNAVAILABLE, 503: Elsewhere.UNAVAILABLE, 529: Elsewhere.ERROR}
_ENDINGS = {
    402: Ending.UNAUTHORIZED,
    412: Ending.CONGESTION,
    430: Ending.NOT_FOUND,
    431: Ending.NOT_FOUND,
    432: Ending.CONGESTION,
    433: Ending.BUSY,
    434: Ending.CONGESTION,
    449: Ending.INCOMPATIBLE,
    474: Ending.INCOMPATIBLE,
    504: Ending.UNAUTHORIZED,
    510: Ending.CONGESTION,
    515: Ending.INCOMPATIBLE,
    517: Ending.INCOMPATIBLE,
    526: Ending.CONGESTION,
    530: Ending.UNREACHABLE,
    531: Ending.UNREACHABLE,
}


class Illegal(Refused):
    """A transaction that is right by itself, but that the SBC does not take across: actions that do not go together."""

    def __init__(self, why: str) -> None:
        super().__init__(Cause.UNSUPPORTED, why)


def code_of(refused: Refused) -> int:
    """The error code that says why the SBC refuses."""
    return ILLEGAL_COMBINATION if isinstance(refused, Illegal) else OF_REFUSALS[refused.cause]


def ending_of(code: int) -> Ending:
    """How a call ends whose gateway answers with that error code."""
    return _ENDINGS.get(code, Ending.FAILED)


def elsewhere_of(code: int) -> Elsewhere | None:
    """Whether another controller might do better than one that answers with that error code."""
    return _ELSEWHERE.get(code)


def reason_of(ending: Ending | None) -> bytes:
    """The reason that a ServiceChange gives for a termination whose call the SBC ends."""
    code = OF_ENDINGS.get(ending or Ending.NORMAL, 904)
    return b"%d %s" % (code, REASONS[code].encode())


def cause_of_ours(why: Ending | Cause) -> int:
    """The number of what the SBC itself refuses, or the reason for which it ends a call."""
    return OF_REFUSALS[why] if isinstance(why, Cause) else OF_ENDINGS.get(why, 904)
