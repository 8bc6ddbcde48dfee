"""Media of many channels by one pair of ports, told apart by numbers (H.460.19 clause 7.3): what is said of that."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address, Pair
from sbc.core.message import Numbered
from sbc.h323.anew import transport_address
from sbc.h323.pdu import Pdu
from sbc.h323.spots import Noted

TRANSMITS = 1
"""The parameter of feature 19 by which who sends media says that it can put numbers before it."""
_PARAMETERS = "TraversalParameters"
_PLAIN = Numbered()
_FORWARD, _PARAMETERS_OF = "forwardLogicalChannelParameters", "multiplexParameters"
_ACKNOWLEDGED = "forwardMultiplexAckParameters"
_CHANNELS = {"mediaChannel": "multiplexedMediaChannel", "mediaControlChannel": "multiplexedMediaControlChannel"}


def transmits(feature: Any) -> bool:
    """Whether a feature 19 says so."""
    return any(each["id"] == ("standard", TRANSMITS) for each in feature.get("parameters") or ())


def asked(pdu: Pdu, field: str) -> Numbered:
    """What the sender of a channel's openLogicalChannel, or its Ack, asks for in place of what the component `field`
    says: which number, and where that is to go."""
    for said in pdu.children:
        if said.type == _PARAMETERS and "multiplexID" in said.value:
            wanted = (
                spot.value for spot in said.spots if spot.kind is Noted.ADDRESS and spot.field == _CHANNELS[field]
            )
            return Numbered(said.value["multiplexID"], next(wanted, None))
    return _PLAIN


def told(ports: Pair, number: int) -> dict[str, Any]:
    """The traversal parameters by which a terminal is to bring a channel's media to ports that we share."""
    assert ports.rtcp is not None
    return {
        "multiplexedMediaChannel": _unicast(ports.rtp),
        "multiplexedMediaControlChannel": _unicast(ports.rtcp),
        "multiplexID": number,
    }


def at_ports(value: dict[str, Any], ports: Pair) -> dict[str, Any]:
    """An openLogicalChannel, or its Ack, whose own addresses are those of the ports, too: there are terminals that put
    numbers before their media, and send it where they always do."""
    changed = dict(value)
    if _ACKNOWLEDGED in changed:
        changed[_ACKNOWLEDGED] = _moved(changed[_ACKNOWLEDGED], ports)
    elif _FORWARD in changed:
        forward = changed[_FORWARD]
        changed[_FORWARD] = {**forward, _PARAMETERS_OF: _moved(forward[_PARAMETERS_OF], ports)}
    return changed


def _moved(parameters: tuple[str, Any], ports: Pair) -> tuple[str, Any]:
    kind, said = parameters
    if not isinstance(said, dict):
        return parameters
    assert ports.rtcp is not None
    to = {"mediaChannel": _unicast(ports.rtp), "mediaControlChannel": _unicast(ports.rtcp)}
    return kind, {name: to.get(name, each) for name, each in said.items()}


def _unicast(address: Address) -> tuple[str, Any]:
    return "unicastAddress", transport_address(address, True)
