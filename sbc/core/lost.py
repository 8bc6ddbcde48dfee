"""Terminals that have registered for good and were lost: what follows when they are back, and when they stay away."""

from __future__ import annotations

from typing import Any

from sbc.core import farewell, lasting
from sbc.core.binding import Binding, BindingState
from sbc.core.disband import disband
from sbc.core.exchange import Exchange
from sbc.core.message import Ending
from sbc.core.orders import Order
from sbc.core.registry import Registry


def wake(registry: Registry, dialect: Any, binding: Binding, now: float) -> list[Order]:
    """The time of a lasting terminal has come: it has more as long as it lives; one that is dead is forgotten, unless
    the core has yet to say whether it is registered anew. One that the core has taken off has no calls there any more.
    Or it is back, and the core is to hear of it."""
    if binding.state is not BindingState.DEAD:
        if binding.is_to_be_restored and binding.parting is None:
            return farewell.take_back(registry, dialect, binding, now)
        lasting.prolong(registry, binding, now)
        return []
    if now < binding.grant_ends:
        registry.timers.set(binding, binding.grant_ends)
        return _end_calls(registry, dialect, binding, now)
    asked = [claim.deadline for claim in binding.claims if isinstance(claim, Exchange) and claim.open]
    if asked and max(asked) > now:  # it registers anew, and the core has yet to answer
        registry.timers.set(binding, max(asked))
        return []
    return registry.forget_binding(binding, "lost", now)


def _end_calls(registry: Registry, dialect: Any, binding: Binding, now: float) -> list[Order]:
    orders: list[Order] = []
    for call in registry.members.of(binding.id):
        gone = call.leg_in(binding.realm.name)
        orders += disband(registry, dialect, call, "its gateway is lost", Ending.VANISHED, now, lost=gone)
    return orders
