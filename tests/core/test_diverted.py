"""Where a terminal was told to call: the latest counts, for a while, and of so many."""

from __future__ import annotations

from sbc.core.address import Address
from sbc.core.diverted import LASTS, MOST, Diverted

HERE, THERE = Address("198.51.100.3", 1720), Address("198.51.100.4", 1720)


def test_the_latest_word_counts_for_a_minute() -> None:
    told = Diverted()
    assert told.find("a", 0.0) is None
    told.keep("a", HERE, 10.0)
    told.keep("a", THERE, 20.0)
    told.keep("b", HERE, 20.0)
    assert told.find("a", 20.0 + LASTS - 0.1) == THERE
    assert told.find("a", 20.0 + LASTS) is None
    assert len(told) == 1


def test_of_too_many_the_oldest_is_forgotten() -> None:
    told = Diverted()
    for number in range(MOST + 1):
        told.keep(str(number), HERE, 0.0)
    assert len(told) == MOST
    assert (told.find("0", 1.0), told.find("1", 1.0)) == (None, HERE)
