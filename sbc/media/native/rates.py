"""Rates in the `native` engine: those of realms, and who else draws from what a side may send."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.orders import Rate
from sbc.media.bucket import LentBucket, SharedBucket

_NANO = 1_000_000_000


class Rates:
    """What its threads police by, beside what the specs of sides say; `module` is the extension module `_native`."""

    def __init__(self, module: Any) -> None:
        self._ffi, self._lib = module.ffi, module.lib
        self._realms: dict[str, Any] = {}

    def realm(self, name: str) -> Any:
        """The ``struct realm`` of that name, which outlives all streams."""
        if name not in self._realms:
            self._realms[name] = self._ffi.new("struct realm *")
        return self._realms[name]

    def limit(self, realm: str, rate: Rate | None) -> None:
        """See IMediaEngine.limit_realm."""
        octets, burst, wait = (0, 0, 0.0) if rate is None else attrs.astuple(rate)
        self._lib.realm_limit(self.realm(realm), rate is not None, octets, burst, int(wait * _NANO))

    def share(self, realm: str, bucket: SharedBucket | None) -> None:
        """See IUserSpaceEngine.share_realm."""
        self._lib.realm_share(self.realm(realm), 0 if bucket is None else bucket.address)

    def lend(self, stream: Any, side: int, bucket: LentBucket | None) -> None:
        """See IUserSpaceEngine.lend; `stream` is the one in C."""
        self._lib.engine_lend(stream, side, 0 if bucket is None else bucket.address)
