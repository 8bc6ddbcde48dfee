"""Where the kernel's programs are tried on single frames: a host with two interfaces and silent neighbours."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.media.flow import Flow
from sbc.media.kernel.peers import FRAMES
from sbc.media.kernel.plane import Plane, Tally
from tests.media.kernel.apart import Apart
from tests.media.kernel.frames import OURS, Frame
from tests.media.packets import rtp

XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT = 1, 2, 3, 4  # linux/bpf.h
TC_UNSPEC, TC_SHOT, TC_REDIRECT = 0xFFFFFFFF, 2, 7  # linux/pkt_cls.h
A_MAC, B_MAC = bytes.fromhex("0200000000aa"), bytes.fromhex("0200000000bb")

PHONE, AT_PHONE = Address("10.1.0.2", 30_000), Address("10.1.0.1", 20_000)
TRUNK, AT_TRUNK = Address("10.2.0.2", 40_000), Address("10.2.0.1", 21_000)
PHONE6, AT_PHONE6 = Address("fd01::2", 30_000), Address("fd01::1", 20_000)
TRUNK6, AT_TRUNK6 = Address("fd02::2", 40_000), Address("fd02::1", 21_000)

FLOW = Flow(0, AT_PHONE, PHONE, AT_TRUNK, TRUNK, rtcp=False, dscp=46, limit=None, realm="access", clock=8000)
FLOW6 = attrs.evolve(FLOW, local=AT_PHONE6, source=PHONE6, out=AT_TRUNK6, to=TRUNK6)
LONGEST = 65_535


class Bench:
    """A plane, and what its programs make of frames that come to the interface `left`."""

    def __init__(self, apart: Apart, folder: Path) -> None:
        self.apart = apart
        apart.mount_bpffs(folder)
        apart.ip("link set lo up", *_commands("left", 1, A_MAC), *_commands("right", 2, B_MAC))
        apart.run("sysctl -qw net.ipv4.conf.lo.forwarding=1 net.ipv6.conf.lo.forwarding=1")
        self.folder = folder
        self.plane: Plane = apart.call(Plane, str(folder / "sbc"), 4096)
        self.entered: list[int] = []
        self.a, self.b = (apart.call(socket.if_nametoindex, name) for name in ("left", "right"))

    def close(self) -> None:
        self.apart.call(self.plane.close)

    def enter(self, flow: Flow = FLOW, mux: bool = False, own: int = 0, realm: int = 0, longest: int = LONGEST) -> int:
        slot = self.plane.enter(flow, longest, mux, own, realm)
        self.entered.append(slot)
        self.plane.lease.renew()
        return slot

    def shut_all(self) -> None:
        for slot in self.entered:
            self.plane.shut(slot)
        self.entered.clear()

    def ready(self, flow: Flow = FLOW, **how: Any) -> int:
        """A flow whose way out XDP is sure of."""
        for interface in (self.a, self.b):
            self.apart.call(self.plane.outlet, interface, FRAMES)
        self.plane.lease.renew()
        slot = self.plane.enter(flow, LONGEST, False, 0, 0)
        self.xdp(Frame(flow.source, flow.local, rtp()))  # is left to the stack, which asks after the neighbour
        self.plane.shut(slot)
        return self.enter(flow, **how)

    def xdp(self, frame: Frame | bytes) -> tuple[int, bytes]:
        data = frame if isinstance(frame, bytes) else frame.data()
        return self.apart.call(self.plane.run, data, self.a)

    def tc(self, frame: Frame | bytes) -> tuple[int, bytes]:
        data = frame if isinstance(frame, bytes) else frame.data()
        return self.apart.call(self.plane.run, data, self.a, True)

    def tally(self, slot: int) -> Tally:
        return self.plane.tally(slot)


def _commands(name: str, net: int, neighbour: bytes) -> tuple[str, ...]:
    return (
        f"link add name {name} address {OURS.hex(':')} type veth peer name {name}-peer",
        f"link set {name} up",
        f"link set {name}-peer up",
        f"addr add 10.{net}.0.1/24 dev {name}",
        f"addr add fd0{net}::1/64 dev {name} nodad",
        f"neigh replace 10.{net}.0.2 lladdr {neighbour.hex(':')} dev {name} nud permanent",
        f"neigh replace fd0{net}::2 lladdr {neighbour.hex(':')} dev {name} nud permanent",
    )
