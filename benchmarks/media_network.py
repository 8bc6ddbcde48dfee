"""Where the benchmark of media stands: client, SBC and server joined by cables, and one cable past the SBC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.traffic import Flow, Generator
from tests.netns.topology import Host, Interface, Topology

if TYPE_CHECKING:
    from tests.netns.lab import Lab, LabHost

CLIENT, SBC_ACCESS = "203.0.113.2", "203.0.113.1"
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


class Places:
    """The lab's devices made ready for measuring: neighbours known, nothing answered by the hosts at the ends."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client, self.sbc, self.server = (lab.host(name) for name in ("client", "sbc", "server"))
        self.macs = {(host.name, device): mac for host in lab.hosts.values() for device, mac in _macs(host)}
        self.sbc.run(["ip", "neigh", "replace", CLIENT, "lladdr", self.macs["client", "access"], "dev", "access"])
        self.sbc.run(["ip", "neigh", "replace", SERVER, "lladdr", self.macs["server", "core"], "dev", "core"])
        for host, device in ((self.client, "access"), (self.server, "core"), (self.server, "direct")):
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


def _macs(host: LabHost) -> list[tuple[str, str]]:
    return [(link["ifname"], link["address"]) for link in json.loads(host.run(["ip", "-j", "link", "show"]))]
