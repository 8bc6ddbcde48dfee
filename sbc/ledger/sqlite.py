"""Records in an SQLite database: a row from the call's opening on, whose `state` says whether it is open, complete or
incomplete."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from sbc.config.values import CdrSync
from sbc.interfaces import ICdrSink
from sbc.ledger.disk import Lock
from sbc.ledger.encoded import written
from sbc.ledger.joined import calls_of, left_open
from sbc.ledger.record import cut_short, filled_up
from sbc.ledger.usage import Count, usages_of
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry

SCHEMA = 4
"""The database's user_version. That of 1 had no `mos`, that of 2 no `parts`, that of 3 no `volumes`."""

PATIENCE = 5.0
"""Seconds to wait for somebody else who has the database locked."""

_COLUMNS = ("start", "ring", "answer", '"end"', "setup", "duration", "ending", "ended_by", "cause", "path", "method",
            "caller", "callee", "called", "mos")  # fmt: skip
_REAL = frozenset({"setup", "duration", "mos"})
_PARTS = "CREATE TABLE parts (id TEXT PRIMARY KEY, record TEXT NOT NULL)"  # calls that others have taken in
_COUNTED = tuple(f"{way}_{what}" for way in ("in", "out") for what in Count._fields)
_VOLUMES = (  # what each account that is over has, by kind of media; it goes with its call, whoever deletes that
    "CREATE TABLE IF NOT EXISTS volumes"
    " (session TEXT, record TEXT NOT NULL, realm TEXT NOT NULL, terminal TEXT NOT NULL, media TEXT NOT NULL,"
    f" {', '.join(f'{name} INTEGER NOT NULL' for name in _COUNTED)},"
    " PRIMARY KEY (session, media))",
    "CREATE INDEX IF NOT EXISTS volumes_by_record ON volumes (record)",
    "CREATE TRIGGER IF NOT EXISTS volumes_go AFTER DELETE ON calls"
    " BEGIN DELETE FROM volumes WHERE record = OLD.record; END",
)
_CREATE = f"""
CREATE TABLE calls (
    record TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'incomplete')),
    id TEXT NOT NULL,
    {", ".join(f"{name} {'REAL' if name in _REAL else 'TEXT'}" for name in _COLUMNS)},
    data TEXT NOT NULL
);
CREATE INDEX calls_by_start ON calls (start);
CREATE INDEX calls_by_id ON calls (id);
CREATE INDEX calls_open ON calls (state) WHERE state = 'open';
{_PARTS};
"""
_NAMES = ("record", "state", "id", *_COLUMNS, "data")
# what is over stays as it is, whatever comes late
_PUT = (
    f"INSERT INTO calls ({', '.join(_NAMES)}) VALUES ({', '.join('?' for _ in _NAMES)}) "
    + "ON CONFLICT (record) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
    + " WHERE calls.state = 'open'"
)

_COUNT = f"INSERT OR IGNORE INTO volumes VALUES ({', '.join('?' * (5 + len(_COUNTED)))})"
_BEFORE = "SELECT data FROM calls WHERE record = ?"
_OVER = "SELECT 1 FROM calls WHERE state <> 'open' AND (id = :id OR record = (SELECT record FROM parts WHERE id = :id))"
_JOIN = "INSERT INTO parts VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record"
_GONE = "DELETE FROM calls WHERE record = ? AND state = 'open'"


class DatabaseError(OSError):
    """The database cannot be used; says why."""


