"""Media through a terminal's own NAT (H.460.19): it is told where to send what keeps the way open, and how often.

The SBC is the traversal server, and all of it is between it and the terminal: the core hears nothing of it. Multiplexed
media is not offered, so nobody may ask for it.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from sbc.core.address import Address
from sbc.core.crossing import Crossing
from sbc.core.message import Kind
from sbc.core.realm import Side
from sbc.h323 import per
from sbc.h323.anew import transport_address
from sbc.h323.codec import Message, decode
from sbc.h323.features import LISTS, MEDIA, has_ours, without_ours
from sbc.h323.memo import CallMemo
from sbc.h323.pdu import Pdu
from sbc.h323.spots import Noted

INTERVAL = 20
"""Seconds between the packets that keep a NAT's mapping for media: some NATs keep one for 30 seconds."""
_IDENTIFIER = ("standard", (0, 0, 8, 460, 19, 0, 1))
_PARAMETERS = ("standard", 1)
_SERVER = 2
_HOLDERS = {
    "OpenLogicalChannel": (),
    "openLogicalChannel": ("request", "openLogicalChannel"),
    "openLogicalChannelAck": ("response", "openLogicalChannelAck"),
}
_INFORMATION = "genericInformation"
_SAID = frozenset({"setup", "callProceeding", "alerting", "connect"})


def agree(message: Message, crossing: Crossing) -> bool:
    """Take out of a message of call signalling, or of H.245, what is said of this. Whether it is to be said anew where
    the message goes: to a terminal that opens its connections itself, or carries all by one."""
    call = crossing.call
    if call is None:
        return False
    memo: CallMemo = call.memo or CallMemo()
    if crossing.intent.kind is Kind.OPEN:
        terminal = crossing.exchange.terminal
        if terminal is not None and (terminal.comes or terminal.listener.reliable) and not memo.pinholes:
            memo = call.memo = CallMemo(memo.tunnels, True)
    for pdu in message.pdus:
        at = _path(pdu)
        said = _information(pdu) if at is not None else []
        if at is not None and said and all(_is_ours(each) for each in said):  # beside others it stays, and says ours
            message.drop_addition(pdu, (*at, _INFORMATION))
    return memo.pinholes and crossing.there.side is Side.ACCESS


def concerns(message: Message, offer: bool) -> bool:
    """Whether there is anything to be said anew."""
    root = message.pdu
    if root is None:
        return False
    if offer:
        return root.name in _SAID or any(_packets_to(pdu) is not None for pdu in message.pdus)
    return root.name in _SAID and has_ours({"featureSet": _features(root)})


def offered(data: bytes) -> bytes:
    """The message, as it goes to such a terminal: each channel that is opened towards it says where to."""
    message = decode(data)
    for pdu in message.pdus:
        rtp = _packets_to(pdu)
        if rtp is not None:
            _say(message, pdu, rtp)
    return message.encode()


def _path(pdu: Pdu) -> tuple[str, ...] | None:
    return _HOLDERS.get(pdu.type if pdu.type in _HOLDERS else pdu.name)


def _information(pdu: Pdu) -> list[Any]:
    value = pdu.value
    return list(value.get(_INFORMATION) or ()) if isinstance(value, dict) else []


def _is_ours(information: Any) -> bool:
    return bool(information["messageIdentifier"] == _IDENTIFIER)


def _packets_to(pdu: Pdu) -> Address | None:
    """Where the terminal is to send what keeps the way of a channel open; None if that is none that is opened for
    media, or does not say where its RTCP is: RTP's port is the one below."""
    if _path(pdu) is None or pdu.name == "openLogicalChannelAck":
        return None
    forward = pdu.value["forwardLogicalChannelParameters"]
    if forward["dataType"][0] == "nullData":
        return None
    start = ("forwardLogicalChannelParameters",)
    for spot in pdu.spots:
        inside = spot.path[len(_path(pdu) or ()) :]
        if spot.kind is Noted.ADDRESS and spot.field == "mediaControlChannel" and inside[:1] == start:
            rtcp: Address = spot.value
            return rtcp._replace(port=rtcp.port - 1) if rtcp.port > 1 else None  # 0: there is none
    return None


def _told(rtp: Address) -> dict[str, Any]:
    said = {"keepAliveChannel": ("unicastAddress", transport_address(rtp, True)), "keepAliveInterval": INTERVAL}
    octets = per.encode("TraversalParameters", said)
    parameter = {"parameterIdentifier": _PARAMETERS, "parameterValue": ("octetString", octets)}
    return {"messageIdentifier": _IDENTIFIER, "messageContent": [parameter]}


def _say(message: Message, pdu: Pdu, rtp: Address) -> None:
    """Encode a channel anew, with where its packets go; where that would lose something the terminal does without."""
    value = copy(pdu.value)
    try:
        value[_INFORMATION] = [_told(rtp), *_information(pdu)]
        message.rebuild(pdu, value if pdu.type == "OpenLogicalChannel" else (pdu.group, (pdu.name, value)))
    except ValueError:
        return


def said_of_calls(data: bytes, offer: bool) -> bytes:
    """A message of call signalling with the feature 19, of a traversal server, or without it. Where it cannot be
    encoded anew without loss it stays as it was."""
    message = decode(data)
    root = message.pdu
    if root is None or root.name not in _SAID:
        return data
    held = without_ours(_features(root))
    if offer:
        feature = {"id": ("standard", MEDIA), "parameters": [{"id": ("standard", _SERVER)}]}
        held["supportedFeatures"] = [*held.get("supportedFeatures", ()), feature]
    value = copy(root.value)
    if root.name == "setup":
        for name in LISTS:
            value.pop(name, None)
        value |= held
    elif held.keys() > {"replacementFeatureSet"}:
        value["featureSet"] = held
    else:
        value.pop("featureSet", None)
    unit = {**root.whole["h323-uu-pdu"], "h323-message-body": (root.name, value)}
    try:
        message.rebuild(root, {**root.whole, "h323-uu-pdu": unit})
    except ValueError:
        return data
    return message.encode()


def _features(root: Pdu) -> dict[str, Any]:
    """The features that a message of call signalling names; in a Setup they have no set around them."""
    value = root.value
    if root.name == "setup":
        return {name: value[name] for name in LISTS if name in value}
    return dict(value.get("featureSet") or {"replacementFeatureSet": False})
