"""The reader of aligned PER: octets by hand from X.691, the library's second opinion, and bombs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.h323 import per, q931
from sbc.h323.reader import Compiler
from sbc.h323.types import (
    Bits,
    Boolean,
    Choice,
    Component,
    Enumerated,
    Integer,
    ListOf,
    Node,
    Null,
    ObjectId,
    Octets,
    Opaque,
    Sequence,
    Text,
)
from sbc.h323.walk import ADDITIONS, MOST, WIDEST, Walk
from tests.effort import effort
from tests.h323_messages import ALL, RECORDED, needs_recorded, registration

compiler = Compiler(lambda node, name, read: read)


def read(node: Node, octets: str, start: int = 0) -> Any:
    data = bytes.fromhex(octets)
    walk = Walk(data, 0, len(data))
    walk.pos = start
    return compiler.reader(node)(walk)


def whole(name: str, data: bytes) -> Any:
    walk = Walk(data, 0, len(data))
    value = compiler.reader(per.node(name))(walk)
    assert walk.pos <= walk.end
    return value


DIGITS = Text(1, 128, 4, "#*,0123456789")
PAIR = Sequence(
    root=(Component("a", Boolean()), Component("b", Integer(0, 255), True)),
    extensible=True,
    additions=(Component("c", Octets()), Component("d", Null())),
)
EITHER = Choice(root=(("a", Null()), ("b", Integer(0, 7))), extensible=True, additions=(("c", Integer(0, 65535)),))


@pytest.mark.parametrize(
    ("node", "octets", "value"),
    [
        (Null(), "", 0),
        (Boolean(), "80", True),
        (Integer(5, 5), "", 5),
        (Integer(0, 2), "80", 2),
        (Integer(1, 128), "02", 2),
        (Integer(0, 255), "fe", 254),
        (Integer(1, 65535), "0006", 7),
        (Integer(1, 4294967295), "00" + "13", 20),
        (Integer(1, 4294967295), "c0" + "fffffffe", 4294967295),
        (Integer(-262144, 262143), "80" + "040000", 0),
        (Integer(), "01fb", -5),
        (Integer(0, None), "020100", 256),
        (Integer(0, 16383, True), "00" + "0013", 19),
        (Integer(0, 16383, True), "80" + "034000ff", 0x4000FF),
        (Enumerated(("x", "y", "z")), "80", "z"),
        (Enumerated(("x", "y"), True), "40", "y"),
        (Enumerated(("x", "y"), True), "81", "_ext_1"),
        (Octets(2, 2), "4142", b"AB"),
        (Octets(4, 4), "c0a80101", b"\xc0\xa8\x01\x01"),
        (Octets(), "03616263", b"abc"),
        (Octets(), "8080" + "aa" * 128, b"\xaa" * 128),
        (Octets(1, 20), "08" + "4142", b"AB"),
        (Bits(), "0ca5f0", (0xA5F, 12)),
        (Bits(32, 32), "deadbeef", (0xDEADBEEF, 32)),
        (DIGITS, "06" + "456c", "1239"),
        (DIGITS, "04" + "0120", "#*,"),
        (Text(1, 256, 16), "01" + "00610062", "ab"),
        (Text(1, 128, 16), "00" + "00e9", "é"),
        (Text(1, 512), "0002" + "613a62", "a:b"),
        (Text(0, None, 0), "02" + "4849", "HI"),
        (ObjectId(), "06" + "0008914a0006", (0, 0, 8, 2250, 0, 6)),
        (ObjectId(), "03" + "883703", (2, 999, 3)),
        (Opaque(), "02" + "4142", ("_unk_004", b"AB")),
        (ListOf(0, None, item=Integer(0, 255)), "0201ff", [1, 255]),
        (ListOf(1, 256, item=Octets(1, 1)), "014142", [b"A", b"B"]),
        (ListOf(2, 2, item=Boolean()), "40", [False, True]),
        (PAIR, "20", {"a": True}),
        (PAIR, "60" + "07", {"a": True, "b": 7}),
        (EITHER, "00", ("a", 0)),
        (EITHER, "70", ("b", 6)),
        (EITHER, "80" + "020102", ("c", 258)),
        (EITHER, "85" + "020102", ("_ext_5", b"\x01\x02")),
    ],
)
def test_octets(node: Node, octets: str, value: Any) -> None:
    assert read(node, octets) == value


def test_additions() -> None:
    # extended, no b, a; two additions: 0000001 11, then at a boundary each with its length
    assert read(PAIR, "a070" + "03024142" + "0100") == {"a": True, "c": b"AB", "d": 0}
    # a bitmap of one, and one of four whose last nobody knows
    assert read(PAIR, "a020" + "0100") == {"a": True, "c": b"", ADDITIONS: 1}
    assert read(PAIR, "a0c4" + "027a7a")["_ext_3"] == b"zz"


def test_what_does_not_start_at_a_boundary() -> None:
    assert read(Integer(0, 7), "1e", 3) == 7
    assert read(Octets(1, 1), "0ff0", 4) == b"\xff"
    assert read(Octets(4, 4), "00c0a80101", 3) == b"\xc0\xa8\x01\x01"


@pytest.mark.parametrize(
    ("node", "octets"),
    [
        (Boolean(), ""),
        (Integer(0, 2), "c0"),
        (Integer(1, 65535), "ffff"),
        (Integer(1, 65535), "00"),
        (Integer(1, 4294967295), "c0ffffffff"),
        (Octets(), "0341"),
        (Octets(), ""),
        (Octets(), "80"),
        (Octets(), "c1" + "00" * 100),
        (DIGITS, "01" + "ff"),
        (ObjectId(), "00"),
        (ObjectId(), "0188"),
        (ListOf(0, None, item=Null()), "bfff"),
        (ListOf(0, None, item=Boolean()), "0a" + "00"),
        (EITHER, "c0"),
        (EITHER, "80" + "05aa"),
        (EITHER, "80" + "0101"),
        (PAIR, "a070" + "03024142" + "05"),
        (Choice(root=(("a", Null()), ("b", Null()), ("c", Null()))), "c0"),
    ],
)
def test_what_is_none(node: Node, octets: str) -> None:
    with pytest.raises(BadMessage):
        read(node, octets)


def plain(value: Any) -> Any:
    """A value without what the reader adds to the library's."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name != ADDITIONS}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def encodings() -> list[tuple[str, str, bytes]]:
    """The ASN.1 of every message: its name, type and octets."""
    found = []
    for name, data in ALL:
        if data[:2] != b"\x03\x00":
            found.append((name, "RasMessage", data))
        elif data[4:6] != b"\x08\x02":
            found.append((name, "MultimediaSystemControlMessage", data[4:]))
        elif (held := q931.user_user(q931.read(data, 4, len(data)))) is not None:
            found.append((name, "H323-UserInformation", held.octets[1:]))
    return found


