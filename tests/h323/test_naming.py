"""Names of calls, terminals and users."""

from __future__ import annotations

from sbc.h323.naming import call_of, name_of, user_of


def test_a_call_has_its_identifier_or_else_that_of_its_conference() -> None:
    assert call_of({"callIdentifier": {"guid": b"x" * 16}, "conferenceID": b"y" * 16}) == b"x" * 16
    assert call_of({"callIdentifier": {"guid": bytes(16)}, "conferenceID": b"y" * 16}) == b"y" * 16
    assert call_of({}) == b""


def test_names_are_octets() -> None:
    assert name_of({"endpointIdentifier": "17\u00e9"}, "endpointIdentifier") == "17\u00e9".encode()
    assert name_of({}, "endpointIdentifier") == b""
    assert user_of([("h323-ID", "alice")]) == b"h323-ID:alice"
