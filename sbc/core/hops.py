"""The next hops of every path and trunk: which there are, how each is known to be, and whose turn it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import log
from typing import NamedTuple

import attrs

from sbc.core.address import Address, is_literal
from sbc.core.exchange import Exchange, Hop
from sbc.core.fan import Asking, Fan, Probes
from sbc.core.mint import Mint
from sbc.core.orders import Listener
from sbc.core.realm import Path, Plan
from sbc.core.timers import Entry
from sbc.core.trunk import Trunk
from sbc.core.word import Word

HopKey = tuple[str, str, Address]
"""Realm, transport and address: what one next hop is known by, whoever of ours speaks to it."""
FORMER = 3600.0
"""Seconds for which a host may still call after it has ceased to be a next hop: terminals are registered there."""
MOST_FORMER = 256
"""Hosts that are remembered so."""
_ALMOST_NOTHING = 0.001
"""What weight 0 counts: a very small chance beside others, an equal one among its like (RFC 2782)."""


class NeighbourState(Word):
    """How a next hop is known to be."""

    UP = "up"
    SUSPECT = "suspect"  # the last sign of life was missed: still used as if it were up
    DOWN = "down"  # it does not answer: used only where there is no other
    RESTING = "resting"  # it has asked to be left alone for a time


class Event(Word):
    """What can happen to a next hop."""

    HEARD = "heard"
    MISSED = "missed"
    FAILED = "failed"
    TIRED = "tired"
    WAITED = "waited"  # the time has passed for which it was to be left alone


_UP, _SUSPECT, _DOWN, _RESTING = NeighbourState
_TABLE = {
    (_UP, Event.MISSED): _SUSPECT,
    (_UP, Event.FAILED): _DOWN,
    (_UP, Event.TIRED): _RESTING,
    (_SUSPECT, Event.HEARD): _UP,
    (_SUSPECT, Event.FAILED): _DOWN,
    (_SUSPECT, Event.TIRED): _RESTING,
    (_DOWN, Event.HEARD): _UP,
    (_DOWN, Event.TIRED): _RESTING,
    (_DOWN, Event.WAITED): _SUSPECT,
    (_RESTING, Event.FAILED): _DOWN,
    (_RESTING, Event.WAITED): _UP,
}
"""What is not here leaves a next hop as it is: one that rests may well answer."""
_LAST = {_UP: 0, _SUSPECT: 0, _RESTING: 1, _DOWN: 2}
"""The order in which next hops of different states are tried."""


class Target(NamedTuple):
    """One transport address that a next hop of a path stands for. `priority` compares as tuples do: the configured
    one, then the DNS's own. `name` is what it was configured as. An empty `transport` is the path's own."""

    address: Address
    transport: str = ""
    priority: tuple[int, ...] = (0,)
    weight: float = 1
    name: str = ""


@attrs.define(eq=False)
class Neighbour:
    """One next hop, shared by all paths that lead to it. `hop` has the listener that all terminals share."""

    hop: Hop
    name: str
    holds: str = ""  # the name that its certificate must hold, where it has one of its own
    state: NeighbourState = NeighbourState.UP
    since: float = 0.0
    why: str = "not heard of yet"
    heard_at: float = float("-inf")
    said: str = ""  # its last answer
    sent: int = 0  # requests that went to it
    failures: int = 0  # those that went elsewhere in the end
    probes: Probes | None = None  # how it is asked whether it lives, if it is
    probe: Exchange | None = None  # the question that is open
    asked: int = 0
    missed: int = 0  # answers, in a row
    due: float | None = None
    entry: Entry | None = None

    @property
    def key(self) -> HopKey:
        return key_of(self.hop)

    @property
    def usable(self) -> bool:
        """Whether it is used as long as it is its turn."""
        return _LAST[self.state] == 0

    def becomes(self, event: Event, why: str, now: float) -> bool:
        """Take note of what has happened, `why` it has; whether that makes a difference."""
        new = _TABLE.get((self.state, event), self.state)
        if new is self.state:
            return False
        self.state, self.why, self.since = new, why, now
        return True

    def __repr__(self) -> str:
        return f"<Neighbour {self.hop.peer} by {self.hop.listener.transport} {self.state.value}>"


def key_of(hop: Hop) -> HopKey:
    """What a next hop is known by that is reached so."""
    return (hop.listener.realm, hop.listener.transport, hop.peer)


class Hops:
    """The next hops of all paths. A name among them stands for nobody until somebody outside has resolved it."""

    def __init__(self, plan: Plan, mint: Mint) -> None:
        self._plan = plan
        self._mint = mint
        self._ways: dict[str, list[tuple[Target, Neighbour]]] = {}  # by the label of who has them
        self._hosts: dict[str, frozenset[str]] = {}  # of each core realm
        self._former: dict[tuple[str, str], float] = {}  # realm and host, until when
        self.neighbours: dict[HopKey, Neighbour] = {}
        for fan in self._fans():
            self._lead(fan, literal_targets(fan), 0.0)
        self._drop_unused(0.0)

    # -- who there is

    def replan(self, plan: Plan, now: float) -> list[Neighbour]:
        """Lead to the next hops of another plan. Returns those that are nobody's any more.

        What is known of those that stay is kept, and names stand for whom they stood.
        """
        before, self._plan = self._ways, plan
        self._ways = {}
        for path in plan.paths:
            names = {hop.to.host for hop in path.next_hops if not is_literal(hop.to.host)}
            resolved = [target for target, _ in before.get(path.label, ()) if target.name in names]
            self._lead(path, [*literal_targets(path), *resolved], now)
        for trunk in plan.trunks:
            self._lead(trunk, literal_targets(trunk), now)
        return self._drop_unused(now)

    def put(self, fan: Path | Trunk, targets: Iterable[Target], now: float) -> list[Neighbour]:
        """Let the next hops of `fan` be these from now on. Returns those that are nobody's any more.

        What is known of those that stay is kept. Whatever is under way with those that go is not touched.
        """
        self._lead(fan, targets, now)
        return self._drop_unused(now)

    def _lead(self, fan: Path | Trunk, targets: Iterable[Target], now: float) -> None:
        ways: dict[HopKey, tuple[Target, Neighbour]] = {}
        for target in targets:
            listener = self._plan.hop_listener(fan, target.transport)
            if listener is None:
                continue  # the configuration does not let that happen
            hop = Hop(listener, target.address)
            neighbour = self.neighbours.get(key_of(hop))
            if neighbour is None:
                neighbour = Neighbour(hop, target.name or str(target.address), since=now)
            neighbour.hop = hop  # the listener may be another than it was
            neighbour.holds = fan.server_name if isinstance(fan, Trunk) else ""
            self.neighbours[neighbour.key] = neighbour
            ways.setdefault(neighbour.key, (target, neighbour))
        self._ways[fan.label] = list(ways.values())

    def _drop_unused(self, now: float) -> list[Neighbour]:
        kept = {neighbour.key for each in self._ways.values() for _, neighbour in each}
        gone = [neighbour for key, neighbour in self.neighbours.items() if key not in kept]
        for neighbour in gone:
            del self.neighbours[neighbour.key]
            self._former[neighbour.hop.listener.realm, neighbour.hop.peer.host] = now + FORMER
            while len(self._former) > MOST_FORMER:
                del self._former[next(iter(self._former))]
        asked: dict[HopKey, Probes] = {}
        for fan in self._fans():
            for neighbour in self._asked(fan):
                asked.setdefault(neighbour.key, fan.probing)
        for neighbour in self.neighbours.values():
            neighbour.probes = asked.get(neighbour.key)
        cores = {each.core for each in self._plan.paths}
        self._hosts = {
            core: frozenset(peer.host for realm, _, peer in self.neighbours if realm == core) for core in cores
        }
        return gone

    def _fans(self) -> list[Path | Trunk]:
        return [*self._plan.paths, *self._plan.trunks]

    def _asked(self, fan: Fan) -> list[Neighbour]:
        """Which of its next hops are asked whether they live."""
        ways, mode = self._ways.get(fan.label, []), fan.probing.mode
        asks = mode is Asking.PROBE or (mode is Asking.AUTO and len(ways) > 1)
        return [neighbour for _, neighbour in ways] if asks else []

    def of(self, fan: Fan) -> list[tuple[Target, Neighbour]]:
        """The next hops of a path or trunk, in no order."""
        return list(self._ways.get(fan.label, ()))

    def at(self, fan: Fan, hop: Hop) -> Neighbour | None:
        """The next hop of a path or trunk that is reached so, if it is one."""
        neighbour = self.neighbours.get(key_of(hop))
        if neighbour is not None:
            for _, each in self._ways.get(fan.label, ()):
                if each is neighbour:
                    return neighbour
        return None

    def is_host(self, realm: str, host: str, now: float) -> bool:
        """Whether a next hop in the core realm `realm` is, or was a while ago, at `host`."""
        if host in self._hosts.get(realm, ()):
            return True
        until = self._former.get((realm, host))
        if until is not None and until <= now:
            del self._former[realm, host]
            return False
        return until is not None

    def door(self, listener: Listener, peer: Address) -> Address | None:
        """Where the next hop at the host of `peer` takes connections, best there itself; None where there is none."""
        if (listener.realm, listener.transport, peer) in self.neighbours:
            return peer
        there = (own for realm, by, own in self.neighbours if (realm, by) == (listener.realm, listener.transport))
        return next((own for own in there if own.host == peer.host), None)

    # -- whose turn it is

    def turns(self, fan: Fan, topic: bytes, tried: Collection[HopKey] = ()) -> list[Neighbour]:
        """The next hops of `fan` that have not been `tried`, in the order in which they are to be.

        First those that are well; of these, those of the lowest priority; among equals chance decides by weight, in a
        way that all requests of one `topic` meet the same chance: a request that is repeated with credentials goes to
        whom it went before, and if one fails only its own share is spread over the others. Drawing without putting
        back, as RFC 2782 has it, and this race of exponential times give the same chances.
        """
        ways = self._leading(fan)
        if tried:
            ways = [way for way in ways if way[1].key not in tried]
        if len(ways) > 1:
            ways = sorted(ways, key=lambda way: (_LAST[way[1].state], way[0].priority, self._time(way, topic)))
        return [neighbour for _, neighbour in ways]

    def others(self, fan: Fan, tried: Collection[HopKey]) -> bool:
        """Whether `fan` has a next hop that has not been `tried`."""
        return any(neighbour.key not in tried for _, neighbour in self._leading(fan))

    def _leading(self, fan: Fan) -> list[tuple[Target, Neighbour]]:
        """The next hops of `fan`; none, where a path of its name now leads to another realm than it did."""
        ways = self._ways.get(fan.label, [])
        return ways if ways and ways[0][1].hop.listener.realm == fan.there else []

    def _time(self, way: tuple[Target, Neighbour], topic: bytes) -> float:
        target, neighbour = way
        name = f"{neighbour.hop.listener.transport} {target.address}".encode()
        drawn = self._mint.draw(b"turn", topic, name) >> 16
        return -log((drawn + 1) / (2**64 + 1)) / (target.weight or _ALMOST_NOTHING)


def literal_targets(fan: Fan) -> list[Target]:
    """The next hops of a path or trunk that nobody need resolve."""
    return [
        Target(hop.to, hop.transport, (hop.priority,), hop.weight, str(hop.to))
        for hop in fan.next_hops
        if is_literal(hop.to.host)
    ]
