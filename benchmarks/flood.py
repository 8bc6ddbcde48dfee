"""Calls of registered terminals while a flood of junk arrives, through the SBC and beside it Kamailio; prints a table.

    .venv/bin/python -m benchmarks.flood [--quick] [--rate PACKETS] [--calls RATE] [--only NAME ...] [--json FILE]

Ten thousand sources send junk, a third each: rubbish, what scanners ask, and questions that the border answers itself;
no two of them alike. The callers register first. See docs/performance.rst.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import usage
from benchmarks.contenders import SBC, kamailio, start_sbc
from benchmarks.load import CALLEE, CALLER, CALLER_SIDE, CORE_SIDE, PORT, Load, callee, caller, registrar, terminal
from benchmarks.report import machine, say
from benchmarks.traffic import FAVOUR, favoured, program
from tests.netns.lab import Lab
from tests.netns.topology import Host, Interface, Topology

if TYPE_CHECKING:
    from tests.netns.lab import LabHost
    from tests.netns.processes import LabProcess

ATTACKER = "203.0.113.66"
SOURCES = 10_000
NETWORK = Topology(
    (
        Host("callers", (Interface("access", (f"{CALLER}/24",)),)),
        Host("attacker", (Interface("access", (f"{ATTACKER}/24",)),)),
        Host("border", (Interface("access", (f"{CALLER_SIDE}/24",)), Interface("core", (f"{CORE_SIDE}/24",)))),
        Host("callees", (Interface("core", (f"{CALLEE}/24",)),), gateway=CORE_SIDE),
    )
)
SECONDS = 20.0
"""Of the flood before calls begin, in which whoever bans may do so; calls are made for as long again."""

_GUARDED = """
[realms.access.limits]
exchanges_per_source = 100000
lingering_per_source = 100000
[realms.access.flood]
registered_rate = 0.0
"""
"""One socket plays all terminals here."""
_UNGUARDED = _GUARDED.replace("registered_rate = 0.0", "enabled = false")
_WITHOUT_ADMIN = ("setpriv", "--bounding-set", "-net_admin")


@dataclass(frozen=True)
class Found:
    """What became of the calls of one run, and of the junk."""

    calls: int
    done: int
    repeated: int
    junk: float  # packets a second that were sent
    cpu: float  # processors that the border used, while it was flooded and called
    lost: int  # datagrams that had no room at the border's socket meanwhile


def frames(mac: str, own: str, asks: str = "OPTIONS") -> bytes:
    """One frame of each source, as the program reads them; what `asks` whoever no score bans."""
    written = []
    for number in range(SOURCES):
        source = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        data = _junk(number, source, asks)
        udp = struct.pack("!4H", 5060, PORT, 8 + len(data), 0) + data
        ends = socket.inet_aton(source) + socket.inet_aton(CALLER_SIDE)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) + ends
        head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
        frame = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex(own.replace(":", "")) + b"\x08\x00" + head + udp
        written.append(struct.pack("=H", len(frame)) + frame)
    return b"".join(written)


def _junk(number: int, source: str, asks: str) -> bytes:
    if number % 3 == 0:
        return b"INVITE sip:@@@@@@@@ SIP/2.0\r\nVia: rubbish\r\n" + b"x" * 200 + b"\r\n\r\n"
    scans = number % 3 == 1
    agent, method = ("friendly-scanner", "OPTIONS") if scans else ("phone", asks)
    hops = 0 if method == "OPTIONS" and not scans else 70  # at 0 the border answers itself
    lines = (
        f"{method} sip:{CALLER_SIDE} SIP/2.0",
        f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bK@@@@@@@@;rport",
        f"Max-Forwards: {hops}",
        f"From: <sip:{number}@{CALLER_SIDE}>;tag=@@@@@@@@",
        f"To: <sip:{number}@{CALLER_SIDE}>",
        "Call-ID: @@@@@@@@",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{number}@{source}:5060>",
        f"User-Agent: {agent}",
        "Content-Length: 0",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _checksum(head: bytes) -> int:
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


class Bench:
    """One run; `rate` packets of junk and `calls` calls a second, each for `seconds`."""

    def __init__(self, lab: Lab, rate: float, calls: float, seconds: float) -> None:
        self.lab, self.rate, self.calls, self.seconds = lab, rate, calls, seconds
        self.load = Load(lab)
        border, attacker = lab.host("border"), lab.host("attacker")
        border.run(["ip", "route", "add", "10.0.0.0/8", "via", ATTACKER])
        mac, own = (_mac(lab, host) for host in (border, attacker))
        self._frames = lab.directory / "junk"
        self._frames.write_bytes(frames(mac, own))

    def measure(self, start: Callable[[LabHost], LabProcess]) -> Found:
        """Register, flood, call, and see."""
        load, host = self.load, self.lab.host("border")
        border = start(host)
        os.setpriority(os.PRIO_PGRP, border.pid, FAVOUR)  # as whoever floods it and calls
        load.answer(registrar())
        registered = load.call(terminal(), 1, 1)
        if registered.failed:
            raise RuntimeError("the callers cannot register")
        load.close()
        load.answer(callee(media=False))
        junk = None
        if self.rate:
            argv = [str(program("junk")), "access", str(self._frames), f"{self.rate:.0f}", f"{2 * self.seconds:.0f}"]
            junk = self.lab.host("attacker").popen(favoured(argv), log="junk")
            time.sleep(self.seconds)
        early = _lost(host)
        used, began = usage.processor(border.pid), time.monotonic()
        outcome = load.call(caller(media=False), int(self.calls * self.seconds), self.calls)
        cpu = (usage.processor(border.pid) - used) / (time.monotonic() - began)
        sent = 0.0
        if junk is not None:
            junk.check_exit(2 * self.seconds + 60)
            told = json.loads(junk.output().splitlines()[-1])
            sent = told["sent"] / told["seconds"]
        lost = _lost(host) - early
        load.close()
        border.stop(patience=10.0)
        return Found(int(self.calls * self.seconds), outcome.done, outcome.retransmitted, sent, cpu, lost)


def _mac(lab: Lab, host: LabHost) -> str:
    return host.run(["cat", "/sys/class/net/access/address"]).strip()


def _lost(host: LabHost) -> int:
    """Datagrams that found no room at the sockets of SIP."""
    lines = host.run(["cat", "/proc/net/udp"]).splitlines()[1:]
    return sum(int(line.split()[-1]) for line in lines if line.split()[1].endswith(f":{PORT:04X}"))


def contenders() -> dict[str, Callable[[LabHost], LabProcess]]:
    """Who is flooded."""
    media, kernel = '[media]\nengine = "native"\n', '[media]\nengine = "kernel"\n'
    return {
        "sbc, kernel engine's bans": lambda host: start_sbc(host, kernel + SBC + _GUARDED, PORT),
        "sbc, kernel's bans": lambda host: start_sbc(host, media + SBC + _GUARDED, PORT),
        "sbc, own bans": lambda host: start_sbc(host, media + SBC + _GUARDED, PORT, _WITHOUT_ADMIN),
        "sbc, unguarded": lambda host: start_sbc(host, media + SBC + _UNGUARDED, PORT),
        "kamailio, pike and htable": kamailio("pike"),
        "kamailio, unguarded": kamailio("plain"),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="little of everything: whether it runs")
    parser.add_argument("--rate", type=float, default=50_000.0, help="packets of junk a second")
    parser.add_argument(
        "--calls", type=float, default=60.0, help="calls a second: a fifth of what the SBC takes at most"
    )
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these: " + ", ".join(contenders()))
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    asked = parser.parse_args(arguments)
    say(machine())
    found: dict[str, Any] = {}
    with Lab(NETWORK) as lab:
        bench = Bench(lab, *(500.0, 5.0, 2.0) if asked.quick else (asked.rate, asked.calls, SECONDS))
        for name, start in contenders().items():
            if not asked.only or name in asked.only:
                one = found[name] = bench.measure(start)
                say(
                    f"{name}: {one.done} of {one.calls} calls ({one.done / one.calls:.2%}), {one.repeated} sent"
                    f" again, junk {one.junk:.0f} a second, {one.cpu:.2f} processors, {one.lost} datagrams lost"
                )
    if asked.json:
        Path(asked.json).write_text(json.dumps({name: vars(one) for name, one in found.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
