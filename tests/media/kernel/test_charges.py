"""What was paid for of the kernel's flows outlives the process that has noted it."""

from __future__ import annotations

import pytest

from sbc.core.address import Pair
from sbc.media.counters import Volume
from sbc.media.kernel.charges import Charges
from sbc.media.kernel.promoted import Promoted
from tests.media.kernel.bench import AT_PHONE, FLOW, LONGEST, PHONE, TC_REDIRECT, Bench
from tests.media.kernel.frames import Frame
from tests.media.packets import rtp
from tests.media.specs import stream_spec

RTP = Frame(PHONE, AT_PHONE, rtp())
SIZE = len(rtp())


def stream() -> Promoted:
    ours, theirs = Pair(FLOW.local, None), Pair(FLOW.out, None)
    return Promoted(stream_spec("c/1", (ours, theirs), (Pair(FLOW.source, None), Pair(FLOW.to, None))))


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes on", "ended"])
def test_the_next_process_is_owed_what_came_since(bench: Bench, goes_on: bool) -> None:
    plane = bench.plane
    mine = stream()
    mine.enter(plane, FLOW, LONGEST, False)
    plane.lease.renew()
    charges = Charges(plane, {"c/1": mine})
    assert [bench.tc(RTP)[0] for _ in range(3)] == [TC_REDIRECT] * 3
    assert charges.owed("c/1") == Volume()  # nobody pays
    charges.note("c/1")
    assert charges.owed("c/1") == Volume()
    for _ in range(2):
        bench.tc(RTP)
    later = stream()
    later.entered = mine.entered  # as another process finds it
    if not goes_on:
        later.take_out(plane, later.entered[0])
    assert Charges(plane, {"c/1": later}).owed("c/1") == Volume(2, 2 * SIZE)
    assert Charges(plane, {"c/1": later}).owed("c/2") == Volume()
    for each in later.entered:
        plane.shut(each.slot)
