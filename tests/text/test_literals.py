"""Which addresses are found in text, where they begin and end, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.text.literals import literals
from tests.effort import effort


def found(text: bytes) -> list[tuple[bytes, str, int]]:
    return [(text[each.start : each.end], each.host, each.port) for each in literals(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"sip:a@192.168.1.10:5060;x", [(b"192.168.1.10:5060", "192.168.1.10", 5060)]),
        (b"a%40192.168.1.10", [(b"192.168.1.10", "192.168.1.10", 0)]),
        (b"<c>10.0.0.1</c><c>10.0.0.2</c>", [(b"10.0.0.1", "10.0.0.1", 0), (b"10.0.0.2", "10.0.0.2", 0)]),
        (b"sip:a@[2001:DB8:0::1]:5070>", [(b"[2001:DB8:0::1]:5070", "2001:db8::1", 5070)]),
        (b"c=IN IP6 2001:db8::1\r\n", [(b"2001:db8::1", "2001:db8::1", 0)]),
        (b"10.0.0.1:99999 10.0.0.2:123456", [(b"10.0.0.1:99999", "10.0.0.1", 99999), (b"10.0.0.2", "10.0.0.2", 0)]),
        (b"0.0.0.0 :: 1.2.3 1.2.3.4.5 12:30:45 a:b:c 256.1.1.1 1192.168.1.1000", []),
    ],
)
def test_addresses_are_found_as_a_whole(text: bytes, expected: list[tuple[bytes, str, int]]) -> None:
    assert found(text) == expected


def test_only_what_lies_within_counts() -> None:
    assert [each[:2] for each in literals(b"1.1.1.1 [::1] 2.2.2.2", 8, 13)] == [(8, 13)]


@given(st.binary(max_size=200))
def test_whatever_is_found_was_there(text: bytes) -> None:
    assert all(part in text and host for part, host, _ in found(text))


@pytest.mark.parametrize("evil", [b"1." * 16_000, b":" * 32_000, b"1:" * 16_000, b"[::1" * 8_000, b"%40" * 10_000])
def test_no_text_takes_long(evil: bytes) -> None:
    assert effort(lambda: found(evil), enough=1000) < 1000
