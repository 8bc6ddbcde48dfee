"""Messages of H.323 for the tests: the recorded ones, as they go over the wire, and a few that the corpora lack."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.address import Address
from sbc.h323.codec import build_control, build_ras, build_signal
from sbc.h323.per import encode
from sbc.octets.tpkt import wrap
from tests.corpora import corpus

RECORDED = [
    (name, data if name.endswith(".ras") else wrap(data))
    for folder in ("h323/lab", "h323/real")
    for pattern in ("*.ras", "*.q931", "*.h245")
    for name, data in corpus(folder, pattern)
]
needs_recorded = pytest.mark.skipif(not RECORDED, reason="../shared/corpora/h323 is not there")

GUID = bytes(range(16))
TERMINAL = Address("192.168.1.10", 1720)
OTHER = Address("192.168.1.11", 1719)
PROTOCOL = (0, 0, 8, 2250, 0, 6)


def ip(address: Address = TERMINAL) -> tuple[str, dict[str, Any]]:
    return "ipAddress", {"ip": bytes(map(int, address.host.split("."))), "port": address.port}


def ip6() -> tuple[str, dict[str, Any]]:
    return "ip6Address", {"ip": bytes.fromhex("20010db8000000000000000000000010"), "port": 1720}


def unicast(address: Address = TERMINAL) -> tuple[str, Any]:
    host = bytes(map(int, address.host.split(".")))
    return "unicastAddress", ("iPAddress", {"network": host, "tsapIdentifier": address.port})


def source_route() -> tuple[str, dict[str, Any]]:
    hops = [bytes((192, 168, 1, 20)), bytes((192, 168, 1, 21))]
    host = bytes(map(int, TERMINAL.host.split(".")))
    return "ipSourceRoute", {"ip": host, "port": 1720, "route": hops, "routing": ("strict", 0)}


def control_source_route() -> tuple[str, Any]:
    hops = [bytes((192, 168, 1, 20)), bytes((192, 168, 1, 21))]
    host = bytes(map(int, TERMINAL.host.split(".")))
    parts = {"routing": ("loose", 0), "network": host, "tsapIdentifier": 1720, "route": hops}
    return "unicastAddress", ("iPSourceRouteAddress", parts)


def endpoint_type() -> dict[str, Any]:
    return {"terminal": {}, "mc": False, "undefinedNode": False}


def token() -> dict[str, Any]:
    return {"tokenOID": (0, 0, 8, 235, 0, 2, 1), "timeStamp": 1_000_000, "password": "secret", "random": -5}


def registration(**more: Any) -> bytes:
    value = {
        "requestSeqNum": 7,
        "protocolIdentifier": PROTOCOL,
        "discoveryComplete": True,
        "callSignalAddress": [ip(), source_route()],
        "rasAddress": [ip(OTHER)],
        "terminalType": endpoint_type(),
        "terminalAlias": [
            ("h323-ID", "alice"),
            ("dialledDigits", "100"),
            ("url-ID", "sip:a@b"),
            ("dialledDigits", "12"),
        ],
        "gatekeeperIdentifier": "gk",
        "endpointVendor": {"vendor": {"t35CountryCode": 1, "t35Extension": 2, "manufacturerCode": 3}},
        "timeToLive": 300,
        "tokens": [token()],
        "keepAlive": False,
        "endpointIdentifier": "1234_ep",
        "willSupplyUUIEs": False,
        "maintainConnection": False,
    }
    return build_ras("registrationRequest", value | more)


def traversal(address: Address = TERMINAL) -> bytes:
    """H.460.19's TraversalParameters."""
    return encode("TraversalParameters", {"keepAliveChannel": unicast(address), "keepAliveInterval": 20})


def channel(number: int = 1, address: Address = TERMINAL) -> dict[str, Any]:
    """An OpenLogicalChannel for audio, with what H.460.19 adds."""
    rtcp = Address(address.host, address.port + 1)
    parameters = {"sessionID": 1, "mediaChannel": unicast(address), "mediaControlChannel": unicast(rtcp)}
    generic = {
        "messageIdentifier": ("standard", (0, 0, 8, 460, 19, 0, 1)),
        "messageContent": [
            {"parameterIdentifier": ("standard", 1), "parameterValue": ("octetString", traversal(address))}
        ],
    }
    return {
        "forwardLogicalChannelNumber": number,
        "forwardLogicalChannelParameters": {
            "dataType": ("audioData", ("g711Ulaw64k", 20)),
            "multiplexParameters": ("h2250LogicalChannelParameters", parameters),
        },
        "genericInformation": [generic],
    }


def setup(**more: Any) -> bytes:
    """A Setup with fast start, tunnelled H.245 and early parallel H.245."""
    body = {
        "protocolIdentifier": PROTOCOL,
        "sourceAddress": [("h323-ID", "alice")],
        "sourceInfo": endpoint_type(),
        "destinationAddress": [("dialledDigits", "200")],
        "destCallSignalAddress": ip(OTHER),
        "activeMC": False,
        "conferenceID": GUID,
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "sourceCallSignalAddress": ip(),
        "callIdentifier": {"guid": GUID},
        "fastStart": [encode("OpenLogicalChannel", channel(each)) for each in (1, 2)],
        "mediaWaitForConnect": False,
        "canOverlapSend": False,
        "multipleCalls": False,
        "maintainConnection": False,
        "parallelH245Control": [build_control("request", "openLogicalChannel", channel(3), tpkt=False)],
    }
    tunnelled = build_control("request", "openLogicalChannel", channel(4), tpkt=False)
    elements = {0x28: b"alice", 0x6C: b"\x00\x83100", 0x70: b"\x80200"}
    return build_signal("setup", 300, False, body | more, elements, [tunnelled, tunnelled], {"h245Tunnelling": True})