@needs_recorded
def test_the_library_reads_the_same_and_gives_it_back() -> None:
    """Every message is read as the library reads it, and encoded anew to the very octets."""
    assert len(RECORDED) >= 130
    for name, kind, data in encodings():
        value = whole(kind, data)
        assert plain(value) == plain(per.decode(kind, data)), name
        assert per.encode(kind, value) == data, name


NESTED = Sequence()
LOOP = Choice(root=(("end", Null()), ("more", NESTED)))
NESTED.root = (Component("inside", LOOP),)


def test_depth_is_bounded() -> None:
    assert read(LOOP, "e0") == ("more", {"inside": ("more", {"inside": ("more", {"inside": ("end", 0)})})})
    with pytest.raises(BadMessage, match="deep"):
        read(LOOP, "ff" * 100)


def test_lists_of_nothing_are_bounded() -> None:
    """An element of no bits costs nothing to send."""
    inner = ListOf(0, None, item=ListOf(0, None, item=Null()))

    def refuse() -> None:
        with pytest.raises(BadMessage, match="many"):
            read(inner, "bfff" + "bfff" * 5000)

    assert effort(refuse, enough=1000) < 1000
    assert len(read(ListOf(0, None, item=Null()), f"{0x8000 | MOST:04x}")) == MOST


def test_bit_strings_are_bounded() -> None:
    assert read(Bits(), f"{0x8000 | 8 * WIDEST:04x}" + "ff" * WIDEST) == ((1 << 8 * WIDEST) - 1, 8 * WIDEST)
    with pytest.raises(BadMessage, match="long"):
        read(Bits(), f"{0x8000 | 8 * WIDEST + 1:04x}" + "ff" * (WIDEST + 1))


def bombed(name: str, data: bytes) -> None:
    with suppress(BadMessage):
        compiler.reader(per.node(name))(Walk(data, 0, len(data)))


@pytest.mark.parametrize("filling", [b"\x00", b"\xff", b"\x7f", b"\x80", b"\x04", b"\xaa", b"\x01\x00", b"\x40\x10"])
def test_bombs_end_soon(filling: bytes) -> None:
    """The largest message there can be, of whatever repeats, is read or refused soon."""
    for head in (b"", registration()[:40], b"\x20\xb8", b"\x0e\x80"):
        data = (head + filling * 65535)[:65535]
        for name in per.names():
            assert effort(lambda name=name, data=data: bombed(name, data), enough=500) < 500


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_comes(data: st.DataObject) -> None:
    """Mutated and truncated messages are read or refused."""
    _, kind, octets = data.draw(st.sampled_from(encodings()))
    changed = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    octets = bytes(changed[: data.draw(st.integers(1, len(changed) + 1))])
    try:
        compiler.reader(per.node(kind))(Walk(octets, 0, len(octets)))
    except BadMessage:
        return
