"""Q.850: every way in which a call can end has a number, and words that a header may hold."""

from __future__ import annotations

import re

from sbc.core.message import Cause, Ending
from sbc.text import q850


def test_every_ending_has_its_number_and_words() -> None:
    assert set(q850.CAUSES) == set(Ending)
    assert all(re.fullmatch(rb'Q\.850;cause=\d{1,3};text="[a-z ]+"', q850.reason(each)) for each in Ending)
    assert q850.reason(Ending.SILENT) == b'Q.850;cause=102;text="no media"' and q850.cause(Ending.SPENT) == 31


def test_every_refusal_has_its_number_and_words() -> None:
    assert set(q850.REFUSALS) == set(Cause) and all(0 < q850.cause(each) < 128 for each in Cause)
    assert all(re.fullmatch(rb'Q\.850;cause=\d{1,3};text="[a-z ]+"', q850.reason(each)) for each in Cause)
    assert q850.reason(Cause.NO_PORTS) == b'Q.850;cause=34;text="no media ports"'
