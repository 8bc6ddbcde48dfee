"""Where a message of H.323 has addresses, and how others are written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.core.message import Place, Role, Slot
from sbc.h323 import securing
from sbc.h323.codec import Wire
from sbc.h323.formats import media_of, width_of
from sbc.h323.logical import FAST_START, FAX, FORWARD, REVERSE, carries, channel_of
from sbc.h323.message import H323Message
from sbc.h323.multiplexed import asked
from sbc.h323.pdu import value_at
from sbc.h323.ras import CONFIRMS
from sbc.h323.spots import Noted, Spot

TERMINAL = b"ras"
"""How the place of a terminal is named to the core: it is asked otherwise than a gatekeeper."""
DESTINATION = "destCallSignalAddress"
H245_ADDRESS = "h245Address"
_MEDIA = {"mediaChannel": Role.RTP, "mediaControlChannel": Role.RTCP}
_CHANNELS = frozenset({"OpenLogicalChannel", "MultimediaSystemControlMessage"})
_AUDIO, _DATA = 1, 3
"""Sessions that are the same in every call: what flows there is known where nobody says it, as in the answer to a
channel for data that was proposed without addresses (H.323 Annex D)."""
_WORDS = {"data": "application", FAX: "image"}
"""What flows in a channel for data, as detail records have it."""
_CALLS = frozenset(
    {
        *("callSignalAddress", "destCallSignalAddress", "srcCallSignalAddress", "sourceCallSignalAddress"),
        "alternativeAddress",
    }
)
"""Components that say where calls are taken: by connections."""
_GATEKEEPERS = frozenset({"alternateGatekeeper", "assignedGatekeeper"})
"""Components that name gatekeepers which may take another's place, and then call from where they are."""


def slots(message: H323Message) -> list[Slot]:
    """Every IP address in the message, but where a Setup is for: that is known by who sends it on."""
    found = []
    for spot in message.message.spots:
        own = message.name == "setup" and spot.field == DESTINATION
        if spot.kind in (Noted.ADDRESS, Noted.SOURCE_ROUTE) and not own:
            found.append(_slot(message, spot))
    return found


def _slot(message: H323Message, spot: Spot) -> Slot:
    media = _MEDIA.get(spot.field) if spot.pdu.type in _CHANNELS else None
    session = _session(spot) if media is not None else None
    if media is not None and session is not None:
        parameters, (channel, by_other) = _parameters(spot), channel_of(message, spot.pdu)
        said = carries(parameters)
        kind = said or (FAX if session == _DATA else "")
        role = Role.T38 if media is Role.RTP and kind == FAX else media
        if not (media is Role.RTCP and said == FAX):  # T.38 over UDP has none, though Annex D lets it be said
            key = session or f"channel {channel.decode()}"  # the master will say which session it is
            word, open_ = _WORDS.get(kind) or media_of(parameters.get("dataType")), not said
            slot = Slot(
                role, Place(spot.value), spot, key, media=word, kindless=open_, channel=channel, by_other=by_other
            )
            if role is not Role.T38 or spot.pdu.holder == FAST_START:
                slot.one_way = securing.one_way(message, spot.pdu)
            if role is not Role.T38 and slot.one_way is not None:
                slot.secured = None if slot.one_way.mute else securing.said(spot.pdu)
            slot.width = width_of(parameters.get("dataType"))
            if role is not Role.T38:  # there are stacks that number their RTP and nothing else
                slot.shared = asked(spot.pdu, spot.field)
            return slot
    registers = message.name == "registrationRequest" and spot.path[1:] == ("rasAddress", 0)
    if registers and not (message.value.get("keepAlive") and message.value.get("endpointIdentifier")):
        calls = next((each.value for each in message.message.spots if each.field == "callSignalAddress"), None)
        flow = b"" if calls is None else str(calls).encode()
        return Slot(Role.SIGNAL, Place(spot.value, TERMINAL), spot, flow=flow, nearby=bool(flow))
    if spot.field == H245_ADDRESS and message.message.wire is Wire.SIGNAL:
        return Slot(Role.CONTROL, Place(spot.value), spot)
    place = Place(spot.value, transport="tcp" if spot.field in _CALLS else "")
    leads = message.name == "admissionConfirm" and spot.field == DESTINATION
    dials = message.name == "admissionRequest" and spot.field == DESTINATION
    diverts = message.name == "facility" and spot.field == "alternativeAddress"
    vouches = message.name in CONFIRMS and (spot.field in _CALLS or any(each in spot.path for each in _GATEKEEPERS))
    return Slot(Role.HIDE, place, spot, leads=leads, vouches=vouches, dials=dials, diverts=diverts)


def _session(spot: Spot) -> int | None:
    """The sessionID (H.245) of the channel whose address stands at a spot: 1 is audio, 2 video, 3 data."""
    for end in range(len(spot.path) - 1, 0, -1):
        around = value_at(spot.pdu.whole, spot.path[:end])
        if isinstance(around, dict) and "sessionID" in around:
            return int(around["sessionID"])
    return _AUDIO if spot.pdu.name == "openLogicalChannelAck" else None


def _parameters(spot: Spot) -> Mapping[str, Any]:
    """What is said of the channel whose address stands at a spot; nothing in an openLogicalChannelAck."""
    for name in (FORWARD, REVERSE):
        if name in spot.path:
            found: Mapping[str, Any] = value_at(spot.pdu.whole, spot.path[: spot.path.index(name) + 1])
            return found
    return {}


def fill(message: H323Message, slot: Slot, place: Place) -> None:
    """Write the address of `place`."""
    message.put(slot.at, place.address)
