"""Names of calls, terminals and users."""

from __future__ import annotations

from sbc.h323.naming import call_of, calls_help, name_of, user_of


def test_a_call_has_its_identifier_or_else_that_of_its_conference() -> None:
    assert call_of({"callIdentifier": {"guid": b"x" * 16}, "conferenceID": b"y" * 16}) == b"x" * 16
    assert call_of({"callIdentifier": {"guid": bytes(16)}, "conferenceID": b"y" * 16}) == b"y" * 16
    assert call_of({}) == b""


def test_names_are_octets() -> None:
    assert name_of({"endpointIdentifier": "17\u00e9"}, "endpointIdentifier") == "17\u00e9".encode()
    assert name_of({}, "endpointIdentifier") == b""
    assert user_of([("h323-ID", "alice")]) == b"h323-ID:alice"


def test_calls_for_help_are_known_by_number_and_by_service() -> None:
    wanted = ("112", "urn:service:sos")
    for called in (b"dialledDigits:112", b"112", b"url-ID:urn:service:sos", b"url-ID:urn:service:sos.police"):
        assert calls_help(called, wanted), called
    for called in (b"", b"dialledDigits:1120", b"h323-ID:sos", b"url-ID:urn:service:sosa", b"112:5"):
        assert not calls_help(called, wanted), called
