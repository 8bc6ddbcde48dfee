"""Buckets in the kernel's maps, as an engine in user space draws from them: one rate for both planes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import attrs


@attrs.frozen
class PlaneBucket:
    """A ``struct bucket`` of a relay, by the loader's `module`; as long as the relay is loaded."""

    module: Any
    bucket: Any

    @property
    def address(self) -> int:
        """Where it is in memory."""
        return int(self.module.ffi.cast("uintptr_t", self.bucket))

    def delay(self, octets: int, now: float) -> float:
        """See sbc.media.bucket.Drawn; on the kernel's clock and not by `now`. What the kernel draws from lets nothing
        wait."""
        return 0.0 if self.module.lib.relay_has(self.bucket, octets) else inf

    def take(self, octets: int) -> None:
        """Take out what it has."""
        self.module.lib.relay_take(self.bucket, octets)

    def held(self) -> float:
        """Octets that it holds."""
        empty = max(0, self.bucket.full_at - self.module.lib.relay_now())
        return float(max(0, self.bucket.depth - empty) * 65_536 / self.bucket.step) if self.bucket.step else inf


Lend = Callable[[PlaneBucket], None]
"""Has somebody else draw from a bucket, too, which is full."""


def nobody(bucket: PlaneBucket) -> None:
    """Have nobody else do so."""
