"""Requests of our own, and when whatever was sent is sent again: what all who ask have in common."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.keys import answer_key, far_key
from sbc.core.orders import Order
from sbc.core.registry import Registry

TRIES = 64
"""Numbers that are drawn for a request, or a call, until one is found that is not in use where it goes."""


def drawn(registry: Registry, most: int, *parts: bytes) -> int:
    """A number from 1 to `most` that nobody can foresee; the one that stands for `parts`, if there are any."""
    number = registry.mint.draw(*parts) if parts else registry.mint.number()
    return 1 + (number >> 32) % most


def own_name(registry: Registry, dialect: Any, hop: Hop, *parts: bytes) -> bytes:
    """What a request that goes by `hop` is called there, by us: the token that stands for `parts`, or for nothing said
    before; where the protocol has but so many numbers for its requests, one of them, in decimal digits.

    A number is drawn that nobody can foresee and that nothing has which was sent there and is not forgotten yet. If
    TRIES draws find none, nearly all are in use: then one is used twice, and what had it before goes unanswered. The
    same `parts` have the same number after a restart too: who is asked again then knows the request by it.
    """
    most: int = dialect.numbers
    if not most:
        return registry.mint.derive(*parts) if parts else registry.mint.token()
    name = b""
    for turn in range(TRIES):
        name = b"%d" % drawn(registry, most, *parts, *((b"%d" % turn,) if parts else ()))
        if far_key(hop.listener.realm, hop.peer.host, name) not in registry.exchanges:
            break
    return name


def request(
    registry: Registry, dialect: Any, far: Hop, data: bytes, now: float, limit: float | None = None, **about: Any
) -> Exchange:
    """The exchange of a request of our own, `data`, that is sent to `far`: about what, its further attributes say. It
    is given up after `limit` seconds, or when its protocol has it so. @raises BadMessage."""
    intent = dialect.describe(dialect.decode(data))
    timing = dialect.timing(intent)
    if limit is not None:
        timing = attrs.evolve(timing, limit=limit)
    exchange = Exchange(
        dialect=dialect.name, intent=intent, timing=timing, token=b"", near=None, far=far, sent=data, **about
    )
    enter(registry, exchange, now)
    return exchange


def enter(registry: Registry, exchange: Exchange, now: float) -> None:
    """A request of our own goes out: from now on its answer finds `exchange`, and it is repeated until then."""
    assert exchange.far is not None and exchange.near is None
    registry.add_exchange(exchange, now)
    await_answer(registry, exchange, exchange.intent.exchange, now)


def await_answer(registry: Registry, exchange: Exchange, name: bytes, now: float) -> None:
    """What has been sent is answered under `name`, and repeated until then."""
    assert exchange.far is not None
    far = exchange.far
    registry.key_exchange(exchange, answer_key(far.listener, far.peer, name, exchange.intent.bound))
    registry.waits.add(exchange)
    retry_later(registry, exchange, now)


def retry_later(registry: Registry, exchange: Exchange, now: float) -> None:
    """At the next retransmission, or at the deadline where nothing is sent twice; sooner if patience ends before."""
    once = exchange.open and exchange.far is not None and exchange.far.reliable
    until = exchange.deadline if once else min(now + exchange.next_wait(), exchange.deadline)
    if exchange.moves_on is not None and exchange.state is ExchangeState.TRYING:
        until = min(until, exchange.moves_on)
    registry.timers.set(exchange, until)


def finish(registry: Registry, exchange: Exchange, state: ExchangeState, now: float) -> list[Order]:
    """The exchange is over, and absorbs what comes late."""
    exchange.state = state
    if state is ExchangeState.DONE:
        exchange.asked = b""
    registry.timers.set(exchange, now + exchange.timing.linger)
    return registry.linger(exchange, now)
