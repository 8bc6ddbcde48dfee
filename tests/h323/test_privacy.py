"""Who does not want to be known: terminals are told nothing, the core everything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sbc.core.message import BadMessage
from sbc.core.realm import Side
from sbc.h323.codec import Wire, build_signal, decode
from sbc.h323.message import H323Message
from sbc.h323.options import H323Options, Private
from sbc.h323.privacy import hide
from tests.h323_calls import endpoint, setup
from tests.h323_messages import GUID, PROTOCOL
from tests.h323_tshark import judge, needs_tshark

ALLOWED, RESTRICTED = b"\x21\x80", b"\x21\xa0"
UNSAID = b"\xa1"
BY_BODY: Any = {"presentationIndicator": ("presentationRestricted", 0)}
NAMES: Any = [("dialledDigits", "4930123"), ("h323-ID", "alice")]


def call(number: bytes | None, elements: dict[int, bytes] | None = None, **more: Any) -> bytes:
    """A Setup with that calling party number, and the caller's name in all other places."""
    body = decode(setup()).value | {"sourceAddress": NAMES, "callIdentifier": {"guid": GUID}} | more
    said = {0x28: b"Alice", 0x6D: b"\x80\x50\x34930123", 0x70: b"\xa1200"} | (elements or {})
    if number is not None:
        said[0x6C] = number + b"4930123"
    return build_signal("setup", 7, False, body, dict(sorted(said.items())))


def told(data: bytes, side: Side = Side.ACCESS, private: Private = Private.STRIP) -> tuple[bytes, list[str]]:
    """The message as it goes to a realm of that side, and what was taken out."""
    path = SimpleNamespace(options={"h323": H323Options(private=private)})
    message = H323Message(decode(data))
    hide(message, SimpleNamespace(there=SimpleNamespace(side=side), path=path))  # type: ignore[arg-type]
    words = [word for event, why in message.remarks if event == "private" for word in why.split(", ")]
    return message.encode(), words


CALLER = ["display", "calling party number", "calling party subaddress", "sourceAddress"]


@pytest.mark.parametrize("number", [RESTRICTED, ALLOWED, UNSAID, None])
@pytest.mark.parametrize("by_body", [True, False])
def test_a_caller_that_is_private_is_not_told_to_a_terminal(number: bytes | None, by_body: bool) -> None:
    data = call(number, **(BY_BODY if by_body else {}))
    sent, words = told(data)
    private = by_body or number == RESTRICTED
    if not private:
        assert (sent, words) == (data, [])
        return
    assert sorted(words) == sorted(each for each in CALLER if number is not None or each != "calling party number")
    for trace in (b"4930123", b"Alice", "alice".encode("utf-16-be")):
        assert trace not in sent
    after = decode(sent)
    head = after.q931
    assert head is not None and head.called == "200" and "sourceAddress" not in after.value
    assert head.calling == (None if number is None else "")
    assert after.value["callIdentifier"] == {"guid": GUID} and after.value["destinationAddress"]


def test_the_core_and_a_trusted_realm_are_told_all() -> None:
    data = call(RESTRICTED, **BY_BODY)
    for side, private in ((Side.CORE, Private.STRIP), (Side.ACCESS, Private.KEEP)):
        assert told(data, side, private) == (data, [])


def test_who_was_reached_may_be_private_too() -> None:
    body = {
        "protocolIdentifier": PROTOCOL,
        "destinationInfo": endpoint(),
        "conferenceID": GUID,
        "callIdentifier": {"guid": GUID},
        "connectedAddress": NAMES,
        **BY_BODY,
    }
    sent, words = told(build_signal("connect", 7, True, body, {0x28: b"Bob", 0x4C: ALLOWED + b"4930999"}))
    assert sorted(words) == ["connected number", "connectedAddress", "display"]
    assert b"4930999" not in sent and "connectedAddress" not in decode(sent).value
    assert decode(sent).name == "connect" and decode(sent).value["conferenceID"] == GUID


def test_who_rings_and_what_a_name_says_in_words_are_private_too() -> None:
    names: Any = [{"language": "en", "name": "Bob"}]
    body = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": GUID}, **BY_BODY}
    ringing = body | {"destinationInfo": endpoint(), "alertingAddress": NAMES, "displayName": names}
    noted = body | {"connectedAddress": NAMES, "displayName": names}
    for kind, said, field in (("alerting", ringing, "alertingAddress"), ("notify", noted, "connectedAddress")):
        sent, words = told(build_signal(kind, 7, True, said))
        assert words == [field, "displayName"]
        for trace in (b"4930123", "alice".encode("utf-16-be"), "Bob".encode("utf-16-be")):
            assert trace not in sent
        assert decode(sent).value["callIdentifier"] == {"guid": GUID}
    sent, words = told(call(RESTRICTED, displayName=names))
    assert "displayName" in words and "displayName" not in decode(sent).value
    assert decode(told(call(ALLOWED, displayName=names))[0]).value["displayName"] == names


@pytest.mark.parametrize("number", [b"", b"\x21", b"\x21\x20", b"\x21\x21\x33"])
def test_of_a_number_without_an_end_of_its_head_nothing_is_left(number: bytes) -> None:
    """Nobody can tell where its digits begin, though an octet somewhere behind may look like that end."""
    for digits in (b"4930123", b"4930123\x80"):
        data = call(None, {0x6C: number + digits}, **BY_BODY)
        sent, words = told(data)
        assert "calling party number" in words and b"4930123" not in sent and b"930123" not in sent
        assert decode(sent).q931.calling is None  # type: ignore[union-attr]
        said = told(call(None, {0x6C: number + digits}))[1]
        assert ("calling party number" in said) == (number[1:2] in (b"\x20", b"\x21"))


def test_a_redirecting_number_has_its_own_word() -> None:
    sent, words = told(call(ALLOWED, {0x74: b"\x21\x20\x8f4930777"}))
    assert words == ["redirecting number"] and b"4930777" not in sent and b"4930123" in sent
    data = call(ALLOWED, {0x74: b"\x21\x00\x8f4930777"})
    assert told(data) == (data, [])


def test_what_cannot_be_encoded_anew_is_written_over() -> None:
    """Where something is not understood names become nobody's, and what is no mere name cannot cross."""
    data = call(RESTRICTED, _ext_60=b"\x01\x02")
    assert not decode(data).pdu.understood  # type: ignore[union-attr]
    sent, words = told(data)
    assert "sourceAddress" in words and "alice".encode("utf-16-be") not in sent
    assert decode(sent).value["sourceAddress"] == [("dialledDigits", "0000000"), ("h323-ID", "xxxxx")]
    party = ("partyNumber", ("e164Number", {"publicTypeOfNumber": ("unknown", 0), "publicNumberDigits": "4930123"}))
    with pytest.raises(BadMessage):
        told(call(RESTRICTED, _ext_60=b"\x01\x02", sourceAddress=[party]))
    sent, _ = told(call(RESTRICTED, sourceAddress=[party]))
    assert b"4930123" not in sent


def test_what_has_no_user_to_user_part_or_no_caller_stays() -> None:
    for data in (build_signal("statusInquiry", 12, True), build_signal("setup", 12, False)):
        assert told(data) == (data, [])


@needs_tshark
def test_tshark_finds_no_fault_in_what_was_taken_out(tmp_path: Path) -> None:
    sent = [told(call(number, **BY_BODY))[0] for number in (RESTRICTED, UNSAID, None)]
    assert {said.faults for said in judge(tmp_path, Wire.SIGNAL, sent)} == {""}
