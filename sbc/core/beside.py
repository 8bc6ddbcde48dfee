"""What is beside a request that is about several calls: of each further call an exchange that goes nowhere by itself.

Such a request crosses once, and is answered once. What it does to its first call is its own exchange's business, as
ever; to each further call its own share of it is done (Intent.beside), by an exchange that is found by the name of that
share where the request came from, and is over when the request is.
"""

from __future__ import annotations

import attrs

from sbc.core import gathering
from sbc.core.asking import finish
from sbc.core.exchange import Exchange, ExchangeState
from sbc.core.message import Ending, Intent, Phase, Who
from sbc.core.orders import Order
from sbc.core.registry import Registry
from sbc.core.undo import undo


def others(registry: Registry, exchange: Exchange) -> list[Exchange | None]:
    """The exchanges beside one, in the order of the shares of its intent; None for what is forgotten."""
    near, shares = exchange.near, exchange.intent.beside
    if near is None or not shares:
        return []
    return [registry.exchanges.get(near.key(each, each.exchange)) for each in shares]


def leader(registry: Registry, exchange: Exchange) -> Exchange:
    """The exchange of the request itself that one is beside; itself, where it is beside none."""
    near = exchange.near
    if near is None or not is_beside(exchange):
        return exchange
    return registry.exchanges.get(near.key(exchange.intent, exchange.token), exchange)


def is_beside(exchange: Exchange) -> bool:
    """Whether an exchange is of a further call of somebody else's request."""
    return exchange.far is None and exchange.intent.local and bool(exchange.token)


def concluded(registry: Registry, exchange: Exchange, answer: Intent, now: float, who: Who) -> list[Order]:
    """What an answer, given by `who`, does to all calls that its request is about."""
    orders = gathering.concluded(registry, exchange, answer, now, who)
    for place, each in enumerate(others(registry, exchange)):
        if each is not None and each.open:
            orders += _concluded(registry, each, share(answer, place), now, who)
    return orders


def share(answer: Intent, place: int) -> Intent:
    """What an answer says of the further call at that place: where it says nothing of it, what it says of all."""
    if answer.phase is not Phase.FAILURE and place < len(answer.beside):
        return answer.beside[place]
    return attrs.evolve(answer, call=b"", beside=(), joins=(), moves=(), leaves=(), reported=())


def _concluded(registry: Registry, exchange: Exchange, answer: Intent, now: float, who: Who) -> list[Order]:
    orders: list[Order] = []
    registry.touch(exchange.call)
    if answer.phase.final:
        if answer.phase is not Phase.SUCCESS:
            orders += undo(registry, exchange, now, rest=True)
        exchange.undo = ()
        orders += finish(registry, exchange, ExchangeState.DONE, now)
    return orders + gathering.concluded(registry, exchange, answer, now, who)


def wake(registry: Registry, exchange: Exchange, now: float) -> list[Order]:
    """Its time has come: it is forgotten where it is over. It waits for as long as the request itself does; of one that
    has not come back after a restart nobody hears any more."""
    if not exchange.open:
        return registry.forget_exchange(exchange, now)
    own = leader(registry, exchange)
    if own is not exchange and own.open:
        registry.timers.set(exchange, max(own.deadline, now) + exchange.timing.linger)
        return []
    gone = attrs.evolve(exchange.intent, phase=Phase.FAILURE, cause="nobody answers", ending=Ending.UNREACHABLE)
    return _concluded(registry, exchange, gone, now, Who.SBC)
