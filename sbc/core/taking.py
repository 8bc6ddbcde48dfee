"""A message that was understood is taken across: a request goes on, an answer goes back to who has asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sbc.core import (
    control,
    disband,
    failover,
    front,
    gating,
    leave,
    local,
    probing,
    reach,
    several,
    summons,
    transact,
)
from sbc.core.call import CallState
from sbc.core.crossing import Crossing
from sbc.core.drain import turn_away
from sbc.core.ending import dismiss, is_too_late
from sbc.core.exchange import Exchange
from sbc.core.message import Cause, Intent, Kind, Phase, Refused, Role, Slot
from sbc.core.orders import CloseStream, Note, Order
from sbc.core.passage import remarks, translate
from sbc.core.refusing import drop, spoiled, turn_back
from sbc.core.registry import Arrival, Registry
from sbc.core.routing import exchange_of_reply, reply_crossing, request_crossing
from sbc.core.trust import tell_pending
from sbc.core.undo import undo
from sbc.policy.events import Outcome

if TYPE_CHECKING:
    from sbc.core.border import Border


class Mishap(Exception):
    """A fault of ours, which is its cause. `orders` take back what the message or deadline it spoiled had begun."""

    def __init__(self, orders: list[Order], fault: Exception) -> None:
        super().__init__("a fault of ours")
        self.orders = orders
        self.__cause__ = fault  # which mypyc would forget where it is raised from that


def take_request(border: Border, dialect: Any, message: Any, intent: Intent, arrival: Arrival) -> list[Order]:
    """What a request asks for. @raises Refused, Mishap."""
    registry = border.registry
    absorbed = summons.came(registry, intent, arrival)
    absorbed = absorbed or transact.absorb_request(registry, dialect, message, intent, arrival)
    if absorbed is None and not intent.within:  # who is in a call goes on, whatever is decided of calls to come
        absorbed = gating.ask(registry, intent, arrival)
    if absorbed is not None:
        return absorbed
    slots = dialect.slots(message)  # not before, since much of what arrives is a repetition
    turn_away(registry, intent, slots, arrival)
    refreshed, fronted = front.refresh(registry, dialect, message, intent, slots, arrival)
    if refreshed:
        gating.tell(registry, Outcome.ACCEPTED, arrival, intent)
        return fronted
    try:
        crossing, orders = request_crossing(registry, dialect, arrival, intent, slots)
    except Refused as no:  # said to be within a call, and of none: asked about like any other
        absorbed = gating.ask(registry, intent, arrival) if intent.within and no.cause is Cause.NO_CALL else None
        if absorbed is not None:
            return absorbed
        raise
    orders += fronted
    exchange = crossing.exchange
    border.concerns(exchange.call)
    try:
        several.begin(dialect, crossing, orders)
        return orders + _go_on(border, dialect, message, slots, crossing)
    except Refused as no:
        crossing.abandon()
        if parts := dialect.apart(arrival.data, no):
            return _taken_apart(border, parts, crossing, orders + drop(registry, exchange, no, arrival.now))
        orders += turn_back(registry, dialect, exchange, intent, no, arrival)
        return orders + _not_accepted(registry, dialect, crossing, no)
    except Exception as fault:  # it may cost the message, but nothing that was begun for it stays
        crossing.abandon()
        orders += undo(registry, exchange, arrival.now, rest=True)
        raise Mishap(orders + spoiled(registry, dialect, exchange, intent, arrival), fault) from fault


def _taken_apart(border: Border, parts: Sequence[bytes], crossing: Crossing, before: list[Order]) -> list[Order]:
    """Of a message something cannot be taken across: its `parts` are, each as if it had come alone, but for those that
    say that; where one ends the call those behind it mean nothing. @raises Mishap."""
    orders, call, arrival = before, crossing.call, crossing.arrival
    for part in parts:
        if call is not None and call.state is CallState.CLOSED:
            break
        try:
            orders += border.cross(attrs.evolve(arrival, data=part))
        except Mishap as mishap:
            mishap.orders = orders + mishap.orders
            raise
    return orders


def _not_accepted(registry: Registry, dialect: Any, crossing: Crossing, no: Refused) -> list[Order]:
    """Who was asked for a call has said, before it answers, which of the proposed media it takes, and that cannot be
    taken across: as in an answer that ends the call, or it would believe open what nobody else has heard of."""
    opening = None if crossing.call is None else crossing.call.opening
    if opening is None or not opening.open or not crossing.intent.accepts or crossing.from_leg == opening.arrival_leg:
        return []
    answer = attrs.evolve(crossing.intent, phase=Phase.PROVISIONAL)
    return transact.refuse_answer(registry, dialect, opening, answer, no, crossing.arrival.now)


def _go_on(border: Border, dialect: Any, message: Any, slots: list[Slot], crossing: Crossing) -> list[Order]:
    """Send a request onward. @raises Refused."""
    registry, exchange, intent, arrival = border.registry, crossing.exchange, crossing.intent, crossing.arrival
    orders: list[Order] = []
    sent = translate(dialect, message, slots, crossing)
    onward = dialect.keys(message, crossing)
    sent = reach.by_stream(registry, dialect, exchange, sent, arrival.now)
    after = transact.begin(registry, exchange, sent, onward, arrival.now)
    after += summons.begin(registry, dialect, exchange, arrival.now)
    leave.crossed(registry, exchange, arrival.now)
    _has_begun(crossing, slots)
    if intent.phase is not Phase.CONFIRM:
        exchange.answer = dialect.pending(message, arrival.source)
        orders += tell_pending(registry, exchange)
    said = remarks(dialect, message, crossing)
    media = crossing.orders()
    sending = control.onward(registry, exchange, sent) if intent.control else exchange.onward(sent)
    return [*orders, *said, *media, *sending, *after]


def _has_begun(crossing: Crossing, slots: list[Slot]) -> None:
    """Who was asked for a call and says of media, or of its control, before it answers has it: another that was asked
    instead would begin anew with an asker that is in the middle."""
    call, leg = crossing.call, crossing.from_leg
    opening = None if call is None else call.opening
    if opening is None or opening is crossing.exchange or leg == opening.arrival_leg:
        return
    if crossing.intent.kind is Kind.MODIFY or any(slot.role is Role.CONTROL for slot in slots):
        opening.told = True


def take_reply(border: Border, dialect: Any, message: Any, intent: Intent, arrival: Arrival) -> list[Order]:
    """What an answer asks for. @raises Mishap."""
    registry = border.registry
    exchange = exchange_of_reply(registry, intent, arrival)
    if exchange is None:
        gating.tell(registry, Outcome.STRAY, arrival, intent)
        fields = {"source": str(arrival.source), "realm": arrival.listener.realm, "method": intent.method}
        return [Note("stray-reply", "no such exchange", "", fields)]
    heard = probing.answered(registry, exchange, intent, arrival.now)
    try:
        return heard + _answer(border, dialect, message, intent, exchange, arrival)
    except Mishap as mishap:
        mishap.orders = heard + mishap.orders
        raise


def _answer(
    border: Border, dialect: Any, message: Any, intent: Intent, exchange: Exchange, arrival: Arrival
) -> list[Order]:
    registry = border.registry
    border.concerns(exchange.call)
    if exchange.intent.local and exchange.near is not None:
        message, intent = local.completed(dialect, message, exchange)
        late = disband.late(registry, dialect, intent, exchange, arrival)
        if late is not None:
            return late
    if exchange.summons is not None:
        return summons.answered(registry, dialect, exchange, intent, arrival.now)
    if exchange.instead is not None:
        return failover.late(registry, dialect, message, intent, exchange, arrival)
    if is_too_late(exchange, intent):
        dismissed = dismiss(registry, dialect, message, arrival.data, exchange, arrival.now)
        if dismissed is not None:
            return dismissed
    absorbed = transact.absorb_reply(registry, dialect, message, intent, exchange, arrival)
    if absorbed is None:
        absorbed = failover.instead(registry, dialect, message, intent, exchange, arrival)
    if absorbed is not None:
        return absorbed
    if exchange.receives:
        message = dialect.complete(message, exchange.memo)
    slots = dialect.slots(message)
    crossing = reply_crossing(registry, arrival, intent, exchange)
    media: list[Order] = []
    asked = exchange.intent
    try:
        out = translate(dialect, message, slots, crossing)
        media = crossing.orders()
        after = transact.settle(registry, dialect, message, exchange, crossing, out)
    except Refused as no:
        crossing.abandon()
        if parts := dialect.apart(arrival.data, no):
            return _taken_apart(border, parts, crossing, [])
        orders = disband.refuse_answer(registry, dialect, exchange, intent, no, arrival)
        if is_too_late(exchange, intent):  # whoever has picked up is told at once, and not when it says so again
            heard = dialect.decode(arrival.data)  # not what the crossing has begun to write into
            orders += dismiss(registry, dialect, heard, arrival.data, exchange, arrival.now) or []
        return orders
    except Exception as fault:
        crossing.abandon()  # what it wanted opened is not open
        orders = [order for order in media if isinstance(order, CloseStream)]
        if intent.phase.final:  # it does not come again, or fares no better then: the asker hears of it
            ours = Refused(Cause.UNSUPPORTED, "a fault of ours")
            orders += disband.refuse_answer(registry, dialect, exchange, intent, ours, arrival)
        raise Mishap(orders, fault) from fault
    gating.answered(registry, exchange, asked, intent, arrival.now)
    return [*media, *remarks(dialect, message, crossing), *exchange.back(out), *after]
