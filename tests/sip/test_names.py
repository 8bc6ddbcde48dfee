"""Header names in all their spellings come out as one."""

from __future__ import annotations

import pytest

from sbc.sip.names import COMPACT, MAX_NAME, canonical_name, names_of


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"Via: x", "via"),
        (b"VIA:x", "via"),
        (b"vIa \t: x", "via"),
        (b"v: x", "via"),
        (b"V : x", "via"),
        (b"WWW-Authenticate: Digest", "www-authenticate"),
        (b"X-Odd.Name%~*: 1", "x-odd.name%~*"),
        (b"Subject:", "subject"),
    ],
)
def test_names(line: bytes, name: str) -> None:
    assert names_of([line]) == [name]


@pytest.mark.parametrize(
    "line", [b"", b":", b": x", b"Via", b" Via: x", b"Vi a: x", b"V\xc3\xafa: x", b"Via(x): y", b"Via\n: x"]
)
def test_what_is_no_header(line: bytes) -> None:
    assert names_of([b"Via: x", line]) == ["via", ""]


def test_compact_names_are_one_letter_for_long_ones() -> None:
    assert all(len(short) == 1 and len(long) > 1 for short, long in COMPACT.items())
    assert {COMPACT[letter] for letter in "vftimlcske"} == {
        "via", "from", "to", "call-id", "contact", "subject", "supported",
        "content-length", "content-type", "content-encoding",
    }  # fmt: skip


def test_the_longest_name() -> None:
    longest = b"a" * (MAX_NAME - 1) + b":"
    assert names_of([longest, b"a" + longest]) == [longest[:-1].decode(), ""]


def test_one_name_at_a_time() -> None:
    assert canonical_name(b"M:") == "contact"
    assert canonical_name(b"Contact") == ""
