"""What the `native` engine is told where somebody below it forwards: see IUserSpaceEngine."""

from __future__ import annotations

from typing import Any

from sbc.media.bucket import LentBucket, SharedBucket
from sbc.media.native.rates import Rates

_NANO = 1_000_000_000


class Elsewhere:
    """What NativeEngine does of it."""

    _lib: Any
    _relays: dict[str, Any]
    _rates: Rates

    def share_realm(self, realm: str, bucket: SharedBucket | None) -> None:
        """See IUserSpaceEngine."""
        self._rates.share(realm, bucket)

    def lend(self, stream: str, side: int, bucket: LentBucket | None) -> None:
        """See IUserSpaceEngine. @raises KeyError."""
        self._rates.lend(self._relays[stream].stream, side, bucket)

    def carried(
        self,
        stream: str,
        side: int,
        rtcp: bool,
        ssrc: int,
        sequence: int | None,
        timestamp: int | None,
        ago: float = 0.0,
    ) -> None:
        """See IUserSpaceEngine. @raises KeyError."""
        relay = self._relays[stream].stream
        last = -1 if sequence is None else sequence
        self._lib.engine_carried(relay, side, rtcp, ssrc, last, timestamp or 0, int(ago * _NANO))

    def away(self, stream: str, side: int, away: bool) -> None:
        """See IUserSpaceEngine. @raises KeyError."""
        self._lib.engine_away(self._relays[stream].stream, side, away)
