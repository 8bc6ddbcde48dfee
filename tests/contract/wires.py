"""A media engine between real networks: its process, the peers at both ends, and a stream with what tests need of it.

`alice` stands in the first network (side 0), `bob` in the second (side 1), `mallory` is in the first and no party of
anything. Each has two addresses of each IP version, so that one can move.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import attrs

from sbc.core.address import Address, Pair
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.plain import of_bytes, to_bytes
from sbc.media.counters import SideCounters, StreamCounters
from tests.media.packets import rtp
from tests.media.specs import signalled, stream_spec
from tests.netns import namespace
from tests.netns.lab import Lab
from tests.netns.processes import LabProcess
from tests.netns.topology import Host, Interface, Topology
from tests.netns.waiting import PATIENCE, wait_for

ACCESS, CORE = "203.0.113", "198.51.100"
ACCESS6, CORE6 = "2001:db8:a::", "2001:db8:c::"
SBC, ALICE, BOB, MALLORY = 1, 11, 2, 66  # the last part of each address
AWAY = 100  # added to it in somebody's second address
HIDDEN = "192.168.1.10"  # what a phone behind a NAT signals
FIRST_PORT, LAST_PORT = 20_000, 39_999  # media ports, in both networks
TURN = 25  # packets that are sent before it is seen that all are dealt with: no queue is that short
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
PACE = 0.02  # seconds between two packets of a voice


def v4(net: str, number: int) -> str:
    return f"{net}.{number}"


def v6(net: str, number: int) -> str:
    return f"{net}{number:x}"


def _interface(segment: str, net: str, net6: str, *numbers: int) -> Interface:
    addresses = [f"{v4(net, n)}/24" for n in numbers] + [f"{v6(net6, n)}/64" for n in numbers]
    return Interface(segment, tuple(addresses))


TOPOLOGY = Topology(
    (
        Host("sbc", (_interface("access", ACCESS, ACCESS6, SBC), _interface("core", CORE, CORE6, SBC))),
        Host("alice", (_interface("access", ACCESS, ACCESS6, ALICE, ALICE + AWAY),)),
        Host("mallory", (_interface("access", ACCESS, ACCESS6, MALLORY),)),
        Host("bob", (_interface("core", CORE, CORE6, BOB, BOB + AWAY),)),
    )
)


def make_ready(lab: Lab) -> None:
    """What virtual cables need so that XDP may send on them: whoever receives polls, and checksums are there."""
    for host in lab.hosts.values():
        for interface in host.spec.interfaces:
            host.run(["ethtool", "-K", interface.device, "gro", "on", *([] if host.name == "sbc" else ["tx", "off"])])


class Failed(Exception):
    """The engine raised an error; its type and words."""


class Engine:
    """The engine's process, asked from outside."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        path = lab.directory / f"{name}-{len(lab.processes)}.socket"
        self.process = lab.host("sbc").python("-m", "tests.contract.engine_host", name, str(path), log=name)
        self._socket = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self._connects(path), what=f"the {name} engine")
        self._socket.settimeout(60)
        self._lines = self._socket.makefile("rb")

    def _connects(self, path: Path) -> bool:
        if not self.process.running:
            raise RuntimeError(f"{self.process!r}\n{self.process.tail()}")
        return self._socket.connect_ex(str(path)) == 0

    def ask(self, do: str, **what: Any) -> Any:
        self._socket.sendall(json.dumps({"do": do, **what}).encode() + b"\n")
        told = json.loads(self._lines.readline())
        if "error" in told:
            raise Failed(": ".join(told["error"]))
        return told["found"]

    def counters(self, stream: str) -> StreamCounters:
        found: StreamCounters = of_bytes(StreamCounters, self.ask("counters", stream=stream).encode())
        return found

    def events(self, stream: str, *kinds: str) -> list[list[Any]]:
        """What the observer heard of a stream: time, kind and what else."""
        return [[at, kind, *more] for at, kind, of, *more in self.ask("events") if of == stream and kind in kinds]

    def end(self, kill: bool = False) -> None:
        self._lines.close()
        self._socket.close()
        if kill:
            self.process.popen.kill()
            self.process.popen.wait()
        else:
            assert self.process.stop(patience=10) in (0, -15), self.process.tail()


