"""Where banned sources are kept from: the ports that a plan signals at, and nothing else of this host."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sbc.core.orders import Listener
from sbc.core.realm import Plan, Realm
from sbc.core.vpn import MAIN


@attrs.frozen
class Door:
    """Ports of ours that are signalled at in a realm, of an address or, where it is unspecified, of all."""

    realm: str
    host: str
    ports: range
    protocol: str = "udp"
    """That carries the transport: "udp" or "tcp"."""


@attrs.frozen
class Barred:
    """A source that is banned in a realm, port 0 for all of its ports; for how many more seconds."""

    realm: str
    host: str
    port: int
    seconds: float


def doors_of(plan: Plan) -> tuple[Door, ...]:
    """The doors of the realms that are in this host's own network. In another one the same address is somebody else,
    whom only the sockets there can tell."""
    return tuple(door for realm in plan.realms.values() if not is_apart(realm) for door in _doors(plan, realm))


def is_apart(realm: Realm) -> bool:
    """Whether packets of the realm are told from others' by something that is not in them."""
    return bool(realm.network.mark) or realm.vpn != MAIN


def _doors(plan: Plan, realm: Realm) -> Iterator[Door]:
    for own in realm.listeners:
        yield Door(realm.name, own.address.host, range(own.address.port, own.address.port + 1), _protocol(own))
    for path in plan.paths:
        if path.core == realm.name and path.signaling_ports:
            core = plan.core_listener(path)
            yield Door(realm.name, core.address.host, path.signaling_ports, _protocol(core))


def _protocol(listener: Listener) -> str:
    return "udp" if listener.transport == "udp" else "tcp"
