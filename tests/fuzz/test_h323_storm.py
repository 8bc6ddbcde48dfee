"""Mutated messages of H.323 by the hundred thousand: no fault, no loss in the books, nothing left, memory as it was,
and no message that takes long.
"""

from __future__ import annotations

import attrs
import pytest

from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Limits, Probing, Registrations, Timers
from sbc.h323.dialect import H323Dialect
from tests.fuzz.gale import MESSAGES, SEED
from tests.fuzz.h323_storm import H323Storm
from tests.fuzz.test_storm import LIMITS
from tests.h323_calls import TIMES, h323_plan
from tests.rig import SECRET


@pytest.mark.slow
@pytest.mark.parametrize(
    ("registrations", "keepalive"),
    [(TIMES, Keepalive(Probing.ADAPTIVE)), (Registrations(front=False), Keepalive(tell_core=True))],
    ids=["front", "no-front"],
)
def test_a_storm_of_h323(registrations: Registrations, keepalive: Keepalive) -> None:
    storm = make_storm(SEED, registrations, keepalive)
    storm.rounds()
    worst, what = storm.worst
    print(f"the longest {worst * 1000:.1f} ms, for {len(what)} octets")  # noqa: T201
    assert storm.counted["calls"] > MESSAGES // 1000 and storm.counted["connect"] > MESSAGES // 8000


def make_storm(seed: int, registrations: Registrations, keepalive: Keepalive, limits: Limits = LIMITS) -> H323Storm:
    plan = h323_plan(registrations=registrations, keepalive=keepalive, limits=limits, ports=400)
    access = plan.realms["access"]
    shared = attrs.evolve(access, media=attrs.evolve(access.media, multiplexed=2776))
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0), realms={**plan.realms, "access": shared})
    return H323Storm(Border(plan, {"h323": H323Dialect()}, Mint(SECRET)), seed)


def test_a_gust() -> None:
    """A short one, for every run."""
    storm = make_storm(SEED, TIMES, Keepalive(Probing.ADAPTIVE))
    storm.blow(1500)
    assert storm.settle() == []
    assert storm.counted["connect"] and storm.counted["registrationConfirm"]
