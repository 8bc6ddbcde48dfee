"""What is heard of next hops, and what follows from it: who is down, who rests, and until when."""

from __future__ import annotations

from typing import Any

from sbc.core.exchange import Exchange
from sbc.core.hops import Event, Neighbour, NeighbourState
from sbc.core.message import Elsewhere, Intent, Phase
from sbc.core.orders import Note, Order
from sbc.core.registry import Arrival, Registry

PENALTY = 60.0
"""Seconds for which a next hop that is down, and that nobody asks, is used only where there is no other."""
LEAST_REST, MOST_REST = 1, 600
"""Bounds of the seconds for which a next hop may ask to be left alone."""

_WORDS = {
    NeighbourState.UP: "hop-up",
    NeighbourState.SUSPECT: "hop-suspect",
    NeighbourState.DOWN: "hop-down",
    NeighbourState.RESTING: "hop-rests",
}


def asked(registry: Registry, exchange: Exchange, now: float) -> None:
    """A request goes to a next hop: for how long that may be silent, before another has it."""
    neighbour, path = exchange.neighbour, exchange.path
    if neighbour is None or path is None:
        return
    neighbour.sent += 1
    exchange.began_at = now
    exchange.tried.add(neighbour.key)
    more = len(exchange.tried) < path.failover.tries and registry.hops.turns(path, b"", exchange.tried)
    exchange.moves_on = now + path.failover.patience if more else None


def answered(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """A next hop has answered: it lives, unless it says that it cannot be used."""
    neighbour = exchange.neighbour
    if neighbour is None:
        return []
    neighbour.heard_at = now
    if answer.phase is Phase.PENDING:
        return _happens(registry, neighbour, Event.HEARD, "answers", now)
    neighbour.said = answer.cause or f"{answer.phase.value} to {answer.method}"
    if answer.elsewhere is not Elsewhere.UNAVAILABLE:
        return _happens(registry, neighbour, Event.HEARD, "answers", now)
    if not answer.retry_after:
        return []
    seconds = min(max(answer.retry_after, LEAST_REST), MOST_REST)
    why = f"{answer.cause}: for {seconds} s"
    return _happens(registry, neighbour, Event.TIRED, why, now, seconds)


def spoke(registry: Registry, arrival: Arrival) -> list[Order]:
    """A request has come from the transport address of a next hop."""
    listener = arrival.listener
    neighbour = registry.hops.neighbours.get((listener.realm, listener.transport, arrival.source))
    if neighbour is None:
        return []
    neighbour.heard_at = arrival.now
    return _happens(registry, neighbour, Event.HEARD, "asks", arrival.now)


def failed(registry: Registry, neighbour: Neighbour, why: str, now: float) -> list[Order]:
    """A next hop cannot be reached, or does not answer."""
    return _happens(registry, neighbour, Event.FAILED, why, now, PENALTY)


def wake_neighbour(registry: Registry, neighbour: Neighbour, now: float) -> list[Order]:
    """The time is over for which a next hop was to be left alone."""
    return _happens(registry, neighbour, Event.WAITED, "has been left alone for long enough", now)


def _happens(
    registry: Registry, neighbour: Neighbour, event: Event, why: str, now: float, wait: float | None = None
) -> list[Order]:
    """Take note of what has happened to a next hop; where that changes how it is used, for `wait` seconds if given."""
    known = registry.hops.neighbours.get(neighbour.key) is neighbour
    changed = neighbour.becomes(event, why, now)
    if known and (changed or (wait is not None and neighbour.state is NeighbourState.RESTING)):
        registry.timers.set(neighbour, None if wait is None else now + wait)
    return [Note(_WORDS[neighbour.state], why, "", fields(neighbour))] if changed and known else []


def fields(neighbour: Neighbour) -> dict[str, Any]:
    """A next hop, for the log."""
    said = {"hop": str(neighbour.hop.peer), "by": str(neighbour.hop.listener)}
    return said if neighbour.name == said["hop"] else {**said, "name": neighbour.name}
