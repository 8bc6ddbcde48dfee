"""The media engines the contract is asked of, and a rig that drives one with real sockets on loopback hosts."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

import attrs
from twisted.internet.epollreactor import EPollReactor

from sbc.core.address import Address, Pair
from sbc.media.counters import Drops, SideCounters, StreamCounters
from sbc.media.native.engine import NativeEngine, missing
from sbc.media.twisted_engine import TwistedEngine
from tests.loopback import loopback
from tests.media.specs import signalled, stream_spec

PATIENCE = 20.0
"""Seconds to wait for what must come; only a failing test waits so long."""

QUIET = Drops()


class RigReactor(EPollReactor):
    """A reactor that is not installed, turned by hand, and whose clock can be put forward."""

    ahead = 0.0

    def seconds(self) -> float:
        return time.monotonic() + self.ahead

    def close(self) -> None:
        """Let go of all descriptors, its own too (three: an epoll, and a pipe that wakes it), which nobody else does:
        a reactor is meant to live as long as its process."""
        self.removeAll()
        for reader in self._internalReaders:
            reader.connectionLost(None)
        self._internalReaders.clear()
        self._poller.close()


@attrs.frozen
class Engine:
    """How to make an engine and how to let time pass for it: all that a new one must bring.

    `make` is given reactor, observer and the options `silence` and `longest`; `pass_time` reactor, engine and seconds.
    `missing` says why the engine cannot run here; `pause` is given engine and whether it is to leave packets unread.
    """

    make: Callable[..., Any]
    pass_time: Callable[[RigReactor, Any, float], None]
    missing: Callable[[], str] = lambda: ""
    pause: Callable[[Any, bool], None] = lambda engine, pause: None


def put_clock_forward(reactor: RigReactor, engine: Any, seconds: float) -> None:
    reactor.ahead += seconds


def put_native_clock_forward(reactor: RigReactor, engine: Any, seconds: float) -> None:
    for stream in engine.streams():
        engine.sides(stream)  # answered only when the threads have done what they were told before
    reactor.ahead += seconds
    engine.put_clock_forward(seconds)


ENGINES = {
    "twisted": Engine(TwistedEngine, put_clock_forward),
    "native": Engine(NativeEngine, put_native_clock_forward, missing, NativeEngine.pause),
    "native-epoll": Engine(
        partial(NativeEngine, traffic="epoll"), put_native_clock_forward, missing, NativeEngine.pause
    ),
}


class Observer:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.latches: list[tuple[str, int, Address, str]] = []
        self.rtcp_latches: list[tuple[str, int, Address]] = []
        self.silences: list[tuple[str, float]] = []
        self.resumptions: list[str] = []
        self.policings: list[tuple[str, int]] = []
        self.forwardings: list[tuple[str, str, str]] = []
        self.handshakes: list[tuple[str, int, bool, bytes, Address]] = []
        self.expiries: list[tuple[str, int]] = []
        self.uses: list[str] = []

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None:
        self.latches.append((stream, side, address, reason))

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None:
        self.rtcp_latches.append((stream, side, address))

    def silent(self, stream: str, seconds: float) -> None:
        self.silences.append((stream, seconds))

    def resumed(self, stream: str) -> None:
        self.resumptions.append(stream)

    def policed(self, stream: str, side: int) -> None:
        self.policings.append((stream, side))

    def expired(self, stream: str, side: int) -> None:
        self.expiries.append((stream, side))

    def used(self, stream: str) -> None:
        self.uses.append(stream)

    def handshake(self, stream: str, side: int, rtcp: bool, data: bytes, source: Address) -> None:
        self.handshakes.append((stream, side, rtcp, data, source))

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        self.forwardings.append((stream, engine, reason))


class Peer:
    """A UDP socket of a peer, or of somebody who is none."""

    def __init__(self, address: Address) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind(address)
        self.sock.setblocking(False)
        self.address = Address(*self.sock.getsockname()[:2])

    def send(self, to: Address, data: bytes, times: int = 1) -> None:
        for _ in range(times):
            self.sock.sendto(data, to)

    def waiting(self) -> Iterator[tuple[bytes, Address]]:
        while True:
            try:
                data, source = self.sock.recvfrom(65535)
            except BlockingIOError:
                return
            yield data, Address(source[0], source[1])

    def drain(self) -> list[tuple[bytes, Address]]:
        """All that has come, and from where."""
        return list(self.waiting())

    def data(self) -> list[bytes]:
        """All that has come."""
        return [data for data, _ in self.waiting()]


class Rig:
    """One engine, its observer, and hosts of loopback's own.

    Every process has hosts of its own (127.x.y.n), so tests that run side by side share no port; and ports stand below
    the ephemeral ones, so nobody has them by chance.
    """

    def __init__(self, reactor: RigReactor, kind: Engine, ports: Iterator[int], **options: Any) -> None:
        self.reactor = reactor
        self._kind = kind
        self._ports = ports
        self.observer = Observer()
        self.engine = kind.make(reactor, self.observer, **options)
        self._peers: list[Peer] = []

    @staticmethod
    def host(number: int) -> str:
        """The loopback host of that number: 1 is the SBC, others who you like."""
        return f"{loopback('media')}.{number}"

    def port(self) -> int:
        """An even port that nobody else in this process has."""
        return next(self._ports)

    def pair(self, number: int) -> Pair:
        """An RTP and RTCP pair on a host."""
        port = self.port()
        return Pair(Address(self.host(number), port), Address(self.host(number), port + 1))

    def peer(self, where: Address | int) -> Peer:
        """A peer at an address, or on a host at some port."""
        address = where if isinstance(where, Address) else Address(self.host(where), self.port())
        self._peers.append(Peer(address))
        return self._peers[-1]

    def pass_time(self, seconds: float) -> None:
        self._kind.pass_time(self.reactor, self.engine, seconds)

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Packets that come meanwhile are left in the sockets' queues; the reactor is not to be turned."""
        self._kind.pause(self.engine, True)
        try:
            yield
        finally:
            self._kind.pause(self.engine, False)

    def wait(self, until: Callable[[], Any], what: str = "") -> None:
        """Turn the reactor until `until` is true; fail if that takes too long."""
        give_up = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < give_up, f"not within {PATIENCE} s: {what or until}"
            self.reactor.iterate(0.01)

    def wait_for(self, stream: str, packets: int) -> StreamCounters:
        """Wait until the engine has accounted for so many packets of a stream, since it was opened."""
        self.wait(
            lambda: accounted(self.engine.counters(stream)) >= packets,
            f"{packets} packets accounted for in {self.engine.counters(stream)}",
        )
        self.reactor.iterate(0)  # what an engine of threads has found by them is told now
        return self.engine.counters(stream)  # type: ignore[no-any-return]

    def close(self) -> None:
        self.engine.stop()
        for peer in self._peers:
            peer.sock.close()


