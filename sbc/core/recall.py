"""What is due about leave for calls: it runs out, is given back, or the core has taken it back and the call goes on."""

from __future__ import annotations

from typing import Any

from sbc.core import asking, leave
from sbc.core.ending import end_call
from sbc.core.exchange import ExchangeState
from sbc.core.message import Ending
from sbc.core.orders import Note, Order
from sbc.core.promises import GRACE, Promise
from sbc.core.registry import Registry


def wake(registry: Registry, dialect: Any, promise: Promise, now: float) -> list[Order]:
    """The time of a promise has come."""
    if promise.recall is not None:
        return _end(registry, dialect, promise, now)
    if not promise.begun:
        return leave.forget(registry, promise, now)
    if promise.said in registry.live_exchanges and promise.said.open:  # else the core would hear it twice
        registry.timers.set(promise, now + GRACE)
        return []
    return leave.give_back(registry, dialect, promise, now)


def _end(registry: Registry, dialect: Any, promise: Promise, now: float) -> list[Order]:
    """A party has not ended what the core wants ended: the SBC does, and answers in its place if it has not."""
    orders: list[Order] = []
    for call in list(promise.calls):
        orders.append(Note("recalled", "its party has not ended it", call.id))
        orders += end_call(registry, dialect, call, "its leave was taken back", Ending.CLEARED, now)
    recall = promise.recall
    if recall in registry.live_exchanges and recall.open and recall.near is not None:
        recall.answer = dialect.accept(dialect.decode(recall.asked), recall.near.peer)
        orders += recall.back(recall.answer)
        orders += asking.finish(registry, recall, ExchangeState.DONE, now)
    return orders + leave.forget(registry, promise, now)
