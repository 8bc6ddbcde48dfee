"""Calls of the core to gateways that do not register: found by whom they are for."""

from __future__ import annotations

from sbc.core.exchange import Hop
from sbc.core.message import Cause, Intent, Kind, Place, Refused
from sbc.core.orders import DATAGRAMS
from sbc.core.realm import Realm
from sbc.core.registry import Arrival, Registry
from sbc.core.way import Way


def to_trunk(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm) -> Way:
    """The way of a call from the core realm `realm` to the first trunk, of those in the access realms of its paths,
    whose calls these are, and there to the next hop whose turn it is: by a connection of its own where calls have such.
    @raises Refused where there is none."""
    for path in registry.plan.paths:
        if path.core != realm.name or intent.kind is not Kind.OPEN or not intent.dialled:
            continue
        there = registry.plan.realms[path.access]
        mine = (each for each in there.trunks if each.protocol == arrival.listener.dialect)
        trunk = next((each for each in mine if each.takes(intent.dialled)), None)
        if trunk is None:
            continue
        turns = registry.hops.turns(trunk, intent.label or intent.exchange)
        if intent.bound:
            turns = [each for each in turns if each.hop.reliable]
        if not turns:
            raise Refused(Cause.UNREACHABLE, "no next hop", 5, f"trunk {trunk.label} has none by that transport")
        hop = turns[0].hop
        transport = "" if hop.listener.transport == DATAGRAMS else hop.listener.transport
        own = registry.lane(hop.listener) if intent.bound else hop.listener
        place = Place(hop.peer, transport=transport)
        return Way(path, Hop(own, hop.peer), place, neighbour=turns[0], trunk=trunk)
    raise Refused(Cause.NOT_FOUND, "no terminal of that name")
