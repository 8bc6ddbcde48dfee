"""Bans by nftables: with real packets, and what is said to it when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from sbc.bans.doors import Door
from sbc.bans.library import Nft, NftError
from sbc.bans.nft import NftBans
from sbc.interfaces import IBanSink
from tests.bans.scene import DOORS, Scene, scene
from tests.media.kernel.apart import why_not
from tests.media.kernel.net import Net

OVERLAPPING = (
    Door("access", "10.9.0.1", range(7000, 8000)),
    Door("access", "10.9.0.1", range(7010, 7011)),
    Door("core", "0.0.0.0", range(7010, 7011), "tcp"),
)
"""As ports of one transport may be around those of another, and a path's around another path's."""


class Said:
    """Nftables that only listens; it refuses what has the words `refuses` in it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.refuses = "nothing"
        self.closed = False

        self.counted = self
        self.packets = 0

    def run(self, commands: str) -> None:
        if self.refuses in commands:
            raise NftError("Error: Operation not permitted")
        self.heard.append(re.sub(r"sbc-bans-\d+-\d+", "T", commands))

    def counter(self, table: str, name: str) -> int:
        return self.packets

    def element(self, table: str, set_: str, host: str, port: int) -> int:
        return self.packets

    def close(self) -> None:
        self.closed = True


def at_once(run: Any, *what: Any) -> Deferred[Any]:
    try:
        return succeed(run(*what))
    except NftError:
        return fail()


@pytest.fixture
def nft() -> Said:
    return Said()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bans(nft: Said, clock: Clock) -> NftBans:
    made = NftBans(nft, clock, most=3, in_thread=at_once)
    made.guard(DOORS)
    clock.advance(0.0)
    nft.heard.clear()
    return made


def test_it_is_a_sink(bans: NftBans) -> None:
    verifyObject(IBanSink, bans)


def test_what_gathers_is_said_together_and_what_is_renewed_takes_the_old_one_s_place(
    bans: NftBans, nft: Said, clock: Clock
) -> None:
    assert bans.ban("access", "10.1.0.2", 0, 10.0)
    assert bans.ban("access", "fd01::2", 5060, 10.0)
    clock.advance(0.05)
    assert nft.heard == [
        "add element inet T r1h4 { 10.1.0.2 timeout 9950ms }\nadd element inet T r1p6 { fd01::2 . 5060 timeout 9950ms }"
    ]
    bans.ban("access", "10.1.0.2", 0, 60.05)
    bans.lift("access", "fd01::2", 5060)
    bans.lift("access", "10.9.9.9", 0)
    clock.advance(0.05)
    assert nft.heard[1].split("\n") == [
        "add element inet T r1h4 { 10.1.0.2 timeout 60000ms }",
        "add element inet T r1p6 { fd01::2 . 5060 timeout 1000ms }",
        "delete element inet T r1h4 { 10.1.0.2 }",
        "delete element inet T r1p6 { fd01::2 . 5060 }",
        "add element inet T r1h4 { 10.1.0.2 timeout 60000ms }",
    ]


def test_what_is_over_makes_room(bans: NftBans, clock: Clock) -> None:
    assert not bans.ban("core", "10.1.0.2", 0, 10.0)
    assert not bans.ban("access", "sip.example", 0, 10.0)
    assert not bans.ban("access", "fe80::1%2", 0, 10.0)
    assert [bans.ban("access", "10.1.0.2", port, 10.0) for port in (1, 2, 3, 4)] == [True, True, True, False]
    clock.advance(11.0)
    assert bans.list() == []
    assert bans.ban("access", "10.1.0.2", 4, 10.0)


def test_other_doors_are_another_table_with_the_bans_that_still_are(bans: NftBans, nft: Said, clock: Clock) -> None:
    bans.ban("access", "10.1.0.2", 0, 10.0)
    clock.advance(0.05)
    bans.guard(DOORS)  # the same ones
    clock.advance(0.05)
    assert len(nft.heard) == 1
    bans.guard([*DOORS, Door("core", "0.0.0.0", range(5060, 5080))])
    clock.advance(0.05)
    remade = nft.heard[1].split("\n")
    assert remade[:2] == ["delete table inet T", "add table inet T { flags owner; }"]
    assert any("udp . 0.0.0.0/0 . 5060-5079 : jump r2" in line for line in remade)
    assert remade[-1].startswith("add element inet T r1h4 { 10.1.0.2 timeout 9")


def test_what_is_refused_user_space_does_alone(bans: NftBans, nft: Said, clock: Clock) -> None:
    nft.refuses = "add element"
    assert bans.ban("access", "10.1.0.2", 0, 10.0)
    clock.advance(0.05)
    assert bans.list() == []
    assert bans.why == "Error: Operation not permitted"
    bans.stop()
    assert (nft.closed, nft.heard, clock.getDelayedCalls()) == (True, ["delete table inet T"], [])


