"""Gateways and switchboards of an access realm that do not register: where they are is configured, and who is called
there. They may call, too: who sends from there is known as who is registered is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from sbc.core.address import Address
from sbc.policy.rule import Pattern

if TYPE_CHECKING:
    from sbc.core.orders import Listener
    from sbc.core.realm import Realm


@attrs.frozen
class Trunk:
    """One of them: it speaks `protocol` and takes calls at `address`, those for who is `called` so, or all where that
    is empty."""

    name: str
    address: Address
    protocol: str
    called: tuple[Pattern, ...] = ()

    def takes(self, dialled: bytes) -> bool:
        """Whether calls for that number or user are its own."""
        return not self.called or any(pattern.match(dialled) for pattern in self.called)


def is_at(realm: Realm, listener: Listener, source: Address) -> bool:
    """Whether one of a realm's trunks sends from `source`: its connections come from any port."""
    return any(
        each.protocol == listener.dialect
        and (each.address == source or (listener.reliable and each.address.host == source.host))
        for each in realm.trunks
    )
