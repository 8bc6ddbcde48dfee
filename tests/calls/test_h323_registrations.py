"""Several registrations of one terminal, gatekeepers in place of another, and services, through the SBC."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.address import Address
from sbc.h323.codec import build_ras
from tests.h323_calls import (
    CALLS,
    GATEKEEPER,
    PROTOCOL,
    RAS,
    TERMINAL_CALLS,
    TERMINAL_RAS,
    address_of,
    arq,
    grq,
    h323_rig,
    ip,
    keepalive,
    plain,
    rcf,
    read,
    registered,
    rrq,
    to,
    urq,
)
from tests.laws import assert_no_trace
from tests.rig import NAT, SBC_ACCESS, SBC_CORE, SOFTSWITCH

ALTERNATE = Address("198.51.100.9", 1719)
ALTERNATES: Any = [{"rasAddress": ip(ALTERNATE), "gatekeeperIdentifier": "gk2", "needToRegister": True, "priority": 1}]
INSTEAD: Any = {"alternateGatekeeper": ALTERNATES, "altGKisPermanent": False}


def test_registrations_of_one_terminal_are_told_apart() -> None:
    """A gateway that registers each of its lines: from one place, at addresses of its own, under names of their own."""
    rig = h323_rig()
    ports = []
    for number in range(3):
        ras, calls = TERMINAL_RAS._replace(port=20000 + number), TERMINAL_CALLS._replace(port=1720 + number)
        more = {"ras": ras, "calls": calls, "terminalAlias": [("dialledDigits", f"10{number}")]}
        ports.append(registered(rig, NAT, f"{number}_endp", 6 + number, **more))
    assert len({own.address for own in ports}) == 3 and len(rig.border.registry.bindings) == 3
    for number, own in enumerate(ports):
        (sent,) = to(rig.from_access(arq(30 + number, f"{number}_endp")), "core")
        assert sent.listener == own


def test_what_adds_names_to_a_registration_is_of_the_same_terminal() -> None:
    """H.323 version 4 (additiveRegistration): the names are others, the place and the endpointIdentifier are not."""
    rig = h323_rig()
    own = registered(rig)
    more = {"terminalAlias": [("dialledDigits", "777")], "endpointIdentifier": "17_endp", "additiveRegistration": 0}
    (sent,) = to(rig.from_access(rrq(7, **more)), "core")
    assert sent.listener == own and address_of(read(sent).value["rasAddress"][0]) == own.address
    (back,) = to(rig.from_core(rcf(sent.data), GATEKEEPER, at=own), "access")
    assert read(back).value["requestSeqNum"] == 7 and len(rig.border.registry.bindings) == 1
    (no,) = to(rig.from_access(rrq(8, **(more | {"endpointIdentifier": "18_endp"}))), "access")
    assert read(no).value["rejectReason"][0] == "fullRegistrationRequired"


def names_no_gatekeeper(answer: Any, name: str) -> None:
    """A terminal is told of other gatekeepers, but where they are it never hears: it reaches all of them through us."""
    assert read(answer).name == name
    assert_no_trace(answer.data, ALTERNATE.host, SOFTSWITCH.host, SBC_CORE.host)
    value = read(answer).value
    each = (value.get("alternateGatekeeper") or value["altGKInfo"]["alternateGatekeeper"])[0]
    assert address_of(each["rasAddress"]) == Address(SBC_ACCESS.host, RAS) and each["gatekeeperIdentifier"] == "gk2"


def test_gatekeepers_that_may_take_anothers_place() -> None:
    rig = h323_rig()
    (asked,) = to(rig.from_access(grq(5)), "core")
    said = {"protocolIdentifier": PROTOCOL, "rasAddress": ip(GATEKEEPER), "alternateGatekeeper": ALTERNATES}
    (back,) = to(rig.from_core(plain("gatekeeperConfirm", asked.data, **said), GATEKEEPER), "access")
    names_no_gatekeeper(back, "gatekeeperConfirm")
    (asked,) = to(rig.from_access(rrq(6)), "core")
    confirmed = rcf(asked.data, alternateGatekeeper=ALTERNATES)
    (back,) = to(rig.from_core(confirmed, GATEKEEPER, at=asked.listener), "access")
    names_no_gatekeeper(back, "registrationConfirm")


@pytest.mark.parametrize("name", ["gatekeeperReject", "registrationReject", "admissionReject"])
def test_a_refusal_may_name_them_too(name: str) -> None:
    rig = h323_rig()
    if name == "admissionReject":
        registered(rig)
    data = {"gatekeeperReject": grq(5), "registrationReject": rrq(6), "admissionReject": arq(20)}[name]
    (asked,) = to(rig.from_access(data), "core")
    said: dict[str, Any] = {"rejectReason": ("resourceUnavailable", 0), "altGKInfo": INSTEAD}
    if name != "admissionReject":
        said["protocolIdentifier"] = PROTOCOL
    (back,) = to(rig.from_core(plain(name, asked.data, **said), GATEKEEPER, at=asked.listener), "access")
    names_no_gatekeeper(back, name)


def test_services_are_controlled_either_way() -> None:
    rig = h323_rig()
    own = registered(rig)
    url = {"sessionId": 1, "contents": ("url", "http://198.51.100.2/menu"), "reason": ("open", 0)}
    asked = build_ras("serviceControlIndication", {"requestSeqNum": 904, "serviceControl": [url]})
    (down,) = to(rig.from_core(asked, GATEKEEPER, at=own), "access")
    assert read(down).value["serviceControl"][0]["contents"] == ("url", f"http://{SBC_ACCESS.host}/menu")
    assert_no_trace(down.data, SOFTSWITCH.host)
    (up,) = to(rig.from_access(plain("serviceControlResponse", down.data, result=("started", 0))), "core")
    assert read(up).value["requestSeqNum"] == 904 and up.to == GATEKEEPER
    mine = {"requestSeqNum": 80, "serviceControl": [], "endpointIdentifier": "17_endp"}
    (up,) = to(rig.from_access(build_ras("serviceControlIndication", mine)), "core")
    (back,) = to(rig.from_core(plain("serviceControlResponse", up.data), GATEKEEPER, at=own), "access")
    assert (up.listener, read(back).value["requestSeqNum"]) == (own, 80) and CALLS


@pytest.mark.parametrize(
    ("asked", "reject", "reason"),
    [
        ("bandwidthRequest", "bandwidthReject", "insufficientResources"),
        ("locationRequest", "locationReject", "requestDenied"),
        ("disengageRequest", "disengageReject", "requestToDropOther"),
        ("infoRequestResponse", "infoRequestNak", "securityDenial"),
        ("unregistrationRequest", "unregistrationReject", "callInProgress"),
    ],
)
def test_every_reject_crosses_with_its_reason(asked: str, reject: str, reason: str) -> None:
    rig = h323_rig()
    own = registered(rig)
    call: Any = {"conferenceID": bytes(16), "callReferenceValue": 77}
    value: dict[str, Any] = {"requestSeqNum": 60, "endpointIdentifier": "17_endp"}
    value |= {
        "bandwidthRequest": {**call, "bandWidth": 640},
        "locationRequest": {"destinationInfo": [("dialledDigits", "200")], "replyAddress": ip(TERMINAL_RAS)},
        "disengageRequest": {**call, "disengageReason": ("normalDrop", 0)},
        "infoRequestResponse": {
            "endpointType": {"mc": False, "undefinedNode": False},
            "rasAddress": ip(TERMINAL_RAS),
            "callSignalAddress": [ip(TERMINAL_CALLS)],
            "needResponse": True,
            "unsolicited": True,
        },
        "unregistrationRequest": {"callSignalAddress": [ip(TERMINAL_CALLS)]},
    }[asked]
    (sent,) = to(rig.from_access(build_ras(asked, value)), "core")
    field = "nakReason" if reject == "infoRequestNak" else "rejectReason"
    said: dict[str, Any] = {field: (reason, 0)} | ({"allowedBandWidth": 64} if reject == "bandwidthReject" else {})
    (back,) = to(rig.from_core(plain(reject, sent.data, **said), GATEKEEPER, at=own), "access")
    assert read(back).name == reject
    assert (read(back).value["requestSeqNum"], read(back).value[field][0]) == (60, reason)
    assert len(rig.border.registry.bindings) == 1


def test_two_gatekeepers_may_give_two_terminals_of_one_nat_the_same_name() -> None:
    """Each is who is at the very place that is bound: a keepalive of the one took the other's place, a goodbye both."""
    rig, other = h323_rig(), NAT._replace(port=40002)
    at = {"ras": TERMINAL_RAS._replace(host="192.168.1.77"), "calls": TERMINAL_CALLS._replace(host="192.168.1.77")}
    ports = [registered(rig), registered(rig, other, number=7, **at)]
    first, second = rig.border.registry.bindings.values()
    orders = rig.from_access(keepalive(8), other)
    for sent in to(orders, "core"):
        rig.from_core(rcf(sent.data), GATEKEEPER, at=sent.listener)
    assert read(to(orders, "access")[0]).name == "registrationConfirm"
    assert (first.seen, second.seen) == (NAT, other)
    (sent,) = to(rig.from_access(urq(9), other), "core")
    assert sent.listener == ports[1]
    rig.from_core(plain("unregistrationConfirm", sent.data), GATEKEEPER, at=sent.listener)
    assert list(rig.border.registry.bindings.values()) == [first]
