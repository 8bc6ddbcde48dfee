"""Media through the SBC's engines, beside rtpengine, plain forwarding and NAT, in one run; prints figures and ratios.

    .venv/bin/python -m benchmarks.media [--quick] [--rounds N] [--flows N ...] [--only NAME ...] [--json FILE]

Client, SBC and server stand in network namespaces joined by cables (root). A generator sends RTP of N flows from the
client, and a sink counts at the server; the same past the SBC tells what generator and sink cost alone. Contenders take
turns: see docs/performance.rst.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import usage
from benchmarks.media_contenders import CONTENDERS, Relay, contender, why_not
from benchmarks.media_measure import Run, Way, at_rest, cost, past, prime, through, turns
from benchmarks.media_network import NETWORK, Places
from benchmarks.report import machine, medians, say, table
from tests.netns.lab import Lab

BASE = "rtpengine"  # the one all others are compared with
QUIET_ENOUGH = 0.1  # the share of the machine that others may take before its own figures tell nothing
PHONE = 50  # packets a second of a flow
DELAY_FLOWS = 500  # 25,000 packets a second of phones
SOCKETS = 4  # of a stream: RTP and RTCP on both sides
SPARE = 100  # files of a process that are no stream's


@dataclass(frozen=True)
class Size:
    """How much of everything: rounds; flows; seconds of a run; steps of the search for the highest rate (0: it is not
    looked for); seconds of the delays' run (0: they are not looked at); streams held for the memory that they take."""

    rounds: int = 3
    flows: tuple[int, ...] = (100, 1_000, 5_000)
    seconds: float = 2.0
    steps: int = 8
    delays: float = 4.0
    held: int = 10_000


QUICK = Size(1, (500,), 1.0, 5, 2.0, 2_000)
TINY = Size(1, (20,), 0.2, 0, 0.0, 40)


