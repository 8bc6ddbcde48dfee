"""Writes records to a disk that is too small, until somebody makes it larger. Run by test_full_disk.py on a disk of its
own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sbc.config.values import CdrSync
from sbc.ledger.jsonlines import JsonLines
from sbc.ledger.query import Wanted, in_database, in_json
from sbc.ledger.sqlite import SqliteRecords
from sbc.ledger.writer import Writer
from tests.ledger.facts import entry
from tests.netns.waiting import wait_for

CALLS = 300


def run(kind: str, directory: Path) -> dict[str, Any]:
    """What was told, how many records had to wait, and how often each call is on file in the end."""
    told: list[str] = []
    path = directory / "records"
    json_lines = JsonLines(str(path), CdrSync.END, time.time)
    sink: Any = json_lines if kind == "json" else SqliteRecords(str(path), CdrSync.END)
    sink.open()
    writer = Writer(sink, 10_000, lambda event, fields: told.append(f"{event} {fields.get('error', '')}"))
    writer.start()
    for number in range(CALLS):
        writer.put(*entry(f"b-{number}", False))
        writer.put(*entry(f"b-{number}"))
        time.sleep(0.001)
    wait_for(lambda: told, what="the disk to be full")
    waited = writer.waiting
    subprocess.run(["mount", "-o", "remount,size=8m", str(directory)], check=True)
    ended = threading.Event()
    writer.stop(10.0, lambda _: ended.set())
    ended.wait(20.0)
    found = in_json([str(path)], Wanted()) if kind == "json" else in_database(str(path), Wanted())
    keys = [record["record"] for record in found]
    return {"told": told, "waited": waited, "lost": writer.lost, "records": len(keys), "calls": len(set(keys))}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
