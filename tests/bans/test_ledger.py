"""Which bans are in force, and until when."""

from __future__ import annotations

from sbc.bans.ledger import Ledger

ONE, TWO, THREE = (("access", "10.0.0.1", port) for port in (1, 2, 3))


def test_what_is_renewed_ends_at_its_new_time_alone() -> None:
    ledger = Ledger(2)
    assert ledger.put(ONE, 10.0)
    assert ledger.put(TWO, 20.0)
    assert not ledger.put(THREE, 5.0)
    assert ledger.put(ONE, 30.0)  # which takes no more room
    assert ledger.over(15.0) == []
    assert ledger.over(20.0) == [TWO]
    assert ledger.put(THREE, 25.0)
    assert dict(ledger.items()) == {ONE: 30.0, THREE: 25.0}
    assert ledger.drop(THREE)
    assert not ledger.drop(THREE)
    assert ledger.over(100.0) == [ONE]
    assert (len(ledger), ONE in ledger) == (0, False)


def test_what_is_renewed_for_ever_takes_no_more_room_for_it() -> None:
    ledger = Ledger(2)
    for n in range(50_000):
        ledger.put(ONE, float(n))
    assert len(ledger._order) < 2_000
    assert ledger.over(49_998.0) == []
    assert ledger.over(49_999.0) == [ONE]
