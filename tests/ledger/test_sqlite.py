"""Records in SQLite: a row a call, whatever happens."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from sbc.config.values import CdrSync
from sbc.interfaces import ICdrSink
from sbc.ledger.sqlite import SqliteRecords
from sbc.ledger.writer import Entry
from tests.ledger.facts import entry, in_part, record_of, whole


def sink_at(directory: Path, sync: str = "end") -> SqliteRecords:
    return SqliteRecords(str(directory / "cdr.sqlite"), CdrSync(sync))


def rows(directory: Path, what: str = "record, state") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(directory / "cdr.sqlite")) as database:
        return database.execute(f"SELECT {what} FROM calls ORDER BY record").fetchall()


@contextmanager
def opened(directory: Path, left: int = 0) -> Iterator[SqliteRecords]:
    sink = sink_at(directory)
    assert sink.open() == left
    try:
        yield sink
    finally:
        sink.close()


def crash_image(directory: Path, to: Path) -> None:
    """What would be on file if the process were killed now."""
    for each in directory.glob("cdr.sqlite*"):
        if not each.name.endswith((".lock", "-shm")):
            shutil.copy(each, to / each.name)


def test_it_is_a_sink(tmp_path: Path) -> None:
    verifyObject(ICdrSink, sink_at(tmp_path))


@pytest.mark.parametrize("sync", ["never", "end", "always"])
def test_a_row_a_call_from_the_opening_on(tmp_path: Path, sync: str) -> None:
    sink = sink_at(tmp_path, sync)
    sink.open()
    sink.write([entry("b-1", final=False), entry("b-2", final=False)])
    assert rows(tmp_path) == [("b-1", "open"), ("b-2", "open")]
    sink.write([entry("b-1"), entry("b-3")])
    assert rows(tmp_path) == [("b-1", "complete"), ("b-2", "open"), ("b-3", "complete")]
    sink.close()
    ((data, caller, duration, end, mode),) = rows(tmp_path, 'data, caller, duration, "end", state')[:1]
    assert json.loads(data) == record_of("b-1")
    assert (caller, duration, end, mode) == ("alice@example.com", 8.0, "2026-11-23T16:00:10.000Z", "complete")
    assert stat.S_IMODE((tmp_path / "cdr.sqlite").stat().st_mode) & 0o007 == 0


def test_what_is_over_stays_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as sink:
        sink.write([entry("b-1")])
        sink.write([entry("b-1", final=False), entry("b-1", caller="mallory")])
    ((state, caller),) = rows(tmp_path, "state, caller")
    assert (state, caller) == ("complete", "alice@example.com")


def test_what_a_crash_left_open_is_closed_as_incomplete_once(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    with opened(tmp_path) as sink:
        sink.write([entry("b-1", final=False), entry("b-2", final=False)])
        sink.write([entry("b-2")])
        crash_image(tmp_path, image)
    for left in (1, 0):
        with opened(image, left):
            pass
    assert rows(image, "record, state, ending, duration") == [
        ("b-1", "incomplete", "incomplete", 8.0),
        ("b-2", "complete", "normal", 8.0),
    ]
    ((data,),) = rows(image, "data")[:1]
    assert json.loads(data)["complete"] is False


def test_a_second_sbc_is_kept_off(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OSError, match="another SBC"):
        sink_at(tmp_path).open()


def test_readers_and_a_writer_are_not_in_each_others_way(tmp_path: Path) -> None:
    with opened(tmp_path) as sink:
        sink.write([entry("b-1")])
        with closing(sqlite3.connect(tmp_path / "cdr.sqlite")) as reader:
            cursor = reader.execute("SELECT record FROM calls")
            cursor.fetchone()
            sink.write([entry("b-2")])
    assert len(rows(tmp_path)) == 2


def test_a_database_of_before_there_was_a_quality_is_taken_on(tmp_path: Path) -> None:
    old = {name: value for name, value in record_of("b-1", ended=False).items() if name != "mos"}
    columns = """record TEXT PRIMARY KEY, state TEXT NOT NULL, id TEXT NOT NULL, start TEXT, ring TEXT, answer TEXT,
        "end" TEXT, setup REAL, duration REAL, ending TEXT, ended_by TEXT, cause TEXT, path TEXT, method TEXT,
        caller TEXT, callee TEXT, called TEXT, data TEXT NOT NULL"""
    with closing(sqlite3.connect(tmp_path / "cdr.sqlite")) as database, database:
        database.execute(f"CREATE TABLE calls ({columns})")
        database.executemany(
            "INSERT INTO calls (record, state, id, data) VALUES (?, ?, ?, ?)",
            [("b-1", "open", "1", json.dumps(old)), ("b-0", "complete", "0", json.dumps({**old, "record": "b-0"}))],
        )
        database.execute("PRAGMA user_version = 1")
    with opened(tmp_path, left=1) as sink:
        sink.write([entry("b-2")])
    assert rows(tmp_path, "record, state, mos") == [
        ("b-0", "complete", None),
        ("b-1", "incomplete", None),
        ("b-2", "complete", 4.2),
    ]
    with opened(tmp_path) as sink:
        sink.write([entry("b-3")])
    assert len(rows(tmp_path)) == 4


@pytest.mark.parametrize("content", [b"dear diary, this is no database at all" * 40, None])
def test_what_cannot_be_used_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "cdr.sqlite"
    if content is None:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA user_version = 99")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(OSError, match="schema 99" if content is None else "not a database"):
        sink_at(tmp_path).open()
    assert path.read_bytes() == before


def test_a_full_disk_fails_the_batch_whole_and_the_next_attempt_is_like_the_first(tmp_path: Path) -> None:
    with opened(tmp_path) as sink:
        assert sink._database is not None
        sink.write([entry("b-0")])
        (pages,) = sink._database.execute("PRAGMA page_count").fetchone()
        sink._database.execute(f"PRAGMA max_page_count = {pages + 2}")
        batch = [entry(f"b-{number}") for number in range(50)]
        for _ in range(2):
            with pytest.raises(OSError, match="full"):
                sink.write(batch)
        assert rows(tmp_path) == [("b-0", "complete")]
        sink._database.execute("PRAGMA max_page_count = 100000")
        sink.write(batch)
    assert len(rows(tmp_path)) == 50


def test_a_batch_with_a_record_that_cannot_be_written_is_taken_back_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as sink:
        with pytest.raises(UnicodeEncodeError):
            sink.write([entry("b-1"), entry("b-2", caller="\ud800")])
        assert rows(tmp_path) == []
        sink.write([entry("b-1")])
    assert rows(tmp_path) == [("b-1", "complete")]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 4), max_size=3), st.sets(st.integers(0, 4), max_size=3)), max_size=6),
    st.lists(st.integers(0, 6), min_size=1, max_size=3),
)
def test_wherever_it_is_killed_there_is_one_row_a_call(
    steps: list[tuple[set[int], set[int]]], kills: list[int]
) -> None:
    """Each life ends after some of its batches; the next one begins with what was on file then."""
    begun: set[str] = set()
    ended: set[str] = set()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        for life, kill in enumerate(kills):
            directory, following = here / f"{life}", here / f"{life + 1}"
            for each in (directory, following):
                each.mkdir(exist_ok=True)
            sink = sink_at(directory)
            sink.open()
            for begin, end in steps[:kill]:
                finals = {f"{life}-{n}" for n in end}
                states = {f"{life}-{n}" for n in begin} - finals
                sink.write([*(entry(key, final=False) for key in states), *(entry(key) for key in finals)])
                begun |= states
                ended |= finals
            crash_image(directory, following)
            sink.close()
        sink = sink_at(following)
        sink.open()
        sink.close()
        found = dict(rows(following))
        assert set(found) == begun | ended
        assert {key for key, state in found.items() if state == "complete"} == ended
        assert "open" not in found.values()


def test_records_of_calls_that_go_on_stay_open_and_those_of_others_do_not(tmp_path: Path) -> None:
    with opened(tmp_path) as sink:
        sink.write([entry("b-c1", final=False), entry("b-c2", final=False), entry("b-c3")])
    again = sink_at(tmp_path)
    assert again.open({"c1", "c3", "c9"}) == 1
    assert set(again.kept) == {"c1"} and again.kept["c1"]["record"] == "b-c1" and again.over == {"c3"}
    assert rows(tmp_path) == [("b-c1", "open"), ("b-c2", "incomplete"), ("b-c3", "complete")]
    again.write([entry("b-c1")])
    again.close()
    assert rows(tmp_path)[0] == ("b-c1", "complete")


@pytest.mark.parametrize("journalled", [True, False])
def test_an_end_that_is_not_whole_has_what_was_written_before(tmp_path: Path, journalled: bool) -> None:
    with opened(tmp_path) as sink:
        if journalled:
            sink.write([entry(final=False)])
        sink.write([in_part()])
        ((key, state, data),) = rows(tmp_path, "record, state, data")
        assert (key, state) == ("boot-c1", "incomplete")
        assert json.loads(data)["streams"] == (entry(final=False).record["streams"] if journalled else [])


def volumes(tmp_path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "cdr.sqlite")) as database:
        return database.execute(
            "SELECT session, record, realm, terminal, media, in_packets, in_ip_octets, out_octets FROM volumes"
        ).fetchall()


def test_volumes_of_what_is_over_are_there_to_be_summed_and_go_with_their_call(tmp_path: Path) -> None:
    sink = SqliteRecords(str(tmp_path / "cdr.sqlite"), CdrSync.END)
    sink.open()
    sink.write([entry("b-1", final=False), entry("b-2")])
    assert volumes(tmp_path) == [("b-2", "b-2", "access", "alice@example.com", "audio", 101, 20_088, 8_660)]
    sink.write([entry("b-1"), Entry("boot-a", whole(), True)])
    assert [row[:2] for row in volumes(tmp_path)] == [
        ("b-2", "b-2"), ("b-1", "b-1"), ("boot-a", "boot-a"), ("boot-b", "boot-a"),
    ]  # fmt: skip
    late = record_of("b-2")
    late["streams"] = []
    sink.write([Entry("b-2", late, True)])
    assert len(volumes(tmp_path)) == 4, "what is over stays as it is"
    with closing(sqlite3.connect(tmp_path / "cdr.sqlite")) as database:
        database.execute("DELETE FROM calls WHERE record = 'boot-a'")
        database.commit()
    assert [row[0] for row in volumes(tmp_path)] == ["b-2", "b-1"]
    sink.write([entry("b-3", final=False)])
    sink.close()
    sink.open()  # which finds one left open
    sink.close()
    assert volumes(tmp_path)[-1][0] == "b-3"


def test_a_database_of_before_there_were_volumes_gets_them(tmp_path: Path) -> None:
    sink = SqliteRecords(str(tmp_path / "cdr.sqlite"), CdrSync.END)
    sink.open()
    sink.write([entry("b-1"), entry("b-broken"), entry("b-open", final=False)])
    sink.close()
    before = volumes(tmp_path)
    with closing(sqlite3.connect(tmp_path / "cdr.sqlite")) as database:
        for statement in (
            "DROP TRIGGER volumes_go",
            "DROP TABLE volumes",
            "UPDATE calls SET data = '{' WHERE record = 'b-broken'",
            "PRAGMA user_version = 3",
        ):
            database.execute(statement)
        database.commit()
    sink.open()  # which ends what was left open
    sink.write([entry("b-2")])
    sink.close()
    assert sorted(str(row[0]) for row in volumes(tmp_path)) == ["b-1", "b-2", "b-open"]
    assert [row for row in volumes(tmp_path) if row[0] == "b-1"] == [row for row in before if row[0] == "b-1"]
