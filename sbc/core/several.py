"""A request that is about several calls at once begins: each further call is let in, and has its exchange beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sbc.core import gating, keepalive, local
from sbc.core.drain import turn_away
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import Cause, Intent, Kind, Refused
from sbc.core.onward import moved
from sbc.core.orders import Order
from sbc.core.routing import call_for
from sbc.core.way import Way

if TYPE_CHECKING:
    from sbc.core.crossing import Crossing

MOST = 64
"""Further calls that one request may be about."""


def begin(dialect: Any, crossing: Crossing, orders: list[Order]) -> None:
    """Let the further calls of a request in, and its media be theirs, each its share; what is to be done for that is
    added to `orders`. @raises Refused, where one may not be: then whatever was begun is to be dropped with the request.
    """
    shares = crossing.intent.beside
    if len(shares) > MOST:
        raise Refused(Cause.UNSUPPORTED, "too many calls in one request")
    for each in shares:
        _begin(dialect, crossing, each, orders)


def _begin(dialect: Any, crossing: Crossing, intent: Intent, orders: list[Order]) -> None:
    registry, arrival, own = crossing.registry, crossing.arrival, crossing.exchange
    assert own.path is not None and own.far is not None and own.near is not None
    realm, now = crossing.here, arrival.now
    intent = local.as_it_stands(registry, intent, arrival)
    turn_away(registry, intent, [], arrival)
    if crossing.intent.within and not intent.within and gating.ask(registry, intent, arrival) is not None:
        raise Refused(Cause.DENIED, "one of its calls may not be")
    call = local.call_of(registry, arrival, intent, realm)
    if call is not None:
        orders += moved(registry, call, call.leg_in(realm.name), Hop(arrival.listener, arrival.source), now)
    exchange = Exchange(
        dialect=own.dialect,
        intent=intent,
        timing=own.timing,
        token=crossing.intent.exchange,
        near=own.near,
        far=None,
        path=own.path,
        terminal=own.terminal,
        asked=arrival.data,
    )
    registry.add_exchange(exchange, now)
    registry.timers.set(exchange, exchange.deadline + exchange.timing.linger)
    way = Way(own.path, own.far, own.target, call, own.terminal, neighbour=own.neighbour)
    call, opening = call_for(registry, dialect, arrival, intent, way)
    orders += opening
    registry.join(exchange, call)
    if call is not None:
        exchange.arrival_leg = call.leg_in(realm.name)
        if intent.kind is Kind.OPEN:
            call.opening, call.ends_at = exchange, now + registry.plan.timers.call_max
            registry.timers.set(call, call.ends_at)
        keepalive.attend(registry, call, now)
        if intent.call:
            registry.name_call(call, call.legs[1 - exchange.arrival_leg], intent.call)
        registry.touch(call)
    crossing.add(exchange)
