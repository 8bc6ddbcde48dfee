"""Bits, octets, lengths and numbers, by hand from X.691, at and off a boundary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sbc.core.message import BadMessage
from sbc.h323.walk import WIDEST, Walk, at_least, length, octets, small_number, take, unbounded, whole_number


def walk(data: str, at: int = 0) -> Walk:
    """A walk over these octets, standing at a bit."""
    found = bytes.fromhex(data)
    made = Walk(found, 0, len(found))
    made.pos = at
    return made


@pytest.mark.parametrize(("at", "count", "value"), [(0, 4, 0xA), (4, 8, 0x5F), (3, 1, 0), (0, 16, 0xA5F0), (16, 0, 0)])
def test_bits(at: int, count: int, value: int) -> None:
    standing = walk("a5f0", at)
    assert take(standing, count) == value
    assert standing.pos == at + count


def test_octets_begin_at_a_boundary() -> None:
    standing = walk("a5f0c3", 1)
    assert octets(standing, 2) == b"\xf0\xc3" and standing.pos == 24
    assert octets(walk("a5f0", 8), 1) == b"\xf0"


@pytest.mark.parametrize(("data", "value"), [("00", 0), ("7f", 127), ("8080", 128), ("bfff", 16383), ("8001", 1)])
def test_lengths(data: str, value: int) -> None:
    assert length(walk(data)) == value
    assert length(walk("ff" + data, 3)) == value


@pytest.mark.parametrize(
    ("low", "high", "data", "value", "bits"),
    [
        (7, 7, "", 7, 0),
        (0, 1, "80", 1, 1),
        (0, 254, "fe", 254, 8),
        (0, 255, "fe", 254, 8),
        (1, 256, "ff", 256, 8),
        (0, 256, "0100", 256, 16),
        (1, 65536, "ffff", 65536, 16),
        (0, 65536, "80010000", 65536, None),
        (0, 4294967295, "c0ffffffff", 4294967295, 40),
        (-262144, 262143, "0000", -262144, None),
    ],
)
def test_numbers(low: int, high: int, data: str, value: int, bits: int | None) -> None:
    standing = walk(data)
    assert whole_number(low, high)(standing) == value
    assert bits is None or standing.pos == bits


def test_numbers_of_few_bits_need_no_boundary() -> None:
    assert whole_number(0, 254)(walk("0fe0", 4)) == 254
    assert whole_number(0, 255)(walk("0ffe", 4)) == 254


@pytest.mark.parametrize(("data", "value"), [("0100", 0), ("01ff", -1), ("0200ff", 255), ("00", 0)])
def test_numbers_without_limits(data: str, value: int) -> None:
    assert unbounded(walk(data)) == value


@pytest.mark.parametrize("read", [unbounded, at_least(1)])
def test_a_number_is_never_too_large_to_be_shown(read: Callable[[Walk], int]) -> None:
    widest = f"{0x8000 | WIDEST:04x}" + "7f" * WIDEST
    assert str(read(walk(widest)))
    with pytest.raises(BadMessage, match="large"):
        read(walk(f"{0x8000 | WIDEST + 1:04x}" + "7f" * (WIDEST + 1)))


@pytest.mark.parametrize(
    ("read", "data", "at"),
    [
        (lambda each: take(each, 9), "ff", 0),
        (lambda each: take(each, 1), "ff", 8),
        (lambda each: octets(each, 1), "ff", 1),
        (length, "", 0),
        (length, "80", 0),
        (length, "c1", 0),
        (small_number, "80", 0),
        (whole_number(0, 2), "c0", 0),
        (whole_number(1, 65535), "ffff", 0),
        (whole_number(1, 4294967295), "c0ffffffff", 0),
        (unbounded, "02ff", 0),
    ],
)
def test_what_is_not_there_is_not_taken(read: Callable[[Walk], Any], data: str, at: int) -> None:
    with pytest.raises(BadMessage):
        read(walk(data, at))


def test_the_end_is_that_of_what_is_open() -> None:
    standing = walk("a5f0")
    standing.end = 8
    assert take(standing, 8) == 0xA5
    for read in (lambda each: take(each, 1), lambda each: octets(each, 1), length):
        with pytest.raises(BadMessage):
            read(standing)
