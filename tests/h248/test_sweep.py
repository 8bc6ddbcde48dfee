"""Addresses where none belongs are not seen on the other side."""

from __future__ import annotations

from sbc.h248.ber import wrap
from sbc.h248.sweep import sweep
from tests.h248_binary import modify

HIDDEN = frozenset({"192.168.1.10", "2001:db8::10"})
OURS = "198.51.100.1"


def test_written_ones_in_text() -> None:
    data = b'Error = 500 { "192.168.1.10:4000 is not 192.168.1.100, nor [2001:db8::10]:7" }'
    assert sweep(data, False, HIDDEN, OURS) == (
        b'Error = 500 { "198.51.100.1:4000 is not 192.168.1.100, nor [198.51.100.1]:7" }'
    )
    assert sweep(b"nothing", False, {"192.168.1.10"}, OURS) == b"nothing"


def test_leading_zeros_hide_nothing() -> None:
    data = b'x "192.168.001.010", [192.168.01.10]:04 1192.168.001.010 192.168.001.0100'
    swept = b'x "198.51.100.1", [198.51.100.1]:4 1192.168.001.010 192.168.001.0100'
    assert sweep(data, False, {"192.168.1.10"}, OURS) == swept
    assert sweep(wrap(0x30, wrap(4, b"at 192.168.001.010")), True, HIDDEN, OURS) == wrap(
        0x30, wrap(4, b"at 198.51.100.1")
    )


def test_packed_and_written_ones_in_binary() -> None:
    """Its lengths are mended (`sbc.h248.binary_sweep`)."""
    packed, six = b"\xc0\xa8\x01\x0a", bytes.fromhex("20010db8000000000000000000000010")
    data = wrap(0x30, wrap(4, packed), wrap(4, b"at [192.168.1.10]:4000"), wrap(4, six), wrap(4, b"2001:DB8::10"))
    four = (wrap(4, b"\xc6\x33\x64\x01"), wrap(4, b"at [198.51.100.1]:4000"))
    assert sweep(data, True, HIDDEN, OURS) == wrap(0x30, *four, wrap(4, bytes(16)), wrap(4, OURS.encode()))
    assert sweep(data, True, {"10.0.0.1"}, OURS) is data


def test_identifiers_of_terminations_stay() -> None:
    data = modify(identifier=b"\xc0\xa8\x01\x0a")
    assert sweep(data, True, HIDDEN, OURS) == data


def test_names_of_terminations_stay_as_both_sides_know_them() -> None:
    data = b'!/1 mg P=1{C=5{A=rtp/192.168.1.10/4000{M{ST=1{O{x/y=192.168.1.10}}}},MF=t{ER=500{"192.168.1.10"}}}}'
    swept = sweep(data, False, HIDDEN, OURS)
    assert swept == data.replace(b"=192.168.1.10}", b"=198.51.100.1}").replace(b'"192.168.1.10"', b'"198.51.100.1"')
