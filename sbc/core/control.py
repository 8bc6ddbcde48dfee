"""Control channels: a further connection of a call on each side, by which its parties go on talking.

A party says where it takes the connection; the other is told a port of ours, a *door*. When it comes there we connect
to where the first had said, or ask that to come to a door of its own, where no way of ours leads to it: a terminal
behind a NAT. What is said meanwhile waits. What becomes of one side's connection becomes of the other's; the call goes
on without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.core import pulse
from sbc.core.address import Address, is_literal, literal, same_family
from sbc.core.call import Call, CallState, Leg
from sbc.core.doors import Control, End
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import Cause, Intent, Refused
from sbc.core.orders import Connect, HangUp, Listener, Note, Order, Send
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry
from sbc.core.way import Way, is_trusted
from sbc.core.wires import ControlHosts

MOST_WAITING = 32_768
"""Octets that may wait for a party to come."""
TIME_TO_COME = 10.0
"""Seconds in which a party must have come, once the other has."""
A_MOMENT = 1.0
"""Seconds until the loss of one side's connection becomes the other's. Mostly it is the end of the call, and the word
of that is on its way by another connection: there are peers that take no more of it once this one is closed."""


def said(registry: Registry, call: Call, index: int, address: Address, now: float) -> tuple[Address, list[Order]]:
    """The party of leg `index` says that it takes the connection at `address`. Returns what the other is told, and what
    opens that door. @raises Refused where there is none left."""
    control = registry.controls.of(call)
    here, there = control.ends[index], control.ends[1 - index]
    other = call.legs[1 - index]
    if other.realm.stream_listener(other.listener.dialect) is None:  # it is spoken there by secured connections alone
        return Address(other.realm.media.advertised, 0), []
    if here.door is not None and address == here.door.advertised:  # it repeats what it was told
        return there.said or Address(other.realm.media.advertised, 0), []
    door, orders = registry.controls.open(control, 1 - index, now)
    if here.said not in (None, address):
        there.anew = bool(there.hops)
    here.said = address
    return door.advertised, orders


def moved(registry: Registry, call: Call, index: int, now: float) -> list[Order]:
    """The party of leg `index` has said where it takes the connection, and a message with that crosses: ours that leads
    elsewhere is given up for one that leads there, and what the other party was not told of the old one is stale."""
    control = registry.controls.of(call)
    end, other = control.ends[index], control.ends[1 - index]
    old = [hop for hop in end.hops if hop.listener.lane and hop.peer != end.said]
    if not old:
        return []
    orders = [order for hop in old for order in _drop(registry, control, index, hop)]
    end.beckoned = end.heard = False
    end.vain = None
    other.waiting.clear()
    if not end.hops and other.hops:
        orders += _connect(registry, control, index, now)
    _schedule(registry, control, now)
    return orders


def ask_another(registry: Registry, call: Call, index: int, now: float) -> list[Order]:
    """Another is asked on leg `index`, and told of a door of its own: by the one before nobody comes in any more."""
    control = registry.controls.find(call)
    if control is None:
        return []
    orders = [order for hop in list(control.ends[index].hops) for order in _drop(registry, control, index, hop)]
    return orders + registry.controls.shut(control, index, now)


def barred(registry: Registry, listener: Listener, peer: Address, now: float) -> str:
    """Why somebody at `peer` may not come in at a door; empty where it may, or where `listener` is none."""
    found = registry.controls.behind(listener)
    if found is None:
        return ""
    control, index = found
    if not _is_partys(registry, control.call.legs[index], peer, now, arrived=True):
        return "not where the call's signalling comes from"
    end = control.ends[index]
    if any(not hop.listener.lane for hop in end.hops) and not end.anew:
        return "the party is there already"
    return ""


def accepted(registry: Registry, dialects: Mapping[str, Any], hop: Hop, now: float) -> list[Order]:
    """Somebody has come in at a listener: if that is a door, the other party is reached, too. Or a connection of ours
    is up: if that is a control channel, its party hears what waits."""
    there = registry.controls.at(hop)
    if there is not None:
        return _up(*there, hop)
    found = registry.controls.behind(hop.listener)
    if found is None:
        return []
    control, index = found
    end, call = control.ends[index], control.call
    if call.opening is not None and index != call.opening.arrival_leg:
        call.opening.told = True  # who asked is at it with whom it has reached, and nobody is asked instead
    orders: list[Order] = [Note("control-accepted", "", call.id, {"peer": str(hop.peer)})]
    orders += _make_room(registry, control, index)
    registry.controls.enter(control, index, hop)
    if end.speaks == hop:
        orders += _tell(control, index)
    if not control.ends[1 - index].hops:
        orders += _reach(registry, dialects[call.dialect], control, 1 - index, now)
    _schedule(registry, control, now)
    return orders


def _up(control: Control, index: int, hop: Hop) -> list[Order]:
    end = control.ends[index]
    if end.opening != hop:
        return []
    end.opening = None
    return _tell(control, index)


def _tell(control: Control, index: int) -> list[Order]:
    """What waits for a party, by the connection that we speak by from now on."""
    end = control.ends[index]
    hop = end.speaks
    if hop is None:
        return []
    orders: list[Order] = [Send(hop.listener, hop.peer, data, control.call.id) for data in end.waiting]
    if not end.keeps:
        end.waiting.clear()
    return orders


def _make_room(registry: Registry, control: Control, index: int) -> list[Order]:
    """A party comes in at its door: give up what was there, where it was told to come anew, or where ours yields."""
    end = control.ends[index]
    if end.anew:
        end.anew = end.heard = False
        control.ends[1 - index].waiting.clear()  # it begins anew, too
    elif not end.hops or not _yields(end):
        return []
    return [order for hop in list(end.hops) for order in _drop(registry, control, index, hop)]


def _yields(end: End) -> bool:
    """Whether, where both sides have opened one, ours is given up: that of who takes connections at the smaller
    address. The other side goes by the same rule."""
    assert end.door is not None
    return end.said is None or _rank(end.door.advertised) < _rank(end.said)


def _rank(address: Address) -> tuple[bytes, int]:
    ip = literal(address.host)
    return (b"" if ip is None else ip.packed, address.port)


def _reach(registry: Registry, dialect: Any, control: Control, index: int, now: float) -> list[Order]:
    """One party is there: connect to the other where it has said, or ask it to come to us."""
    return _connect(registry, control, index, now) or _beckon(registry, dialect, control, index, now)


def _connect(registry: Registry, control: Control, index: int, now: float) -> list[Order]:
    """Connect to where a party has said; nothing where that may not be."""
    end, leg = control.ends[index], control.call.legs[index]
    listener = _speaker(leg)
    if listener is None or end.said is None or not _may_connect(registry, leg, end, now):
        return []
    end.opening = Hop(registry.lane(listener), end.said)
    registry.controls.enter(control, index, end.opening)
    return [Connect(end.opening.listener, end.opening.peer)]


def _speaker(leg: Leg) -> Listener | None:
    """The socket of ours that we connect from."""
    if leg.listener.reliable and not leg.listener.secured:
        return leg.listener.shared
    return leg.realm.stream_listener(leg.listener.dialect)


def _may_connect(registry: Registry, leg: Leg, end: End, now: float) -> bool:
    """Whether the SBC connects to where a party has said: never to a terminal behind a NAT, nor, unless the realm is
    configured so, to another host than signalling comes from, which might be anybody's."""
    to = end.said
    if to is None or to == end.vain or not to.port or not is_literal(to.host):
        return False
    if not same_family(to.host, leg.realm.media.address):
        return False
    networks, realm = registry.networks, leg.realm
    ours = networks.is_ours(realm, to.host) or networks.is_own_media(realm, to.host)
    if realm.side is Side.ACCESS and (leg.behind_nat or ours):
        return False
    return _is_partys(registry, leg, to, now)


