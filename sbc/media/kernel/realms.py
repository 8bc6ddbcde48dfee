"""The rates of realms, where two planes forward: out of which bucket each draws."""

from __future__ import annotations

from typing import Any

from sbc.core.orders import Rate
from sbc.media.kernel.plane import Plane


class Realms:
    """Both planes draw from one bucket. Where what is more waits there is one in user space alone: the kernel's
    programs can hold nothing back. `shaped` are the realms where that is so."""

    def __init__(self, plane: Plane, inner: Any) -> None:
        """`inner` is an IUserSpaceEngine."""
        self._plane, self._inner = plane, inner
        self.shaped: frozenset[str] = frozenset()

    def limit(self, realm: str, rate: Rate | None) -> tuple[bool, bool]:
        """Have another rate in a realm: whether streams there are to be settled anew, and whether there is a bucket now
        that their flows are not taken out of. One has none before its first rate, so that without one nothing is
        spent."""
        before, shapes = self._plane.realm(realm), rate is not None and rate.wait > 0
        turned = shapes != (realm in self.shaped)
        self.shaped = self.shaped | {realm} if shapes else self.shaped - {realm}
        bucket = self._plane.limit_realm(realm, None if shapes else rate)
        if shapes:
            self._inner.limit_realm(realm, rate)
        else:
            self._inner.share_realm(realm, bucket)
        return turned, self._plane.realm(realm) != before
