"""Terminals that register by TLS and by secured WebSockets, beside Kamailio, in one run; what a connection costs.

    .venv/bin/python -m benchmarks.connections [--quick] [--only NAME ...] [--json FILE]

Terminals, border and registrar stand in network namespaces of their own (root). Each terminal makes a connection with a
full handshake, registers and stays; when all are there and at rest, memory is read; then all register once more.
Kamailio is the registrar itself, the SBC takes each first registration to one: see docs/performance.rst.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import usage
from benchmarks.contenders import SBC, UNBOUND, start_sbc
from benchmarks.load import CALLER_SIDE, CORE_SIDE, NETWORK, PORT, Load, registrar
from benchmarks.report import say
from benchmarks.sip_calls import options, tell
from tests.certificates import Authority
from tests.netns.lab import Lab
from tests.netns.softswitch import MODULES
from tests.netns.waiting import wait_for

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

BASE = "kamailio tls"
PORTS = {"tls": 5061, "wss": 8443}

_SECURED = """
[realms.access.tls]
certificate = "{certificate}"
key = "{key}"
[realms.access.connections]
total = 100000
per_source = 100000
handshakes = 100000
"""
_LISTENER = """
[[realms.access.listeners]]
protocol = "sip"
transport = "{kind}"
address = "{{access}}"
port = {port}
"""
_KAMAILIO = """#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
tcp_children=2
tcp_max_connections=30000
tcp_accept_no_cl=yes
tls_max_connections=30000
tcp_connection_lifetime=3700
auto_aliases=no
enable_tls=yes
listen=udp:{core}:{port}
listen=tls:{access}:{secured}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
loadmodule "tls.so"
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
modparam("websocket", "keepalive_mechanism", 0)

request_route {{
    if (is_method("REGISTER")) {{
        force_rport();
        if (!save("location")) sl_reply_error();
        exit;
    }}
    sl_send_reply("404", "Not Here");
}}

