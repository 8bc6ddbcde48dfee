"""A token bucket: so much a second, and so much at once."""

from __future__ import annotations


class Bucket:
    """Holds up to `burst` tokens, gets `rate` of them a second, and begins full. `now` is in seconds; where the
    clock is set back it goes on from there."""

    __slots__ = ("_at", "_level", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at = 0.0

    def holds(self, now: float, tokens: float = 1.0) -> bool:
        """Whether there are so many tokens in it."""
        self._fill(now)
        return self._level >= tokens

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take so many tokens, if they are there."""
        self._fill(now)
        if self._level < tokens:
            return False
        self._level -= tokens
        return True

    def wait(self, now: float, tokens: float = 1.0) -> float:
        """Seconds until so many tokens are there."""
        self._fill(now)
        return max(0.0, (tokens - self._level) / self.rate)

    @property
    def full(self) -> bool:
        """Whether nothing was missing from it when it was last looked at."""
        return self._level >= self.burst

    def change(self, rate: float, burst: float) -> None:
        """Fill by another rate from now on. What it holds stays, as far as there is room: a change gives nothing."""
        self._level = min(self._level, burst)
        self.rate, self.burst = rate, burst

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
