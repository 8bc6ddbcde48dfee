"""Waiting for what another thread or process is to do, however loaded the machine is."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

PATIENCE = 60.0  # seconds; only a failing test waits so long


def until(true: Callable[[], Any], what: str = "it") -> Any:
    """Wait until something holds; what it gives."""
    end = monotonic() + PATIENCE
    while not (found := true()):
        assert monotonic() < end, f"{what} does not happen"
        sleep(0.01)
    return found
