"""A message of which something is refused is taken apart, so that the rest goes on: each H.245 message that it holds
comes by itself then."""

from __future__ import annotations

from sbc.core.message import BadMessage, Cause, Refused
from sbc.h323.alive import TUNNELS, is_idle
from sbc.h323.codec import Message, Wire, build_signal, decode
from sbc.h323.pdu import Pdu
from sbc.h323.seals import seals
from sbc.octets.tpkt import wrap

MOST = 16
"""Parts of one message, each of which is read anew, and may be answered: what makes more is refused as a whole."""
_SINGLE = frozenset({"openLogicalChannel", "openLogicalChannelAck", "miscellaneousCommand"})
"""What is refused for its own sake. The rest goes in company where there is very much of it."""
_HELD = "h245Control"
_PARTLY = frozenset({Cause.BANDWIDTH, Cause.SECURITY, Cause.UNSUPPORTED, Cause.NO_PORTS, Cause.BUSY})
"""Why one thing is refused that a message says. What else there is means all of it."""


def apart(data: bytes, no: Refused) -> tuple[bytes, ...]:
    """The messages that one may be taken for that was refused: each says less, and they are in its order. Nothing where
    it says but one thing, or is refused as a whole."""
    if no.cause not in _PARTLY:
        return ()
    message = decode(data)
    root = message.pdu
    if root is None or message.name == "setup" or seals(message):
        return ()
    if message.wire is Wire.CONTROL:
        return _each([root], message, 0)
    return _of_signal(message, root) if message.wire is Wire.SIGNAL else ()


def _of_signal(message: Message, root: Pdu) -> tuple[bytes, ...]:
    """A Facility that is there for its tunnel alone is nothing without. Of others first comes what is said around the
    tunnel, in an answer with all that stands in there before the first channel is opened."""
    held = [pdu for pdu in root.children if pdu.holder == _HELD]
    facility, unit = message.name == "facility", root.whole["h323-uu-pdu"]
    if facility and unit.keys() <= TUNNELS and is_idle(unit["h323-message-body"]):
        return _each(held, message, 0)
    first = 0 if facility else next((place for place, each in enumerate(held) if _opens(each)), len(held))
    if first == len(held):
        return ()
    try:
        message.leave(root, _HELD, range(first))
        around = message.encode()
    except (ValueError, BadMessage):
        return ()
    parts = _each(held[first:], message, 1)
    return (around, *parts) if parts else ()


def _opens(held: Pdu) -> bool:
    return any(pdu.group and pdu.name == "openLogicalChannel" for pdu in held.pdus)


def _each(held: list[Pdu], message: Message, before: int) -> tuple[bytes, ...]:
    """Each H.245 message of these by itself; of more than `MOST` what may go in company does. Nothing where there is
    one part alone, and nothing `before` it, or there are too many."""
    parts = [[pdu] for each in held for pdu in each.pdus if pdu.group]
    if before + len(parts) > MOST:
        parts = _in_company(parts)
    return tuple(_alone(part, message) for part in parts) if 2 <= before + len(parts) <= MOST else ()


def _in_company(singles: list[list[Pdu]]) -> list[list[Pdu]]:
    parts: list[list[Pdu]] = []
    for (pdu,) in singles:
        if not parts or pdu.name in _SINGLE or parts[-1][-1].name in _SINGLE:
            parts.append([])
        parts[-1].append(pdu)
    return parts


def _alone(part: list[Pdu], message: Message) -> bytes:
    head, tunnels = message.q931, {"h245Tunnelling": True}
    control = [message.data[pdu.start : pdu.end] for pdu in part]
    if head is None:  # of which none holds more than a few
        return wrap(b"".join(control))
    back = head.from_destination
    return build_signal("facility", head.call_reference, back, ("empty", 0), control=control, extra=tunnels)
