"""What packets of one side are taken out of: its own rate, in whichever plane that is kept, and its realm's."""

from __future__ import annotations

from sbc.core.orders import Rate
from sbc.media.bucket import Bucket, Drawn, LentBucket


class Limits:
    """The side's own bucket, or the one that is lent in its place, and the one that the streams of its realm share."""

    __slots__ = ("_lent", "_own", "_shared")

    def __init__(self, rate: Rate | None, now: float) -> None:
        self._own = None if rate is None else Bucket(rate, now)
        self._lent: LentBucket | None = None
        self._shared: Drawn | None = None

    @property
    def buckets(self) -> tuple[Drawn, ...]:
        """Those that a packet is to be within."""
        return tuple(each for each in (self._lent or self._own, self._shared) if each is not None)

    def change(self, rate: Rate | None, now: float) -> None:
        """Let the side's own fill by `rate`, in user space; the same one again gives nothing."""
        self.lend(None, now)
        if rate is None:
            self._own = None
        elif self._own is None:
            self._own = Bucket(rate, now)
        else:
            self._own.change(rate, now)

    def share(self, bucket: Drawn | None) -> None:
        """Take packets out of `bucket`, too, which others share; None: out of the side's own alone."""
        self._shared = bucket

    def lend(self, bucket: LentBucket | None, now: float) -> None:
        """See IUserSpaceEngine."""
        own = self._own
        if own is None:
            return
        if self._lent is not None:
            own.put(self._lent.held(), now)
        self._lent = bucket
        if bucket is not None:
            bucket.take(own.missing(now))
