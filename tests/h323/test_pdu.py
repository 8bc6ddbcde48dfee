"""PDUs and those nested in them: where they stand, who holds them, and how deep they may be."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.message import BadMessage
from sbc.h323.codec import build_control, build_ras, build_signal, decode
from sbc.h323.pdu import DEEPEST, MOST_IN_RAS, MOST_IN_SIGNALS, MOST_PDUS, value_at
from sbc.h323.per import encode
from sbc.h323.spots import Noted
from sbc.octets.tpkt import wrap
from tests.h323_messages import GUID, MADE, channel, registration, setup

DATA = dict(MADE)


def test_nested_pdus_stand_in_the_octets() -> None:
    message = decode(DATA["setup"])
    assert [(each.type, each.holder, each.index, each.parent is message.pdu) for each in message.pdus] == [
        ("H323-UserInformation", "", 0, False),
        ("OpenLogicalChannel", "fastStart", 0, True),
        ("TraversalParameters", "genericInformation", 0, False),
        ("OpenLogicalChannel", "fastStart", 1, True),
        ("TraversalParameters", "genericInformation", 0, False),
        ("MultimediaSystemControlMessage", "parallelH245Control", 0, True),
        ("TraversalParameters", "genericInformation", 0, False),
        ("MultimediaSystemControlMessage", "h245Control", 0, True),
        ("TraversalParameters", "genericInformation", 0, False),
        ("MultimediaSystemControlMessage", "h245Control", 1, True),
        ("TraversalParameters", "genericInformation", 0, False),
    ]
    for pdu in message.pdus:
        assert encode(pdu.type, pdu.whole) == message.data[pdu.start : pdu.end]
        assert pdu.understood
    assert [each.name for each in message.pdus[1:6:2]] == [
        "openLogicalChannel",
        "openLogicalChannel",
        "openLogicalChannel",
    ]
    assert message.pdus[5].group == "request" and message.pdus[1].group == ""
    assert message.pdus[3].value["forwardLogicalChannelNumber"] == 2
    assert message.value["callIdentifier"] == {"guid": GUID}


def test_generic_data_of_h460() -> None:
    indication = decode(DATA["incoming-call"]).pdus[1]
    assert (indication.type, indication.name, indication.holder) == (
        "IncomingCallIndication",
        "incomingCallIndication",
        "genericData",
    )
    facility = decode(DATA["ras-in-facility"])
    assert (facility.name, facility.pdus[0].name) == ("facility", "empty")
    assert facility.pdus[1].name == "registrationRequest"
    assert facility.data[facility.pdus[1].start : facility.pdus[1].end] == registration()


def test_a_call_named_in_generic_data() -> None:
    """H.460.18 tells whose control channel a connection is by the octets of its callIdentifier."""
    content = [{"parameterIdentifier": ("standard", 1), "parameterValue": ("octetString", GUID)}]
    generic = {"messageIdentifier": ("standard", (0, 0, 8, 460, 18, 0, 1)), "messageContent": content}
    message = decode(build_control("indication", "genericIndication", generic))
    (spot,) = message.spots
    assert (spot.kind, spot.value) == (Noted.CALL, GUID)
    message.put(spot, bytes(16))
    assert message.encode() == message.data.replace(GUID, bytes(16))


@pytest.mark.parametrize(
    "identifier",
    [
        ("nonStandard", bytes(16)),
        ("oid", (1, 2, 3)),
        ("standard", 99),
    ],
)
def test_generic_data_of_others_is_left_alone(identifier: Any) -> None:
    generic = {
        "id": identifier,
        "parameters": [{"id": ("standard", 1), "content": ("raw", b"\xff" * 9)}, {"id": identifier}],
    }
    data = build_ras("serviceControlIndication", {"requestSeqNum": 1, "serviceControl": [], "genericData": [generic]})
    assert len(decode(data).pdus) == 1


def test_generic_information_of_vendors_is_left_alone() -> None:
    vendor = {"nonStandardIdentifier": ("object", (1, 2, 3)), "data": b""}
    content = [{"parameterIdentifier": ("h221NonStandard", vendor), "parameterValue": ("octetString", b"\xff" * 9)}]
    generic = {"messageIdentifier": ("h221NonStandard", vendor), "messageContent": content}
    assert len(decode(build_control("command", "genericCommand", generic)).pdus) == 1


def test_several_h245_messages_in_one_packet() -> None:
    trip = build_control("request", "roundTripDelayRequest", {"sequenceNumber": 3}, tpkt=False)
    opened = build_control("request", "openLogicalChannel", channel(), tpkt=False)
    message = decode(wrap(trip + opened + trip))
    assert [each.name for each in message.pdus if each.type != "TraversalParameters"] == [
        "roundTripDelayRequest",
        "openLogicalChannel",
        "roundTripDelayRequest",
    ]


def test_what_follows_a_pdu_is_passed() -> None:
    message = decode(DATA["registration"] + b"more")
    assert message.pdu is not None and not message.pdu.understood
    assert message.encode() == message.data


@pytest.mark.parametrize("held", [b"", b"\xff", b"\x00\x00"])
def test_a_nested_pdu_that_is_none_is_refused(held: bytes) -> None:
    """It might hold an address that nobody sees."""
    with pytest.raises(BadMessage):
        decode(setup(fastStart=[held]))


def test_depth_is_bounded() -> None:
    def inside(data: bytes) -> dict[str, Any]:
        return {"id": ("standard", 17), "parameters": [{"id": ("standard", 1), "content": ("raw", data)}]}

    data = registration()
    for _ in range(DEEPEST):
        decode(data)
        data = build_ras("nonStandardMessage", {"requestSeqNum": 1, "nonStandardData": {
            "nonStandardIdentifier": ("object", (1, 2)), "data": b""}, "genericData": [inside(data)]})  # fmt: skip
    decode(data)
    with pytest.raises(BadMessage, match="deep"):
        decode(build_signal("facility", 0, False, ("empty", {}), extra={"genericData": [inside(data)]}))


def test_how_many_there_are_is_bounded() -> None:
    trip = build_control("request", "roundTripDelayRequest", {"sequenceNumber": 3}, tpkt=False)
    tunnelled = build_signal("facility", 0, False, ("empty", {}), control=[trip] * (MOST_PDUS - 1))
    assert len(decode(tunnelled).pdus) == MOST_PDUS
    for held in (MOST_PDUS, 3_000):
        with pytest.raises(BadMessage, match="many"):
            decode(build_signal("facility", 0, False, ("empty", {}), control=[trip] * held))
    with pytest.raises(BadMessage):
        decode(wrap(trip * MOST_PDUS))


def test_lists_in_ras_are_shorter_than_elsewhere() -> None:
    """It comes from whoever wants to send it; capabilities, in H.245, are many."""
    alias = ("h323-ID", "a")
    others = sum(len(decode(registration()).value[name]) for name in ("callSignalAddress", "rasAddress", "tokens"))
    others += 2  # the hops of a source route
    decode(registration(terminalAlias=[alias] * (MOST_IN_RAS - others)))
    longer = registration(terminalAlias=[alias] * (MOST_IN_RAS - others + 1))
    generic = {"id": ("standard", 17), "parameters": [{"id": ("standard", 1), "content": ("raw", longer)}]}
    for data in (longer, build_signal("facility", 0, False, ("empty", {}), extra={"genericData": [generic]})):
        with pytest.raises(BadMessage, match="many"):
            decode(data)
    assert len(decode(setup(sourceAddress=[alias] * 400)).value["sourceAddress"]) == 400 > MOST_IN_RAS
    with pytest.raises(BadMessage, match="many"):
        decode(setup(sourceAddress=[alias] * (MOST_IN_SIGNALS + 1)))


def test_values_are_found_by_their_path() -> None:
    message = decode(DATA["setup"])
    assert message.pdu is not None
    for spot in message.pdu.spots:
        if spot.kind in (Noted.CALL, Noted.CONFERENCE):
            assert value_at(message.pdu.whole, spot.path) == spot.value
    with pytest.raises(KeyError):
        value_at(message.pdu.whole, ("h323-uu-pdu", "h323-message-body", "connect"))
