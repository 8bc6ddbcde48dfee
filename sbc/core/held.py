"""Answers that are held back: who is to be slowed down hears late that it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from sbc.core.message import Intent, Refused
from sbc.core.timers import Entry

if TYPE_CHECKING:
    from sbc.core.registry import Arrival, Registry

MOST_HELD = 500
"""Answers held at once: each keeps the request that it is for. Who comes when there are so many is not answered."""

HeldKey = tuple[str, str, int, bytes]


@attrs.define(eq=False)
class Held:
    """A request of an `arrival`, and what its sender is told when the time has come."""

    arrival: Arrival
    intent: Intent
    refused: Refused
    due: float | None = None
    entry: Entry | None = None

    @property
    def key(self) -> HeldKey:
        """What it is known by when it comes again."""
        return key_of(self.arrival, self.intent)

    def __repr__(self) -> str:
        return f"<Held {self.intent.method} from {self.arrival.source}>"


def key_of(arrival: Arrival, intent: Intent) -> HeldKey:
    """By what a request is known that comes again."""
    return (arrival.listener.realm, *arrival.source, intent.exchange)


def hold(registry: Registry, arrival: Arrival, intent: Intent, refused: Refused, seconds: float) -> bool:
    """Answer a request when so many seconds have passed, unless that is so already; whether there is room."""
    key = key_of(arrival, intent)
    if key in registry.held:
        return True
    if len(registry.held) >= MOST_HELD:
        return False
    held = registry.held[key] = Held(arrival, intent, refused)
    registry.timers.set(held, arrival.now + seconds)
    return True


def let_go(registry: Registry, held: Held, dialect: Any) -> Any:
    """The time has come: what was asked, read again."""
    del registry.held[held.key]
    return dialect.decode(held.arrival.data)
