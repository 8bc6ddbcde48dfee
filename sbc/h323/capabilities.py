"""Capability sets of H.245 (clauses 7.2 and B.2): which a message has, their entries, and how they are written anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sbc.h323.codec import Message
from sbc.h323.pdu import Pdu

TABLE, NUMBER, CAPABILITY = "capabilityTable", "capabilityTableEntryNumber", "capability"
DESCRIPTORS, TOGETHER = "capabilityDescriptors", "simultaneousCapabilities"
MEANS = "mediaCapability"
"""Of an h235SecurityCapability: the entry that it is about, with which it goes."""
_KINDS = {"AudioCapability": "audioData", "VideoCapability": "videoData"}
_EVENTS = frozenset({"audioTelephonyEvent", "audioTone"})


def sets(message: Message) -> list[Pdu]:
    """The capability sets of a message that say what their sender can."""
    return [pdu for pdu in message.pdus if is_set(pdu)]


def is_set(pdu: Pdu) -> bool:
    """Whether a PDU is one: without a table it says that nothing is to be sent to its sender (H.323 clause 8.4.6)."""
    return bool(pdu.group) and pdu.name == "terminalCapabilitySet" and TABLE in pdu.value


def said(entry: dict[str, Any]) -> tuple[str, Any]:
    """What an entry says: which kind of capability, and that; empty where it says nothing."""
    found: tuple[str, Any] = entry.get(CAPABILITY, ("", None))
    return found


def kind_of(entry: dict[str, Any]) -> str:
    """What would flow by an entry: ``audioData`` or ``videoData``; empty for all else, events in voice included."""
    name, value = said(entry)
    kind = next((kind for end, kind in _KINDS.items() if name.endswith(end)), "")
    return kind if isinstance(value, tuple) and value[0] not in _EVENTS else ""


def regrouped(value: dict[str, Any], anew: Callable[[Sequence[int]], list[int]]) -> dict[str, Any]:
    """A capability set whose descriptors have in place of each group of entries what `anew` makes of it. Groups of
    which nothing is left are gone, and of a descriptor without any its number alone is there."""
    if DESCRIPTORS not in value:
        return value
    return {**value, DESCRIPTORS: [_descriptor(each, anew) for each in value[DESCRIPTORS]]}


def _descriptor(descriptor: dict[str, Any], anew: Callable[[Sequence[int]], list[int]]) -> dict[str, Any]:
    held = {name: each for name, each in descriptor.items() if name != TOGETHER}
    left = [group for group in map(anew, descriptor.get(TOGETHER, ())) if group]
    return {**held, TOGETHER: left} if left else held


def stays(message: Message, pdu: Pdu, why: ValueError) -> None:
    """Note that a set is not written anew, since that would lose something."""
    message.resized.append(f"{pdu.name} stays as it is: {why}")
