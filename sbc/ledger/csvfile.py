"""Accounts of terminals as CSV (RFC 4180): a header line, and a row for each turn that is wanted.

How far the file is written stands in the account book, in the transaction that has the turns: what a crash, or a disk
that fails, leaves behind that is taken back before the next row. So no row is half there, missing or there twice.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from errno import EINVAL

from zope.interface import implementer

from sbc.config.values import Event
from sbc.interfaces import IAccountant
from sbc.ledger.disk import Disk, Lock, append_whole
from sbc.ledger.rotating import RotatingFile
from sbc.ledger.rows import HEAD, lines_of, row_of
from sbc.ledger.turns import Turn

_TABLE = "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, inode INTEGER NOT NULL, size INTEGER NOT NULL)"
_PUT = "INSERT INTO files VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET inode = excluded.inode, size = excluded.size"
_BEGINNING = lines_of([HEAD])


@implementer(IAccountant)
class CsvFile:
    """The file at `path`, with rows of `events`. It is rotated as RotatingFile is; `synced`: forced to the disk."""

    def __init__(
        self,
        path: str,
        events: Collection[Event],
        wall: Callable[[], float],
        rotate_size: int = 0,
        rotate_daily: bool = False,
        disk: Disk | None = None,
        synced: bool = True,
    ) -> None:
        self.name = path
        self.events = frozenset(events)
        self._disk = disk or Disk()
        self._rotating = RotatingFile(self._disk, path, wall, rotate_size, rotate_daily)
        self._synced = synced
        self._new = f"{path}.new"
        self._fresh = False  # what is written has that name still
        self._lock: Lock | None = None

    def open(self, database: sqlite3.Connection) -> None:
        """See IAccountant."""
        database.execute(_TABLE)
        self._lock = Lock(f"{self.name}.lock")
        known = self._known(database)
        if os.path.exists(self._new):
            if os.stat(self._new).st_ino == known[0] and not os.path.exists(self.name):
                self._disk.replace(self._new, self.name)  # the crash came between
            else:
                self._disk.remove(self._new)
        self._rotating.open()
        self._go_back(database)
        with open(self.name, "rb") as file:
            beginning = file.read(len(_BEGINNING))
        if beginning not in (b"", _BEGINNING):
            raise OSError(EINVAL, "is no file of accounts", self.name)
        self._mark(database)

    def take(self, database: sqlite3.Connection, turns: Sequence[Turn]) -> None:
        """See IAccountant."""
        rows = [row_of(turn.event.value, turn.usage) for turn in turns if turn.event in self.events]
        if not rows:
            return
        self._go_back(database)
        if self._fresh or self._rotating.left():
            self._begin()
        file = self._rotating.file
        head = [] if os.fstat(file).st_size else [HEAD]
        append_whole(self._disk, file, lines_of([*head, *rows]))
        if self._synced:
            self._disk.sync(file)
        self._mark(database)

    def settled(self) -> None:
        """See IAccountant."""
        if self._fresh:
            self._disk.replace(self._new, self.name)
            self._fresh = False

    def close(self) -> None:
        """See IAccountant."""
        self._rotating.close()
        if self._lock is not None:
            self._lock.free()
            self._lock = None

    def _begin(self) -> None:
        """Begin a new file, which has its name when its first rows are committed."""
        there = os.path.exists(self.name)
        if not there and os.path.exists(self._new):
            self._disk.remove(self._new)
        fresh = self._disk.append(self.name if there else self._new)
        self._disk.close(self._rotating.file)
        self._rotating.file, self._fresh = fresh, not there

    def _known(self, database: sqlite3.Connection) -> tuple[int, int]:
        """Which file was written when the last turns were committed, and its size."""
        found = database.execute("SELECT inode, size FROM files WHERE path = ?", (self.name,)).fetchone()
        return (0, 0) if found is None else (found[0], found[1])

    def _mark(self, database: sqlite3.Connection) -> None:
        there = os.fstat(self._rotating.file)
        database.execute(_PUT, (self.name, there.st_ino, there.st_size))

    def _go_back(self, database: sqlite3.Connection) -> None:
        """Take back what was written of turns that were not committed."""
        there = os.fstat(self._rotating.file)
        inode, size = self._known(database)
        if inode == there.st_ino and there.st_size > size:
            self._disk.truncate(self._rotating.file, size)
