"""A request that one next hop does not take goes to another: anew from what was asked, as an attempt of its own.

The call, its streams and ports, and what the far side calls it stay the same; the branch is another (RFC 3263 section
4.3). The attempt that is given up becomes an exchange nobody waits for, which takes back what its next hop may have
begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sbc.core import asking, control, probing, reach, summons, transact
from sbc.core.backlog import AT_ONCE, PAUSE, Left
from sbc.core.crossing import Crossing
from sbc.core.ending import dismiss
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.hops import Neighbour, NeighbourState, key_of
from sbc.core.keys import far_key, is_far
from sbc.core.message import Elsewhere, Ending, Intent, Keys, Kind, Phase, Refused, Role, told_to
from sbc.core.orders import Note, Order
from sbc.core.passage import translate
from sbc.core.registry import Arrival, Registry
from sbc.core.routing import spoken_by

State = ExchangeState
SURE = 2
"""So often a request comes back that is refused for it, where nobody else can be asked: what restarts has a moment."""


def wake(registry: Registry, dialects: Mapping[str, Any], exchange: Exchange, now: float) -> list[Order]:
    """The exchange's deadline has come. If that shows that a next hop has died, others have what it was at work on."""
    dialect, neighbour = dialects[exchange.dialect], exchange.neighbour
    if exchange.summons is not None and now >= exchange.deadline:
        return summons.unheard(registry, dialect, exchange, now)
    lived = neighbour is not None and neighbour.state is not NeighbourState.DOWN
    orders = overdue(registry, dialect, exchange, now)
    if orders is None:
        orders = transact.wake_exchange(registry, dialect, exchange, now)
    if neighbour is not None and lived and neighbour.state is NeighbourState.DOWN and neighbour.probes is not None:
        orders += deserted(registry, dialects, neighbour, now)
    return orders


def overdue(registry: Registry, dialect: Any, exchange: Exchange, now: float) -> list[Order] | None:
    """Patience with a next hop that says nothing may be over: what then; None where the exchange goes on as it does.

    A protocol that confirms at once what may take long has been heard by now. Other requests wait as long as they must
    for a next hop that has meanwhile shown that it lives, or does so when asked: it may be at work on them.
    """
    neighbour = exchange.neighbour
    if neighbour is None or exchange.state is not State.TRYING or exchange.near is None:
        return None
    dead = neighbour.heard_at <= exchange.began_at
    if now >= exchange.deadline:
        return _give_up(registry, dialect, exchange, neighbour, now) if dead else None
    if exchange.moves_on is None or now < exchange.moves_on:
        return None
    exchange.moves_on = None
    if exchange.told or (not dead and not exchange.timing.quiet):
        return None
    silence = f"silent for {now - exchange.began_at:.1f} s"
    orders: list[Order] = []
    if dead:
        orders, wait = probing.doubted(registry, dialect, neighbour, silence, now)
        if wait and not exchange.timing.quiet:
            exchange.moves_on = now + wait
            return orders + transact.wake_exchange(registry, dialect, exchange, now)
    moved = _move(registry, dialect, exchange, silence, now, anybody=True)
    return orders + (transact.wake_exchange(registry, dialect, exchange, now) if moved is None else moved)


def _give_up(registry: Registry, dialect: Any, exchange: Exchange, neighbour: Neighbour, now: float) -> list[Order]:
    silence = f"silent for {now - exchange.began_at:.1f} s"
    orders = probing.failed(registry, neighbour, silence, now)
    return orders + transact.wake_exchange(registry, dialect, exchange, now)


def instead(
    registry: Registry, dialect: Any, message: Any, answer: Intent, exchange: Exchange, arrival: Arrival
) -> list[Order] | None:
    """Ask another next hop, if `answer` is such that one might do better; None if the asker is to have the answer.

    Only while nothing of this attempt has reached the asker: who was told that it rings is not to hear it ring anew.
    """
    fan, fresh = exchange.fan, exchange.state in (State.TRYING, State.PROCEEDING) and not exchange.told
    if fan is None or exchange.neighbour is None or not fresh or answer.elsewhere not in fan.failover.on:
        return None
    if exchange.intent.within and answer.elsewhere is not Elsewhere.UNAVAILABLE:
        return None  # the other party of the call is silent, whoever asks it
    confirmation = dialect.confirm(exchange.sent, message)
    return _move(registry, dialect, exchange, answer.cause, arrival.now, heard=(arrival.data, confirmation))