@implementer(ICdrSink)
class SqliteRecords:
    """The database at `path`, in WAL mode, so that readers are never in the way. Used by one thread at a time."""

    _log = Logger()

    def __init__(self, path: str, sync: CdrSync) -> None:
        self.name = path
        self._path = path
        self._sync = sync
        self._lock: Lock | None = None
        self._database: sqlite3.Connection | None = None
        self.kept: dict[str, Plain] = {}
        self.over: set[str] = set()

    def open(self, keep: Collection[str] = ()) -> int:
        """See ICdrSink."""
        self._lock = Lock(f"{self._path}.lock")
        try:
            with told():
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640))
                self._database = sqlite3.connect(
                    self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
                )
                self._prepare(self._database)
                return self._recover(self._database, set(keep))
        except OSError:
            self.close()
            raise

    def write(self, entries: Iterable[Entry]) -> None:
        """See ICdrSink."""
        database = self._database
        assert database is not None  # opened before
        gone = [(entry.key,) for entry in entries if entry.record is None]
        whole = [(self._whole(database, entry), entry.final) for entry in entries if entry.record is not None]
        rows = [_row(record, _state(record, final)) for record, final in whole]
        now = self._sync is CdrSync.ALWAYS or (self._sync is CdrSync.END and any(final for _, final in whole))
        with told():
            database.execute(f"PRAGMA synchronous = {'FULL' if now else 'NORMAL'}")
            with transaction(database):
                self._taken(database, whole)
                database.executemany(_PUT, rows)
                database.executemany(_COUNT, _volumes([record for record, final in whole if final]))
                database.executemany(_JOIN, [(call, r["record"]) for r, _ in whole for call in calls_of(r)[1:]])
                database.executemany(_GONE, gone)

    def _whole(self, database: sqlite3.Connection, entry: Entry) -> Plain:
        """A record, with what was written of it before where a fault of ours has kept its end from being whole."""
        record: Plain = entry.record
        if not entry.final or record["complete"]:
            return record
        with told():
            before = database.execute(_BEFORE, (record["record"],)).fetchone()
        return record if before is None else filled_up(record, json.loads(before[0]))

    def close(self) -> None:
        """See ICdrSink."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock is not None:
            self._lock.free()
            self._lock = None

    def _prepare(self, database: sqlite3.Connection) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in range(SCHEMA + 1):
            raise DatabaseError(f"is of schema {version}, this SBC writes {SCHEMA}")
        database.execute("PRAGMA journal_mode = WAL")
        if version == SCHEMA:
            return
        with transaction(database):
            if version == 0:
                for statement in filter(str.strip, _CREATE.split(";")):
                    database.execute(statement)
            if version == 1:
                database.execute("ALTER TABLE calls ADD COLUMN mos REAL")
            if version in (1, 2):
                database.execute(_PARTS)
            for statement in _VOLUMES:
                database.execute(statement)
            self._fill_volumes(database)
            database.execute(f"PRAGMA user_version = {SCHEMA}")

    def _fill_volumes(self, database: sqlite3.Connection) -> None:
        """Give what was over before there were volumes its own. A record that cannot be read has none: that is told."""
        unread = 0
        for (data,) in database.execute("SELECT data FROM calls WHERE state <> 'open'"):
            try:
                rows = list(_volumes([json.loads(data)]))
            except (ValueError, KeyError, TypeError):
                unread += 1
                continue
            database.executemany(_COUNT, rows)
        if unread:
            self._log.error(
                "{count} records of {file} cannot be read: no volumes of theirs", count=unread, file=self._path
            )

    def _recover(self, database: sqlite3.Connection, keep: set[str]) -> int:
        found = [json.loads(data) for (data,) in database.execute("SELECT data FROM calls WHERE state = 'open'")]
        self.kept, lost = left_open(found, keep)
        self.over = {id for id in keep - self.kept.keys() if database.execute(_OVER, {"id": id}).fetchone() is not None}
        cut = [cut_short(record) for record in lost]
        with transaction(database):
            self._taken(database, [(record, True) for record in cut])
            database.executemany(_PUT, [_row(record, _state(record, True)) for record in cut])
            database.executemany(_COUNT, _volumes(cut))
        return len(cut)

    def _taken(self, database: sqlite3.Connection, records: list[tuple[Plain, bool]]) -> None:
        """What else is to be done with records before they are written, in the same transaction; each with whether it
        is final."""


def _state(record: Plain, final: bool) -> str:
    if not final:
        return "open"
    return "complete" if record["complete"] else "incomplete"


def _row(record: Plain, state: str) -> tuple[Any, ...]:
    columns = (record.get(name.strip('"')) for name in _COLUMNS)  # what an older SBC left open has no mos
    return (record["record"], state, record["id"], *columns, written(record))


def _volumes(records: Iterable[Plain]) -> Iterator[tuple[Any, ...]]:
    """The rows of `volumes` of records that are over."""
    for record in records:
        for usage in usages_of(record):
            for media, flow in usage.media.items():
                yield usage.session, usage.record, usage.realm, usage.user, media, *flow.into, *flow.out


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All that is executed within, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # a full disk has ended it already
            database.execute("ROLLBACK")
        raise


@contextmanager
def told() -> Iterator[None]:
    """Faults of the database as DatabaseError."""
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseError(str(error)) from error
