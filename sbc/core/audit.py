"""The auditor: whether the books balance: whether every port, key, token and timer belongs to something alive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sbc.core import admitted
from sbc.core.backlog import Backlog
from sbc.core.binding import Binding, BindingState
from sbc.core.call import Call, CallState
from sbc.core.crowd import source_of
from sbc.core.doors import Control
from sbc.core.exchange import ENDED_STATES, Exchange, Hop
from sbc.core.held import Held
from sbc.core.hops import Neighbour
from sbc.core.networks import Networks
from sbc.core.orders import Listener
from sbc.core.ports import PoolKey
from sbc.core.promises import Promise
from sbc.core.pulse import Pulse
from sbc.core.realm import Side
from sbc.core.registry import Registry
from sbc.core.watch import Watch

_UNANSWERED = frozenset({CallState.OPENING, CallState.EARLY})


def audit(registry: Registry, engine_streams: Iterable[str] | None = None) -> list[str]:
    """What does not add up, one line each, the first offender first; empty if all is well.

    `engine_streams` are the ids of the streams the media engine holds, where there is one to ask. Changes nothing.
    """
    faults = [] if engine_streams is None else audit_streams(registry, engine_streams)
    return faults + [fault for check in CHECKS for fault in check(registry)]


def audit_streams(registry: Registry, engine_streams: Iterable[str]) -> list[str]:
    """What does not add up between the calls' streams and those the engine holds."""
    ours = {stream.id for call in registry.calls.values() for stream in call.streams.values()}
    held = set(engine_streams)
    return [f"stream {id} is open in the engine but in no call" for id in sorted(held - ours)] + [
        f"stream {id} of a call is not open in the engine" for id in sorted(ours - held)
    ]


def _media_ports(registry: Registry) -> list[str]:
    pools = registry.networks.media.all()
    used: dict[PoolKey, set[int]] = {key: set() for key in pools}
    faults = []
    for call in registry.calls.values():
        for stream in call.streams.values():
            for leg, pair in zip(call.legs, stream.ours, strict=True):
                there = used.setdefault((leg.realm.name, pair.rtp.host, leg.realm.vpn), set())
                if pair.rtp.port in there:
                    faults.append(f"media port {pair.rtp.port} of realm {leg.realm.name} is in two streams")
                there.add(pair.rtp.port)
    for (name, *_), pool in pools.items():
        there = used.pop((name, pool.host, pool.vpn))
        faults += [f"media port {port} of realm {name} is taken by nobody" for port in sorted(pool.used - there)]
        faults += [f"media port {port} of realm {name} is used but not taken" for port in sorted(there - pool.used)]
        if not pool.balanced():
            faults.append(f"the media ports of realm {name} do not add up")
    return faults + [f"media ports of realm {name} at {host} belong to no pool" for name, host, _ in used]


def _shared_numbers(registry: Registry) -> list[str]:
    numbers = registry.networks.numbers
    streams = [stream for call in registry.calls.values() for stream in call.streams.values()]
    sides = [shared for each in streams for shared in each.shared if shared is not None]
    held = Counter((shared.local.rtp, shared.number) for shared in sides)
    used = {(port, number) for port, some in (numbers.used if numbers else {}).items() for number in some}
    faults = [f"number {number} at {port} is in two streams" for (port, number), count in held.items() if count > 1]
    faults += [f"number {number} at {port} is taken by nobody" for port, number in sorted(used - held.keys())]
    return faults + [f"number {number} at {port} is used but not taken" for port, number in sorted(held.keys() - used)]


def _calls(registry: Registry) -> list[str]:
    alive = registry.calls
    faults = [
        f"key {key!r} leads to the forgotten {call}"
        for key, call in registry.calls_by_key.items()
        if alive.get(call.id) is not call
    ]
    faults += [
        f"label {key!r} leads to the forgotten {call}"
        for key, named in registry.calls_by_label.items()
        for call in named
        if alive.get(call.id) is not call
    ]
    for call in alive.values():
        faults += [f"{call} believes in key {key!r}" for key in call.keys if registry.calls_by_key.get(key) is not call]
    closed = {call for call in alive.values() if call.state is CallState.CLOSED}
    faults += [f"{call} is kept for late messages, but lives" for call in registry.crowd.late_calls.all() - closed]
    legs = Counter(Hop(leg.listener, leg.seen) for call in alive.values() if call not in closed for leg in call.legs)
    if registry.waits.legs() != Counter({hop: count for hop, count in legs.items() if hop.reliable}):
        faults.append("the connections of calls do not add up")
    live = [call for call in alive.values() if call not in closed]
    if registry.waits.seen() != Counter((leg.realm.name, leg.seen) for call in live for leg in call.legs):
        faults.append("where those are who are in calls does not add up")
    if {call for tied in registry.ties.all().values() for call in tied} - (set(alive.values()) - closed):
        faults.append("a connection means a call that is over or forgotten")
    promised = {call for promise in registry.promises.all() for call in promise.calls}
    faults += [
        f"{call} is over or forgotten, and leave for it is not" for call in promised - (set(alive.values()) - closed)
    ]
    faults += [f"{call} has a stray {key!r}" for key, call in registry.calls_by_key.items() if key not in call.keys]
    return faults


