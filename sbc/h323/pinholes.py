"""Media through a terminal's own NAT (H.460.19): it is told where to send what keeps the way open, and how often; and,
where its realm has ports that streams share, to bring its media there.

The SBC is the traversal server, and all of it is between it and the terminal: the core hears nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import attrs

from sbc.core.address import Address, Pair
from sbc.core.crossing import Crossing
from sbc.core.message import Kind
from sbc.core.multiplexed import shared_pair
from sbc.core.realm import Side
from sbc.h323 import per
from sbc.h323.anew import transport_address
from sbc.h323.codec import Message, decode
from sbc.h323.features import LISTS, MEDIA, has_ours, without_ours
from sbc.h323.memo import CallMemo
from sbc.h323.multiplexed import TRANSMITS, at_ports, told, transmits
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


@attrs.frozen
class Offer:
    """What a message is to say of this where it goes: that we are there for it (`put`), or nothing. `ports` are those
    that streams share there, as they are told, and `numbers` the numbers of its streams, by their own RTP port. `tell`
    hears by that port which of them the message does tell of: it cannot always be written anew."""

    put: bool = False
    ports: Pair | None = None
    numbers: Mapping[int, int] = attrs.field(factory=dict)
    tell: Callable[[int], None] = lambda port: None


NOTHING = Offer()


def agree(message: Message, crossing: Crossing) -> Offer:
    """Take out of a message of call signalling, or of H.245, what is said of this. What is to be said anew where the
    message goes: to a terminal that opens its connections itself, or carries all by one."""
    call = crossing.call
    if call is None:
        return NOTHING
    memo: CallMemo = call.memo or CallMemo()
    if crossing.intent.kind is Kind.OPEN:
        terminal = crossing.exchange.terminal
        if terminal is not None and (terminal.comes or terminal.listener.reliable) and not memo.pinholes:
            memo = call.memo = attrs.evolve(memo, pinholes=True)
    if crossing.here.side is Side.ACCESS and not memo.multiplexes and _transmits(message):
        memo = call.memo = attrs.evolve(memo, multiplexes=True)
    for pdu in message.pdus:
        at = _path(pdu)
        said = _information(pdu) if at is not None else []
        if at is not None and said and all(_is_ours(each) for each in said):  # beside others it stays, and says ours
            message.drop_addition(pdu, (*at, _INFORMATION))
    if not memo.pinholes or crossing.there.side is not Side.ACCESS:
        return NOTHING
    media = crossing.there.media
    if not media.multiplexed:
        return Offer(True)
    shared = crossing.share() if memo.multiplexes else {}
    numbers = {port: each.number for port, each in shared.items()}
    return Offer(True, shared_pair(media.advertised, media.multiplexed), numbers, crossing.tell)


def _transmits(message: Message) -> bool:
    """Whether its sender says that it can put numbers before its media."""
    root = message.pdu
    if root is None or root.name not in _SAID:
        return False
    held = _features(root)
    found = (each for name in LISTS for each in held.get(name) or ())
    return any(each["id"] == ("standard", MEDIA) and transmits(each) for each in found)


def concerns(message: Message, offer: Offer) -> bool:
    """Whether there may be anything to be said anew. Which channel has a number is known by our own ports, which are
    not in the message yet."""
    root = message.pdu
    if root is None:
        return False
    if offer.put:
        channels = [pdu for pdu in message.pdus if _path(pdu) is not None]
        return root.name in _SAID or any(offer.numbers or _packets_to(pdu) is not None for pdu in channels)
    return root.name in _SAID and has_ours({"featureSet": _features(root)})


def offered(data: bytes, offer: Offer) -> bytes:
    """The message, as it goes to such a terminal: each channel that is opened towards it says where its packets keep
    the way open, and each that has a number, towards it or from there, which and where to."""
    message = decode(data)
    for pdu in message.pdus:
        own = _own(pdu, offer)
        said = _said(pdu, offer, own)
        if said and _say(message, pdu, said, offer.ports) and own is not None:
            offer.tell(own)
    return message.encode()


def _own(pdu: Pdu, offer: Offer) -> int | None:
    """Our own RTP port of a channel that has a number at ports which streams share."""
    if offer.ports is None or _path(pdu) is None:
        return None
    own = _packets_to(pdu) if pdu.name != "openLogicalChannelAck" else _media_at(pdu)
    return own.port if own is not None and own.port in offer.numbers else None


def _said(pdu: Pdu, offer: Offer, own: int | None) -> dict[str, Any]:
    """The traversal parameters of a channel, empty where there are none."""
    rtp = _packets_to(pdu)
    said: dict[str, Any] = {} if offer.ports is None or own is None else told(offer.ports, offer.numbers[own])
    if rtp is not None:
        to = rtp if offer.ports is None or own is None else offer.ports.rtp
        said |= {"keepAliveChannel": ("unicastAddress", transport_address(to, True)), "keepAliveInterval": INTERVAL}
    return said


def _media_at(pdu: Pdu) -> Address | None:
    """Where an openLogicalChannelAck has its media sent to."""
    found = (spot.value for spot in pdu.spots if spot.kind is Noted.ADDRESS and spot.field == "mediaChannel")
    return next(found, None)


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


def _told(said: dict[str, Any]) -> dict[str, Any]:
    octets = per.encode("TraversalParameters", said)
    parameter = {"parameterIdentifier": _PARAMETERS, "parameterValue": ("octetString", octets)}
    return {"messageIdentifier": _IDENTIFIER, "messageContent": [parameter]}


def _say(message: Message, pdu: Pdu, said: dict[str, Any], ports: Pair | None) -> bool:
    """Encode a channel anew, with what is said of its packets; where that would lose something the terminal does
    without (false)."""
    value = copy(pdu.value)
    if ports is not None and "multiplexID" in said:
        value = at_ports(value, ports)
    try:
        value[_INFORMATION] = [_told(said), *_information(pdu)]
        message.put_value(pdu, value)
    except ValueError:
        return False
    return True


def said_of_calls(data: bytes, offer: Offer) -> bytes:
    """A message of call signalling with the feature 19, of a traversal server, or without it; where streams share ports
    we can put numbers before what we send, too. Where it cannot be encoded anew without loss it stays as it was."""
    message = decode(data)
    root = message.pdu
    if root is None or root.name not in _SAID:
        return data
    held = without_ours(_features(root))
    if offer.put:
        parameters = [_SERVER] if offer.ports is None else [TRANSMITS, _SERVER]
        feature = {"id": ("standard", MEDIA), "parameters": [{"id": ("standard", each)} for each in parameters]}
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
