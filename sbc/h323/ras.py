"""The messages of RAS (H.225.0 clause 7.7 and following): which asks, which answers, and how long who waits."""

from __future__ import annotations

import attrs

from sbc.core.message import Kind, Timing

PROTOCOL = (0, 0, 8, 2250, 0, 7)
"""The protocolIdentifier of what the SBC says by itself: H.225.0 version 7."""
NUMBERS = 65_535
"""How many requestSeqNum there are."""
PATIENCE = 66.0
"""Seconds for which RequestInProgress is believed without another word: the longest delay that it can name."""
LINGER = 10.0


@attrs.frozen
class Request:
    """A request of RAS: the names of both answers (empty where there is none), what it does, and how often it is said,
    seconds apart (H.225.0 clause 7.19)."""

    confirm: str
    reject: str = ""
    kind: Kind = Kind.OTHER
    wait: float = 3.0
    times: int = 3

    @property
    def timing(self) -> Timing:
        """The same as the core has it."""
        return Timing(self.wait, self.wait, self.wait * self.times, LINGER, PATIENCE, prolonged=True)


REQUESTS = {
    "gatekeeperRequest": Request("gatekeeperConfirm", "gatekeeperReject", wait=5.0),
    "registrationRequest": Request("registrationConfirm", "registrationReject", Kind.BIND),
    "unregistrationRequest": Request("unregistrationConfirm", "unregistrationReject", Kind.BIND, times=2),
    "admissionRequest": Request("admissionConfirm", "admissionReject", wait=5.0),
    "bandwidthRequest": Request("bandwidthConfirm", "bandwidthReject", Kind.MODIFY),
    "disengageRequest": Request("disengageConfirm", "disengageReject"),
    "locationRequest": Request("locationConfirm", "locationReject", wait=5.0),
    "infoRequest": Request("infoRequestResponse", times=2),
    "infoRequestResponse": Request("infoRequestAck", "infoRequestNak", wait=5.0),
    "resourcesAvailableIndicate": Request("resourcesAvailableConfirm"),
    "serviceControlIndication": Request("serviceControlResponse"),
}
"""Every message that is answered. An infoRequestResponse is one only where it says that it needs an answer."""
CONFIRMS = {request.confirm: name for name, request in REQUESTS.items()}
CONFIRMS["admissionConfirmSequence"] = "admissionRequest"
REJECTS = {request.reject: name for name, request in REQUESTS.items() if request.reject}
IN_PROGRESS, UNKNOWN, NON_STANDARD = "requestInProgress", "unknownMessageResponse", "nonStandardMessage"
