"""What was recorded last of what slots have carried: noted beside them, for a process that comes after this one."""

from __future__ import annotations

from typing import Any

from sbc.media.kernel.arrival import Arrival
from sbc.media.kernel.tally import Tally
from sbc.media.meter import Tally as Measured

_NOTHING = (0,) * 9


class Recorded:
    """In the slots and in the map `arrivals` of a relay, by the loader's `lib`; as long as the relay is loaded."""

    def __init__(self, lib: Any, relay: Any) -> None:
        self._slots, self._arrivals = lib.relay_slots(relay), lib.relay_arrivals(relay)

    def note(self, slot: int, tally: Tally, arrival: Arrival) -> None:
        """So much of it is in the record now: who comes later begins there."""
        self._slots[slot].told = tuple(tally)
        came = arrival.tally
        counts = came.samples, came.lost, came.gaps, came.duplicates, came.late
        self._arrivals[slot] = (came.received, came.jitter_sum, arrival.rtt_sum, *counts, arrival.rtt_count)

    def forget(self, slot: int) -> None:
        """The slot is another flow's, and is written anew."""
        self._arrivals[slot] = _NOTHING

    def tally(self, slot: int) -> Tally:
        """What it had counted by then."""
        return Tally(*self._slots[slot].told)

    def arrival(self, slot: int) -> Arrival:
        """How well that had come: the sums."""
        at = self._arrivals[slot]
        came = Measured(
            received=at.received,
            lost=at.lost,
            gaps=at.gaps,
            duplicates=at.duplicates,
            late=at.late,
            samples=at.samples,
            jitter_sum=at.jitter_sum,
        )
        return Arrival(came, at.rtt_sum, at.rtt_count)
