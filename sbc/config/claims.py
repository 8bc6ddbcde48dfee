"""Which ports of which addresses a configuration wants, so that no two things want the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from sbc.core.address import is_unspecified
from sbc.core.vpn import VpnLabel

if TYPE_CHECKING:
    from sbc.config.checks import Draft


@attrs.frozen
class Claim:
    """Ports of one address that something wants: `transport` is "udp" or "tcp", `key` and `value` are its setting, and
    `label` is that of the network that the address is of."""

    transport: str
    host: str
    ports: range
    key: str
    value: str
    label: VpnLabel = attrs.field(factory=VpnLabel)

    def meets(self, other: Claim) -> bool:
        """Whether both cannot be bound at once. A wildcard takes every address; ::, as Linux binds it, IPv4's too."""
        if self.transport != other.transport or not (
            self.ports.start < other.ports.stop and other.ports.start < self.ports.stop
        ):
            return False
        if not self.label.vpn.meets(other.label.vpn):
            return False
        if self.host == other.host or "::" in (self.host, other.host):
            return True
        wild = is_unspecified(self.host) or is_unspecified(other.host)
        return wild and version_of(self.host) == version_of(other.host)


def version_of(host: str) -> int:
    """4 or 6. Only asked of literals: the readers let nothing else through."""
    return 6 if ":" in host else 4


def claims(draft: Draft) -> Iterator[Claim]:
    """Everything that wants ports, in the order of the file: who comes later is in the way."""
    for realm in draft.realms.values():
        label = realm.label
        for key, listener in realm.listeners:
            transport = "udp" if listener.transport == "udp" else "tcp"
            host, port = listener.address
            yield Claim(transport, host, range(port, port + 1), f"{key}.port", str(listener.address), label)
        if {"address", "ports"} <= realm.media.keys():
            host, ports = realm.media["address"], realm.media["ports"]
            yield _range_claim(host, ports, f"{realm.at}.media.ports", label)
            own = realm.values["connections"].control_ports
            if own:
                yield _range_claim(host, own, f"{realm.at}.connections.control_ports", label, "tcp")
            shared = realm.media.get("multiplexed", 0)
            if shared:
                yield _range_claim(host, range(shared, shared + 2), f"{realm.at}.media.multiplexed", label)
    for path in draft.paths:
        core = draft.realms.get(path.values.get("core", ""))
        if core is not None and core.listeners and "signaling_ports" in path.values:
            host = core.listeners[0][1].address.host
            reliable = set(path.values.get("signaling_transports", ())) - {"udp"}  # TLS takes a port of TCP, too
            for transport in ("udp", "tcp") if reliable else ("udp",):
                key = f"{path.at}.signaling_ports"
                yield _range_claim(host, path.values["signaling_ports"], key, core.label, transport)
    for key, served in (("console", draft.console), ("metrics", draft.metrics)):
        if served is not None:
            host, port = served.listen
            yield Claim("tcp", host, range(port, port + 1), f"{key}.listen", str(served.listen))


def _range_claim(host: str, ports: range, key: str, label: VpnLabel, transport: str = "udp") -> Claim:
    return Claim(transport, host, ports, key, f"{ports[0]}-{ports[-1]} at {host}", label)
