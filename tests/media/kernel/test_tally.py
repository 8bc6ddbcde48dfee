"""What two slots have counted, as one."""

from __future__ import annotations

from sbc.media.kernel.tally import Tally


def test_each_number_is_added_to_its_own() -> None:
    assert Tally(1, 10, 2, 20, 3, 4).plus(Tally(5, 50)) == Tally(6, 60, 2, 20, 3, 4)
