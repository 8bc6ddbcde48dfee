"""Sequence numbers are our own on each hop; what else crosses is shown in tests/calls."""

from __future__ import annotations

from sbc.h323.codec import decode
from sbc.h323.message import H323Message
from sbc.h323.stamp import put_number
from tests.h323_calls import rrq


def test_a_number_is_written_in_place() -> None:
    message = H323Message(decode(rrq(6)))
    put_number(message, 65535)
    written = message.encode()
    assert decode(written).value["requestSeqNum"] == 65535
    assert len(written) == len(rrq(6)) and sum(a != b for a, b in zip(written, rrq(6), strict=True)) == 2
