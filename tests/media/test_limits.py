"""What packets of one side are taken out of: its own rate goes on where another plane has left it."""

from __future__ import annotations

import attrs

from sbc.core.orders import Rate
from sbc.media.bucket import Bucket, waits
from sbc.media.limits import Limits

RATE = Rate(100, 1_000)


@attrs.define
class Lent:
    """A bucket as the kernel's programs draw from it."""

    bucket: Bucket = attrs.field(factory=lambda: Bucket(RATE, 0.0))
    now: float = 0.0
    address: int = 0

    def delay(self, octets: int, now: float) -> float:
        return self.bucket.delay(octets, self.now)

    def take(self, octets: int) -> None:
        self.bucket.has(0, self.now)
        self.bucket.take(octets)

    def held(self) -> float:
        return RATE.burst - self.bucket.missing(self.now)


def passes(limits: Limits, octets: int, now: float = 0.0) -> bool:
    return waits(limits.buckets, octets, now) == 0.0


def test_a_side_without_a_rate_draws_from_nothing_and_borrows_nothing() -> None:
    limits = Limits(None, 0.0)
    limits.lend(Lent(), 0.0)
    assert limits.buckets == ()
    shared = Bucket(RATE, 0.0)
    limits.share(shared)
    assert limits.buckets == (shared,)


def test_what_is_lent_begins_where_the_own_is_and_the_own_goes_on_where_that_was() -> None:
    limits, lent = Limits(RATE, 0.0), Lent()
    assert passes(limits, 400)
    limits.lend(lent, 0.0)
    lent.take(200)  # the kernel's programs
    assert passes(limits, 300)
    assert not passes(limits, 101)
    limits.lend(None, 0.0)
    assert not passes(limits, 101)
    assert passes(limits, 100)
    assert not passes(limits, 101, 1.0)
    assert passes(limits, 100, 1.0)
    limits.lend(None, 1.0)
    assert not passes(limits, 1, 1.0)


def test_another_rate_is_the_own_again_and_gives_nothing() -> None:
    limits, lent = Limits(RATE, 0.0), Lent()
    limits.lend(lent, 0.0)
    lent.take(900)
    limits.change(RATE, 0.0)
    assert lent not in limits.buckets
    assert not passes(limits, 101)
    limits.change(None, 0.0)
    assert limits.buckets == ()
