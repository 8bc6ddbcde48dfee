"""Questions to the system and their answers, octet by octet."""

from __future__ import annotations

import socket
import struct

import pytest

from sbc.media.kernel import rtnetlink

_GETLINK, _NEWLINK = 18, 16  # linux/rtnetlink.h
_LINK = struct.Struct("=BxHiII")
_IFNAME = 3


def test_one_interface_and_all_of_them() -> None:
    lo = rtnetlink.attributes(rtnetlink.ask(_GETLINK, _LINK.pack(0, 0, 1, 0, 0))[_LINK.size :])
    assert lo[_IFNAME] == b"lo\0"
    found = [
        (kind, _LINK.unpack_from(body)[2], rtnetlink.attributes(body[_LINK.size :])[_IFNAME])
        for kind, body in rtnetlink.dump(_GETLINK, _LINK.pack(0, 0, 0, 0, 0))
    ]
    assert sorted(found) == sorted((_NEWLINK, index, name.encode() + b"\0") for index, name in socket.if_nameindex())


def test_a_question_that_is_refused_is_an_error() -> None:
    with pytest.raises(OSError, match="No such device"):
        rtnetlink.ask(_GETLINK, _LINK.pack(0, 0, 9_999, 0, 0))
    with pytest.raises(OSError, match="not supported"):
        list(rtnetlink.dump(9_999, bytes(16)))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (struct.pack("=HH3sxHHI", 7, 1, b"abc", 8, 0x8002, 5), {1: b"abc", 2: struct.pack("=I", 5)}),
        (struct.pack("=HH", 3, 1) + bytes(8), {}),  # shorter than its own head
        (struct.pack("=HHI", 8, 1, 9) + b"\x01", {1: struct.pack("=I", 9)}),
    ],
    ids=["none", "padded, and flagged", "bad length", "rest"],
)
def test_attributes(body: bytes, found: dict[int, bytes]) -> None:
    assert rtnetlink.attributes(body) == found
