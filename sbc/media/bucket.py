"""A token bucket: how much of what arrives is within its rate. No clock of its own."""

from __future__ import annotations

from math import ceil, inf
from typing import Protocol

from sbc.core.orders import Rate


class Drawn(Protocol):
    """What packets are taken out of."""

    def delay(self, octets: int, now: float, /) -> float:
        """Seconds until it holds so much, `now` in seconds; `inf` where that is longer than anything may wait."""

    def take(self, octets: int, /) -> None:
        """Take out what it has."""


class SharedBucket(Drawn, Protocol):
    """A bucket in memory, from which others draw, too, at any time: a ``struct bucket`` (native/bucket.h) at `address`,
    on the clock of the kernel."""

    @property
    def address(self) -> int: ...


class LentBucket(SharedBucket, Protocol):
    """One that takes the place of a side's own as long as the kernel forwards what comes from there, too: its programs
    draw from it as well."""

    def held(self) -> float:
        """Octets that it holds."""


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

    def delay(self, octets: int, now: float) -> float:
        """See Drawn."""
        if self.has(octets, now):
            return 0.0
        seconds = (octets - self._held) / self.rate.octets
        return seconds if seconds <= self.rate.wait and octets <= self.rate.burst else inf

    def missing(self, now: float) -> int:
        """Octets that it lacks of its burst: all of that, where more was booked ahead."""
        self.has(0, now)
        return min(self.rate.burst, max(0, ceil(self.rate.burst - self._held)))

    def put(self, octets: float, now: float) -> None:
        """Hold so much from now on, as far as there is room."""
        self._held, self._at = min(octets, float(self.rate.burst)), now

    def take(self, octets: int) -> None:
        """Take out what it has, or will have when it is due."""
        self._held -= octets


def waits(buckets: tuple[Drawn, ...], octets: int, now: float) -> float | None:
    """Seconds until a packet is within all of the rates, 0 if it is; then it is taken out of each. Out of none, and
    None, where it is over one that lets nothing wait so long."""
    longest = 0.0
    for bucket in buckets:
        longest = max(longest, bucket.delay(octets, now))
    if longest == inf:
        return None
    for bucket in buckets:
        bucket.take(octets)
    return longest
