"""Wakes the core when something is due: one call of the reactor for all deadlines, those near each other at once."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

GRAIN = 0.05
"""Seconds: deadlines are met when the clock passes a whole number of these. Few deadlines of signalling are more exact,
and what is due within one costs the process one awakening: a call has half a dozen deadlines."""


class Alarm:
    """Calls `woken` once after `set`; `reactor` provides IReactorTime."""

    def __init__(self, reactor: Any, woken: Callable[[], None]) -> None:
        self._reactor = reactor
        self._woken = woken
        self._call: Any = None
        self._at = 0.0  # when that is due

    def set(self, at: float, exact: bool = False) -> None:
        """Wake at `at` (seconds on the reactor's clock) or, unless `exact`, up to a GRAIN later, unless that is sooner
        anyway; at once if that is past."""
        now = self._reactor.seconds()
        if at > now and not exact:
            at = max(at, ceil(at / GRAIN) * GRAIN)
        if self.active:
            if self._at <= at:
                return
            self._call.cancel()
        self._call, self._at = self._reactor.callLater(max(0.0, at - now), self._woken), at

    @property
    def active(self) -> bool:
        """Whether it is set."""
        return self._call is not None and bool(self._call.active())

    def cancel(self) -> None:
        """Do not wake any more."""
        if self.active:
            self._call.cancel()
