"""Connections that terminals have opened for calls of their own and keep open: the way for the next call to each."""

from __future__ import annotations

import attrs

from sbc.core.binding import Binding
from sbc.core.exchange import Hop


@attrs.frozen
class Line:
    """A terminal's open connection. `many`: several calls may go by it at a time."""

    hop: Hop
    many: bool


class Lines:
    """One for each terminal, the one it has opened last; terminals behind one gateway may share it."""

    def __init__(self) -> None:
        self._lines: dict[Binding, Line] = {}
        self._at: dict[Hop, dict[Binding, None]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def give(self, binding: Binding, line: Line) -> Hop | None:
        """The terminal has opened a connection; the one it is not called by any more, if there is one."""
        before = self.take(binding)
        self._lines[binding] = line
        self._at.setdefault(line.hop, {})[binding] = None
        return before if before != line.hop else None

    def of(self, binding: Binding) -> Line | None:
        """The connection that the terminal has open, if it has."""
        return self._lines.get(binding)

    def holds(self, hop: Hop) -> bool:
        """Whether a terminal is called by that connection."""
        return hop in self._at

    def take(self, binding: Binding) -> Hop | None:
        """The terminal is called by its connection no more; which that was, unless others are."""
        line = self._lines.pop(binding, None)
        if line is None:
            return None
        there = self._at[line.hop]
        del there[binding]
        if there:
            return None
        del self._at[line.hop]
        return line.hop

    def lost(self, hop: Hop) -> None:
        """The connection is gone."""
        for binding in self._at.pop(hop, {}):
            del self._lines[binding]

    def owners(self) -> set[Binding]:
        """Who has one; for the auditor."""
        return set(self._lines)
