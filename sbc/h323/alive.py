"""How the parties of a call are asked whether it lives: by H.245's roundTripDelayRequest where H.245 is spoken, else
by StatusInquiry (H.323 clauses 7.6 and 8.6, H.245 clause C.9, Q.931 clause 5.8.10)."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from copy import copy
from functools import lru_cache
from typing import Any

import attrs

from sbc.core.crossing import Crossing
from sbc.core.question import Question
from sbc.h323.codec import Wire, build_control, build_signal, decode
from sbc.h323.memo import CallMemo
from sbc.h323.message import H323Message
from sbc.h323.pdu import Pdu
from sbc.h323.ras import PROTOCOL
from sbc.h323.signal import identifier

STATUS = b"status"
_NUMBERS = 256
_REFERENCE = slice(6, 8)
"""Where a packet of call signalling has its call reference: after the TPKT, the protocol discriminator and a length."""
_IDLE = frozenset({"transportedInformation", "undefinedReason"})
"""Reasons of a Facility that ask for nothing by itself."""
_PLAIN = frozenset(
    {"protocolIdentifier", "reason", "callIdentifier", "conferenceID", "multipleCalls", "maintainConnection"}
)
TUNNELS = frozenset({"h323-message-body", "h245Tunnelling", "h245Control", "_additions"})
"""Components of call signalling that has nothing but a body and what is tunnelled."""


def question(answer: bytes, to_asker: bool, memo: CallMemo | None, number: int, control: bool = False) -> Question:
    """What asks one party whether the call lives that the Connect `answer` has begun; `control`: by H.245's channel.
    All who speak H.245 are to answer round trips, and there are some who do not: of none is it sure before it has."""
    if control:
        asked = build_control("request", "roundTripDelayRequest", {"sequenceNumber": number % _NUMBERS})
        return Question(asked, _named(number % _NUMBERS), False, "round trip")
    message = H323Message(decode(answer))
    head = message.message.q931
    assert head is not None  # it was answered
    if memo is not None and memo.tunnels[0 if to_asker else 1]:
        data = bytearray(_round_trip(number % _NUMBERS, to_asker))
        data[_REFERENCE] = (head.call_reference | (0x8000 if to_asker else 0)).to_bytes(2, "big")
        return Question(bytes(data), _named(number % _NUMBERS), False, "round trip")
    guid = identifier(message.value if isinstance(message.value, dict) else {})
    said: dict[str, Any] = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": guid or bytes(16)}}
    return Question(build_signal("statusInquiry", head.call_reference, to_asker, said), STATUS, False, "status")


@lru_cache(maxsize=2 * _NUMBERS)
def _round_trip(number: int, from_destination: bool) -> bytes:
    """The roundTripDelayRequest of that number in the tunnel, for any call."""
    control = build_control("request", "roundTripDelayRequest", {"sequenceNumber": number}, tpkt=False)
    tunnelled = {"h245Tunnelling": True}
    return build_signal("facility", 0, from_destination, ("empty", 0), control=[control], extra=tunnelled)


def asks(message: H323Message) -> tuple[bytes, ...]:
    """The questions in a message, by what their answers call them."""
    return _found(message, "statusInquiry", "roundTripDelayRequest")


def tells(message: H323Message) -> tuple[bytes, ...]:
    """The questions that a message answers."""
    return _found(message, "status", "roundTripDelayResponse")


def _found(message: H323Message, signal: str, control: str) -> tuple[bytes, ...]:
    head = message.message.q931
    found = [STATUS] if head is not None and head.name == signal else []
    return (*found, *(_named(_of(pdu)) for pdu in message.message.pdus if pdu.name == control))


def _named(number: int) -> bytes:
    return b"round trip %d" % number


def strip(message: H323Message, told: Collection[bytes]) -> bool:
    """Take the answers `told` out of a message; whether anything is left of it for the other party. Where the rest
    cannot be encoded anew without loss they stay: who has not asked ignores an answer."""
    head, root = message.message.q931, message.message.pdu
    gone = [pdu for pdu in message.message.pdus if pdu.name == "roundTripDelayResponse" and _named(_of(pdu)) in told]
    if root is None or root in gone:  # no user-user part, or H.245 by itself
        return False
    unit = root.whole["h323-uu-pdu"]
    rest = [each for index, each in enumerate(unit.get("h245Control", [])) if index not in {pdu.index for pdu in gone}]
    if not rest and unit.keys() <= TUNNELS:
        if head is not None and head.name == "status" and STATUS in told:
            return False
        if gone and head is not None and head.name == "facility" and is_idle(unit["h323-message-body"]):
            return False
    if gone and root.understood:
        whole, changed = copy(root.whole), {**unit, "h245Control": rest}
        if not rest:
            del changed["h245Control"]
        whole["h323-uu-pdu"] = changed
        with suppress(ValueError):  # its sender encodes otherwise than we would: then it hears an answer too many
            message.message.rebuild(root, whole)
    return True


def _of(pdu: Pdu) -> int:
    return int(pdu.value["sequenceNumber"])


def is_idle(body: tuple[str, Any]) -> bool:
    """Whether the body of a Facility is there for what it carries alone."""
    name, said = body
    if name == "empty":
        return True
    return name == "facility" and said.keys() <= _PLAIN | {"_additions"} and said["reason"][0] in _IDLE


def note(message: H323Message, crossing: Crossing) -> None:
    """Remember of a call whether the sender of a message tunnels H.245. A Setup only proposes it."""
    call, root = crossing.call, message.message.pdu
    if call is None or root is None or message.name == "setup" or message.message.wire is not Wire.SIGNAL:
        return
    unit = root.whole.get("h323-uu-pdu", {})
    memo: CallMemo = call.memo or CallMemo()
    tunnels = unit.get("h245Tunnelling", False) and (bool(unit.get("h245Control")) or memo.tunnels[crossing.from_leg])
    if tunnels != memo.tunnels[crossing.from_leg]:
        first, second = memo.tunnels
        call.memo = attrs.evolve(memo, tunnels=(first, tunnels) if crossing.from_leg else (tunnels, second))
