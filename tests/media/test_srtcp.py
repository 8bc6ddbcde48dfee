"""An empty packet of SRTCP with any number is what the standards say it is."""

from __future__ import annotations

import pytest

from sbc.core.secured import SUITES
from sbc.media.srtcp import empty
from tests.media.keys import key
from tests.media.packets import receiver_report
from tests.media.reference import protect_rtcp


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("index", [1, 70_000, 2**31 - 1])
def test_is_as_the_standards_say(suite: str, index: int) -> None:
    head = receiver_report()[:8]
    assert empty(key("k", suite), head, index) == protect_rtcp(key("k", suite), head, index)
