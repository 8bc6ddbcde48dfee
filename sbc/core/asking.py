"""Requests of our own, and when whatever was sent is sent again: what all who ask have in common."""

from __future__ import annotations

from sbc.core.exchange import Exchange, ExchangeState
from sbc.core.keys import far_key
from sbc.core.registry import Registry


def enter(registry: Registry, exchange: Exchange, now: float) -> None:
    """A request of our own goes out: from now on its answer finds `exchange`, and it is repeated until then."""
    assert exchange.far is not None and exchange.near is None
    registry.add_exchange(exchange, now)
    await_answer(registry, exchange, exchange.intent.exchange, now)


def await_answer(registry: Registry, exchange: Exchange, name: bytes, now: float) -> None:
    """What has been sent is answered under `name`, and repeated until then."""
    assert exchange.far is not None
    registry.key_exchange(exchange, far_key(exchange.far.listener.realm, name))
    registry.waits.add(exchange)
    retry_later(registry, exchange, now)


def retry_later(registry: Registry, exchange: Exchange, now: float) -> None:
    """At the next retransmission, or at the deadline where nothing is sent twice; sooner if patience ends before."""
    once = exchange.open and exchange.far is not None and exchange.far.reliable
    until = exchange.deadline if once else min(now + exchange.next_wait(), exchange.deadline)
    if exchange.moves_on is not None and exchange.state is ExchangeState.TRYING:
        until = min(until, exchange.moves_on)
    registry.timers.set(exchange, until)
