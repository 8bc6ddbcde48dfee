"""The words that nftables is told; that it understands them is held by tests/bans/test_nft.py."""

from __future__ import annotations

import pytest

from sbc.bans.doors import Door
from sbc.bans.ruleset import changes, element, table

NUMBERS = {"access": 1, "core": 2}


def test_each_door_leads_to_the_sets_of_its_realm() -> None:
    doors = (Door("access", "192.0.2.1", range(5060, 5061)), Door("core", "::", range(6000, 6010)))
    lines = table("t", doors, NUMBERS, 9).split("\n")
    assert lines[0] == "add table inet t { flags owner; }"
    assert "add element inet t doors4 { udp . 192.0.2.1 . 5060 : jump r1 }" in lines
    assert "add element inet t doors6 { udp . ::/0 . 6000-6009 : jump r2 }" in lines
    assert "add set inet t r2p6 { type ipv6_addr . inet_service; size 9; flags timeout; counter; }" in lines
    rule = "ip6 saddr . th sport @r2p6 fib daddr type local counter name dropped drop"
    assert f"add rule inet t r2 {rule}" in lines


def test_doors_of_a_realm_that_overlap_are_one_and_transports_are_apart() -> None:
    doors = [Door("access", "192.0.2.1", range(*ports)) for ports in ((6000, 6010), (6005, 6006), (6008, 6020))]
    doors.append(Door("core", "192.0.2.1", range(6005, 6006), "tcp"))
    found = "udp . 192.0.2.1 . 6000-6019 : jump r1, tcp . 192.0.2.1 . 6005 : jump r2"
    assert f"add element inet t doors4 {{ {found} }}" in table("t", doors, NUMBERS, 9).split("\n")


def test_addresses_have_one_spelling_and_names_and_scopes_are_none() -> None:
    assert element(("access", "2001:DB8::0:1", 5060), NUMBERS) == ("r1p6", "2001:db8::1 . 5060")
    assert element(("core", "192.0.2.1", 0), NUMBERS) == ("r2h4", "192.0.2.1")
    for host in ("sip.example", "fe80::1%eth0", "192.0.2.1 } ; flush ruleset"):
        with pytest.raises(ValueError, match=r"\S"):
            element(("access", host, 0), NUMBERS)
    with pytest.raises(KeyError):
        element(("other", "192.0.2.1", 0), NUMBERS)


def test_nothing_to_change_is_nothing_to_say() -> None:
    assert changes("t", {}, (), NUMBERS) == ""
