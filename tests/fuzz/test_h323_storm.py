"""Mutated messages of H.323 by the hundred thousand: no fault, no loss in the books, nothing left, memory as it was,
and no message that takes long.

Seeded, as `test_storm` is: SBC_STORM_SEED chooses the seed, SBC_STORM_MESSAGES how many messages.
"""

from __future__ import annotations

import sys
import time

import attrs
import pytest

from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Limits, Probing, Registrations, Timers
from sbc.h323.dialect import H323Dialect
from tests.fuzz.h323_storm import H323Storm
from tests.fuzz.test_storm import BLOCKS, LIMITS, MESSAGES, ROUNDS, SEED, WARM, forget, resident
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
    began, blocks, memory = time.process_time(), [], []
    for _ in range(ROUNDS):
        storm.blow(MESSAGES // 2 // ROUNDS)
        assert storm.settle() == []
        forget()
        blocks.append(sys.getallocatedblocks())
        memory.append(resident())
    spent = time.process_time() - began
    said, (worst, what) = storm.counted["said"], storm.worst
    print(f"\n{said} messages in {spent:.1f} s of processor time, {said / spent:.0f}/s")  # noqa: T201
    print("blocks", blocks, "MiB", [f"{each:.1f}" for each in memory])  # noqa: T201
    print(f"the longest {worst * 1000:.1f} ms, for {len(what)} octets", dict(storm.counted))  # noqa: T201
    print(storm.outside.events)  # noqa: T201
    assert max(blocks[WARM:]) - blocks[WARM - 1] < BLOCKS, blocks
    # it was a storm, and not so many refusals
    assert storm.counted["calls"] > MESSAGES // 500 and storm.counted["connect"] > MESSAGES // 4000
    assert {"bad-message", "refused", "stray-reply", "bound"} <= set(storm.outside.events)


def make_storm(seed: int, registrations: Registrations, keepalive: Keepalive, limits: Limits = LIMITS) -> H323Storm:
    plan = h323_plan(registrations=registrations, keepalive=keepalive, limits=limits, ports=400)
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0))
    storm = H323Storm(Border(plan, {"h323": H323Dialect()}, Mint(SECRET)), seed)
    storm.outside.border.registry.mint.seal(b"")  # makes the table of base64, which else comes at some late moment
    return storm


def test_a_gust() -> None:
    """A short one, for every run."""
    storm = make_storm(SEED, TIMES, Keepalive(Probing.ADAPTIVE))
    storm.blow(1500)
    assert storm.settle() == []
    assert storm.counted["connect"] and storm.counted["registrationConfirm"]
