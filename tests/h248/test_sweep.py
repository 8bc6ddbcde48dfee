"""Addresses where none belongs are not seen on the other side."""

from __future__ import annotations

from sbc.h248.sweep import sweep

HIDDEN = frozenset({"192.168.1.10", "2001:db8::10"})
OURS = "198.51.100.1"


def test_written_ones_in_text() -> None:
    data = b'Error = 500 { "192.168.1.10:4000 is not 192.168.1.100, nor [2001:db8::10]:7" }'
    assert sweep(data, False, HIDDEN, OURS) == (
        b'Error = 500 { "198.51.100.1:4000 is not 192.168.1.100, nor [198.51.100.1]:7" }'
    )
    assert sweep(b"nothing", False, {"192.168.1.10"}, OURS) == b"nothing"


def test_packed_and_written_ones_in_binary_leave_every_length() -> None:
    data = b"\x04\x04\xc0\xa8\x01\x0a\x04\x0c192.168.1.10\x04\x10" + bytes.fromhex("20010db8000000000000000000000010")
    swept = sweep(data, True, HIDDEN, OURS)
    assert swept == b"\x04\x04\xc6\x33\x64\x01\x04\x0c000.000.0.00\x04\x10" + data[-16:]
    assert sweep(data, True, HIDDEN, "2001:db8::1")[-16:] == bytes.fromhex("20010db8000000000000000000000001")


def test_names_of_terminations_stay_as_both_sides_know_them() -> None:
    data = b'!/1 mg P=1{C=5{A=rtp/192.168.1.10/4000{M{ST=1{O{x/y=192.168.1.10}}}},MF=t{ER=500{"192.168.1.10"}}}}'
    swept = sweep(data, False, HIDDEN, OURS)
    assert swept == data.replace(b"=192.168.1.10}", b"=198.51.100.1}").replace(b'"192.168.1.10"', b'"198.51.100.1"')
