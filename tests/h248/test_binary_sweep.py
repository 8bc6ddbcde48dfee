"""Addresses in the leaves of binary messages: found as text and packed, and nothing else of the same octets is."""

from __future__ import annotations

import pytest

from sbc.h248.ber import read, wrap
from sbc.h248.binary_sweep import swept
from tests.h248_binary import action, command, leaf, listed, message, node, request, termination

HIDDEN, OURS = ("10.0.0.1", "2001:db8::1"), "203.0.113.200"
SIX = bytes.fromhex("20010db8000000000000000000000001")


def in_text(data: bytes) -> bytes:
    return data.replace(b"10.0.0.1", OURS.encode())


def sweep(data: bytes, ours: str = OURS) -> bytes:
    after = swept(data, HIDDEN, ours, in_text)
    read(after)
    return after


def value(octets: bytes) -> bytes:
    """A signal's parameter of that value, deep in a message."""
    parameter = listed(leaf(0, b"\0\1"), node(1, wrap(4, octets)))
    signals = node(5, node(0, leaf(0, b"\0\x99\0\1"), node(6, parameter)))
    return message(
        request(1, action(b"\7", command(2, node(0, termination(b"\1")), node(1, signals)))),
        mid=node(1, leaf(3, b"gw1")),
    )


@pytest.mark.parametrize(
    ("octets", "after"),
    [
        (b"\x0a\0\0\1", bytes((203, 0, 113, 200))),
        (b"\x04\x04\x0a\0\0\1", b"\x04\x04" + bytes((203, 0, 113, 200))),
        (SIX, bytes(16)),  # no room for one of the other family
        (b"at 10.0.0.1!", b"at 203.0.113.200!"),
        (b"x" * 120 + b"10.0.0.1", b"x" * 120 + b"203.0.113.200"),  # the lengths around grow into two octets
        (b"\x0a\0\0\1\x0f\xa0", bytes((203, 0, 113, 200)) + b"\x0f\xa0"),  # with a port
        (b"\x04\x06\x0a\0\0\1\x0f\xa0", b"\x04\x06" + bytes((203, 0, 113, 200)) + b"\x0f\xa0"),
        (b"\x0a\0\0\1\0", b"\x0a\0\0\1\0"),
        (b"\x0a\0\0\2", b"\x0a\0\0\2"),
        (b"\x02\x04\x0a\0\0\1", b"\x02\x04\x0a\0\0\1"),  # a number
    ],
)
def test_values(octets: bytes, after: bytes) -> None:
    assert sweep(value(octets)) == value(after)


def test_six_by_six() -> None:
    assert sweep(value(SIX), "2001:db8::2") == value(SIX[:-1] + b"\2")


def test_data_that_is_not_standard() -> None:
    def data(octets: bytes) -> bytes:
        return listed(node(8, node(0, node(1, leaf(0, b"\1"))), leaf(1, octets)))

    assert sweep(data(b"12345\x0a\0\0\x01" + b"678")) == data(b"12345" + bytes((203, 0, 113, 200)) + b"678")
    for more in (b"", b"\x0f\xa0", bytes(4)):
        assert sweep(data(b"\x0a\0\0\1" + more)) == data(bytes((203, 0, 113, 200)) + more)
    assert sweep(data(b"host 10.0.0.1")) == data(b"host 203.0.113.200")


def test_what_only_looks_like_one_stays() -> None:
    """A termination, a context, a transaction and a package of the same octets."""
    odd = message(
        node(
            0, leaf(0, b"\x0a\0\0\1"),
            node(1, action(b"\x0a\0\0\1", command(2, node(0, termination(b"\x0a\0\0\1")), node(1, node(5, node(
                0, leaf(0, b"\x0a\0\0\1"),
            )))))),
        ),
        mid=node(1, leaf(3, b"gw1")),
    )  # fmt: skip
    assert sweep(odd) == odd
    assert swept(b"no BER", HIDDEN, OURS, in_text) == b"no BER"
