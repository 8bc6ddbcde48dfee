"""Terminals that have registered for good, as gateways do: they live as long as they answer, and time ends nothing.

While one lives its grant is prolonged whenever that would run out. One that is dead is forgotten when it has been so
for as long as a registrar grants (`registrations.core`). It does not register again when it is there again, so the
core, where it was told of the death, is told of that too (sbc/core/lost.py).
"""

from __future__ import annotations

from sbc.core.binding import Binding, BindingState
from sbc.core.exchange import Hop
from sbc.core.orders import Note, Order
from sbc.core.registry import Registry

SOON = 5.0
"""Seconds within which the core hears of gateways, after a restart or the loss of the connection it reaches them by."""
AGAIN = 60.0
"""Seconds after which the core, which would not hear that a terminal is back, is told so again."""


def prolong(registry: Registry, binding: Binding, now: float) -> None:
    """From now on it has the whole time."""
    binding.grant_ends = now + binding.realm.registrations.core
    registry.touch(binding)
    registry.timers.set(binding, binding.grant_ends)


def lost(registry: Registry, binding: Binding, now: float) -> list[Order]:
    """It has died."""
    prolong(registry, binding, now)
    return [Note("lost", f"it is forgotten in {binding.realm.registrations.core} s", "", about(binding))]


def back(registry: Registry, binding: Binding, now: float) -> list[Order]:
    """It is heard of again. The core hears of that too, at once, if it has taken it off, or may have."""
    prolong(registry, binding, now)
    orders: list[Order] = []
    if binding.parting is not None:
        orders = registry.forget_exchange(binding.parting, now)
        binding.parting = None
    if binding.is_to_be_restored:
        registry.timers.set(binding, now)
    return orders


def revived(registry: Registry, binding: Binding, now: float) -> None:
    """It was dead, and is not asked any more, so that nobody knows. It counts as there, and so it does for the core."""
    binding.state = BindingState.BOUND
    registry.touch(binding)
    if binding.lasting:
        come_back(registry, binding, now)


def untied(registry: Registry, hop: Hop, now: float) -> None:
    """A connection is lost. Where it was the one by which the core reaches a gateway, it is opened again, and the core
    hears that the gateway is there: it would open none by itself."""
    binding = by(registry, hop)
    if binding is not None and binding.state is BindingState.BOUND and not binding.is_to_be_restored:
        binding.untold = True
        registry.touch(binding)
        come_back(registry, binding, now)


def by(registry: Registry, hop: Hop) -> Binding | None:
    """The gateway that the core reaches by a connection."""
    port = registry.terminal_ports.find(hop.listener)
    binding = None if port is None else port.binding
    if binding is None or not binding.lasting or binding.registrar is None or not hop.reliable:
        return None
    return binding if binding.registrar.peer == hop.peer else None


def come_back(registry: Registry, binding: Binding, now: float) -> None:
    """Soon the core is to hear that it is there; many gateways do not say so in one moment."""
    registry.timers.set(binding, now + SOON * registry.mint.chance(b"back", binding.id.encode()))


def told(registry: Registry, binding: Binding, now: float) -> list[Order]:
    """The core has taken note of its death: what it has there is over. Or it has taken it back."""
    if binding.state is BindingState.DEAD:
        registry.timers.set(binding, now)
        return [Note("parted", "the core has taken it off", "", about(binding))]
    binding.parted = binding.untold = False
    prolong(registry, binding, now)
    return [Note("restored", "the core knows that it is back", "", about(binding))]


def about(binding: Binding) -> dict[str, str]:
    """The fields of a Note about it."""
    user = binding.user.decode(errors="replace")
    return {"binding": binding.id, "user": user, "seen": str(binding.seen)}
