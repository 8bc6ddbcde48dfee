"""VPN labels: in which of several networks a realm is, where these may have the same addresses."""

from __future__ import annotations

from typing import NamedTuple

import attrs

NAMESPACES = "/run/netns/"
"""Where network namespaces are that have a name (ip-netns(8))."""


class Vpn(NamedTuple):
    """A network that this host is in. `namespace` is the path of its network namespace (empty: the SBC's own), `device`
    the interface or VRF in there that sockets are bound to (empty: they hear by all).

    An address alone means nobody: in two networks it is two hosts, or two sockets of ours.
    """

    namespace: str = ""
    device: str = ""

    def meets(self, other: Vpn) -> bool:
        """Whether both may be one network, so that one address is one host in them: a socket that is bound to no device
        is in the way of those that are."""
        apart = self.device and other.device and self.device != other.device
        return self.namespace == other.namespace and not apart


MAIN = Vpn()
"""Where the SBC itself is: whatever this host's own routes say."""


@attrs.frozen
class VpnLabel:
    """What a realm's packets are labelled by, as configured: see `Vpn`.

    `namespace` is the name of a network namespace (those of ip-netns(8)) or its path. With a `vlan` the device is that
    VLAN's own interface on `device`, which is called DEVICE.VLAN. `mark` is SO_MARK (0: none), by which routing rules
    choose a table. `dns` are servers in this network, as (IP address, port), port 0 for the usual one.
    """

    device: str = ""
    vlan: int = 0
    mark: int = 0
    namespace: str = ""
    dns: tuple[tuple[str, int], ...] = ()
    vpn: Vpn = attrs.field(init=False, eq=False, repr=False)

    @vpn.default
    def _network(self) -> Vpn:
        return Vpn(_path(self.namespace), f"{self.device}.{self.vlan}" if self.vlan else self.device)

    def __bool__(self) -> bool:
        return self != VpnLabel()

    def __str__(self) -> str:
        device = self.vpn.device
        words = [f"namespace {self.namespace}"] * bool(self.namespace) + [f"device {device}"] * bool(device)
        return ", ".join([*words, *[f"mark {self.mark}"] * bool(self.mark)])


def _path(namespace: str) -> str:
    """One spelling for one namespace, as far as that can be said without looking."""
    if not namespace or namespace.startswith("/"):
        return namespace.replace("/var/run/netns/", NAMESPACES, 1) if namespace.startswith("/var/run/") else namespace
    return NAMESPACES + namespace
