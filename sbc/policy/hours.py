"""Times of the week in a time zone: when a rule counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_TIMES = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})", re.ASCII)
WRITTEN = 'days and times, for example "mon-fri 08:00-18:00", "sat,sun" or "22:00-06:00"'


@attrs.frozen
class Span:
    """On these days (0 is Monday), from a minute of the day to another, which is no part of it. Where that is not later
    it is one of the day after."""

    days: frozenset[int]
    begin: int = 0
    end: int = _DAY

    def holds(self, day: int, minute: int) -> bool:
        """Whether a minute of a day of the week is in it."""
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or ((day - 1) % 7 in self.days and minute < self.end)


@attrs.frozen
class Hours:
    """Spans of the week, each as it is written, on the clocks of a time zone."""

    written: tuple[str, ...]
    zone: str = "UTC"
    spans: tuple[Span, ...] = attrs.field(init=False, eq=False, repr=False)

    @spans.default
    def _read(self) -> tuple[Span, ...]:
        return tuple(map(read_span, self.written))

    def hold(self, time: float) -> bool:
        """Whether `time`, in seconds since 1970, is in any of them."""
        local = datetime.fromtimestamp(time, ZoneInfo(self.zone))
        day, minute = local.weekday(), 60 * local.hour + local.minute
        return any(span.holds(day, minute) for span in self.spans)

    def __str__(self) -> str:
        return f"{', '.join(self.written)} ({self.zone})"


def read_span(text: str) -> Span:
    """The span that a text says: days, times, or both. @raises ValueError with the reason."""
    words = text.lower().split()
    if not 1 <= len(words) <= 2:
        raise ValueError("is no time of the week")
    timed = _TIMES.fullmatch(words[-1])
    if timed is None and len(words) == 2:
        raise ValueError(f"{words[1]} is no time of day")
    days = frozenset(range(7)) if timed is not None and len(words) == 1 else frozenset(_days(words[0].split(",")))
    if timed is None:
        return Span(days)
    begin, end = _minute(timed[1], timed[2]), _minute(timed[3], timed[4])
    if begin == _DAY or end == 0:
        raise ValueError("begins or ends with no time of a day: it is 00:00 that a day begins with, 24:00 that it ends")
    return Span(days, begin, end)


def _days(parts: Iterable[str]) -> Iterable[int]:
    for part in parts:
        first, dash, last = part.partition("-")
        last = last if dash else first
        for name in (first, last):
            if name not in DAYS:
                raise ValueError(f"{name} is no day: {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last)
        yield from ((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _minute(hour: str, minute: str) -> int:
    found = 60 * int(hour) + int(minute)
    if int(minute) > 59 or found > _DAY:
        raise ValueError(f"{hour}:{minute} is no time of day")
    return found
