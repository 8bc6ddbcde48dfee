"""SIP messages for people: what they are in a few words, and that no secret in them is seen, however it stands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.sip.shown import mask, tell
from tests.effort import effort
from tests.sip_messages import answer, invite, message, plain_answer, request

PHONE = Address("192.0.2.1", 5060)
INVITE = invite(PHONE)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (INVITE, "INVITE sip:bob@sbc.example.com, SDP"),
        (invite(PHONE, to=b"sip:bob:secret@x.example"), "INVITE sip:bob:***@x.example, SDP"),
        (request(b"MESSAGE", b"sip:bob@x.example", PHONE), "MESSAGE sip:bob@x.example"),
        (plain_answer(INVITE, b"486 Busy Here"), "486 Busy Here to INVITE"),
        (answer(INVITE, "192.0.2.2"), "200 OK to INVITE, SDP"),
        (b"", "nothing"),
        (b"\r\n\r\n", "nothing"),
        (b"nonsense\r\nmore", "nonsense"),
        (b"\xff\xfe" * 300, "\\xff\\xfe" * 80),
    ],
)
def test_what_a_message_is(data: bytes, said: str) -> None:
    assert tell(data) == said


SECRET = b"5ecre7"


@pytest.mark.parametrize(
    "line",
    [
        b'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:x", response="5ecre7"',
        b'Proxy-Authorization: Digest username="a", response="5ecre7", nonce="n"',
        b"Authorization: Digest response=5ecre7",
        b'authorization : Digest username="a" ,\r\n  RESPONSE\r\n = "5ecre7"',
        b'Authorization: Digest response="\\"5ecre7\\""',
        b'Authorization: Digest auts="5ecre7", response=""',
        b"Authorization: Basic 5ecre7",
        b"Authorization: Bearer 5ecre7",
        b"Authorization: Bearer\r\n 5ecre7",
        b"Proxy-Authorization:  basic   5ecre7\r\n 5ecre7",
        b'WWW-Authenticate: Digest realm="r", nonce="n", ik="5ecre7", ck="5ecre7"',
        b'Authentication-Info: rspauth="5ecre7"',
        b"Contact: <sip:alice:5ecre7@192.0.2.1>",
        b"To: <SIPS:alice:5ecre7@192.0.2.1;transport=tcp>",
    ],
)
def test_a_secret_in_a_header_is_masked(line: bytes) -> None:
    data = message(b"INVITE sip:bob@x SIP/2.0", line, b"X-After: stays", body=b"v=0\r\n")
    shown = mask(data)
    assert SECRET not in shown
    assert b"***" in shown
    assert b"\r\nX-After: stays\r\n" in shown


@pytest.mark.parametrize(
    ("line", "content"),
    [
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7|2^20|1:4", b"application/sdp"),
        (b"a=ice-pwd:5ecre7", b"application/sdp"),
        (b"k=clear:5ecre7", b"application/sdp"),
        (b"a=key-mgmt:mikey 5ecre7", b"application/sdp"),
        (b"Signal=5ecre7", b"application/dtmf-relay"),
        (b"Signal = 5ecre7", b"application/dtmf-relay"),
        (b"5ecre7", b"application/dtmf"),
        (b"5ecre7", b"application/dtmf ; charset=utf-8"),
        (b'<kpml-response code="200" digits="5ecre7" tag="d"/>', b"application/kpml-response+xml"),
    ],
)
def test_a_secret_in_a_body_is_masked(line: bytes, content: bytes) -> None:
    data = message(b"INFO sip:bob@x SIP/2.0", b"To: x", body=line + b"\r\n", content=content)
    for said in (data, b"\r\n\r\n" + data, data.replace(b"\r\n", b"\n"), data.replace(b"Content-Type:", b"c :\r\n")):
        assert SECRET not in mask(said)
        assert b"***" in mask(said)


@pytest.mark.parametrize("data", [INVITE, answer(INVITE, "192.0.2.2"), plain_answer(INVITE, b"404 Not Found")])
def test_what_holds_no_secret_is_shown_as_it_is(data: bytes) -> None:
    assert mask(data) == data


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_whatever_comes_is_shown(data: bytes) -> None:
    assert tell(data)
    mask(data)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"", b" ", b"\r\n ", b"\t"]),
    st.sampled_from([b"", b" ", b"\r\n\t"]),
    st.sampled_from([b"response", b"Response", b"RESPONSE"]),
    st.booleans(),
)
def test_a_response_is_masked_however_it_is_spaced(before: bytes, after: bytes, name: bytes, quoted: bool) -> None:
    value = b'"5ecre7"' if quoted else SECRET
    line = b'Authorization: Digest username="a",' + name + before + b"=" + after + value + b', nonce="n"'
    assert SECRET not in mask(message(b"INVITE sip:bob@x SIP/2.0", line))


@pytest.mark.parametrize(
    "piece",
    [
        b"response=",
        b'response="',
        b"sip:a:",
        b"Authorization: x\r\n",
        b"a=crypto:1 ",
        b"Signal=\r\n",
        b"\r\n ",
        b"sip:",
    ],
)
def test_no_message_takes_long(piece: bytes) -> None:
    text = piece * (65_000 // len(piece))
    assert effort(lambda: mask(text), enough=1000) < 1000