def _exchanges(registry: Registry) -> list[str]:
    keyed = set(registry.exchanges.values())
    joined = {exchange for call in registry.calls.values() for exchange in call.exchanges}
    of_calls = {exchange for exchange in registry.live_exchanges if exchange.call is not None}
    faults = [f"{_said(e)} is not known to its call, or that is forgotten" for e in of_calls - joined]
    faults += [f"{_said(e)} is known to a call but not alive" for e in joined - of_calls]
    faults += [f"{_said(e)} is keyed but not alive" for e in keyed - registry.live_exchanges]
    faults += [f"{_said(e)} is alive but cannot be found" for e in registry.live_exchanges - keyed]
    waiting = registry.waits.all()
    faults += [f"{_said(e)} is waited for but not alive" for e in waiting - registry.live_exchanges]
    asked = [e for e in registry.live_exchanges if (e.instead or e).near is not None]
    over = {e for e in asked if e.state in ENDED_STATES}
    late = registry.crowd.late_exchanges.all()
    faults += [f"{_said(e)} has ended and is counted, or the reverse" for e in over ^ late]
    faults += [f"{_said(e)} waits where nobody looks" for e in waiting if e not in registry.waits.held(e.far)]
    expected = registry.waits.expected()
    faults += [f"{_said(e)} is to be come for but not alive" for e in expected - registry.live_exchanges]
    return faults


def _said(exchange: Exchange) -> str:
    return f"exchange {exchange.intent.method} {exchange.intent.exchange!r} ({exchange.state.value})"


def _bindings(registry: Registry) -> list[str]:
    alive = set(registry.bindings.values())
    by_user = {binding for group in registry.bindings_by_user.values() for binding in group}
    waiting, by_user = set(registry.pending), by_user | set(registry.pending)
    by_source = {binding for group in registry.bindings_by_source.values() for binding in group}
    faults = [f"{b} is not found by its user" for b in alive - by_user] + [
        f"{b} is not found by its source" for b in alive - by_source
    ]
    pending = {binding for binding in alive if binding.state is BindingState.PENDING}
    faults += [f"{b} is confirmed, or waits for that: not both" for b in waiting ^ pending]
    faults += [f"{b} is forgotten but found" for b in (by_user | by_source) - alive]
    faults += [f"{b} is forgotten but has a connection" for b in registry.lines.owners() - alive]
    known = registry.live_exchanges
    faults += [f"{b} is claimed by a forgotten exchange" for b in alive if not known.issuperset(b.claims)]
    return faults


def _watches(registry: Registry) -> list[str]:
    alive: set[Binding | Call] = {*registry.bindings.values(), *registry.calls.values()}
    faults = []
    for key, watch in registry.watches.items():
        if key != watch.key or not watch.owners:
            faults.append(f"{watch!r} is kept for nobody, or under another's key")
        faults += [f"{watch!r} is kept for the forgotten {o!r}" for o in watch.owners if o not in alive]
        faults += [f"{o!r} does not know of {watch!r}" for o in watch.owners if o.watch is not watch]
        if watch.probe is not None and watch.probe not in registry.live_exchanges:
            faults.append(f"{watch!r} waits for a forgotten exchange")
        for owner in watch.owners:
            if isinstance(owner, Binding) and watch.dead != (owner.state is BindingState.DEAD):
                faults.append(f"{owner!r} and {watch!r} differ on whether it lives")
    for neighbour in registry.hops.neighbours.values():
        if neighbour.probe is not None and neighbour.probe not in registry.live_exchanges:
            faults.append(f"{neighbour!r} waits for a forgotten exchange")
    known = [owner.watch for owner in alive if owner.watch is not None]
    return faults + [
        f"{watch!r} is over, but somebody relies on it" for watch in known if watch.key not in registry.watches
    ]


