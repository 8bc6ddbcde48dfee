"""Answers that outlive the process: what a gateway, or who controls it, was told once is told again, not done again.

Requests of those are carried out at most once, whether or not their answer has arrived (as in RFC 3435 section 3.5).
Whoever asks repeats its request for a while, and for as long whoever was asked knows the answer: so must we,
who are both. What is still open when the process ends is written with its call, or crosses again under the name that it
had (`asking.own_name`), by which whoever was asked knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.keys import ExchangeKey, answer_key, is_far
from sbc.core.message import Intent, Kind, Phase, Timing
from sbc.core.orders import Order

if TYPE_CHECKING:
    from sbc.core.registry import Registry

TAKEN_UP = Intent(Kind.OTHER, Phase.REQUEST, b"", b"", method="answered", local=True)
"""What all those were whose answers have outlived a restart."""


class Receipt(NamedTuple):
    """Who was asked, by our name `token` of the exchange, and is told by `confirmation` that its answer has arrived, of
    which `heard` is the mark."""

    far: Hop
    token: bytes
    heard: bytes
    confirmation: bytes


def keep(registry: Registry, exchange: Exchange) -> None:
    """An exchange has its answer: let that outlive the process, if that is of use."""
    if not exchange.intent.local or exchange.near is None or exchange.answer is None or exchange.due is None:
        return
    exchange.kept = next(("|".join(map(_text, key)) for key in exchange.keys if not is_far(key)), "")
    registry.touch(exchange)


def until(exchange: Exchange) -> float | None:
    """Until when its answer is of use: as long as the exchange is there to give it, if no receipt ends that sooner."""
    waits = exchange.state is ExchangeState.REFUSED
    return exchange.deadline + exchange.timing.linger if waits else exchange.due


def take_up(
    registry: Registry,
    dialect: str,
    near: Hop,
    keys: list[ExchangeKey],
    said: tuple[bytes, ...],
    until: float,
    now: float,
    receipt: Receipt | None = None,
) -> list[Order]:
    """After a restart: who asks again under one of these keys, until then, gets the answer that it got, in the pieces
    in which that was `said`; and who repeats it until it hears that it has arrived gets its `receipt`."""
    timing = Timing(0.0, 0.0, 0.0, linger=until - now, patience=0.0)
    exchange = Exchange(dialect, TAKEN_UP, timing, b"", near, None, answer=said[-1], state=ExchangeState.DONE)
    exchange.pieces = said[:-1]
    if receipt is not None:
        exchange.far, exchange.token = receipt.far, receipt.token
        exchange.heard, exchange.confirmation = receipt.heard, receipt.confirmation
    registry.crowd.enter_exchange(exchange)
    registry.live_exchanges.add(exchange)
    registry.terminal_ports.hold(exchange, exchange.listeners)
    for key in keys:
        registry.key_exchange(exchange, key)
    if receipt is not None:
        registry.key_exchange(exchange, answer_key(receipt.far.listener, receipt.far.peer, receipt.token, bound=False))
    registry.timers.set(exchange, until)
    return registry.linger(exchange, now)


def _text(part: object) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else str(part)
