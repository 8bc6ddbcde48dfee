"""Leave for a call may say how much bandwidth that is to have: it is held from the request on (sbc/policy/ahead.py),
and a request to change it is refused where there is not so much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sbc.core import admission
from sbc.core.binding import Binding
from sbc.core.call import Call, CallState
from sbc.core.message import Cause, Intent, Kind, Phase, Refused
from sbc.core.realm import Path, Side
from sbc.policy.ahead import LEAST, may_be_less, media_in, needed
from sbc.policy.demand import Bandwidth, Demand

if TYPE_CHECKING:
    from sbc.core.exchange import Exchange
    from sbc.core.promises import Promise
    from sbc.core.registry import Arrival, Registry


def asked(registry: Registry, exchange: Exchange, terminal: Binding | None, arrival: Arrival) -> None:
    """A terminal asks for leave, or to change what a call of its has. @raises Refused where there is too little."""
    intent, path = exchange.intent, exchange.path
    of_leave = intent.heralds and intent.kind in (Kind.OTHER, Kind.MODIFY) and not intent.returns
    if path is None or intent.phase is not Phase.REQUEST or not of_leave or not intent.wants:
        return
    if registry.plan.realms[arrival.listener.realm].side is not Side.ACCESS:
        return
    wanted = _needed(registry, path, intent)
    if wanted is None or not any(each.ahead for each in _believed(registry, path)):
        return
    if intent.kind is Kind.MODIFY:
        _change(registry, exchange, terminal, wanted, arrival)
        return
    host = arrival.source.host
    legs = admission.seats_of(registry, path, admission.holder(terminal, host), host)
    urgent = admission.is_urgent(registry, registry.plan.realms[path.access], intent)
    held = registry.ahead.hold(exchange, legs, wanted, may_be_less(_believed(registry, path)), urgent)
    if held != wanted:
        exchange.allowed = media_in(held, _v6(registry, path))
        if exchange.allowed < LEAST:
            registry.ahead.drop(exchange)
            raise Refused(Cause.BANDWIDTH, "not enough bandwidth", detail="what is left is of no use")


def _change(registry: Registry, exchange: Exchange, terminal: Binding | None, wanted: Demand, arrival: Arrival) -> None:
    """The call that leave of that name is for is to have as much from now on; of one that is not there yet, or not
    known, only who gave the leave can say."""
    if terminal is None:
        return
    promise = registry.promises.of(terminal.realm.name, arrival.source.host, exchange.intent.heralds, terminal.id)
    call = _live(promise)
    if promise is None or call is None:
        return
    try:
        registry.ahead.change(exchange, call.ticket, wanted, promise.takes)
    except Refused as no:
        v6 = _v6(registry, promise.path)
        no.room = registry.ahead.room(call.ticket, v6[::-1] if promise.takes else v6)
        raise


def answered(registry: Registry, exchange: Exchange, answer: Intent) -> None:
    """What was asked for has its final answer. What leave was given for is passed on by `given`."""
    intent = exchange.intent
    if intent.kind is Kind.MODIFY:
        granted = None
        if answer.phase is Phase.SUCCESS and exchange.path is not None:
            granted = _needed(registry, exchange.path, answer if answer.wants else intent)
        registry.ahead.changed(exchange, granted)
    registry.ahead.drop(exchange)


def given(registry: Registry, exchange: Exchange, answer: Intent, promise: Promise) -> None:
    """Leave was given: that has what its request had asked for, or as much as was granted."""
    granted = _needed(registry, promise.path, answer) if answer.wants else None
    registry.ahead.pass_on(exchange, promise, granted)
    call = _live(promise)
    if call is not None:
        registry.ahead.give(promise, call.ticket, promise.takes)


def begun(registry: Registry, promise: Promise | None, call: Call) -> Promise | None:
    """The call has come that leave was for, if it was."""
    if promise is not None:
        registry.ahead.give(promise, call.ticket, promise.takes)
    return promise


def _live(promise: Promise | None) -> Call | None:
    calls = () if promise is None else promise.calls
    return next((each for each in calls if each.state is not CallState.CLOSED), None)


def _needed(registry: Registry, path: Path, intent: Intent) -> Demand | None:
    return needed(intent.wants, _v6(registry, path), _believed(registry, path))


def _v6(registry: Registry, path: Path) -> tuple[bool, bool]:
    realms = registry.plan.realms
    return ":" in realms[path.access].media.address, ":" in realms[path.core].media.address


def _believed(registry: Registry, path: Path) -> tuple[Bandwidth, Bandwidth]:
    return registry.plan.realms[path.access].bandwidth, registry.plan.realms[path.core].bandwidth
