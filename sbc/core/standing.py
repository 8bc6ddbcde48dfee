"""What a message means as things stand: there are protocols in which one message refuses a call or ends it."""

from __future__ import annotations

import attrs

from sbc.core import local
from sbc.core.exchange import Hop
from sbc.core.keys import answer_key
from sbc.core.message import Intent, Kind, Phase
from sbc.core.registry import Arrival, Registry


def as_it_stands(registry: Registry, intent: Intent, arrival: Arrival) -> Intent:
    """The failure of a request that was answered before is the end of its call, which nobody answers. An answer that
    nobody has asked for may be something that its sender says of itself."""
    if intent.local:
        return local.as_it_stands(registry, intent, arrival)
    if not intent.ends and intent.unasked is None:
        return intent
    exchange = registry.exchanges.get(answer_key(arrival.listener, arrival.source, intent.exchange, intent.bound))
    if intent.unasked is not None:
        return intent if exchange is not None else _unasked(intent, intent.unasked)
    if exchange is not None and (exchange.open or exchange.call is None):
        return intent
    return attrs.evolve(intent, kind=Kind.CLOSE, phase=Phase.CONFIRM, exchange=b"", within=True, ends=False)


def call_of(registry: Registry, intent: Intent, arrival: Arrival) -> str:
    """The id of the call that a message which has been taken belongs to, as far as its exchange tells, or the
    connection that it came by."""
    if intent.control:
        found = registry.controls.at(Hop(arrival.listener, arrival.source))
        return "" if found is None else found[0].call.id
    listener, source = arrival.listener, arrival.source
    if intent.phase.reply:
        key = answer_key(listener, source, intent.exchange, intent.bound)
    else:
        key = Hop(listener, source).key(intent, intent.exchange)
    exchange = registry.exchanges.get(key)
    return "" if exchange is None else exchange.call_id


def _unasked(intent: Intent, phase: Phase) -> Intent:
    exchange = b"" if phase is Phase.CONFIRM else intent.exchange
    return attrs.evolve(intent, phase=phase, exchange=exchange, unasked=None)
