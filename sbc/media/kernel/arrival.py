"""How well what came from a side has come by the kernel, as a value: what sbc.media.quality judges by."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.media.meter import Tally


@attrs.define
class Arrival:
    """Of one slot or of several, one after the other."""

    tally: Tally = attrs.field(factory=Tally)
    rtt_sum: int = 0
    rtt_count: int = 0
    rtt_max: int = 0
    told: int = 0
    told_lost: int = 0

    @classmethod
    def of(cls, rtp: Any, reports: Any) -> Arrival:
        """What a slot has measured: ``struct meter`` and ``struct meter_reports``."""
        trips = reports.rtt_sum, reports.rtt_count, reports.rtt_max
        return cls(Tally.of(rtp), *trips, reports.told, reports.told_lost)

    def plus(self, later: Arrival) -> Arrival:
        """With what has come after it."""
        return Arrival(
            self.tally + later.tally,
            self.rtt_sum + later.rtt_sum,
            self.rtt_count + later.rtt_count,
            max(self.rtt_max, later.rtt_max),
            later.told or self.told,
            later.told_lost if later.told else self.told_lost,
        )

    def less(self, before: Arrival) -> Arrival:
        """Without what had come before. What is no sum (the highest, the latest, what the peer misses in all) stays."""
        if before is UNHEARD:
            return self
        now, then = self.tally, before.tally
        tally = attrs.evolve(
            now,
            received=now.received - then.received,
            lost=max(0, now.lost - then.lost),  # some that were missing then may have come
            gaps=now.gaps - then.gaps,
            duplicates=now.duplicates - then.duplicates,
            late=now.late - then.late,
            samples=now.samples - then.samples,
            jitter_sum=now.jitter_sum - then.jitter_sum,
        )
        return attrs.evolve(
            self, tally=tally, rtt_sum=self.rtt_sum - before.rtt_sum, rtt_count=self.rtt_count - before.rtt_count
        )


UNHEARD = Arrival()