def incoming_call() -> bytes:
    """H.460.18's ServiceControlIndication: a call waits at an address."""
    indication = encode("IncomingCallIndication", {"callSignallingAddress": ip(), "callID": {"guid": GUID}})
    generic = {"id": ("standard", 18), "parameters": [{"id": ("standard", 1), "content": ("raw", indication)}]}
    return build_ras("serviceControlIndication", {"requestSeqNum": 9, "serviceControl": [], "genericData": [generic]})


def ras_in_facility() -> bytes:
    """H.460.17: a registration inside a Facility."""
    generic = {"id": ("standard", 17), "parameters": [{"id": ("standard", 1), "content": ("raw", registration())}]}
    return build_signal("facility", 0, False, ("empty", {}), extra={"h245Tunnelling": False, "genericData": [generic]})


def vendors(octets: bytes) -> dict[str, Any]:
    """Non-standard data: what it means only its vendor knows."""
    maker = ("h221NonStandard", {"t35CountryCode": 181, "t35Extension": 0, "manufacturerCode": 18})
    return {"nonStandardIdentifier": maker, "data": octets}


def transfer(address: Address = TERMINAL) -> bytes:
    """H.450.2's callTransferInitiate, in which the party to be called is named by an address: written by hand."""
    place = bytes(map(int, address.host.split("."))) + address.port.to_bytes(2, "big")
    argument = (
        b"\x20\x23\x45\x00\x01\x81\x07\x00" + place
    )  # call 1234; one alias: its second extension, a transport address
    return b"\x00\x01\x10\x00\x01\x00\x01\x09" + bytes((len(argument),)) + argument


def supplementary(address: Address = TERMINAL) -> bytes:
    """A Facility with H.450, a message of another network's signalling, and what a vendor has to say."""
    packed = bytes(map(int, address.host.split(".")))
    extra = {
        "nonStandardData": vendors(b"\x01\x04" + packed),
        "h4501SupplementaryService": [transfer(address)],
        "h245Tunnelling": False,
        "nonStandardControl": [vendors(f"via {address.host}".encode()), vendors(address.host.encode("utf-16-be"))],
        "tunnelledSignallingMessage": {
            "tunnelledProtocolID": {"id": ("tunnelledProtocolObjectID", (1, 3, 12, 9))},
            "messageContent": [b"\x08\x01\x01\x62\x7e\x05\x00" + packed, b"\x08\x01\x01\x7d"],
        },
    }
    body = {"protocolIdentifier": PROTOCOL, "reason": ("undefinedReason", 0)}
    return build_signal("facility", 12, False, body, {0x28: f"alice [{address.host}]".encode()}, extra=extra)


def other_feature(address: Address = TERMINAL) -> bytes:
    """Generic data of a feature that nobody here knows."""
    packed = bytes(map(int, address.host.split(".")))
    parameters = [{"id": ("standard", 1), "content": ("raw", b"\x04" + packed + b"\x06\xb8")}]
    return registration(genericData=[{"id": ("standard", 99), "parameters": parameters}])


MADE = [
    ("registration", registration()),
    ("setup", setup()),
    ("incoming-call", incoming_call()),
    ("ras-in-facility", ras_in_facility()),
    ("route-in-h245", build_control("request", "openLogicalChannel", channel() | {
        "reverseLogicalChannelParameters": {
            "dataType": ("data", {"application": ("t38fax", {"t38FaxProtocol": ("udp", 0), "t38FaxProfile": {
                "fillBitRemoval": False, "transcodingJBIG": False, "transcodingMMR": False}}), "maxBitRate": 144}),
            "multiplexParameters": ("h2250LogicalChannelParameters", {
                "sessionID": 0, "mediaChannel": control_source_route(),
                "mediaControlChannel": ("multicastAddress", ("iPAddress", {
                    "network": bytes((192, 168, 1, 10)), "tsapIdentifier": 5004}))}),
        }})),
    ("tokens-alone", build_ras("unregistrationRequest", {
        "requestSeqNum": 1, "callSignalAddress": [ip()], "endpointAlias": [("dialledDigits", "100")],
        "tokens": [token()]})),
    ("no-user-user", build_signal("statusInquiry", 12, True)),
]  # fmt: skip
ALL = RECORDED + MADE
UNREAD = [
    ("vendors", registration(nonStandardData=vendors(b"\x01" + bytes((192, 168, 1, 10)) + b" 192.168.1.10"))),
    ("supplementary", supplementary()),
    ("other-feature", other_feature()),
    ("vendors-control", build_control("command", "nonStandard", {"nonStandardData": {
        "nonStandardIdentifier": ("object", (1, 2, 3)), "data": b"\x05" + bytes((192, 168, 1, 10))}})),
]  # fmt: skip
"""What holds addresses where nobody here reads."""
