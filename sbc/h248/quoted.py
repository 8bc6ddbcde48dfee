"""Which transaction the beginning of a request belongs to, where no more has come back (RFC 792, RFC 4443)."""

from __future__ import annotations

import re

from sbc.h248.taken import is_binary, is_framed
from sbc.octets import tpkt

_TRANSACTION = re.compile(rb"(?:\bTransaction|\bT)\s{0,16}=\s{0,16}([0-9]{1,10})\s{0,16}\{", re.IGNORECASE)
_WHOLE, _AUTHENTICATION, _MESSAGE, _VERSION, _MID = 0x30, 0xA0, 0xA1, 0x80, 0xA1
_BODY, _TRANSACTIONS, _REQUEST, _NUMBER = 0xA2, 0xA1, 0xA0, 0x80


def quoted(data: bytes) -> bytes | None:
    """The number of the transaction that `data` begins; None where it says too little."""
    inner = data[tpkt.HEADER :] if is_framed(data) else data
    if is_binary(inner):
        return _in_binary(inner)
    match = _TRANSACTION.search(inner)
    return None if match is None else b"%d" % int(match[1])


def _in_binary(data: bytes) -> bytes | None:
    """Down to the first transaction's number; what is left of the rest need not be whole (Annex A, BER)."""
    at: int | None = 0
    for tag, steps_in in (
        *((_WHOLE, True), (_AUTHENTICATION, False), (_MESSAGE, True), (_VERSION, False), (_MID, False)),
        *((_BODY, True), (_TRANSACTIONS, True), (_REQUEST, True)),
    ):
        assert at is not None
        if tag == _AUTHENTICATION and data[at : at + 1] != bytes((tag,)):
            continue
        at = _past(data, at, tag, steps_in)
        if at is None:
            return None
    assert at is not None
    end = _past(data, at, _NUMBER, False)
    begin = _past(data, at, _NUMBER, True)
    if begin is None or end is None or end > len(data) or begin == end:
        return None
    return b"%d" % int.from_bytes(data[begin:end], "big")


def _past(data: bytes, at: int, tag: int, steps_in: bool) -> int | None:
    """The offset after an element of that tag at `at`, or of what is in it; None where there is none."""
    if len(data) < at + 2 or data[at] != tag:
        return None
    length, at = data[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        if len(data) < at + octets:
            return None
        length, at = int.from_bytes(data[at : at + octets], "big"), at + octets
    return at if steps_in else at + length