class Peer:
    """A UDP socket on one of the hosts."""

    def __init__(self, lab: Lab, host: str, address: Address) -> None:
        self.sock = namespace.udp_socket(lab.host(host).netns, address)
        self.sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        if ":" in address.host:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        self.sock.setblocking(False)
        self.address = Address(*self.sock.getsockname()[:2])
        self.got: list[tuple[bytes, Address, int]] = []  # what has come, from where, and its DSCP

    def send(self, to: Address, data: bytes) -> None:
        self.sock.sendto(data, to)

    def mark(self, dscp: int) -> None:
        """Send with that DSCP from now on."""
        level, kind = (socket.IPPROTO_IP, socket.IP_TOS)
        if ":" in self.address.host:
            level, kind = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
        self.sock.setsockopt(level, kind, dscp << 2)

    def look(self) -> int:
        """Take what has come; how much there is in all."""
        while True:
            try:
                data, ancillary, _, source = self.sock.recvmsg(65_535, 256)
            except BlockingIOError:
                return len(self.got)
            marks = [value[0] for _, kind, value in ancillary if kind in (socket.IP_TOS, socket.IPV6_TCLASS)]
            self.got.append((data, Address(*source[:2]), marks[0] >> 2 if marks else -1))

    def take(self) -> list[tuple[bytes, Address, int]]:
        """What has come since this was asked last."""
        self.look()
        got, self.got = self.got, []
        return got

    def data(self) -> list[bytes]:
        return [data for data, _, _ in self.take()]


class Voice:
    """RTP as one terminal sends it: its SSRC, with numbers and timestamps that go on."""

    _ssrcs = count(0x1000)

    def __init__(self) -> None:
        self.ssrc, self.sequence = next(self._ssrcs), 0

    def packets(self, number: int) -> list[bytes]:
        first, self.sequence = self.sequence, self.sequence + number
        return [rtp(each & 0xFFFF, self.ssrc) for each in range(first, first + number)]


class Net:
    """The networks, one engine between them, and the ports that are still free there."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.engine = Engine(lab, name)
        self.ports: Iterator[int] = iter(range(FIRST_PORT, LAST_PORT, 2))
        self._theirs = iter(range(4_000, 19_000, 2))
        self.peers: list[Peer] = []

    def pair(self, host: str) -> Pair:
        """A new pair of ports at an address."""
        port = next(self._theirs)
        return Pair(Address(host, port), Address(host, port + 1))

    def peer(self, host: str, address: Address) -> Peer:
        self.peers.append(Peer(self.lab, host, address))
        return self.peers[-1]

    def has_sent(self, host: str) -> int:
        """How many packets have left a host's interface."""
        netns, (interface,) = self.lab.host(host).netns, self.lab.host(host).spec.interfaces
        lines = namespace.inside(netns, lambda: Path("/proc/thread-self/net/dev").read_text()).splitlines()
        (counts,) = [line.partition(":")[2] for line in lines if line.strip().startswith(f"{interface.device}:")]
        return int(counts.split()[9])

    def spray(self, first: int, last: int, rate: int = 10_000) -> LabProcess:
        """Let mallory begin to send to all ports of the first network; it has begun when this returns."""
        argv = ["-m", "tests.contract.sprayer", v4(ACCESS, MALLORY), v4(ACCESS, SBC), str(first), str(last), str(rate)]
        process = self.lab.host("mallory").python(*argv, log="sprayer")
        process.wait_output("^spraying$")
        return process

    @staticmethod
    def end_spray(process: LabProcess) -> tuple[int, int]:
        """Packets that were sent, octets that came back."""
        process.stop(patience=10)
        found = re.search(r"^sent (\d+) received (\d+)$", process.output(), re.MULTILINE)
        assert found is not None, process.tail()
        return int(found[1]), int(found[2])

    def close(self) -> None:
        for stream in self.engine.ask("streams"):
            self.engine.ask("close", stream=stream)
        for peer in self.peers:
            peer.sock.close()
        self.peers.clear()


