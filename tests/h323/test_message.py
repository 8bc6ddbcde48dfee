"""What is to be done to a message when it is written."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.h323 import per
from sbc.h323.codec import build_ras, build_signal, decode
from sbc.h323.message import H323Message
from tests.h323_calls import rrq


def bare() -> bytes:
    return build_ras("registrationRequest", {k: v for k, v in decode(rrq(6)).value.items() if k != "timeToLive"})


def test_what_is_not_touched_stays_as_it_came() -> None:
    message = H323Message(decode(rrq(6)))
    assert message.encode() == rrq(6) and message.name == "registrationRequest"


def test_a_lifetime_is_put_in_where_there_is_none_and_all_else_stays() -> None:
    written = decode(H323Message(decode(bare()), lifetime=77).encode()).value
    assert written.pop("timeToLive") == 77 and written == decode(bare()).value


def test_what_would_lose_something_is_left_without() -> None:
    trailing = bare() + b"\x00\x01"  # what follows a PDU nobody understands
    assert H323Message(decode(trailing), lifetime=77).encode() == trailing


def test_what_takes_long_to_encode_is_left_without() -> None:
    """And passed at once."""
    vendor = {"nonStandardIdentifier": ("object", (1, 2, 3)), "data": bytes(10_000)}
    long = build_ras("registrationRequest", {**decode(bare()).value, "nonStandardData": vendor})
    with patch.object(per, "encode", wraps=per.encode) as encoder:
        assert H323Message(decode(long), lifetime=77).encode() == long
    assert not encoder.called


def test_only_what_has_a_lifetime_gets_one() -> None:
    with pytest.raises(BadMessage):
        H323Message(decode(build_signal("releaseComplete", 5, False)), lifetime=77).encode()


def test_what_cannot_be_written_is_a_bad_message() -> None:
    message = H323Message(decode(rrq(6)))
    spot = next(spot for spot in message.message.spots if spot.field == "rasAddress")
    with pytest.raises(BadMessage):
        message.put(spot, Address("no.address.example", 1))
