"""A media engine of ours in a process of its own, as the benchmark runs it on the SBC's host.

    python -m benchmarks.media_host ENGINE[:HOW] PATH

HOW is the engine's own: of `native`, how packets come and go, of `kernel`, how it hangs on the devices, or ``sent``: a
veth's other end is sent packets as ever, not handed them. It does what lines of JSON at the UNIX socket PATH ask for,
and answers each with one: ``open`` (which streams and how), ``close``, ``forwarders`` (who forwards how many). Streams
are those of `benchmarks.media_network`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from importlib import import_module
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from zope.interface import implementer

from benchmarks import media_network as network
from sbc.config.values import EngineName, KernelConfig, MediaConfig
from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec, StreamSpec
from sbc.core.secured import SUITES, Key, SideSecurity
from sbc.media.choose import Choice, make_engine
from sbc.media.interfaces import IMediaObserver
from sbc.media.native.engine import NativeEngine

SENT = "sent"
_CHAIN = 24_000  # the first port between two streams of a chain


@implementer(IMediaObserver)
class Deaf:
    """Nobody needs to know here what the engine finds."""

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None: ...

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None: ...

    def silent(self, stream: str, seconds: float) -> None: ...

    def resumed(self, stream: str) -> None: ...

    def policed(self, stream: str, side: int) -> None: ...

    def forwards(self, stream: str, engine: str, reason: str) -> None: ...


def make(name: str) -> Any:
    """The engine of that name as the SBC makes it, or ``native:HOW`` or ``kernel:HOW``."""
    kind, _, how = name.partition(":")
    if how and kind == "native":
        return NativeEngine(reactor, Deaf(), traffic=how)
    kernel = KernelConfig(redirect_peer=how != SENT)
    if kind == "kernel" and how not in ("", SENT):
        engines = import_module("sbc.media.kernel.engine")  # which cannot be imported everywhere
        place = {"directory": kernel.directory, "room": kernel.room}
        return engines.KernelEngine(reactor, Deaf(), lambda above: NativeEngine(reactor, above), modes=(how,), **place)
    engine = EngineName(kind)
    config = MediaConfig(engine=engine, kernel=kernel)
    return make_engine(Choice(engine, "it is measured"), config, reactor, Deaf(), 0.0)


def spec(number: int, hidden: bool = False, latch: str = Latch.NAT.value, mux: bool = False) -> StreamSpec:
    """The stream of that number, both sides signalled; `hidden`: the client is behind a NAT; `mux`: RTCP comes and goes
    on the ports of RTP."""

    def side(realm: str, own: str, remote: tuple[str, int], seen: str) -> SideSpec:
        local, there = Address(own, network.SBC_PORT + 2 * number), Address(*remote)
        pairs = [Pair(rtp, rtp if mux else Address(rtp.host, rtp.port + 1)) for rtp in (local, there)]
        return SideSpec(realm, *pairs, remote[0] != seen, seen, Latch(latch), 3.0)

    sides = (
        side("access", network.SBC_ACCESS, network.signalled(number, hidden), network.CLIENT),
        side("core", network.SBC_CORE, network.server_place(number), network.SERVER),
    )
    return StreamSpec(f"s{number}", f"c{number}", "rtp", sides)


def chain(number: int, suite: str) -> tuple[StreamSpec, StreamSpec]:
    """Two streams that stand behind each other: the first encrypts what the client sends and the second decrypts it,
    and the other way round."""
    one, other = (Key(suite, bytes([digit]) * SUITES[suite].secret) for digit in (1, 2))
    first, second = (Address(network.SBC_CORE, port + 4 * number) for port in (_CHAIN, _CHAIN + 2))
    out, into = SideSecurity(receive=other, send=one), SideSecurity(receive=one, send=other)
    near, far = spec(number).sides

    def between(local: Address, remote: Address, security: SideSecurity) -> SideSpec:
        pairs = [Pair(rtp, Address(rtp.host, rtp.port + 1)) for rtp in (local, remote)]
        return SideSpec("core", *pairs, False, remote.host, Latch.NAT, 3.0, security=security)

    sides = ((near, between(first, second, out)), (between(second, first, into), far))
    return StreamSpec(f"a{number}", f"c{number}", "rtp", sides[0]), StreamSpec(
        f"b{number}", f"d{number}", "rtp", sides[1]
    )


class Orders(LineReceiver):
    """One who gives orders."""

    delimiter = b"\n"

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def lineReceived(self, line: bytes) -> None:
        asked = json.loads(line)
        began = time.perf_counter(), time.process_time()
        found = getattr(self, f"do_{asked.pop('do')}")(**asked)
        spent = {"seconds": time.perf_counter() - began[0], "cpu": time.process_time() - began[1]}
        self.sendLine(json.dumps({"found": found, **spent}).encode())

    def do_open(self, first: int, count: int, **how: Any) -> None:
        for number in range(first, first + count):
            self.engine.open(spec(number, **how))

    def do_chain(self, first: int, count: int, suite: str) -> None:
        for number in range(first, first + count):
            for each in chain(number, suite):
                self.engine.open(each)

    def do_close(self) -> int:
        streams = list(self.engine.streams())
        for stream in streams:
            self.engine.close(stream)
        return len(streams)

    def do_forwarders(self) -> dict[str, int]:
        return Counter(" ".join(self.engine.forwarder(stream)).strip() for stream in self.engine.streams())


def main(name: str, path: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard := resource.getrlimit(resource.RLIMIT_NOFILE)[1], hard))
    engine = make(name)
    hub: Any = reactor
    hub.listenUNIX(path, Factory.forProtocol(lambda: Orders(engine)))
    hub.addSystemEventTrigger("before", "shutdown", engine.stop)
    hub.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
