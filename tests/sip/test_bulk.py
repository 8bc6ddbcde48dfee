"""Trunk contacts, octet for octet."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.message import Place
from sbc.sip.bulk import for_user, is_bulk, ours, token_of
from sbc.sip.uri import Uri, parse_uri


def uri(text: bytes) -> Uri:
    return parse_uri(text, 0, len(text))


@pytest.mark.parametrize(
    ("contact", "bulk"),
    [
        (b"sip:192.0.2.1;bnc", True),
        (b"sip:192.0.2.1:5070;line=1;BNC", True),
        (b"sip:alice@192.0.2.1;bnc", False),
        (b"sip:192.0.2.1", False),
        (b"tel:+1555;bnc", False),
    ],
)
def test_a_trunk_has_no_user_and_says_so(contact: bytes, bulk: bool) -> None:
    assert is_bulk(uri(contact)) is bulk


def test_our_contact_has_the_token_beside_the_user() -> None:
    place = Place(Address("2001:db8::1", 5060), b"t0ken", ours=True)
    made = ours(place, "sip")
    assert made == b"sip:[2001:db8::1]:5060;bnc;sbc=t0ken"
    assert token_of(uri(made)) == b"t0ken"
    assert token_of(uri(b"sip:+1555@h;SBC=t0ken")) == b"t0ken"
    assert token_of(uri(b"sip:t0ken@h;line=1")) == b"t0ken"
    assert token_of(uri(b"sip:user@h;sbc=")) == b""


@pytest.mark.parametrize(
    ("contact", "asked", "written"),
    [
        (b"sip:192.0.2.1:5070;bnc;line=1", b"sip:+1555@sbc", b"sip:+1555@192.0.2.1:5070;line=1"),
        (b"sip:[2001:db8::7];line=1;bnc", b"sip:+1555;ext=2:pw@sbc", b"sip:+1555;ext=2:pw@[2001:db8::7];line=1"),
        (b"sip:192.0.2.1;bnc", b"sip:sbc", b"sip:192.0.2.1;bnc"),
        (b"sip:alice@192.0.2.1;bnc", b"sip:+1555@sbc", b"sip:alice@192.0.2.1;bnc"),
        (b"sip:alice@192.0.2.1", b"sip:+1555@sbc", b"sip:alice@192.0.2.1"),
        (b"broken ;bnc", b"sip:+1555@sbc", b"broken ;bnc"),
    ],
)
def test_a_trunk_is_asked_for_the_number_that_was_asked_for(contact: bytes, asked: bytes, written: bytes) -> None:
    assert for_user(contact, uri(asked)) == written
