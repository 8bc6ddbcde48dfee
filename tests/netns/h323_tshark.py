"""tshark as a judge of H.323: what it finds malformed in a capture, and which messages it reads there."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

_MESSAGES = {"ras": ["h225.RasMessage"], "signal": ["h225.h323_message_body"]}
_MESSAGES["control"] = ["h245.request", "h245.response", "h245.command", "h245.indication"]
_ERROR = 0x800000  # the severity of an error among tshark's expert infos


def malformed(capture: Path) -> list[str]:
    """What tshark finds wrong in a capture's H.225.0, Q.931 and H.245: one line each, with the packet's number."""
    bad = f"(h225 || h245 || q931 || tpkt) && (_ws.malformed || _ws.expert.severity >= {_ERROR})"
    return _tshark(capture, bad, ["frame.number", "_ws.expert.message"]).splitlines()


def messages(capture: Path) -> dict[str, int]:
    """How many messages of each kind tshark reads: "ras", "signal", "control" (tunnelled or not)."""
    counts: Counter[str] = Counter()
    fields = [(name, field) for name, fields in _MESSAGES.items() for field in fields]
    for line in _tshark(capture, "h225 || h245", [field for _, field in fields]).splitlines():
        for (name, _), value in zip(fields, line.split("\t"), strict=False):
            counts[name] += len([each for each in value.split(",") if each])
    return dict(counts)


def _tshark(capture: Path, wanted: str, fields: list[str]) -> str:
    argv = ["tshark", "-n", "-r", str(capture), "-Y", wanted, "-T", "fields"]
    for field in fields:
        argv += ["-e", field]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"tshark: {done.stderr}")
    return done.stdout
