"""The SIP messages that the SBC writes itself."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage, Cause, Refused
from sbc.sip import replies
from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from sbc.text import q850
from tests.rig import NAT, PHONE
from tests.sip_messages import header, hop_request, invite, plain_answer, request


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_status(cause: Cause) -> None:
    data = replies.refuse(decode(invite(PHONE)), Refused(cause, 'because of "it"', 7), NAT)
    assert data is not None
    assert 400 <= int(data[8:11]) < 600
    assert header(data, b"Min-SE" if cause is Cause.BRIEF else b"Retry-After") == b"7"
    number = b"370" if cause is Cause.BANDWIDTH else b"399"
    assert header(data, b"Warning") == number + b" sbc \"because of 'it'\""
    assert header(data, b"Reason") == q850.reason(cause), "RFC 6432"
    assert header(data, b"To").startswith(b"<sip:bob@sbc.example.com>;tag=")
    assert header(data, b"Via").endswith(b";received=203.0.113.11;rport=40001")


def test_what_ends_no_call_has_no_reason() -> None:
    """A re-INVITE, or another request, is refused, and the call goes on."""
    again = invite(PHONE).replace(b"<sip:bob@sbc.example.com>", b"<sip:bob@sbc.example.com>;tag=b")
    for asked in (again, request(b"OPTIONS", b"sip:bob@sbc.example.com", PHONE)):
        data = replies.refuse(decode(asked), Refused(Cause.BUSY, "because"), NAT)
        assert data is not None and b"\r\nWarning: " in data and b"\r\nReason: " not in data


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (Cause.ENGAGED, b"486 Busy Here"),
        (Cause.RATE, b"503 Service Unavailable"),
        (Cause.BANDWIDTH, b"488 Not Acceptable Here"),
        (Cause.QUOTA, b"402 Payment Required"),
        (Cause.DENIED, b"403 Forbidden"),
    ],
)
def test_what_the_edge_refuses_is_said_in_the_status_that_means_it(cause: Cause, line: bytes) -> None:
    data = replies.refuse(decode(invite(PHONE)), Refused(cause, "because"), NAT)
    assert data is not None and data.startswith(b"SIP/2.0 " + line + b"\r\n") and b"Retry-After" not in data


def test_an_ack_is_never_answered() -> None:
    ack = decode(hop_request(b"ACK", invite(PHONE)))
    assert replies.refuse(ack, Refused(Cause.NO_CALL, "x"), NAT) is None


def test_the_same_request_gets_the_same_tag() -> None:
    answers = {replies.refuse(decode(invite(PHONE)), Refused(Cause.BUSY, "x"), NAT) for _ in range(3)}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        ((b"CSeq: 1 INVITE\r\n", b""), b"SIP/2.0 400 Missing CSeq"),
        ((b" SIP/2.0\r\n", b" SIP/7.0\r\n"), b"SIP/2.0 505 Version Not Supported"),
        ((b"To: <sip:bob", b"To: <sip:bob@["), b"SIP/2.0 400 Malformed"),
        ((b"Via: SIP/2.0/UDP 192.168.1.10:5060;", b"Via: rubbish;"), b"SIP/2.0 400 Malformed Via"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(spoil: tuple[bytes, bytes], line: bytes) -> None:
    dialect = SipDialect()
    with pytest.raises(BadMessage) as caught:
        message = dialect.decode(invite(PHONE).replace(*spoil, 1))
        dialect.describe(message)
        dialect.slots(message)
    reply = dialect.complain(caught.value, NAT)
    assert reply is not None and reply.startswith(line)
    assert b"Call-ID: one@192.168.1.10\r\n" in reply


@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02", b"GET / HTTP/1.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"INVITE sip:x SIP/2.0\r\n\r\n"]
)
def test_noise_replies_and_what_has_no_via_are_not_answered(data: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        decode(data)
    assert replies.complain(caught.value, NAT) is None


def test_trying_has_no_tag_and_is_for_invite_alone() -> None:
    trying = replies.pending(decode(invite(PHONE)), NAT)
    assert (
        trying is not None and trying.startswith(b"SIP/2.0 100 Trying\r\n") and header(trying, b"To").endswith(b".com>")
    )
    assert replies.pending(decode(request(b"OPTIONS", b"sip:x@example.com", PHONE)), NAT) is None


def test_cancel_and_ack_take_the_hop_of_their_invite() -> None:
    sent = invite(PHONE).replace(b"Max-Forwards", b"Route: <sip:192.0.2.1;lr>\r\nMax-Forwards")
    cancel = replies.withdraw(sent, None)
    assert cancel.split(b"\r\n")[0] == b"CANCEL sip:bob@sbc.example.com SIP/2.0"
    busy = plain_answer(sent, b"486 Busy Here")
    ack = replies.confirm(sent, decode(busy))
    assert ack is not None
    for data, method in ((cancel, b"CANCEL"), (ack, b"ACK")):
        assert header(data, b"Via") == header(sent, b"Via")
        assert header(data, b"Route") == b"<sip:192.0.2.1;lr>"
        assert header(data, b"CSeq") == b"1 " + method
        decode(data)
    assert header(ack, b"To") == header(busy, b"To")
    assert replies.confirm(sent, decode(plain_answer(sent, b"200 OK"))) is None
    options = request(b"OPTIONS", b"sip:x@example.com", PHONE)
    assert replies.confirm(options, decode(plain_answer(options, b"486 Busy Here"))) is None


def test_the_reason_of_a_cancel_goes_on() -> None:
    reason = b'SIP;cause=200;text="Call completed elsewhere"'
    asked = decode(hop_request(b"CANCEL", invite(PHONE)).replace(b"CSeq:", b"Reason: " + reason + b"\r\nCSeq:"))
    assert header(replies.withdraw(invite(PHONE), asked), b"Reason") == reason
