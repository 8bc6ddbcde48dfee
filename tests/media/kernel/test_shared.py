"""One bucket for both planes: what user space takes out of it the kernel's programs miss, and the other way round."""

from __future__ import annotations

from math import inf

import attrs
import pytest

from sbc.core.orders import Rate
from sbc.media.bucket import waits
from sbc.media.limits import Limits
from tests.media.kernel.bench import AT_PHONE, FLOW, PHONE, TC_REDIRECT, TC_SHOT, Bench
from tests.media.kernel.frames import Frame
from tests.media.packets import rtp

RTP = Frame(PHONE, AT_PHONE, rtp())


def test_both_planes_draw_from_one(bench: Bench) -> None:
    bucket = bench.plane.limit_realm("both", Rate(octets=1, burst=4 * 172))
    assert bucket is not None
    bench.enter(attrs.evolve(FLOW, realm="both"), realm=bench.plane.realm("both"))
    assert bucket.held() == pytest.approx(4 * 172, abs=1.0)
    bucket.take(172)
    assert bucket.held() == pytest.approx(3 * 172, abs=1.0)
    assert [bench.tc(RTP)[0] for _ in range(3)] == [TC_REDIRECT] * 3
    assert bucket.delay(172, 0.0) == inf
    assert bench.tc(RTP)[0] == TC_SHOT
    assert bucket.held() < 1.0
    assert bucket.address % 8 == 0
    assert bench.plane.limit_realm("both", None) is None
    assert bench.tc(RTP)[0] == TC_REDIRECT


def test_who_owes_more_than_a_burst_begins_with_nothing(bench: Bench) -> None:
    """What has waited was booked ahead; then another offer lets nothing wait any more."""
    limits = Limits(Rate(octets=1, burst=172, wait=1000.0), 0.0)
    assert [waits(limits.buckets, 172, 0.0) for _ in range(3)] == [0.0, 172.0, 344.0]
    limits.change(Rate(octets=1, burst=172), 0.0)
    bucket = bench.plane.limit_realm("owes", Rate(octets=1, burst=172))
    assert bucket is not None
    limits.lend(bucket, 0.0)
    assert bucket.held() < 1.0
