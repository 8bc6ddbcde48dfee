"""STUN keepalives: what is a ping, and what its sender reads from the answer, read by hand as RFC 8489 has it."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage, NoMessage
from sbc.core.orders import Send
from sbc.core.realm import Keepalive, Probing
from sbc.sip.dialect import SipDialect
from sbc.sip.stun import Ping, ping_of, pong
from tests.rig import NAT, PHONE, Rig, make_plan, of, sends
from tests.sip_messages import register, registered

TRANSACTION = bytes(range(12))
REQUEST = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + TRANSACTION
SOFTWARE = b"\x80\x22\x00\x05phone\x00\x00\x00"


def with_attributes(attributes: bytes) -> bytes:
    return REQUEST[:2] + struct.pack("!H", len(attributes)) + REQUEST[4:] + attributes


@pytest.mark.parametrize("data", [REQUEST, with_attributes(SOFTWARE), with_attributes(SOFTWARE * 3)])
def test_a_binding_request_is_a_ping(data: bytes) -> None:
    ping = ping_of(data)
    assert ping is not None and ping.transaction == TRANSACTION
    with pytest.raises(NoMessage):
        SipDialect().decode(data)


@pytest.mark.parametrize(
    "data",
    [
        REQUEST[:-1],
        REQUEST + b"\x00" * 4,
        REQUEST.replace(b"\x21\x12", b"\x21\x13"),
        b"\x01\x01" + REQUEST[2:],  # an answer
        with_attributes(b"\x00\x06\x00\x04user"),  # which has to be understood
        with_attributes(b"\x80\x22\x00\x09phone\x00\x00\x00"),
        with_attributes(b"\x80\x22\x00\x00" + b"\x80\x22\x00\x04"),
    ],
)
def test_what_is_no_ping(data: bytes) -> None:
    assert ping_of(data) is None
    with pytest.raises(BadMessage) as caught:
        SipDialect().decode(data)
    assert not isinstance(caught.value, Ping) and SipDialect().complain(caught.value, NAT) is None


@given(st.binary(max_size=60))
def test_anything_is_a_ping_or_is_not(data: bytes) -> None:
    for each in (data, REQUEST + data, with_attributes(data)):
        ping_of(each)


@given(st.ip_addresses(), st.integers(1, 65535), st.binary(min_size=12, max_size=12))
def test_the_answer_says_where_the_ping_was_seen(host: object, port: int, transaction: bytes) -> None:
    answer = pong(Ping(transaction), Address(str(host), port))
    assert answer is not None
    kind, length, cookie = struct.unpack_from("!HHI", answer)
    assert (kind, length, cookie, answer[8:20]) == (0x0101, len(answer) - 20, 0x2112A442, transaction)
    attribute, size, family, hidden = struct.unpack_from("!HHHH", answer, 20)
    assert (attribute, size, hidden ^ 0x2112) == (0x0020, len(answer) - 24, port)
    mask = b"\x21\x12\xa4\x42" + transaction
    found = ip_address(bytes(a ^ b for a, b in zip(answer[28:], mask, strict=False)))
    assert (family, found) == (1 if found.version == 4 else 2, host)


def test_who_has_no_address_gets_no_answer() -> None:
    assert pong(Ping(TRANSACTION), Address("somewhere.example", 5060)) is None


def test_a_ping_is_answered_and_puts_the_question_off() -> None:
    made = Rig.make(SipDialect(), make_plan("sip", keepalive=Keepalive(Probing.PROBE, period=20.0)))
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(sent))
    for _ in range(5):
        (send,) = of(Send, made.from_access(REQUEST))
        assert (send.to, send.data) == (NAT, pong(Ping(TRANSACTION), NAT))
        assert not of(Send, made.wait(9))
    assert of(Send, made.wait(20)), "and then it is asked again"
