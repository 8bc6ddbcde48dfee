"""Doors: ports of ours, each for the control channel of one call, taken from the pool of its leg's realm and given back
with the call. Who comes in there, and where the other end is, is in sbc/core/control.py.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs

from sbc.core.address import Address
from sbc.core.call import Call
from sbc.core.exchange import Hop
from sbc.core.message import Cause, Refused
from sbc.core.orders import HangUp, Listen, Listener, Order, Unlisten
from sbc.core.ports import PoolKey, Pools, PortPool, Wanted
from sbc.core.realm import Plan
from sbc.core.timers import Entry, Timers


@attrs.define(eq=False)
class End:
    """One side of a call's control channel.

    `said` is where the party takes the connection, `door` where we do. `hops` are the connections there are, the one
    that we speak by first; both sides may have opened one. `opening` is that of ours that is not up yet. `waiting` is
    what the party will be told when it is there; what it was told by a connection of ours stays until it has said
    something, since it might not have taken that. `vain` is where it did not take ours; `beckoned`: it was asked to
    come to the door; `heard`: it has said something; `anew`: it was told of the door again, since the other
    party moved.
    """

    said: Address | None = None
    door: Listener | None = None
    hops: list[Hop] = attrs.field(factory=list)
    opening: Hop | None = None
    waiting: list[bytes] = attrs.field(factory=list)
    vain: Address | None = None
    beckoned: bool = False
    heard: bool = False
    anew: bool = False

    @property
    def speaks(self) -> Hop | None:
        """The connection that we speak by; None where there is none, or ours is not up yet."""
        return self.hops[0] if self.hops and self.hops[0] != self.opening else None

    @property
    def keeps(self) -> bool:
        """Whether what the party is to be told is kept: it is not there, or we cannot know whether it hears us."""
        hop = self.speaks
        return hop is None or (bool(hop.listener.lane) and not self.heard)

    def forget(self) -> None:
        """Whoever comes next begins anew."""
        self.waiting.clear()
        self.beckoned = self.heard = self.anew = False
        self.vain = None


@attrs.define(eq=False)
class Control:
    """The control channel of a call, with an end for each leg. It is woken when one party has waited for the other."""

    call: Call
    ends: tuple[End, End] = attrs.field(factory=lambda: (End(), End()))
    due: float | None = None
    entry: Entry | None = None


class Controls:
    """All control channels: by their calls, by our doors, by their connections."""

    def __init__(self, plan: Plan, timers: Timers) -> None:
        self._timers = timers
        self._pools = Pools(1, _wanted(plan))
        self._of: dict[Call, Control] = {}
        self._doors: dict[tuple[str, Address], tuple[Control, int]] = {}
        self._told: set[tuple[str, Address]] = set()  # doors as peers know them
        self._hops: dict[Hop, tuple[Control, int]] = {}

    def __len__(self) -> int:
        return len(self._of)

    @property
    def pools(self) -> dict[str, PortPool]:
        """The ports of each realm."""
        return self._pools.current

    def all_pools(self) -> dict[PoolKey, PortPool]:
        """Every pool by the realm's name and the host, those of former plans too; for the auditor."""
        return self._pools.all()

    def replan(self, plan: Plan) -> None:
        """Give out the ports of another plan; who has one keeps it."""
        self._pools.become(_wanted(plan))

    def sweep(self, needed: Collection[PoolKey]) -> None:
        """Forget what was of former plans, is in use no more, and is not `needed` by a call that began with it."""
        self._pools.forget(needed)

    def all(self) -> list[Control]:
        """Every one there is."""
        return list(self._of.values())

    def find(self, call: Call) -> Control | None:
        """That of a call, if it has one."""
        return self._of.get(call)

    def of(self, call: Call) -> Control:
        """That of a call, which has one from now on."""
        return self._of.setdefault(call, Control(call))

    def behind(self, listener: Listener) -> tuple[Control, int] | None:
        """Whose door `listener` is, and for which leg."""
        return self._doors.get((listener.realm, listener.address)) if self._doors and not listener.lane else None

    def is_door(self, realm: str, told: Address) -> bool:
        """Whether peers in that realm know a door by that address."""
        return (realm, told) in self._told

    def at(self, hop: Hop) -> tuple[Control, int] | None:
        """Whose connection it is, and which leg's."""
        return self._hops.get(hop)

    def hops(self) -> set[Hop]:
        """Every connection; for the auditor."""
        return set(self._hops)

    def listeners(self) -> set[Listener]:
        """Every door."""
        doors = (control.ends[index].door for control, index in self._doors.values())
        return {door for door in doors if door is not None}

    def open(self, control: Control, index: int, now: float) -> tuple[Listener, list[Order]]:
        """The door for the party of leg `index`, and what opens it. @raises Refused where there is none left."""
        end, leg = control.ends[index], control.call.legs[index]
        if end.door is not None:
            return end.door, []
        plain = leg.realm.stream_listener(leg.listener.dialect)
        pool = self._pools.at(leg.realm.name, leg.realm.media.address, leg.realm.vpn)
        port = None if pool is None or plain is None else pool.take(now)
        if port is None or plain is None:
            raise Refused(Cause.NO_PORTS, "no ports for control channels left", 10, f"in realm {leg.realm.name}")
        own, told = Address(leg.realm.media.address, port), Address(leg.realm.media.advertised, port)
        end.door = attrs.evolve(plain, address=own, advertised=told, lane="")
        self._doors[end.door.realm, own] = control, index
        self._told.add((end.door.realm, told))
        return end.door, [Listen(end.door)]

    def shut(self, control: Control, index: int, now: float, rest: bool = True) -> list[Order]:
        """Close a door and give its port back, to rest unless nobody can have known it."""
        door, control.ends[index].door = control.ends[index].door, None
        if door is None:
            return []
        del self._doors[door.realm, door.address]
        self._told.discard((door.realm, door.advertised))
        self._pools.give((door.realm, door.address.host, door.vpn), door.address.port, now, rest)
        return [Unlisten(door)]

    def enter(self, control: Control, index: int, hop: Hop) -> None:
        """There is a connection."""
        self._hops[hop] = control, index
        control.ends[index].hops.append(hop)

    def leave(self, hop: Hop) -> None:
        """The twin of `enter`."""
        control, index = self._hops.pop(hop)
        end = control.ends[index]
        end.hops.remove(hop)
        if end.opening == hop:
            end.opening = None

    def close(self, call: Call, now: float) -> list[Order]:
        """The call is over: so are its connections, and its doors are shut."""
        control = self._of.pop(call, None)
        if control is None:
            return []
        self._timers.set(control, None)
        orders: list[Order] = []
        for index, end in enumerate(control.ends):
            for hop in list(end.hops):
                self.leave(hop)
                orders.append(HangUp(hop.listener, hop.peer, late=True))
            orders += self.shut(control, index, now)
        return orders


def _wanted(plan: Plan) -> dict[str, Wanted]:
    return {
        realm.name: Wanted(
            realm.media.address,
            realm.connections.control_ports or realm.media.ports,
            realm.media.quarantine,
            realm.vpn,
        )
        for realm in plan.realms.values()
    }
