"""H.323 calls through the SBC, beside GNU Gatekeeper as a proxy and Kamailio's SIP calls, in one run; prints a table of
figures and of ratios.

    .venv/bin/python -m benchmarks.h323_calls [--quick] [--only NAME ...] [--json FILE]

Terminals register, ask for leave, call with fast start and tunnelled H.245, release and disengage: see
docs/performance.rst. GNU Gatekeeper is found as ``gnugk`` on the path, or as the environment's GNUGK says; where it is
not, it is left out, and that is said.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import usage
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.h323_callee import CALLS
from benchmarks.h323_caller import TERMINALS
from benchmarks.h323_contenders import H323_CONTENDERS, H323Contender, gnugk
from benchmarks.load import CALLEE, CALLER, CALLER_SIDE, HOLDER, NETWORK, PATIENCE, Load, Outcome
from benchmarks.report import say
from benchmarks.sip_calls import BASE, Bench, Size, options, tell
from tests.netns.lab import Lab

if TYPE_CHECKING:
    from tests.netns.processes import LabProcess

SIP = next(each for each in CONTENDERS if each.name == BASE)
ALL = (*H323_CONTENDERS, SIP)
FULL = Size(1, 900, 60, 300, 300, 1500, 9, 4.0, (), 12.0)
QUICK = Size(1, 60, 30, 10, 20, 30, 0, 1.0, (), 1.0)
MEASURES = {
    "highest": "calls a second, none failed",
    "cpu": "CPU a call, ms",
    "answer_p50": "Setup to Connect, ms, p50",
    "answer_p99": "Setup to Connect, ms, p99",
    "kb_call": "memory a live call, kB",
    "cpu_registration": "CPU a registration, ms",
    "cpu_keepalive": "CPU a keepalive, ms",
    "kb_binding": "memory a registration, kB",
    "load_cpu": "the caller's own CPU a call, ms",
}


@dataclass(frozen=True)
class H323Outcome(Outcome):
    """`answer_p50` and `answer_p99` are from Setup to Connect, in ms; `cpu` is the caller's own, in seconds."""

    answer_p50: float = 0.0
    answer_p99: float = 0.0
    cpu: float = 0.0


