"""Names of calls, terminals and users."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.message import MOST_AGENT
from sbc.h323.naming import bare, call_of, calls_help, dialled_of, maker_of, name_of, user_of


def test_a_call_has_its_identifier_or_else_that_of_its_conference() -> None:
    assert call_of({"callIdentifier": {"guid": b"x" * 16}, "conferenceID": b"y" * 16}) == b"x" * 16
    assert call_of({"callIdentifier": {"guid": bytes(16)}, "conferenceID": b"y" * 16}) == b"y" * 16
    assert call_of({}) == b""


def test_names_are_octets() -> None:
    assert name_of({"endpointIdentifier": "17\u00e9"}, "endpointIdentifier") == "17\u00e9".encode()
    assert name_of({}, "endpointIdentifier") == b""
    assert user_of([("h323-ID", "alice")]) == b"h323-ID:alice"


def test_a_name_may_stand_without_its_kind() -> None:
    assert [bare(each) for each in (b"dialledDigits:100", b"url-ID:sip:a@b", b"100", b"")] == [
        b"100",
        b"sip:a@b",
        b"",
        b"",
    ]


def test_calls_for_help_are_known_by_number_and_by_service() -> None:
    wanted = ("112", "urn:service:sos")
    for called in (b"dialledDigits:112", b"112", b"url-ID:urn:service:sos", b"url-ID:urn:service:sos.police"):
        assert calls_help(called, wanted), called
    for called in (b"", b"dialledDigits:1120", b"h323-ID:sos", b"url-ID:urn:service:sosa", b"112:5"):
        assert not calls_help(called, wanted), called


@pytest.mark.parametrize(
    ("aliases", "called", "dialled"),
    [
        ([("h323-ID", "bob"), ("dialledDigits", "0900,123")], "200", b"0900123"),
        ([("partyNumber", ("e164Number", {"publicNumberDigits": "0900123"}))], None, b"0900123"),
        ([("partyNumber", ("privateNumber", {"privateNumberDigits": "200"}))], None, b"200"),
        ([("partyNumber", ("dataPartyNumber", "201")), ("h323-ID", "bob")], None, b"201"),
        ([("h323-ID", "bob")], "0900123", b"0900123"),
        ([("h323-ID", "+49 (900) 123")], None, b"+49900123"),
        ([("h323-ID", "bob smith")], None, b"bob smith"),
        ([("url-ID", "h323:0900123@example.com;x=1")], None, b"0900123"),
        ([("email-ID", "bob@example.com")], None, b"bob"),
        ([("mobileUIM", {}), ("transportID", ("ipAddress", {}))], None, b""),
        (None, None, b""),
    ],
)
def test_what_is_dialled_is_a_number_before_any_name(aliases: Any, called: str | None, dialled: bytes) -> None:
    assert dialled_of(aliases, called) == dialled


def test_who_made_a_terminal_is_its_product_and_version() -> None:
    assert maker_of({"productId": b"H323Plus simple\0\0", "versionId": b"1.28.0\0"}) == b"H323Plus simple 1.28.0"
    assert maker_of({"versionId": b"2"}) == b"2"
    assert len(maker_of({"productId": b"p" * 256, "versionId": b"v" * 256})) == MOST_AGENT
    assert maker_of(None) == maker_of({"vendor": {}}) == b""
