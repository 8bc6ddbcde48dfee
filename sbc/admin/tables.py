"""Rows and records that are data to a program and read well to a person: lists and dicts whose `repr` is a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

import attrs

from sbc.config.faults import printable

Row = dict[str, Any]
T = TypeVar("T")
LIMIT = 50
"""Rows that are shown unless more are asked for."""


@attrs.frozen
class Column:
    """A column: its title, what a row has in it, whether that is a number, and the most characters that are shown."""

    title: str
    cell: Callable[[Row], Any]
    right: bool = False
    widest: int = 40

    def text(self, row: Row) -> str:
        """The cell of `row`, on one line and unable to steer a terminal: peers choose much of what stands in it."""
        return cut(shown(self.cell(row)), self.widest)


class Table(list[Row]):
    """Rows as plain dicts; printed, aligned columns.

    `more` is how many rows were left out, `none` what is said of no rows at all, `below` what is printed after them.
    """

    def __init__(
        self, rows: Iterable[Row], columns: Sequence[Column], more: int = 0, none: str = "none", below: str = ""
    ) -> None:
        super().__init__(rows)
        self.columns = tuple(columns)
        self.more = more
        self.none = none
        self.below = below

    def __repr__(self) -> str:
        lines = aligned(self.columns, self) if self else [self.none]
        if self.more:
            lines.append(f"... and {self.more} more")
        return "\n".join([*lines, self.below] if self.below else lines)

    __str__ = __repr__


def rows_of(
    chosen: Iterable[T], view: Callable[[T], Row], columns: tuple[Column, ...], limit: int | None, none: str
) -> Table:
    """A table of the first `limit` of `chosen` (all if None); the rest is only counted."""
    each = iter(chosen)
    rows = [view(one) for one in islice(each, limit)]
    return Table(rows, columns, sum(1 for _ in each), none)


class Record(Row):
    """One thing as a plain dict; printed, the text that `write` makes of it."""

    def __init__(self, values: Row, write: Callable[[Row], str]) -> None:
        super().__init__(values)
        self._write = write

    def __repr__(self) -> str:
        return self._write(self)

    __str__ = __repr__


class Text(str):
    """An answer in words, which the prompt shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class No(Text):
    """An answer that says why there is none, or that nothing was done."""

    __slots__ = ()


def plain(answer: object) -> object:
    """An answer as JSON has it: rows, a dict, or text."""
    if isinstance(answer, Table):
        return list(answer)
    return dict(answer) if isinstance(answer, dict) else str(answer)


def aligned(columns: Sequence[Column], rows: Iterable[Row]) -> list[str]:
    """The lines of a table, titles first, two blanks between columns."""
    cells = [[column.title for column in columns]] + [[column.text(row) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return [
        "  ".join(
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in cells
    ]


def shown(value: Any) -> str:
    """A value as a cell has it: nothing is "-", truth is "yes" or "no"."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def cut(text: str, widest: int) -> str:
    """`text`, its end replaced by ".." if it is longer than `widest`."""
    return text if len(text) <= widest else text[: widest - 2] + ".."


def duration(seconds: float | None) -> str:
    """Seconds as people say them: "3.2s", "1m02s", "2h05m", "3d04h"."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    return f"{whole // 86400}d{whole // 3600 % 24:02}h"
