"""Times of day said cheaply are those that the library would say."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sbc.said import iso


@given(st.integers(0, 4_102_444_800_000_000))
def test_a_time_of_day_is_as_the_library_has_it(micros: int) -> None:
    at = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
    assert iso(at.timestamp()) + "+00:00" == at.isoformat(timespec="milliseconds")


def test_a_millisecond_is_not_lost_to_how_floats_are_kept() -> None:
    assert iso(1_700_000_000.001) == "2023-11-14T22:13:20.001"
    assert iso(1_700_000_000.9999) == "2023-11-14T22:13:20.999"
    assert iso(0.0) == "1970-01-01T00:00:00.000"
