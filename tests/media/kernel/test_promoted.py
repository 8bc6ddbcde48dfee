"""The counters of both planes, put together."""

from __future__ import annotations

from sbc.media.counters import Drops, SideCounters, StreamCounters, Volume
from sbc.media.kernel.plane import Tally
from sbc.media.kernel.promoted import NOTHING, merged
from tests.contract.engines import balanced

INNER = StreamCounters(
    (
        SideCounters(Volume(3, 300), Volume(1, 8), Volume(2, 200), Volume(), Drops(wrong_source=1, too_short=4)),
        SideCounters(Volume(2, 200), Volume(), Volume(3, 300), Volume(1, 8), Drops()),
    )
)


def test_what_came_from_one_side_went_to_the_other() -> None:
    both = merged(INNER, [Tally(10, 1000, 2, 16, 5, 6), Tally(20, 2000)])
    assert balanced(both)
    a, b = both.sides
    assert (a.received_rtp, a.received_rtcp, a.sent_rtp) == (Volume(13, 1300), Volume(3, 24), Volume(22, 2200))
    assert (b.received_rtp, b.sent_rtp, b.sent_rtcp) == (Volume(22, 2200), Volume(13, 1300), Volume(3, 24))
    assert a.drops == Drops(wrong_source=7, too_short=4, policed=5)
    assert b.drops == Drops()


def test_nothing_changes_nothing() -> None:
    assert merged(INNER, [NOTHING, NOTHING]) == INNER
