"""The meaning of H.248 messages: what of it makes two of them equal."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.h248.message import Body, Form, Group, H248Message, Mid, Services, Termination, Wire


def mid(text: bytes, at: object = None) -> Mid:
    return Mid(Form.IP4, Address("192.0.2.1", 2944), text, at=at)


def test_marks_and_spelling_are_no_meaning() -> None:
    assert mid(b"[192.0.2.1]:2944", (3, 8)) == mid(b"[192.000.002.001]:2944")
    assert Termination(b"AALN/1", b"aaln/1") == Termination(b"aaln/1", b"aaln/1", at=7)
    assert Termination(b"AALN/1", b"aaln/1") != Termination(b"aaln/2", b"aaln/2")


def test_alternatives_compare_by_lines() -> None:
    assert Group(b"v=0\r\nm=audio $ RTP/AVP 8\r\n") == Group(b"v=0\nm=audio $ RTP/AVP 8 \n\n")
    assert Group(b"v=0\nm=audio $ RTP/AVP 8") != Group(b"v=0\nm=audio $ RTP/AVP 0")


def test_a_message_means_the_same_on_both_wires() -> None:
    one = H248Message(Wire.TEXT, 1, mid(b"[192.0.2.1]:2944"), Body.PENDING, 7, data=b"...")
    other = H248Message(Wire.BINARY, 1, mid(b"[192.0.2.1]:2944"), Body.PENDING, 7, transaction_at=4)
    assert one.meaning == other.meaning
    other.transaction = 8
    assert one.meaning != other.meaning


def test_the_reason_of_a_service_change_begins_with_its_number() -> None:
    assert Services(reason=b"901 Cold Boot").code == 901
    assert Services(reason=b" 905").code == 905
    assert Services(reason=b"cold boot").code == Services().code == 0
