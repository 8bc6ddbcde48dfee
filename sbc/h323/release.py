"""ReleaseComplete: how calls are refused, taken back and ended (H.225.0 clause 7.3.13)."""

from __future__ import annotations

from typing import Any

from sbc.core.message import Cause, Ending, Refused
from sbc.h323 import q931
from sbc.h323.causes import REASONS, cause_of
from sbc.h323.codec import build_control, build_signal, decode
from sbc.h323.logical import NUMBER
from sbc.h323.message import H323Message
from sbc.h323.ras import PROTOCOL
from sbc.h323.signal import identifier
from sbc.text import q850

_REJECTS = {
    Cause.BANDWIDTH: "insufficientBandwidth",
    Cause.SECURITY: "securityDenied",
    Cause.UNSUPPORTED: "unspecified",
    Cause.NO_PORTS: "unspecified",
    Cause.BUSY: "unspecified",
}
"""Why a channel is not opened (H.245 clause C.4): for most H.245 has no word."""


def refuse(message: H323Message, refused: Refused) -> bytes | None:
    """The ReleaseComplete that says `refused` to who sent the message; None to what ends a call itself, and within a
    call that lives, which it would end on one side only. There a channel that cannot be had is not opened."""
    head = message.message.q931
    if refused.cause in _REJECTS and (head is None or head.name == "facility"):
        return _reject(message, _REJECTS[refused.cause])
    if head is None or head.name == "releaseComplete":
        return None
    if head.name != "setup" and refused.cause is not Cause.NO_CALL:
        return None
    return _release(
        message, not head.from_destination, q850.cause(refused.ending or refused.cause), REASONS.get(refused.cause, "")
    )


def _reject(message: H323Message, cause: str) -> bytes | None:
    """What says of the channels that a message would open why they are not opened, the way it came."""
    head = message.message.q931
    wanted = [pdu.value[NUMBER] for pdu in message.message.pdus if pdu.name == "openLogicalChannel"]
    told = [
        build_control(
            "response",
            "openLogicalChannelReject",
            {NUMBER: number, "cause": (cause, 0)},
            tpkt=head is None,
        )
        for number in wanted
    ]
    if not told or head is None:
        return b"".join(told) or None
    tunnelled = {"h245Tunnelling": True}
    return build_signal(
        "facility", head.call_reference, not head.from_destination, ("empty", 0), control=told, extra=tunnelled
    )


def withdraw(sent: bytes, asked: H323Message | None, ending: Ending | None = None) -> bytes:
    """What takes a Setup of ours back; with the cause of who took it back, or that `ending` stands for."""
    cause = None if asked is None else cause_of(asked)
    return _release(H323Message(decode(sent)), False, cause or q850.cause(ending or Ending.NO_ANSWER))


def close(answer: bytes, to_asker: bool, ending: Ending | None) -> bytes:
    """What ends the call that the Connect `answer` has begun, for the cause that `ending` stands for."""
    return _release(H323Message(decode(answer)), to_asker, q850.cause(ending or Ending.NORMAL))


def _release(message: H323Message, from_destination: bool, cause: int, reason: str = "") -> bytes:
    head = message.message.q931
    assert head is not None  # or nobody would want it released
    body: dict[str, Any] = {"protocolIdentifier": PROTOCOL}
    guid = identifier(message.value if isinstance(message.value, dict) else {})
    if guid:
        body["callIdentifier"] = {"guid": guid}
    if reason:
        body["reason"] = (reason, 0)
    elements = {q931.CAUSE: q931.cause(cause)}
    return build_signal("releaseComplete", head.call_reference, from_destination, body, elements)
