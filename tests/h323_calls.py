"""Conversations in H.323 that many tests begin with: a rig with both listeners, and what is said in RAS."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.orders import Listener, Send
from sbc.core.realm import Plan, Registrations, Signaling
from sbc.h323.codec import Message, build_ras, build_signal, decode
from sbc.h323.dialect import H323Dialect
from sbc.h323.per import decode as decode_plain
from sbc.h323.per import encode
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, of

PROTOCOL = (0, 0, 8, 2250, 0, 6)
GATEKEEPER = SOFTSWITCH._replace(port=1719)
RAS, CALLS = 1719, 1720
TERMINAL_RAS = PHONE._replace(port=45845)
TERMINAL_CALLS = PHONE._replace(port=1720)
VENDOR: Any = {"vendor": {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61}}
GUID = bytes(range(1, 17))
CONFERENCE = bytes(range(17, 33))
TIMES = Registrations(behind_nat=60, direct=300, core=3600)


def h323_plan(**more: Any) -> Plan:
    """Both realms with a listener for RAS and one for calls; a port of its own for each terminal."""
    given: dict[str, Any] = {
        "registrations": TIMES,
        "signaling": Signaling.PORT_PER_TERMINAL,
        "signaling_ports": range(41000, 41100),
        "signaling_transports": ("tcp",),
    }
    plan = make_plan("h323", **{**given, **more})
    realms = {
        name: attrs.evolve(realm, listeners=_both(name, host))
        for (name, realm), host in zip(plan.realms.items(), (SBC_ACCESS.host, SBC_CORE.host), strict=True)
    }
    paths = tuple(attrs.evolve(path, next_hops=(GATEKEEPER,)) for path in plan.paths)
    return attrs.evolve(plan, realms=realms, paths=paths)


def _both(realm: str, host: str) -> tuple[Listener, ...]:
    ras, calls = Address(host, RAS), Address(host, CALLS)
    return Listener(realm, "h323", "udp", ras, ras), Listener(realm, "h323", "tcp", calls, calls)


def h323_rig(**more: Any) -> Rig:
    return Rig.make(H323Dialect(), h323_plan(**more))


def ip(address: Address) -> Any:
    return "ipAddress", {"ip": bytes(map(int, address.host.split("."))), "port": address.port}


def endpoint() -> Any:
    return {"terminal": {}, "mc": False, "undefinedNode": False}


def grq(number: int = 5, ras: Address = TERMINAL_RAS, **more: Any) -> bytes:
    said = {"requestSeqNum": number, "protocolIdentifier": PROTOCOL, "rasAddress": ip(ras), "endpointType": endpoint()}
    return build_ras("gatekeeperRequest", {**said, "endpointAlias": [("h323-ID", "alice")], **more})


def rrq(number: int = 6, ras: Address = TERMINAL_RAS, calls: Address = TERMINAL_CALLS, **more: Any) -> bytes:
    said = {
        "requestSeqNum": number,
        "protocolIdentifier": PROTOCOL,
        "discoveryComplete": True,
        "callSignalAddress": [ip(calls)],
        "rasAddress": [ip(ras)],
        "terminalType": endpoint(),
        "terminalAlias": [("h323-ID", "alice"), ("dialledDigits", "100")],
        "endpointVendor": VENDOR,
        "timeToLive": 300,
        "keepAlive": False,
        "willSupplyUUIEs": False,
        "maintainConnection": False,
    }
    return build_ras("registrationRequest", {**said, **more})


def keepalive(number: int, name: str = "17_endp", **more: Any) -> bytes:
    """A lightweight registration (H.225.0 clause 7.9.1): what it must say, and nothing else."""
    said = {
        "requestSeqNum": number,
        "protocolIdentifier": PROTOCOL,
        "discoveryComplete": True,
        "callSignalAddress": [],
        "rasAddress": [],
        "terminalType": endpoint(),
        "endpointVendor": VENDOR,
        "timeToLive": 300,
        "keepAlive": True,
        "endpointIdentifier": name,
        "willSupplyUUIEs": False,
        "maintainConnection": False,
    }
    return build_ras("registrationRequest", {**said, **more})


def rcf(asked: bytes, name: str = "17_endp", **more: Any) -> bytes:
    request = decode(asked).value
    said = {
        "requestSeqNum": request["requestSeqNum"],
        "protocolIdentifier": PROTOCOL,
        "callSignalAddress": [ip(GATEKEEPER._replace(port=CALLS))],
        "endpointIdentifier": name,
        "timeToLive": request.get("timeToLive", 3600),
        "willRespondToIRR": False,
        "maintainConnection": False,
    }
    return build_ras("registrationConfirm", {**said, **more})


def arq(number: int, name: str = "17_endp", **more: Any) -> bytes:
    said = {
        "requestSeqNum": number,
        "callType": ("pointToPoint", 0),
        "endpointIdentifier": name,
        "destinationInfo": [("dialledDigits", "200")],
        "srcInfo": [("h323-ID", "alice")],
        "bandWidth": 1280,
        "callReferenceValue": 77,
        "conferenceID": CONFERENCE,
        "activeMC": False,
        "answerCall": False,
        "canMapAlias": True,
        "callIdentifier": {"guid": GUID},
        "willSupplyUUIEs": False,
    }
    return build_ras("admissionRequest", {**said, **more})


def acf(asked: bytes, calls: Address | None = None, **more: Any) -> bytes:
    said = {
        "requestSeqNum": decode(asked).value["requestSeqNum"],
        "bandWidth": 1280,
        "callModel": ("gatekeeperRouted", 0),
        "destCallSignalAddress": ip(calls or GATEKEEPER._replace(port=CALLS)),
        "willRespondToIRR": False,
    }
    return build_ras("admissionConfirm", {**said, **more})


def drq(number: int, name: str = "17_endp") -> bytes:
    said = {
        "requestSeqNum": number,
        "endpointIdentifier": name,
        "conferenceID": CONFERENCE,
        "callReferenceValue": 77,
        "disengageReason": ("normalDrop", 0),
        "callIdentifier": {"guid": GUID},
        "answeredCall": False,
    }
    return build_ras("disengageRequest", said)


def urq(number: int, name: str = "17_endp", calls: Address = TERMINAL_CALLS, **more: Any) -> bytes:
    said = {"requestSeqNum": number, "callSignalAddress": [ip(calls)], "endpointIdentifier": name}
    return build_ras("unregistrationRequest", {**said, **more})


def plain(kind: str, asked: bytes, **more: Any) -> bytes:
    """An answer that says no more than which request it answers, and `more`."""
    return build_ras(kind, {"requestSeqNum": decode(asked).value["requestSeqNum"], **more})


def registered(rig: Rig, source: Address = NAT, name: str = "17_endp", number: int = 6, **more: Any) -> Listener:
    """A terminal that the gatekeeper calls `name`; its own port in the core realm, for RAS."""
    (sent,) = to(rig.from_access(rrq(number, **more), source), "core")
    rig.from_core(rcf(sent.data, name), GATEKEEPER, at=sent.listener)
    return sent.listener


def to(orders: Any, realm: str) -> list[Send]:
    return [order for order in of(Send, orders) if order.listener.realm == realm]


def read(send: Send | bytes) -> Message:
    return decode(send if isinstance(send, bytes) else send.data)


def address_of(value: Any) -> Address:
    form, parts = value
    assert form == "ipAddress"
    return Address(".".join(map(str, parts["ip"])), parts["port"])


# -- calls


def media(address: Address) -> Any:
    host = bytes(map(int, address.host.split(".")))
    return "unicastAddress", ("iPAddress", {"network": host, "tsapIdentifier": address.port})


def address_in(value: Any) -> Address:
    """The same, read."""
    _, (form, parts) = value
    assert form == "iPAddress"
    return Address(".".join(map(str, parts["network"])), parts["tsapIdentifier"])


def _channel(rtp: Address | None, rtcp: Address, session: int = 1) -> Any:
    said: dict[str, Any] = {"sessionID": session, "mediaControlChannel": media(rtcp), "mediaGuaranteedDelivery": False}
    if rtp is not None:
        said["mediaChannel"] = media(rtp)
    return "h2250LogicalChannelParameters", said


A_LAW: Any = ("g711Alaw64k", 20)


def fast_start(host: str, port: int = 4000, offers: bool = True, codec: Any = A_LAW) -> list[bytes]:
    """What a party at `host` proposes, or takes up: one channel for audio each way, RTP at `port`, RTCP above."""
    rtp, rtcp = Address(host, port), Address(host, port + 1)
    audio, nothing = ("audioData", codec), {"dataType": ("nullData", 0)}
    nothing["multiplexParameters"] = ("none", 0)
    towards = {"dataType": audio, "multiplexParameters": _channel(rtp, rtcp)}
    away = {"dataType": audio, "multiplexParameters": _channel(None, rtcp)}
    to_us = {"forwardLogicalChannelNumber": 1, "forwardLogicalChannelParameters": nothing}
    to_us["reverseLogicalChannelParameters"] = towards if offers else away
    from_us = {"forwardLogicalChannelNumber": 101, "forwardLogicalChannelParameters": away if offers else towards}
    return [encode("OpenLogicalChannel", to_us), encode("OpenLogicalChannel", from_us)]


def setup(
    calls: Address = TERMINAL_CALLS, to: Address | None = None, reference: int = 77, fast: bool = True, **more: Any
) -> bytes:
    said: dict[str, Any] = {
        "protocolIdentifier": PROTOCOL,
        "sourceAddress": [("h323-ID", "alice")],
        "sourceInfo": endpoint(),
        "destinationAddress": [("dialledDigits", "200")],
        "destCallSignalAddress": ip(to or Address(SBC_ACCESS.host, CALLS)),
        "activeMC": False,
        "conferenceID": CONFERENCE,
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "sourceCallSignalAddress": ip(calls),
        "callIdentifier": {"guid": GUID},
        "mediaWaitForConnect": False,
        "canOverlapSend": False,
    }
    if fast:
        said["fastStart"] = fast_start(calls.host)
    return build_signal("setup", reference, False, {**said, **more}, {0x04: b"\x80\x90\xa5"}, extra=TUNNELLED)


TUNNELLED: Any = {"h245Tunnelling": True}


def said_back(name: str, asked: bytes, host: str = "", **more: Any) -> bytes:
    """An answer to a Setup: with the media of a party at `host`, where one is given."""
    head, body = decode(asked).q931, decode(asked).value
    assert head is not None
    said: dict[str, Any] = {"protocolIdentifier": PROTOCOL, "callIdentifier": body["callIdentifier"]}
    if name in ("callProceeding", "alerting", "progress", "connect"):
        said["destinationInfo"] = endpoint()
    if name == "connect":
        said["conferenceID"] = CONFERENCE
    if host:
        said["fastStart"] = fast_start(host, offers=False)
    return build_signal(name, head.call_reference, True, {**said, **more}, extra=TUNNELLED)


def release(asked: bytes, cause: int = 16, back: bool = False) -> bytes:
    """The end of the call of a Setup, or Connect: `back` where who was called says so."""
    head, body = decode(asked).q931, decode(asked).value
    assert head is not None
    said = {"protocolIdentifier": PROTOCOL, "callIdentifier": body["callIdentifier"]}
    return build_signal("releaseComplete", head.call_reference, back, said, {0x08: bytes((0x80, 0x80 | cause))})


def tunnel(asked: bytes, control: list[bytes], back: bool = False) -> bytes:
    """A Facility that carries H.245 (H.225.0 clause 8.2.1)."""
    head, body = decode(asked).q931, decode(asked).value
    assert head is not None
    said = {"protocolIdentifier": PROTOCOL, "callIdentifier": body["callIdentifier"], "reason": ("undefinedReason", 0)}
    more: Any = {"h245Tunnelling": True}
    return build_signal("facility", head.call_reference, back, said, control=control, extra=more)


def asking(control: bytes, **said: Any) -> bytes:
    """An openLogicalChannel of H.245, or its Ack, with traversal parameters (H.460.19)."""
    octets = encode("TraversalParameters", said)
    parameter = {"parameterIdentifier": ("standard", 1), "parameterValue": ("octetString", octets)}
    information = {"messageIdentifier": ("standard", (0, 0, 8, 460, 19, 0, 1)), "messageContent": [parameter]}
    group, (name, value) = decode_plain("MultimediaSystemControlMessage", control)
    return encode("MultimediaSystemControlMessage", (group, (name, {**value, "genericInformation": [information]})))


def addresses(data: bytes) -> dict[str, list[Address]]:
    """Every address in a message, by the component it stands in."""
    found: dict[str, list[Address]] = {}
    for spot in decode(data).spots:
        if spot.kind.value == "address":
            found.setdefault(spot.field, []).append(spot.value)
    return found
