"""Calls that mean their connections."""

from __future__ import annotations

import attrs

from sbc.core.exchange import Hop
from sbc.core.orders import HangUp
from sbc.core.ties import Ties
from tests.rig import NAT, SOFTSWITCH
from tests.toy_calls import opened


def call_by_tcp(bound: bool = True):  # type: ignore[no-untyped-def]
    call = opened().call
    for leg in call.legs:
        leg.listener = attrs.evolve(leg.listener, transport="tcp", lane="x" if leg is call.legs[1] else "")
    call.bound = bound
    return call


def test_a_call_is_found_by_either_connection_and_both_end_with_it() -> None:
    ties, call = Ties(), call_by_tcp()
    ties.tie(call)
    hops = [Hop(leg.listener, leg.seen) for leg in call.legs]
    assert [ties.at(hop) for hop in hops] == [[call], [call]]
    assert ties.cut(call) == [HangUp(hop.listener, hop.peer) for hop in hops]
    assert ties.all() == {}


def test_a_connection_that_another_call_goes_by_stays() -> None:
    ties, one, two = Ties(), call_by_tcp(), call_by_tcp()
    two.legs[1].listener = attrs.evolve(two.legs[1].listener, lane="y")
    ties.tie(one)
    ties.tie(two)
    assert [order.peer for order in ties.cut(one)] == [SOFTSWITCH]  # type: ignore[union-attr]
    assert [order.peer for order in ties.cut(two)] == [NAT, SOFTSWITCH]  # type: ignore[union-attr]


def test_who_is_not_bound_is_not_tied() -> None:
    ties, call = Ties(), call_by_tcp(bound=False)
    ties.tie(call)
    assert ties.all() == {} and ties.cut(call) == []


def test_a_leg_may_move() -> None:
    ties, call = Ties(), call_by_tcp()
    ties.tie(call)
    old = Hop(call.legs[1].listener, call.legs[1].seen)
    new = Hop(attrs.evolve(old.listener, lane="z"), old.peer)
    assert ties.move(call, old, new) == [HangUp(old.listener, old.peer)]
    assert ties.at(old) == [] and ties.at(new) == [call]
    assert ties.move(call, old, Hop(old.listener, NAT)) == []
    assert ties.at(Hop(old.listener, NAT)) == []
