"""Whose yes gateways live by: where that is no next hop any more, by a reload or the DNS, another hears of them."""

from __future__ import annotations

from sbc.core import lasting, local
from sbc.core.binding import Binding, BindingState
from sbc.core.exchange import Hop
from sbc.core.message import NO_ROUTE
from sbc.core.orders import Note, Order
from sbc.core.realm import Path
from sbc.core.registry import Registry


def rehomed(registry: Registry, now: float, path: Path | None = None) -> list[Order]:
    """There are other next hops, of one path or all: whose was one that is none any more is told of to another, which
    would not know of it. What it had heard of whom to speak to is over."""
    orders: list[Order] = []
    for binding in registry.bindings.values():
        if (path is None or binding.path.name == path.name) and is_homeless(registry, binding):
            orders += _rehome(registry, binding, now)
    return orders


def _rehome(registry: Registry, binding: Binding, now: float) -> list[Order]:
    parting, binding.parting = binding.parting, None
    orders = [] if parting is None else registry.forget_exchange(parting, now)
    binding.untold, binding.service = True, NO_ROUTE
    registry.touch(binding)
    if binding.state is BindingState.BOUND:
        lasting.come_back(registry, binding, now)
    return [
        *orders,
        Note("homeless", "whom it had registered with is no next hop any more", "", lasting.about(binding)),
    ]


def is_homeless(registry: Registry, binding: Binding) -> bool:
    """Whether a gateway lives by the yes of who is none of its path's next hops, and there are any."""
    there = registry.hops.of(binding.path) if binding.lasting and binding.granted_by is not None else []
    return bool(there) and all(each.key != binding.granted_by for _, each in there)


def home(registry: Registry, binding: Binding) -> Hop | None:
    """Who is to hear of a gateway: whom it has registered with; if that is no next hop any more, whose turn it is, of
    those that are spoken to by the port which the gateway has."""
    if not is_homeless(registry, binding):
        return binding.registrar
    port = registry.terminal_ports.find(binding.onward)
    by = {binding.onward.transport} if port is None else {own.transport for own in port.listeners}
    turns = local.turns(registry, binding.path, binding)
    return next((each.hop for each in turns if each.hop.listener.transport in by), None)


def settled(registry: Registry, binding: Binding, far: Hop | None) -> None:
    """`far` has taken note of it: from now on it is registered there."""
    neighbour = None if far is None else registry.hops.at(binding.path, far)
    if neighbour is None or far is None or binding.state is BindingState.DEAD:
        return
    binding.granted_by = neighbour.key
    if binding.registrar is not None or far.reliable:
        binding.registrar = far
