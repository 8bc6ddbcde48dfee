"""Waiting for a condition instead of sleeping for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 30.0  # seconds; only a failing test waits so long, however slow the machine is


def wait_for(condition: Callable[[], T], timeout: float = PATIENCE, what: str = "", step: float = 0.01) -> T:
    """Call `condition` until it gives something true, and return that; TimeoutError after `timeout` seconds, naming
    `what`."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", repr(condition))
            raise TimeoutError(f"waited {timeout:g} s in vain for: {name}")
        time.sleep(step)
