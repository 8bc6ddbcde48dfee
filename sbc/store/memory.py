"""A store that lives as long as whoever holds its table: for tests, and what a store has to do, read at a glance."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from sbc.interfaces import ICallStore
from sbc.ledger.writer import Entry

Table = dict[tuple[str, str], bytes]
"""Values by kind and id."""


@implementer(ICallStore)
class MemoryStore:
    """Keeps values in `table`, which another store may take over."""

    name = "memory"

    def __init__(self, table: Table | None = None) -> None:
        self.table: Table = {} if table is None else table
        self._open = False

    def open(self) -> None:
        """See ICallStore."""
        if self._open:
            raise OSError("is open already")
        self._open = True

    def load(self) -> list[tuple[str, str, bytes]]:
        """See ICallStore."""
        return [(kind, id, value) for (kind, id), value in self.table.items()]

    def write(self, entries: Iterable[Entry]) -> None:
        """See ICallStore."""
        for key, value, _ in entries:
            if value is None:
                self.table.pop(key, None)
            else:
                self.table[key] = value

    def close(self) -> None:
        """See ICallStore."""
        self._open = False
