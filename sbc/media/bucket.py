"""A token bucket: how much of what arrives is within its rate. No clock of its own."""

from __future__ import annotations

from typing import Protocol

from sbc.core.orders import Rate


class Drawn(Protocol):
    """What packets are taken out of."""

    def has(self, octets: int, now: float, /) -> bool:
        """Whether it holds so much; `now` in seconds."""

    def take(self, octets: int, /) -> None:
        """Take out what it has."""


class SharedBucket(Drawn, Protocol):
    """A bucket in memory, from which others draw, too, at any time: a ``struct bucket`` (native/bucket.h) at `address`,
    on the clock of the kernel."""

    @property
    def address(self) -> int: ...


class Bucket:
    """Holds octets, fills by its rate up to `burst`, and is full at first."""

    __slots__ = ("_at", "_held", "rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self.rate = rate
        self._held = float(rate.burst)
        self._at = now

    def change(self, rate: Rate, now: float) -> None:
        """Fill by another rate from now on. What it holds stays, as far as there is room: a change gives nothing."""
        self.has(0, now)
        self.rate = rate
        self._held = min(self._held, float(rate.burst))

    def has(self, octets: int, now: float) -> bool:
        """Fill it, and say whether it holds so much. `now`, in seconds, never goes back."""
        rate = self.rate
        self._held = min(float(rate.burst), self._held + (now - self._at) * rate.octets)
        self._at = now
        return self._held >= octets

    def take(self, octets: int) -> None:
        """Take out what it has."""
        self._held -= octets


def within(buckets: tuple[Drawn, ...], octets: int, now: float) -> bool:
    """Whether a packet is within all of the rates; then it is taken out of each, else of none."""
    for bucket in buckets:
        if not bucket.has(octets, now):
            return False
    for bucket in buckets:
        bucket.take(octets)
    return True
