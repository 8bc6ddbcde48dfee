"""Leave for calls: noted when it is given, and given back when the call is over and its party does not say so itself.

A party that has vanished, or that was told of the end and forgets, would leave whoever gave the leave with a call, and
its bandwidth, for ever.
"""

from __future__ import annotations

from typing import Any

from sbc.core import admission, ahead, asking
from sbc.core.binding import Binding
from sbc.core.exchange import Exchange
from sbc.core.message import Intent, Kind, Phase
from sbc.core.orders import Listener, Note, Order
from sbc.core.promises import LASTS, Promise
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry

RELEASE = 5.0
"""Seconds that a party has to end a call whose leave the core has taken back: after that the SBC ends it."""


def asks(intent: Intent) -> bool:
    """Whether a request wants leave to make a call: who gets none asks elsewhere."""
    return bool(intent.heralds) and intent.kind is Kind.OTHER and not intent.takes and not intent.returns


def concluded(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """A request has its final answer: by that leave may have been given, or given back."""
    if exchange.returns is not None and answer.phase.final:
        promise = exchange.returns
        return [] if promise.recall is exchange and promise.calls else forget(registry, promise, now)
    orders: list[Order] = []
    if exchange.leads is not None and answer.phase is Phase.SUCCESS and exchange.sent:  # else it is not the first word
        orders += _given(registry, exchange, answer, now)
    if answer.phase.final:
        ahead.answered(registry, exchange, answer)
    return orders


def _given(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    near, path, to, intent = exchange.near, exchange.path, exchange.leads, exchange.intent
    assert near is not None and path is not None and to is not None
    binding = exchange.terminal.id if exchange.terminal is not None else ""
    promise = Promise(
        registry.mint.short(), exchange.dialect, path, near.peer.host, intent.heralds, intent.takes,
        binding, to, now + LASTS, exchange.far, exchange.sent,
    )  # fmt: skip
    orders: list[Order] = []
    for gone in registry.promises.keep(promise, now):
        orders += _let_go(registry, gone, now)
    ahead.given(registry, exchange, answer, promise)
    hold(registry, promise)
    return orders


def hold(registry: Registry, promise: Promise) -> None:
    """What speaks of the leave goes by the port by which it was given."""
    if promise.far is not None:
        registry.terminal_ports.hold(promise, [promise.far.listener])
    registry.touch(promise)


def meant(registry: Registry, exchange: Exchange, terminal: Binding | None, arrival: Arrival) -> None:
    """A request speaks of leave: note whose it is, and which leave, where that is given back, or taken back. @raises
    Refused where it is asked for, and there is no room for another call."""
    intent, realm = exchange.intent, registry.plan.realms[arrival.listener.realm]
    exchange.terminal = terminal
    if asks(intent) and exchange.path is not None and realm.side is Side.ACCESS:
        admission.may_call(registry, exchange.path, terminal, intent, arrival)
    ahead.asked(registry, exchange, terminal, arrival)
    if not intent.returns or not intent.heralds or terminal is None:
        return
    host = arrival.source.host if realm.side is Side.ACCESS else terminal.seen.host
    promise = registry.promises.of(terminal.realm.name, host, intent.heralds, terminal.id)
    if realm.side is Side.CORE:
        promise = promise or _unheard_of(registry, terminal, intent)
    exchange.returns = promise


def crossed(registry: Registry, exchange: Exchange, now: float) -> None:
    """A request is on its way that may give leave back, or take it back. Before that it may have been refused."""
    promise, near = exchange.returns, exchange.near
    if promise is None or near is None or exchange.intent.phase is not Phase.REQUEST:
        return
    if registry.plan.realms[near.listener.realm].side is Side.CORE:
        promise.recall = exchange
        registry.timers.set(promise, now + RELEASE)
    else:
        promise.said = exchange


def _unheard_of(registry: Registry, terminal: Binding, intent: Intent) -> Promise | None:
    """Of leave that nobody had to ask for: that of a call that is there, and the terminal's. Another one at the same
    host may have a call of that name, which is none of its business."""
    for takes in (False, True):
        promise = Promise(
            registry.mint.short(), terminal.dialect, terminal.path, terminal.seen.host, intent.heralds,
            takes, terminal.id, terminal.seen, 0.0, begun=True,
        )  # fmt: skip
        calls = registry.promises.live(promise.key)
        if not calls or not all(_is_its(registry, terminal, call.legs[not takes].listener) for call in calls):
            continue
        known = registry.promises.at(promise.key)
        if known is None:
            registry.promises.keep(promise, 0.0)
        return known or promise
    return None


def _is_its(registry: Registry, terminal: Binding, own: Listener) -> bool:
    """Whether what goes by a listener of ours on the core side may be of that terminal: it is no other one's port."""
    port = registry.terminal_ports.find(own)
    return port is None or port is registry.terminal_ports.find(terminal.onward)


def give_back(registry: Registry, dialect: Any, promise: Promise, now: float) -> list[Order]:
    """Tell whoever gave the leave that its call is over, and wait for the answer."""
    far = promise.far
    if far is None:
        return forget(registry, promise, now)
    data = dialect.give_back(promise.sent, promise.ending, asking.own_name(registry, dialect, far))
    if data is None:
        return forget(registry, promise, now)
    exchange = asking.request(registry, dialect, far, data, now, returns=promise)
    promise.returning = exchange
    return [*exchange.onward(data)]


def returned(registry: Registry, exchange: Exchange, fault: str, now: float) -> list[Order]:
    """What gave leave back is answered; `fault` says why it was not taken, if it was not. It is not said again."""
    promise, orders = exchange.returns, registry.forget_exchange(exchange, now)
    if promise is None or promise.returning is not exchange:
        return orders  # the party has done so itself meanwhile
    promise.returning = None
    fields = {"binding": promise.binding, "to": str(promise.far.peer) if promise.far is not None else ""}
    note = Note("unreturned" if fault else "returned", fault or "its party did not say that it is over", "", fields)
    return [*orders, note, *forget(registry, promise, now)]


def forget(registry: Registry, promise: Promise, now: float) -> list[Order]:
    """Nobody needs to hear of it any more."""
    registry.promises.drop(promise)
    return _let_go(registry, promise, now)


def _let_go(registry: Registry, promise: Promise, now: float) -> list[Order]:
    registry.touch(promise)
    registry.ahead.drop(promise)
    exchange, promise.returning, promise.said = promise.returning, None, None
    orders = registry.forget_exchange(exchange, now) if exchange in registry.live_exchanges else []
    return orders + registry.terminal_ports.let_go(promise, [promise.far.listener] if promise.far else [], now)