class Bench:
    """One run. `figures` holds for each contender and measure what was found, round by round."""

    def __init__(self, lab: Lab, size: Size) -> None:
        self.places = Places(lab)
        self.size = size
        self.figures: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.notes: list[str] = []
        self.others: list[float] = []

    def run(self, names: list[str]) -> None:
        """All measures, in turns."""
        for number in range(self.size.rounds):
            for name in names:
                say(f"round {number + 1} of {self.size.rounds}: {name}")
                if self.size.delays:
                    self._delays(name)
                for flows in self.size.flows:
                    self._throughput(name, flows)
        for name in names:
            if contender(name).calls:
                self._memory(name)

    def _delays(self, name: str) -> None:
        """Packets one at a time, so that none waits for another of its burst."""
        relay = self._start(name, min(DELAY_FLOWS, max(self.size.flows)))
        rate = PHONE * len(relay.there)
        run = through(self.places, relay).run(rate, self.size.delays, tick=0)
        direct = past(self.places, relay).run(rate, self.size.delays, tick=0)
        self.others += [run.others, direct.others]
        there, alone = run.passage.received, direct.passage.received
        self._blame_loss(name, run, f"at {rate} packets a second, one at a time")
        for which in ("p50", "p99", "p999"):
            self._note(name, f"delay_{which}", getattr(there, which) - getattr(alone, which))
        relay.stop()

    def _throughput(self, name: str, flows: int) -> None:
        relay = self._start(name, flows)
        there, alone = through(self.places, relay), past(self.places, relay)
        runs, direct = turns(there, alone, float(PHONE * flows), self.size.seconds)
        for run in runs:
            self._blame_loss(name, run, f"of {flows} phones")
        found = cost(runs, direct)
        self._note(name, f"cpu_{flows}", found.tasks)
        self._note(name, f"machine_{flows}", found.machine)
        if relay.process is not None:
            self._note(name, f"rest_{flows}", at_rest(direct) * 100)
        highest, asked = self._find_highest(name, relay, there) if self.size.steps else (None, 0.0)
        if highest is not None:
            again, past_it = turns(there, alone, asked, self.size.seconds)
            dear = cost([highest, *(run for run in again if run.sustained)], past_it)
            self._note(name, f"highest_{flows}", highest.passage.rate)
            self._note(name, f"efficiency_{flows}", 1e6 / max(dear.tasks, 1e-6))
            self._note(name, f"machine_efficiency_{flows}", 1e6 / max(dear.machine, 1e-6))
            direct += past_it
        self.others += [run.others for run in (*runs, *direct)]
        relay.stop()

    def _find_highest(self, name: str, relay: Relay, way: Way) -> tuple[Run | None, float]:
        """The run with the highest rate that the relay sustains, and the rate that was asked, 0: as much as the
        generator can, which is tried first. Where that is too much, halving what lies between a rate that went and one
        that did not. A rate is too high if it fails twice."""
        run = way.run(0, self.size.seconds)
        if run.sustained:
            return run, 0.0
        good, bad, asked = 0.0, run.passage.rate, 0.0
        best: Run | None = None
        rate = run.passage.received.unique / run.passage.sent.seconds
        for _ in range(self.size.steps):
            way.drain()
            run = way.run(rate, self.size.seconds)
            if not run.sustained:
                way.drain()
                run = way.run(rate, self.size.seconds)
            lost, late = run.passage.lost, run.passage.received.p99
            say(f"    {rate:.0f} asked, {run.passage.rate:.0f} sent: {lost} lost, p99 {late:.0f} us")
            if run.sustained:
                good = rate
                if best is None or run.passage.rate > best.passage.rate:
                    best, asked = run, rate
            else:
                bad = rate
            if bad - good < good / 20:
                break
            rate = (good + bad) / 2 if good else rate * 0.7
        if best is None:
            self._blame(name, f"{len(relay.there)} flows: no rate was found at which all arrived")
        return best, asked

    def _memory(self, name: str) -> None:
        """What streams take that are held and spoken on, in process and kernel, and how fast they come and go."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        sockets, how = SOCKETS, {}
        few = self.size.held * sockets > files - SPARE
        if few and contender(name).muxes:  # more can be, at the price of RTCP's own ports
            sockets, how = sockets // 2, {"mux": True}
        count = min(self.size.held, (files - SPARE) // sockets)
        if few:
            where = "on the ports of RTP" if how else "on ports of its own"
            self._blame(name, f"{count} streams held, RTCP {where}: a process may have {files} files here")
        relay = contender(name, **how)(self.places)
        assert relay.process is not None
        warm = relay.open(10)
        before, kernel = usage.memory(relay.process.pid), _kernel_memory()
        opened = relay.open(count - warm.count)
        held = f"{prime(self.places, relay)}"
        if held:
            say(f"    {held}")
        self._note(name, "kb_stream", (usage.memory(relay.process.pid) - before) / opened.count / 1024)
        self._note(name, "kb_kernel", (_kernel_memory() - kernel) / opened.count / 1024)
        closed = relay.close()
        self._note(name, "opened", opened.count / opened.seconds)
        self._note(name, "closed", closed.count / closed.seconds)
        self._note(name, "cpu_call", (opened.cpu / opened.count + closed.cpu / closed.count) * 1000)
        relay.stop()

    def _start(self, name: str, streams: int) -> Relay:
        """A contender with so many streams, on which both sides have spoken."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if contender(name).calls and streams * SOCKETS > files - SPARE:
            streams = (files - SPARE) // SOCKETS
            self._blame(name, f"{streams} flows at most: a process may have {files} files here")
        relay = contender(name)(self.places)
        try:
            relay.open(streams)
            who = prime(self.places, relay)
        except BaseException:
            relay.stop()
            raise
        if who:
            say(f"    {who}")
        return relay

    def _note(self, name: str, measure: str, value: float) -> None:
        self.figures[name][measure].append(value)
        say(f"    {measure}: {value:.2f}")

    def _blame(self, name: str, what: str) -> None:
        note = f"{name}: {what}"
        if note not in self.notes:
            self.notes.append(note)
            say(f"    NOTE {what}")

    def _blame_loss(self, name: str, run: Run, when: str) -> None:
        if run.passage.lost or run.passage.received.doubled:
            self._blame(
                name,
                f"{run.passage.lost} of {run.passage.sent.sent} packets lost, "
                f"{run.passage.received.doubled} doubled {when}",
            )


