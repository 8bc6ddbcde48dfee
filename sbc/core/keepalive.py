"""Keepalive: terminals behind NATs are asked whether they live, which keeps their mappings alive too; so are those that
have registered for good, behind a NAT or not."""

from __future__ import annotations

from typing import Any

from sbc.core import asking, farewell, lasting, leave
from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.call import Call, CallState
from sbc.core.exchange import Exchange, Hop
from sbc.core.group import joined
from sbc.core.habits import Host
from sbc.core.message import Intent, Phase, Place
from sbc.core.orders import Listener, Note, Order
from sbc.core.realm import Keepalive, Probing, Realm, Side
from sbc.core.registry import Arrival, Registry
from sbc.core.watch import Watch, key_of

SPREAD = 0.1
"""The part of a wait by which it may be shorter, so that many terminals do not come to be asked at one moment."""
RETRY = 2.0
"""Seconds from a missed answer to the next question."""
CONNECTED = 120.0
"""The least fixed period in seconds over transports that have connections, whose mappings live longer."""
BEFORE, AFTER = 0.95, 1.1
"""What a terminal is to let pass before it comes by itself: less than a period, more than a silence on trial."""
RESTING = 4.0
"""A dead terminal is asked at so many times the usual period."""


def attend(registry: Registry, owner: Binding | Call, now: float) -> None:
    """Let the watch over the terminal of `owner` be the right one: begun, moved, or ended, as it stands now."""
    at = _stands(registry, owner)
    watch = owner.watch
    if watch is not None and (at is None or (watch.listener, watch.peer) != at):
        if at is not None and isinstance(owner, Binding) and at[1].host == watch.peer.host:
            _lost(registry, watch, owner, now)
        registry.leave(owner, now)
        watch = None
    if at is None:
        if isinstance(owner, Binding) and owner.state is BindingState.DEAD:  # nobody would bring it back
            lasting.revived(registry, owner, now)
        return
    if watch is None:
        watch = owner.watch = _watch(registry, owner, *at, now)
    if watch.dead and isinstance(owner, Binding):
        owner.state = BindingState.DEAD  # the registrar's yes came too late
        registry.touch(owner)


def _watch(registry: Registry, owner: Binding | Call, listener: Listener, peer: Address, now: float) -> Watch:
    """The watch over `peer` as seen from `listener`, for `owner`, too; a new one where there is none."""
    watch = registry.watches.get(key_of(listener, peer))
    if watch is not None:
        watch.owners = joined(watch.owners, owner)
    else:
        watch = Watch(listener, peer, owner.dialect, now, (owner,))
        registry.watches[watch.key] = watch
        watch.wait = _base(registry, watch) * (0.5 + 0.5 * _chance(registry, watch))  # they may all have come at once
        registry.timers.set(watch, now + watch.wait)
    return watch


def _lost(registry: Registry, watch: Watch, binding: Binding, now: float) -> None:
    """The terminal has come from another port: the NAT has forgotten it, or it has begun anew.

    That it was the NAT is believed where a question is open that was asked after a silence, or the second time.
    """
    twice, binding.strayed = binding.strayed, True
    asked = watch.probe is not None and not watch.spoiled
    silence = watch.silence if asked else now - watch.heard_at
    if _adapts(registry, watch) and not watch.missed and (asked or (twice and silence > _base(registry, watch))):
        learner = registry.learners[watch.listener.realm]
        learner.failed(_host(watch), _base(registry, watch), watch, silence, now)


def _stands(registry: Registry, owner: Binding | Call) -> tuple[Listener, Address] | None:
    """Where the terminal of `owner` is to be asked, if it is to be."""
    if isinstance(owner, Binding):
        if owner.state in (BindingState.PENDING, BindingState.LAPSED) or not (owner.behind_nat or owner.lasting):
            return None
        return (owner.listener, owner.seen) if _wanted(owner.realm) else None
    if owner.bound:
        return None  # its connections tell when they are lost
    if owner.state in (CallState.OPENING, CallState.CLOSED):
        return None  # nobody has taken its opening up yet: whoever forged its source is not to be answered twice
    for leg in owner.legs:
        if leg.behind_nat and _wanted(leg.realm):
            return leg.listener, leg.seen
    return None


def _wanted(realm: Realm) -> bool:
    return realm.side is Side.ACCESS and realm.keepalive.mode is not Probing.OFF


