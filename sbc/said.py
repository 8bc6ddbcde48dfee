"""What is said often, said cheaply: lines of the log that are put together by who says them, and times of day."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

SAID = "{said}"
"""The format of an event whose message is its field `said`, as it is. Twisted takes longer to put a message together
than all else that a line costs, so whoever says the same of each call does it himself."""


def iso(wall: float) -> str:
    """A time of day (seconds since 1970, UTC) as ISO 8601 has it, to the millisecond and without the zone."""
    millis = int(wall * 1_000_000 + 0.5) // 1000
    return f"{_second(millis // 1000)}.{millis % 1000:03d}"


@lru_cache(maxsize=8)  # nearly all that is said is of the same second
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
