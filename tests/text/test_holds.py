"""holds: what `in` says, for all octets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.text.holds import holds

SHORT = st.text("ab%\n", max_size=5).map(str.encode)


@given(SHORT, SHORT)
def test_says_what_in_says(octets: bytes, part: bytes) -> None:
    assert holds(octets, part) is (part in octets)


def test_an_octet_is_no_number_here() -> None:
    assert holds(b"A", b"A")
    assert not holds(b"A", b"65")