def _terminal_ports(registry: Registry) -> list[str]:
    promises = registry.promises.all()
    alive = {*registry.bindings.values(), *registry.calls.values(), *registry.live_exchanges, *promises}
    ports = registry.terminal_ports
    faults = []
    for port in ports.values():
        faults += [f"signalling port {port.listener} is held by forgotten {h!r}" for h in port.holders - alive]
        if not port.holders:
            faults.append(f"signalling port {port.listener} belongs to nobody")
        if port.binding is not None and port.binding not in port.holders:
            faults.append(f"signalling port {port.listener} leads to the forgotten {port.binding}")
    needed: list[tuple[object, list[Listener]]] = [
        *((call, [leg.listener for leg in call.legs]) for call in registry.calls.values()),
        *((exchange, exchange.listeners) for exchange in registry.live_exchanges),
        *((binding, [binding.onward]) for binding in registry.bindings.values()),
        *((promise, [promise.far.listener]) for promise in promises if promise.far is not None),
    ]
    for holder, listeners in needed:
        for own in map(ports.find, listeners):
            if own is not None and holder not in own.holders:
                faults.append(f"{holder!r} does not hold signalling port {own.listener}")
    taken = sum(len(pool.used) for pool in ports.all_pools())
    if taken != len(ports):
        faults.append(f"{taken} signalling ports are taken, {len(ports)} are open")
    faults += [f"the signalling ports of path {n} do not add up" for n, p in ports.pools.items() if not p.balanced()]
    return faults


def _names(registry: Registry) -> list[str]:
    alive = {id(owner) for owner in _owners(registry)}
    faults = []
    for name in registry.names.all():
        if id(name.owner) not in alive:
            faults.append(f"a name belongs to the forgotten {name.owner!r}")
        elif name.owner.tokens.get((name.realm, (name.place, name.party))) != name.token:
            faults.append(f"{name.owner!r} does not know its name {name.token!r}")
    known = sum(len(owner.tokens) for owner in _owners(registry))
    if known != len(registry.names):
        faults.append(f"{known} names are believed in, {len(registry.names)} are there")
    return faults


def _timers(registry: Registry) -> list[str]:
    woken = registry.timers.owners()
    faults = [f"{owner!r} has no timer" for owner in _timed(registry) if owner.due is None and _wants_timer(owner)]
    faults += [
        f"{owner!r} waits in vain" for owner in _timed(registry) if owner.due is not None and id(owner) not in woken
    ]
    strays = len(woken - {id(owner) for owner in _timed(registry)})
    return [*faults, f"{strays} timers belong to nobody"] if strays else faults


_Timed = Call | Exchange | Binding | Watch | Neighbour | Networks | Backlog | Promise | Pulse | Control | Held


def _wants_timer(owner: _Timed) -> bool:
    if isinstance(owner, Promise):
        return not owner.calls and owner.returning is None
    if isinstance(owner, Watch):
        return owner.probe is None
    if isinstance(owner, Control):
        return owner.ends[0].hops != [] and owner.ends[1].hops == []
    if isinstance(owner, Neighbour):
        return not owner.usable and owner.probe is None  # else it would never be tried again
    return not isinstance(owner, Binding) or not owner.claims  # an unconfirmed binding lives by its exchanges


def _owners(registry: Registry) -> list[Call | Exchange | Binding]:
    return [*registry.calls.values(), *registry.live_exchanges, *registry.bindings.values()]


def _timed(registry: Registry) -> list[_Timed]:
    past: list[_Timed] = [registry.networks] if registry.networks.past else []
    past += [registry.backlog] if len(registry.backlog) else []
    past += registry.promises.all()
    past += [call.pulse for call in registry.calls.values() if call.pulse is not None]
    past += registry.controls.all()
    past += registry.held.values()
    return [*_owners(registry), *registry.watches.values(), *registry.hops.neighbours.values(), *past]


