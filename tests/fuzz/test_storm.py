"""Mutated messages by the hundred thousand: no fault, no loss in the books, and memory that stays as it was.

Seeded, so that a failure is found again: SBC_STORM_SEED chooses the seed, SBC_STORM_MESSAGES how many messages.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import sys
import time
from pathlib import Path

import attrs
import pytest

from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Limits, Probing, Registrations, Signaling, Timers
from sbc.sip.dialect import SipDialect
from tests.fuzz.storm import Storm
from tests.rig import SECRET, make_plan

SEED = int(os.environ.get("SBC_STORM_SEED", "20261126"))
MESSAGES = int(os.environ.get("SBC_STORM_MESSAGES", "20000"))
ROUNDS = 10
WARM = 2
"""Rounds until what is kept for ever is there: what is made at the first use, and the tables' own room."""
BLOCKS = 500
"""Allocated blocks by which later rounds may differ; a leak of one small thing in ten messages is more."""
LIMITS = Limits(calls=200, bindings=100, exchanges=600, exchanges_per_source=200)


def resident() -> float:
    """Memory of this process in MiB that is really there."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def forget() -> None:
    """Empty the caches of what was last read, which are bounded but take long to fill."""
    re.purge()
    for name, module in list(sys.modules.items()):
        if name.startswith("sbc."):
            for each in vars(module).values():
                if hasattr(each, "cache_clear"):
                    each.cache_clear()
    gc.collect()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signaling", "terminals"),
    [
        (Signaling.SHARED, (Registrations(), Keepalive(Probing.ADAPTIVE))),
        (Signaling.PORT_PER_TERMINAL, (Registrations(front=False), Keepalive(tell_core=True))),
    ],
    ids=["shared", "port-per-terminal"],
)
def test_a_storm(signaling: Signaling, terminals: tuple[Registrations, Keepalive]) -> None:
    plan = make_plan("sip", LIMITS, 400, *terminals, signaling=signaling)
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0))
    storm = Storm(Border(plan, {"sip": SipDialect()}, Mint(SECRET)), SEED)
    began, blocks, memory = time.process_time(), [], []
    for _ in range(ROUNDS):
        storm.blow(MESSAGES // 2 // ROUNDS)
        assert storm.settle() == []
        forget()
        blocks.append(sys.getallocatedblocks())
        memory.append(resident())
    spent = time.process_time() - began
    said = storm.counted["said"]
    print(f"\n{said} messages in {spent:.1f} s of processor time, {said / spent:.0f}/s")  # noqa: T201
    print("blocks", blocks, "MiB", [f"{each:.1f}" for each in memory])  # noqa: T201
    print(dict(storm.counted), storm.outside.events)  # noqa: T201
    assert max(blocks[WARM:]) - blocks[WARM - 1] < BLOCKS, blocks
    # it was a storm, and not so many refusals
    assert storm.counted["calls"] > MESSAGES // 200
    assert {"bad-message", "refused", "stray-reply", "bound"} <= set(storm.outside.events)
