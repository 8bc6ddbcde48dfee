"""H.248 over UDP and TCP: datagrams in, messages to whoever carries the loop (H.248.1 Annex D)."""

from __future__ import annotations

from collections.abc import Callable

from sbc.core.address import Address
from sbc.core.realm import Plan, Side
from sbc.h248.dialect import NAMELESS, H248Dialect
from sbc.h248.mids import mid_text
from sbc.h248.services import SERVICES
from sbc.octets.tpkt import TpktFramer
from sbc.spoken import FullDatagrams, Speech


def own_mids(plan: Plan) -> Callable[[Address], bytes]:
    """By which MId the SBC itself speaks to a peer: the address of its listener in the peer's realm, as far as a peer's
    address tells which that is."""
    by_side = {
        realm.side: mid_text(listener.advertised)
        for realm in reversed(plan.realms.values())
        for listener in reversed(realm.listeners)
        if listener.dialect == H248Dialect.name
    }
    controllers = {hop.to.host for path in plan.paths for hop in path.next_hops}
    cores = [realm for realm in plan.realms.values() if realm.side is Side.CORE]

    def own(peer: Address) -> bytes:
        in_core = peer.host in controllers or any(realm.trusts(peer.host) for realm in cores)
        side = Side.CORE if in_core else Side.ACCESS
        return by_side.get(side, NAMELESS)

    return own


def _dialect(plan: Plan) -> H248Dialect:
    return H248Dialect(own_mids(plan))


SPEECH = Speech(_dialect, FullDatagrams, TpktFramer, SERVICES)
"""H.248, for whoever wires things."""