def unreached(registry: Registry, dialects: Mapping[str, Any], hop: Hop, why: str, now: float) -> list[Order]:
    """There is no connection to `hop`, or none any more: what waits for an answer by it goes to other next hops, or
    where it finds none by datagrams to the same one; what cannot will get no answer. A few do so at once, see Backlog.
    """
    orders: list[Order] = []
    for exchange in [each for each in registry.waits.at(hop) if each.neighbour and each.neighbour.probe is each]:
        orders += probing.missed(registry, exchange, now, why)  # one missed answer, however it was missed
    waiting = registry.waits.at(hop)
    for neighbour in {each.neighbour for each in waiting if each.neighbour is not None}:
        if neighbour.key == key_of(hop):
            orders += probing.failed(registry, neighbour, why, now)
    later = set(waiting[AT_ONCE:])
    for exchange in waiting[:AT_ONCE]:
        orders += _elsewhere(registry, dialects, exchange, hop, why, now)
    _put_off(registry, (Left(each, why, hop) for each in waiting[AT_ONCE:]), now)
    lost = [each for each in registry.waits.at(hop) if each not in later]
    return orders + reach.unreachable(registry, dialects, lost, hop, why, now)


def _elsewhere(
    registry: Registry, dialects: Mapping[str, Any], exchange: Exchange, hop: Hop, why: str, now: float
) -> list[Order]:
    """Send to another next hop what has lost its connection to one. What cannot be sent stays."""
    neighbour = exchange.neighbour
    if neighbour is None or key_of(hop) != neighbour.key:
        return []
    if exchange.near is None or exchange.state not in (State.TRYING, State.PROCEEDING) or exchange.told:
        return []
    return _move(registry, dialects[exchange.dialect], exchange, why, now, anybody=True, lost=True) or []


def _put_off(registry: Registry, left: Iterable[Left], now: float) -> None:
    backlog = registry.backlog
    backlog.put(left)
    if len(backlog) and backlog.due is None:
        registry.timers.set(backlog, now + PAUSE)


def see_to_next(registry: Registry, dialects: Mapping[str, Any], now: float) -> list[Order]:
    """The turn of one has come that was put off, unless something has happened to it meanwhile."""
    left = registry.backlog.take()
    registry.timers.set(registry.backlog, registry.backlog.next(now))
    exchange, hop, neighbour = left.exchange, left.hop, left.neighbour
    if exchange not in registry.live_exchanges:
        return []
    if hop is not None and exchange.far == hop and exchange.open:
        before = registry.waits.held(hop)
        orders = _elsewhere(registry, dialects, exchange, hop, left.why, now)
        lost = [each for each in registry.waits.at(hop) if each is exchange or each not in before]
        return orders + reach.unreachable(registry, dialects, lost, hop, left.why, now)
    if neighbour is not None and neighbour.state is NeighbourState.DOWN:
        return _desert(registry, dialects, exchange, neighbour, now)
    return []


def bounced(
    registry: Registry, dialects: Mapping[str, Any], hop: Hop, data: bytes, why: str, now: float
) -> list[Order]:
    """A datagram to `hop` that began with `data` has come back (ICMP, RFC 3261 section 18.4): nobody takes it there.

    Anybody can say so. It counts where it is the beginning of a request that still waits for a first sign of life from
    there, as far as our own name of it, which only those on the way can know. Then it is a hint: the request goes to
    another next hop at once, and the one it has left is asked whether it lives, as if it had been silent. Where there
    is nobody else, it is refused when it has come back twice, unless it is part of a call. Calls and bindings live on,
    until silence says the same.
    """
    dialect = dialects[hop.listener.dialect]
    name = dialect.quoted(data)
    exchange = None if name is None else registry.exchanges.get(far_key(hop.listener.realm, hop.peer.host, name))
    if exchange is None or exchange.far != hop or exchange.state is not State.TRYING:
        return [Note("bounce-unknown", why, "", {"peer": str(hop.peer)})]
    if exchange.heard or not exchange.sent.startswith(data):
        return [Note("bounce-unknown", why, "", {"peer": str(hop.peer)})]
    exchange.bounces += 1
    said = {"method": exchange.intent.method, "to": str(hop.peer)}
    orders: list[Order] = [Note("bounced", why, exchange.call_id, said)]
    neighbour = exchange.neighbour
    if exchange.near is None:  # of our own questions silence has the last word, but for those to next hops
        if neighbour is not None and neighbour.probe is exchange:
            orders += probing.missed(registry, exchange, now, why)
            if neighbour.state is NeighbourState.DOWN:
                orders += deserted(registry, dialects, neighbour, now)
        return orders
    if neighbour is not None:
        if neighbour.probes is not None:
            orders += probing.doubted(registry, dialect, neighbour, why, now)[0]
        moved = _move(registry, dialect, exchange, why, now, anybody=True)
        if moved is not None:
            return orders + moved
    if exchange.bounces < SURE or exchange.intent.within:
        return orders
    return orders + transact.give_up(registry, dialect, exchange, reach.refusal(registry, hop, why, why), now)


