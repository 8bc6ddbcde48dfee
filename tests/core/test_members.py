"""Members of calls that gather: each is in one call at a time, and is found by its gateway."""

from __future__ import annotations

import pytest

from sbc.core.members import Gathering, Members, fits
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


@pytest.mark.parametrize(
    ("name", "pattern", "meant"),
    [
        (b"rtp/1", b"rtp/1", True),
        (b"rtp/1", b"rtp/*", True),
        (b"rtp/1", b"*", True),
        (b"rtp/1/2", b"rtp/*/2", True),
        (b"rtp/1/3", b"rtp/*/2", False),
        (b"rtp/", b"rtp/*/2", False),
        (b"a/1/b/2/c", b"a/*/b/*/c", True),
        (b"a/1/b/c", b"a/*/b/*/c", False),  # one stretch is no two
        (b"aba", b"ab*ba", False),
        (b"01ff55", b"01\0\x0055", True),
        (b"01ff5", b"01\0\x0055", False),
        (b"01ff56", b"01\0\x0055", False),
        (b"01ff5577", b"01\0\x0055*", True),
        (b"0155ff55", b"*5\x005*5", False),
        (b"015515f5", b"*5\x005*5", True),
        (b"01", b"\0", False),
    ],
)
def test_who_fits_a_pattern(name: bytes, pattern: bytes, meant: bool) -> None:
    assert fits(name, pattern) is meant


def test_patterns_in_the_middle_of_a_name_mean_those_members_alone() -> None:
    members, call = Members(), opened().call
    call.gathering = Gathering("gw", b"c1", [b"01aa55", b"01bb55", b"01bb56"])
    members.enter(call)
    found = members.meant("gw", b"*", b"01\0\x0055", lambda name: None)
    assert found == [(call, b"01aa55"), (call, b"01bb55")]
