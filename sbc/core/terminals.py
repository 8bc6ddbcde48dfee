"""The signalling ports that terminals have for themselves on the core side: who needs each, and when it goes back."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from sbc.core.address import Address
from sbc.core.binding import Binding
from sbc.core.message import Cause, Refused
from sbc.core.orders import Listen, Listener, Order, Unlisten
from sbc.core.ports import Pools, PortPool, Wanted
from sbc.core.realm import Path, Plan, Signaling


@attrs.define(eq=False)
class TerminalPort:
    """A signalling port of one terminal. `holders` are the binding it was made for, and the calls and exchanges that
    speak by it, which may outlive the binding. `further` are the same port over other transports."""

    listener: Listener
    path: str
    further: tuple[Listener, ...] = ()
    binding: Binding | None = None
    holders: set[object] = attrs.field(factory=set)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """All that is open there."""
        return (self.listener, *self.further)

    def over(self, transport: str) -> Listener:
        """The port over that transport; as it is told to peers, where it is not open over it."""
        return next((own for own in self.further if own.transport == transport), self.listener)


class TerminalPorts:
    """All terminals' own ports. One is opened for a binding and closed when nobody holds it any more."""

    def __init__(self, plan: Plan) -> None:
        self._pools = Pools(1, _wanted(plan))
        self._open: dict[tuple[str, Address], TerminalPort] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def pools(self) -> dict[str, PortPool]:
        """The ports of each path that gives terminals their own."""
        return self._pools.current

    def all_pools(self) -> list[PortPool]:
        """Every pool with its ports, those of former plans too."""
        return list(self._pools.all().values())

    def replan(self, plan: Plan) -> None:
        """Give out the ports of another plan; who has one keeps it."""
        self._pools.become(_wanted(plan))

    def sweep(self) -> None:
        """Forget what was of former plans and is in use no more."""
        self._pools.forget(())

    def stands(self, path: Path, shared: Listener, listener: Listener) -> bool:
        """Whether a new terminal of `path` might have `listener`, too, where the core side's shared one is `shared`."""
        pool, own = self.pools.get(path.name), self.find(listener)
        if pool is None or own is None:
            return pool is None and listener == shared
        there = own.path == path.name and pool.host == listener.address.host and pool.vpn == listener.vpn
        return there and pool.covers(listener.address.port)

    def listeners(self) -> set[Listener]:
        """Every listener that is open at one."""
        return {own for port in self._open.values() for own in port.listeners}

    def values(self) -> Iterable[TerminalPort]:
        """Every port that is open."""
        return self._open.values()

    def find(self, listener: Listener) -> TerminalPort | None:
        """What there is to know of `listener`, where it is one terminal's own."""
        return self._open.get((listener.realm, listener.address))

    def take(self, path: Path, shared: Listener, now: float) -> tuple[Listener, list[Order]]:
        """The listener for a new terminal of `path`: one of its own, or `shared` where the path has it so.

        @raises Refused when there is none left.
        """
        pool = self.pools.get(path.name)
        if pool is None:
            return shared, []
        port = pool.take(now)
        if port is None:
            raise Refused(Cause.BUSY, "no signalling ports left", 30, f"on path {path.name}")
        return self._opened(path, shared, port)

    def _opened(self, path: Path, shared: Listener, port: int) -> tuple[Listener, list[Order]]:
        own = attrs.evolve(
            shared,
            address=Address(shared.address.host, port),
            advertised=Address(shared.advertised.host, port),
        )
        further = tuple(attrs.evolve(own, transport=other) for other in path.signaling_transports)
        made = self._open[own.realm, own.address] = TerminalPort(own, path.name, further)
        return own, [Listen(each) for each in made.listeners]

    def retake(self, path: Path, shared: Listener, listener: Listener) -> tuple[Listener, list[Order]]:
        """The listener of ours that was `listener` before a restart, and what opens its port, if that is not open.

        @raises Refused when the path has no such port to give.
        """
        port, orders = listener.address.port, list[Order]()
        if (shared.realm, Address(shared.address.host, port)) not in self._open:
            pool = self.pools.get(path.name)
            if pool is None or not pool.claim(port):
                raise Refused(Cause.BUSY, "its signalling port is not to be had", detail=f"on path {path.name}")
            _, orders = self._opened(path, shared, port)
        return self._open[shared.realm, Address(shared.address.host, port)].over(listener.transport), orders

    def renew(self, binding: Binding, shared: Listener, now: float) -> list[Order]:
        """Let a terminal that comes again be presented as its path has it now; as before where there is no room."""
        before = binding.onward
        if self.stands(binding.path, shared, before):
            return []
        try:
            binding.onward, orders = self.take(binding.path, shared, now)
        except Refused:
            return []
        self.give_to(binding)
        return orders + self.let_go(binding, [before], now)

    def fall_back(self, bindings: Iterable[Binding], plan: Plan, now: float) -> list[Order]:
        """A port could not be opened, and what was to be opened with it was not: terminals that were bound before are
        presented by the listener that all share, until they come again."""
        orders: list[Order] = []
        for binding in bindings:
            port = self.find(binding.onward)
            if binding.stale and port is not None and port.binding is binding:
                binding.onward = plan.core_listener(binding.path)
                orders += self.let_go(binding, [port.listener], now)
        return orders

    def give_to(self, binding: Binding) -> None:
        """Let what arrives on the binding's listener, where that is its own, be for the binding."""
        port = self.find(binding.onward)
        if port is not None:
            port.binding = binding
            port.holders.add(binding)

    def hold(self, holder: object, listeners: Iterable[Listener]) -> None:
        """Keep these listeners open for `holder`, as far as they are terminals' own."""
        if not self._open:  # mostly nobody has any
            return
        for port in map(self.find, listeners):
            if port is not None:
                port.holders.add(holder)

    def let_go(self, holder: object, listeners: Iterable[Listener], now: float) -> list[Order]:
        """`holder` needs these listeners no more; whoever was the last to need one closes it."""
        orders: list[Order] = []
        for port in map(self.find, listeners) if self._open else ():
            if port is None:
                continue
            port.holders.discard(holder)
            if port.binding is holder:  # of two, the one that was to replace the other is gone, or has replaced it
                port.binding = next((each for each in port.holders if isinstance(each, Binding)), None)
            if not port.holders:
                del self._open[port.listener.realm, port.listener.address]
                own = port.listener.address
                self._pools.give((port.path, own.host, port.listener.vpn), own.port, now)
                orders += map(Unlisten, port.listeners)
        return orders


def _wanted(plan: Plan) -> dict[str, Wanted]:
    return {
        path.name: Wanted(
            plan.core_listener(path).address.host,
            path.signaling_ports,
            plan.realms[path.core].media.quarantine,
            plan.core_listener(path).vpn,
        )
        for path in plan.paths
        if path.signaling is Signaling.PORT_PER_TERMINAL
    }
