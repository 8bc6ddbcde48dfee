"""STUN: the test vectors of RFC 5769, what is refused, and that nothing else than BadMessage comes of any octets."""

from __future__ import annotations

import hmac
import struct
from binascii import crc32
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.media.stun import (
    COOKIE,
    LONGEST,
    MOST,
    Attribute,
    Kind,
    failure,
    is_stun,
    read,
    success,
    write,
    xor_mapped,
)

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
# RFC 5769 sections 2.1 to 2.3
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b1"
    "51263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599"
    "fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5"
    "bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def test_the_sample_request() -> None:
    request = read(REQUEST)
    assert (request.kind, request.transaction, request.username) == (Kind.REQUEST, TRANSACTION, b"evtj:h6vY")
    assert (request.priority, request.controlled, request.controlling) == (0x6E0001FF, 0x932FF9B151263B36, None)
    assert not request.use_candidate and request.unknown == ()
    assert request.proof is not None and request.proof.holds(PASSWORD)
    assert not request.proof.holds(PASSWORD + b"x")


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (IPV4_RESPONSE, Address("192.0.2.1", 32853)),
        (IPV6_RESPONSE, Address("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_the_sample_responses(data: bytes, address: Address) -> None:
    response = read(data)
    assert (response.kind, response.mapped) == (Kind.SUCCESS, address)
    assert response.proof is not None and response.proof.holds(PASSWORD)


@pytest.mark.parametrize("source", [Address("192.0.2.1", 32853), Address("2001:db8::1", 9)])
@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_an_answer_is_proven_as_its_request_was(source: Address, name: str) -> None:
    request = read(write(Kind.REQUEST, TRANSACTION, [(Attribute.USERNAME, b"a:b")], PASSWORD, name))
    assert request.proof is not None and request.proof.name == name
    data = success(request, source, PASSWORD)
    assert data is not None and is_stun(data)
    answer = read(data)
    assert (answer.kind, answer.transaction, answer.mapped) == (Kind.SUCCESS, TRANSACTION, source)
    assert answer.proof is not None and answer.proof.name == name and answer.proof.holds(PASSWORD)


def test_a_name_is_told_to_nobody() -> None:
    assert success(read(REQUEST), Address("phone.example", 5), PASSWORD) is None


@pytest.mark.parametrize("code", [400, 401, 487])
def test_a_refusal(code: int) -> None:
    answer = read(failure(read(REQUEST), code, PASSWORD if code == 487 else None))
    assert (answer.kind, answer.error, answer.transaction) == (Kind.ERROR, code, TRANSACTION)
    assert (answer.proof is not None) is (code == 487)


def test_what_is_not_understood_is_named() -> None:
    request = read(write(Kind.REQUEST, TRANSACTION, [(0x7FFE, b"x"), (0x0003, b""), (0x7FFE, b""), (0x8FFF, b"")]))
    assert request.unknown == (0x7FFE, 0x0003)
    answer = failure(request, 420, PASSWORD)
    assert read(answer).error == 420
    assert struct.pack("!HHHH", Attribute.UNKNOWN_ATTRIBUTES, 4, 0x7FFE, 0x0003) in answer


def test_what_stands_behind_the_integrity_is_nobodys() -> None:
    data = write(Kind.REQUEST, TRANSACTION, [(Attribute.USERNAME, b"a:b")], PASSWORD)[:-8]
    data += struct.pack("!HH", Attribute.USE_CANDIDATE, 0)
    data = data[:2] + struct.pack("!H", len(data) - 20) + data[4:]
    request = read(data)
    assert not request.use_candidate
    assert request.proof is not None and request.proof.holds(PASSWORD)


def test_both_hashes_and_the_second_counts() -> None:
    """RFC 8489 section 9.1.3: who knows the stronger one goes by it."""
    first = write(Kind.REQUEST, TRANSACTION, [(Attribute.USERNAME, b"a:b")], PASSWORD)[:-8]
    at = len(first)
    whole = first[:2] + struct.pack("!H", at + 36 - 20) + first[4:]
    whole += struct.pack("!HH", Attribute.MESSAGE_INTEGRITY_SHA256, 32) + hmac.digest(PASSWORD, whole, "sha256")
    proof = read(whole).proof
    assert proof is not None and proof.name == "sha256" and proof.holds(PASSWORD)


def with_length(data: bytes) -> bytes:
    return data[:2] + struct.pack("!H", len(data) - 20) + data[4:]


HEAD = struct.pack("!HHI", Kind.REQUEST, 0, COOKIE) + TRANSACTION


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:19],
        HEAD + b"\0\0\0",
        HEAD + b"\0\0\0\0",  # its length says nothing of this
        with_length(HEAD + struct.pack("!HH", 0x8022, 9) + b"12345678"),
        with_length(HEAD + struct.pack("!HH", Attribute.PRIORITY, 3) + b"1230"),
        with_length(HEAD + struct.pack("!HH", Attribute.USE_CANDIDATE, 4) + b"1230"),
        with_length(HEAD + struct.pack("!HH", Attribute.ICE_CONTROLLING, 4) + b"1230"),
        with_length(HEAD + struct.pack("!HH", Attribute.MESSAGE_INTEGRITY, 16) + b"0" * 16),
        with_length(HEAD + struct.pack("!HH", Attribute.MESSAGE_INTEGRITY_SHA256, 12) + b"0" * 12),
        with_length(HEAD + struct.pack("!HH", Attribute.XOR_MAPPED_ADDRESS, 4) + b"\0\1\0\0"),
        with_length(HEAD + struct.pack("!HH", Attribute.ERROR_CODE, 4) + b"\0\0\1\0"),
        with_length(HEAD + struct.pack("!HH", Attribute.USERNAME, 512) + b"0" * 512),
        with_length(HEAD + struct.pack("!HH", 0x8022, 0) * (MOST + 1)),
        with_length(HEAD + b"\x80\x22\0\0" * ((LONGEST - 16) // 4)),
        b"\x00\x03" + HEAD[2:],  # not Binding
        HEAD[:4] + b"\0\0\0\0" + HEAD[8:],  # RFC 3489
        REQUEST[:-1] + b"\0",  # FINGERPRINT
        with_length(REQUEST + struct.pack("!HH", 0x8022, 0)),  # which is not the last
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        read(data)


@given(st.binary(max_size=200))
def test_any_octets(data: bytes) -> None:
    for each in (data, with_length(HEAD + data)):
        with suppress(BadMessage):
            read(each)


@given(st.sampled_from([REQUEST, IPV4_RESPONSE, IPV6_RESPONSE]), st.data())
def test_changed_messages(data: bytes, draw: st.DataObject) -> None:
    """One changed octet before the FINGERPRINT is found out by that, or makes no message, or hides both it and what
    proves the sender in an attribute that got longer."""
    at = draw.draw(st.integers(0, len(data) - 9))
    octet = draw.draw(st.integers(0, 255).filter(lambda value: value != data[at]))
    try:
        message = read(data[:at] + bytes((octet,)) + data[at + 1 :])
    except BadMessage:
        return
    assert message.proof is None and at >= 20


@given(st.sampled_from([REQUEST, IPV4_RESPONSE]), st.data())
def test_forged_messages(data: bytes, draw: st.DataObject) -> None:
    """Nor does one with a FINGERPRINT made anew prove anything, unless what has changed is not covered."""
    at = draw.draw(st.integers(0, len(data) - 9).filter(lambda place: place not in (2, 3)))
    octet = draw.draw(st.integers(0, 255).filter(lambda value: value != data[at]))
    forged = data[:at] + bytes((octet,)) + data[at + 1 : -8]
    forged += struct.pack("!HHI", Attribute.FINGERPRINT, 4, crc32(forged) ^ 0x5354554E)
    try:
        message = read(forged)
    except BadMessage:
        return
    assert message.proof is None or not message.proof.holds(PASSWORD)


@given(st.ip_addresses(), st.integers(0, 65535), st.binary(min_size=12, max_size=12))
def test_addresses_come_back(host: object, port: int, transaction: bytes) -> None:
    value = xor_mapped(Address(str(host), port), transaction)
    assert value is not None
    message = read(write(Kind.SUCCESS, transaction, [(Attribute.XOR_MAPPED_ADDRESS, value)]))
    assert message.mapped == Address(str(host), port)
