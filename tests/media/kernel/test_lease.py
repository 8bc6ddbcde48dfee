"""The lease that the kernel forwards on: a plain value stands in for its memory."""

from __future__ import annotations

from types import SimpleNamespace

from sbc.core.resume import SHORT
from sbc.media.kernel.lease import LEASE, Lease

SECOND = 1_000_000_000


def test_it_ends_where_nobody_renews_it() -> None:
    at, clock = SimpleNamespace(until=0, passed=0, routes=0), [100 * SECOND]
    lease = Lease(at, lambda: clock[0])
    assert lease.ended()
    assert lease.renew() == 0
    assert lease.since == at.anew == clock[0]
    clock[0] += int(LEASE * SECOND) - 1
    assert not lease.ended()
    lease.renew()
    assert lease.since == at.anew == 100 * SECOND  # it has gone on
    clock[0] += int(LEASE * SECOND)
    assert lease.ended()
    at.passed = 7
    assert (lease.renew(), lease.renew()) == (7, 0)
    assert lease.since == at.anew == clock[0]
    lease.end()
    assert lease.ended()


def test_it_lasts_as_long_as_a_restart_may_take_in_which_nothing_is_learned_anew() -> None:
    assert LEASE == SHORT
