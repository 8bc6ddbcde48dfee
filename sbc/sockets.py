"""Whether the signalling sockets that are open are those that the core wants open."""

from __future__ import annotations

from collections.abc import Collection

from sbc.connections import Connections
from sbc.core.orders import Listener
from sbc.core.registry import Registry


def audit_sockets(registry: Registry, there: Collection[Listener], connections: Connections, awake: bool) -> list[str]:
    """What does not add up between the core's books, the listeners that are `there`, and the connections. `awake`: a
    timer is set for the core."""
    have, wanted = set(there), registry.networks.listeners()
    wanted |= registry.terminal_ports.listeners() | registry.controls.listeners()
    faults = [f"{own} is open but wanted by nobody" for own in sorted(have - wanted, key=str)]
    faults += [f"{own} is wanted but not open" for own in sorted(wanted - have, key=str)]
    if registry.timers.next() is not None and not awake:
        faults.append("the core waits to be woken, but no timer is set")
    faults += connections.faults()
    strays = {each.listener.shared for each in connections.books().connections if not each.closing} - have
    return faults + [f"{own} is closed but has connections" for own in sorted(strays, key=str)]
