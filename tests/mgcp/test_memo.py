"""Memos outlive the process."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage
from sbc.mgcp.memo import CallMemo, Memo, keep, recall


@pytest.mark.parametrize(
    "memo",
    [None, Memo(b"0017", "CRCX", b"aaln/1", b"2a", b"", 2), CallMemo(b"[198.51.100.1]", b"[192.168.1.10]", b"2a")],
)
def test_what_is_kept_comes_back(memo: Memo | CallMemo | None) -> None:
    assert recall(keep(memo)) == memo


@pytest.mark.parametrize("data", [b"", b"{}", b"[1, 2]", b"[null]", b"\xff"])
def test_what_is_no_memo(data: bytes) -> None:
    with pytest.raises(BadMessage):
        recall(data)