def test_for_one_that_is_refused_the_others_of_its_batch_need_not_go_without(
    bans: NftBans, nft: Said, clock: Clock
) -> None:
    nft.refuses = "10.1.0.3"
    for host in ("10.1.0.2", "10.1.0.3", "10.1.0.4"):
        assert bans.ban("access", host, 0, 60.0)
    clock.advance(0.05)
    assert [each.host for each in bans.list()] == ["10.1.0.2", "10.1.0.4"]
    assert [re.findall(r"10\.1\.0\.\d", each) for each in nft.heard] == [["10.1.0.2"], ["10.1.0.4"]]
    assert bans.why == "Error: Operation not permitted"
    nft.refuses = "nothing"
    assert bans.ban("access", "10.1.0.3", 0, 60.0)
    clock.advance(0.05)
    assert bans.why == ""


def test_a_table_that_is_refused_bans_nobody_and_is_tried_again(bans: NftBans, nft: Said, clock: Clock) -> None:
    bans.ban("access", "10.1.0.2", 0, 60.0)
    clock.advance(0.05)
    nft.refuses = "jump r2"
    bans.guard([*DOORS, Door("aaa", "10.1.0.9", range(5060, 5061))])  # whose number is the old table's of another
    assert [each.host for each in bans.list()] == ["10.1.0.2"]
    clock.advance(0.0)
    assert bans.why == "Error: Operation not permitted"
    assert nft.heard[-1].startswith("delete table inet T\nadd table inet T")
    assert "jump" not in nft.heard[-1]
    assert bans.list() == []
    assert not bans.ban("aaa", "10.1.0.3", 0, 60.0)
    nft.refuses = "nothing"
    clock.advance(10.0)
    assert bans.why == ""
    assert bans.ban("aaa", "10.1.0.3", 0, 60.0)
    clock.advance(0.05)
    assert nft.heard[-1].startswith("add element inet T r1h4 { 10.1.0.3 ")


def test_counters_are_read_without_a_word_to_the_library(bans: NftBans, nft: Said, clock: Clock) -> None:
    """It would read all sets for that, on the reactor's thread, and wait for the change that is under way."""
    bans.ban("access", "10.1.0.2", 0, 60.0)
    clock.advance(0.05)
    nft.refuses, nft.packets = "", 5  # whatever is said
    assert (bans.dropped(), bans.of("access", "10.1.0.2", 0)) == (5, 5)
    assert (bans.of("access", "10.1.0.3", 0), bans.of("core", "10.1.0.2", 0)) == (0, 0)


def test_what_was_dropped_is_never_less_than_it_was(bans: NftBans, nft: Said, clock: Clock) -> None:
    nft.packets = 5
    bans.guard([*DOORS, Door("core", "0.0.0.0", range(5060, 5080))])
    assert bans.dropped() == 5
    clock.advance(0.05)
    nft.packets = 2  # in the new table
    assert bans.dropped() == 7


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Scene]:
    why = why_not()
    if why:
        pytest.skip(why)
    net = Net(tmp_path)
    with scene(net, net.sbc.call) as made:
        yield made
    net.close()


@pytest.mark.parametrize("host", ["10.1.0.2", "fd01::2"])
def test_who_is_banned_is_not_heard_and_its_neighbour_behind_the_same_address_is(there: Scene, host: str) -> None:
    clock, ask = Clock(), there.ask
    bans = ask(NftBans, ask(Nft), clock, 100, at_once)

    def tell(what: Any, *arguments: Any) -> Any:
        said = ask(what, *arguments)
        ask(clock.advance, 0.05)
        return said

    tell(bans.guard, (*DOORS, Door("all", "0.0.0.0", range(5080, 5081)), *OVERLAPPING))
    assert ask(lambda: bans.why) == ""
    assert there.hears(host, 5061)
    assert tell(bans.ban, "access", host, 5061, 600.0)
    assert not there.hears(host, 5061)
    assert there.hears(host, 5062)
    assert there.hears(host, 5061, at=5070)  # no door
    assert there.hears(host, 5061, at=5080)  # nor one of that realm
    assert [tell(bans.of, "access", host, port) for port in (5061, 5062)] == [1, 0]
    assert tell(bans.ban, "access", host, 5061, 900.0)
    tell(bans.ban, "access", host, 0, 600.0)
    tell(bans.lift, "access", host, 5061)
    assert not there.hears(host, 5061)
    assert tell(bans.dropped) == 2
    assert tell(bans.of, "access", host, 0) == 1
    assert tell(bans.ban, "all", host, 0, 600.0)
    assert there.hears(host, 5061, at=5080) is (":" in host)  # of all addresses, but of IPv4
    tell(bans.clear)
    assert there.hears(host, 5061)
    tell(bans.ban, "access", host, 0, 600.0)
    tell(bans.stop)
    assert there.hears(host, 5061)
    assert "sbc-bans" not in there.shown("nft list tables")


def test_a_process_that_ends_without_a_word_leaves_no_table(there: Scene) -> None:
    ask = there.ask
    nft = ask(Nft)
    ask(NftBans, nft, Clock(), 100, at_once)
    assert "sbc-bans" in there.shown("nft list tables")
    ask(nft.close)  # as the system does for who ends
    assert "sbc-bans" not in there.shown("nft list tables")
