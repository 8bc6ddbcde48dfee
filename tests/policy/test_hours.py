"""Times of the week, over midnight and over the change of the clocks."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.policy.hours import DAYS, Hours, read_span


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("mon-fri 08:00-18:00", ["2026-11-23T08:00", "2026-11-27T17:59"], ["2026-11-23T07:59", "2026-11-28T12:00"]),
        ("sat,sun", ["2026-11-28T00:00", "2026-11-29T23:59"], ["2026-11-27T23:59", "2026-11-30T00:00"]),
        ("22:00-06:00", ["2026-11-25T22:00", "2026-11-26T05:59"], ["2026-11-26T06:00", "2026-11-26T21:59"]),
        ("fri 22:00-06:00", ["2026-11-27T23:00", "2026-11-28T05:00"], ["2026-11-27T05:00", "2026-11-28T23:00"]),
        ("sat-mon", ["2026-11-28T12:00", "2026-11-30T12:00"], ["2026-12-01T00:00", "2026-11-27T12:00"]),
        ("00:00-24:00", ["2026-11-28T00:00", "2026-11-30T23:59"], []),
    ],
)
def test_spans(written: str, inside: list[str], outside: list[str]) -> None:
    hours = Hours((written,))
    assert all(hours.hold(at(each)) for each in inside)
    assert not any(hours.hold(at(each)) for each in outside)


def test_they_are_those_of_the_clock_on_the_wall() -> None:
    hours = Hours(("08:00-18:00",), "Europe/Berlin")
    for day in ("2026-03-28", "2026-03-30", "2026-10-24", "2026-10-26"):  # around both changes
        assert hours.hold(at(f"{day}T08:00", "Europe/Berlin")) and not hours.hold(at(f"{day}T07:59", "Europe/Berlin"))
    assert str(hours) == "08:00-18:00 (Europe/Berlin)"


@pytest.mark.parametrize(
    "text",
    [
        *("", "mon tue", "monday", "mon 8-18", "25:00-26:00", "08:60-09:00", "mon-", "08:00-18:00 mon", "24:00-06:00"),
        *("mon 08:00-18:00 x", "22:00-00:00", "mon,,tue", "٠٨:00-18:00"),
    ],
)
def test_what_is_no_time_of_the_week(text: str) -> None:
    with pytest.raises(ValueError):
        read_span(text)


@given(st.text("monfritueswdha,- :0123456789", max_size=24))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        span = read_span(text)
    except ValueError:
        return
    assert span.days and 0 <= span.begin < 1440 and 0 < span.end <= 1440


@given(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 10_079))
def test_a_span_is_as_long_as_it_says(day: int, begin: int, end: int, minute: int) -> None:
    span = read_span(f"{DAYS[day]} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}")
    length = end - begin if begin < end else end - begin + 1440
    assert span.holds(minute // 1440, minute % 1440) == ((minute - day * 1440 - begin) % 10_080 < length)
