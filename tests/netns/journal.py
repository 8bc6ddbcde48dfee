"""What a lab has made, written down so that anybody can remove it by id: the lab itself, its warden, the next lab.

Run as a script this is the warden: it waits until its standard input closes, which happens when the lab's owner ends in
whatever way (also by SIGKILL), and then removes what is left. Standard library only, since it runs with `python -S`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

JOURNALS = Path("/run/sbc-lab")
NAMESPACES = Path("/run/netns")


def started(pid: int) -> int | None:
    """When process `pid` began (clock ticks since boot), or None if there is none; with the pid it names a process
    for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def alive(pid: int, since: int | None) -> bool:
    """Whether the process that began at `since` under this pid still runs."""
    return since is not None and started(pid) == since


def occupants(namespaces: Iterable[str]) -> list[int]:
    """The pids of all processes inside the named network namespaces."""
    inodes = set()
    for name in namespaces:
        try:
            inodes.add((NAMESPACES / name).stat().st_ino)
        except FileNotFoundError:
            continue
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            inode = (entry / "ns/net").stat().st_ino
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if inode in inodes:
            found.append(int(entry.name))
    return found


class Journal:
    """One lab's list: its owner, namespaces, processes and directory, a JSON value a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, lab: str) -> Journal:
        JOURNALS.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = cls(JOURNALS / lab)
        journal.note("owner", [os.getpid(), started(os.getpid())])
        return journal

    def note(self, what: str, value: object) -> None:
        """Add a line; O_APPEND keeps lines of several threads whole."""
        with self.path.open("a") as file:
            file.write(json.dumps([what, value]) + "\n")

    def read(self) -> dict[str, list]:
        entries: dict[str, list] = {"owner": [], "namespace": [], "process": [], "directory": []}
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return entries
        for line in lines:
            what, value = json.loads(line)
            entries[what].append(value)
        return entries

    def stale(self) -> bool:
        """Whether the lab's owner is gone."""
        owners = self.read()["owner"]
        return bool(owners) and not any(alive(*owner) for owner in owners)

    def remove(self) -> None:
        """Kill what the lab started, delete its namespaces and directory, then the journal. Safe to run twice or at
        once."""
        entries = self.read()
        groups = [pid for pid, since in entries["process"] if alive(pid, since)]
        for pid in groups:
            _kill(os.killpg, pid)  # every process of a lab leads its own session and group
        strays = [pid for pid in occupants(entries["namespace"]) if pid != os.getpid()]
        for pid in strays:
            _kill(os.kill, pid)
        present = [name for name in entries["namespace"] if (NAMESPACES / name).exists()]
        if present:
            batch = "".join(f"netns del {name}\n" for name in present)
            subprocess.run(["ip", "-force", "-batch", "-"], input=batch, text=True, capture_output=True, check=False)
        for directory in entries["directory"]:
            shutil.rmtree(directory, ignore_errors=True)
        self.path.unlink(missing_ok=True)


def _kill(how: Callable[[int, int], None], pid: int) -> None:
    try:
        how(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended between the look and the shot, which is what was wanted


def remove_stale() -> list[str]:
    """Remove every lab whose owner is dead; the ids removed."""
    removed = []
    if JOURNALS.is_dir():
        for path in sorted(JOURNALS.iterdir()):
            journal = Journal(path)
            if journal.stale():
                journal.remove()
                removed.append(path.name)
    return removed


def main() -> None:
    """The warden of one lab: argv[1] is the journal, standard input a pipe whose other end the owner holds."""
    sys.stdin.buffer.read()
    journal = Journal(Path(sys.argv[1]))
    while journal.path.exists():  # the owner's own removal, if it came to it, has taken the journal away
        if journal.stale():
            journal.remove()
        else:
            time.sleep(0.02)  # the pipe closes a moment before the process is gone


if __name__ == "__main__":
    main()
