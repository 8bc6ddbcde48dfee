"""Three hosts on two links, the SBC in the middle: real packets through the kernel's programs."""

from __future__ import annotations

import ctypes
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from sbc.core.address import Address, Pair
from sbc.media.counters import StreamCounters
from sbc.media.kernel.engine import KernelEngine
from sbc.media.twisted_engine import TwistedEngine
from tests.contract.engines import PATIENCE, Observer, Peer, RigReactor
from tests.media.kernel.apart import Apart
from tests.media.specs import signalled, stream_spec

_SO_RCVBUFFORCE = 33  # asm-generic/socket.h: no limit for root
_libc = ctypes.CDLL(None)
_ids = count()


def _tid() -> int:
    return int(_libc.gettid())


def set_clock_right() -> None:
    """Threads in C go by the kernel's clock again, if a test of this process has put theirs forward: what they share
    with the kernel's programs is on that."""
    module = import_module("sbc.media.native._native")
    ahead = module.lib.clock_now() - time.monotonic_ns()
    if ahead > 1_000_000_000:
        module.lib.clock_put_forward((1 << 64) - ahead)


class Net:
    """The hosts `a` (10.1.0.2, fd01::2, a stranger 10.1.0.3) and `b` (10.2.0.2, fd02::2), and between them the SBC.

    `frames`: whether their interfaces take frames from XDP; `offload`: whether they leave checksums to devices.
    """

    def __init__(self, folder: Path, frames: bool = True, offload: bool = False) -> None:
        self._stack = ExitStack()
        self.reactor = self._stack.enter_context(closing(RigReactor()))
        self.sbc, self.a, self.b = (self._stack.enter_context(Apart()) for _ in range(3))
        self.folder = folder
        self.sbc.mount_bpffs(folder)
        for number, (name, host) in enumerate((("left", self.a), ("right", self.b)), 1):
            self.sbc.ip(
                f"link add name {name} type veth peer name eth0 netns {host.call(_tid)}",
                "link set lo up",
                f"link set {name} up",
                f"addr add 10.{number}.0.1/24 dev {name}",
                f"addr add fd0{number}::1/64 dev {name} nodad",
            )
            host.ip(
                "link set lo up",
                "link set eth0 up",
                f"addr add 10.{number}.0.2/24 dev eth0",
                f"addr add 10.{number}.0.3/24 dev eth0",
                f"addr add fd0{number}::2/64 dev eth0 nodad",
            )
            if frames:
                host.run("ethtool -K eth0 gro on")
            if not offload:
                host.run("ethtool -K eth0 tx off")
        self.a.ip("route add default via 10.1.0.1")
        self.b.ip("route add default via 10.2.0.1")

    def close(self) -> None:
        self._stack.close()


class Rig:
    """An engine in the middle host, and a thread there that turns its reactor."""

    def __init__(self, net: Net, **options: Any) -> None:
        self.net = net
        self.reactor = net.reactor
        self.reactor.ahead = 0.0
        self.observer = Observer()
        self.options = options
        self._peers: list[Peer] = []
        self._ports = count(20_000, 2)
        self.engine: Any = net.sbc.call(self._make)
        self._turning = True
        self._asked: list[Any] = []
        self._thread = threading.Thread(target=lambda: net.sbc.call(self._turn), daemon=True)
        self._thread.start()

    def _make(self) -> KernelEngine:
        options = {"directory": str(self.net.folder / "sbc"), "room": 1024, "below": TwistedEngine, **self.options}
        below = options.pop("below")
        if below is not TwistedEngine:
            set_clock_right()
        return KernelEngine(self.reactor, self.observer, lambda observer: below(self.reactor, observer), **options)

    def _turn(self) -> None:
        while self._turning:
            self.reactor.iterate(0.005)
            for call, arguments, done in list(self._asked):
                self._asked.remove((call, arguments, done))
                done.append(_outcome(call, arguments))

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Have something done on the reactor's thread, between its turns."""
        done: list[Any] = []
        self._asked.append((call, arguments, done))
        give_up = time.monotonic() + PATIENCE
        while not done:
            assert time.monotonic() < give_up, "the reactor's thread does nothing"
            time.sleep(0.0005)
        failed, result = done[0]
        if failed:
            raise result
        return result

    def wait(self, until: Callable[[], Any], what: str = "") -> None:
        give_up = time.monotonic() + PATIENCE
        while not self.ask(until):
            assert time.monotonic() < give_up, f"not within {PATIENCE} s: {what or until}"
            time.sleep(0.005)

    def peer(self, host: Apart, address: Address) -> Peer:
        made = host.call(Peer, address)
        made.sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4 << 20)
        self._peers.append(made)
        return made

    def leave(self, keep: bool = False) -> None:
        """Stop the engine and its thread."""
        if self._turning:
            self.ask(self.engine.stop, keep)
            self._turning = False
            self._thread.join()

    def close(self) -> None:
        self.leave()
        for peer in self._peers:
            peer.sock.close()


def _outcome(call: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return False, call(*arguments)
    except Exception as error:  # noqa: BLE001 - is raised where it was asked
        return True, error


class Call:
    """A stream between a host `a` and a host `b`."""

    def __init__(self, rig: Rig, ports: int = 20_000, version: int = 4, a: Any = None, b: Any = None) -> None:
        self.rig, self.id = rig, f"stream-{next(_ids)}"
        hosts = (
            ("10.1.0.2", "10.1.0.1", "10.2.0.1", "10.2.0.2")
            if version == 4
            else ("fd01::2", "fd01::1", "fd02::1", "fd02::2")
        )
        self.a_pair, self.at_a, self.at_b, self.b_pair = (
            Pair(Address(host, ports + 1000 * n), Address(host, ports + 1000 * n + 1)) for n, host in enumerate(hosts)
        )
        self.a, self.a_rtcp = (rig.peer(rig.net.a, each) for each in self.a_pair if each)
        self.b, self.b_rtcp = (rig.peer(rig.net.b, each) for each in self.b_pair if each)
        clock = {"clock": 8000}
        self.spec = stream_spec(
            self.id, (self.at_a, self.at_b), (self.a_pair, self.b_pair), clock | (a or {}), clock | (b or {})
        )

    def open(self) -> Call:
        self.rig.ask(self.rig.engine.open, self.spec)
        return self

    def update(self, side: int, **changes: Any) -> None:
        self.spec = signalled(self.spec, side, **changes)
        self.rig.ask(self.rig.engine.update, self.id, side, self.spec.sides[side])

    def counters(self) -> StreamCounters:
        return self.rig.ask(self.rig.engine.counters, self.id)

    def forwarder(self) -> tuple[str, str]:
        return self.rig.ask(self.rig.engine.forwarder, self.id)

    def talk_until_promoted(self, data: Callable[[], bytes]) -> int:
        """Both sides speak until the kernel forwards; how many packets each has sent."""
        sent = 0
        give_up = time.monotonic() + PATIENCE
        while self.forwarder()[0] != "kernel":
            assert time.monotonic() < give_up, self.forwarder()
            self.a.send(self.at_a.rtp, data())
            self.b.send(self.at_b.rtp, data())
            sent += 1
            time.sleep(0.02)
        return sent
