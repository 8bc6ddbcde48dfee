"""A memo outlives the process."""

from __future__ import annotations

import pytest

from sbc.core.message import BadMessage
from sbc.h323.memo import Memo, keep, recall


def test_it_comes_back() -> None:
    for memo in (None, Memo(17)):
        assert recall(keep(memo)) == memo


def test_what_is_none_is_told() -> None:
    with pytest.raises(BadMessage):
        recall(b"{")
