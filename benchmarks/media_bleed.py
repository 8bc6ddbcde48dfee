"""RTP bleed: our engines and rtpengine with its defaults under the same attack, side by side.

.venv/bin/python -m benchmarks.media_bleed [--only NAME ...] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.bleed import Outcome, Plan, attack
from benchmarks.media_contenders import CONTENDERS, Engine, contender, why_not
from benchmarks.media_network import ATTACKED, Places
from benchmarks.report import machine, say
from tests.netns.lab import Lab

_HEAD = ("attacked", "stolen octets", "injected", "heard, to client", "heard, to server")


def cases(names: list[str]) -> list[tuple[str, str, dict[str, object]]]:
    """Who is attacked and how it stands: contender, words, settings. Behind a NAT our engines show both modes."""
    found: list[tuple[str, str, dict[str, object]]] = []
    for name in names:
        ports = {} if issubclass(CONTENDERS[name], Engine) else {"ports": Plan.ports}
        found.append((name, "public client", ports))
        if ports:
            found.append((name, "client behind NAT", {"hidden": True, **ports}))
        else:
            for latch in ("nat", "strict"):
                found.append((name, f'client behind NAT, latch "{latch}"', {"hidden": True, "latch": latch}))
    return found


def run(names: list[str], streams: int = 100, seconds: float = 3.0) -> dict[str, Outcome]:
    """All attacks on all contenders."""
    found: dict[str, Outcome] = {}
    for name, words, settings in cases(names):
        for early in (True, False):
            with Lab(ATTACKED) as lab:
                who = f"{name}, {words}, {'from the first' if early else 'in mid-call'}"
                plan = Plan(streams=streams, early=early, seconds=seconds)
                found[who] = attack(Places(lab), contender(name, **settings), plan)
                say(f"{who}: {found[who]}")
    return found


def table(found: dict[str, Outcome]) -> str:
    """The outcomes: what media the attacker got, how many of his packets peers got, what they heard of each other."""
    width = max(map(len, found)) + 2
    lines = [_HEAD[0].ljust(width) + "".join(each.rjust(18) for each in _HEAD[1:])]
    for who, each in found.items():
        back, there = each.heard_back / max(1, each.sent_back), each.heard_there / max(1, each.sent_there)
        injected = each.injected_client + each.injected_server
        cells = [f"{each.stolen_octets:,}", f"{injected:,}", f"{back:.1%}", f"{there:.1%}"]
        lines.append(who.ljust(width) + "".join(cell.rjust(18) for cell in cells))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    known = [name for name, kind in CONTENDERS.items() if kind.calls]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", metavar="NAME", help="of " + ", ".join(known))
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    asked = parser.parse_args(arguments)
    names = [name for name in asked.only or known if not why_not(name)]
    say(machine())
    found = run(names)
    say("\n" + table(found))
    if asked.json:
        Path(asked.json).write_text(json.dumps({who: asdict(each) for who, each in found.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
