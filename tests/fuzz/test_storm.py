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
from typing import Any

import attrs
import pytest

from sbc.config.faults import Findings
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Lasting, Limits, Probing, Registrations, Sessions, Signaling, Timers
from sbc.sip.dialect import SipDialect
from sbc.sip.options import read
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


def options() -> dict[str, Any]:
    """A path that does all that one can be told to."""
    both = [{"direction": each, "messages": "all"} for each in ("to-core", "to-access")]
    rules = [
        *({**each, "header": "X-Way", "action": "add", "value": each["direction"]} for each in both),
        *({**each, "header": "User-Agent", "action": "replace", "match": "*/*", "value": "{2}/{1}"} for each in both),
        *({**each, "header": "Server", "action": "remove"} for each in both),
    ]
    places = ["to", "from", "p-asserted-identity", "diversion"]
    numbers = [
        {"direction": "to-core", "places": ["request-uri", *places], "strip": "00", "add": "+"},
        {"direction": "to-access", "places": places, "strip": "+", "add": "00"},
    ]
    findings = Findings("x")
    made = read({"asserted": "strip", "reliable": "offer", "rules": rules, "numbers": numbers}, "p", findings)
    assert not findings.faults
    return {"sip": made}


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
    ("terminals", "path"),
    [
        ((Registrations(), Keepalive(Probing.ADAPTIVE)), {}),
        ((Registrations(front=False), Keepalive(tell_core=True)), {"signaling": Signaling.PORT_PER_TERMINAL}),
        ((Registrations(), Keepalive()), {"sessions": Sessions(Lasting.REFRESH, period=60.0), "options": options()}),
    ],
    ids=["shared", "port-per-terminal", "everything"],
)
def test_a_storm(terminals: tuple[Registrations, Keepalive], path: dict[str, Any]) -> None:
    plan = make_plan("sip", LIMITS, 400, *terminals, **path)
    plan = attrs.evolve(plan, timers=Timers(call_max=900.0))
    storm = Storm(Border(plan, {"sip": SipDialect()}, Mint(SECRET)), SEED)
    storm.outside.border.registry.mint.seal(b"")  # makes the table of base64, which else comes at some late moment
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
