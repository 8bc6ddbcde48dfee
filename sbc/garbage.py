"""How often Python's garbage collector looks at a running SBC: seldom, since messages and calls leave it nothing."""

from __future__ import annotations

import gc
from typing import Any

from twisted.application.service import Service

THRESHOLDS = (50_000, 20, 20)
"""Objects more than before at which the youngest are looked at, and how often that for each look at older ones.

Python's own 700 are as many as a dozen calls have: all that lives would be looked at again and again, for a sixth of
the processor and to find nothing (tests/laws.py). What is left to be found are connections and failures.
"""


class GarbageService(Service):
    """From its start what is loaded is passed over, and the thresholds are ours; its end gives them back."""

    def startService(self) -> None:
        untyped: Any = super()
        untyped.startService()
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)

    def stopService(self) -> None:
        untyped: Any = super()
        untyped.stopService()
        gc.set_threshold(*self._before)
        gc.unfreeze()