def deserted(registry: Registry, dialects: Mapping[str, Any], neighbour: Neighbour, now: float) -> list[Order]:
    """A next hop that is asked whether it lives has died in silence: what it had only said to be at work on goes to
    others that are well. What finds none waits on, since it may be back; so does what the asker has heard of, and what
    is inside a call, whose other party may be at it. A few go at once, see Backlog.
    """
    left = [each for each in registry.live_exchanges if each.neighbour is neighbour and _only_pending(each)]
    left.sort(key=lambda each: (each.began_at, each.token))
    orders: list[Order] = []
    for exchange in left[:AT_ONCE]:
        orders += _desert(registry, dialects, exchange, neighbour, now)
    _put_off(registry, (Left(each, neighbour.why, neighbour=neighbour) for each in left[AT_ONCE:]), now)
    return orders


def _desert(
    registry: Registry, dialects: Mapping[str, Any], exchange: Exchange, neighbour: Neighbour, now: float
) -> list[Order]:
    if exchange.neighbour is not neighbour or not _only_pending(exchange):
        return []
    return _move(registry, dialects[exchange.dialect], exchange, neighbour.why, now) or []


def _only_pending(exchange: Exchange) -> bool:
    return (
        exchange.near is not None
        and exchange.state is State.PROCEEDING
        and not exchange.told
        and not exchange.intent.within
    )


def late(
    registry: Registry, dialect: Any, message: Any, answer: Intent, left: Exchange, arrival: Arrival
) -> list[Order]:
    """An attempt that was given up is answered after all: that is acknowledged, and what it has begun is ended."""
    now = arrival.now
    if arrival.data == left.heard:
        return [*left.onward(left.confirmation)] if left.confirmation is not None else []
    if not answer.phase.final:
        if left.state is not State.WITHDRAWING:
            return []
        return transact.send_withdrawal(registry, dialect, left, now, Ending.NO_ANSWER)
    orders: list[Order] = []
    left.heard, left.confirmation = b"", None
    if answer.phase is Phase.SUCCESS and left.timing.confirmed:
        if left.intent.kind is Kind.OPEN:
            orders += dismiss(registry, dialect, message, arrival.data, left, now) or []
        else:
            left.confirmation = _taken(registry, dialect, message, arrival.data, left)
            orders += left.onward(left.confirmation) if left.confirmation is not None else []
    else:
        left.confirmation = dialect.confirm(left.sent, message)
        orders += left.onward(left.confirmation) if left.confirmation is not None else []
    left.heard = arrival.data
    return orders + asking.finish(registry, left, State.DONE, now)


def _taken(registry: Registry, dialect: Any, message: Any, data: bytes, left: Exchange) -> bytes | None:
    """The confirmation of a late success inside a call, which goes on."""
    places = [slot.place for slot in dialect.slots(message) if slot.role is Role.SIGNAL and slot.primary]
    target = left.target or (places[0] if places else None)
    if left.far is None or target is None:
        return None
    confirmation: bytes | None = dialect.close(data, False, target, left.far.listener, registry.mint.token(), None)
    return confirmation


