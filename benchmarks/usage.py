"""What a program and all its children use: processor time and memory, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def processes(session: int) -> list[int]:
    """The processes of a session: a program started as its leader, and its children."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            fields = _fields(int(path.name))
            if fields and int(fields[3]) == session:
                found.append(int(path.name))
    return found


def processor(session: int) -> float:
    """Seconds of user and system time so far."""
    seconds = 0.0
    for pid in processes(session):
        fields = _fields(pid)
        if fields:
            seconds += (int(fields[11]) + int(fields[12])) * _TICK
    return seconds


def memory(session: int) -> int:
    """Octets of memory, each shared page counted once (PSS)."""
    octets = 0
    for pid in processes(session):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        octets += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return octets


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (the state); empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
