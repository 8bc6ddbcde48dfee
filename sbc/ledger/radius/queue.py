"""The requests that are owed to RADIUS servers, in the account book: put there with the turns, taken out when answered.

`RadiusQueue` is the book's side, in the book's thread; `Outbox` the client's, by a connection of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from zope.interface import implementer

from sbc.config.values import Event
from sbc.core.plain import Unfit
from sbc.interfaces import IAccountant
from sbc.ledger.radius.sender import Request
from sbc.ledger.sqlite import PATIENCE, told, transaction
from sbc.ledger.turns import Turn, packed, unpacked

_TABLES = (
    "CREATE TABLE IF NOT EXISTS requests"
    " (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, data TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS requests_by_event ON requests (event)",  # and by which they are counted: it is small
)
_TAKE = "SELECT id, data FROM requests WHERE id > ? ORDER BY id LIMIT ?"
_OLDEST = "DELETE FROM requests WHERE id IN (SELECT id FROM requests {where} ORDER BY id LIMIT ?)"


@implementer(IAccountant)
class RadiusQueue:
    """At most `most` requests wait: of more the oldest interim ones go first, then the oldest of all, `lost`. `news` is
    called, in the book's thread, when there are more."""

    name = "RADIUS"

    def __init__(self, most: int, news: Callable[[], None]) -> None:
        self.most = most
        self.lost = 0
        self.dropped = 0  # interim ones: the next says more
        self._news = news
        self._fresh = True
        self._uncommitted = (0, 0)

    def open(self, database: sqlite3.Connection) -> None:
        """See IAccountant."""
        for statement in _TABLES:
            database.execute(statement)

    def take(self, database: sqlite3.Connection, turns: Sequence[Turn]) -> None:
        """See IAccountant."""
        self._fresh, self._uncommitted = True, (0, 0)
        rows = [(turn.event.value, packed(turn)) for turn in turns]
        database.executemany("INSERT INTO requests (event, data) VALUES (?, ?)", rows)
        most, least = database.execute("SELECT max(id), min(id) FROM requests").fetchone()
        if most - least < self.most:  # so many there are at most
            return
        (count,) = database.execute("SELECT count(*) FROM requests").fetchone()
        over = max(0, count - self.most)
        interim = database.execute(_OLDEST.format(where="WHERE event = ?"), (Event.INTERIM.value, over)).rowcount
        rest = database.execute(_OLDEST.format(where=""), (over - interim,)).rowcount
        self._uncommitted = (interim, rest)

    def settled(self) -> None:
        """See IAccountant."""
        interim, lost = self._uncommitted
        self._uncommitted = (0, 0)
        self.dropped, self.lost = self.dropped + interim, self.lost + lost
        if self._fresh:
            self._fresh = False
            self._news()

    def close(self) -> None:
        """See IAccountant."""


class Outbox:
    """The same requests, as the client takes them out. Used by one thread at a time. @raises OSError in all it does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    def take(self, after: int, many: int) -> tuple[list[Request], list[int]]:
        """The next requests behind the one of that id; and the ids of those that cannot be read."""
        found: list[Request] = []
        broken: list[int] = []
        with told():
            for id, data in self._open().execute(_TAKE, (after, many)).fetchall():
                try:
                    found.append(Request(id, unpacked(str(data))))
                except Unfit:
                    broken.append(id)
        return found, broken

    def remove(self, ids: Iterable[int]) -> int:
        """They are answered, or given up. How many requests are left."""
        with told():
            database = self._open()
            with transaction(database):
                database.executemany("DELETE FROM requests WHERE id = ?", [(each,) for each in ids])
            (count,) = database.execute("SELECT count(*) FROM requests").fetchone()  # nobody waits for that
        return int(count)

    def close(self) -> None:
        """Let go of it."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = sqlite3.connect(
                f"file:{quote(self._path)}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None,
                check_same_thread=False,
            )  # fmt: skip
        return self._database
