"""What the storms of all protocols have in common: what is said one after the other, and the rounds after which nothing
may be left, nor memory have grown.

Seeded, so that a failure is found again: SBC_STORM_SEED chooses the seed, SBC_STORM_MESSAGES how many messages.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from pathlib import Path
from random import Random

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.orders import Listener, Send
from sbc.core.registry import Arrival
from tests.outside import Outside

SEED = int(os.environ.get("SBC_STORM_SEED", "20261126"))
MESSAGES = int(os.environ.get("SBC_STORM_MESSAGES", "20000"))
ROUNDS = 10
WARM = 2
"""Rounds until what is kept for ever is there: what is made at the first use, and the tables' own room."""
BLOCKS = 500
"""Allocated blocks by which later rounds may differ; a leak of one small thing in ten messages is more."""

Saying = tuple[Listener, Address, bytes]


class Gale(ABC):
    """Says one message after the other. `counted` tells what was said and what came of it."""

    def __init__(self, border: Border, seed: int, audit_every: int = 100) -> None:
        self.random = Random(seed)
        self.outside = Outside(border, self._hear, 1000.0)
        self.counted: Counter[str] = Counter()
        self._audit_every = audit_every
        self._recent: deque[Saying] = deque(maxlen=200)
        border.registry.mint.seal(b"")  # makes the table of base64, which else comes at some late moment

    def blow(self, messages: int) -> None:
        """So many messages; the books are looked over every now and then."""
        for _ in range(messages):
            self.outside.advance(self.outside.now + self._pause())
            listener, source, data = self._next()
            self.counted["said"] += 1
            try:
                self._arrive(listener, source, data)
                if self.counted["said"] % self._audit_every == 0:
                    assert (faults := self.outside.faults()) == [], faults[:5]
            except Exception as fault:
                fault.add_note(f"message {self.counted['said']} from {source} at {listener}: {data!r}")
                raise
            self._recent.append((listener, source, data))

    def settle(self) -> list[str]:
        """Let so much time pass that all must be over, what was granted for years cut; what is left all the same."""
        registry = self.outside.border.registry
        for binding in registry.bindings.values():
            if binding.grant_ends > self.outside.now + 50_000:
                binding.grant_ends = self.outside.now + 50_000
                registry.timers.set(binding, binding.grant_ends)
        self.outside.advance(self.outside.now + 100_000.0)
        self.counted["calls"] += len(self.outside.told)
        self.outside.told.clear()
        self._recent.clear()
        return self.outside.leftovers() + self.outside.faults()

    def rounds(self) -> None:
        """Half of MESSAGES in so many rounds; after each nothing is left, and memory stays as it was when warm."""
        began, blocks, memory = time.process_time(), [], []
        for _ in range(ROUNDS):
            self.blow(MESSAGES // 2 // ROUNDS)
            assert self.settle() == []
            _forget()
            blocks.append(sys.getallocatedblocks())
            memory.append(_resident())
        spent = time.process_time() - began
        said = self.counted["said"]
        print(f"\n{said} messages in {spent:.1f} s of processor time, {said / spent:.0f}/s")  # noqa: T201
        print("blocks", blocks, "MiB", [f"{each:.1f}" for each in memory])  # noqa: T201
        print(dict(self.counted), self.outside.events)  # noqa: T201
        assert min(blocks[-3:]) - blocks[WARM - 1] < BLOCKS, blocks  # what leaks stays; a cache may be full for a round
        # it was a storm, and not so many refusals
        assert {"bad-message", "refused", "stray-reply", "bound"} <= set(self.outside.events)

    def _arrive(self, listener: Listener, source: Address, data: bytes) -> None:
        for part in self.outside.border.parts(Arrival(listener, source, data, self.outside.now)):
            self.outside.receive(part.listener, part.source, part.data)

    def _open(self, listener: Listener) -> Listener:
        """That listener, or the realm's first where it was a terminal's own and is no more."""
        if listener in self.outside.listeners:
            return listener
        return self.outside.border.plan.realms[listener.realm].listeners[0]

    def _pause(self) -> float:
        random = self.random
        return random.choice((5.0, 20.0, 60.0)) if random.random() < 0.002 else random.expovariate(50.0)

    @abstractmethod
    def _hear(self, send: Send) -> None:
        """What the border says."""

    @abstractmethod
    def _next(self) -> Saying:
        """What is said next: where, by whom."""


def _resident() -> float:
    """Memory of this process in MiB that is really there."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _forget() -> None:
    """Empty the caches of what was last read, which are bounded but take long to fill."""
    re.purge()
    for name, module in list(sys.modules.items()):
        if name.startswith("sbc."):
            for each in vars(module).values():
                if hasattr(each, "cache_clear"):
                    each.cache_clear()
    gc.collect()
