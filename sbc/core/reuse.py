"""Connections that core hosts have made are used for requests to them, where they offer that and are who they say.

RFC 5923. An alias names the address that requests would be sent to. It may redirect no traffic but the sender's own: it
has to name the host it comes from, which has to be a next hop; and where connections are secured the sender has to have
shown a certificate, which whoever keeps the connections holds against the name of who would have been connected to.
"""

from __future__ import annotations

from sbc.core.address import is_literal
from sbc.core.message import Intent
from sbc.core.orders import Alias, Order
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry


def offered(registry: Registry, intent: Intent, arrival: Arrival) -> list[Order]:
    """What a request that offers its connection asks for."""
    listener, source, claimed = arrival.listener, arrival.source, intent.claimed
    if not intent.alias or claimed is None or not listener.reliable:
        return []
    realm = registry.plan.realms[listener.realm]
    if realm.side is not Side.CORE or not registry.hops.is_host(realm.name, source.host, arrival.now):
        return []
    if not (realm.connections.alias or (listener.secured and arrival.proven)):
        return []
    own = source.host if is_literal(claimed.host) else arrival.proven
    return [Alias(listener, source, source._replace(port=claimed.port))] if claimed.host == own else []
