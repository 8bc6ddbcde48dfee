"""What the SBC answers by itself in RAS (H.225.0 clauses 7.8 to 7.18): refusals, and that it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sbc.core.address import Address, literal
from sbc.core.message import Cause, Refused
from sbc.h323.codec import build_ras
from sbc.h323.describe import number_of
from sbc.h323.message import H323Message
from sbc.h323.ras import PROTOCOL, REQUESTS, UNKNOWN

MOST_BANDWIDTH = 4_294_967_295
"""The most that a BandWidth says."""
_NOWHERE: Any = ("ipAddress", {"ip": bytes(4), "port": 0})
_REASONS: dict[str, dict[Cause, str]] = {
    "gatekeeperReject": {
        Cause.FORBIDDEN: "terminalExcluded",
        Cause.DENIED: "securityDenial",
        Cause.UNSUPPORTED: "undefinedReason",
    },
    "registrationReject": {
        Cause.UNBOUND: "fullRegistrationRequired",
        Cause.FORBIDDEN: "securityDenial",
        Cause.DENIED: "securityDenial",
        Cause.QUOTA: "securityDenial",
        Cause.UNSUPPORTED: "undefinedReason",
        Cause.NO_CALL: "undefinedReason",
    },
    "unregistrationReject": {Cause.UNBOUND: "notCurrentlyRegistered"},
    "admissionReject": {
        Cause.UNBOUND: "callerNotRegistered",
        Cause.NOT_FOUND: "calledPartyNotRegistered",
        Cause.ABSENT: "calledPartyNotRegistered",
        Cause.FORBIDDEN: "requestDenied",
        Cause.ENGAGED: "exceedsCallCapacity",
        Cause.BANDWIDTH: "requestDenied",  # which stands for "no bandwidth available"
        Cause.QUOTA: "invalidPermission",  # "permission has expired"
        Cause.DENIED: "securityDenial",
        Cause.UNSUPPORTED: "undefinedReason",
    },
    "bandwidthReject": {
        Cause.UNBOUND: "notBound",
        Cause.FORBIDDEN: "invalidPermission",
        Cause.QUOTA: "invalidPermission",
        Cause.DENIED: "securityDenial",
    },
    "disengageReject": {Cause.UNBOUND: "notRegistered"},
    "locationReject": {
        Cause.UNBOUND: "notRegistered",
        Cause.NOT_FOUND: "requestDenied",
        Cause.ABSENT: "requestDenied",
        Cause.FORBIDDEN: "requestDenied",
        Cause.DENIED: "securityDenial",
        Cause.UNSUPPORTED: "undefinedReason",
    },
    "infoRequestNak": {Cause.UNBOUND: "notRegistered"},
}
_OTHERWISE = {
    "gatekeeperReject": "resourceUnavailable",
    "registrationReject": "resourceUnavailable",
    "unregistrationReject": "undefinedReason",
    "admissionReject": "resourceUnavailable",
    "bandwidthReject": "insufficientResources",
    "disengageReject": "securityDenial",
    "locationReject": "resourceUnavailable",
    "infoRequestNak": "undefinedReason",
}
"""What is said for every other cause: mostly that something is short, for now."""
_WITH_OTHERS = frozenset(_OTHERWISE) - {"unregistrationReject", "disengageReject"}
"""Rejects that may name others: what somebody takes back is asked of nobody else."""


def refuse(message: H323Message, refused: Refused) -> bytes | None:
    """The reject that says `refused`; what has none is not understood. None where nothing is answered."""
    request = REQUESTS.get(message.name)
    if request is None or (message.name == "infoRequestResponse" and not message.value.get("needResponse")):
        return None
    number = number_of(message)
    if not request.reject:
        return build_ras(UNKNOWN, {"requestSeqNum": number})
    reason = _REASONS[request.reject].get(refused.cause, _OTHERWISE[request.reject])
    if refused.cause is Cause.SEALED:
        reason = "securityDenial"  # which each of them knows
    field = "nakReason" if request.reject == "infoRequestNak" else "rejectReason"
    said: dict[str, Any] = {"requestSeqNum": number, field: (reason, 0)}
    if request.reject in ("gatekeeperReject", "registrationReject"):
        said["protocolIdentifier"] = PROTOCOL
    if request.reject == "bandwidthReject":
        said["allowedBandWidth"] = min(refused.room // 50, MOST_BANDWIDTH)
    if refused.others and request.reject in _WITH_OTHERS:
        said["altGKInfo"] = {"alternateGatekeeper": _gatekeepers(refused.others), "altGKisPermanent": False}
    return build_ras(request.reject, said)


def _gatekeepers(others: Sequence[Address]) -> list[dict[str, Any]]:
    """Where else to turn, in that order (clause 7.2.3): nobody there knows who registers here."""
    found = [(each, literal(each.host)) for each in others]
    return [
        {
            "rasAddress": ("ipAddress", {"ip": ip.packed, "port": each.port})
            if ip.version == 4
            else ("ip6Address", {"ip": ip.packed, "port": each.port}),
            "needToRegister": True,
            "priority": place,
        }
        for place, (each, ip) in enumerate(found)
        if ip is not None
    ]


def accept(message: H323Message) -> bytes | None:
    """The plain yes to a request that the SBC has carried out, or that only asks whether it is there."""
    request = REQUESTS.get(message.name)
    if request is None:
        return None
    number = number_of(message)
    said: dict[str, Any] = {"requestSeqNum": number}
    if request.confirm == "gatekeeperConfirm":
        said |= {"protocolIdentifier": PROTOCOL, "rasAddress": _NOWHERE}
    elif request.confirm == "infoRequestResponse":
        said |= {
            "endpointType": {"mc": False, "undefinedNode": False},
            "endpointIdentifier": "sbc",
            "rasAddress": _NOWHERE,
            "callSignalAddress": [],
        }
    elif request.confirm not in ("unregistrationConfirm", "disengageConfirm", "infoRequestAck"):
        return None  # what they say nobody else can say
    return build_ras(request.confirm, said)
