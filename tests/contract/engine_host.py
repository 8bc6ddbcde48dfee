"""A media engine in a process of its own, for tests that set it between real networks.

    python -m tests.contract.engine_host ENGINE PATH

ENGINE is a word of `[media] engine`. Lines of JSON at the UNIX socket PATH ask for what the engine can do, each is
answered by one: {"found": ...}, or {"error": [type, words]}. Specs and counters are written as `sbc.core.plain` does.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from typing import Any

import attrs
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from zope.interface import implementer

from sbc.config.values import EngineName, MediaConfig
from sbc.core.address import Address, Pair
from sbc.core.orders import Rate, SideSpec, StreamSpec
from sbc.core.plain import of_bytes, to_bytes
from sbc.media.choose import Choice, make_engine
from sbc.media.counters import StreamCounters
from sbc.media.interfaces import IMediaObserver


@implementer(IMediaObserver)
class Witness:
    """Keeps what it hears, with the time (CLOCK_MONOTONIC, the same in all processes)."""

    def __init__(self) -> None:
        self.heard: list[list[Any]] = []

    def _hear(self, event: str, stream: str, *what: Any) -> None:
        self.heard.append([time.monotonic(), event, stream, *what])

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None:
        self._hear("latched", stream, side, str(address), reason)

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None:
        self._hear("rtcp_latched", stream, side, str(address))

    def silent(self, stream: str, seconds: float) -> None:
        self._hear("silent", stream, seconds)

    def resumed(self, stream: str) -> None:
        self._hear("resumed", stream)

    def policed(self, stream: str, side: int) -> None:
        self._hear("policed", stream, side)

    def expired(self, stream: str, side: int) -> None:
        self._hear("expired", stream, side)

    def used(self, stream: str) -> None:
        self._hear("used", stream)

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        self._hear("forwards", stream, engine, reason)


class Orders(LineReceiver):
    """One who gives orders."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 20

    def __init__(self, engine: Any, witness: Witness) -> None:
        self.engine, self.witness = engine, witness

    def lineReceived(self, line: bytes) -> None:
        asked = json.loads(line)
        try:
            told = {"found": getattr(self, f"do_{asked.pop('do')}")(**asked)}
        except Exception as error:  # noqa: BLE001 - whoever asked is to know
            told = {"error": [type(error).__name__, str(error)]}
        self.sendLine(json.dumps(told).encode())

    def do_open(self, spec: str) -> None:
        self.engine.open(of_bytes(StreamSpec, spec.encode()))

    def do_update(self, stream: str, side: int, spec: str) -> None:
        self.engine.update(stream, side, of_bytes(SideSpec, spec.encode()))

    def do_close(self, stream: str) -> str:
        return to_bytes(StreamCounters, self.engine.close(stream)).decode()

    def do_counters(self, stream: str) -> str:
        return to_bytes(StreamCounters, self.engine.counters(stream)).decode()

    def do_forwarder(self, stream: str) -> list[str]:
        return list(self.engine.forwarder(stream))

    def do_suites(self) -> list[str]:
        return list(self.engine.suites())

    def do_streams(self) -> list[str]:
        return list(self.engine.streams())

    def do_silence(self, seconds: float) -> None:
        self.engine.report_silence(seconds)

    def do_limit(self, realm: str, octets: int, burst: int) -> None:
        self.engine.limit_realm(realm, Rate(octets, burst) if octets else None)

    def do_events(self) -> list[list[Any]]:
        return self.witness.heard

    def do_churn(self, spec: str, rounds: int, together: int) -> None:
        """Open and close streams like this one, so many `together`, so often: ports follow each other."""
        model = of_bytes(StreamSpec, spec.encode())
        for round_ in range(rounds):
            names = [f"churn-{round_}-{number}" for number in range(together)]
            for number, name in enumerate(names):
                self.engine.open(attrs.evolve(model, id=name, sides=tuple(_moved(s, 4 * number) for s in model.sides)))
            for name in names:
                self.engine.close(name)

    def do_holds(self) -> dict[str, int]:
        """What the process holds: file descriptors, and kilobytes of resident memory."""
        gc.collect()
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
        return {"descriptors": len(os.listdir("/proc/self/fd")), "memory": pages * resource.getpagesize() // 1024}


def _moved(side: SideSpec, by: int) -> SideSpec:
    rtp, rtcp = side.local
    assert rtcp is not None
    return attrs.evolve(side, local=Pair(Address(rtp.host, rtp.port + by), Address(rtcp.host, rtcp.port + by)))


def main(name: str, path: str) -> None:
    """Run until a signal comes."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    hub: Any = reactor
    witness = Witness()
    engine = make_engine(Choice(EngineName(name), ""), MediaConfig(), hub, witness, 0.0)
    hub.listenUNIX(path, Factory.forProtocol(lambda: Orders(engine, witness)))
    hub.addSystemEventTrigger("before", "shutdown", engine.stop)
    hub.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
