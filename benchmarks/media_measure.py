"""What forwarding costs: packets sent through a relay and, the same, past it, with the processor time of each."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import usage
from benchmarks.media_contenders import Relay, threads
from benchmarks.traffic import Flow, Generator, Passage, Sink

if TYPE_CHECKING:
    from benchmarks.media_network import Places
    from tests.netns.lab import LabHost

LATE = 50_000.0  # microseconds; a relay of which one packet in a hundred is later than this does not keep up
_PATIENCE = 10.0  # seconds for a queue to empty
_PRIMING, _TRIES = 25_000.0, 3  # packets a second that open the streams' ways
_PROCESSORS = os.cpu_count() or 1


@dataclass(frozen=True)
class Run:
    """Packets sent for a while. `machine`: processor seconds of the whole machine; `tasks`: of generator, sink,
    relay and of the kernel's own threads for packets, which leaves out what else runs on the machine."""

    passage: Passage
    machine: float
    tasks: float

    @property
    def sustained(self) -> bool:
        """Whether all arrived, once, and not so late that a queue must have grown."""
        received = self.passage.received
        return self.passage.lost == 0 and received.doubled == 0 and received.p99 < LATE

    @property
    def others(self) -> float:
        """The share of the machine that had nothing to do with this."""
        return max(0.0, self.machine - self.tasks) / self.passage.sent.window / _PROCESSORS


@dataclass(frozen=True)
class Cost:
    """What a relay costs above generator and sink alone, in processor seconds for a million packets."""

    machine: float
    tasks: float
    others: float


class Way:
    """A way for packets: a generator, and the device where they should arrive."""

    def __init__(
        self, generator: Generator, host: LabHost, device: str, source: str = "0.0.0.0", relay: Relay | None = None
    ) -> None:
        self.generator, self.host, self.device, self.source, self.relay = generator, host, device, source, relay

    def run(self, rate: float, seconds: float, tick: int = 200, samples: int = 300_000) -> Run:
        sink = Sink(self.host, self.device, source=self.source, samples=samples)
        before = self._spent(sink)
        process = self.generator.start(sink.run, rate, seconds, tick)
        sent = self.generator.finish(process, seconds + 30)
        spent = self._spent(sink) - before
        passage = Passage(sent, sink.result())
        if passage.received.strange:
            raise RuntimeError(f"{passage.received.strange} packets came from elsewhere than {self.source}")
        return Run(passage, sent.window * _PROCESSORS - sent.idle, sent.cpu + spent)

    def drain(self) -> None:
        """Wait until what a relay has queued of earlier runs is no longer before what comes now."""
        deadline = time.monotonic() + _PATIENCE
        while not self.run(1000, 0.1).sustained and time.monotonic() < deadline:
            continue

    def _spent(self, sink: Sink) -> float:
        pids = [sink.process.pid, *_packet_threads()]
        if self.relay is not None and self.relay.process is not None:
            pids += usage.processes(self.relay.process.pid)
        return sum(nanoseconds for pid in pids for _, nanoseconds in threads(pid)) / 1e9


def through(places: Places, relay: Relay) -> Way:
    """From the client through the relay to the server, over all its streams."""
    return Way(places.there(relay.there), places.server, "core", relay.source, relay)


def past(places: Places, flows: list[Flow]) -> Way:
    """From the client to the server, with nobody between."""
    return Way(places.past(flows), places.server, "direct")


def prime(places: Places, relay: Relay) -> str:
    """A few packets each way on all streams, as at the beginning of a call; who forwards then. RuntimeError where no
    packet gets through in one direction."""
    flows = len(relay.there)
    back = Way(places.back(relay.back), places.client, "access", relay=relay)
    for way in (back, through(places, relay)):
        seconds = max(0.2, 3 * flows / _PRIMING)
        for _ in range(_TRIES):
            run = way.run(3 * flows / seconds, seconds)
            if run.passage.received.unique >= flows:
                break
            seconds *= 2  # a busy machine: not all flows had their turn
        if not run.passage.received.unique:
            raise RuntimeError(f"nothing gets through: {run.passage}")
    return relay.settle()


def cost(relayed: Run, direct: Run) -> Cost:
    """The relay's own: what the same traffic took above what it takes past it."""
    packets, alone = relayed.passage.sent.sent, direct.passage.sent.sent
    return Cost(
        (relayed.machine / packets - direct.machine / alone) * 1e6,
        (relayed.tasks / packets - direct.tasks / alone) * 1e6,
        relayed.others,
    )


def _packet_threads() -> list[int]:
    """The kernel's threads that handle packets when no other context does."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                name = (path / "comm").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if name.startswith(("ksoftirqd/", "napi/")):
                found.append(int(path.name))
    return found
