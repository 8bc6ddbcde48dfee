"""Q.931 messages: heads, elements as spans, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.h323 import q931
from sbc.h323.q931 import CALLED, CALLING, CAUSE, DISPLAY, Q931, USER_USER, read
from tests.h323_messages import RECORDED, needs_recorded

HEAD = bytes.fromhex("0802812c05")


def of(data: bytes) -> Q931:
    return read(data, 0, len(data))


def test_the_head() -> None:
    message = of(HEAD)
    assert (message.name, message.call_reference, message.from_destination) == ("setup", 300, True)
    assert (message.after, message.elements) == (5, ())
    assert of(bytes.fromhex("08020001" + "5a")).name == "releaseComplete"
    assert of(bytes.fromhex("08020001" + "30")).name == "message48"


def test_elements_are_spans_of_the_octets() -> None:
    data = b"__" + HEAD + bytes.fromhex("a1" + "2803626f62" + "7e000405010203")
    message = read(data, 2, len(data))
    assert [(each.kind, each.octets) for each in message.elements] == [
        (0xA1, b""),
        (DISPLAY, b"bob"),
        (USER_USER, bytes.fromhex("05010203")),
    ]
    assert message.display == "bob"
    for each in message.elements:
        assert data[each.content : each.end] == each.octets
    found = q931.user_user(message)
    assert found is not None and data[found.start] == USER_USER and found.content == found.start + 3


@pytest.mark.parametrize(
    ("element", "what"),
    [("08028090", 16), ("0803008090", 16), ("080480a2ffff", 34), ("080180", None), ("0800", None), ("080100", None)],
)
def test_cause(element: str, what: int | None) -> None:
    assert of(HEAD + bytes.fromhex(element)).cause == what


def test_numbers() -> None:
    message = of(HEAD + bytes.fromhex("6c05" + "0183313030" + "7004" + "81323030"))
    assert (message.calling, message.called) == ("100", "200")
    assert of(HEAD).calling is None and of(HEAD).called is None
    assert of(HEAD + bytes.fromhex("7000")).called == ""


def test_elements_of_another_codeset_are_not_taken_for_ours() -> None:
    """After a locking shift to codeset 6, and after one that counts for one element."""
    locked = of(HEAD + bytes.fromhex("96" + "2801ff" + "7e0141"))
    assert locked.display is None and q931.user_user(locked) is None
    once = of(HEAD + bytes.fromhex("9e" + "2801ff" + "280142"))
    assert once.display == "B"
    assert [each.kind for each in once.elements] == [0x9E, 0x628, 0x28]


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "08",
        "0802812c",
        "0902812c05",
        "0801812c05",
        "0803812c0505",
        "0802812c85",
        "0802812c0528",
        "0802812c052802ff",
        "0802812c057e00",
        "0802812c057e0005ff",
        "0802812c05" + "a1" * 65,
    ],
)
def test_what_is_none(octets: str) -> None:
    with pytest.raises(BadMessage):
        of(bytes.fromhex(octets))


@pytest.mark.parametrize("elements", ["7e000105" * 2, "7e0000", "7e000104"])
def test_user_user_that_is_not_h323s(elements: str) -> None:
    with pytest.raises(BadMessage):
        q931.user_user(of(HEAD + bytes.fromhex(elements)))


def test_written_messages_are_read() -> None:
    elements = {USER_USER: q931.asn1(b"\x20"), CAUSE: q931.cause(17), CALLED: b"\x81200", CALLING: b"\x01\x83100"}
    data = q931.message(q931.TYPES["releaseComplete"], 0x7FFF, True, elements)
    message = of(data)
    assert (message.name, message.call_reference, message.from_destination) == ("releaseComplete", 0x7FFF, True)
    assert (message.cause, message.calling, message.called) == (17, "100", "200")
    assert [each.kind for each in message.elements] == sorted(elements)
    assert {each.kind: each.octets for each in message.elements} == elements
    assert not of(q931.message(5, 1, False, {})).from_destination


def test_an_element_too_long_is_not_written() -> None:
    with pytest.raises(BadMessage):
        q931.element(DISPLAY, bytes(256))
    with pytest.raises(BadMessage):
        q931.element(USER_USER, bytes(65536))
    assert q931.element(0xA1, b"") == b"\xa1"


@needs_recorded
def test_recorded_ones() -> None:
    seen = {read(data, 4, len(data)).name for name, data in RECORDED if name.endswith(".q931")}
    assert {"setup", "callProceeding", "connect", "releaseComplete"} <= seen


@given(st.binary(max_size=200))
def test_whatever_comes(octets: bytes) -> None:
    try:
        message = of(HEAD + octets)
    except BadMessage:
        return
    spans = [(each.start, each.end) for each in message.elements]
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert not spans or (spans[0][0], spans[-1][1]) == (5, 5 + len(octets))
    assert (message.cause, message.display, message.calling, message.called) is not None