def _is_partys(registry: Registry, leg: Leg, at: Address, now: float, arrived: bool = False) -> bool:
    """Whether somebody at an address may be the party of a leg. On the core side it may also be whoever is trusted
    there, or named by who is; and ourselves: a call to another terminal, which is to be connected to at its own door,
    and comes from wherever."""
    if at.host == leg.seen.host or leg.realm.connections.control_hosts is ControlHosts.ANY:
        return True
    realm = leg.realm
    if realm.side is not Side.CORE:
        return False
    if registry.networks.is_ours(realm, at.host):
        return arrived or registry.controls.is_door(realm.name, at)
    return is_trusted(registry, realm, at.host, now) or registry.vouched.find(realm.name, at.host, now)


def _beckon(registry: Registry, dialect: Any, control: Control, index: int, now: float) -> list[Order]:
    end, call = control.ends[index], control.call
    opening, leg = call.opening, call.legs[index]
    try:
        door, orders = registry.controls.open(control, index, now)
    except Refused as no:
        return [Note("control-refused", no.told, call.id), *_part(registry, control, 1 - index)]
    known = b"" if opening is None else opening.sent if index else opening.asked
    data = dialect.beckon(known, index == 0, door.advertised) if known and not end.beckoned else None
    if data is None:
        why = "no way leads to the other party, and it did not come"
        return [*orders, Note("control-refused", why, call.id), *_part(registry, control, 1 - index)]
    end.beckoned = True
    where = {"peer": str(leg.seen), "door": str(door.advertised)}
    return [*orders, Note("control-beckoned", "", call.id, where), Send(leg.listener, leg.seen, data, call.id)]


