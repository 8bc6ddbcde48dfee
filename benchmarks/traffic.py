"""RTP from one host of a lab to another: the generator and the sink, built when first needed, and what they found."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

SOURCES = Path(__file__).parent
CACHE = SOURCES.parent / "build" / "benchmarks"
FAVOUR = -20  # nice: whoever measures and is measured goes before all else on the machine
_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
ANYBODY = "0.0.0.0"
_runs = itertools.count(1)


class Flow(NamedTuple):
    """From whom to whom packets are written to go: (host, port) each."""

    source: tuple[str, int]
    target: tuple[str, int]


@dataclass(frozen=True)
class Sent:
    """What the generator did. `skipped`: packets it was too late for; `cpu`: its processor time, with that of whatever
    the kernel does in the sender's stead; `idle`: of all processors, in the `window` seconds that it took."""

    sent: int
    failed: int
    skipped: int
    seconds: float
    cpu: float
    window: float
    idle: float


@dataclass(frozen=True)
class Received:
    """What the sink saw. `strange`: from another address than expected; `overrun`: packets the sink itself missed.
    Delays in microseconds."""

    received: int
    unique: int
    doubled: int
    disordered: int
    strange: int
    stale: int
    overrun: int
    p50: float
    p99: float
    p999: float
    highest: float


@dataclass(frozen=True)
class Passage:
    """A run: what was sent and what of it arrived."""

    sent: Sent
    received: Received

    @property
    def lost(self) -> int:
        """Packets that did not arrive, those that the first device would not take included. What the sink missed counts
        as lost, so that such a run is done again rather than believed."""
        return self.sent.sent + self.sent.failed - self.received.unique

    @property
    def rate(self) -> float:
        """Packets a second that were sent."""
        return self.sent.sent / self.sent.seconds


def program(name: str) -> Path:
    """The program of that name, built of its source if there is none of this very source yet. RuntimeError, with the
    compiler's words, where it cannot be built."""
    texts = [(SOURCES / each).read_bytes() for each in (f"{name}.c", "frame.h")]
    built = CACHE / f"{name}-{hashlib.sha256(b''.join(texts)).hexdigest()[:16]}"
    if not built.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = built.with_suffix(f".{os.getpid()}")
        done = subprocess.run(
            ["cc", *_FLAGS, "-o", str(fresh), str(SOURCES / f"{name}.c")], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"cannot build {name}: {done.stderr}")
        fresh.rename(built)
    return built


def new_run() -> int:
    """A number by which packets are told from all others."""
    return next(_runs)


def favoured(argv: Sequence[str]) -> list[str]:
    return ["nice", "-n", str(FAVOUR), *argv]


class Sink:
    """A sink that listens at a device of a host until it is asked for what it has seen."""

    def __init__(
        self, host: LabHost, device: str, *,
        run: int = 0, target: str = ANYBODY, source: str = ANYBODY, samples: int = 0,
    ) -> None:  # fmt: skip
        """It counts packets of `run` (0: of a new one) for `target`, which should come from `source`, and keeps the
        delays of so many `samples`."""
        self.run = run or new_run()
        argv = [str(program("sink")), device, target, source, str(self.run), str(samples)]
        self.process = host.popen(favoured(argv), log="sink")
        self.process.wait_output("^ready$")

    def result(self) -> Received:
        self.process.stop()
        return Received(**_last_line(self.process))


class Generator:
    """Sends from a device of a host to the `mac` of the next one. Numbers go on from run to run, as a phone's would."""

    def __init__(self, host: LabHost, device: str, mac: str, flows: Iterable[Flow]) -> None:
        self.host, self.device, self.mac = host, device, mac
        self._file = host.lab.directory / f"flows-{host.name}-{device}-{next(_runs)}"
        listed = list(flows)
        self.flows = len(listed)
        self._file.write_bytes(b"".join(map(_packed, listed)))
        self._first = 0

    def start(self, run: int, rate: float, seconds: float, tick: int = 200) -> LabProcess:
        """Begin: `rate` packets a second, 0 for as many as can be, in bursts every `tick` microseconds, 0 for one at a
        time."""
        argv = [str(program("generator")), self.device, self.mac, str(self._file)]
        argv += [f"{rate:.3f}", f"{seconds:.3f}", str(tick), str(run), str(self._first)]
        self._first += int((rate or 1_000_000) * seconds / self.flows) + 1
        return self.host.popen(favoured(argv), log="generator")

    def finish(self, process: LabProcess, patience: float = 30.0) -> Sent:
        process.check_exit(patience)
        return Sent(**_last_line(process))


def _last_line(process: LabProcess) -> dict[str, float]:
    lines = process.output().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"{process!r} told nothing\n{process.tail()}")
    return dict(json.loads(lines[-1]))


def _packed(flow: Flow) -> bytes:
    (source, sport), (target, tport) = flow
    return socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!HH", sport, tport)
