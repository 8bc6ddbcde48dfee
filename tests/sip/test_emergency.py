"""Calls for help, however they are written."""

from __future__ import annotations

import pytest

from sbc.core.realm import EMERGENCY
from sbc.sip.dialect import SipDialect
from sbc.sip.emergency import is_emergency
from sbc.sip.uri import parse_uri
from tests.rig import PHONE
from tests.sip_messages import invite, register


def asked(text: bytes, wanted: tuple[str, ...] = EMERGENCY) -> bool:
    return is_emergency(parse_uri(text, 0, len(text)), wanted)


@pytest.mark.parametrize(
    "uri",
    [
        b"sip:112@sbc.example.com",
        b"sips:911@[2001:db8::1]:5061",
        b"sip:112@example.com;user=phone",
        b"sip:112;phone-context=+49@example.com;user=phone",
        b"sip:+112@example.com",
        b"sip:1-1-2@example.com",
        b"sip:%31%31%32@example.com",
        b"tel:112",
        b"tel:112;phone-context=+49",
        b"TEL:911;phone-context=example.com",
        b"urn:service:sos",
        b"urn:service:sos.fire",
        b"URN:Service:SOS.Police",
    ],
)
def test_help_is_called(uri: bytes) -> None:
    assert asked(uri)


@pytest.mark.parametrize(
    "uri",
    [
        b"sip:1120@example.com",
        b"sip:0112@example.com",
        b"sip:alice@112",
        b"sip:112.example.com",
        b"sip:bob@example.com;x=112",
        b"tel:1123",
        b"urn:service:sosnot",
        b"urn:service:counseling",
        b"urn:112",
        b"http:112",
    ],
)
def test_help_is_not_called(uri: bytes) -> None:
    assert not asked(uri)


def test_what_is_wanted_decides() -> None:
    assert asked(b"sip:0112@example.com", ("0112",))
    assert asked(b"sip:*112#@example.com", ("*112#",))
    assert not asked(b"sip:112@example.com", ())


def test_only_calls_are_urgent() -> None:
    dialect = SipDialect(emergency=EMERGENCY)
    help_, usual = invite(PHONE, to=b"sip:112@sbc.example.com"), invite(PHONE)
    assert dialect.describe(dialect.decode(help_)).urgent
    assert not dialect.describe(dialect.decode(usual)).urgent
    assert not dialect.describe(dialect.decode(register(PHONE))).urgent
    within = help_.replace(b"To: <sip:112@sbc.example.com>", b"To: <sip:112@sbc.example.com>;tag=x")
    assert not dialect.describe(dialect.decode(within)).urgent