def _move(
    registry: Registry,
    dialect: Any,
    exchange: Exchange,
    why: str,
    now: float,
    anybody: bool = False,
    heard: tuple[bytes, bytes | None] | None = None,
    lost: bool = False,
) -> list[Order] | None:
    """Send the request of `exchange` to another next hop; None if there is none.

    `anybody`: also to one that is believed to be down, since nobody else is left. `heard` is the answer that the
    present one gave, and its confirmation. `lost`: its connection is, and nobody can be told anything.
    """
    fan, near, old = exchange.fan, exchange.near, exchange.neighbour
    assert fan is not None and near is not None and old is not None and exchange.far is not None  # it crossed
    if len(exchange.tried) >= fan.failover.tries:
        return None
    turns = registry.hops.turns(fan, exchange.intent.label or exchange.intent.exchange, exchange.tried)
    if dialect.parted:
        turns = [each for each in turns if each.hop.reliable == exchange.far.reliable]
    if not turns or not (anybody or turns[0].usable):
        return None
    new = turns[0]
    old.failures += 1
    registry.touch(exchange.call)
    orders: list[Order] = [_note(exchange, old, new, why), *_leave(registry, dialect, exchange, heard, lost, now)]
    own = exchange.fallback or exchange.far
    hop = spoken_by(own.listener, new)
    if hop.listener.lane:  # a connection of one attempt: those of one host would else be one
        hop = Hop(registry.lane(hop.listener), hop.peer)
    exchange.token = asking.own_name(registry, dialect, hop, b"again", exchange.token, str(hop.peer).encode())
    exchange.neighbour, exchange.moves_on, exchange.bounces = new, None, 0
    exchange.state, exchange.wait, exchange.heard = State.TRYING, 0.0, b""
    orders += registry.reach(exchange, hop, now)
    if exchange.target is not None and not exchange.target.name and exchange.target.address == old.hop.peer:
        exchange.target = exchange.target._replace(address=hop.peer)  # it had no place of its own but the next hop
    if exchange.target is not None and not exchange.intent.within:
        exchange.target = exchange.target._replace(route=told_to(exchange.target.route, hop.peer))
    if exchange.call is not None and exchange.call.opening is exchange:
        leg = exchange.call.legs[1 - exchange.arrival_leg]
        orders += registry.move_leg(exchange.call, leg, hop, now)
        registry.names.revoke(exchange.call, leg.realm.name)  # where to find the asker the next is told anew
        exchange.call.target = exchange.target
        exchange.call.ask_another(1 - exchange.arrival_leg)
        orders += control.ask_another(registry, exchange.call, 1 - exchange.arrival_leg, now)
    if exchange.timing.quiet:  # the asker waits patiently; of others the own patience ends when it did
        exchange.deadline = now + exchange.timing.limit
    try:
        sent, onward, told = _again(registry, dialect, exchange, hop, now)
    except Refused as no:
        return orders + transact.give_up(registry, dialect, exchange, no, now)
    after = transact.begin(registry, exchange, sent, onward, now)
    return [*orders, *told, *exchange.onward(sent), *after]


def _again(
    registry: Registry, dialect: Any, exchange: Exchange, hop: Hop, now: float
) -> tuple[bytes, Keys, list[Order]]:
    """The request as it goes to `hop`, made of what was asked, its Keys there, and what the media engine is to know.
    @raises Refused."""
    near, path = exchange.near, exchange.path
    assert near is not None and path is not None
    exchange.bindings[:] = [each for each in exchange.bindings if each.id in registry.bindings]  # some are taken off
    message = dialect.decode(exchange.asked)
    slots = dialect.slots(message)
    arrival = Arrival(near.listener, near.peer, exchange.asked, now)
    crossing = Crossing(registry, arrival, exchange.intent, exchange, hop, path, exchange.target)
    sent = translate(dialect, message, slots, crossing)
    told = crossing.tell_another()
    onward: Keys = dialect.keys(message, crossing)
    return reach.by_stream(registry, dialect, exchange, sent, now), onward, told


def _leave(
    registry: Registry,
    dialect: Any,
    exchange: Exchange,
    heard: tuple[bytes, bytes | None] | None,
    lost: bool,
    now: float,
) -> list[Order]:
    """Make the attempt under way an exchange of its own, that nobody waits for."""
    left = Exchange(
        dialect=exchange.dialect,
        intent=exchange.intent,
        timing=exchange.timing,
        token=exchange.token,
        near=None,
        far=exchange.far,
        path=exchange.path,
        neighbour=exchange.neighbour,
        trunk=exchange.trunk,
        target=exchange.target,
        sent=exchange.sent,
        instead=exchange,
    )
    registry.add_exchange(left, now)
    registry.join(left, exchange.call)
    keys = [key for key in exchange.keys if is_far(key)]
    exchange.keys = [key for key in exchange.keys if key not in keys]
    for key in keys:  # what answers it finds the attempt that was given up
        registry.key_exchange(left, key)
    if heard is not None:
        left.heard, left.confirmation = heard
        if left.confirmation is None:
            return registry.forget_exchange(left, now)
        return [*left.onward(left.confirmation), *asking.finish(registry, left, State.DONE, now)]
    if exchange.timing.blunt:  # nobody answers what takes it back
        told = [] if lost else left.onward(dialect.withdraw(left.sent, None, Ending.NO_ANSWER))
        return [*told, *asking.finish(registry, left, State.DONE, now)]
    if not exchange.timing.quiet:
        return asking.finish(registry, left, State.DONE, now)
    if exchange.state is State.PROCEEDING:
        return transact.send_withdrawal(registry, dialect, left, now, Ending.NO_ANSWER)
    left.state = State.WITHDRAWING  # as soon as it is heard of (RFC 3261 section 9.1)
    registry.timers.set(left, left.deadline)
    return []


def _note(exchange: Exchange, old: Neighbour, new: Neighbour, why: str) -> Note:
    said = {"method": exchange.intent.method, "from": str(old.hop.peer), "to": str(new.hop.peer)}
    return Note("failover", why, exchange.call_id, said)
