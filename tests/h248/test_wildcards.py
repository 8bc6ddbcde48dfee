"""Binary names of which bits are left open: who is meant by them."""

from __future__ import annotations

import pytest

from sbc.h248.wildcards import meets, standing


@pytest.mark.parametrize(
    ("asked", "given", "meant"),
    [
        (b"40000000/1e", b"40000001", True),
        (b"40000000/1e", b"c0000001", False),
        (b"40000000/18", b"41ffffff", True),
        (b"40000000/18", b"42000000", False),
        (b"4000/0317", b"40000001", False),  # of another length
        (b"00/3f", b"ff", True),
        (b"40000000/1e", b"rtp/1", False),
        (b"rtp/1", b"rtp/1", None),
        (b"40000000", b"40000000", None),
    ],
)
def test_which_terminations_a_wildcard_meets(asked: bytes, given: bytes, meant: bool | None) -> None:
    assert meets(asked, given) is meant


@pytest.mark.parametrize(
    ("key", "patterns"),
    [
        (b"7274702f31/83", (b"7274702f3*",)),
        (b"7274702f31/81", (b"7274702f30", b"7274702f31", b"7274702f32", b"7274702f33")),
        (b"7274702f31/84", (b"7274702f2*", b"7274702f3*")),
        (b"40000000/9f", (b"*",)),
        (b"40/bf", (b"*",)),
        (b"rtp/*/1", (b"rtp/*",)),
        (b"*", (b"*",)),
        (b"rtp/1", (b"rtp/1",)),
    ],
)
def test_who_is_gone(key: bytes, patterns: tuple[bytes, ...]) -> None:
    assert standing(key) == patterns
