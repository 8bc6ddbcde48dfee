"""Calls whose parties may have vanished: asks both whether theirs lives, and ends what does not."""

from __future__ import annotations

from typing import Any

from sbc.core import sessions
from sbc.core.call import Call, CallState
from sbc.core.ending import end_call, speak
from sbc.core.message import Ending
from sbc.core.orders import Note, Order
from sbc.core.registry import Registry


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
