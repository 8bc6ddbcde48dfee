"""Logical channels of H.245: which are opened and closed by a message, what flows in them, and who is paused.

H.245 clauses 7.3 and C.3 to C.6; H.323 clauses 8.1.7 (fast connect), 8.4.6 (the empty capability set), annex D (T.38).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sbc.core.message import Intent
from sbc.h323.formats import flowing
from sbc.h323.pdu import Pdu

if TYPE_CHECKING:
    from sbc.h323.codec import Message
    from sbc.h323.message import H323Message

FORWARD, REVERSE = "forwardLogicalChannelParameters", "reverseLogicalChannelParameters"
NUMBER = "forwardLogicalChannelNumber"
FAST_START = "fastStart"
"""What holds the channels that are proposed, or chosen, by fast connect."""
FAX = "fax"
"""What flows in a channel for T.38 over UDP, which is no RTP."""
_OPEN, _ACK = "openLogicalChannel", "openLogicalChannelAck"


def note(intent: Intent, message: H323Message) -> None:
    """Write into the intent of a message what its H.245 does to channels."""
    opens: dict[bytes, str] = {}
    shuts: dict[tuple[bytes, bool], None] = {}
    for pdu in message.message.pdus:
        if pdu.group == "":
            continue
        value = pdu.value
        if pdu.name == _OPEN:
            name = _name(value)
            opens[name] = "t38" if carries(value.get(FORWARD, {})) == FAX else "rtp"
            shuts.pop((name, False), None)  # the number is used again
        elif pdu.name in ("closeLogicalChannel", "openLogicalChannelReject"):
            by_other = pdu.name == "openLogicalChannelReject"
            shuts[_name(value), by_other] = None
            if not by_other:
                opens.pop(_name(value), None)
        elif pdu.name == "terminalCapabilitySet":
            intent.pauses = "capabilityTable" not in value
    intent.opens, intent.shuts = tuple(opens.items()), tuple(shuts)


def channel_of(message: H323Message, pdu: Pdu) -> tuple[bytes, bool]:
    """The channel that a PDU with addresses speaks of, by its number, and whether who gets the message has opened it.

    Of what is proposed for fast connect nothing is open yet; in what is chosen of that the channels of who was called
    are those with reverse parameters."""
    if pdu.group:
        return (_name(pdu.value), pdu.name == _ACK) if pdu.name in (_OPEN, _ACK) else (b"", False)
    if message.name == "setup" or not isinstance(pdu.whole, dict) or NUMBER not in pdu.whole:
        return b"", False
    return _name(pdu.whole), REVERSE not in pdu.whole


def sends(message: H323Message | Message, pdu: Pdu) -> bool:
    """Whether a channel that a PDU opens, proposes or takes is one by which the message's sender sends. Fast connect is
    proposed by who calls: channels with reverse parameters are for what the other sends."""
    if pdu.group:
        return True
    return (REVERSE in pdu.whole) != (message.name == "setup")


def parameters_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the direction that a channel of one direction is for."""
    found: dict[str, Any] = value[REVERSE] if REVERSE in value else value[FORWARD]
    return found


def proposals(message: Message) -> list[Pdu]:
    """The channels in the fast connect of a message."""
    return [] if message.pdu is None else [pdu for pdu in message.pdu.children if pdu.holder == FAST_START]


def session_of(parameters: Mapping[str, Any]) -> int:
    """The session of a channel of these parameters; 0 where they name none: the master will."""
    _, said = parameters.get("multiplexParameters", ("", None))
    return int(said.get("sessionID", 0)) if isinstance(said, dict) else 0


def carries(parameters: Mapping[str, Any]) -> str:
    """What flows in a channel of these parameters: ``audioData``, ``videoData``, ``data``, or FAX; empty where they do
    not say."""
    kind = flowing(parameters.get("dataType"))
    if not isinstance(kind, tuple):
        return ""
    name, value = kind
    if name != "data":
        return str(name)
    application = value.get("application") if isinstance(value, dict) else None
    return FAX if isinstance(application, tuple) and application[0] == "t38fax" else "data"


def _name(value: Mapping[str, Any]) -> bytes:
    return b"%d" % value[NUMBER]
