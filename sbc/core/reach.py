"""What could not be had: peers that cannot be reached, and who waits for them; ports that could not be opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sbc.core import account, beside, lasting, transact
from sbc.core.asking import retry_later
from sbc.core.ending import end_call
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.message import Cause, Ending, Phase, Refused, Who
from sbc.core.orders import CloseStream, Listener, Note, Order
from sbc.core.realm import Side
from sbc.core.registry import Registry
from sbc.core.streams import close_stream

LARGE = 1300
"""Octets of a request that are too many for a datagram (RFC 3261 section 18.1.1: 200 less than the usual MTU)."""
AVOID = 60.0
"""Seconds for which a next hop that took no connection is believed to take none."""


def by_stream(registry: Registry, dialect: Any, exchange: Exchange, sent: bytes, now: float) -> bytes:
    """The request `sent`, as it is to go onward: by a connection if it is too large for a datagram.

    Only towards the core, since nobody opens connections to a terminal; and not what is never answered, because then
    nobody would hear that it has not arrived; nor of a dialect that says nothing by connections that it says by
    datagrams; nor what is a gateway's, which is known by its own port alone.
    """
    far, path = exchange.far, exchange.path
    if dialect.parted or exchange.intent.local:
        return sent
    if far is None or far.reliable or path is None or len(sent) <= LARGE or not path.large_over_stream:
        return sent
    realm = registry.plan.realms[far.listener.realm]
    if realm.side is not Side.CORE or exchange.intent.phase is Phase.CONFIRM:
        return sent
    listener = realm.stream_listener(exchange.dialect)
    if listener is None or registry.waits.avoided(Hop(listener, far.peer), now):
        return sent
    registry.reach(exchange, Hop(listener, far.peer), now, fallback=far)
    moved: bytes = dialect.moved(sent, listener.transport, listener.advertised)
    return moved


def unreachable(
    registry: Registry, dialects: Mapping[str, Any], waiting: list[Exchange], hop: Hop, why: str, now: float
) -> list[Order]:
    """There is no connection to `hop`, or none any more: those that were `waiting` for an answer by it get none."""
    if not waiting:
        return []
    orders: list[Order] = [Note("unreachable", why, "", {"peer": str(hop.peer), "by": str(hop.listener)})]
    for exchange in waiting:
        dialect = dialects[exchange.dialect]
        if exchange.fallback is not None and exchange.state in _UNHEARD:
            orders += _fall_back(registry, dialect, exchange, now)
        else:
            orders += _fail(registry, dialect, exchange, why, now)
    return orders


_UNHEARD: Final = frozenset({ExchangeState.TRYING, ExchangeState.WITHDRAWING})


def _fall_back(registry: Registry, dialect: Any, exchange: Exchange, now: float) -> list[Order]:
    assert exchange.fallback is not None and exchange.far is not None
    registry.touch(exchange.call)
    registry.waits.avoid(exchange.far, now + AVOID, now)
    far = exchange.fallback
    orders = registry.reach(exchange, far, now)
    exchange.sent = dialect.moved(exchange.sent, far.listener.transport, far.listener.advertised)
    retry_later(registry, exchange, now)
    return [*orders, *exchange.onward(exchange.sent)]


def _fail(registry: Registry, dialect: Any, exchange: Exchange, why: str, now: float) -> list[Order]:
    assert exchange.far is not None
    awaited = exchange.far.listener.awaited
    refused = refusal(registry, exchange.far, why, why if awaited else "connection lost")
    orders: list[Order] = []
    core = refused.cause is Cause.UNREACHABLE
    if exchange.state is ExchangeState.PROCEEDING and exchange.timing.quiet and core:
        ending = account.ending_of(refused.cause, exchange.call)
        orders += transact.send_withdrawal(registry, dialect, exchange, now, ending)  # or it would go on alerting
    return orders + transact.give_up(registry, dialect, exchange, refused, now)


def untied(registry: Registry, dialects: Mapping[str, Any], hop: Hop, why: str, now: float) -> list[Order]:
    """A connection is lost that calls mean, and end with: who is at their other end hears of it. Or the core reaches a
    gateway by it."""
    lasting.untied(registry, hop, now)
    orders: list[Order] = []
    for call in registry.ties.at(hop):
        gone = next(index for index, leg in enumerate(call.legs) if Hop(leg.listener, leg.seen) == hop)
        dialect, said = dialects[call.dialect], f"{why} in {call.legs[gone].realm.name}"
        if call.answered_at is not None:
            orders += end_call(registry, dialect, call, said, Ending.VANISHED, now, lost=gone)
        elif gone == 0:  # who asked; of who was asked those hear who wait for an answer
            orders += end_call(registry, dialect, call, said, Ending.CANCELLED, now, Who.CALLER)
    return orders


def needed(registry: Registry, hop: Hop) -> bool:
    """Whether somebody is reached by that connection alone: a terminal, a gateway by the core, or who waits for an
    answer."""
    at = (hop.listener.realm, hop.peer)
    if at in registry.bindings_by_source or registry.crowd.per_source[at] or lasting.by(registry, hop) is not None:
        return True
    return registry.waits.joined(hop) or registry.controls.at(hop) is not None


def refusal(registry: Registry, far: Hop, why: str, of_terminals: str) -> Refused:
    """What whoever asks for somebody at `far` is told, since nobody is reached there: `why`, or what is said so
    `of_terminals`."""
    realm = registry.plan.realms[far.listener.realm]
    if realm.side is Side.CORE:
        return Refused(Cause.UNREACHABLE, why, retry_after=5)
    there = registry.bindings_by_source.get((realm.name, far.peer), ())
    return Refused(next((each.lack for each in there if each.flows), Cause.ABSENT), of_terminals)


def unopened(registry: Registry, stream_id: str) -> tuple[Exchange | None, set[str]]:
    """The request whose offer had a stream opened, and those of its streams that are not open now: that one and what
    was to be opened after it. None and nothing where it was an answer that had it opened."""
    call = registry.calls.get(stream_id.partition("/")[0])
    for exchange in call.exchanges if call is not None else ():
        own = beside.leader(registry, exchange)
        both = [own, *filter(None, beside.others(registry, own))]
        new = [change.stream.id for each in both for change in each.undo if change.new]
        if own.state is ExchangeState.TRYING and stream_id in new:
            return own, set(new[new.index(stream_id) :])
    return None, set()


def unlistened(
    registry: Registry, dialects: Mapping[str, Any], listener: Listener, why: str, now: float
) -> list[Order]:
    """A terminal's own listener could not be opened: whoever asked for it is refused."""
    orders: list[Order] = [Note("listener-lost", why, "", {"listener": str(listener)})]
    for exchange in list(registry.live_exchanges):
        asks = (each for each in exchange.bindings if next(reversed(each.claims), None) is exchange)  # the last to come
        if exchange.open and any(_at(binding.onward, listener) for binding in asks):
            orders += registry.terminal_ports.fall_back(exchange.bindings, registry.plan, now)
            for binding in exchange.bindings:
                registry.touch(binding)
            refused = Refused(Cause.BUSY, "no signalling port", retry_after=30)
            orders += transact.give_up(registry, dialects[exchange.dialect], exchange, refused, now)
            orders += registry.drop_pending(exchange, now)
            orders += registry.reach(exchange, None, now)
    for binding in [each for each in registry.bindings.values() if _at(each.onward, listener)]:
        if binding.claims:  # who asks for it is refused, and another request that it waits for goes on
            orders += registry.terminal_ports.fall_back([binding], registry.plan, now)
        else:  # it had the port before a restart
            orders += registry.forget_binding(binding, why, now)
    door = registry.controls.behind(listener)
    with_it = [] if door is None else [door[0].call]
    with_it += [each for each in registry.calls.values() if any(_at(leg.listener, listener) for leg in each.legs)]
    for call in with_it:
        orders += end_call(registry, dialects[call.dialect], call, why, Ending.CLEARED, now)
    return orders


def _at(own: Listener, other: Listener) -> bool:
    """Whether two listeners are one port, over whatever transport: it is a terminal's as a whole."""
    return (own.realm, own.address) == (other.realm, other.address)


def lost(registry: Registry, stream_id: str, why: str, now: float) -> list[Order]:
    """A stream that came with an answer could not be opened: its call goes on without it."""
    call = registry.calls.get(stream_id.partition("/")[0])
    registry.touch(call)
    for stream in list(call.streams.values()) if call is not None else ():
        if call is not None and stream.id == stream_id:
            close_stream(registry.networks, call, stream, now)
    return [Note("stream-lost", why, call.id if call else "", {"stream": stream_id})]


def without(orders: list[Order], streams: set[str]) -> list[Order]:
    """`orders` less the closing of streams that were never open."""
    return [order for order in orders if not (isinstance(order, CloseStream) and order.stream in streams)]
