"""Prefixes are found as a scan over all of them would find them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.policy import prefixes
from sbc.policy.prefixes import Prefixes
from tests.effort import effort

V4, V6 = 0x0A000000, 0x20010DB8 << 96


def hosts() -> Any:
    """Addresses of both families, near to each other, so that prefixes hold some and not others."""
    four = st.integers(0, 0xFFF).map(lambda low: IPv4Address(V4 | low << 4))
    six = st.integers(0, 0xFFF).map(lambda low: IPv6Address(V6 | low << 60))
    return st.one_of(four, six)


def networks() -> Any:
    return st.tuples(hosts(), st.integers(0, 128)).map(
        lambda each: ip_network((each[0], min(each[1], each[0].max_prefixlen)), strict=False)
    )


@given(st.lists(st.tuples(networks(), st.integers(0, 63)), max_size=30), st.lists(hosts(), min_size=1, max_size=10))
def test_what_is_found_is_what_a_scan_finds(entries: list[Any], asked: list[Any]) -> None:
    found = Prefixes((network, 1 << bit) for network, bit in entries)
    for host in [*asked, *(network.network_address for network, _ in entries)]:
        scanned = 0
        for network, bit in entries:
            if host.version == network.version and host in network:
                scanned |= 1 << bit
        assert [found.find(str(host)) for _ in range(2)] == [scanned] * 2


def test_what_is_no_address_is_in_no_prefix() -> None:
    everything = Prefixes([(ip_network("0.0.0.0/0"), 1), (ip_network("::/0"), 2)])
    assert everything.find("192.0.2.1") == 1 and everything.find("2001:db8::1") == 2
    assert everything.find("fe80::1%eth0") == 2
    assert everything.find("phone.example") == everything.find("") == 0
    assert Prefixes().find("192.0.2.1") == 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "MOST_HOSTS", 100)
    found = Prefixes([(ip_network("10.0.0.0/8"), 1)])
    for number in range(1000):
        assert found.find(str(ip_address(V4 + number))) == 1
        assert len(found._known) <= 100


def test_prefixes_are_given_up_a_few_at_a_time() -> None:
    """Of a tree that is let go as a whole nobody else runs until the last is gone, whatever thread does it."""
    networks = [ip_network(((number * 40_503) % (1 << 24) << 8, 24)) for number in range(3_500)]
    found = Prefixes((network, 1) for network in [*networks, ip_network("2001:db8::/32")])
    left = [len(found._tree.prefixes())]
    for _ in found.give_up():
        left.append(len(found._tree.prefixes()))
    assert left[0] == 3_501 and left[-1] == 0
    assert all(before - after <= prefixes.PIECE for before, after in pairwise(left))


def test_among_very_many_prefixes_one_is_found_as_soon_as_among_few() -> None:
    """A scan of 20,000 would take thousands of times as long. The best of some runs, on whatever machine."""
    spread = [(ip_network(((number * 40_503) % (1 << 24) << 8, 24)), 1) for number in range(20_000)]
    hosts = [str(IPv4Address((number * 2_654_435_761) % (1 << 32))) for number in range(500)]

    def cost(found: Prefixes) -> float:
        return effort(lambda: [found.search(host) for host in hosts])

    assert cost(Prefixes(spread)) < 10.0 * cost(Prefixes(spread[:10]))
