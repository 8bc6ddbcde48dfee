"""How messages of H.323 are spoilt: bits, octets, spans and lengths, with or without the lengths around them mended, so
that what is wrong is found deep inside too."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from sbc.octets.tpkt import HEADER
from tests.fuzz.mutate import Change, cut, truncate

_LENGTHS = (b"\x00", b"\x01", b"\x7f", b"\x80\x00", b"\x80\x80", b"\xbf\xff", b"\xc0", b"\xc1", b"\xc4", b"\xff")
"""Lengths of PER that say little, much, or that a string is fragmented."""
_MOST = 20_000
_USER_USER = 0x7E


def spoilt(data: bytes, random: Random, others: Sequence[bytes], changes: int) -> bytes:
    """`data` after so many changes. Of a packet (TPKT), most often what is in it, and its own length is mended; of call
    signalling, often what is in its user-user element, whose length is mended likewise."""
    if data[:2] != b"\x03\x00":
        return _changed(data, random, others, changes)
    if random.random() < 0.05:
        return _changed(data, random, others, changes)
    payload = data[HEADER:]
    at = _user_user(payload)
    if at and random.random() < 0.7:
        inner = _changed(payload[at + 4 :], random, [each[at + 4 :] for each in others if len(each) > at + 4], changes)
        payload = payload[: at + 1] + (len(inner) + 1).to_bytes(2, "big") + payload[at + 3 : at + 4] + inner
    else:
        payload = _changed(payload, random, others, changes)
    return packed(payload)


def packed(payload: bytes) -> bytes:
    """A payload as a packet."""
    return b"\x03\x00" + (len(payload) + HEADER).to_bytes(2, "big") + payload


def _user_user(payload: bytes) -> int:
    """Where the user-user element begins; 0 where there is none."""
    at = 5
    while at + 4 < len(payload) and payload[:2] == b"\x08\x02":
        if payload[at] == _USER_USER:
            return at
        at += 1 if payload[at] & 0x80 else 2 + payload[at + 1]
    return 0


def _changed(data: bytes, random: Random, others: Sequence[bytes], changes: int) -> bytes:
    for _ in range(changes):
        data = random.choice(_WAYS)(data, random, others)[:_MOST]
    return data


def _bit(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(8 * len(data) or 1)
    return data[: at >> 3] + bytes([data[at >> 3] ^ 0x80 >> (at & 7)]) + data[(at >> 3) + 1 :] if data else b"\x00"


def _octet(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))]) + data[at + 1 :]


def _length(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(_LENGTHS) + data[at + random.choice((0, 1, 2)) :]


def _repeat(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at, size = random.randrange(len(data) + 1), random.choice((1, 2, 6, 7, 30))
    return data[:at] + data[at : at + size] * random.choice((2, 2, 3, 200)) + data[at + size :]


def _borrow(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    other = random.choice(others or [b""])
    start, at = random.randrange(len(other) + 1), random.randrange(len(data) + 1)
    size = random.choice((2, 6, 20, 100))
    return data[:at] + other[start : start + size] + data[at + random.choice((0, size)) :]


_WAYS: tuple[Change, ...] = (
    _bit,
    _bit,
    _bit,
    _octet,
    _octet,
    _length,
    cut(1, 2, 6, 16, 60),
    truncate,
    _repeat,
    _borrow,
)
