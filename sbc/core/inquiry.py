"""Calls whose parties may have vanished: asks both whether theirs lives, and ends what does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.core import disband, sessions
from sbc.core.call import Call, CallState
from sbc.core.ending import end_call, speak
from sbc.core.exchange import Hop
from sbc.core.message import Ending
from sbc.core.orders import Note, Order
from sbc.core.pulse import Pulse, due, period, schedule
from sbc.core.registry import Registry

TRIES = 16
"""Questions that are made until one has a name that none has which is open."""


def wake_call(registry: Registry, dialects: Mapping[str, Any], call: Call, now: float) -> list[Order]:
    """What is due about a call."""
    dialect = dialects[call.dialect]
    if call.state is CallState.CLOSED:
        if not call.exchanges:
            return registry.forget_call(call, now)
        registry.timers.set(call, now + registry.plan.timers.linger)
        return []
    about = wake(registry, dialect, call, now)
    if about is not None:
        return about
    if call.cause:  # it waited for another attempt, or for the answer to its end, in vain
        call.life.end()
        return registry.close_call(call, now)
    deserted = disband.deserted(registry, call)
    if deserted is not None:
        return disband.disband(registry, dialect, call, "its gateway is gone", Ending.VANISHED, now, lost=deserted)
    return end_call(registry, dialect, call, "expired", Ending.EXPIRED, now)


def wake(registry: Registry, dialect: Any, call: Call, now: float) -> list[Order] | None:
    """What is due about the session of a call that is not over; None where it is something else that is due."""
    session = call.session
    if session is None or now >= call.ends_at:
        return None
    if call.state is not CallState.UP:  # a party is just ending it, and hears whether the other knows of it
        registry.timers.set(call, now + registry.plan.timers.linger)
        return []
    if session.lost:
        return _end(registry, dialect, call, f"vanished in {session.lost}", now)
    if session.until is not None and now >= session.until:
        return _end(registry, dialect, call, f"not refreshed for {session.seconds:.0f} s", now)
    orders: list[Order] = []
    if session.ask_at is not None and now >= session.ask_at:
        session.ask_at = None
        for leg in (0, 1):
            orders += speak(registry, dialect, call, leg, dialect.inquire, now, asks=True)
        if not session.open:  # there is no way to ask
            session.ask_at = now + call.path.sessions.period
    sessions.schedule(registry, call)
    return orders


def _end(registry: Registry, dialect: Any, call: Call, why: str, now: float) -> list[Order]:
    return [Note("zombie", why, call.id), *end_call(registry, dialect, call, why, Ending.VANISHED, now)]


def look(registry: Registry, dialect: Any, pulse: Pulse, now: float) -> list[Order]:
    """Of a call that goes by connections: see whether somebody is to be asked, or has not answered."""
    call, orders = pulse.call, list[Order]()
    if call.state is not CallState.UP:
        return []
    for index in (0, 1):
        orders += _look(registry, dialect, pulse, index, now)
        if call.pulse is None:
            return orders
    schedule(registry, pulse)
    return orders


def _look(registry: Registry, dialect: Any, pulse: Pulse, index: int, now: float) -> list[Order]:
    party, call = pulse.parties[index], pulse.call
    settings, realm = call.legs[index].realm.keepalive, call.legs[index].realm.name
    if not period(settings) or now < due(party, settings):
        return []
    if party.asked_at is None:
        return _ask(registry, dialect, pulse, index, now)
    party.asked_at = None
    if not party.sure:  # it may live, and not know the question
        party.heard_at = now
        return []
    party.missed += 1
    if party.missed < settings.misses:
        said = f"{party.missed} of {settings.misses}"
        return [Note("missed", said, call.id, {"realm": realm}), *_ask(registry, dialect, pulse, index, now)]
    why = f"vanished in {realm}: {party.missed} answers missed"
    return _end(registry, dialect, call, why, now)


def _ask(registry: Registry, dialect: Any, pulse: Pulse, index: int, now: float) -> list[Order]:
    call, party = pulse.call, pulse.parties[index]
    hop, control = _way(registry, call, index)
    taken = {each.name for each in party.open}
    assert call.accepted is not None  # it is up
    question = None
    for _ in range(TRIES):
        pulse.number += 1
        question = dialect.question(call.accepted[index], index == 0, call.memo, pulse.number, control)
        if question is None or question.name not in taken:
            break
    if question is None:
        party.heard_at = now
        return []
    party.add(question.name, True, now, question.kind)
    party.asked_at, party.sure = now, question.sure or question.kind in party.answers
    return [hop.send(question.data, call)]


def _way(registry: Registry, call: Call, index: int) -> tuple[Hop, bool]:
    """How to ask the party of a leg, and whether that is its control channel, by which it has spoken."""
    control, leg = registry.controls.find(call), call.legs[index]
    end = None if control is None else control.ends[index]
    if end is not None and end.speaks is not None and end.heard:
        return end.speaks, True
    return Hop(leg.listener, leg.seen), False
