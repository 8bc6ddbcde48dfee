"""Where the benchmark of media stands: client, SBC and server joined by cables, and one cable past the SBC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.traffic import Flow, Generator
from tests.netns.topology import Host, Interface, Topology

if TYPE_CHECKING:
    from tests.netns.lab import Lab, LabHost

CLIENT, SBC_ACCESS = "203.0.113.2", "203.0.113.1"
ATTACKER = "203.0.113.66"
HOME = "192.168.1.10"  # what a client behind a NAT, which is then at CLIENT, signals
SERVER, SBC_CORE = "198.51.100.2", "198.51.100.1"
CLIENT_PORT, SERVER_PORT = 10_000, 40_000  # of the first stream; the next has the next even one
SBC_PORT = 20_000  # the same at both feet

_DROP = "1,6 0 0 2"  # a program of one step: return TC_ACT_SHOT

NETWORK = Topology(
    (
        Host(
            "client",
            (Interface("access", (f"{CLIENT}/24",)), Interface("direct", ("192.0.2.1/24",))),
            gateway=SBC_ACCESS,
        ),
        Host("sbc", (Interface("access", (f"{SBC_ACCESS}/24",)), Interface("core", (f"{SBC_CORE}/24",)))),
        Host(
            "server",
            (Interface("core", (f"{SERVER}/24",)), Interface("direct", ("192.0.2.2/24",))),
            gateway=SBC_CORE,
        ),
    )
)

ATTACKED = Topology(
    (
        Host("client", (Interface("access", (f"{CLIENT}/24",)),)),
        Host("attacker", (Interface("access", (f"{ATTACKER}/24",)),)),
        Host("sbc", (Interface("access", (f"{SBC_ACCESS}/24",)), Interface("core", (f"{SBC_CORE}/24",)))),
        Host("server", (Interface("core", (f"{SERVER}/24",)),)),
    )
)
"""The same with somebody in the first network who does no good."""


class Places:
    """The lab's devices made ready for measuring: neighbours known, nothing answered by the hosts at the ends."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client, self.sbc, self.server = (lab.host(name) for name in ("client", "sbc", "server"))
        self.macs = {(host.name, device): mac for host in lab.hosts.values() for device, mac in _macs(host)}
        for host in lab.hosts.values():
            if host is not self.sbc:
                for interface in host.spec.interfaces:
                    self._make_ready(host, interface.device)

    def _make_ready(self, host: LabHost, device: str) -> None:
        for own in self.sbc.spec.interfaces:
            if own.device == device:
                mac = self.macs[host.name, device]
                self.sbc.run(["ip", "neigh", "replace", host.address(device), "lladdr", mac, "dev", device])
        # A device of this kind takes what XDP sends it only when it polls, as it does for this.
        host.run(["ethtool", "-K", device, "gro", "on"])
        # The sink reads before this; a host without sockets for the packets would answer each by ICMP.
        host.run(["tc", "qdisc", "add", "dev", device, "clsact"])
        drop = ["tc", "filter", "add", "dev", device, "ingress", "protocol", "ip", "bpf", "da", "bytecode", _DROP]
        host.run(drop)

    def there(self, flows: list[Flow]) -> Generator:
        """From the client to the SBC."""
        return Generator(self.client, "access", self.macs["sbc", "access"], flows)

    def back(self, flows: list[Flow]) -> Generator:
        """From the server to the SBC."""
        return Generator(self.server, "core", self.macs["sbc", "core"], flows)

    def past(self, flows: list[Flow]) -> Generator:
        """From the client to the server, with nobody between."""
        return Generator(self.client, "direct", self.macs["server", "direct"], flows)


def client_place(stream: int) -> tuple[str, int]:
    return CLIENT, CLIENT_PORT + 2 * stream


def server_place(stream: int) -> tuple[str, int]:
    return SERVER, SERVER_PORT + 2 * stream


def signalled(stream: int, hidden: bool) -> tuple[str, int]:
    """What the client says where its media is to go: its home's address if it is `hidden` behind a NAT."""
    return (HOME if hidden else CLIENT), CLIENT_PORT + 2 * stream


def _macs(host: LabHost) -> list[tuple[str, str]]:
    return [(link["ifname"], link["address"]) for link in json.loads(host.run(["ip", "-j", "link", "show"]))]
