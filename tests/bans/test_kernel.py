"""Bans by the kernel engine's programs: with real packets, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from sbc.bans.doors import Barred, Door
from sbc.bans.kernel import KernelBans
from sbc.interfaces import IBanSink
from tests.bans.scene import DOORS, Scene, scene
from tests.media.kernel.apart import why_not
from tests.media.kernel.net import Net, Rig


class Engine:
    """A kernel engine of whose programs nothing is there but the books."""

    def __init__(self) -> None:
        self.barrier, self.interfaces = self, self
        self.doors: dict[tuple[str, range, str], int] = {}
        self.bans: dict[tuple[int, str, int], float] = {}
        self.guarded: set[str] = set()
        self.full = False
        self.dropped = 7

    def door(self, realm: int, host: str, ports: range, protocol: str) -> None:
        self.doors[host, ports, protocol] = realm

    def bar(self, realm: int, source: Any, seconds: float) -> None:
        if self.full:
            raise OSError(7, "full")
        self.bans[realm, *source] = seconds

    def lift(self, realm: int, source: Any) -> None:
        if self.bans.pop((realm, *source), None) is None:
            raise OSError(2, "not there")

    def of(self, realm: int, source: Any) -> int:
        return 3

    def guard(self, hosts: set[str]) -> list[str]:
        self.guarded = hosts
        return [f"{host}: loopback" for host in hosts if host.startswith("127.")]


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bans(engine: Engine, clock: Clock) -> KernelBans:
    made = KernelBans(engine, clock, most=3)
    made.guard(DOORS)
    return made


def test_it_is_a_sink(bans: KernelBans) -> None:
    verifyObject(IBanSink, bans)


def test_a_ban_is_listed_until_it_is_over_and_makes_room_then(bans: KernelBans, engine: Engine, clock: Clock) -> None:
    assert bans.ban("access", "10.1.0.2", 5060, 10.0)
    assert bans.list() == [Barred("access", "10.1.0.2", 5060, 10.0)]
    assert [bans.of("access", "10.1.0.2", port) for port in (5060, 5061)] == [3, 0]
    clock.advance(5.0)
    assert bans.ban("access", "10.1.0.2", 5060, 10.0)
    clock.pump([1.0] * 9)
    assert [each.seconds for each in bans.list()] == [1.0]
    clock.pump([1.0] * 3)
    assert bans.list() == []
    assert engine.bans == {}
    assert clock.getDelayedCalls() == []


def test_there_is_room_for_so_many_and_no_realm_but_those_with_doors(bans: KernelBans, engine: Engine) -> None:
    assert not bans.ban("core", "10.1.0.2", 0, 10.0)
    assert [bans.ban("access", "10.1.0.2", port, 10.0) for port in (1, 2, 3, 4)] == [True, True, True, False]
    bans.lift("access", "10.1.0.2", 1)
    bans.lift("access", "10.9.9.9", 1)
    engine.full = True
    assert not bans.ban("access", "10.1.0.2", 4, 10.0)
    engine.full = False
    assert bans.ban("access", "10.1.0.2", 4, 10.0)
    bans.clear()
    assert (engine.bans, bans.list(), bans.dropped()) == ({}, [], 7)


def test_doors_come_and_go_and_their_bans_with_them(bans: KernelBans, engine: Engine) -> None:
    assert bans.why == ""
    assert engine.guarded == {"10.1.0.1", "fd01::1"}
    bans.ban("access", "10.1.0.2", 0, 10.0)
    bans.guard([Door("lab", "127.0.0.1", range(5060, 5070))])
    assert {host: realm for (host, _, _), realm in engine.doors.items()} == {
        "10.1.0.1": 0,
        "fd01::1": 0,
        "127.0.0.1": 2,
    }
    assert bans.why == "127.0.0.1: loopback"
    assert engine.bans == {}
    assert not bans.ban("access", "10.1.0.2", 0, 10.0)


def test_at_the_stop_nothing_is_left(bans: KernelBans, engine: Engine, clock: Clock) -> None:
    bans.ban("access", "10.1.0.2", 0, 10.0)
    bans.stop()
    assert (engine.bans, set(engine.doors.values()), clock.getDelayedCalls()) == ({}, {0}, [])


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[Scene, Rig]]:
    why = why_not()
    if why:
        pytest.skip(why)
    pytest.importorskip("sbc.media.kernel._loader", reason="the kernel engine was not built")
    net = Net(tmp_path)
    rig = Rig(net)
    with scene(net, rig.ask) as made:
        yield made, rig
    rig.close()
    net.close()


@pytest.mark.parametrize("host", ["10.1.0.2", "fd01::2"])
def test_who_is_banned_is_not_heard_and_its_neighbour_behind_the_same_address_is(
    there: tuple[Scene, Rig], host: str
) -> None:
    scene, rig = there
    bans = KernelBans(rig.engine, rig.reactor)
    rig.ask(bans.guard, DOORS)
    assert bans.why == ""
    assert scene.hears(host, 5061)
    assert rig.ask(bans.ban, "access", host, 5061, 600.0)
    assert not scene.hears(host, 5061)
    assert scene.hears(host, 5062)
    assert scene.hears(host, 5061, at=5070)  # no door
    assert rig.ask(bans.dropped) == 1
    assert rig.ask(bans.of, "access", host, 5061) == 1
    rig.ask(bans.ban, "access", host, 0, 600.0)
    assert not scene.hears(host, 5062)
    rig.ask(bans.clear)
    assert scene.hears(host, 5061)
    rig.ask(bans.ban, "access", host, 0, 600.0)
    rig.ask(bans.stop)
    assert scene.hears(host, 5062)
    rig.leave()
    assert "sbc_tc" not in scene.shown("tc filter show dev left ingress")
