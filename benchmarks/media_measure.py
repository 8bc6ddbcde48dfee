"""What forwarding costs: packets sent through a relay and, the same, past it, with the processor time of each."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import usage
from benchmarks.media_contenders import Relay, threads
from benchmarks.traffic import Generator, Passage, Sink

if TYPE_CHECKING:
    from benchmarks.media_network import Places
    from tests.netns.lab import LabHost

LATE = 50_000.0  # microseconds; a relay of which one packet in a hundred is later than this does not keep up
TURN = 1.0  # seconds, at the most, that packets go one way before they go the other
_PATIENCE = 10.0  # seconds for a queue to empty
_PRIMING, _TRIES = 25_000.0, 3  # packets a second that open the streams' ways
_PROCESSORS = os.cpu_count() or 1


@dataclass(frozen=True)
class Run:
    """Packets sent for a while. `machine`: processor seconds of the whole machine; `tasks`: of generator, sink,
    relay and of the kernel's own threads for packets, which leaves out what else runs on the machine; `relay`: of those
    the relay's own threads'."""

    passage: Passage
    machine: float
    tasks: float
    relay: float

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
        aside, own = self._spent(sink), self._relay_spent()
        process = self.generator.start(sink.run, rate, seconds, tick)
        sent = self.generator.finish(process, seconds + 30)
        aside, own = self._spent(sink) - aside, self._relay_spent() - own
        passage = Passage(sent, sink.result())
        if passage.received.strange:
            raise RuntimeError(f"{passage.received.strange} packets came from elsewhere than {self.source}")
        return Run(passage, sent.window * _PROCESSORS - sent.idle, sent.cpu + aside + own, own)

    def drain(self) -> None:
        """Wait until what a relay has queued of earlier runs is no longer before what comes now."""
        deadline = time.monotonic() + _PATIENCE
        while not self.run(1000, 0.1).sustained and time.monotonic() < deadline:
            continue

    def _spent(self, sink: Sink) -> float:
        return _seconds([sink.process.pid, *_packet_threads()])

    def _relay_spent(self) -> float:
        if self.relay is None or self.relay.process is None:
            return 0.0
        return _seconds(usage.processes(self.relay.process.pid))


def through(places: Places, relay: Relay) -> Way:
    """From the client through the relay to the server, over all its streams."""
    return Way(places.there(relay.there), places.server, "core", relay.source, relay)


def past(places: Places, relay: Relay) -> Way:
    """From the client to the server over as many flows, with nobody between: the relay, whose streams stay open, does
    only what it does at rest."""
    return Way(places.past(relay.there), places.server, "direct", relay=relay)


def turns(there: Way, alone: Way, rate: float, seconds: float) -> tuple[list[Run], list[Run]]:
    """The same traffic on both ways, so many seconds each, in turns: what else the machine does is in both alike."""
    count = max(1, round(seconds / TURN))
    runs = [(there.run(rate, seconds / count), alone.run(rate, seconds / count)) for _ in range(count)]
    return [run for run, _ in runs], [run for _, run in runs]


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


def cost(relayed: list[Run], direct: list[Run]) -> Cost:
    """The relay's own: what the same traffic took above what it takes past it, but for what the relay takes at rest.
    Both are to be sent alike, at one rate or both as fast as can be: who sends in bursts and sleeps between them pays
    more for each packet."""
    rest = at_rest(direct)
    packets, alone = (sum(run.passage.sent.sent for run in runs) for runs in (relayed, direct))
    resting, past_it = (rest * sum(run.passage.sent.window for run in runs) for runs in (relayed, direct))
    machine, tasks = (
        (sum(getattr(run, what) for run in relayed) - resting) / packets
        - (sum(getattr(run, what) for run in direct) - past_it) / alone
        for what in ("machine", "tasks")
    )
    return Cost(machine * 1e6, tasks * 1e6, statistics.mean(run.others for run in relayed))


def at_rest(direct: list[Run]) -> float:
    """The share of a processor that a relay took while packets went past it."""
    return sum(run.relay for run in direct) / sum(run.passage.sent.window for run in direct)


def _seconds(pids: list[int]) -> float:
    return sum(nanoseconds for pid in pids for _, nanoseconds in threads(pid)) / 1e9


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