event_route[xhttp:request] {{
    set_reply_close();
    set_reply_no_connect();
    if ($hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) exit;
    xhttp_reply("404", "Not Found", "", "");
}}
"""


@dataclass(frozen=True)
class Size:
    """Rounds, connections that are held, and seconds for memory to come to rest."""

    rounds: int = 3
    connections: int = 5_000
    rest: float = 10.0


QUICK = Size(1, 50, 0.5)


@dataclass(frozen=True)
class Contender:
    """Something to register at, by connections of one kind. `start` runs it on a host and waits until it listens."""

    name: str
    kind: str
    start: Callable[[LabHost, Path, Path], LabProcess]


def _sbc(kind: str, host: LabHost, certificate: Path, key: Path) -> LabProcess:
    secured = _SECURED.format(certificate=certificate, key=key)
    listener = _LISTENER.format(kind=kind, port=PORTS[kind])
    process = start_sbc(host, SBC.replace("[realms.core]\n", f"{listener}{secured}[realms.core]\n") + UNBOUND, PORT)
    host.wait_bound(PORTS[kind], CALLER_SIDE, "tcp", by=process)
    return process


def _kamailio(kind: str, host: LabHost, certificate: Path, key: Path) -> LabProcess:
    directory = host.lab.directory / f"kamailio-{len(host.lab.processes)}"
    directory.mkdir()
    places = {"access": CALLER_SIDE, "core": CORE_SIDE, "port": PORT, "secured": PORTS[kind], "modules": MODULES}
    (directory / "kamailio.cfg").write_text(_KAMAILIO.format(certificate=certificate, key=key, **places))
    argv = ["kamailio", "-DD", "-E", "-f", str(directory / "kamailio.cfg"), "-m", "2048", "-M", "64"]
    process = host.popen([*argv, "-Y", str(directory)], log="kamailio")
    host.wait_bound(PORTS[kind], CALLER_SIDE, "tcp", by=process)
    return process


CONTENDERS = tuple(
    Contender(f"{name} {kind}", kind, partial(start, kind))
    for kind in PORTS
    for name, start in (("sbc", _sbc), ("kamailio", _kamailio))
)


class Ended(Exception):
    """A contender ended by itself while it was measured, which is a finding and not the end of a run."""


class Bench:
    """One run. `figures` holds for each contender and measure what was found, round by round."""

    def __init__(self, lab: Lab, size: Size) -> None:
        self.lab, self.size = lab, size
        self.load = Load(lab)
        self.figures: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.failed: list[str] = []

    def run(self, contenders: list[Contender]) -> None:
        """All measures, in turns."""
        self.load.answer(registrar())
        files = Authority(self.lab.directory).sign("border", CALLER_SIDE)
        for number in range(self.size.rounds):
            for each in contenders:
                say(f"round {number + 1} of {self.size.rounds}: {each.name}")
                try:
                    self._measure(each, *files)
                except Ended as why:
                    self.failed.append(f"{each.name}: {why}")
        self.load.close()

    def _measure(self, each: Contender, certificate: Path, key: Path) -> None:
        border = each.start(self.lab.host("border"), certificate, key)
        folder = self.lab.directory / f"terminals-{len(self.lab.processes)}"
        folder.mkdir()
        memory, spent = usage.memory(border.pid), usage.processor(border.pid)
        where = (each.kind, CALLER_SIDE, str(PORTS[each.kind]), str(self.size.connections), str(folder))
        terminals = self.lab.host("callers").python("-m", "benchmarks.connections_client", *where, log="terminals")
        try:
            self._phase(each, terminals, border, folder / "connected", "first", spent)
            time.sleep(self.size.rest)
            held = usage.memory(border.pid) - memory
            spent = usage.processor(border.pid)
            (folder / "go-on").touch()
            self._phase(each, terminals, border, folder / "again", "again", spent)
            self._note(each, "kb", held / self.size.connections / 1024)
            (folder / "end").touch()
            terminals.wait_exit()
        finally:
            terminals.stop()
            border.stop(patience=10.0)

    def _phase(
        self, each: Contender, terminals: LabProcess, border: LabProcess, file: Path, name: str, before: float
    ) -> None:
        """All terminals do one thing: how many a second, and what each costs."""

        def over() -> bool:
            if not border.running:
                raise Ended(f"{border!r} of itself ({name})")
            if not terminals.running:
                raise RuntimeError(f"{terminals!r}\n{terminals.tail()}")
            return file.exists()

        wait_for(over, 300.0, f"{self.size.connections} terminals", 0.05)
        found: dict[str, Any] = json.loads(file.read_text())
        if found["done"] < self.size.connections:
            self.failed.append(f"{each.name}: {self.size.connections - found['done']} failed ({name})")
        self._note(each, f"{name}_rate", found["done"] / found["seconds"])
        self._note(each, f"{name}_cpu", (usage.processor(border.pid) - before) / max(found["done"], 1) * 1000)

    def _note(self, each: Contender, name: str, value: float) -> None:
        self.figures[each.name][name].append(value)
        say(f"    {name}: {value:.2f}")


MEASURES = {
    "first_rate": "connections with registration a second",
    "first_cpu": "CPU each, ms",
    "again_rate": "further registrations a second",
    "again_cpu": "CPU each, ms (further)",
    "kb": "memory a connection with its terminal, kB",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked = options(parser, CONTENDERS, arguments)
    chosen = [each for each in CONTENDERS if not asked.only or each.name in asked.only]
    with Lab(NETWORK) as lab:
        bench = Bench(lab, QUICK if asked.quick else Size())
        if not (Path(MODULES) / "websocket.so").exists():
            bench.failed.append("kamailio: left out, there is no package kamailio-websocket-modules")
            chosen = [each for each in chosen if not each.name.startswith("kamailio")]
        bench.run(chosen)
    tell(bench, lambda found: MEASURES, BASE, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
