"""A realm's bucket in the kernel's maps, as an engine in user space draws from it: one rate for both planes."""

from __future__ import annotations

from math import inf
from typing import Any

import attrs


@attrs.frozen
class RealmBucket:
    """Number `index` of a relay's buckets, by the loader's `module`; as long as the relay is loaded."""

    module: Any
    relay: Any
    index: int

    @property
    def address(self) -> int:
        """Where its ``struct bucket`` is in memory."""
        return int(self.module.ffi.cast("uintptr_t", self._bucket))

    @property
    def _bucket(self) -> Any:
        return self.module.lib.relay_buckets(self.relay) + self.index

    def delay(self, octets: int, now: float) -> float:
        """See sbc.media.bucket.Drawn; on the kernel's clock and not by `now`. What the kernel draws from lets nothing
        wait."""
        return 0.0 if self.module.lib.relay_has(self._bucket, octets) else inf

    def take(self, octets: int) -> None:
        """Take out what it has."""
        self.module.lib.relay_take(self._bucket, octets)
