"""What nftables has counted, as the kernel says it, beside many elements."""

from __future__ import annotations

import pytest

from sbc.bans.counted import Counted
from sbc.bans.library import Nft
from tests.media.kernel.apart import Apart, has_one

MANY = 2_000


apart = pytest.fixture(has_one)


def test_a_counter_and_an_element_are_found_by_their_names_however_many_there_are(apart: Apart) -> None:
    nft = apart.call(Nft)
    counted = nft.counted
    many = ", ".join(f"10.1.{n // 256}.{n % 256} counter packets {n} bytes 0" for n in range(MANY))
    apart.call(
        nft.run,
        "add table inet t; add counter inet t c { packets 123456789012 bytes 0 };"
        "add set inet t hosts4 { type ipv4_addr; counter; }; add set inet t hosts6 { type ipv6_addr; counter; };"
        "add set inet t ports4 { type ipv4_addr . inet_service; counter; };"
        "add set inet t ports6 { type ipv6_addr . inet_service; counter; };"
        f"add element inet t hosts4 {{ {many} }};"
        "add element inet t hosts6 { fd01::2 counter packets 2 bytes 0 };"
        "add element inet t ports4 { 10.1.0.2 . 5060 counter packets 3 bytes 0 };"
        "add element inet t ports6 { fd01::2 . 5060 counter packets 4 bytes 0 };",
    )
    assert apart.call(counted.counter, "t", "c") == 123_456_789_012
    assert apart.call(counted.element, "t", "hosts4", "10.1.7.7", 0) == 7 * 256 + 7
    assert apart.call(counted.element, "t", "hosts6", "fd01::2", 0) == 2
    assert apart.call(counted.element, "t", "ports4", "10.1.0.2", 5060) == 3
    assert apart.call(counted.element, "t", "ports6", "fd01::2", 5060) == 4
    apart.call(nft.close)


def test_what_is_not_there_has_counted_nothing(apart: Apart) -> None:
    nft = apart.call(Nft)
    apart.call(
        nft.run, "add table inet t; add set inet t hosts4 { type ipv4_addr; }; add element inet t hosts4 { 10.1.0.2 };"
    )
    for table, name in ("t", "c"), ("u", "c"):
        assert apart.call(nft.counted.counter, table, name) == 0
    for set_, host in ("hosts4", "10.1.0.3"), ("hosts4", "10.1.0.2"), ("nosuch", "10.1.0.2"):
        assert apart.call(nft.counted.element, "t", set_, host, 0) == 0
    apart.call(nft.close)


def test_who_was_let_go_of_says_nothing() -> None:
    counted = Counted()
    counted.close()
    assert counted.counter("t", "c") == 0