def heard(registry: Registry, arrival: Arrival, spoke: bool) -> list[Order]:
    """Something has come from a transport address; `spoke` unless it only answers. Whoever was dead there is back."""
    watch = registry.watches.get(key_of(arrival.listener, arrival.source))
    if watch is None:
        return []
    watch.heard_at = arrival.now
    watch.spoiled = watch.spoiled or spoke
    if not watch.missed:
        return []
    was_dead, watch.missed, watch.dead = watch.dead, 0, False
    if watch.probe is None:
        _rest(registry, watch, arrival.now)
    if not was_dead:
        return []
    orders: list[Order] = [Note("alive", "heard of again", "", _fields(watch))]
    for owner in watch.owners:
        if isinstance(owner, Binding) and owner.state is BindingState.DEAD:
            owner.state = BindingState.BOUND
            registry.touch(owner)
            orders += lasting.back(registry, owner, arrival.now) if owner.lasting else []
    return orders


def wake_watch(registry: Registry, dialect: Any, watch: Watch, now: float) -> list[Order]:
    """Ask, if it has been silent for long enough."""
    if watch.probe is not None:
        return []
    if now < watch.heard_at + watch.wait:
        registry.timers.set(watch, watch.heard_at + watch.wait)
        return []
    settings, listener = _settings(registry, watch), watch.listener
    watch.asked += 1
    hop = Hop(listener, watch.peer)
    said = (b"probe", _name(watch), watch.asked.to_bytes(8, "big"), str(now).encode())
    token = asking.own_name(registry, dialect, hop, *said)
    data = dialect.probe(_place(watch), listener, token)
    exchange = asking.request(registry, dialect, hop, data, now, settings.answer_within, watch=watch)
    watch.probe, watch.silence, watch.spoiled = exchange, now - watch.heard_at, False
    return [Note("probed", f"after {watch.silence:.0f} s", "", _fields(watch)), *exchange.onward(data)]


