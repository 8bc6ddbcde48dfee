"""Where terminals were told to call, by an address that they read as ours: kept for a minute, in which they do."""

from __future__ import annotations

from sbc.core.address import Address

LASTS = 60.0
"""Seconds from when a terminal was told to when it calls."""
MOST = 4_096


class Diverted:
    """By a terminal's binding: the latest address, and until when it is meant. Bounded: of too many the oldest is
    forgotten."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[Address, float]] = {}

    def __len__(self) -> int:
        return len(self._told)

    def keep(self, binding: str, to: Address, now: float) -> None:
        """It was told to call there."""
        self._told.pop(binding, None)
        self._told[binding] = to, now + LASTS
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]

    def find(self, binding: str, now: float) -> Address | None:
        """Where it was told to call, if that was not long ago."""
        to, until = self._told.get(binding, (None, 0.0))
        if to is not None and until <= now:
            del self._told[binding]
        return to if until > now else None