_WORDS = {
    "highest": "packets/s, none lost, {} flows",
    "efficiency": "packets a CPU second there, {} flows",
    "machine_efficiency": "the same by the whole machine",
    "cpu": "CPU s a million packets, {} phones",
    "machine": "the same by the whole machine",
    "rest": "of a processor at rest, %, {} streams",
    "delay_p50": "delay added, us, p50",
    "delay_p99": "delay added, us, p99",
    "delay_p999": "delay added, us, p99.9",
    "kb_stream": "memory a stream, KiB",
    "kb_kernel": "the kernel's own, KiB",
    "opened": "streams opened a second",
    "closed": "streams closed a second",
    "cpu_call": "CPU a stream's opening and closing, ms",
}


def rows(found: dict[str, dict[str, float]], others: float = 0.0) -> dict[str, str]:
    """What was measured, in order, and what each is called. What the whole machine took is left out where `others` have
    taken too much of it."""
    measures = {measure for each in found.values() for measure in each}
    if others > QUIET_ENOUGH:
        measures = {measure for measure in measures if not measure.startswith(("machine", "kb_kernel"))}
    kinds = list(_WORDS)
    ordered = sorted(measures, key=lambda each: (_number(each), kinds.index(_kind(each))))
    return {measure: _WORDS[_kind(measure)].format(f"{_number(measure):,}") for measure in ordered}


def _kind(measure: str) -> str:
    head, _, tail = measure.rpartition("_")
    return head if tail.isdigit() else measure


def _number(measure: str) -> int:
    tail = measure.rpartition("_")[2]
    return int(tail) if tail.isdigit() else 0


def _kernel_memory() -> int:
    """Octets of what the kernel has allocated for itself: slabs, and per processor (sockets, maps)."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    fields = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return sum(fields[name] for name in ("Slab", "Percpu", "VmallocUsed"))


def main(arguments: list[str] | None = None, size: Size | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="some minutes: rough figures of 500 flows alone")
    parser.add_argument("--rounds", type=int, help="how often all take their turn; 0: only memory is looked at")
    parser.add_argument("--flows", type=int, nargs="+", help="how many at once")
    parser.add_argument("--held", type=int, help="streams that are held for the memory they take")
    parser.add_argument("--only", nargs="*", metavar="NAME", help=f"of {', '.join(CONTENDERS)}, native:HOW, kernel:HOW")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    asked = parser.parse_args(arguments)
    size = size or (QUICK if asked.quick else Size())
    other = {"rounds": asked.rounds, "flows": asked.flows and tuple(asked.flows), "held": asked.held}
    size = replace(size, **{name: value for name, value in other.items() if value is not None})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # rtpengine inherits it
    names = [name for name in asked.only or CONTENDERS]
    missing = {name: why for name in names if (why := why_not(name))}
    began = time.monotonic()
    say(machine())
    with Lab(NETWORK) as lab:
        bench = Bench(lab, size)
        bench.notes += [f"{name}: left out: {why}" for name, why in missing.items()]
        bench.run([name for name in names if name not in missing])
    found = medians(bench.figures)
    others = statistics.median(bench.others or [0.0])
    say("\n" + table(found, rows(found, others)))
    if BASE in found:
        say(f"\nratios to {BASE}\n" + table(found, rows(found, others), BASE))
    say(f"\n{time.monotonic() - began:.0f} s; what else ran on the machine took {others:.0%} of it")
    for each in bench.notes:
        say(f"note: {each}")
    if asked.json:
        whole = {"machine": machine(), "size": asdict(size), "figures": bench.figures, "medians": found}
        Path(asked.json).write_text(json.dumps(whole | {"notes": bench.notes, "others": bench.others}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
