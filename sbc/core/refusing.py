"""What is said to whoever sent a message that does not cross, and noted of it."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core import account, beside, gating, standin
from sbc.core.call import Call
from sbc.core.exchange import Exchange, Hop
from sbc.core.held import Held, let_go
from sbc.core.message import BadMessage, Cause, Intent, Kind, Phase, Refused, Who
from sbc.core.orders import HangUp, Note, Order, Send
from sbc.core.registry import Arrival, Registry
from sbc.core.vain import Attempt
from sbc.policy.events import Outcome


def bad_message(registry: Registry, dialect: Any, bad: BadMessage, arrival: Arrival) -> list[Order]:
    """What came is no message."""
    gating.tell(registry, Outcome.BAD, arrival)
    note = Note("bad-message", bad.reason, "", {"source": str(arrival.source), "realm": arrival.listener.realm})
    answer = standin.answer(registry, dialect, arrival.listener, arrival.source, dialect.complain(bad, arrival.source))
    return [note] if answer is None else [note, Send(arrival.listener, arrival.source, answer)]


def refuse(
    registry: Registry,
    dialect: Any,
    message: Any,
    intent: Intent,
    no: Refused,
    arrival: Arrival,
    call: Call | None = None,
) -> list[Order]:
    """A message is not taken across: its sender is told why, in words of the protocol, where that has any."""
    gating.tell(registry, Outcome.REFUSED, arrival, intent, no.cause)
    fields = {"source": str(arrival.source), "realm": arrival.listener.realm}
    fields |= {"cause": no.cause.value, "method": intent.method}
    words = ("refused", no.counted) if no.counted else ("refused",)
    notes: list[Order] = [Note(word, no.told, call.id if call else "", fields) for word in words]
    over = no.cause is Cause.NO_CALL and arrival.listener.lane  # what was opened for a call is not opened without it
    silent = intent.phase.reply or over
    answer = None if silent else standin.refusal(registry, dialect, message, no, arrival.listener, arrival.source)
    told: list[Order] = [] if answer is None else [registry.asker(arrival, intent).send(answer, call)]
    records: list[Order] = []
    if no.attempt is not None:  # and was not refused already: then its sender has not heard it
        attempt = Attempt(arrival.listener.realm, arrival.source, intent.call, intent.exchange)
        if registry.crowd.vain.is_new(attempt, arrival.now):
            records += account.attempted(no.attempt, no)
    return [*notes, *records, *told, *_show_out(registry, intent, arrival)]


def answer_late(registry: Registry, dialect: Any, held: Held, now: float) -> list[Order]:
    """Who was kept waiting is told that it is refused."""
    message = let_go(registry, held, dialect)
    arrival = attrs.evolve(held.arrival, now=now)
    return refuse(registry, dialect, message, held.intent, held.refused, arrival)


def _show_out(registry: Registry, intent: Intent, arrival: Arrival) -> list[Order]:
    """Who comes by a connection that is for calls, and has none by it, need not keep it: many could be held so. It is
    kept where a terminal is reached by it."""
    hop = Hop(arrival.listener, arrival.source)
    if intent.control or not intent.bound or not hop.reliable or arrival.listener.lane:
        return []
    if registry.waits.joined(hop) or registry.stays(hop):
        return []
    if registry.call_meant(arrival, intent) is not None:  # it has had one: then it is closed already, or kept
        return []
    return [HangUp(arrival.listener, arrival.source)]


def turn_back(
    registry: Registry, dialect: Any, exchange: Exchange, intent: Intent, no: Refused, arrival: Arrival
) -> list[Order]:
    """A request was refused half-way: nothing of it stays, and its sender is told why. What it came by is closed last,
    since nothing is said by it after that."""
    orders = drop(registry, exchange, no, arrival.now)
    orders += refuse(registry, dialect, dialect.decode(arrival.data), intent, no, arrival, exchange.call)
    closed = dict.fromkeys(each for each in orders if isinstance(each, HangUp))
    return [*(each for each in orders if not isinstance(each, HangUp)), *closed]


def spoiled(registry: Registry, dialect: Any, exchange: Exchange, intent: Intent, arrival: Arrival) -> list[Order]:
    """A fault of ours has spoiled a request: nothing of it stays. Who wants a call by a connection does not ask twice,
    and would wait for long: it is told."""
    no = Refused(Cause.UNSUPPORTED, "a fault of ours")
    if intent.kind is Kind.OPEN and arrival.listener.reliable:
        return turn_back(registry, dialect, exchange, intent, no, arrival)
    return drop(registry, exchange, no, arrival.now)


def drop(registry: Registry, exchange: Exchange, no: Refused, now: float) -> list[Order]:
    """A request was refused half-way: nothing of it stays, and a call it would have opened ends as a failed attempt."""
    call = exchange.call
    orders = [order for each in beside.others(registry, exchange) if each for order in drop(registry, each, no, now)]
    if exchange.intent.phase is not Phase.CONFIRM:
        orders += registry.forget_exchange(exchange, now)
    if call is not None and call.opening is exchange and exchange.intent.kind is Kind.OPEN:
        call.because(no.told, account.ending_of(no.cause, call), Who.SBC)
        call.life.fail()
        orders += registry.close_call(call, now)
        if not call.exchanges:
            orders += registry.forget_call(call, now)
    return orders
