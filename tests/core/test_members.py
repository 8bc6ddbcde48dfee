"""Members of calls that gather: each is in one call at a time, and is found by its gateway."""

from __future__ import annotations

from functools import partial

from sbc.core.members import Gathering, Members
from tests.steps import steps
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


def test_patterns_in_the_middle_of_a_name_mean_those_members_alone() -> None:
    members, call = Members(), opened().call
    call.gathering = Gathering("gw", b"c1", [b"01aa55", b"01bb55", b"01bb56"])
    members.enter(call)
    found = members.meant("gw", [(b"*", b"01\0\x0055")], lambda name: None)
    assert found == [(call, b"01aa55"), (call, b"01bb55")]


def test_many_patterns_are_looked_for_in_one_pass() -> None:
    """Each may mean all that a gateway has, and one message may have many: together they cost little more than one."""
    members, called = Members(), opened
    for at in range(500):
        call = called().call
        call.gathering = Gathering("gw", b"c%d" % at, [b"%04x" % at])
        members.enter(call)

    def lines(count: int) -> int:
        patterns = [(b"*", b"\0%03x" % at) for at in range(count)]
        found, taken = steps(partial(members.meant, "gw", patterns, lambda name: None))
        assert len(found) == count
        return taken

    assert lines(60) < lines(1) + 60 * 400, "a pass over 500 members for each takes 90,000"


def test_calls_that_are_called_so_and_members_that_fit() -> None:
    members = Members()
    for name in (b"c1", b"c2", b"d1"):
        call = opened().call
        call.gathering = Gathering("gw", name, [name + b"x", name + b"y"])
        call.keys = {("core", "gw", name)}
        members.enter(call)
    by_name = {call.gathering.name: call for call in members.of("gw") if call.gathering is not None}

    def meant(*pairs: tuple[bytes, bytes]) -> list[bytes]:
        return [member for _, member in members.meant("gw", pairs, by_name.get)]

    assert meant((b"c*", b"*x"), (b"c1", b"*")) == [b"c1x", b"c2x", b"c1y"]
    assert meant((b"d1", b"*"), (b"nobody", b"*"), (b"c1", b"d1x"), (b"*", b"c2y")) == [b"c2y", b"d1x", b"d1y"]
