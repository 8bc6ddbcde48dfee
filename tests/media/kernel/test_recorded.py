"""What was recorded of slots, in the memory that the next process has, too."""

from __future__ import annotations

from sbc.media.kernel.arrival import Arrival
from sbc.media.kernel.recorded import Recorded
from sbc.media.kernel.tally import Tally
from sbc.media.meter import Tally as Measured
from tests.media.kernel.bench import Bench


def test_who_comes_later_reads_what_was_noted_until_the_slot_is_another_s(bench: Bench) -> None:
    slot = bench.enter()
    plane, came = bench.plane, Arrival(Measured(2**40, 2, 3, 4, 5, 6, jitter_sum=2**41), 2**42, 8)
    assert (plane.recorded.tally(slot), plane.recorded.arrival(slot)) == (Tally(), Arrival())
    plane.recorded.note(slot, Tally(1, 2, 3, 4, 5, 6), came)
    later = Recorded(plane._lib, plane._relay)
    assert (later.tally(slot), later.arrival(slot)) == (Tally(1, 2, 3, 4, 5, 6), came)
    later.forget(slot)
    assert plane.recorded.arrival(slot) == Arrival()
