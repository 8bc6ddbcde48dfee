"""How to send what is for the party of a leg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sbc.core import admission
from sbc.core.address import is_literal, same_family
from sbc.core.call import Call, Leg
from sbc.core.exchange import Hop
from sbc.core.message import Place
from sbc.core.orders import Listener, Order
from sbc.core.realm import Side

if TYPE_CHECKING:
    from sbc.core.registry import Registry


def hop_to(leg: Leg, target: Place | None) -> Hop:
    """How to send what is for the peer of `leg`: to terminals where they were seen, to core hosts where they said, and
    by the transport they said, if we have it there. What is known by name only, or is of the other IP version, is left
    to where the peer was seen."""
    known = Hop(leg.listener, leg.seen)
    if leg.realm.side is Side.ACCESS or target is None or leg.listener.lane:
        return known
    route = target.route
    address, transport = (route.first, route.transport) if route.hops else (target.address, target.transport)
    if address is None or not is_literal(address.host) or not same_family(address.host, leg.listener.address.host):
        return known
    return Hop(_listener(leg, transport), address)


def _listener(leg: Leg, transport: str) -> Listener:
    if transport in ("", leg.listener.transport):
        return leg.listener
    return leg.realm.listener(leg.listener.dialect, transport) or leg.listener


def moved(registry: Registry, call: Call, index: int, hop: Hop, now: float) -> list[Order]:
    """The peer of a leg has spoken by `hop`. If it is behind a NAT that has given it another public host, its media may
    now come from there, whether this message describes media or not: the engine is told whom to believe."""
    leg = call.legs[index]
    before = leg.seen.host
    orders = registry.move_leg(call, leg, hop, now)
    if leg.seen.host != before and call.terminal:  # who is known by an address alone is who it was there
        admission.moved(registry, call)
    if leg.behind_nat and leg.seen.host != before:
        orders += [order for stream in call.streams.values() for order in stream.changed(call, index)]
    return orders
