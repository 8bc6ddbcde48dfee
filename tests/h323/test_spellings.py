"""Addresses in octets: found however they are written, left where they are part of another."""

from __future__ import annotations

import pytest

from sbc.h323.spellings import spellings

THEIRS, OURS, LONG = "10.0.0.5", "10.9.9.1", "198.51.100.1"


def replaced(octets: bytes, host: str = THEIRS, ours: str = OURS) -> bytes:
    for spelling in spellings(host, ours):
        octets = spelling.replace(octets)
    return octets


def test_each_spelling_has_one_as_long_in_its_place() -> None:
    for host in (THEIRS, "2001:db8::5"):
        for ours in (OURS, LONG, "2001:db8::1"):
            for each in spellings(host, ours):
                assert len(each.octets) == len(each.instead) and each.octets != each.instead
    assert replaced(b"\x0a\0\0\5") == b"\x0a\x09\x09\1"
    assert replaced(b"\x0a\0\0\5", ours="2001:db8::1") == bytes(4)
    assert replaced(b"-10.0.0.5-", ours=LONG) == b"-00.0.0.0-"


@pytest.mark.parametrize("code", ["ascii", "utf-16-be", "utf-16-le"])
def test_what_is_part_of_another_stays(code: str) -> None:
    for text in ("10.0.0.55", "110.0.0.5", "1.10.0.0.5", "10.0.0.5.1", "a110.0.0.5 and more", "10.0.0.55, 10.0.0.51"):
        assert replaced(text.encode(code)) == text.encode(code)
    for before, after in (("", ""), ("a", "b"), ("", "."), ("10.0.0.55 ", ""), (".", ":5")):
        assert replaced((before + THEIRS + after).encode(code)) == (before + OURS + after).encode(code)
    for text, host in (("2001:db8::55", "2001:db8::5"), ("1:2001:db8::5", "2001:db8::5")):
        assert replaced(text.encode(code), host) == text.encode(code)


def test_a_digit_before_may_be_the_length_of_a_text() -> None:
    text = b"10.0.0.5".ljust(49, b"x")
    assert (
        replaced(b"1" + text)
        == replaced(b"1" + text + b"\0 and more").split(b"\0")[0]
        == b"1" + OURS.encode() + text[8:]
    )
    assert replaced(b"1" + text + b"x") == b"1" + text + b"x"
    wide = "10.0.0.5".ljust(25, "x").encode("utf-16-be")
    assert replaced(b"\x002" + wide) == b"\x002" + OURS.encode("utf-16-be") + wide[16:]
