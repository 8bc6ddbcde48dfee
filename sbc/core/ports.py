"""Pools of ports: book-keeping only, nothing is opened here."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

import attrs

from sbc.core.vpn import MAIN, Vpn


class PortPool:
    """Ports of one `host` in a network, given out in runs of `step` (2 for RTP and RTCP: even, odd; RFC 3550 section
    11).

    A port given back rests for `quarantine` seconds, so that late packets of the old stream meet nobody; the longest
    rested is given out first.
    """

    def __init__(self, ports: range, step: int, quarantine: float, host: str = "", vpn: Vpn = MAIN) -> None:
        self.host, self.vpn = host, vpn
        self.step = step
        self.quarantine = quarantine
        self._own = self._runs(ports)
        self._free: deque[int] = deque(self._own)
        self._resting: deque[tuple[float, int]] = deque()
        self._elsewhere: set[int] = set()  # of ours, what another pool has in use: `adopt` brings it
        self._strays: set[int] = set()  # in use, but no longer ours
        self.used: set[int] = set()
        self.size = len(self._free)

    def take(self, now: float) -> int | None:
        """The first port of a free run, or None if all are in use or resting."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        if not self._free:
            return None
        port = self._free.popleft()
        self.used.add(port)
        return port

    def claim(self, port: int) -> bool:
        """Take this very run; False if it is not free, or none of the pool's."""
        try:
            self._free.remove(port)
        except ValueError:
            return False
        self.used.add(port)
        return True

    def give(self, port: int, now: float, rest: bool = True) -> None:
        """Give back a run taken before. It need not `rest` if nobody can have used it yet: it is the next given then.

        What the pool no longer covers goes out of the books. @raises KeyError if it is not in use: that would be a
        fault of ours.
        """
        self.used.remove(port)
        if port not in self._own:
            self._strays.discard(port)
            return
        if rest:
            self._resting.append((now + self.quarantine, port))
        else:
            self._free.appendleft(port)

    def shares(self, other: PortPool) -> bool:
        """Whether a port of another pool is the same port as one here."""
        return self.host == other.host and self.vpn.meets(other.vpn)

    def covers(self, port: int) -> bool:
        """Whether a run that begins with `port` is one of the pool's."""
        return port in self._own

    def become(self, ports: range, quarantine: float, elsewhere: Collection[int] = ()) -> None:
        """Have other ports from now on. What is in use stays so; of the pool's new ones, those `elsewhere` belong to
        another pool until they are given back there."""
        self.quarantine = quarantine
        self._own = self._runs(ports)
        self._elsewhere = {port for port in elsewhere if port in self._own and port not in self.used}
        self._resting = deque(each for each in self._resting if self._is_mine(each[1]))
        self._strays = {port for port in self.used if port not in self._own}
        free = [port for port in self._free if self._is_mine(port)]
        known = {*free, *self.used, *self._elsewhere, *(port for _, port in self._resting)}
        self._free = deque([*free, *(port for port in self._own if port not in known)])
        self.size = len(self._own)

    def yield_to(self, heirs: Collection[PortPool]) -> None:
        """Give out no more what the `heirs`, at the same host, have as theirs now."""
        self._elsewhere |= {
            port for port in self._own if port not in self.used and any(heir.covers(port) for heir in heirs)
        }
        self._resting = deque(each for each in self._resting if self._is_mine(each[1]))
        self._free = deque(port for port in self._free if self._is_mine(port))

    def lose(self, port: int) -> None:
        """What was taken here is given back elsewhere. @raises KeyError as `give`."""
        self.used.remove(port)
        if port in self._own:
            self._elsewhere.add(port)
        self._strays.discard(port)

    def adopt(self, port: int, now: float, rest: bool = True) -> None:
        """What another pool had in use is free now. It rests like our own."""
        self._elsewhere.discard(port)
        self.used.add(port)
        self.give(port, now, rest)

    def resting(self, now: float) -> int:
        """How many runs are not to be given out yet."""
        return sum(1 for until, _ in self._resting if until > now)

    def balanced(self) -> bool:
        """Whether every port is in exactly one place."""
        there = len(self.used) - len(self._strays) + len(self._free) + len(self._resting) + len(self._elsewhere)
        return there == self.size

    def _runs(self, ports: range) -> range:
        first = ports.start + (-ports.start) % self.step
        return range(first, max(first, ports.stop - self.step + 1), self.step)

    def _is_mine(self, port: int) -> bool:
        return port in self._own and port not in self._elsewhere


@attrs.frozen
class Wanted:
    """What a pool is to be."""

    host: str
    ports: range
    quarantine: float
    vpn: Vpn = MAIN


PoolKey = tuple[str, str, Vpn]
"""A name, a host and its network: of one name there is a pool at each of these where ports are still in use."""


class Pools:
    """Pools by name, which may change while ports are in use: a port goes back to where it belongs by then.

    `current` are those that the configuration has, `former` those at hosts, or in networks, it no longer has for that
    name.
    """

    def __init__(self, step: int, wanted: Mapping[str, Wanted]) -> None:
        self._step = step
        self.current = {
            name: PortPool(each.ports, step, each.quarantine, each.host, each.vpn) for name, each in wanted.items()
        }
        self.former: dict[PoolKey, PortPool] = {}

    def at(self, name: str, host: str, vpn: Vpn) -> PortPool | None:
        """The pool of that name at that host in that network, if there is one still."""
        pool = self.current.get(name)
        return pool if pool is not None and (pool.host, pool.vpn) == (host, vpn) else self.former.get((name, host, vpn))

    def all(self) -> dict[PoolKey, PortPool]:
        """Every pool there is."""
        return {**{(name, pool.host, pool.vpn): pool for name, pool in self.current.items()}, **self.former}

    def give(self, key: PoolKey, port: int, now: float, rest: bool = True) -> None:
        """Give back a run that was taken from that pool. @raises KeyError as PortPool.give."""
        taken = self.at(*key)
        if taken is None:
            raise KeyError(key)
        name = key[0]
        if self.current.get(name) is not taken or not taken.covers(port):
            for pool in self.current.values():
                if pool is not taken and pool.shares(taken) and pool.covers(port):
                    taken.lose(port)
                    pool.adopt(port, now, rest)
                    return
        taken.give(port, now, rest)

    def become(self, wanted: Mapping[str, Wanted]) -> None:
        """Be what is wanted now. The wanted ones do not overlap; what is in use stays in use."""
        before, self.current = self.all(), {}
        for name, each in wanted.items():
            pool = before.pop((name, each.host, each.vpn), None)
            self.current[name] = pool or PortPool(range(0), self._step, each.quarantine, each.host, each.vpn)
        self.former = before
        for name, each in wanted.items():
            pool = self.current[name]
            others = [other for other in self.all().values() if other is not pool and other.shares(pool)]
            pool.become(each.ports, each.quarantine, {port for other in others for port in other.used})
        for pool in self.former.values():  # calls that began there may need more of them
            pool.yield_to([heir for heir in self.current.values() if heir.shares(pool)])

    def forget(self, needed: Collection[PoolKey]) -> None:
        """Forget former pools of which nothing is in use and which are not `needed`."""
        self.former = {key: pool for key, pool in self.former.items() if pool.used or key in needed}
