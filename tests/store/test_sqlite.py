"""The SQLite store: survives kills at any moment, lets nobody else in, and knows what is not its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sbc.ledger.sqlite import DatabaseError
from sbc.ledger.writer import Entry
from sbc.store.sqlite import SqliteStore
from tests.mgcp_messages import crcx, created, dlcx, mdcx, response, rsip
from tests.store.gateways import GATEWAY, Lines
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent


def store_at(directory: Path) -> SqliteStore:
    return SqliteStore(str(directory / "state.sqlite"), lambda: 1234.5)


def opened(directory: Path) -> SqliteStore:
    store = store_at(directory)
    store.open()
    return store


def put(id: str, value: bytes | None = b"value") -> Entry:
    return Entry(("call", id), value, value is None)


def test_nobody_but_its_owner_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").touch(0o644)
    store = opened(tmp_path)
    store.write([put("a")])
    for each in ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm"):
        assert stat.S_IMODE((tmp_path / each).stat().st_mode) == 0o600, each
    store.close()


def test_what_was_written_is_there_after_a_kill(tmp_path: Path) -> None:
    store, image = opened(tmp_path), tmp_path / "image"
    image.mkdir()
    for number in range(20):
        store.write([put(f"{number}", b"x" * 5000), put(f"{number - 3}", None)])
        for each in tmp_path.glob("state.sqlite*"):
            if not each.name.endswith((".lock", "-shm")):
                shutil.copy(each, image / each.name)
        again = opened(image)
        assert {id for _, id, _ in again.load()} == {f"{n}" for n in range(max(0, number - 2), number + 1)}
        again.close()
        for each in image.iterdir():
            each.unlink()
    store.close()


_KILLED = """
import os, signal, sys
from sbc.ledger.writer import Entry
from sbc.store.sqlite import SqliteStore
store = SqliteStore(sys.argv[1], lambda: 0.0)
store.open()
for number in range(10_000):
    store.write([Entry(("call", str(number)), b"v" * 3000, False), Entry(("call", str(number - 5)), None, True)])
    print(number, flush=True)
"""


def test_a_process_killed_while_it_writes(tmp_path: Path) -> None:
    path = str(tmp_path / "state.sqlite")
    for round in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _KILLED, path], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
        ) as process:
            assert process.stdout is not None
            last = -1
            while last < 50 + 37 * round:
                last = int(process.stdout.readline())
            process.kill()
            last = max([last, *(int(line) for line in process.stdout.read().split(b"\n")[:-1])])
        store = opened(tmp_path)
        there = {int(id) for _, id, value in store.load() if value == b"v" * 3000}
        assert there >= set(range(last - 3, last + 1)) and len(there) <= 6
        store.write([put(str(number), None) for number in there])
        store.close()


def test_a_second_process_is_not_let_in_and_told_why(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(OSError, match="another SBC writes here"):
        store_at(tmp_path).open()
    store.close()
    opened(tmp_path).close()


def foreign_text(path: Path) -> None:
    path.write_text("[realms.access]\nside = 'access'\n")


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE calls (id TEXT)")


def later_version(path: Path) -> None:
    opened(path.parent).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 2")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (foreign_text, "is no store of an SBC"),
        (foreign_database, "is no store of an SBC"),
        (later_version, "is of schema 2, this SBC knows 1"),
    ],
)
def test_what_is_somebody_elses_is_refused_and_left_as_it_is(tmp_path: Path, make: Any, why: str) -> None:
    path = tmp_path / "state.sqlite"
    make(path)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=why):
        store_at(tmp_path).open()
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir() if ".lock" not in each.name) == ["state.sqlite"]


def test_a_damaged_one_is_moved_aside_and_another_begun(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.write([put(str(number), b"x" * 3000) for number in range(50)])
    store.close()
    path = tmp_path / "state.sqlite"
    data = bytearray(path.read_bytes())
    data[4096 : 4096 * 6] = b"\xa5" * 4096 * 5
    path.write_bytes(data)
    again = opened(tmp_path)
    assert again.moved == f"{path}.broken-1234" and Path(again.moved).read_bytes() == data
    assert again.load() == []
    again.write([put("a")])
    again.close()
    assert opened(tmp_path).moved == ""


def test_where_it_cannot_be_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        SqliteStore(str(tmp_path / "none" / "x"), lambda: 0.0).open()
    with pytest.raises(DatabaseError, match="not open"):
        store_at(tmp_path).load()


def test_all_or_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(OSError):
        store.write([put("a"), Entry(("call", object()), b"x", False)])
    assert store.load() == []
    store.close()


# -- in a real process


@pytest.mark.slow
def test_commands_that_are_repeated_after_a_kill_are_carried_out_once(tmp_path: Path) -> None:
    """One that was answered, one that was open, and one by which its call had ended."""
    here, at = Lines(tmp_path), f"aaln/1@[{GATEWAY}]"
    try:
        here.start()
        here.register(rsip(1, f"[{GATEWAY}]"), b"200 %d OK\r\n")
        here.command(crcx(100, at))
        here.says(created(here.asked(b"CRCX"), "1F", GATEWAY, 4000))
        made = here.answered(100)
        here.command(mdcx(101, at, "1F"))
        changing = here.asked(b"MDCX")
        here.stored("answer", "|100")
        here.stored("call", "MDCX 101")
        here.end(signal.SIGKILL)
        here.start()
        here.command(crcx(100, at))
        assert here.answered(100) == made
        here.command(mdcx(101, at, "1F"))
        here.says(created(changing, "", GATEWAY, 4000))
        assert here.answered(101)  # that it took too long, where the machine was too slow
        here.command(dlcx(102, at, "2a", "1F"))
        here.says(response(250, here.asked(b"DLCX"), "P: PS=0, OS=0, PR=0, OR=0"))
        gone = here.answered(102)
        here.stored("answer", "|102")
        until(here.recorded, "the record")
        here.end(signal.SIGKILL)
        here.start()
        here.command(dlcx(102, at, "2a", "1F"))
        assert here.answered(102) == gone
        assert [len(here.heard[verb]) for verb in (b"CRCX", b"MDCX", b"DLCX")] == [1, 1, 1]
        here.end(signal.SIGTERM)
        record = json.loads((tmp_path / "cdr.json").read_bytes())
        assert (record["ending"], record["resumed"]) == ("normal", 1)
        assert record["reported"][0]["figures"]["packets_sent"] == "0" and here.recorded()
        assert "Traceback" not in here.log() and "do not balance" not in here.log()
    finally:
        here.close()


@pytest.mark.parametrize(("sure", "synchronous"), [(False, 1), (True, 2)])
def test_what_is_worth_it_waits_for_the_disk(tmp_path: Path, sure: bool, synchronous: int) -> None:
    store = SqliteStore(str(tmp_path / "state.sqlite"), lambda: 0.0, sure)
    store.open()
    assert store._opened().execute("PRAGMA synchronous").fetchone() == (synchronous,)
    store.close()
