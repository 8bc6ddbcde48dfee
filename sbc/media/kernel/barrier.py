"""Whom the kernel's programs keep from where we signal: bans in maps of theirs, which end with the lease at latest."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from sbc.core.address import Address
from sbc.media.kernel.addresses import pack

_PROTOCOLS = {"udp": socket.IPPROTO_UDP, "tcp": socket.IPPROTO_TCP}


class Barrier:
    """Bans in the maps of a loaded relay: of a source, port 0 for all of its ports, at the doors of one realm.

    Realms have numbers here, from 1 on. Every call but `dropped` @raises OSError: for a host that is no address, and
    where the kernel refuses.
    """

    def __init__(self, module: Any, relay: Any, now: Callable[[], int]) -> None:
        """`module` is the loader's; `now` has the nanoseconds of the clock that the programs go by."""
        self._lib, self._ffi, self._relay, self._now = module.lib, module.ffi, relay, now
        self._at = module.lib.relay_barrier(relay)
        self._who, self._ban = module.ffi.new("struct relay_banned *"), module.ffi.new("struct relay_ban *")
        self._door = module.ffi.new("struct relay_address *")

    def bar(self, realm: int, source: Address, seconds: float) -> None:
        """Drop what a source sends there, for so long from now."""
        self._must(self._lib.relay_bar(self._relay, self._named(realm, source), self._now() + int(seconds * 1e9)))

    def lift(self, realm: int, source: Address) -> None:
        """Drop it no more; also where the time is over: until then it takes room."""
        self._must(self._lib.relay_unbar(self._relay, self._named(realm, source)))

    def of(self, realm: int, source: Address) -> int:
        """How many of its packets were dropped there."""
        self._must(self._lib.relay_barred(self._relay, self._named(realm, source), self._ban))
        return int(self._ban.dropped)

    @property
    def dropped(self) -> int:
        """How many packets were in all, since the programs were loaded."""
        return int(self._at.dropped)

    def door(self, realm: int, host: str, ports: range, protocol: str) -> None:
        """We signal in that realm at those ports of an address (the unspecified one: of all of ours), over "udp" or
        "tcp"; 0: no more."""
        self._ffi.buffer(self._door)[:] = pack(Address(host, ports.start))
        self._door.protocol = _PROTOCOLS[protocol]
        self._must(self._lib.relay_door(self._relay, self._door, len(ports), realm))

    def _named(self, realm: int, source: Address) -> Any:
        self._ffi.buffer(self._who)[:20] = pack(source)
        self._who.realm = realm
        return self._who

    @staticmethod
    def _must(result: int) -> None:
        if result < 0:
            raise OSError(-result, "the kernel's map refuses it")
