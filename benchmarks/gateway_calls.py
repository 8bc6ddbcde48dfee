"""Commands of MGCP and of H.248, in text and in BER, through the SBC, beside osmo-mgw, which carries them out, and
beside Erlang's codec of H.248 alone, in one run; prints tables of figures and of ratios.

    .venv/bin/python -m benchmarks.gateway_calls [--quick] [--only NAME ...] [--json FILE]

Gateways announce themselves and answer as real ones do; who controls them makes calls there, a fixed number at a time:
see docs/performance.rst. It needs root, osmo-mgw and Erlang (``bin/setup lab``).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import UNBOUND, Contender, start_sbc
from benchmarks.gateway_codecs import CODECS, all_of, erlang, written
from benchmarks.gateway_load import wire_of
from benchmarks.gateway_wires import REPLIES, REQUESTS, templates
from benchmarks.h323_codec import microseconds
from benchmarks.load import CALLER_SIDE, CORE_SIDE, NETWORK
from benchmarks.report import machine, medians, say, table
from benchmarks.sip_calls import options
from tests.netns.gateway_scene import gateway_config
from tests.netns.lab import Lab
from tests.netns.mgcp_gateway import osmo_mgw

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

SPOKEN = {"pretty": "long", "compact": "short", "binary": "binary"}
ENCODINGS = tuple(SPOKEN)
BASE = "osmo-mgw"


@dataclass(frozen=True)
class GatewaySize:
    """Rounds; gateways, calls of each contender, and how many at a time; how often a message is read in each round."""

    rounds: int = 3
    gateways: int = 50
    calls: int = 1500
    window: int = 32
    times: int = 1000


QUICK = GatewaySize(1, 4, 60, 8, 50)
MEASURES = {
    "rate": "commands a second",
    "cpu": "CPU a command, ms",
    "cpu_transaction": "CPU a transaction, ms",
    "p50": "command to answer, ms, p50",
    "p99": "command to answer, ms, p99",
}
CODEC = {"read": "read, us", "across": "read, changed, written, us", "erlang": "megaco: decoded, encoded, us"}


@dataclass(frozen=True)
class GatewayContender(Contender):
    """What takes commands across, or carries them out itself (`direct`: where). `encoding` of H.248, else it is
    MGCP."""

    encoding: str = ""
    direct: str = ""


def _sbc(protocol: str, port: int) -> Callable[[LabHost], LabProcess]:
    toml = gateway_config(protocol, front='[cdr]\njson = "{directory}/cdr.json"\n', port=port) + UNBOUND
    toml = toml.replace("20000-20999", "20000-39999")
    return lambda host: start_sbc(host, toml, 2427 if protocol == "mgcp" else 2944)


CONTENDERS = (
    GatewayContender("sbc mgcp", _sbc("mgcp", 0)),
    GatewayContender("sbc h248 text", _sbc("h248", 2944), encoding="pretty"),
    GatewayContender("sbc h248 compact", _sbc("h248", 2944), encoding="compact"),
    GatewayContender("sbc h248 binary", _sbc("h248", 2945), encoding="binary"),
    GatewayContender(BASE, lambda host: osmo_mgw(host, CORE_SIDE, "error"), direct=CORE_SIDE),
)


class GatewayBench:
    """One run, as `sip_calls.Bench` is."""

    def __init__(self, lab: Lab, size: GatewaySize) -> None:
        self.lab, self.size = lab, size
        self.figures: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.codecs: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.failed: list[str] = []
        self.messages = {each: self._templates(each) for each in ENCODINGS}
        self._codecs = lab.directory / "codecs"
        self._codecs.mkdir()

    def _templates(self, encoding: str) -> dict[str, bytes]:
        directory = self.lab.directory / encoding
        directory.mkdir()
        return templates(encoding, directory)

    def run(self, contenders: list[GatewayContender]) -> None:
        """All contenders in turns, and the codecs between."""
        for number in range(self.size.rounds):
            say(f"round {number + 1} of {self.size.rounds}")
            for each in contenders:
                self._measure(each)
            for encoding in sorted({each.encoding for each in contenders} - {""}, key=ENCODINGS.index):
                self._read(encoding)

    def _measure(self, each: GatewayContender) -> None:
        """Let gateways announce themselves, and make calls."""
        border = each.start(self.lab.host("border"))
        wire = str(self.lab.directory / each.encoding) if each.encoding else "mgcp"
        result = self.lab.directory / f"gateways-{len(self.lab.processes)}.json"
        module, size = ["-m", "benchmarks.gateway_load"], self.size
        counted = ["--count", str(size.gateways), "--calls", str(size.calls), "--window", str(size.window)]
        more = [*counted, "--watch", str(border.pid), "--result", str(result)]
        direct = ["--direct", each.direct] if each.direct else []
        controller = self.lab.host("callees").python(*module, "controller", wire, *more, *direct, log="controller")
        started = [controller]
        if not each.direct:
            announced = ["--to", CALLER_SIDE, "--count", str(size.gateways)]
            started.append(self.lab.host("callers").python(*module, "gateways", wire, *announced, log="gateways"))
        controller.wait_exit(600)
        for process in [*started, border]:
            process.stop(patience=10.0)
        if not result.exists():
            raise RuntimeError(f"{each.name}: no call was made\n" + "\n".join(one.tail() for one in [*started, border]))
        self._note(each, json.loads(result.read_text()))

    def _note(self, each: GatewayContender, found: dict[str, float]) -> None:
        kind = wire_of(str(self.lab.directory / each.encoding) if each.encoding else "mgcp")
        if found["failed"]:
            self.failed.append(f"{each.name}: {found['failed']:.0f} of {self.size.calls} calls failed")
        done = max(found["done"], 1)
        figures = {
            "rate": done * kind.commands / found["seconds"],
            "cpu": found["cpu"] / done / kind.commands * 1000,
            "cpu_transaction": found["cpu"] / done / kind.steps * 1000,
            "p50": found["p50"],
            "p99": found["p99"],
        }
        for name, value in figures.items():
            self.figures[each.name][name].append(value)
        told = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
        say(f"  {each.name}: {told}, sent again {found['again']:.0f}")

    def _read(self, encoding: str) -> None:
        """The messages of a call through our codec and through Erlang's: microseconds a message."""
        files = [f"request-{place}" for place in range(len(REQUESTS))]
        files += [f"reply-{place}-4" for place in range(len(REPLIES))]
        messages, name = [self.messages[encoding][file] for file in files], SPOKEN[encoding]
        decode = CODECS[name][1]
        found = {
            "read": microseconds(all_of(decode, messages), self.size.times // 10) / len(messages),
            "across": microseconds(all_of(lambda data: written(decode(data)), messages), self.size.times // 10)
            / len(messages),
            "erlang": float(erlang(self._codecs, name, messages, decode).split()[2]),
        }
        for name, value in found.items():
            self.codecs[encoding][name].append(value)
        say(f"  codec, {encoding}: " + ", ".join(f"{name} {value:.1f} us" for name, value in found.items()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    asked = options(parser, CONTENDERS, arguments)
    with Lab(NETWORK) as lab:
        bench = GatewayBench(lab, QUICK if asked.quick else GatewaySize())
        bench.run([each for each in CONTENDERS if not asked.only or each.name in asked.only])
    found, codecs = medians(bench.figures), medians(bench.codecs)
    say("\n" + table(found, MEASURES))
    if BASE in found:
        say(f"\nratios to {BASE}\n" + table(found, MEASURES, BASE))
    if codecs:
        say("\n" + table(codecs, CODEC))
        for encoding, each in codecs.items():
            say(f"{encoding}: {each['across'] / each['erlang']:.2f} of megaco's")
    for note in bench.failed:
        say(f"note: {note}")
    if asked.json:
        whole = {"machine": machine(), "size": asdict(bench.size), "figures": bench.figures, "medians": found}
        Path(asked.json).write_text(json.dumps(whole | {"codecs": codecs, "notes": bench.failed}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
