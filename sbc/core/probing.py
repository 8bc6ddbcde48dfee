"""What is heard of next hops, and what follows: who is down, who rests, and who is asked whether it lives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sbc.core import asking, homes
from sbc.core.exchange import Exchange, Hop
from sbc.core.fan import Probes
from sbc.core.hops import Event, HopKey, Neighbour, NeighbourState, Target
from sbc.core.message import Elsewhere, Intent, Kind, Phase, Place, Timing
from sbc.core.orders import Connect, HangUp, Note, Order
from sbc.core.realm import Path
from sbc.core.registry import Arrival, Registry

PENALTY = 60.0
"""Seconds for which a next hop that is down, and that nobody asks, is used only where there is no other."""
SPREAD = 0.1
"""The part of a period by which a wait may be shorter, so that not all are asked at one moment."""
RETRY = 1.0
"""Seconds from a missed answer to the next question."""
DOUBT = 2.0
"""Seconds that one has to show that it lives, where it has been silent to something else."""
SLACK = 0.01
"""Seconds by which a clock may be behind the sum of two times."""
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
    neighbour, fan = exchange.neighbour, exchange.fan
    if neighbour is None or fan is None:
        return
    neighbour.sent += 1
    exchange.began_at = now
    if neighbour.key not in exchange.tried:
        exchange.tried += (neighbour.key,)
    more = len(exchange.tried) < fan.failover.tries and registry.hops.others(fan, exchange.tried)
    exchange.moves_on = now + fan.failover.patience if more else None


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


def doubted(registry: Registry, dialect: Any, neighbour: Neighbour, why: str, now: float) -> tuple[list[Order], float]:
    """A next hop has said nothing to a request: it is asked whether it lives, so that no request that it would not
    answer, whoever sent it, takes it away from all. Returns also for how long that may take; 0 if it has been asked in
    vain, or is not to be."""
    probes, state = neighbour.probes, neighbour.state
    if state not in (NeighbourState.UP, NeighbourState.SUSPECT):
        return [], 0.0
    if probes is None:
        return failed(registry, neighbour, why, now), 0.0
    if state is NeighbourState.SUSPECT:
        asked = DOUBT if neighbour.probe is None else now - neighbour.probe.began_at
        if asked >= DOUBT - SLACK:
            return failed(registry, neighbour, why, now), 0.0
        return [], DOUBT - asked
    orders = _happens(registry, neighbour, Event.MISSED, why, now)
    neighbour.missed = max(neighbour.missed, probes.misses - 1)
    if neighbour.probe is None:
        orders += _ask(registry, dialect, neighbour, probes, now)
    return orders, DOUBT


def begin(registry: Registry, now: float) -> None:
    """Ask all next hops soon, but not all at one moment."""
    for neighbour in registry.hops.neighbours.values():
        if neighbour.probes is not None and neighbour.due is None and neighbour.probe is None:
            registry.timers.set(neighbour, now + _chance(registry, neighbour))


def replace(registry: Registry, path: Path, targets: Sequence[Target], now: float) -> list[Order]:
    """The next hops of `path` are these from now on; whatever is under way with others goes on with them."""
    known = set(registry.hops.neighbours)
    orders = changed(registry, known, registry.hops.put(path, targets, now), f"of path {path.name}", now)
    return orders + homes.rehomed(registry, now, path)


def changed(
    registry: Registry, known: Collection[HopKey], gone: Iterable[Neighbour], where: str, now: float
) -> list[Order]:
    """There are other next hops than those that were `known`; those that are `gone` are asked no more."""
    orders: list[Order] = []
    for neighbour in gone:
        registry.timers.set(neighbour, None)
        probe, neighbour.probe, neighbour.probes = (
            neighbour.probe,
            None,
            None,
        )  # what is under way may still speak of it
        if probe is not None:
            orders += _end(registry, probe, now)
        orders.append(Note("hop-gone", where, "", fields(neighbour)))
    for key, neighbour in registry.hops.neighbours.items():
        if neighbour.probes is None and neighbour.usable:
            registry.timers.set(neighbour, None)
        if key not in known:
            orders.append(Note("hop-new", where, "", fields(neighbour)))
    begin(registry, now)
    return orders


def wake_neighbour(registry: Registry, dialect: Any, neighbour: Neighbour, now: float) -> list[Order]:
    """The time is over for which a next hop was to be left alone, or it is to be asked whether it lives."""
    probes, state = neighbour.probes, neighbour.state
    orders: list[Order] = []
    if state is NeighbourState.RESTING or probes is None:
        orders = _happens(registry, neighbour, Event.WAITED, "has been left alone for long enough", now)
    if probes is None or neighbour.probe is not None:
        return orders
    if state is NeighbourState.UP and now < neighbour.heard_at + probes.period:
        registry.timers.set(neighbour, neighbour.heard_at + probes.period)
        return orders
    return orders + _ask(registry, dialect, neighbour, probes, now)


def _ask(registry: Registry, dialect: Any, neighbour: Neighbour, probes: Probes, now: float) -> list[Order]:
    """Ask a next hop whether it lives."""
    hop = neighbour.hop
    neighbour.asked += 1
    if dialect.parted and hop.reliable:
        return _knock(registry, dialect, neighbour, probes, now)
    said = (b"hop", _name(neighbour), neighbour.asked.to_bytes(8, "big"), str(now).encode())
    token = asking.own_name(registry, dialect, hop, *said)
    data = dialect.probe(Place(hop.peer), hop.listener, token)
    within = probes.answer_within
    exchange = asking.request(registry, dialect, hop, data, now, within, neighbour=neighbour, began_at=now)
    neighbour.probe = exchange
    registry.timers.set(neighbour, None)
    return [*exchange.onward(data)]


def _knock(registry: Registry, dialect: Any, neighbour: Neighbour, probes: Probes, now: float) -> list[Order]:
    """Of who only takes calls, by connections, nobody can ask anything without a call: it lives if it takes one, which
    is closed then without a word."""
    hop, within = Hop(registry.lane(neighbour.hop.listener), neighbour.hop.peer), probes.answer_within
    intent = Intent(Kind.OTHER, Phase.REQUEST, b"", b"knock", method="connect", probe=True, bound=True)
    timing = Timing(within, within, within, 0.0, within)
    exchange = Exchange(dialect.name, intent, timing, b"", None, hop, neighbour=neighbour, began_at=now)
    asking.enter(registry, exchange, now)
    neighbour.probe = exchange
    registry.timers.set(neighbour, None)
    return [Connect(hop.listener, hop.peer)]


def took(registry: Registry, hop: Hop, now: float) -> list[Order]:
    """A connection is up: if it was made to see whether a next hop takes any, it does, and nothing more is wanted."""
    orders: list[Order] = []
    for exchange in registry.waits.at(hop):
        if _knocks(exchange):
            yes = Intent(Kind.OTHER, Phase.SUCCESS, b"", b"", method="connect", cause="takes connections")
            orders += answered(registry, exchange, yes, now) + probed(registry, exchange, yes, now)
    return orders


def _knocks(exchange: Exchange) -> bool:
    neighbour, far = exchange.neighbour, exchange.far
    return neighbour is not None and neighbour.probe is exchange and far is not None and bool(far.listener.lane)


def _end(registry: Registry, exchange: Exchange, now: float) -> list[Order]:
    """A question is over; so is the connection that was made for it alone."""
    far = exchange.far
    orders: list[Order] = []
    if far is not None and far.listener.lane:
        orders.append(HangUp(far.listener, far.peer))
    return orders + registry.forget_exchange(exchange, now)


def probed(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """A next hop has answered that it lives, or that it cannot be used."""
    neighbour = exchange.neighbour
    if neighbour is None or neighbour.probe is not exchange:
        return _end(registry, exchange, now)
    if answer.elsewhere is Elsewhere.UNAVAILABLE and neighbour.state is not NeighbourState.RESTING:
        return _missed(registry, exchange, neighbour, answer.cause, now)
    neighbour.probe, neighbour.missed = None, 0
    if neighbour.state is not NeighbourState.RESTING and neighbour.probes is not None:
        registry.timers.set(neighbour, now + neighbour.probes.period * (1 - SPREAD * _chance(registry, neighbour)))
    return _end(registry, exchange, now)


def missed(registry: Registry, exchange: Exchange, now: float, why: str = "") -> list[Order]:
    """A next hop has not answered whether it lives, or there was nobody to hear it. After some more of that it is
    down."""
    neighbour = exchange.neighbour
    if neighbour is None or neighbour.probe is not exchange:
        return _end(registry, exchange, now)
    if neighbour.heard_at > exchange.began_at:  # it answers other things
        neighbour.probe, neighbour.missed = None, 0
        if neighbour.state is not NeighbourState.RESTING:  # it has asked for its rest meanwhile
            _schedule(registry, neighbour, now, None)
        return _end(registry, exchange, now)
    return _missed(registry, exchange, neighbour, why or f"no answer to {neighbour.missed + 1} probes", now)


def _missed(registry: Registry, exchange: Exchange, neighbour: Neighbour, why: str, now: float) -> list[Order]:
    probes = neighbour.probes
    neighbour.probe = None
    neighbour.missed += 1
    orders = _end(registry, exchange, now)
    down = probes is None or neighbour.missed >= probes.misses
    orders += _happens(registry, neighbour, Event.FAILED if down else Event.MISSED, why, now, PENALTY)
    if probes is None:
        _schedule(registry, neighbour, now, PENALTY)
    elif neighbour.state is not NeighbourState.RESTING:
        registry.timers.set(neighbour, now + (probes.period if down else RETRY))
    return orders


def _happens(
    registry: Registry, neighbour: Neighbour, event: Event, why: str, now: float, wait: float | None = None
) -> list[Order]:
    """Take note of what has happened to a next hop, and for how long it is to be left alone, if it is."""
    changed = neighbour.becomes(event, why, now)
    if registry.hops.neighbours.get(neighbour.key) is not neighbour:
        return []  # it is none any more
    if event is Event.HEARD:
        neighbour.missed = 0
    if changed or event is Event.TIRED:
        _schedule(registry, neighbour, now, wait)
    return [Note(_WORDS[neighbour.state], why, "", fields(neighbour))] if changed else []


def _schedule(registry: Registry, neighbour: Neighbour, now: float, wait: float | None) -> None:
    """When to look at a next hop again: after its rest, when it is to be asked, or after a penalty."""
    if neighbour.state is NeighbourState.RESTING:
        registry.timers.set(neighbour, now + (wait or 0.0))
    elif neighbour.probes is not None:
        if neighbour.probe is None and neighbour.due is None:
            registry.timers.set(neighbour, now + neighbour.probes.period)
    else:
        registry.timers.set(neighbour, now + PENALTY if neighbour.state is NeighbourState.DOWN else None)


def _name(neighbour: Neighbour) -> bytes:
    return f"{neighbour.hop.listener} {neighbour.hop.peer}".encode()


def _chance(registry: Registry, neighbour: Neighbour) -> float:
    """A number from 0 to 1 that nobody outside can foresee."""
    return registry.mint.chance(b"wait", _name(neighbour), neighbour.asked.to_bytes(8, "big"))


def fields(neighbour: Neighbour) -> dict[str, Any]:
    """A next hop, for the log."""
    said = {"hop": str(neighbour.hop.peer), "by": str(neighbour.hop.listener)}
    return said if neighbour.name == said["hop"] else {**said, "name": neighbour.name}
