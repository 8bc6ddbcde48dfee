"""The account book: how far each terminal's account is told, in one transaction with whatever is to be told of it.

It is a database of records as any other, which keeps those that are open and the latest of those that are over; so what
a crash leaves is found there, and its stop is told at the next start. `accountants` (IAccountant) are told of each turn
before that is committed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from zope.interface import implementer

from sbc.config.values import CdrSync
from sbc.interfaces import ICdrSink
from sbc.ledger.sqlite import SqliteRecords
from sbc.ledger.turns import Told, Turn, turns_of
from sbc.ledger.usage import usages_of
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry

RECENT = 1000
"""Records that are over and still kept: of a call that a store holds it must be known that it is over."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS sessions (session TEXT PRIMARY KEY, at REAL NOT NULL, turns INTEGER NOT NULL,"
    " over INTEGER NOT NULL) WITHOUT ROWID"
)
_FIND = "SELECT at, turns, over FROM sessions WHERE session = ?"
_PUT = "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)"
_OVER = "SELECT 1 FROM calls WHERE record = ? AND state <> 'open'"
_OLD = f"DELETE FROM calls WHERE state <> 'open' AND rowid <= (SELECT max(rowid) FROM calls) - {RECENT}"
_OLD_PARTS = "DELETE FROM parts WHERE record NOT IN (SELECT record FROM calls)"


@implementer(ICdrSink)
class AccountBook(SqliteRecords):
    """The book at `path`. `interim` (seconds, 0: never) and `attempts` are as for `turns_of`; they may be changed."""

    def __init__(
        self, path: str, accountants: Sequence[Any], interim: float, attempts: bool, sync: CdrSync = CdrSync.END
    ) -> None:
        super().__init__(path, sync)
        self._accountants = accountants
        self.interim = interim
        self.attempts = attempts

    def open(self, keep: Collection[str] = ()) -> int:
        """See ICdrSink."""
        left = super().open(keep)
        self._settle()
        return left

    def write(self, entries: Iterable[Entry]) -> None:
        """See ICdrSink."""
        super().write(entries)
        self._settle()

    def close(self) -> None:
        """See ICdrSink."""
        for accountant in self._accountants:
            accountant.close()
        super().close()

    def _settle(self) -> None:
        for accountant in self._accountants:
            accountant.settled()

    def _prepare(self, database: sqlite3.Connection) -> None:
        super()._prepare(database)
        database.execute(_TABLE)
        for accountant in self._accountants:
            accountant.open(database)

    def _taken(self, database: sqlite3.Connection, records: list[tuple[Plain, bool]]) -> None:
        turns: list[Turn] = []
        for record, final in records:
            if database.execute(_OVER, (record["record"],)).fetchone() is None:
                turns += self._turns(database, record, final)
        if turns:
            for accountant in self._accountants:
                accountant.take(database, turns)
        if any(final for _, final in records):
            database.execute(_OLD)
            database.execute(_OLD_PARTS)

    def _turns(self, database: sqlite3.Connection, record: Plain, final: bool) -> list[Turn]:
        """The turns of a record's accounts. What was told of them is forgotten when it is final: one that is over may
        wait for what gateways have counted."""
        turns: list[Turn] = []
        for usage in usages_of(record):
            row = database.execute(_FIND, (usage.session,)).fetchone()
            told = None if row is None else Told(row[0], row[1], bool(row[2]))
            fresh, then = turns_of(usage, told, self.interim, self.attempts)
            turns += fresh
            if final:
                database.execute("DELETE FROM sessions WHERE session = ?", (usage.session,))
            elif then is not None and then is not told:
                database.execute(_PUT, (usage.session, then.at, then.turns, then.over))
        return turns
