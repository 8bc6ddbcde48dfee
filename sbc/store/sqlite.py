"""A store in an SQLite file. A value that is written is there when the process is killed; a power cut may cost what was
written since the log was last taken into the file, unless each write waits for the disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable

from zope.interface import implementer

from sbc.interfaces import ICallStore
from sbc.ledger.disk import Lock
from sbc.ledger.sqlite import DatabaseError, told, transaction
from sbc.ledger.writer import Entry

OURS = 0x53424373
"""The file's application_id."""
SCHEMA = 1
"""Its user_version."""
PATIENCE = 1.0
"""Seconds to wait for somebody who has the file locked: a person with a tool, since no other SBC gets that far."""

_MAGIC = b"SQLite format 3\0"
_CREATE = (
    "CREATE TABLE kept (kind TEXT NOT NULL, id TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, id)) "
    "WITHOUT ROWID",
    f"PRAGMA application_id = {OURS}",
    f"PRAGMA user_version = {SCHEMA}",
)
_PUT = "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_DROP = "DELETE FROM kept WHERE kind = ? AND id = ?"


class _Broken(Exception):
    """The file is a database, but damaged."""


@implementer(ICallStore)
class SqliteStore:
    """The file at `path`, readable for its owner alone: with the secret in it tokens could be guessed.

    A file of somebody else's, or of a later SBC's, is refused. One of ours that is damaged is moved aside, with the
    time `wall` in its name, and `moved` says where to: calls and bindings are lost, but the SBC takes new ones. `sure`:
    what is written outlives a power cut, too; for values that are few and are worth it.
    """

    def __init__(self, path: str, wall: Callable[[], float], sure: bool = False) -> None:
        self.name = path
        self._sync = "FULL" if sure else "NORMAL"
        self.moved = ""
        self._path = path
        self._wall = wall
        self._lock: Lock | None = None
        self._database: sqlite3.Connection | None = None

    def open(self) -> None:
        """See ICallStore."""
        self._lock = Lock(f"{self._path}.lock")
        try:
            try:
                self._take()
            except _Broken:
                self._move_aside()
                self._take()
        except OSError:
            self.close()
            raise

    def load(self) -> list[tuple[str, str, bytes]]:
        """See ICallStore."""
        with told():
            return self._opened().execute("SELECT kind, id, value FROM kept").fetchall()

    def write(self, entries: Iterable[Entry]) -> None:
        """See ICallStore."""
        there = list(entries)
        with told(), transaction(self._opened()):
            self._opened().executemany(_PUT, [(*key, value) for key, value, _ in there if value is not None])
            self._opened().executemany(_DROP, [key for key, value, _ in there if value is None])

    def close(self) -> None:
        """See ICallStore."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock is not None:
            self._lock.free()
            self._lock = None

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise DatabaseError("is not open")
        return self._database

    def _take(self) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(file, 0o600)
            beginning = os.pread(file, len(_MAGIC), 0)
        finally:
            os.close(file)
        if beginning not in (b"", _MAGIC):
            raise DatabaseError(f"{self._path} is no store of an SBC")
        database = self._database = sqlite3.connect(
            self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(database)
        except sqlite3.OperationalError as error:
            raise DatabaseError(f"{self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise _Broken from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        (whose,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if whose != OURS and (whose or version or tables):
            raise DatabaseError(f"{self._path} is no store of an SBC")
        if tables and version != SCHEMA:
            raise DatabaseError(f"{self._path} is of schema {version}, this SBC knows {SCHEMA}")
        if tables and database.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise _Broken
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {self._sync}")
        if not tables:
            with transaction(database):
                for statement in _CREATE:
                    database.execute(statement)

    def _move_aside(self) -> None:
        assert self._database is not None  # or nobody would know that it is broken
        self._database.close()
        self._database = None
        self.moved = f"{self._path}.broken-{self._wall():.0f}"
        for ending in ("", "-wal", "-shm"):
            if os.path.exists(self._path + ending):
                os.replace(self._path + ending, self.moved + ending)
