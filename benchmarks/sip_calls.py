"""SIP calls through the SBC, beside Kamailio and sippy's B2BUA, in one run; prints a table of figures and of ratios.

    .venv/bin/python -m benchmarks.sip_calls [--quick] [--only NAME ...] [--json FILE]

Caller, border and callee stand in network namespaces of their own, joined by veth links (root). All contenders get the
same calls of seven messages from sipp, in turns (A B C A B C), and medians count: see docs/performance.rst.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import probe, usage
from benchmarks.contenders import CONTENDERS, SBC, UNBOUND, Contender, start_sbc
from benchmarks.hot import hottest
from benchmarks.load import CALLEE, CALLER, NETWORK, PORT, TERMINALS, Load, Outcome, callee, caller, registrar, terminal
from benchmarks.report import machine, medians, say, table
from tests.netns.lab import Lab

if TYPE_CHECKING:
    from tests.netns.processes import LabProcess

BASE = "kamailio"  # the one all others are compared with
HOT = "sbc, no media"  # the one whose hottest places are looked for
STANDING = (10, 1_000, 10_000)  # live calls beside which the cost of one is measured


@dataclass(frozen=True)
class Size:
    """How much of everything: rounds, calls of each and their rate, probes, calls held, terminals; the steps of the
    search for the highest rate and their seconds; calls that stand; seconds for memory to come to rest."""

    rounds: int = 3
    calls: int = 1500
    rate: int = 100
    probes: int = 500
    held: int = 2000
    terminals: int = 10_000
    steps: int = 9  # 0: it is not looked for
    step: float = 6.0
    standing: tuple[int, ...] = STANDING
    rest: float = 35.0


QUICK = Size(1, 40, 20, 20, 20, 40, 1, 1.0, (10,), 1.0)  # so little that a machine that others load bears it


class Bench:
    """One run. `figures` holds for each contender and measure what was found, round by round."""

    def __init__(self, lab: Lab, size: Size) -> None:
        self.lab = lab
        self.size = size
        self.load = Load(lab)
        self.figures: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.failed: list[str] = []

    def run(self, contenders: list[Contender]) -> None:
        """All measures, in turns."""
        for number in range(self.size.rounds):
            for each in contenders:
                self._measure(each, number)
        for each in contenders:
            self._find_highest(each)
        for each in contenders:
            if each.name in ("sbc, no media", BASE):
                self._flatness(each)

    def _measure(self, each: Contender, number: int) -> None:
        size = self.size
        say(f"round {number + 1} of {size.rounds}: {each.name}")
        border = self._start(each)
        self._delays(each)
        self._answer(each)
        self._cpu(each, border, "cpu", size.calls)
        before = usage.memory(border.pid)
        holder = self._hold(each, size.held, 2 * size.rate)
        time.sleep(size.held / (2 * size.rate) + size.rest)
        self._note(each, "kb_call", (usage.memory(border.pid) - before) / size.held / 1024)
        holder.stop(patience=0.0)
        self._stop(border)
        if each.registers and number == 0:
            self._bindings(each)

    def _answer(self, each: Contender) -> None:
        """Let somebody be called."""
        self.load.answer(callee(each.media))

    def _call(self, each: Contender, calls: int, rate: float) -> Outcome:
        return self.load.call(caller(each.media), calls, rate)

    def _hold(self, each: Contender, calls: int, rate: float) -> LabProcess:
        return self.load.hold(caller(each.media), calls, rate)

    def _delays(self, each: Contender) -> None:
        there, here = self.lab.host("callees"), self.lab.host("callers")
        ends = here.udp(PORT, CALLER), there.udp(PORT, CALLEE)
        delays = probe.delays(*ends, self.size.probes, each.media)
        for end in ends:
            end.close()
        if len(delays) < self.size.probes:
            self._blame(each, f"{self.size.probes - len(delays)} of {self.size.probes} probes got no answer")
        for name, part in (("setup_p50", 0.5), ("setup_p99", 0.99)):
            self._note(each, name, delays[int(part * (len(delays) - 1))] if delays else float("nan"))

    def _cpu(self, each: Contender, border: LabProcess, name: str, calls: int) -> None:
        """Processor time a completed call, after some that warm up."""
        self._call(each, max(20, calls // 10), self.size.rate)
        before = usage.processor(border.pid)
        outcome = self._call(each, calls, self.size.rate)
        spent = usage.processor(border.pid) - before
        if outcome.failed:
            self._blame(each, f"{outcome.failed} of {calls} calls failed at {self.size.rate} a second")
        self._note(each, name, spent / max(outcome.done, 1) * 1000)

    def _bindings(self, each: Contender) -> None:
        size = self.size
        border = self._start(each)
        if each.name != BASE and not each.name.startswith("kamailio"):  # which is a registrar itself
            self.load.answer(registrar())
        before = usage.memory(border.pid)
        # a socket for each, since each stands behind a NAT mapping of its own
        # They are as patient as terminals are: where others have the processor, answers are late, and those to what was
        # sent again stand in the way of the first. With the patience of calls, all were once given up.
        outcome = self.load.call(terminal(), size.terminals, 2 * size.rate, 0.0, "-t", "un", patience=TERMINALS)
        if outcome.failed:
            self._blame(each, f"{outcome.failed} of {size.terminals} registrations failed")
        time.sleep(size.rest)
        self._note(each, "kb_binding", (usage.memory(border.pid) - before) / max(outcome.done, 1) / 1024)
        self._stop(border)

    def _find_highest(self, each: Contender) -> None:
        """The highest rate at which no call fails: larger steps until one does, then halving what is between."""
        if not self.size.steps:
            return
        good, bad, rate = 0.0, 0.0, float(self.size.rate)
        say(f"highest rate: {each.name}")
        for _ in range(self.size.steps):
            border = self._start(each)
            self._answer(each)
            calls = int(rate * self.size.step)
            outcome = self._call(each, calls, rate)
            whole = outcome.done == calls and outcome.seconds < self.size.step * 1.2 + 1
            say(f"    {rate:.0f} a second: {outcome.failed} failed, {outcome.retransmitted} sent again")
            self._stop(border)
            good, bad = (rate, bad) if whole else (good, rate)
            if bad and bad - good < good / 20:
                break
            rate = (good + bad) / 2 if bad else rate * 1.6
        self._note(each, "highest", good)

    def _flatness(self, each: Contender) -> None:
        """What a call costs while others stand."""
        for standing in self.size.standing:
            say(f"a call beside {standing} live ones: {each.name}")
            border = self._start(each)
            self._answer(each)
            holder = self._hold(each, standing, 2 * self.size.rate)
            time.sleep(standing / (2 * self.size.rate) + self.size.rest)
            self._cpu(each, border, f"cpu_beside_{standing}", self.size.calls)
            holder.stop(patience=0.0)
            self._stop(border)

    def look_for_hot_places(self, each: Contender) -> None:
        """Where the SBC spends its main thread's time, by a run for that alone: looking takes time, too."""
        file = self.lab.directory / "hot.json"
        under = [sys.executable, "-m", "benchmarks.hot", str(file)]
        border = start_sbc(self.lab.host("border"), SBC + UNBOUND, PORT, under)
        self._answer(each)
        self._call(each, max(20, self.size.calls // 10), self.size.rate)
        os.kill(border.pid, signal.SIGUSR2)
        self._call(each, self.size.calls, self.size.rate)
        self._stop(border)
        say("\n".join([f"\nthree hottest places: {each.name}", *hottest(file)]))

    def _start(self, each: Contender) -> LabProcess:
        return each.start(self.lab.host("border"))

    def _stop(self, border: LabProcess) -> None:
        self.load.close()
        border.stop(patience=10.0)

    def _note(self, each: Contender, name: str, value: float) -> None:
        self.figures[each.name][name].append(value)
        say(f"    {name}: {value:.2f}")

    def _blame(self, each: Contender, what: str) -> None:
        self.failed.append(f"{each.name}: {what}")
        say(f"    NOTE {what}")


MEASURES = {
    "highest": "calls a second, none failed",
    "cpu": "CPU a call, ms",
    "setup_p50": "set-up delay added, ms, p50",
    "setup_p99": "set-up delay added, ms, p99",
    "kb_call": "memory a live call, kB",
    "kb_binding": "memory a binding, kB",
}


def rows(found: dict[str, dict[str, float]]) -> dict[str, str]:
    """What was measured, in order, and what each is called."""
    seen = {measure for each in found.values() for measure in each}
    beside = sorted(seen - set(MEASURES), key=lambda name: int(name.rpartition("_")[2]))
    return MEASURES | {name: f"CPU a call beside {name.rpartition('_')[2]}, ms" for name in beside}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked = options(parser, CONTENDERS, arguments)
    with Lab(NETWORK) as lab:
        bench = Bench(lab, QUICK if asked.quick else Size())
        bench.run([each for each in CONTENDERS if not asked.only or each.name in asked.only])
        bench.look_for_hot_places(next(each for each in CONTENDERS if each.name == HOT))
    tell(bench, rows, BASE, asked.json)
    return 0


def options(
    parser: argparse.ArgumentParser, contenders: Sequence[Contender], arguments: list[str] | None
) -> argparse.Namespace:
    """What was asked on the command line of a benchmark of these contenders; it may open as many files as can be."""
    parser.add_argument("--quick", action="store_true", help="few of everything: whether it runs, not how fast")
    parser.add_argument(
        "--only", nargs="*", metavar="NAME", help="these contenders: " + ", ".join(each.name for each in contenders)
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    asked = parser.parse_args(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a call with media takes four sockets
    say(machine())
    return asked


def tell(
    bench: Bench, called: Callable[[dict[str, dict[str, float]]], dict[str, str]], base: str, file: str | None
) -> None:
    """Print what was found, and what it is of `base`'s; write it to a file if one is given."""
    found = medians(bench.figures)
    say("\n" + table(found, called(found)))
    if base in found:
        say(f"\nratios to {base}\n" + table(found, called(found), base))
    for each in bench.failed:
        say(f"note: {each}")
    if file:
        whole = {"machine": machine(), "size": asdict(bench.size), "figures": bench.figures, "medians": found}
        Path(file).write_text(json.dumps(whole | {"notes": bench.failed}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
