"""The laws that every message of H.323 keeps, whoever made it: for tests and for fuzzing."""

from __future__ import annotations

from contextlib import suppress

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.h323.codec import Message, Wire, decode
from sbc.h323.spots import Noted
from sbc.octets.tpkt import HEADER, TpktFramer, wrap

ADDRESSES = (Noted.ADDRESS, Noted.SOURCE_ROUTE)


def replaced(data: bytes, family: str = "4", wire: Wire | None = None) -> tuple[Message, list[Address]]:
    """The message with every address replaced by one of its own, and by which each, in order."""
    message = decode(data, wire)
    new: list[Address] = []
    for spot in message.spots:
        if spot.kind in ADDRESSES:
            number = len(new) + 1
            host = f"203.0.113.{number % 256}" if family == "4" else f"2001:db8::{number:x}"
            new.append(Address(host, 40000 + number))
            try:
                message.put(spot, new[-1])
            except ValueError:  # it would have to be encoded anew, beside what is not understood
                assert spot.kind is Noted.SOURCE_ROUTE or "_additions" in spot.found.value[1]
                new[-1] = spot.value
    return message, new


def keep_the_laws(data: bytes, wire: Wire | None) -> None:
    """Whatever these octets are, they are refused, or are a message that comes out as it came in, and in which every
    address can be replaced by another, of either family, and is then read there."""
    try:
        message = decode(data, wire)
    except BadMessage:
        return
    assert message.encode() is data
    assert isinstance(message.name, str) and isinstance(message.resized, list)
    for family in "46":
        there, new = replaced(data, family, message.wire)
        try:
            sent = there.encode()
        except BadMessage:  # it has grown too long
            assert family == "6" and len(data) > 5000
            continue
        back = decode(sent, message.wire)
        assert [spot.value for spot in back.spots if spot.kind in ADDRESSES] == new


def cut(data: bytes, size: int) -> None:
    """A stream is cut into the same packets however it comes in, all of them whole."""
    whole, pieces, found = TpktFramer().feed(data), TpktFramer(), []
    for at in range(0, len(data), size):
        found += pieces.feed(data[at : at + size]).messages
    assert found == whole.messages
    assert all(len(each) == int.from_bytes(each[2:4], "big") > HEADER for each in found)


def keep_them_as_anything(data: bytes) -> None:
    """The laws of these octets as they are, as RAS, as the payload of a packet, and as a stream."""
    cut(data, 1 + (data[0] if data else 0) % 97)
    for wire in (None, *Wire):
        keep_the_laws(data, wire)
    with suppress(BadMessage):
        keep_the_laws(wrap(data), Wire.SIGNAL)
        keep_the_laws(wrap(data), Wire.CONTROL)