def is_one(registry: Registry, arrival: Arrival) -> bool:
    """Whether a message came by a control channel."""
    controls = registry.controls
    return bool(len(controls)) and controls.at(Hop(arrival.listener, arrival.source)) is not None


def way(registry: Registry, arrival: Arrival, intent: Intent) -> Way:
    """The way of a message that came by a control channel. @raises Refused."""
    found = registry.controls.at(Hop(arrival.listener, arrival.source))
    if found is None or found[0].call.state is CallState.CLOSED:
        raise Refused(Cause.NO_CALL, "no such call")
    control, index = found
    _hear(control.ends[index])
    pulse.spoke(control.call, index, intent, arrival.now)
    leg, end = control.call.legs[1 - index], control.ends[1 - index]
    return Way(control.call.path, end.hops[0] if end.hops else Hop(leg.listener, leg.seen), None, control.call)


def _hear(end: End) -> None:
    """Its party has said something: what it was told by us it has heard."""
    end.heard = True
    if end.speaks is not None:
        end.waiting.clear()


def onward(registry: Registry, exchange: Exchange, data: bytes) -> list[Order]:
    """Send `data` on by the other party's control channel, as soon as it is there."""
    call, index = exchange.call, 1 - exchange.arrival_leg
    assert call is not None  # which is known by the channel that it came by
    control = registry.controls.of(call)
    end = control.ends[index]
    hop = end.speaks
    sending: list[Order] = [] if hop is None else [Send(hop.listener, hop.peer, data, call.id)]
    if not end.keeps:
        return sending
    end.waiting.append(data)
    if sum(map(len, end.waiting)) <= MOST_WAITING:
        return sending
    if sending:  # it takes all that and says nothing: it will not be told again
        end.waiting.clear()
        return sending
    why = "too much waits for the other party"
    return [Note("control-lost", why, call.id), *_part(registry, control, 1 - index)]


def lost(registry: Registry, dialects: Mapping[str, Any], hop: Hop, why: str, now: float) -> list[Order]:
    """A connection is gone, or was never there: if it was a control channel, the other party's is given up soon. Who
    takes no connection of ours is asked to come instead."""
    found = registry.controls.at(hop)
    if found is None:
        return []
    control, index = found
    end, other = control.ends[index], control.ends[1 - index]
    spoke = end.speaks
    registry.controls.leave(hop)
    if end.hops:
        return [] if end.speaks == spoke else _tell(control, index)
    orders: list[Order] = []
    if hop.listener.lane and not end.heard and not end.beckoned and other.hops:
        end.vain = hop.peer
        orders = _reach(registry, dialects[control.call.dialect], control, index, now)
        _schedule(registry, control, now)
        return orders
    orders = [Note("control-lost", why, control.call.id, {"peer": str(hop.peer)})]
    end.beckoned = end.heard = end.anew = False
    if not other.hops:
        end.forget()
        other.forget()
    registry.timers.set(control, now + A_MOMENT if other.hops else None)
    return orders


def wake(registry: Registry, control: Control, now: float) -> list[Order]:
    """A party should have come by now."""
    orders: list[Order] = []
    for index, end in enumerate(control.ends):
        if not end.hops and control.ends[1 - index].hops:
            orders.append(Note("control-lost", "the other party did not come", control.call.id))
            orders += _part(registry, control, 1 - index)
    return orders


def _schedule(registry: Registry, control: Control, now: float) -> None:
    """Whoever is there waits for the other for so long and no longer."""
    alone = [bool(end.hops) for end in control.ends]
    due = None if all(alone) or not any(alone) else now + TIME_TO_COME
    if due is None or control.due is None:
        registry.timers.set(control, due)


def _part(registry: Registry, control: Control, index: int) -> list[Order]:
    """Give up the connections of one side; whoever comes again begins anew."""
    orders = [order for hop in list(control.ends[index].hops) for order in _drop(registry, control, index, hop)]
    for end in control.ends:
        end.forget()
    return orders


def _drop(registry: Registry, control: Control, index: int, hop: Hop) -> list[Order]:
    registry.controls.leave(hop)
    return [HangUp(hop.listener, hop.peer)]
