"""How much of a message has to be quoted for its exchange to be known, and that anything may be quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.sip.codec import decode
from sbc.sip.describe import describe
from sbc.sip.quoted import exchange_of
from tests.effort import effort

REQUEST = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKtoken;rport\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother\r\n"
    b"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\n"
    b"Call-ID: name@host\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def test_it_is_the_name_that_the_whole_message_has() -> None:
    whole = describe(decode(REQUEST)).exchange
    enough = REQUEST.index(b"CSeq")
    for size in range(len(REQUEST) + 1):
        assert exchange_of(REQUEST[:size]) == (whole if size >= enough else None), REQUEST[:size]


def test_short_names_do() -> None:
    short = REQUEST.replace(b"Via:", b"v:").replace(b"Call-ID:", b"i :")
    assert exchange_of(short) == exchange_of(REQUEST)


def test_answers_and_other_things_have_none() -> None:
    assert exchange_of(REQUEST.replace(b"INVITE sip:bob@example.com SIP/2.0", b"SIP/2.0 200 OK")) is None
    assert exchange_of(b"") is None
    assert exchange_of(REQUEST.replace(b"z9hG4bK", b"1")) is None


@given(st.binary(max_size=600))
def test_anything_may_come(data: bytes) -> None:
    exchange_of(data)
    exchange_of(REQUEST[:100] + data)


@pytest.mark.parametrize("piece", [b"\nVia:", b";branch=", b"\nVia: ;", b"; ", b"\nCall-ID: ", b" ", b"\nCall-ID:x "])
def test_it_takes_no_time(piece: bytes) -> None:
    text = b"INVITE " + piece * (2048 // len(piece))
    assert effort(lambda: exchange_of(text), enough=100) < 100
