"""Sockets that are open and those that the core wants open."""

from __future__ import annotations

from typing import Any, cast

import attrs

from sbc.connections import Books, Connections
from sbc.sockets import audit_sockets
from tests.toy_calls import toy_rig


class NoConnections:
    """None, and nothing wrong with them."""

    def books(self) -> Books:
        return Books([], cast(Any, {}))

    def faults(self) -> list[str]:
        return []


def test_what_is_open_is_what_is_wanted() -> None:
    registry = toy_rig().border.registry
    own = {each for realm in registry.plan.realms.values() for each in realm.listeners}
    connections = cast(Connections, NoConnections())
    assert audit_sockets(registry, own, connections, awake=True) == []
    stray = attrs.evolve(next(iter(own)), transport="tcp")
    assert audit_sockets(registry, {*own, stray}, connections, True) == [f"{stray} is open but wanted by nobody"]
    (fault,) = audit_sockets(registry, own - {next(iter(own))}, connections, True)
    assert fault.endswith("is wanted but not open")
