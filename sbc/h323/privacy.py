"""Who somebody is that wants it kept private: the core is told, terminals are not (Q.951.3, H.225.0 clause 7.2.2).

In call signalling it is said twice: by information elements of Q.931, each with its own word on whether it may be
shown, and by the user-user part, with one for all (presentationIndicator). Where either says no, neither goes on.
"""

from __future__ import annotations

from typing import Any

from sbc.core.crossing import Crossing
from sbc.core.message import BadMessage
from sbc.core.realm import Side
from sbc.h323.codec import Element, Spot
from sbc.h323.message import H323Message
from sbc.h323.options import Private, of
from sbc.h323.q931 import CALLING, DISPLAY
from sbc.h323.spots import Noted

_REDIRECTING = 0x74
_NUMBERS = {CALLING: "calling party number", 0x4C: "connected number"}
_BESIDE = {DISPLAY: "display", 0x6D: "calling party subaddress", 0x4D: "connected subaddress"}
_NAMES = ("sourceAddress", "additionalSourceAddresses", "connectedAddress", "alertingAddress", "displayName")
"""Components that name whoever sends the message."""
_PRESENTATION, _SPARE, _RESTRICTED = 0x60, 0x1C, 0x20
_LONGEST_HEAD = 2  # octets; a redirecting number says why, too
_RESTRICTS = "presentationRestricted"


def hide(message: H323Message, crossing: Crossing) -> None:
    """Take out of call signalling, on its way to a terminal, what it says of who wants to be private. @raises
    BadMessage where that cannot be done."""
    head, value = message.message.q931, message.value
    if head is None or crossing.there.side is not Side.ACCESS or of(crossing.path).private is Private.KEEP:
        return
    hidden = []
    by_body = isinstance(value, dict) and value.get("presentationIndicator", ("", 0))[0] == _RESTRICTS
    if by_body or any(_is_restricted(each) for each in head.elements if each.kind in _NUMBERS):
        for element in head.elements:
            if element.kind in _NUMBERS:
                _take_digits(message, element)
                hidden.append(_NUMBERS[element.kind])
            elif element.kind in _BESIDE:
                message.message.drop_element(element)
                hidden.append(_BESIDE[element.kind])
        for name in (each for each in _NAMES if isinstance(value, dict) and each in value):
            _take_out(message, name)
            hidden.append(name)
    for element in head.elements:
        if element.kind == _REDIRECTING and _is_restricted(element):
            _take_digits(message, element)
            hidden.append("redirecting number")
    if hidden:
        message.remarks.append(("private", ", ".join(dict.fromkeys(hidden))))


def _take_digits(message: H323Message, element: Element) -> None:
    """Leave of a number what stands before its digits: its type, whether it may be shown, and who says so (Q.931,
    4.5.10). Where nobody can tell where that ends nothing is left."""
    most = _LONGEST_HEAD + (element.kind == _REDIRECTING)
    for at, octet in enumerate(element.octets[:most], 1):
        if octet & 0x80:
            message.message.put_element(element, element.octets[:at])
            return
    message.message.drop_element(element)


def _is_restricted(element: Element) -> bool:
    """Whether octet 3a is there and says so. Where it is not marked as the last it may be a digit, and no such octet:
    then only what can be no digit counts."""
    octets = element.octets
    if len(octets) < 2 or octets[0] & 0x80:
        return False
    return octets[1] & (_PRESENTATION if octets[1] & 0x80 else _PRESENTATION | _SPARE) == _RESTRICTED


def _take_out(message: H323Message, name: str) -> None:
    """Take out a component of the user-user part; where nothing around it can be encoded anew, what it says instead."""
    pdu = message.message.pdu
    assert pdu is not None  # or it would have no value
    try:
        message.message.take_out_at(pdu, ("h323-uu-pdu", "h323-message-body", pdu.name, name))
    except ValueError:
        mine = [spot for spot in message.message.spots if spot.pdu is pdu and name in spot.path]
        names = [spot for spot in mine if spot.kind in (Noted.ALIAS, Noted.TEXT)]
        if len(names) < len(message.value[name]):
            raise BadMessage(f"{name} is private, and cannot be taken out") from None
        for spot in names:
            message.put(spot, _nobody(spot))


def _nobody(spot: Spot) -> Any:
    """As many characters as the name has, that are nobody's."""
    if spot.kind is Noted.TEXT:
        return "x" * len(spot.value)
    return spot.form, ("0" if spot.form == "dialledDigits" else "x") * len(spot.value[1])
