"""The signalling ports that terminals have for themselves on the core side: who needs each, and when it goes back."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from sbc.core.address import Address
from sbc.core.binding import Binding
from sbc.core.message import Cause, Refused
from sbc.core.orders import Listen, Listener, Order, Unlisten
from sbc.core.ports import PortPool
from sbc.core.realm import Path, Plan, Signaling


@attrs.define(eq=False)
class TerminalPort:
    """A signalling port of one terminal. `holders` are the binding it was made for, and the calls and exchanges that
    speak by it, which may outlive the binding."""

    listener: Listener
    path: str
    binding: Binding | None = None
    holders: set[object] = attrs.field(factory=set)


class TerminalPorts:
    """All terminals' own ports. One is opened for a binding and closed when nobody holds it any more."""

    def __init__(self, plan: Plan) -> None:
        self.pools = {
            path.name: PortPool(path.signaling_ports, 1, plan.realms[path.core].media.quarantine)
            for path in plan.paths
            if path.signaling is Signaling.PORT_PER_TERMINAL
        }
        self._open: dict[tuple[str, Address], TerminalPort] = {}

    def __len__(self) -> int:
        return len(self._open)

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
        self._open[own.realm, own.address] = TerminalPort(own, path.name)
        return own, [Listen(own)]

    def retake(self, path: Path, shared: Listener, port: int) -> tuple[Listener, list[Order]]:
        """The listener that a terminal had at `port` before a restart, and what opens it, if it is not open.

        @raises Refused when the path has no such port to give.
        """
        known = self._open.get((shared.realm, Address(shared.address.host, port)))
        if known is not None:
            return known.listener, []
        pool = self.pools.get(path.name)
        if pool is None or not pool.claim(port):
            raise Refused(Cause.BUSY, "its signalling port is not to be had", detail=f"on path {path.name}")
        return self._opened(path, shared, port)

    def give_to(self, binding: Binding) -> None:
        """Let what arrives on the binding's listener, where that is its own, be for the binding."""
        port = self.find(binding.onward)
        if port is not None:
            port.binding = binding
            port.holders.add(binding)

    def hold(self, holder: object, listeners: Iterable[Listener]) -> None:
        """Keep these listeners open for `holder`, as far as they are terminals' own."""
        for port in map(self.find, listeners):
            if port is not None:
                port.holders.add(holder)

    def let_go(self, holder: object, listeners: Iterable[Listener], now: float) -> list[Order]:
        """`holder` needs these listeners no more; whoever was the last to need one closes it."""
        orders: list[Order] = []
        for port in map(self.find, listeners):
            if port is None:
                continue
            port.holders.discard(holder)
            if port.binding is holder:
                port.binding = None
            if not port.holders:
                del self._open[port.listener.realm, port.listener.address]
                self.pools[port.path].give(port.listener.address.port, now)
                orders.append(Unlisten(port.listener))
        return orders
