"""What is to be seen of a realm: what it holds, in which network it is, its marks, ports and sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbc.admin.marked import marks_view
from sbc.admin.views import View, ports_view
from sbc.core.border import Border
from sbc.core.orders import Listener
from sbc.core.realm import Realm
from sbc.media.udp import Port


def realm_view(border: Border, realm: Realm, listeners: Mapping[Listener, Any], now: float) -> View:
    """A realm: what it holds against its limits, its media ports, its listeners and what the kernel says of them."""
    registry, limits = border.registry, realm.limits
    own = [(listener, listeners.get(listener)) for listener in realm.listeners]
    own += [(at, port) for at, port in listeners.items() if at.realm == realm.name and at not in realm.listeners]
    return {
        "name": realm.name,
        "side": realm.side.value,
        "network": str(realm.network),
        "marks": marks_view(realm.marks),
        "calls": {"now": registry.gate.book.realm(realm.name).calls, "most": limits.calls},
        "bindings": {"now": registry.gate.book.realm(realm.name).bindings, "most": limits.bindings},
        "exchanges": {"now": registry.crowd.in_realm["exchanges", realm.name], "most": limits.exchanges},
        "lingering": {
            "calls": registry.crowd.late_calls.count(realm.name),
            "exchanges": registry.crowd.late_exchanges.count(realm.name),
            "most": limits.lingering,
        },
        "media": {
            "address": realm.media.address,
            "advertised": realm.media.advertised,
            "ports": f"{realm.media.ports.start}-{realm.media.ports.stop - 1}",
            "latch": realm.media.latch.value,
            **ports_view(registry.media_ports[realm.name], now),
        },
        "listeners": [listener_view(listener, port) for listener, port in own],
    }


def listener_view(listener: Listener, port: Any) -> View:
    """A signalling socket. Buffers are in octets, drops in datagrams; None where it is closed or takes connections."""
    datagrams = port if isinstance(port, Port) else None
    buffers = None if datagrams is None else datagrams.buffers()
    return {
        "listener": str(listener),
        "advertised": str(listener.advertised),
        "open": port is not None,
        "receive_buffer": None if buffers is None else buffers.receive,
        "send_buffer": None if buffers is None else buffers.send,
        "kernel_drops": None if datagrams is None else datagrams.kernel_drops(),
        "read_errors": None if datagrams is None else datagrams.read_errors,
    }
