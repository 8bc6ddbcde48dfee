"""Bans in the maps of the kernel engine's programs, which drop before there is a socket buffer or a connection."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from sbc.bans.doors import Barred, Door
from sbc.bans.ledger import Key, Ledger
from sbc.core.address import Address
from sbc.interfaces import IBanSink

MOST = 120_000
"""Bans there may be; the kernel's map (RELAY_BANS) has room for a few more."""
_SWEEP = 1.0  # seconds until those that are over are taken out of the map; the programs have let them in by then


@implementer(IBanSink)
class KernelBans:
    """Has the programs of a KernelEngine drop. They end with it."""

    name = "kernel"
    _log = Logger()

    def __init__(self, engine: Any, reactor: Any, most: int = MOST) -> None:
        """`reactor` provides IReactorTime."""
        self._engine, self._reactor = engine, reactor
        self._ledger = Ledger(most)
        self._doors: frozenset[Door] = frozenset()
        self._numbers: dict[str, int] = {}  # of realms that have ever had a door
        self._guarded: frozenset[str] = frozenset()  # those that have
        self._sweeps: Any = None
        self.why = ""
        """What keeps a door from being guarded, in words."""

    def guard(self, doors: Iterable[Door]) -> None:
        """See IBanSink."""
        new, faults = frozenset(doors), []
        for door in self._doors - new:
            self._open(door, 0)
        for door in sorted(new, key=lambda each: (each.realm, each.host, each.ports.start)):
            number = self._numbers.setdefault(door.realm, len(self._numbers) + 1)
            if why := self._open(door, number):
                faults.append(f"{door.host}: {why}")
        self._doors, self._guarded = new, frozenset(door.realm for door in new)
        for key, _ in self._ledger.items():
            if key[0] not in self._guarded:
                self.lift(*key)
        faults += self._engine.interfaces.guard({door.host for door in new})
        self.why = "; ".join(dict.fromkeys(faults))
        if self.why:
            self._log.warn("the kernel does not keep banned sources from every listener: {why}", why=self.why)

    def _open(self, door: Door, number: int) -> str:
        """Say of a door which realm it is of, 0: none; why that cannot be."""
        try:
            self._engine.barrier.door(number, door.host, door.ports, door.protocol)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def ban(self, realm: str, host: str, port: int, seconds: float) -> bool:
        """See IBanSink."""
        key = (realm, host, port)
        if realm not in self._guarded or not self._ledger.put(key, self._reactor.seconds() + seconds):
            return False
        try:
            self._engine.barrier.bar(self._numbers[realm], Address(host, port), seconds)
        except OSError:  # no address, or the map is full
            self._ledger.drop(key)
            return False
        if self._sweeps is None:
            self._sweeps = self._reactor.callLater(_SWEEP, self._sweep)
        return True

    def lift(self, realm: str, host: str, port: int) -> None:
        """See IBanSink."""
        if self._ledger.drop((realm, host, port)):
            self._take_out((realm, host, port))

    def _take_out(self, key: Key) -> None:
        realm, host, port = key
        with suppress(OSError):  # it is as we want it
            self._engine.barrier.lift(self._numbers[realm], Address(host, port))

    def _sweep(self) -> None:
        self._sweeps = None
        for key in self._ledger.over(self._reactor.seconds()):
            self._take_out(key)
        if len(self._ledger):
            self._sweeps = self._reactor.callLater(_SWEEP, self._sweep)

    def clear(self) -> None:
        """See IBanSink."""
        for key, _ in self._ledger.items():
            self.lift(*key)

    def list(self) -> list[Barred]:
        """See IBanSink."""
        now = self._reactor.seconds()
        return [Barred(*key, max(0.0, until - now)) for key, until in self._ledger.items()]

    def of(self, realm: str, host: str, port: int) -> int:
        """See IBanSink."""
        if (realm, host, port) not in self._ledger:
            return 0
        try:
            return int(self._engine.barrier.of(self._numbers[realm], Address(host, port)))
        except OSError:  # it is gone
            return 0

    def dropped(self) -> int:
        """See IBanSink."""
        return int(self._engine.barrier.dropped)

    def stop(self) -> None:
        """See IBanSink. Before the engine stops, whose maps they are."""
        if self._sweeps is not None:
            self._sweeps.cancel()
            self._sweeps = None
        self.clear()
        self.guard(())
