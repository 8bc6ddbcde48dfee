"""The way of a request: what has been found out about where it is to go; and who of the core may send it there."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.core.binding import Binding
from sbc.core.call import Call
from sbc.core.exchange import Hop
from sbc.core.hops import Neighbour
from sbc.core.message import BadMessage, Intent, Place
from sbc.core.orders import Order
from sbc.core.realm import Path, Realm, Side
from sbc.core.registry import Arrival, Registry
from sbc.core.trunk import Trunk
from sbc.core.value import value


@value
class Way:
    """Where a request is to go: the hop to take, the place it asks for, and the call it belongs to. `neighbour` is the
    next hop of the path that it goes to, if it goes to one. `proven`: its sender has shown to be the `terminal`, by
    what nobody else there is told. `orders` go before it: its sender has moved. `trunk`: whose next hop that is, if not
    the path's."""

    path: Path
    hop: Hop
    target: Place | None
    call: Call | None = None
    terminal: Binding | None = None
    party: bytes = b""
    neighbour: Neighbour | None = None
    proven: bool = False
    orders: tuple[Order, ...] = ()
    trunk: Trunk | None = None


def refuse_misled(registry: Registry, dialect: Any, intent: Intent, arrival: Arrival) -> None:
    """See that a message comes by what messages of its kind come by. What is for datagrams may be carried by a
    connection that a terminal has opened for it: not by one of ours to it, nor by the core, where by connections more
    hosts are believed than by datagrams. @raises BadMessage."""
    listener = arrival.listener
    if dialect.parted and (intent.bound or intent.carried) != listener.reliable:
        raise BadMessage("by datagram what comes by connection, or the other way round")
    if intent.carried and (listener.lane or registry.plan.realms[listener.realm].side is not Side.ACCESS):
        raise BadMessage("by a connection that is for calls alone")


def is_core_peer(registry: Registry, realm: Realm, arrival: Arrival) -> bool:
    """Whether a message comes from a next hop, or from one whom the realm is configured to trust as much; or, by a
    connection, which nobody begins in another's name, from whom the core itself has named, or from ourselves: a
    terminal's call to another, which the core has told each where to find."""
    if realm.side is not Side.CORE:
        return False
    host, now = arrival.source.host, arrival.now
    if is_trusted(registry, realm, host, now):
        return True
    if not arrival.listener.reliable:
        return False
    return registry.networks.is_ours(realm, host) or _is_named(registry, realm, arrival)


def led_to(registry: Registry, terminal: Binding, now: float) -> Address | None:
    """Where the core has said that what a terminal asks for is to go first; of a gateway, which is led from one to
    another for as long as it lives, only where that is trusted."""
    first = terminal.service.first
    if first is None or not terminal.lasting:
        return first
    core = registry.plan.realms[terminal.path.core]
    return first if is_trusted(registry, core, first.host, now) else None


def is_trusted(registry: Registry, realm: Realm, host: str, now: float) -> bool:
    """Whether a host of a core realm is a next hop's, or the realm is configured to trust it as much."""
    return registry.hops.is_host(realm.name, host, now) or realm.trusts(host)


def _is_named(registry: Registry, realm: Realm, arrival: Arrival) -> bool:
    """Whether the core has said that calls are taken at the host a message comes from, or that those of the terminal
    are to go there that it is for."""
    host, port = arrival.source.host, registry.terminal_ports.find(arrival.listener)
    service = None if port is None or port.binding is None else port.binding.service.first
    return (service is not None and service.host == host) or registry.vouched.find(realm.name, host, arrival.now)
