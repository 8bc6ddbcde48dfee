"""Patches inside counted octets: in place, or with every length around mended."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage
from sbc.h323.splice import Counted, Patch, Splice

# a packet whose length counts itself, an element of two octets' length, in it one of PER: [pp pp [ee ee x [n abc] y]]
DATA = bytes.fromhex("000b" + "0007" + "78" + "03616263" + "7979")
PACKET = Counted(None, 0, 2, 2, 11, 2)
ELEMENT = Counted(PACKET, 2, 2, 4, 11)
INNER = (ELEMENT, 5, 6, 9)


def spliced(*patches: tuple[int, int, bytes, object]) -> bytes:
    splice = Splice()
    for start, end, new, frame in patches:
        splice.replace(start, end, new, frame)  # type: ignore[arg-type]
    return splice.apply(DATA)


def test_nothing_written_gives_the_same_octets() -> None:
    splice = Splice()
    assert not splice and splice.apply(DATA) is DATA


def test_in_place() -> None:
    splice = Splice()
    splice.replace(6, 9, b"ABC", INNER)
    splice.replace(6, 9, b"xyz", INNER)
    assert splice and not splice.resizes()
    assert splice.apply(DATA) == DATA.replace(b"abc", b"xyz")


def test_all_lengths_around_are_mended() -> None:
    assert spliced((6, 9, b"abcd", INNER)) == bytes.fromhex("000c" + "0008" + "78" + "0461626364" + "7979")
    assert spliced((6, 9, b"", INNER)) == bytes.fromhex("0008" + "0004" + "78" + "00" + "7979")


def test_several_patches_at_several_depths() -> None:
    got = spliced((6, 7, b"aa", INNER), (8, 9, b"cc", INNER), (4, 5, b"", ELEMENT), (9, 10, b"zzz", ELEMENT))
    assert got == bytes.fromhex("000e" + "000a" + "0561" + "61626363" + "7a7a7a79")


def test_a_length_that_needs_another_octet_is_counted_too() -> None:
    got = spliced((6, 9, bytes(200), INNER))
    assert got[:8] == bytes.fromhex("00d1" + "00cd" + "78" + "80c8" + "00") and len(got) == 0xD1


@pytest.mark.parametrize("size", [16384, 65530])
def test_what_no_length_can_say_is_refused(size: int) -> None:
    with pytest.raises(BadMessage):
        spliced((6, 9, bytes(size), INNER))
    with pytest.raises(BadMessage):
        spliced((4, 5, bytes(65535), ELEMENT))


def test_bits_are_cleared_beside_patches() -> None:
    splice = Splice()
    splice.clear(4 * 8 + 1)
    splice.clear(4 * 8 + 2)
    assert splice.apply(DATA) == DATA[:4] + b"\x18" + DATA[5:]
    splice.replace(6, 9, b"", INNER)
    assert splice.apply(DATA) == bytes.fromhex("0008" + "0004" + "18" + "00" + "7979")


def test_what_is_forgotten_was_never_written() -> None:
    splice = Splice()
    splice.replace(6, 7, b"aa", INNER)
    splice.replace(9, 10, b"z", ELEMENT)
    splice.forget(5, 9)
    assert splice.apply(DATA) == DATA[:9] + b"z" + DATA[10:]


def test_patches_may_share_an_octet() -> None:
    """One ends within it, the other begins there, and becomes longer."""
    splice = Splice()
    splice.put(Patch(6, 7, b"\xf0", 0, 4), INNER)
    splice.put(Patch(6, 8, b"\x03\x04\x05", 4), INNER)
    assert splice.apply(DATA) == bytes.fromhex("000c" + "0008" + "78" + "04f3040563" + "7979")
    splice.put(Patch(6, 8, b"\x07\x08", 4), INNER)
    assert splice.apply(DATA) == bytes.fromhex("000b" + "0007" + "78" + "03f70863" + "7979")
