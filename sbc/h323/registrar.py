"""What the registrar front writes into registrations and their answers, and its own (H.225.0 clauses 7.9 and 7.10)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sbc.core.message import Place, Slot
from sbc.core.orders import Listener
from sbc.h323.anew import transport_address
from sbc.h323.codec import build_ras, decode
from sbc.h323.describe import number_of
from sbc.h323.message import H323Message
from sbc.h323.per import Unencodable
from sbc.h323.ras import PROTOCOL
from sbc.h323.spots import Noted
from sbc.h323.stamp import put_number


def grant(message: H323Message, seconds: int) -> None:
    """Write for how long a registration is to live, of all it binds; it has but one timeToLive."""
    for spot in message.message.spots:
        if spot.kind is Noted.LIFETIME and spot.path[1:] == ("timeToLive",):
            message.put(spot, seconds)
            return
    message.lifetime = seconds


def keep(answer: bytes) -> bytes:
    """What of a registrationConfirm is said again: all of it."""
    return answer


def renew(message: H323Message, kept: bytes, lives: Mapping[Slot, int]) -> bytes:
    """The registrationConfirm that the terminal got last, as the answer to its next registration."""
    answer = H323Message(decode(kept))
    put_number(answer, number_of(message))
    grant(answer, min(lives.values()))
    return answer.encode()


def unbind(sent: bytes, handle: bytes, token: bytes) -> bytes | None:
    """The unregistrationRequest of what the registrationRequest `sent` has bound: by where it takes calls, which is
    that terminal's alone, and by the endpointIdentifier `handle` that it was given. What of its names nobody could have
    said rightly is left out; None where nothing can be said."""
    said = decode(sent).value
    asked: dict[str, Any] = {"requestSeqNum": int(token), "callSignalAddress": said["callSignalAddress"]}
    if handle:
        asked["endpointIdentifier"] = handle.decode("utf-8", "surrogatepass")
    names = (("endpointAlias", "terminalAlias"), ("gatekeeperIdentifier", "gatekeeperIdentifier"))
    named = {ours: said[its] for ours, its in names if its in said}
    for more in (named, {}):
        with suppress(Unencodable):
            return build_ras("unregistrationRequest", asked | more)
    return None


def probe(place: Place, listener: Listener, token: bytes) -> bytes:
    """What asks only whether somebody lives: of a terminal infoRequest, of a gatekeeper gatekeeperRequest; both change
    nothing, and whoever understands RAS answers them."""
    if place.name:
        return build_ras("infoRequest", {"requestSeqNum": int(token), "callReferenceValue": 0})
    asked = {
        "requestSeqNum": int(token),
        "protocolIdentifier": PROTOCOL,
        "rasAddress": transport_address(listener.advertised),
        "endpointType": {"gateway": {}, "mc": False, "undefinedNode": False},
    }
    return build_ras("gatekeeperRequest", asked)
