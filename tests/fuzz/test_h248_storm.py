"""Mutated messages of H.248, text and binary, by the ten thousand: no fault, no loss in the books, nothing left, and
memory as it was."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Probing, Registrations, Signaling, Timers
from tests.fuzz.gale import MESSAGES, SEED
from tests.fuzz.h248_storm import H248Storm
from tests.fuzz.test_storm import LIMITS
from tests.h248_calls import DIALECT
from tests.rig import SECRET, make_plan

CORE = Registrations(core=600)


def make_storm(seed: int, keepalive: Keepalive) -> H248Storm:
    plan = make_plan(
        "h248", signaling=Signaling.PORT_PER_TERMINAL, registrations=CORE, keepalive=keepalive, limits=LIMITS, ports=400
    )
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0))
    return H248Storm(Border(plan, {"h248": DIALECT}, Mint(SECRET)), seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "keepalive", [Keepalive(), Keepalive(Probing.ADAPTIVE, tell_core=True)], ids=["fixed", "adaptive"]
)
def test_a_storm_of_h248(keepalive: Keepalive) -> None:
    storm = make_storm(SEED, keepalive)
    storm.rounds()
    assert storm.counted["calls"] > MESSAGES // 1000


def test_a_gust() -> None:
    """A short one, for every run."""
    storm = make_storm(SEED, Keepalive())
    storm.blow(1500)
    assert storm.settle() == []
    assert storm.counted["calls"] and storm.counted["Subtract"] and storm.counted["reply"]