def _controls(registry: Registry) -> list[str]:
    controls, alive = registry.controls, {c for c in registry.calls.values() if c.state is not CallState.CLOSED}
    pools = controls.all_pools()
    used: dict[PoolKey, set[int]] = {key: set() for key in pools}
    faults = [f"the control channel of {each.call} outlives it" for each in controls.all() if each.call not in alive]
    for door in controls.listeners():
        used.setdefault((door.realm, door.address.host, door.vpn), set()).add(door.address.port)
        if controls.behind(door) is None:
            faults.append(f"door {door} leads nowhere")
    for key, ports in used.items():
        if key not in pools or pools[key].used != ports or not pools[key].balanced():
            faults.append(f"the ports for control channels of realm {key[0]} do not add up")
    said = {hop for each in controls.all() for end in each.ends for hop in end.hops}
    if said != controls.hops():
        faults.append("the connections of control channels do not add up")
    return faults


def _members(registry: Registry) -> list[str]:
    alive = {c for c in registry.calls.values() if c.gathering is not None and c.state is not CallState.CLOSED}
    faults, known = list[str](), set[Call]()
    for gateway, (calls, members) in registry.members.all().items():
        known |= calls
        faults += [f"{call} is over, and known as live at {gateway}" for call in calls - alive]
        for member, call in members.items():
            if call not in calls or call.gathering is None or member not in call.gathering.members:
                faults.append(f"{call} does not know its member {member!r}")
    meetings = registry.networks.meetings.all()
    places = {
        id(stream): call for call in registry.calls.values() if call.gathering for stream in call.streams.values()
    }
    if Counter(meetings.values()) != Counter({call: 2 * n for call, n in Counter(places.values()).items()}):
        faults.append("the ports of calls that gather do not add up")
    for call in registry.calls.values():
        gathering = call.gathering
        if gathering is None:
            continue
        if call in alive - known:
            faults.append(f"{call} is not known to live at {gathering.gateway}")
        strays = [each for each in gathering.members if registry.members.find(gathering.gateway, each) is not call]
        faults += [f"{call} believes in its member {member!r}" for member in strays]
        if call in alive and not gathering.members and not any(each.open for each in call.exchanges):
            faults.append(f"{call} lives by nobody")
    return faults


def _counts(registry: Registry) -> list[str]:
    counted = registry.counts()
    sources = Counter(
        (exchange.near.listener.realm, source_of(exchange, exchange.near))
        for exchange in registry.live_exchanges - registry.crowd.late_exchanges.all()
        if exchange.near is not None and registry.plan.realms[exchange.near.listener.realm].side is Side.ACCESS
    )
    return [
        f"{registry.crowd.per_source[key]} exchanges are counted for {key}, {sources[key]} are there"
        for key in sorted({*sources, *registry.crowd.per_source})
        if registry.crowd.per_source[key] != sources[key]
    ] + [
        f"{registry.crowd.in_realm[key]} {key[0]} are counted in realm {key[1]}, {counted[key]} are there"
        for key in sorted({*counted, *registry.crowd.in_realm})
        if registry.crowd.in_realm[key] != counted[key]
    ]


def _book(registry: Registry) -> list[str]:
    live = [call for call in registry.calls.values() if call.state is not CallState.CLOSED]
    bound = [each for each in registry.bindings.values() if each.state is not BindingState.PENDING]
    faults = [f"{call} is not counted" for call in live if bool(call.ticket.counts) is call.lifetime]
    faults += [f"{call} is over, and holds a ticket" for call in registry.calls.values() if _holds_yet(call)]
    faults += [f"{each} is not counted" for each in bound if each.ticket is None]
    streams = {stream.id for call in live for stream in call.streams.values()}
    streams |= {admitted.foreseen(call) for call in live if call.state in _UNANSWERED and not call.streams}
    held = {stream for call in live for stream in call.ticket.held if stream != call.ticket.ahead}
    faults += [f"stream {stream} is closed, and holds bandwidth" for stream in sorted(held - streams)]
    faults += [
        f"{stream.id} was admitted to {stream.admitted}, and holds {call.ticket.held.get(stream.id)}"
        for call in live
        for stream in call.streams.values()
        if stream.admitted != call.ticket.held.get(stream.id)
    ]
    tickets = [call.ticket for call in live] + [each.ticket for each in bound if each.ticket is not None]
    tickets += registry.ahead.tickets()
    return faults + registry.gate.book.faults(tickets)


def _holds_yet(call: Call) -> bool:
    return call.state is CallState.CLOSED and bool(call.ticket.counts or call.ticket.held)


CHECKS = (
    *(_media_ports, _shared_numbers, _calls, _exchanges, _bindings, _watches),
    *(_terminal_ports, _names, _timers, _controls, _members, _counts, _book),
)
"""The checks one by one, each whole in itself: a running SBC with many calls spreads them over time."""
