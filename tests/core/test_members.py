"""Members of calls that gather: each is in one call at a time, and is found by its gateway."""

from __future__ import annotations

from sbc.core.members import Gathering, Members
from tests.toy_calls import opened


def test_members_join_and_part_and_are_found() -> None:
    members, call = Members(), opened().call
    call.gathering = Gathering("gw", b"c1", [b"1"])
    members.enter(call)
    members.join(call, b"2")
    assert members.of("gw") == [call] and members.count("gw") == 1
    assert members.at("gw") == [(call, b"1"), (call, b"2")]
    assert members.find("gw", b"2") is call
    assert members.find("gw", b"3") is members.find("other", b"2") is None
    members.part(call, b"1")
    assert call.gathering.members == [b"2"] and members.find("gw", b"1") is None


def test_a_call_that_is_over_has_no_members_and_leaves_nothing() -> None:
    members, call = Members(), opened().call
    call.gathering = Gathering("gw", b"c1", [b"1", b"2"])
    members.enter(call)
    members.leave(call)
    members.leave(call)
    assert call.gathering.members == [] and members.all() == {} and members.of("gw") == [] == members.at("gw")


def test_a_call_that_does_not_gather_is_none_of_its_business() -> None:
    members, call = Members(), opened().call
    members.enter(call)
    members.leave(call)
    assert members.all() == {}
