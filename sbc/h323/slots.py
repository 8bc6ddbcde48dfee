"""Where a message of H.323 has addresses, and how others are written there."""

from __future__ import annotations

from sbc.core.message import Place, Role, Slot
from sbc.h323.message import H323Message
from sbc.h323.spots import Noted, Spot

TERMINAL = b"ras"
"""How the place of a terminal is named to the core: it is asked otherwise than a gatekeeper."""
_CALLS = frozenset(
    {
        *("callSignalAddress", "destCallSignalAddress", "srcCallSignalAddress", "sourceCallSignalAddress"),
        *("alternativeAddress", "h245Address"),
    }
)
"""Components that say where calls are taken: by connections."""


def slots(message: H323Message) -> list[Slot]:
    """Every IP address in the message."""
    found = []
    for spot in message.message.spots:
        if spot.kind in (Noted.ADDRESS, Noted.SOURCE_ROUTE):
            found.append(_slot(message, spot))
    return found


def _slot(message: H323Message, spot: Spot) -> Slot:
    registers = message.name == "registrationRequest" and spot.path[1:] == ("rasAddress", 0)
    if registers and not (message.value.get("keepAlive") and message.value.get("endpointIdentifier")):
        return Slot(Role.SIGNAL, Place(spot.value, TERMINAL), spot)
    return Slot(Role.HIDE, Place(spot.value, transport="tcp" if spot.field in _CALLS else ""), spot)


def fill(message: H323Message, slot: Slot, place: Place) -> None:
    """Write the address of `place`."""
    message.message.put(slot.at, place.address)
