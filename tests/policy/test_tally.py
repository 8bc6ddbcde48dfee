"""What one realm, path or terminal has, had at most, and may have."""

from __future__ import annotations

from sbc.policy.limits import UNLIMITED, Caps
from sbc.policy.tally import CALLS, RATE, REALM, TERMINAL, Tally


def test_calls_are_held_to_their_number_and_to_their_rate() -> None:
    tally = Tally(REALM, "access", "access", b"", Caps(calls=2, calls_per_second=1.0))
    assert tally.call_fault(1.0) == ""
    tally.add_call(1.0)
    assert tally.call_fault(1.5) == RATE and tally.call_fault(2.0) == ""
    tally.add_call(2.0)
    assert tally.call_fault(9.0) == CALLS
    tally.calls -= 1
    assert tally.call_fault(9.0) == "" and (tally.calls, tally.most_calls) == (1, 2)


def test_bandwidth_is_held_to_each_direction_by_itself_and_less_always_fits() -> None:
    tally = Tally(REALM, "access", "access", b"", Caps(bandwidth_in=100, bandwidth_out=200))
    assert tally.has_bandwidth(100_000, 200_000)
    assert not tally.has_bandwidth(100_001, 0) and not tally.has_bandwidth(0, 200_001)
    tally.add_bandwidth(100_000, 150_000)
    tally.limit(Caps(bandwidth_in=50, bandwidth_out=50))
    assert tally.has_bandwidth(0, -10) and tally.has_bandwidth(-1, 0) and not tally.has_bandwidth(1, 0)
    tally.add_bandwidth(-100_000, -150_000)
    assert tally.empty and (tally.most_into, tally.most_out) == (100_000, 150_000)


def test_limits_that_are_lifted_and_come_again_give_nothing() -> None:
    tally = Tally(TERMINAL, "alice", "access", b"alice", Caps(calls_per_second=1.0))
    tally.add_call(5.0)
    tally.limit(Caps(calls_per_second=0.5))
    assert tally.call_fault(5.0) == RATE and tally.call_fault(7.0) == ""
    tally.limit(UNLIMITED)
    assert tally.call_fault(5.0) == "" and tally.bucket is None


def test_it_is_named_as_operators_know_it() -> None:
    assert repr(Tally(REALM, "access", "access", b"", UNLIMITED)) == "realm access"
    assert repr(Tally(TERMINAL, "alice", "access", b"alice", UNLIMITED)) == "terminal alice of realm access"
