"""Farewells: the registrar is told of a terminal that has died, by a request of our own that takes it off.

There it is believed only if the registrar trusts our address: the terminal's password is not ours. A terminal that is
alive after all comes back by its next registration, which is taken on, since nothing of it is bound any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sbc.core import asking, homes, lasting
from sbc.core.binding import Binding, BindingState
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import Intent, Phase
from sbc.core.orders import Note, Order
from sbc.core.registry import Registry


def say(registry: Registry, dialect: Any, binding: Binding, now: float) -> list[Order]:
    """Ask the registrar to take a dead terminal off. From now on only the registrar can bring it back, unless it has
    registered for good."""
    orders = revoke(registry, binding, now)
    if binding.parted:  # it was not heard yet that it had been back
        return orders
    far, data = _said(registry, dialect, binding, dialect.unbind)
    if far is None or data is None:
        return orders
    registry.touch(binding)
    binding.parted = binding.lasting  # who has registered for good is asked on: it would not come back by itself
    if not binding.lasting:
        binding.state = BindingState.LAPSED
        registry.leave(binding, now)
        registry.timers.set(binding, binding.grant_ends)
    exchange = binding.parting = asking.request(registry, dialect, far, data, now, parting=binding)
    return [*orders, *exchange.onward(data)]


def take_back(registry: Registry, dialect: Any, binding: Binding, now: float) -> list[Order]:
    """Tell the registrar that one is there again which it has taken off at our word, and which has registered for good.
    Where that cannot be said it has to register anew."""
    far, data = _said(registry, dialect, binding, dialect.restore)
    if far is None and homes.is_homeless(registry, binding):
        registry.timers.set(binding, now + lasting.AGAIN)
        return [Note("unrestored", "no next hop is spoken to as it is", "", lasting.about(binding))]
    if far is None or data is None:
        binding.parted = binding.untold = False
        lasting.prolong(registry, binding, now)
        return [Note("unrestored", "it has to register anew", "", lasting.about(binding))]
    lasting.prolong(registry, binding, now)
    exchange = binding.parting = asking.request(registry, dialect, far, data, now, parting=binding)
    return [*exchange.onward(data)]


def _said(
    registry: Registry, dialect: Any, binding: Binding, say: Callable[..., bytes | None]
) -> tuple[Hop | None, bytes | None]:
    """The way to the registrar, and what `say` makes of the accepted registration, if that is known."""
    far = _from_own(registry, binding)
    token = next((token for (realm, _), token in binding.tokens.items() if realm == binding.path.core), b"")
    if far is None or not token or not binding.sent:  # which registration is not known
        return None, None
    return far, say(binding.sent, token, binding.handle, far.listener, asking.own_name(registry, dialect, far))


def _from_own(registry: Registry, binding: Binding) -> Hop | None:
    """The way to the registrar, from where the terminal is presented: what it registered together with, and by whose
    port it went, may be gone."""
    far = homes.home(registry, binding)
    if far is None:
        return None
    own = registry.terminal_ports.find(binding.onward)
    if own is not None:
        return attrs.evolve(far, listener=own.over(far.listener.transport))
    shared = binding.onward
    return attrs.evolve(far, listener=shared) if shared.transport == far.listener.transport else far


def revoke(registry: Registry, binding: Binding, now: float) -> list[Order]:
    """The terminal registers anew: what may still be on its way to the registrar is not said again."""
    exchange, binding.parting = binding.parting, None
    return registry.forget_exchange(exchange, now) if exchange in registry.live_exchanges else []


def heard(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """The registrar has answered: it has taken a terminal off, or taken it back."""
    if answer.phase is not Phase.SUCCESS:
        return unheard(registry, exchange, answer.cause, now)
    binding, orders = exchange.parting, registry.forget_exchange(exchange, now)
    if binding is None or binding.parting is not exchange or binding.id not in registry.bindings:
        return orders  # it is back, or its grant has run out meanwhile
    binding.parting = None
    if binding.lasting:
        homes.settled(registry, binding, exchange.far)
        return orders + lasting.told(registry, binding, now)
    return orders + registry.forget_binding(binding, "dead, and taken off at the registrar", now)


def unheard(registry: Registry, exchange: Exchange, why: str, now: float) -> list[Order]:
    """The registrar will not have it, or says nothing. It is not asked again: the grant runs out by itself. But that a
    terminal is back it is told until it hears."""
    binding, orders = exchange.parting, registry.forget_exchange(exchange, now)
    if binding is None or binding.parting is not exchange or binding.id not in registry.bindings:
        return orders  # it is back, or its grant has run out meanwhile
    binding.parting = None
    fields = {"binding": binding.id, "user": binding.user.decode(errors="replace")}
    if not binding.is_to_be_restored or binding.state is BindingState.DEAD:
        return [*orders, Note("unparted", why, "", fields)]
    registry.timers.set(binding, now + lasting.AGAIN)
    return [*orders, Note("unrestored", why, "", fields)]