class H323Load(Load):
    """Callers and a callee of H.323 in a lab, as `Load` has them of SIP."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._who: LabProcess | None = None

    def serve(self, media: bool) -> None:
        """Let somebody be called, and a gatekeeper be there."""
        host = self._lab.host("callees")
        argv = ["-m", "benchmarks.h323_callee", "--at", CALLEE, "--caller", CALLER, *_media(media)]
        self._who = host.python(*argv, log="h323-callee")
        host.wait_bound(CALLS, CALLEE, transport="tcp", by=self._who)

    def seen(self) -> dict[str, Any]:
        """End who is called; what it has seen."""
        if self._who is None:
            return {}
        who, self._who = self._who, None
        who.stop()
        found: dict[str, Any] = json.loads(who.output().rpartition("seen ")[2] or "{}")
        return found

    def ring(self, media: bool, calls: int, rate: float) -> tuple[H323Outcome, list[str]]:
        """Make calls and wait until all are over; what went wrong with the first that failed."""
        process, file = self._caller("calls", CALLER, calls, rate, *_media(media))
        process.wait_exit(calls / rate + PATIENCE / 1000 + 60)
        found = _result(process, file)
        told = [
            found[name] for name in ("done", "failed", "retransmitted", "seconds", "answer_p50", "answer_p99", "cpu")
        ]
        return H323Outcome(*told), found["faults"]

    def keep(self, media: bool, calls: int, rate: float) -> LabProcess:
        """Begin calls that last; wait until they have."""
        process, _ = self._caller("calls", HOLDER, calls, rate, "--pause", "3600", *_media(media))
        process.wait_output(r"^up", calls / rate + PATIENCE / 1000 + 30)
        return process

    def register(self, terminals: int, rate: float, border: int) -> dict[str, Any]:
        """Let terminals register, and keep that alive."""
        process, file = self._caller("registrations", CALLER, terminals, rate, "--watch", str(border))
        process.wait_exit(2 * terminals / rate + 60)
        return _result(process, file)

    def _caller(self, what: str, at: str, calls: int, rate: float, *more: str) -> tuple[LabProcess, Path]:
        self._runs += 1
        file = self._lab.directory / f"h323-{self._runs}.json"
        argv = ["-m", "benchmarks.h323_caller", what, "--at", at, "--to", CALLER_SIDE]
        argv += ["--calls", str(calls), "--rate", str(rate), "--result", str(file), *more]
        return self._lab.host("callers").python(*argv, log="h323-caller"), file


def _media(media: bool) -> list[str]:
    return ["--media"] if media else []


def _result(process: LabProcess, file: Path) -> dict[str, Any]:
    if not file.exists():
        raise RuntimeError(f"no call was made\n{process.tail()}")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


class H323Bench(Bench):
    """The same measures of H.323 calls; what is a contender of SIP's is measured as there."""

    def __init__(self, lab: Lab, size: Size) -> None:
        super().__init__(lab, size)
        self.h323 = H323Load(lab)
        for name in ("callers", "border", "callees"):  # connections that have ended hold no port of who calls again
            lab.host(name).run(["sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1"])

    def _answer(self, each: Contender) -> None:
        if isinstance(each, H323Contender):
            self.h323.serve(each.media)
        else:
            super()._answer(each)

    def _call(self, each: Contender, calls: int, rate: float) -> Outcome:
        if not isinstance(each, H323Contender):
            return super()._call(each, calls, rate)
        outcome, faults = self.h323.ring(each.media, calls, rate)
        if faults:
            say(f"    {faults[0]}")
        if rate == self.size.rate and calls == self.size.calls:
            self._note(each, "answer_p50", outcome.answer_p50)
            self._note(each, "answer_p99", outcome.answer_p99)
            self._note(each, "load_cpu", outcome.cpu / calls * 1000)
        return outcome

    def _hold(self, each: Contender, calls: int, rate: float) -> LabProcess:
        if not isinstance(each, H323Contender):
            return super()._hold(each, calls, rate)
        return self.h323.keep(each.media, calls, rate)

    def _delays(self, each: Contender) -> None:
        if not isinstance(each, H323Contender):
            super()._delays(each)

    def _bindings(self, each: Contender) -> None:
        if not isinstance(each, H323Contender):
            super()._bindings(each)
            return
        if not each.media:
            return  # registrations have none
        border = self._start(each)
        self._answer(each)
        self.h323.register(min(TERMINALS, self.size.terminals), self.size.rate, border.pid)  # that warms up
        before = usage.memory(border.pid)
        found = self.h323.register(self.size.terminals, 3 * self.size.rate, border.pid)
        if found["failed"]:
            self._blame(each, f"{found['failed']} of {2 * self.size.terminals} registrations: {found['faults'][:1]}")
        time.sleep(self.size.rest)
        more = max(self.size.terminals - TERMINALS, 1)
        self._note(each, "kb_binding", (usage.memory(border.pid) - before) / more / 1024)
        for what in ("cpu_registration", "cpu_keepalive"):
            self._note(each, what, found[what])
        self._stop(border)

    def _stop(self, border: LabProcess) -> None:
        seen = self.h323.seen()
        if seen.get("leaks"):
            self.failed.append(f"the caller's address stood in {seen['leaks']} of {seen['setups']} Setups")
        super()._stop(border)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    asked = options(parser, ALL, arguments)
    chosen = [each for each in ALL if not asked.only or each.name in asked.only]
    missing = [each.name for each in chosen if each.name.startswith("gnugk")] if not gnugk() else []
    with Lab(NETWORK) as lab:
        bench = H323Bench(lab, QUICK if asked.quick else FULL)
        bench.failed += [f"{name}: left out, there is no gnugk on the path or in GNUGK" for name in missing]
        bench.run([each for each in chosen if each.name not in missing])
    tell(bench, lambda found: MEASURES, BASE, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
