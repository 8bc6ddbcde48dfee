"""What the SBC says by itself in RAS."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbc.core.address import Address
from sbc.core.message import Cause, Phase, Refused
from sbc.h323.answers import accept, refuse
from sbc.h323.codec import Wire, build_ras, decode
from sbc.h323.describe import describe
from sbc.h323.message import H323Message
from tests.h323_calls import arq, drq, grq, keepalive, rrq, urq
from tests.h323_tshark import judge, needs_tshark

ASKS = build_ras("infoRequest", {"requestSeqNum": 5, "callReferenceValue": 0})
CASES = [grq(5), rrq(5), keepalive(5), urq(5), arq(5), drq(5), ASKS]


@pytest.mark.parametrize("cause", list(Cause))
def test_every_request_is_refused_by_a_message_that_answers_it(cause: Cause) -> None:
    for asked in CASES:
        data = refuse(H323Message(decode(asked)), Refused(cause, "because"))
        assert data is not None
        intent = describe(H323Message(decode(data)))
        assert (intent.phase, intent.exchange) == (Phase.FAILURE, b"5")


@pytest.mark.parametrize(
    ("cause", "admission", "registration"),
    [
        (Cause.ENGAGED, "exceedsCallCapacity", "resourceUnavailable"),
        (Cause.RATE, "resourceUnavailable", "resourceUnavailable"),
        (Cause.BANDWIDTH, "requestDenied", "resourceUnavailable"),
        (Cause.QUOTA, "invalidPermission", "securityDenial"),
        (Cause.DENIED, "securityDenial", "securityDenial"),
    ],
)
def test_what_the_edge_refuses_is_said_by_its_reason(cause: Cause, admission: str, registration: str) -> None:
    for asked, reason in ((arq(5), admission), (rrq(5), registration)):
        data = refuse(H323Message(decode(asked)), Refused(cause, "because"))
        assert data is not None and decode(data).value["rejectReason"][0] == reason


@needs_tshark
@pytest.mark.parametrize("others", [("203.0.113.2", "203.0.113.3"), ("2001:db8::2",)])
def test_where_else_to_turn_is_said_where_it_is_of_use(others: tuple[str, ...], tmp_path: Path) -> None:
    """In altGKInfo, as a decoder of others' reads it; who takes something back is sent nowhere."""
    no = Refused(Cause.DRAINING, "because")
    no.others = tuple(Address(host, 1719) for host in others)
    rejects = [refuse(H323Message(decode(asked)), no) for asked in CASES]
    for data, judged in zip(rejects, judge(tmp_path, Wire.RAS, [each for each in rejects if each]), strict=True):
        assert data is not None and not judged.faults
        told = decode(data).value.get("altGKInfo") if decode(data).name != "unknownMessageResponse" else None
        if decode(data).name not in ("gatekeeperReject", "registrationReject", "admissionReject"):
            assert told is None and not judged.hosts
            continue
        assert judged.hosts == others and told is not None and not told["altGKisPermanent"]
        assert [(each["priority"], each["needToRegister"]) for each in told["alternateGatekeeper"]] == [
            (place, True) for place in range(len(others))
        ]
    no.others = (Address("sbc2.example", 1719),)
    data = refuse(H323Message(decode(arq(5))), no)
    assert data is not None and decode(data).value["altGKInfo"]["alternateGatekeeper"] == []


def test_what_is_no_request_is_not_refused() -> None:
    for kind in ("disengageConfirm", "unknownMessageResponse"):
        message = H323Message(decode(build_ras(kind, {"requestSeqNum": 5})))
        assert refuse(message, Refused(Cause.BUSY, "because")) is None and accept(message) is None


@pytest.mark.parametrize("asked", [grq(5), urq(5), drq(5), ASKS])
def test_what_can_be_said_yes_to(asked: bytes) -> None:
    data = accept(H323Message(decode(asked)))
    assert data is not None
    intent = describe(H323Message(decode(data)))
    assert (intent.phase, intent.exchange) == (Phase.SUCCESS, b"5")


def test_what_only_a_gatekeeper_can_say_yes_to() -> None:
    for asked in (rrq(5), arq(5)):
        assert accept(H323Message(decode(asked))) is None
