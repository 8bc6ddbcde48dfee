"""Where things stand in a lab, as plain values: hosts, the segments they are attached to, addresses, NATs.

A segment with two attachments is a cable (one veth pair), with more a switch (a bridge in a namespace of its own).
The builders below give the topologies the tests share; nothing in `lab.py` knows any of their names or addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.netns.nat import Nat

PHONE = "192.168.1.10"  # every phone of every home: the private ranges overlap on purpose
HOME_ROUTER = "192.168.1.1"
CARRIER_NET = "100.64.0"  # between the two NATs of a home behind a carrier-grade NAT (RFC 6598)


@dataclass(frozen=True)
class Interface:
    """A host's attachment to a segment. Addresses are written with their prefix length; the interface is named after
    the segment unless `name` says otherwise. Names have at most 15 characters."""

    segment: str
    addresses: tuple[str, ...]
    name: str = ""

    @property
    def device(self) -> str:
        return self.name or self.segment


@dataclass(frozen=True)
class Host:
    """A network namespace: its attachments, default gateway, sysctls, and the NAT it does, if it is one.

    A NAT has two interfaces, named `lan` and `wan`.
    """

    name: str
    interfaces: tuple[Interface, ...]
    gateway: str = ""
    nat: Nat | None = None
    sysctls: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Topology:
    """All hosts of a lab."""

    hosts: tuple[Host, ...]

    def __add__(self, other: Topology) -> Topology:
        return Topology(self.hosts + other.hosts)

    def segments(self) -> dict[str, list[tuple[Host, Interface]]]:
        """Who is attached to each segment, in the order of the hosts."""
        members: dict[str, list[tuple[Host, Interface]]] = {}
        for host in self.hosts:
            for interface in host.interfaces:
                members.setdefault(interface.segment, []).append((host, interface))
        return members


@dataclass(frozen=True)
class RealmPair:
    """The names and /24 networks of one access realm and one core realm."""

    access: str = "access"
    core: str = "core"
    access_net: str = "203.0.113"
    core_net: str = "198.51.100"
    softswitch: str = "softswitch"

    @property
    def sbc_access(self) -> str:
        return f"{self.access_net}.1"

    @property
    def sbc_core(self) -> str:
        return f"{self.core_net}.1"

    @property
    def softswitch_address(self) -> str:
        return f"{self.core_net}.2"


FIRST = RealmPair()
SECOND = RealmPair("access2", "core2", "192.0.2", "198.18.2", "softswitch2")


def home(label: str, wan: str, access: str = "access", nats: tuple[Nat, ...] = (Nat(),)) -> Topology:
    """`phone-<label>` behind its NATs, the innermost first: `nat-<label>`, then `nat2-<label>` towards the access
    segment where `wan` is the public address. Without NATs the phone itself stands there under that address."""
    public = f"{wan}/24"
    if not nats:
        return Topology((Host(f"phone-{label}", (Interface(access, (public,)),)),))
    lan = f"lan-{label}"
    hosts = [Host(f"phone-{label}", (Interface(lan, (f"{PHONE}/24",)),), gateway=HOME_ROUTER)]
    inner, inner_address = lan, f"{HOME_ROUTER}/24"
    for place, nat in enumerate(nats, 1):
        outermost = place == len(nats)
        outer = access if outermost else f"isp{place}-{label}"
        net = f"{CARRIER_NET}.{4 * place - 4}"
        hosts.append(
            Host(
                f"nat-{label}" if place == 1 else f"nat{place}-{label}",
                (
                    Interface(inner, (inner_address,), name="lan"),
                    Interface(outer, (public if outermost else f"{_next(net, 2)}/30",), name="wan"),
                ),
                gateway="" if outermost else _next(net, 1),
                nat=nat,
            )
        )
        inner, inner_address = outer, f"{_next(net, 1)}/30"
    return Topology(tuple(hosts))


def _next(net: str, by: int) -> str:
    head, _, last = net.rpartition(".")
    return f"{head}.{int(last) + by}"


def border(*pairs: RealmPair) -> Topology:
    """`sbc` with a foot in every realm of the pairs, and each pair's softswitch."""
    feet: list[Interface] = []
    switches: list[Host] = []
    for pair in pairs:
        feet.append(Interface(pair.access, (f"{pair.sbc_access}/24",)))
        feet.append(Interface(pair.core, (f"{pair.sbc_core}/24",)))
        switches.append(Host(pair.softswitch, (Interface(pair.core, (f"{pair.softswitch_address}/24",)),)))
    return Topology((Host("sbc", tuple(feet)), *switches))


def one_pair(nats_a: tuple[Nat, ...] = (Nat(),), nats_b: tuple[Nat, ...] = (Nat(),)) -> Topology:
    """The main job: two homes with the same private addresses, the SBC, a softswitch, and a core host `uas` for
    gateways."""
    core_host = Host("uas", (Interface(FIRST.core, (f"{FIRST.core_net}.3/24",)),))
    return border(FIRST) + Topology((core_host,)) + homes(FIRST, a=nats_a, b=nats_b)


def two_pairs(nat: Nat = Nat()) -> Topology:  # noqa: B008 a frozen value
    """Two realm pairs on one SBC; all four phones are 192.168.1.10."""
    return border(FIRST, SECOND) + homes(FIRST, a=(nat,), b=(nat,)) + homes(SECOND, c=(nat,), d=(nat,))


def homes(pair: RealmPair, **nats: tuple[Nat, ...]) -> Topology:
    """A home for each label, at .11, .12, ... of the access network."""
    hosts: tuple[Host, ...] = ()
    for number, (label, chain) in enumerate(nats.items(), 11):
        hosts += home(label, f"{pair.access_net}.{number}", pair.access, chain).hosts
    return Topology(hosts)


def flat(*names: str) -> Topology:
    """Hosts on one switch with public addresses from 203.0.113.1 on: no NAT, no SBC."""
    return Topology(
        tuple(Host(name, (Interface("access", (f"203.0.113.{n}/24",)),)) for n, name in enumerate(names, 1))
    )
