"""Gateways and switchboards of an access realm that do not register: where they are is configured, and who is called
there. They may call, too: who sends from there is known as who is registered is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from sbc.core.address import Address
from sbc.core.fan import Failover, NextHop, Probes, in_order
from sbc.policy.rule import Pattern

if TYPE_CHECKING:
    from sbc.core.orders import Listener
    from sbc.core.realm import Realm


@attrs.frozen
class Trunk:
    """One of them, in the realm `there`: it speaks `protocol` and takes calls at `next_hops`, those for who is `called`
    so, or all where that is empty. `transport` is that of next hops which have none of their own; empty: datagrams,
    and in protocols whose calls go by connections such a one. `server_name`: what their certificates must hold, their
    address if empty."""

    name: str
    next_hops: tuple[NextHop, ...] = attrs.field(converter=in_order)
    protocol: str
    called: tuple[Pattern, ...] = ()
    there: str = "access"
    transport: str = ""
    server_name: str = ""
    failover: Failover = attrs.field(factory=Failover)
    probing: Probes = attrs.field(factory=Probes)

    @property
    def label(self) -> str:
        """See Fan."""
        return f"{self.there}/{self.name}"

    def takes(self, dialled: bytes) -> bool:
        """Whether calls for that number or user are its own."""
        return not self.called or any(pattern.match(dialled) for pattern in self.called)

    def sources(self) -> Iterator[tuple[str, Address | str]]:
        """Where it sends from, with its protocol: by datagrams its addresses, by connections its hosts."""
        for hop in self.next_hops:
            yield self.protocol, hop.to
            yield self.protocol, hop.to.host


def is_at(realm: Realm, listener: Listener, source: Address) -> bool:
    """Whether one of a realm's trunks sends from `source`: its connections come from any port."""
    dialect, there = listener.dialect, realm.trunk_sources
    return bool(there) and ((dialect, source) in there or (listener.reliable and (dialect, source.host) in there))