def accounted(counters: StreamCounters) -> int:
    """How many arrived packets the engine has taken or dropped, the sending done."""

    def arrived(side: SideCounters) -> int:
        on_arrival = side.drops.total - side.drops.no_destination - side.drops.send_error
        return side.received.packets + on_arrival

    return sum(arrived(side) for side in counters.sides)


def balanced(counters: StreamCounters) -> bool:
    """Whether what one side received is what the other was sent, or is known not to have been."""
    first, second = counters.sides
    return all(
        here.received.packets == there.sent.packets + there.drops.no_destination + there.drops.send_error
        for here, there in ((first, second), (second, first))
    )


class Call:
    """A stream between two peers, with what its tests need at hand: side 0 is A's, side 1 is B's.

    A stands on host 2, B on host 3, the SBC on host 1. Each peer has an RTP and an RTCP socket at its signalled pair.
    """

    _ids = count()

    def __init__(
        self,
        rig: Rig,
        kind: str = "rtp",
        a: dict[str, Any] | None = None,
        b: dict[str, Any] | None = None,
    ) -> None:
        self.rig = rig
        self.id = f"stream-{next(self._ids)}"
        rtcp = kind == "rtp"
        self.a_pair, self.b_pair = rig.pair(2), rig.pair(3)
        self.a, self.b = rig.peer(self.a_pair.rtp), rig.peer(self.b_pair.rtp)
        if rtcp:
            assert self.a_pair.rtcp is not None
            assert self.b_pair.rtcp is not None
            self.a_rtcp, self.b_rtcp = rig.peer(self.a_pair.rtcp), rig.peer(self.b_pair.rtcp)
        locals_ = [rig.pair(1), rig.pair(1)]
        if not rtcp:
            locals_ = [Pair(pair.rtp, None) for pair in locals_]
            self.a_pair, self.b_pair = Pair(self.a_pair.rtp, None), Pair(self.b_pair.rtp, None)
        self.spec = stream_spec(self.id, (locals_[0], locals_[1]), (self.a_pair, self.b_pair), a, b, kind)
        rig.engine.open(self.spec)
        local_a, local_b = (side.local for side in self.spec.sides)
        self.at_a, self.at_b = local_a.rtp, local_b.rtp  # where the SBC is, for A and for B
        self.at_a_rtcp, self.at_b_rtcp = local_a.rtcp or local_a.rtp, local_b.rtcp or local_b.rtp
        self.expected = 0

    def update(self, side: int, **changes: Any) -> None:
        """Signal anew for a side."""
        self.spec = signalled(self.spec, side, **changes)
        self.rig.engine.update(self.id, side, self.spec.sides[side])

    def send(self, peer: Peer, to: Address, *packets: bytes) -> StreamCounters:
        """Send packets and wait until the engine has done with them."""
        for data in packets:
            peer.send(to, data)
        self.expected += len(packets)
        return self.rig.wait_for(self.id, self.expected)

    def counters(self) -> StreamCounters:
        counters: StreamCounters = self.rig.engine.counters(self.id)
        return counters

    def latches(self) -> list[tuple[int, Address, str]]:
        """What the observer heard of this stream."""
        return [event[1:] for event in self.rig.observer.latches if event[0] == self.id]
