"""What answers do to the call of their request: it rings, is up, goes on for longer, or is over."""

from __future__ import annotations

from sbc.core import account, beside, leave, pulse
from sbc.core.call import Call, CallState
from sbc.core.crossing import DEFAULT_EXPIRES
from sbc.core.exchange import Exchange
from sbc.core.message import Ending, Intent, Kind, Phase, Who
from sbc.core.orders import Order
from sbc.core.registry import Registry


def conclude(registry: Registry, exchange: Exchange, answer: Intent, now: float, who: Who = Who.CALLEE) -> list[Order]:
    """What an answer, given by `who`, does to the call of its request."""
    call, kind, phase = exchange.call, exchange.intent.kind, answer.phase
    if exchange.intent.local:
        return beside.concluded(registry, exchange, answer, now, who)
    if exchange.intent.heralds and call is None:
        return leave.concluded(registry, exchange, answer, now)
    if call is None or call.state is CallState.CLOSED:
        return []
    if kind is Kind.OPEN and call.opening is exchange:
        return _opened(registry, exchange, answer, now, who)
    if exchange.ends_call and phase.final and call.answered_at is not None:
        if phase is Phase.CHALLENGE:
            call.life.stay()
            call.because("", None, None)
            return []
        call.life.end()
        return registry.close_call(call, now)
    if call.lifetime and phase is Phase.SUCCESS and exchange.intent.expires is not None:
        _prolong(registry, call, exchange.intent.expires if answer.expires is None else answer.expires, now)
    return []


def _opened(registry: Registry, exchange: Exchange, answer: Intent, now: float, who: Who) -> list[Order]:
    call, phase = exchange.call, answer.phase
    assert call is not None
    if phase is Phase.PROVISIONAL:
        first = call.state is CallState.OPENING
        call.life.ring()
        return [account.rang(call, now)] if first else []
    if phase is Phase.SUCCESS:
        if call.answered_at is not None:
            return []
        call.life.answer()
        call.because("", None, None)  # what was said of an attempt before, as that credentials were missing, is past
        call.answered_at, call.answered_by, call.asked_by = now, answer.party, exchange.intent.party
        call.accepted = (exchange.answer or b"", exchange.heard)
        pulse.begin(registry, call, now)
        if call.lifetime:
            granted = exchange.intent.expires if answer.expires is None else answer.expires
            _prolong(registry, call, DEFAULT_EXPIRES if granted is None else granted, now)
        return [account.answered(call)]
    if phase is Phase.CHALLENGE:
        registry.timers.set(call, now + registry.plan.timers.linger)  # the attempt is expected again, with credentials
        call.because(answer.cause, Ending.UNAUTHORIZED, who)
        return []
    if call.answered_at is not None:
        return []
    call.life.fail()
    call.because(answer.cause, answer.ending, Who.CALLER if answer.ending is Ending.CANCELLED else who)
    return registry.close_call(call, now)


def _prolong(registry: Registry, call: Call, expires: int, now: float) -> None:
    timers = registry.plan.timers
    if call.state is not CallState.CLOSED:
        registry.timers.set(call, now + min(expires + timers.linger, timers.call_max))
