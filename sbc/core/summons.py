"""Terminals that no connection leads to, but who open one when asked: they are asked for each call, and come for it.

Who comes says for which call. That counts only from the host that was asked, only while it is waited for, and once.
"""

from __future__ import annotations

from typing import Any

from sbc.core import asking, reach, transact
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import Cause, Intent, Phase, Refused
from sbc.core.orders import Adopt, HangUp, Note, Order
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry


def begin(registry: Registry, dialect: Any, exchange: Exchange, now: float) -> list[Order]:
    """A request has been sent by a connection that is yet to be opened: ask whom it is for to open it.

    @raises Refused where that cannot be asked."""
    terminal, far, name = exchange.terminal, exchange.far, exchange.intent.heralds
    if terminal is None or far is None or not far.listener.awaited:
        return []
    if registry.waits.summoned(far.listener.realm, far.peer.host, name) is not None:
        raise Refused(Cause.MERGED, "another there is called by that name")
    hop = Hop(terminal.listener, terminal.seen)
    data = dialect.summon(name, terminal.place, far.listener.shared, asking.own_name(registry, dialect, hop))
    if data is None:
        raise Refused(Cause.ABSENT, "it cannot be told of this call", counted="unsummoned")
    own = asking.request(registry, dialect, hop, data, now, summons=exchange)
    registry.waits.summon(exchange)
    note = Note("summoned", "asked to open a connection", exchange.call_id, {"terminal": str(hop.peer)})
    return [note, *own.onward(data)]


def came(registry: Registry, intent: Intent, arrival: Arrival) -> list[Order] | None:
    """What the opener of a connection asks for who says that it is for a call; None where that is nothing new.

    A stranger, or who comes too late, is not told so much as that: the connection is closed, unless more goes by it, or
    a terminal is reached by it."""
    listener, source = arrival.listener, arrival.source
    if not intent.comes_for or listener.lane or registry.plan.realms[listener.realm].side is not Side.ACCESS:
        return None
    hop = Hop(listener, source)
    if registry.call_meant(arrival, intent) is not None or registry.waits.joined(hop) or registry.stays(hop):
        return None
    exchange = registry.waits.summoned(listener.realm, source.host, intent.comes_for)
    if exchange is None or exchange.far is None or exchange.far.listener.shared != listener:
        fields = {"source": str(source), "at": str(listener)}
        return [Note("uninvited", "nobody there was asked to come for that call", "", fields), HangUp(listener, source)]
    registry.waits.came(exchange)
    far = exchange.far
    note = Note("came", "by a connection of its own", exchange.call_id, {"terminal": str(source)})
    return [note, Adopt(far.listener, far.peer, listener, source)]


def answered(registry: Registry, dialect: Any, own: Exchange, answer: Intent, now: float) -> list[Order]:
    """Whom we have asked to come has answered."""
    if not answer.phase.final:
        return []
    orders, exchange = registry.forget_exchange(own, now), own.summons
    if answer.phase is Phase.SUCCESS or exchange is None:
        return orders
    return orders + _in_vain(registry, dialect, exchange, f"it will not come: {answer.cause}", now)


def unheard(registry: Registry, dialect: Any, own: Exchange, now: float) -> list[Order]:
    """Whom we have asked to come has not answered."""
    orders, exchange = registry.forget_exchange(own, now), own.summons
    if exchange is None:
        return orders
    return orders + _in_vain(registry, dialect, exchange, "it does not answer that a call is for it", now)


def _in_vain(registry: Registry, dialect: Any, exchange: Exchange, why: str, now: float) -> list[Order]:
    """Nobody will come for `exchange`, unless somebody has already."""
    if exchange not in registry.waits.expected() or not exchange.open or exchange.far is None:
        return []
    registry.waits.came(exchange)  # or would: from now on it would be too late
    refused = reach.refusal(registry, exchange.far, why, why)
    return [Note("unsummoned", why, exchange.call_id), *transact.give_up(registry, dialect, exchange, refused, now)]
