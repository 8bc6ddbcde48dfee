"""Memos of requests and calls: there and back, whatever peers have written into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.sip.memos import keep, recall
from sbc.sip.stamp import Memo

texts = st.binary(max_size=12)
memos = st.builds(Memo, texts, texts, texts, st.booleans(), texts, st.lists(texts, max_size=3).map(tuple))
pairs = st.tuples(texts, texts)


@given(memos | st.tuples(pairs, pairs) | st.none())
def test_there_and_back(memo: Memo | tuple[tuple[bytes, bytes], tuple[bytes, bytes]] | None) -> None:
    data = keep(memo)
    assert data.isascii() and recall(data) == memo


@pytest.mark.parametrize("data", [b"", b"[]", b"[null]", b'[{"vias":7},null]', b'["x",null]', b"\xff"])
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(BadMessage):
        recall(data)
