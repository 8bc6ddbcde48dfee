"""How often Python's garbage collector looks at a running SBC: seldom, since messages and calls leave it nothing."""

from __future__ import annotations

import gc
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

THRESHOLDS = (50_000, 20, 20)
"""Objects more than before at which the youngest are looked at, and how often that for each look at older ones.

Python's own 700 are as many as a dozen calls have: all that lives would be looked at again and again, for a sixth of
the processor and to find nothing (tests/laws.py). What is left to be found are connections and failures.
"""
DAY = 86_400.0
"""Seconds between two looks at everything, which stop all else for some 0.4 s where there are 10,000 calls."""


class GarbageService(Service):
    """From its start what is loaded is passed over, and the thresholds are ours; its end gives them back.

    What a look at the youngest leaves is passed over from then on, too, but for one look a `DAY`: else what lives would
    be looked at again when there is a million of it, for half a second in which nobody is answered.
    """

    def __init__(self, reactor: Any) -> None:
        """`reactor` provides IReactorTime."""
        self._days = LoopingCall(self._look_at_all)
        self._days.clock = reactor

    def startService(self) -> None:
        untyped: Any = super()
        untyped.startService()
        self._before = gc.get_threshold()
        self._look_at_all()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._looked)
        self._days.start(DAY, now=False)

    def stopService(self) -> None:
        untyped: Any = super()
        untyped.stopService()
        self._days.stop()
        gc.callbacks.remove(self._looked)
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def _looked(self, phase: str, _found: dict[str, int]) -> None:
        """The collector has begun to look at something, or is done."""
        if phase == "stop":
            gc.freeze()

    def _look_at_all(self) -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