class Stream:
    """A stream between alice and bob, opened, with a voice at each end.

    `nat`: alice signals a private address. `six`: which sides speak IPv6. `a` and `b` are changes to the sides' specs.
    """

    _ids = count()

    def __init__(
        self,
        net: Net,
        nat: bool = False,
        six: tuple[bool, bool] = (False, False),
        a: dict[str, Any] | None = None,
        b: dict[str, Any] | None = None,
    ) -> None:
        self.net = net
        self.id = f"call-{next(self._ids)}/1"
        port = next(net.ports)
        hosts = [v6(ACCESS6, ALICE) if six[0] else v4(ACCESS, ALICE), v6(CORE6, BOB) if six[1] else v4(CORE, BOB)]
        ours = [v6(ACCESS6, SBC) if six[0] else v4(ACCESS, SBC), v6(CORE6, SBC) if six[1] else v4(CORE, SBC)]
        theirs = [net.pair(host) for host in hosts]
        self.alice, self.bob = net.peer("alice", theirs[0].rtp), net.peer("bob", theirs[1].rtp)
        assert theirs[0].rtcp is not None
        assert theirs[1].rtcp is not None
        self.alice_rtcp, self.bob_rtcp = net.peer("alice", theirs[0].rtcp), net.peer("bob", theirs[1].rtcp)
        locals_ = [Pair(Address(host, port), Address(host, port + 1)) for host in ours]
        hidden = Pair(Address(HIDDEN, 4_000), Address(HIDDEN, 4_001))
        behind = {"remote": hidden, "behind_nat": True} if nat else {}
        spec = stream_spec(self.id, (locals_[0], locals_[1]), (theirs[0], theirs[1]), behind | (a or {}), b)
        self.spec = attrs.evolve(spec, call=self.id.partition("/")[0])
        self.at_a, self.at_b = locals_[0].rtp, locals_[1].rtp
        self.at_a_rtcp, self.at_b_rtcp = (pair.rtcp or pair.rtp for pair in locals_)
        self.voices = Voice(), Voice()
        net.engine.ask("open", spec=to_bytes(StreamSpec, self.spec).decode())

    def update(self, side: int, **changes: Any) -> None:
        """Signal anew for a side."""
        self.spec = signalled(self.spec, side, **changes)
        spec = to_bytes(SideSpec, self.spec.sides[side]).decode()
        self.net.engine.ask("update", stream=self.id, side=side, spec=spec)

    @property
    def settled(self) -> bool:
        """Whether who forwards the stream is who will. The kernel's program leaves what crosses IP versions to user
        space."""
        engine, why = self.forwarder()
        first, second = (":" in side.local.rtp.host for side in self.spec.sides)
        if self.net.name == "kernel" and first != second:
            return why == "families"
        return (engine, why) == (self.net.name, "")

    def forwarder(self) -> tuple[str, str]:
        """Who forwards the stream, and what keeps it from the kernel."""
        engine, why = self.net.engine.ask("forwarder", stream=self.id)
        return engine, why

    def counters(self) -> StreamCounters:
        return self.net.engine.counters(self.id)

    def side(self, number: int) -> SideCounters:
        return self.counters().sides[number]

    def latches(self, side: int) -> list[tuple[str, str]]:
        """The addresses that a side was latched to, and why."""
        return [(each[3], each[4]) for each in self.net.engine.events(self.id, "latched") if each[2] == side]

    def send(self, peer: Peer, to: Address, packets: list[bytes]) -> None:
        """Send packets, a few at a time, each time until the engine has dealt with them all."""
        for begin in range(0, len(packets), TURN):
            turn = packets[begin : begin + TURN]
            expected = arrived(self.counters()) + len(turn)
            for data in turn:
                peer.send(to, data)
            self.dealt_with(expected)

    def dealt_with(self, packets: int) -> None:
        """Wait until the engine has taken or dropped so many packets, all counted since it was opened."""
        until(lambda: arrived(self.counters()) >= packets, f"{self.id}: {packets} packets dealt with")

    def speak(self, number: int = 1, alice: Peer | None = None, bob: Peer | None = None) -> tuple[list[bytes], ...]:
        """Let both say so many packets; what each said."""
        said = self.voices[0].packets(number), self.voices[1].packets(number)
        self.send(alice or self.alice, self.at_a, said[0])
        self.send(bob or self.bob, self.at_b, said[1])
        return said

    def settle(self) -> None:
        """Both are heard, and the engine forwards the stream as it is to in the long run; what was said is taken."""
        self.speak()
        try:
            until(lambda: self.settled, f"{self.id}: settled")
        except TimeoutError as error:
            raise TimeoutError(f"{error}, but {self.forwarder()}; {self.counters()}") from None
        for peer in (self.alice, self.bob):
            wait_come(peer, 1)
            peer.take()


def until(condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> None:
    wait_for(condition, timeout, what, 0.002)


def wait_come(peer: Peer, number: int) -> None:
    until(lambda: peer.look() >= number, f"{number} packets at {peer.address}, there are {len(peer.got)}")


def arrived(counters: StreamCounters) -> int:
    """How many packets the engine has taken or dropped on arrival."""
    sides = counters.sides
    return sum(s.received.packets + s.drops.total - s.drops.no_destination - s.drops.send_error for s in sides)


def sleep_until(at: float) -> None:
    """Until the time (CLOCK_MONOTONIC) has come."""
    time.sleep(max(0.0, at - time.monotonic()))
