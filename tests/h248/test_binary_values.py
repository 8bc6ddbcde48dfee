"""Identifiers, terminations, contexts and errors of the binary encoding: read, made, and written over."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.h248.ber import Changes, read, wrap
from sbc.h248.binary_values import (
    MID_FORMS,
    PLACE_FORMS,
    context,
    context_number,
    failure,
    failure_octets,
    mid,
    mid_octets,
    only,
    parsed,
    termination,
    termination_octets,
    unsigned,
    wanted,
    write_mid,
)
from sbc.h248.message import Failure, Form
from sbc.h248.mids import read_mid, read_place
from tests.h248_binary import leaf, listed, node
from tests.h248_binary import termination as termination_of

MIDS = {
    b"[10.0.0.1]:2944": node(0, leaf(0, b"\x0a\0\0\x01"), leaf(1, b"\x0b\x80")),
    b"[10.0.0.1]": node(0, leaf(0, b"\x0a\0\0\x01")),
    b"[2001:db8::1]:55555": node(1, leaf(0, bytes.fromhex("20010db8000000000000000000000001")), leaf(1, b"\0\xd9\x03")),
    b"<gw.example>:2945": node(2, leaf(0, b"gw.example"), leaf(1, b"\x0b\x81")),
    b"<gw.example>": node(2, leaf(0, b"gw.example")),
    b"gw1/Slot2": leaf(3, b"gw1/Slot2"),
    b"MTP{00c0ff}": leaf(4, b"\0\xc0\xff"),
}


@pytest.mark.parametrize("text", MIDS)
def test_identifiers(text: bytes) -> None:
    octets = MIDS[text]
    said = mid(octets, read(octets))
    assert said == read_mid(text) and said.text == text
    assert mid_octets(said) == octets


def test_a_port_alone_is_where_messages_go() -> None:
    octets = leaf(0, b"\x0b\x80")
    said = mid(octets, read(octets), PLACE_FORMS)
    assert said == read_place(b"2944") and said.form is Form.PORT and said.address == Address("", 2944)
    assert mid_octets(said, PLACE_FORMS) == octets
    host = read_place(b"[10.0.0.1]:2944")
    assert host is not None and mid_octets(host, PLACE_FORMS)[:1] == b"\xa1"
    with pytest.raises(BadMessage):
        mid_octets(said, MID_FORMS)


@pytest.mark.parametrize("old", MIDS)
@pytest.mark.parametrize("new", MIDS)
def test_one_in_place_of_another(old: bytes, new: bytes) -> None:
    octets = wrap(0xA1, MIDS[old])
    root = read(octets)
    said = read_mid(new)
    assert said is not None
    changes = Changes(octets)
    write_mid(only(root, "identifier"), said, MID_FORMS, changes)
    assert changes.apply(root) == wrap(0xA1, MIDS[new])


def test_long_lengths_of_an_address_stay() -> None:
    octets = b"\xa0\x81\x0b\x80\x82\x00\x04\x0a\x00\x00\x01\x81\x01\x09"
    root = read(octets)
    said = read_mid(b"[192.0.2.1]:2944")
    assert said is not None
    changes = Changes(octets)
    write_mid(root, said, MID_FORMS, changes)
    assert changes.apply(root) == b"\xa0\x81\x0c\x80\x82\x00\x04\xc0\x00\x02\x01\x81\x02\x0b\x80"


@pytest.mark.parametrize(
    "octets",
    [
        leaf(5, b"x"),
        wrap(0x30, b""),
        node(0, leaf(1, b"\1")),
        node(0, leaf(0, b"\1\2\3")),
        node(1, leaf(0, b"\1\2\3\4")),
        node(0, leaf(0, b"\1\2\3\4"), leaf(1, b"\1\0\0")),
        node(2, leaf(0, b"")),
        node(2, leaf(0, b"a b")),
        node(2, leaf(0, b"\xff\xfe")),
        node(2, leaf(0, b"x" * 600)),
        node(2, leaf(0, b"gw>.example")),
        leaf(3, b""),
        leaf(3, b"gw\x803"),
        leaf(3, b"gw 1"),
        leaf(3, b"MTP{1234}"),
        leaf(4, b"\1"),
        leaf(4, b"\1\2\3\4\5"),
    ],
)
def test_malformed_identifiers(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        mid(octets, read(octets))


@pytest.mark.parametrize(
    ("identifier", "fields", "key", "choose", "every"),
    [
        ("ffffffffffffffff", "", b"root", False, False),
        ("010203", "", b"010203", False, False),
        ("000000", "57", b"$", True, False),  # from bit 23 on, and all below
        ("000000", "d7", b"*", False, True),
        ("010000", "cf", b"01*", False, True),
        ("010200", "87", b"010200/87", False, True),  # the level at the last octet alone
        ("010200", "07", b"010200/07", True, False),
        ("001e00", "1707", b"001e00/1707", True, False),  # the first and the last level
        ("001e00", "9707", b"001e00/9707", True, True),
        ("010200", "8f", b"010200/8f", False, True),  # one level with others below
        ("010200", "c6", b"010200/c6", False, True),  # not by whole digits
        ("0102030405060708", "c3", b"010203040506070*", False, True),
        ("01", "ff", b"01/ff", False, True),  # beyond its beginning
    ],
)
def test_terminations(identifier: str, fields: str, key: bytes, choose: bool, every: bool) -> None:
    octets = termination_of(bytes.fromhex(identifier), bytes.fromhex(fields))
    said = termination(octets, read(octets))
    assert (said.key, said.name, said.choose, said.every) == (key, key, choose, every)
    again = wrap(0x30, termination_octets(key, len(identifier) // 2))
    assert termination(again, read(again)).key == key


@pytest.mark.parametrize(
    "octets",
    [
        listed(node(0)),
        listed(node(0), leaf(1, b"")),
        listed(node(0), leaf(1, b"123456789")),
        listed(node(0, *[b"\4\1\1"] * 65), leaf(1, b"1")),
    ],
)
def test_malformed_terminations(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        termination(octets, read(octets))


@pytest.mark.parametrize("key", [b"", b"xx", b"0", b"0" * 20, b"01020304050607080*", b"zz*", b"01/zz"])
def test_no_terminations(key: bytes) -> None:
    with pytest.raises(BadMessage):
        termination_octets(key)


def test_contexts() -> None:
    for number, text in ((0, b"-"), (0xFFFF_FFFE, b"$"), (0xFFFF_FFFF, b"*"), (2000, b"2000")):
        assert context(number) == text and context_number(text) == number
    for bad in (b"", b"x", b"-1", b"4294967294", b"9" * 30):
        with pytest.raises(BadMessage):
            context_number(bad)
    assert parsed(b"4294967295", 0xFFFF_FFFF) == 0xFFFF_FFFF


def test_errors() -> None:
    for failed in (Failure(502, b"Not ready"), Failure(0, b""), Failure(65_535, b"x" * 300)):
        octets = wrap(0xA0, failure_octets(failed))
        assert failure(octets, read(octets)) == failed
    with pytest.raises(BadMessage, match="error code"):
        failure(b"\xa0\x00", read(b"\xa0\x00"))


def test_what_must_be_there() -> None:
    with pytest.raises(BadMessage, match="no thing"):
        wanted(None, "thing")
    with pytest.raises(BadMessage, match="no thing"):
        only(read(b"\xa0\x00"), "thing")
    with pytest.raises(BadMessage, match="out of range"):
        unsigned(b"\x80\x01\x7f", read(b"\x80\x01\x7f"), 100, "thing")
    # four octets where five are right: who sends these means a large number
    assert unsigned(b"\x80\x04\xff\xff\xff\xfe", read(b"\x80\x04\xff\xff\xff\xfe"), 0xFFFF_FFFF, "x") == 0xFFFF_FFFE
