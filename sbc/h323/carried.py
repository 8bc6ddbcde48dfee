"""RAS inside call signalling (H.460.17): a terminal's connection carries its registration, and its calls."""

from __future__ import annotations

from typing import Any

from sbc.h323.codec import Message, Wire, build_signal, decode
from sbc.h323.pdu import RAS

TUNNEL = 17
"""The feature, and the parameter of it that holds a message of RAS."""
_MESSAGE = 1
_NOWHERE: Any = ("ipAddress", {"ip": bytes(4), "port": 1})
"""Stands where such a terminal says no address, since none of its own counts."""


def wrap(ras: bytes) -> bytes:
    """A message of RAS as the packet that carries it: a Facility of no call."""
    parameter = {"id": ("standard", _MESSAGE), "content": ("raw", ras)}
    held = {"h245Tunnelling": True, "genericData": [{"id": ("standard", TUNNEL), "parameters": [parameter]}]}
    return build_signal("facility", 0, False, ("empty", 0), extra=held)


def unwrap(message: Message) -> Message | None:
    """The message of RAS that a Facility carries; None where it carries none. Of several only the first counts."""
    if message.wire is not Wire.SIGNAL or message.name != "facility":
        return None
    held = next((pdu for pdu in message.pdus if pdu.type == RAS), None)
    return None if held is None else _placed(decode(message.data[held.start : held.end], Wire.RAS))


def _placed(message: Message) -> Message:
    """A registration with addresses, where it has left them out."""
    if message.name != "registrationRequest" or message.pdu is None:
        return message
    empty = [name for name in ("rasAddress", "callSignalAddress") if not message.value.get(name)]
    if not empty or message.value.get("keepAlive"):
        return message
    name, value = message.pdu.whole
    try:
        message.rebuild(message.pdu, (name, {**value, **{each: [_NOWHERE] for each in empty}}))
    except ValueError:
        return message
    return decode(message.encode(), Wire.RAS)
