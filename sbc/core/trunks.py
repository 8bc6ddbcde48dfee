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
    whose calls these are: by a connection of its own where calls have such. @raises Refused where there is none."""
    dialect = arrival.listener.dialect
    for path in registry.plan.paths:
        if path.core != realm.name or intent.kind is not Kind.OPEN or not intent.dialled:
            continue
        there = registry.plan.realms[path.access]
        trunk = next((each for each in there.trunks if each.protocol == dialect and each.takes(intent.dialled)), None)
        if trunk is None:
            continue
        shared = there.line(dialect) if intent.bound else there.listener(dialect, DATAGRAMS)
        if shared is None:
            continue  # the configuration does not let that happen
        listener = registry.lane(shared) if intent.bound else shared
        place = Place(trunk.address, transport=shared.transport if intent.bound else "")
        return Way(path, Hop(listener, trunk.address), place)
    raise Refused(Cause.NOT_FOUND, "no terminal of that name")
