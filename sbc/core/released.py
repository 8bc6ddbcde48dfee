"""Members that the SBC itself takes off: what their gateway has counted it says in answer, for the call's record."""

from __future__ import annotations

from typing import Any

from sbc.core import account
from sbc.core.exchange import Exchange
from sbc.core.orders import Order, Record


def counted(dialect: Any, message: Any, exchange: Exchange, now: float) -> list[Order]:
    """What the answer to a request of ours says that the member has counted."""
    call = exchange.call
    if exchange.releases is None or call is None or call.gathering is None:
        return []
    member, streams = exchange.releases
    orders: list[Order] = []
    for _, figures in dialect.describe(dialect.complete(message, exchange.memo)).reported[:1]:
        call.gathering.report(member, figures)
        orders.append(account.reported(call, member, figures, now, streams))
    return orders


def settled(exchange: Exchange, now: float) -> list[Order]:
    """A request of ours is over; if it was the last that takes members off a call, nothing more is said of that."""
    call = exchange.call
    if exchange.releases is None or call is None:
        return []
    others = (each for each in call.exchanges if each is not exchange and each.open and each.releases)
    return [] if any(others) else [Record(call.id, "settled", {"at": now})]