def answered(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """The terminal has answered, whatever it was: it lives, and so does its mapping."""
    if exchange.parting is not None:
        return farewell.heard(registry, exchange, answer, now)
    if exchange.returns is not None:
        return leave.returned(registry, exchange, "" if answer.phase is Phase.SUCCESS else answer.cause, now)
    watch, orders = exchange.watch, registry.forget_exchange(exchange, now)
    if watch is None or watch.probe is not exchange:
        return orders
    watch.probe = None
    if _adapts(registry, watch) and not watch.spoiled:
        learner = registry.learners[watch.listener.realm]
        learner.survived(_host(watch), _base(registry, watch), watch, watch.silence)
    _rest(registry, watch, now)
    return orders


def missed(registry: Registry, dialect: Any, exchange: Exchange, why: str, now: float) -> list[Order]:
    """The terminal has not answered. After some more of that it is dead."""
    if exchange.parting is not None:
        return farewell.unheard(registry, exchange, why, now)
    if exchange.returns is not None:
        return leave.returned(registry, exchange, why, now)
    watch, orders = exchange.watch, registry.forget_exchange(exchange, now)
    if watch is None or watch.probe is not exchange:
        return orders
    watch.probe = None
    if watch.spoiled:  # it has spoken meanwhile, so it lives
        _rest(registry, watch, now)
        return orders
    if _adapts(registry, watch) and not watch.missed:
        learner, host = registry.learners[watch.listener.realm], _host(watch)
        learner.failed(host, _base(registry, watch), watch, watch.silence, now)
        learner.release(host, watch)
    watch.missed += 1
    settings = _settings(registry, watch)
    if watch.missed < settings.misses:
        _ask_at(registry, watch, now + RETRY)
        return [*orders, Note("missed", f"{watch.missed} of {settings.misses}", "", _fields(watch))]
    _ask_at(registry, watch, now + RESTING * _base(registry, watch))
    if watch.dead:
        return orders
    watch.dead = True
    orders.append(Note("dead", f"{watch.missed} answers missed", "", _fields(watch)))
    for owner in list(watch.owners):
        if isinstance(owner, Binding) and owner.state is BindingState.BOUND:
            owner.state = BindingState.DEAD
            registry.touch(owner)
            orders += lasting.lost(registry, owner, now) if owner.lasting else []
            if settings.tell_core:
                orders += farewell.say(registry, dialect, owner, now)
    return orders


def ask_soon(registry: Registry, watch: Watch, now: float) -> None:
    """Whoever is watched is asked within a period, as long as that is; not all at one moment."""
    _ask_at(registry, watch, now + _settings(registry, watch).period * _chance(registry, watch))


def bury(registry: Registry, watch: Watch, now: float) -> None:
    """Who was dead before a restart still is, until heard of; it is asked soon."""
    watch.missed, watch.dead = _settings(registry, watch).misses, True
    for owner in watch.owners:
        if isinstance(owner, Binding) and owner.state is BindingState.BOUND:
            owner.state = BindingState.DEAD
            registry.touch(owner)
    _ask_at(registry, watch, now + RETRY)


def period(realm: Realm, listener: Listener) -> float:
    """After how long a silence a terminal in a realm is asked that speaks to that listener of ours, as long as nothing
    is learned of its NAT; 0: never."""
    return 0.0 if realm.keepalive.mode is Probing.OFF else _floor(realm.keepalive, listener)


def patience(registry: Registry, binding: Binding, listener: Listener, peer: Address, now: float) -> float:
    """For how many seconds a terminal at `peer` is best registered, since its NAT is known; 0 where nothing is learned.

    It is to come by itself just before it would be asked; but where a longer silence is on trial, just after that.
    """
    realm = registry.plan.realms[listener.realm]
    learner = registry.learners.get(realm.name)
    if learner is None:
        return 0.0
    host, floor = (listener.transport, peer.host), _floor(realm.keepalive, listener)
    watch = binding.watch
    if watch is not None and any(isinstance(owner, Call) for owner in watch.owners):
        trial = None
    else:
        trial = learner.trial(host, floor, watch, now)
    if trial is None:
        return BEFORE * learner.period(host, floor) / binding.comes_back
    return max(AFTER * trial, trial + realm.keepalive.answer_within + 2 * RETRY) / binding.comes_back


def _rest(registry: Registry, watch: Watch, now: float) -> None:
    """Wait for the next time to ask: a period of silence, or one on trial where that is the way to learn."""
    base = _base(registry, watch)
    wait, trial = base, None
    if _adapts(registry, watch):
        learner, host = registry.learners[watch.listener.realm], _host(watch)
        wait = learner.period(host, base)
        if any(isinstance(owner, Call) for owner in watch.owners):
            learner.release(host, watch)  # a call is not put at risk
        else:
            trial = learner.attempt(host, base, watch, now)
    watch.wait = trial or wait * (1 - SPREAD * _chance(registry, watch))
    _ask_at(registry, watch, watch.heard_at + watch.wait)


def _ask_at(registry: Registry, watch: Watch, at: float) -> None:
    watch.wait = at - watch.heard_at
    registry.timers.set(watch, at)


def _place(watch: Watch) -> Place:
    """Whom to ask at the watched address: the first of those there."""
    for owner in watch.owners:
        if isinstance(owner, Binding):
            return owner.place._replace(route=owner.route)
        for leg in owner.legs:
            if leg.latest is not None and leg.seen == watch.peer:
                return leg.latest
    return Place(watch.peer)


def _settings(registry: Registry, watch: Watch) -> Keepalive:
    return registry.plan.realms[watch.listener.realm].keepalive


def _floor(settings: Keepalive, listener: Listener) -> float:
    if not listener.reliable or settings.mode is Probing.ADAPTIVE:  # the search begins where no NAT has forgotten yet
        return settings.period
    return max(settings.period, CONNECTED)


def _base(registry: Registry, watch: Watch) -> float:
    settings = _settings(registry, watch)
    return max(settings.direct, settings.period) if _is_direct(watch) else _floor(settings, watch.listener)


def _is_direct(watch: Watch) -> bool:
    """Whether no NAT stands between, and there is no mapping to be kept."""
    return all(isinstance(owner, Binding) and not owner.behind_nat for owner in watch.owners)


def _adapts(registry: Registry, watch: Watch) -> bool:
    return watch.listener.realm in registry.learners and not _is_direct(watch)


def _host(watch: Watch) -> Host:
    return watch.listener.transport, watch.peer.host


def _name(watch: Watch) -> bytes:
    by = " by connection" if watch.listener.reliable else ""
    return f"{watch.listener.address} {watch.peer}{by}".encode()


def _chance(registry: Registry, watch: Watch) -> float:
    """A number from 0 to 1 that nobody outside can foresee, and no two watches share."""
    return registry.mint.chance(b"wait", _name(watch), watch.asked.to_bytes(8, "big"))


def _fields(watch: Watch) -> dict[str, Any]:
    return {"peer": str(watch.peer), "listener": str(watch.listener)}
