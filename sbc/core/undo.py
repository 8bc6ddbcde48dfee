"""What an offer had changed is taken back where it is refused."""

from __future__ import annotations

from sbc.core import admitted, moving
from sbc.core.call import CallState
from sbc.core.exchange import Exchange
from sbc.core.orders import Order
from sbc.core.registry import Registry
from sbc.core.securing import put_back
from sbc.core.streams import close_stream


def undo(registry: Registry, exchange: Exchange, now: float, rest: bool) -> list[Order]:
    """Take back what a refused offer had changed (RFC 3261 section 14.1: the session stays as it was).

    The ports of its new streams `rest`, unless nobody can have used them.
    """
    orders: list[Order] = []
    call = exchange.call
    if call is None or call.state is CallState.CLOSED:
        return orders
    for change in reversed(exchange.undo):
        stream = change.stream
        holder = moving.holder(registry, call, stream)
        if holder is None:
            continue
        if change.new:
            orders += close_stream(registry.networks, holder, stream, now, rest)
        else:
            stream.remote[change.side], stream.media[change.side] = change.before, change.media
            stream.flows[change.side], stream.wards = change.flows, put_back(change.wards, stream.wards)
            stream.choices[change.side] = ()
            admitted.recount(registry.networks, holder, stream, change.admitted)
            orders += stream.changed(holder, change.side)
    exchange.undo = ()
    return orders
