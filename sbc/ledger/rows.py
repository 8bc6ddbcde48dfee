"""Accounts of terminals as rows of a table: what CSV has, and summaries by terminal, realm, day or media."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

import attrs

from sbc.ledger.usage import MEDIA, Count, Flow, Usage, usages_of
from sbc.ledger.volume import Plain

_PLAIN = (
    "session", "record", "call", "realm", "user", "registered", "path", "protocol", "caller", "callee", "called",
    "seen", "start", "answer", "end", "known", "duration", "ending", "ended_by", "cause", "codecs",
)  # fmt: skip
_COUNTED = tuple(f"{way}_{what}" for way in ("in", "out") for what in Count._fields)
HEAD = ("event", *_PLAIN, *_COUNTED, *(f"{medium}_{name}" for medium in MEDIA for name in _COUNTED))
"""The columns of a row."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula where people open a file in a spreadsheet; peers write some of these texts."""


def row_of(event: str, usage: Usage) -> list[str]:
    """An account as a row; `event` says at which turn of the call: start, interim or stop."""
    plain = (getattr(usage, name) for name in _PLAIN)
    flows = [usage.total, *(usage.media.get(medium, Flow()) for medium in MEDIA)]
    return [event, *map(_cell, plain), *(str(number) for flow in flows for count in flow for number in count)]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return " ".join(map(_cell, value))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def lines_of(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as RFC 4180 has them: in UTF-8, each ended by CR LF, quoted where they have to be."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


@attrs.define
class Line:
    """One line of a summary."""

    calls: int = 0
    answered: int = 0
    seconds: float = 0.0
    flow: Flow = attrs.field(factory=Flow)


def _media(usage: Usage) -> list[tuple[str, Flow]]:
    return list(usage.media.items()) or [("-", Flow())]


_KEYS: dict[str, Callable[[Usage], str]] = {
    "terminal": lambda usage: usage.user or usage.seen,
    "realm": lambda usage: usage.realm,
    "day": lambda usage: usage.start[:10],
}
BY = (*_KEYS, "media")
"""What a summary may be made by."""


class Summary:
    """What records add up to, by some of BY. Calls are counted in each line that has any of theirs: by media one call
    may be in several."""

    def __init__(self, by: Sequence[str]) -> None:
        self.by = tuple(by)
        self.lines: dict[tuple[str, ...], Line] = {}

    def add(self, record: Plain) -> None:
        """Take one more record."""
        for usage in usages_of(record):
            for medium, flow in _media(usage) if "media" in self.by else [("", usage.total)]:
                self._add(tuple(medium if key == "media" else _KEYS[key](usage) for key in self.by), usage, flow)

    def _add(self, key: tuple[str, ...], usage: Usage, flow: Flow) -> None:
        line = self.lines.setdefault(key, Line())
        line.calls += 1
        line.answered += usage.answer is not None
        line.seconds += usage.duration or 0.0
        line.flow = line.flow.plus(flow)

    @property
    def head(self) -> tuple[str, ...]:
        """The names of the columns of `rows`."""
        return (*self.by, "calls", "answered", "seconds", *_COUNTED)

    def rows(self) -> list[tuple[str, ...]]:
        """The lines, by their keys."""
        return [
            (*key, str(line.calls), str(line.answered), f"{line.seconds:.3f}", *(str(n) for c in line.flow for n in c))
            for key, line in sorted(self.lines.items())
        ]

    def as_dicts(self) -> list[Plain]:
        """The same for JSON."""
        return [
            {
                **dict(zip(self.by, key, strict=True)),
                "calls": line.calls,
                "answered": line.answered,
                "seconds": round(line.seconds, 3),
                "in": line.flow.into._asdict(),
                "out": line.flow.out._asdict(),
            }
            for key, line in sorted(self.lines.items())
        ]
