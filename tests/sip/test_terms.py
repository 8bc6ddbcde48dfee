"""The terms of a registration: what changes them, what does not; and the flow of a contact."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.sip.codec import decode
from sbc.sip.headers import name_addrs
from sbc.sip.terms import flow, terms, without_expires
from tests.sip_messages import register

PHONE = Address("192.0.2.7", 5060)
ONE, TWO = b"Contact: <sip:a@192.0.2.7>;q=0.1", b"m: <sip:b@192.0.2.7>"


def of(data: bytes) -> bytes:
    return terms(decode(data))


@pytest.mark.parametrize(
    "again",
    [
        register(PHONE, seq=9),
        register(PHONE, call=b"other"),
        register(PHONE, expires=7),
        register(PHONE, b"Authorization: Digest x"),
        register(PHONE, b"Expires: 7"),
        register(PHONE).replace(b";expires=300", b""),
        register(PHONE).replace(b";expires=300", b" ; Expires = 300"),
    ],
)
def test_a_refresh_has_the_same_terms(again: bytes) -> None:
    assert of(again) == of(register(PHONE))


@pytest.mark.parametrize(
    "other",
    [
        register(PHONE, user=b"carol"),
        register(PHONE, ONE),
        register(PHONE, b"Path: <sip:192.0.2.1;lr>"),
        register(PHONE, b"k: path"),
        register(PHONE, b"Require: gruu"),
        register(PHONE).replace(b"REGISTER sip:sbc.example.com", b"REGISTER sip:sbc.example.net"),
        register(PHONE).replace(b"From: <sip:alice@", b"From: <sip:boss@"),
        register(PHONE).replace(b";line=7>", b";line=7>;q=0.5"),
        register(PHONE).replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 1\r\n\r\nx"),
    ],
)
def test_whatever_a_registrar_may_care_about_changes_them(other: bytes) -> None:
    assert of(other) != of(register(PHONE))


def test_the_order_of_contacts_does_not_matter() -> None:
    assert of(register(PHONE, ONE, TWO)) == of(register(PHONE, TWO, ONE))


def values(contact: bytes) -> list[bytes]:
    message = decode(register(PHONE, b"Contact: " + contact))
    return [without_expires(value) for value in name_addrs(message, message.all("contact")[1])]


def test_a_contact_without_its_expiry_is_as_it_was_written() -> None:
    assert values(b'"A, b" <sip:a@h;x=1>;q=1; expires=3 ;z, sip:b@h;expires=9') == [
        b'"A, b" <sip:a@h;x=1>;q=1 ;z',
        b"sip:b@h",
    ]


def test_a_flow_is_instance_and_number() -> None:
    def named(params: bytes) -> bytes:
        message = decode(register(PHONE, b"Contact: <sip:a@h>" + params))
        return flow(name_addrs(message, message.all("contact")[1])[0])

    whole = named(b';reg-id=1;+sip.instance="<urn:uuid:0>"')
    assert whole == named(b';+sip.instance="<urn:uuid:0>";q=1;reg-id=1') != b""
    assert whole != named(b';reg-id=2;+sip.instance="<urn:uuid:0>"')
    assert named(b';+sip.instance="<urn:uuid:0>"') == named(b";reg-id=1") == b""
