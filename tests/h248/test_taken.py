"""Text and binary told apart, packets, and what becomes of descriptions that are filled."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place
from sbc.h248 import slots
from sbc.h248.message import Wire
from sbc.h248.taken import Unread, carried, decode, is_binary, is_framed, parts
from sbc.octets import tpkt
from tests.h248_words import WIRES, WRITERS, command, media, message, sdp, transaction

AT = b"[192.0.2.1]:2944"
SAID = message(AT, transaction(9, 5, command(b"Modify", b"a1", media(remote=sdp("192.0.2.9", 4000)))))


@pytest.mark.parametrize("wire", WIRES)
def test_by_its_first_octets(wire: str) -> None:
    data = WRITERS[wire](SAID)
    assert is_binary(data) is (wire == "binary") and not is_framed(data) and is_framed(tpkt.wrap(data))
    for each in (data, tpkt.wrap(data)):
        taken = decode(each)
        assert taken.message.wire is Wire(wire) and taken.encode() == each
        assert parts(each) == (each,)
        assert carried(carried(each, True), False) == data


@pytest.mark.parametrize("wire", WIRES)
def test_what_is_filled_is_written(wire: str) -> None:
    taken = decode(tpkt.wrap(WRITERS[wire](SAID)))
    (slot,) = [each for each in slots.slots(taken) if each.stream is not None]
    slots.fill(taken, slot, Place(Address("203.0.113.1", 20000)))
    written = taken.encode()
    assert is_framed(written) and taken.encode() == written
    (slot,) = [each for each in slots.slots(decode(written)) if each.stream is not None]
    assert slot.place.address == Address("203.0.113.1", 20000)


@pytest.mark.parametrize("wire", WIRES)
def test_what_has_grown_too_long_by_sweeping_does_not_go(wire: str) -> None:
    """Where it went, and when it is read again, it would be no message."""
    said = command(b"Modify", b"a1", media(remote=sdp("192.0.2.9", 4000, (b"a=x:" + b"10.0.0.1 " * 60 + b"\r\n") * 90)))
    taken = decode(WRITERS[wire](message(AT, transaction(9, 5, said))))
    taken.hidden, taken.ours = frozenset({"10.0.0.1"}), "2001:db8:1:2:3:4:5:60"
    with pytest.raises(BadMessage, match="too long"):
        taken.encode()


@pytest.mark.parametrize("data", [b"", b"0", b"MEGACO", b"x" * 50, b"\x03\x00\x00\x05x", b"0\x80\x00\x00"])
def test_what_is_none_is_told_and_is_one_part(data: bytes) -> None:
    assert parts(data) == (data,)
    with pytest.raises(BadMessage):
        decode(data)


def test_how_it_came_is_known_of_what_is_none() -> None:
    for data, framed in ((SAID[:-20], False), (tpkt.wrap(SAID[:-20]), True)):
        with pytest.raises(Unread) as bad:
            decode(data)
        assert bad.value.framed is framed and bad.value.code >= 400
