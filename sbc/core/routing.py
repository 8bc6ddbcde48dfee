"""Where a message goes: finds its call or binding, asks for admission, and makes the crossing."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core import asking, bound, calling, control, farewell, front, gathering, leave, local, pulse, sessions
from sbc.core.admission import admit
from sbc.core.binding import ABSENT, Binding, BindingState
from sbc.core.call import Asked, Call, CallState, Leg
from sbc.core.crossing import Crossing, resolve
from sbc.core.exchange import Exchange, Hop
from sbc.core.fan import Fan
from sbc.core.hops import Neighbour
from sbc.core.keys import answer_key
from sbc.core.message import Cause, Intent, Kind, Phase, Place, Refused, Role, Slot, told_to
from sbc.core.names import Name
from sbc.core.onward import hop_to, moved
from sbc.core.orders import Listener, Order
from sbc.core.realm import Path, Realm, Side
from sbc.core.registry import Arrival, Registry
from sbc.core.trunk import is_at
from sbc.core.trunks import to_trunk
from sbc.core.way import Way, is_core_peer, led_to

MOST_PLACES = 16
"""Places one registration may bind."""


def exchange_of_reply(registry: Registry, intent: Intent, arrival: Arrival) -> Exchange | None:
    """The exchange that an answer belongs to, if it comes from the host that was asked."""
    exchange = registry.exchanges.get(answer_key(arrival.listener, arrival.source, intent.exchange, intent.bound))
    if exchange is None or exchange.far is None or exchange.far.peer.host != arrival.source.host:
        return None
    return None if intent.local and not local.is_its_answer(registry, exchange, arrival) else exchange


def known_here(registry: Registry, near: Hop, intent: Intent) -> Exchange | None:
    """The request that comes again. By a connection nothing does: what had the name of a call there that is over is not
    what begins the next one by it."""
    key = near.key(intent, intent.exchange)
    known = registry.exchanges.get(key)
    call = None if known is None else known.call
    if known is None or not intent.bound or intent.kind is not Kind.OPEN:
        return known
    if call is None or call.state is not CallState.CLOSED:
        return known
    registry.unkey_exchange(known, key)
    return None


def known_elsewhere(registry: Registry, intent: Intent, arrival: Arrival) -> Exchange | None:
    """The attempt that comes again by another mapping of the asker's NAT, or from another of the next hops (RFC 3261
    section 17.2.3). What means its connection, or gateway, does not."""
    realm = registry.plan.realms[arrival.listener.realm]
    if intent.bound or intent.local:
        return None
    if realm.side is Side.CORE and not registry.hops.is_host(realm.name, arrival.source.host, arrival.now):
        return None
    call = registry.call_meant(arrival, intent)
    opening = call.opening if call is not None else None
    if opening is None or opening.intent.exchange != intent.exchange or opening not in registry.live_exchanges:
        return None
    return opening


def reply_crossing(registry: Registry, arrival: Arrival, intent: Intent, exchange: Exchange) -> Crossing:
    """The crossing of an answer: back to whoever asked."""
    assert exchange.near is not None and exchange.path is not None  # only exchanges that crossed get here
    crossing = Crossing(registry, arrival, intent, exchange, exchange.near, exchange.path, None)
    if exchange.call is not None and exchange.intent.kind is Kind.OPEN:  # later answers do not move the route
        exchange.call.legs[crossing.from_leg].learn(intent)
    return crossing


def request_crossing(
    registry: Registry, dialect: Any, arrival: Arrival, intent: Intent, slots: list[Slot]
) -> tuple[Crossing, list[Order]]:
    """The crossing of a request, admitted and with its exchange in the registry, and the orders that go before it.

    @raises Refused, having left nothing behind.
    """
    if intent.hops is not None and intent.hops <= 0:
        raise Refused(Cause.LOOP, "no hops left")
    way = _way(registry, dialect, arrival, intent)
    sessions.check(intent, way.path)
    if intent.phase is Phase.CONFIRM and way.call is None and intent.kind is not Kind.OTHER:
        raise Refused(Cause.NO_CALL, "nothing to confirm")
    exchange = Exchange(
        dialect=arrival.listener.dialect,
        intent=intent,
        timing=dialect.timing(intent),
        token=asking.own_name(
            registry,
            dialect,
            way.hop,
            *(b"exchange", *local.origin(arrival, intent, way.terminal), intent.exchange),
        ),
        near=registry.asker(arrival, intent),
        far=way.hop,
        neighbour=way.neighbour,
        trunk=way.trunk,
        target=way.target,
        path=way.path,
        party=way.party,
        asked=arrival.data,
    )
    if intent.phase is not Phase.CONFIRM:
        registry.add_exchange(exchange, arrival.now)
    orders = list(way.orders)
    try:
        leave.meant(registry, exchange, way.terminal, arrival)
        if intent.kind is Kind.BIND:
            orders += _claim_bindings(registry, arrival, intent, slots, exchange)
        call, opening = call_for(registry, dialect, arrival, intent, way)
        orders += opening
    except Refused:
        registry.forget_exchange(exchange, arrival.now)
        raise
    assert exchange.far is not None
    if intent.phase is Phase.CONFIRM:
        exchange.call = call  # it is never answered, and nothing of it stays
    else:
        registry.join(exchange, call)
    if exchange.call is None:
        exchange.label = far_label(registry, arrival, intent, way.path)
    else:
        realm = arrival.listener.realm
        exchange.arrival_leg = exchange.call.leg_in(realm)
        exchange.call.legs[exchange.arrival_leg].learn(intent)
        if intent.kind is Kind.OPEN:
            exchange.call.opening = exchange
            onward = exchange.call.legs[1 - exchange.arrival_leg]
            if exchange.far != Hop(onward.listener, onward.seen):  # it comes again, and whom it went to is down
                orders += registry.move_leg(exchange.call, onward, exchange.far, arrival.now)
            exchange.call.ends_at = arrival.now + registry.plan.timers.call_max
            registry.timers.set(exchange.call, exchange.call.ends_at)
        exchange.label = exchange.call.legs[1 - exchange.arrival_leg].label
    return Crossing(registry, arrival, intent, exchange, exchange.far, way.path, way.target), orders


def far_label(registry: Registry, arrival: Arrival, intent: Intent, path: Path) -> bytes:
    """What a call named `intent.label` here is to be named on the other side of `path`.

    The same for all messages of one source host, so that a registrar sees one name across refreshes (RFC 3261 section
    10.2.4).
    """
    if not path.hide_labels or not intent.label or intent.frank:
        return intent.label
    return registry.mint.derive(b"label", arrival.listener.realm.encode(), arrival.source.host.encode(), intent.label)


def _way(registry: Registry, dialect: Any, arrival: Arrival, intent: Intent) -> Way:
    realm = registry.plan.realms[arrival.listener.realm]
    if intent.control:
        return control.way(registry, arrival, intent)
    if intent.local:
        return _at_gateway(registry, dialect, arrival, intent, realm)
    name = _name(registry, realm, intent)
    call = _existing_call(registry, arrival, intent, realm, name)
    if call is not None:
        return _within_call(registry, arrival, intent, call, name)
    if intent.within:
        raise Refused(Cause.NO_CALL, "no such call")
    if dialect.parted and intent.bound:
        return calling.way(registry, arrival, intent, realm)
    if realm.side is Side.ACCESS:
        return _from_access(registry, dialect, arrival, intent, realm, name)
    return _from_core(registry, arrival, intent, realm, name)


def _at_gateway(registry: Registry, dialect: Any, arrival: Arrival, intent: Intent, realm: Realm) -> Way:
    """The way to or from a gateway does not depend on its calls, which its requests only belong to."""
    call = local.call_of(registry, arrival, intent, realm)
    if realm.side is Side.ACCESS:
        return attrs.evolve(_from_access(registry, dialect, arrival, intent, realm, None), call=call)
    way = _from_core(registry, arrival, intent, realm, None)
    hop, now = Hop(arrival.listener, arrival.source), arrival.now
    orders = [] if call is None else moved(registry, call, call.leg_in(realm.name), hop, now)
    return attrs.evolve(way, call=call, orders=tuple(orders))


def _name(registry: Registry, realm: Realm, intent: Intent) -> Name | None:
    """The name of ours that the request asks for, if it asks for one."""
    if intent.target is None or not registry.networks.is_ours(realm, intent.target.place.address.host):
        return None
    return registry.names.find(realm.name, intent.target.token)


def _existing_call(
    registry: Registry, arrival: Arrival, intent: Intent, realm: Realm, name: Name | None
) -> Call | None:
    call = registry.call_meant(arrival, intent)
    if intent.within:
        # the name says more than the key: two calls that the core has joined have the same key there
        return name.owner if name is not None and isinstance(name.owner, Call) else call
    if intent.kind is not Kind.OPEN or call is None:
        return None
    if call.leg_in(realm.name) == 1:
        return None  # what we have asked there has been sent back to us: it is for another terminal, and another call
    if call.state is CallState.CLOSED:
        registry.unname_call(call)  # a new attempt under the same key
        return None
    if call.answered_at is not None or (call.opening is not None and call.opening.open):
        raise Refused(Cause.MERGED, "the same call attempt has come by another way")
    return call


def _within_call(registry: Registry, arrival: Arrival, intent: Intent, call: Call, name: Name | None) -> Way:
    if call.bound and call.state is CallState.CLOSED:
        raise Refused(Cause.NO_CALL, "the call is over")  # with its connections: sent on, it would open another
    here = call.leg_in(arrival.listener.realm)
    leg, onward = call.legs[here], call.legs[1 - here]
    knows_us = name is not None and name.owner is call
    believed = arrival.source.host == leg.seen.host or is_core_peer(registry, leg.realm, arrival)
    if not knows_us and not believed:
        raise Refused(Cause.NO_CALL, "no such call from here")
    pulse.spoke(call, here, intent, arrival.now)
    orders: list[Order] = []
    if knows_us or not intent.within:  # only our peer was told the token, so it is our peer that has moved
        # on the core side a call keeps the port it is known by
        by = arrival.listener if leg.realm.side is Side.ACCESS else leg.listener
        orders = moved(registry, call, here, Hop(by, arrival.source), arrival.now)
    if name is not None:
        target: Place | None = resolve(name)
    elif not intent.within:
        target = call.target
    else:
        target = onward.latest
    party = intent.party if here == 1 else name.party if name is not None and knows_us else b""
    # an attempt that comes again goes the way it went before: by the next hop that may have challenged it
    hop = hop_to(onward, target) if intent.within else Hop(onward.listener, onward.seen)
    trunk = None if intent.within or call.opening is None else call.opening.trunk
    hop, neighbour = by_one_that_lives(registry, trunk or call.path, hop, intent.label)
    return Way(call.path, hop, target, call, None, party, neighbour, orders=tuple(orders), trunk=trunk)


def by_one_that_lives(registry: Registry, fan: Fan, hop: Hop, topic: bytes) -> tuple[Hop, Neighbour | None]:
    """`hop`, and the next hop of `fan` it leads to; another of them, if that one is down and there is one that is not.

    Whatever the request says of its further way it says to that one, too.
    """
    usual = registry.hops.at(fan, hop)
    if usual is None or usual.usable or hop.listener.lane:
        return hop, usual
    best = registry.hops.turns(fan, topic)[0]
    return (spoken_by(hop.listener, best), best) if best.usable else (hop, usual)


def spoken_by(own: Listener | None, neighbour: Neighbour) -> Hop:
    """How to speak to a next hop: by the listener `own` of ours if it is reached over that transport at all."""
    shared = neighbour.hop
    return shared if own is None or own.transport != shared.listener.transport else Hop(own, shared.peer)


def _from_access(
    registry: Registry, dialect: Any, arrival: Arrival, intent: Intent, realm: Realm, name: Name | None
) -> Way:
    path = registry.networks.path_of(realm)
    if path is None:
        raise Refused(Cause.FORBIDDEN, "nothing is reached from here", detail=f"realm {realm.name} is on no path")
    terminal = bound.terminal(registry, arrival, intent, realm)
    caller = terminal or bound.caller(registry, realm, arrival.source.host, intent.user)
    calling.refuse_strangers(path, intent, caller is not None or is_at(realm, arrival.listener, arrival.source))
    topic = intent.user if intent.kind is Kind.BIND else intent.label  # a user's registrations go to one registrar
    if intent.local and terminal is not None:
        turns = local.turns(registry, path, terminal)
    else:
        turns = registry.hops.turns(path, topic or intent.exchange)
    if dialect.parted:
        turns = [each for each in turns if each.hop.reliable == intent.bound]
    if not turns:
        raise Refused(Cause.UNREACHABLE, "no next hop", 5, f"no name of path {path.name} has been resolved")
    target, neighbour = None if name is None else resolve(name), turns[0]
    own = None if terminal is None else terminal.onward
    hop = spoken_by(own, neighbour)
    anew = intent.kind is Kind.BIND and not intent.lasting
    if terminal is None or not terminal.service.hops or target is not None or anew:
        return Way(path, hop, target, terminal=terminal, neighbour=neighbour)
    target = Place(hop.peer, route=terminal.service)  # no name: what was asked for is asked for
    if (first := led_to(registry, terminal, arrival.now)) is None:
        return Way(path, hop, target, terminal=terminal, neighbour=neighbour)
    hop, known = by_one_that_lives(registry, path, Hop(terminal.onward, first), topic)
    target = target._replace(route=told_to(terminal.service, hop.peer))
    return Way(path, hop, target, terminal=terminal, neighbour=known)


def _from_core(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm, name: Name | None) -> Way:
    if not is_core_peer(registry, realm, arrival):
        raise Refused(Cause.FORBIDDEN, "not one of the path's next hops")
    if name is None:
        port = registry.terminal_ports.find(arrival.listener)
        if port is None or port.binding is None:
            return to_trunk(registry, arrival, intent, realm)
        return _to_terminal(port.binding, resolve_binding(port.binding))
    owner, target = name.owner, resolve(name)
    if isinstance(owner, Binding):
        return _to_terminal(owner, target)
    if isinstance(owner, Call):
        leg = owner.legs[1 - owner.leg_in(realm.name)]
        return Way(owner.path, Hop(leg.listener, leg.seen), target)
    assert isinstance(owner, Exchange) and owner.near is not None and owner.far is not None and owner.path is not None
    asked_here = owner.near.listener.realm == realm.name  # then it was its answer that loaded the place
    return Way(owner.path, owner.far if asked_here else owner.near, target)


def _to_terminal(binding: Binding, target: Place) -> Way:
    if binding.state in ABSENT:
        raise Refused(binding.lack, f"the terminal is {binding.state.value}")
    return Way(binding.path, Hop(binding.listener, binding.seen), target, terminal=binding)


def resolve_binding(binding: Binding) -> Place:
    """The place of a terminal, with the hops to it."""
    return binding.place._replace(route=binding.route)


def _claim_bindings(
    registry: Registry, arrival: Arrival, intent: Intent, slots: list[Slot], exchange: Exchange
) -> list[Order]:
    """Bind each place the message loads, until the registrar's answer; the first one's listener speaks for all."""
    orders: list[Order] = []
    realm = registry.plan.realms[arrival.listener.realm]
    if realm.side is not Side.ACCESS:
        _take_off(registry, arrival, intent, exchange)
        return orders
    assert exchange.path is not None and exchange.far is not None
    exchange.implied = tuple(front.implied(registry, arrival, intent, slots))
    places = [*(slot for slot in slots if slot.role is Role.SIGNAL and slot.primary), *exchange.implied]
    if len(places) > MOST_PLACES:
        raise Refused(Cause.FORBIDDEN, "too many places in one registration")
    for slot in places:
        bound.refuse_second(registry, arrival, intent, slot.place)
        flow = bound.flow_of(slot, arrival.source.host)
        binding, listen = registry.binding_for(arrival, exchange.path, intent, slot.place, flow)
        orders += listen
        orders += farewell.revoke(registry, binding, arrival.now)
        exchange.bindings.append(binding)
        binding.claim(exchange)
    orders += bound.present(registry, exchange.bindings, arrival.now)
    if not places and intent.expires == 0:  # "all of them" (RFC 3261 section 10.2.2): also what the user's others hold
        by_user = registry.bindings_by_user.get((realm.name, intent.user), ())
        # who names no user speaks for whoever is at that very source, and for no other that has no name either
        known = by_user if intent.user else bound.here(registry, arrival.listener, arrival.source)
        said_yes = [each for each in known if each.state is not BindingState.PENDING]
        at_registrar = [each for each in said_yes if each.path is exchange.path and front.is_meant(each, intent)]
        exchange.bindings += sorted(at_registrar, key=lambda each: (each.seen != arrival.source, each.id))
    if exchange.bindings:
        own = exchange.bindings[0].onward
        if own.transport == exchange.far.listener.transport:
            orders += registry.reach(exchange, Hop(own, exchange.far.peer), arrival.now)
    return orders


def _take_off(registry: Registry, arrival: Arrival, intent: Intent, exchange: Exchange) -> None:
    """The registrar takes off the terminal whose own port it says so to: when that has taken note it is bound no more.

    @raises Refused where it would bind one.
    """
    port = registry.terminal_ports.find(arrival.listener)
    if intent.expires != 0 or port is None or port.binding is None:
        raise Refused(Cause.FORBIDDEN, "terminals do not register from the core side")
    if not front.is_meant(port.binding, intent):
        return
    exchange.bindings.append(port.binding)
    port.binding.claim(exchange)


def call_for(
    registry: Registry, dialect: Any, arrival: Arrival, intent: Intent, way: Way
) -> tuple[Call | None, list[Order]]:
    """The call the request belongs to; a new one where it opens one. @raises Refused when there is no room."""
    if way.call is not None or intent.kind is not Kind.OPEN:
        return way.call, []
    realm = registry.plan.realms[arrival.listener.realm]
    there = registry.plan.realms[way.hop.listener.realm]
    asking = Leg(realm, arrival.listener, arrival.source, intent.label, claimed=intent.claimed)
    asked = Leg(there, way.hop.listener, way.hop.peer, far_label(registry, arrival, intent, way.path))
    if realm.side is Side.ACCESS:
        asking.behind_nat = intent.claimed is not None and intent.claimed != arrival.source
    if way.terminal is not None:
        (asking if realm.side is Side.ACCESS else asked).behind_nat |= way.terminal.behind_nat
        if realm.side is Side.CORE:
            asked.claimed = way.terminal.place.address
    call = Call(registry.mint.short(), arrival.listener.dialect, way.path, (asking, asked), arrival.now)
    call.target, call.bound, call.herald = way.target, intent.bound, intent.heralds
    call.directed, call.terminal = intent.back is not None, b"" if way.terminal is None else way.terminal.user
    if intent.gathers:
        call.gathering = gathering.begun(registry, intent, way.terminal)
    if dialect.references and intent.bound and not way.hop.listener.lane:
        asking.number, asked.number = int(intent.call), calling.number(registry, dialect, way.hop)
    call.lifetime = intent.expires is not None
    call.asked = Asked(intent.user, intent.callee, intent.called, intent.method)
    admit(registry, call, intent, way.terminal, arrival.now)
    orders = registry.add_call(call, arrival.now)
    if intent.call:
        registry.name_call(call, asking, intent.call)
    return call, orders + calling.keep_line(registry, arrival, intent, way)  # not before the call is taken
