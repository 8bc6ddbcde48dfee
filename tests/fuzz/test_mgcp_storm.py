"""Mutated messages of MGCP by the ten thousand: no fault, no loss in the books, nothing left, and memory as it was."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Probing, Registrations, Timers
from sbc.mgcp.dialect import MgcpDialect
from tests.fuzz.gale import MESSAGES, SEED
from tests.fuzz.mgcp_storm import MgcpStorm
from tests.fuzz.test_storm import LIMITS
from tests.mgcp_calls import mgcp_plan
from tests.rig import SECRET

CORE = Registrations(core=600)


def make_storm(seed: int, keepalive: Keepalive) -> MgcpStorm:
    plan = mgcp_plan(registrations=CORE, keepalive=keepalive, limits=LIMITS, ports=400)
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0))
    return MgcpStorm(Border(plan, {"mgcp": MgcpDialect()}, Mint(SECRET)), seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "keepalive", [Keepalive(), Keepalive(Probing.ADAPTIVE, tell_core=True)], ids=["fixed", "adaptive"]
)
def test_a_storm_of_mgcp(keepalive: Keepalive) -> None:
    storm = make_storm(SEED, keepalive)
    storm.rounds()
    assert storm.counted["calls"] > MESSAGES // 1000


def test_a_gust() -> None:
    """A short one, for every run."""
    storm = make_storm(SEED, Keepalive())
    storm.blow(1500)
    assert storm.settle() == []
    assert storm.counted["calls"] and storm.counted["DLCX"]
