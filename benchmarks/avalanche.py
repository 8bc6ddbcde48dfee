"""After an outage: a town's phones register at once while a flood arrives and calls go on; in namespaces, by sockets.

    .venv/bin/python -m benchmarks.avalanche [--phones 10000] [--nats 500] [--rate PACKETS] [--asks REGISTER]

See docs/performance.rst; the same in memory, where time is made up, is tests/calls/test_avalanche.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import usage
from benchmarks.contenders import SBC, start_sbc
from benchmarks.flood import ATTACKER, NETWORK, _lost, _mac, frames
from benchmarks.load import CALLER, PORT
from benchmarks.report import machine, say
from benchmarks.traffic import FAVOUR, favoured, program
from tests.netns.lab import Lab
from tests.netns.waiting import wait_for

TOWN = "203.1.0.0/16"
SECONDS = 125.0
_MORE = """
[realms.access.registrations]
behind_nat = 600
[control]
socket = "{directory}/control"
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--phones", type=int, default=10_000)
    parser.add_argument("--nats", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50_000.0, help="packets of junk a second; 0: none")
    parser.add_argument("--asks", default="OPTIONS", help="what that third of the flood asks that no score bans")
    parser.add_argument("--engine", default="native", help="the media engine; by it bans are nftables' or the kernel's")
    asked = parser.parse_args(arguments)
    say(machine())
    with Lab(NETWORK) as lab:
        border, town, core, attacker = (lab.host(name) for name in ("border", "callers", "callees", "attacker"))
        town.run(["ip", "route", "add", "local", TOWN, "dev", "lo"])
        border.run(["ip", "route", "add", TOWN, "via", CALLER])
        border.run(["ip", "route", "add", "10.0.0.0/8", "via", ATTACKER])
        junk = lab.directory / "junk"
        junk.write_bytes(frames(_mac(lab, border), _mac(lab, attacker), asked.asks))
        sbc = start_sbc(border, f'[media]\nengine = "{asked.engine}"\n' + SBC + _MORE, PORT)
        go = lab.directory / "go"
        ends = [core.python("-m", "benchmarks.town", "core", log="core")]
        core.wait_bound(PORT)
        say_what = ("phones", "--count", str(asked.phones), "--nats", str(asked.nats), "--go", str(go))
        ends.append(town.python("-m", "benchmarks.town", *say_what, log="town"))
        for each in (sbc, *ends):
            os.setpriority(os.PRIO_PGRP, each.pid, FAVOUR)
        wait_for(lambda: "calls are up" in ends[1].output(), 60.0, "the calls")
        if asked.rate:
            argv = [str(program("junk")), "access", str(junk), f"{asked.rate:.0f}", f"{SECONDS:.0f}"]
            flood = attacker.popen(favoured(argv), log="junk")
            time.sleep(1.0)
        used, began = usage.processor(sbc.pid), time.monotonic()
        go.write_text("")
        ends[1].check_exit(SECONDS + 60.0)
        cpu = (usage.processor(sbc.pid) - used) / (time.monotonic() - began)
        found = json.loads(ends[1].output().splitlines()[-1])
        banned = _banned(lab)
        if asked.rate:
            flood.stop(patience=5.0)
        ends[0].stop(patience=5.0)
        other = json.loads(ends[0].output().splitlines()[-1])
        lost = _lost(border)
        sbc.stop(patience=10.0)
    last, half = (f"{found[name]:.1f} s" if found[name] is not None else "-" for name in ("last", "half"))
    say(
        f"{found['in']} of {asked.phones} phones are in, half of them after {half}, the last after {last};"
        f" {found['unheard']} were never answered; {found['sent']} requests sent, {found['given_up']} given up,"
        f" answers {found['answers']};"
        f" {banned} of their addresses banned; {cpu:.2f} processors, {lost} datagrams lost"
    )
    to_core, to_town = _missed(found["media"], other["media"]), _missed(other["media"], found["media"])
    packets = sum(sent for sent, _ in (*found["media"], *other["media"]))
    ended = f"{found['ended']} of {len(found['media'])}"
    say(f"live calls: {ended} ended as they should; of {packets} packets {to_core + to_town} were lost")
    return 0


def _missed(sender: list[list[int]], receiver: list[list[int]]) -> int:
    """Packets of one end that the other has not got."""
    return sum(sent for sent, _ in sender) - sum(got for _, got in receiver)


def _banned(lab: Lab) -> int:
    """How many of the town's addresses are banned at the end."""
    (control,) = lab.directory.glob("sbc-*/control")
    argv = [str(Path(sys.executable).with_name("sbc")), "ctl", "--socket", str(control), "--json", "bans", TOWN[:6]]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=60.0, check=True).stdout
    return sum(row["source"].startswith(TOWN[:6]) for row in json.loads(told))


if __name__ == "__main__":
    sys.exit(main())
