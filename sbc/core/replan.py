"""A change of plan in a running SBC: calls keep what they began with, terminals move over, what is left fades away."""

from __future__ import annotations

from typing import Any

from sbc.core import admission, homes, keepalive, probing
from sbc.core.binding import Binding, BindingState
from sbc.core.exchange import Exchange
from sbc.core.habits import Learner
from sbc.core.networks import pool_of
from sbc.core.orders import Note, Order, Unlisten
from sbc.core.realm import Plan, Probing, Realm
from sbc.core.registry import Registry

SWEEP = 1.0
"""Seconds between two looks at what of former plans is still needed."""


def replan(registry: Registry, plan: Plan, now: float) -> list[Order]:
    """Let `plan` count from now on. Its new listeners are open already; those it lacks are closed by and by.

    A realm's side does not change: that would be another realm.
    """
    before = _counted(registry.networks.configured)
    registry.networks.replan(plan)
    orders = _tell(registry, now)
    registry.terminal_ports.replan(plan)
    registry.controls.replan(plan)
    registry.gate.replan(plan)
    if _counted(plan) != before:
        admission.reseated(registry)
    _learn_by(registry, plan)
    orders += [order for binding in list(registry.bindings.values()) for order in _move_over(registry, binding, now)]
    orders += homes.rehomed(registry, now)
    return [*orders, *sweep(registry, now)]


def _counted(plan: Plan) -> dict[str, Any]:
    """Who has limits of their own, by realm."""
    return {realm.name: (realm.terminals, realm.customers) for realm in plan.realms.values()}


def sweep(registry: Registry, now: float) -> list[Order]:
    """Close and forget what of former plans nobody needs any more, and look again as long as something is left."""
    networks = registry.networks
    if not networks.past:
        return []
    used = {own for exchange in registry.live_exchanges for own in exchange.listeners}
    used |= {watch.listener for watch in registry.watches.values()}
    realms: dict[int, Realm] = {}
    for call in registry.calls.values():
        used.update(leg.listener for leg in call.legs)
        realms.update((id(leg.realm), leg.realm) for leg in call.legs)
    for binding in registry.bindings.values():
        used.add(binding.onward)
        if binding.registrar is not None:  # by which it would hear of the terminal's death
            used.add(binding.registrar.listener)
        if binding.state is not BindingState.LAPSED:  # it comes by another, or not at all
            used.add(binding.listener)
    leaving = networks.leaving
    closing = networks.forget([realm for realm in networks.former if id(realm) in realms], used)
    orders: list[Order] = [Unlisten(own) for own in sorted(closing, key=str)]
    if leaving != networks.leaving:
        orders += _tell(registry, now)
        orders += [Note("realm-gone", f"realm {name} has drained") for name in sorted(leaving - networks.leaving)]
    registry.terminal_ports.sweep()
    registry.controls.sweep(set(map(pool_of, realms.values())))
    registry.timers.set(networks, now + SWEEP if networks.past else None)
    return orders


def _tell(registry: Registry, now: float) -> list[Order]:
    """Let everybody know what is planned now."""
    plan, known = registry.networks.plan, set(registry.hops.neighbours)
    registry.crowd.replan(plan)
    return probing.changed(registry, known, registry.hops.replan(plan, now), "by another configuration", now)


def _learn_by(registry: Registry, plan: Plan) -> None:
    """What is learned of NATs stays, wherever there is still something to learn."""
    adaptive = {realm.name: realm for realm in plan.realms.values() if realm.keepalive.mode is Probing.ADAPTIVE}
    for name in registry.learners.keys() - adaptive.keys():
        del registry.learners[name]
    for name, realm in adaptive.items():
        learner = registry.learners.setdefault(name, Learner(realm.keepalive.longest))
        learner.longest = realm.keepalive.longest


def _move_over(registry: Registry, binding: Binding, now: float) -> list[Order]:
    """A terminal lives under the realm and path of its name from now on; where these are gone, or lead to another core
    side, it is not registered any more."""
    networks, before = registry.networks, binding.path
    realm = networks.configured.realms.get(binding.realm.name)
    path = networks.path_of(realm) if realm is not None else None
    if realm is None or path is None or path.core != before.core:
        for claim in binding.claims:
            if isinstance(claim, Exchange):  # whatever the registrar says to it, it is not about this terminal any more
                claim.bindings[:] = [each for each in claim.bindings if each is not binding]
        return registry.forget_binding(binding, "the configuration no longer takes it there", now)
    binding.realm, binding.path = realm, path
    registry.touch(binding)
    binding.stale = binding.stale or path != before or not _is_current(registry, binding)
    keepalive.attend(registry, binding, now)
    return []


def _is_current(registry: Registry, binding: Binding) -> bool:
    """Whether a terminal is presented on the core side as it would be if it came now."""
    shared = registry.plan.core_listener(binding.path)
    return registry.terminal_ports.stands(binding.path, shared, binding.onward)
