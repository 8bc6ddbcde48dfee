"""The clock that a store's times are written by: it goes on as long as the machine is up, whatever is set, and from one
boot to the next by what the time of day says has passed, where that can be believed.

It begins as the time of day, and is that for as long as nobody sets the clock.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from time import time
from typing import Any

import attrs

DOUBT = 600.0
"""Seconds of absence that are believed of a clock which, says the kernel, nobody has set right since the boot."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_CLOCKS = "/proc/self/ns/time"  # of a container that was moved they are others
_UNSYNCHRONISED = 5  # TIME_ERROR, of adjtimex(2)


def boot_id() -> str:
    """What tells this boot of the machine from all others; empty where nothing does."""
    try:
        return f"{_BOOT.read_text().strip()} {os.readlink(_CLOCKS)}"
    except OSError:
        return ""


def synchronised() -> bool:
    """Whether the kernel says that its time of day is right: somebody has set it by NTP or the like since the boot."""
    room = ctypes.create_string_buffer(512)  # struct timex, zeroed: only asks
    return 0 <= int(ctypes.CDLL(None).adjtimex(room)) < _UNSYNCHRONISED


@attrs.frozen
class Machine:
    """What the machine says: the clock that nobody sets, the time of day, which boot it is, and whether the time of day
    is right."""

    steady: Callable[[], float]
    wall: Callable[[], float] = time
    boot: str = attrs.field(factory=boot_id)
    synchronised: Callable[[], bool] = synchronised


@attrs.frozen
class Era:
    """How a process reckons the times of a store: `shift` from the core's clock to the store's. For `away` seconds
    nobody was there; `doubt` says in words why that is not known, and is empty where it is: no time is reckoned to have
    passed then, but much may have."""

    shift: float
    away: float = 0.0
    doubt: str = ""


def sign(machine: Machine, era: Era) -> dict[str, Any]:
    """A sign of life for the store: by it `take_up` reckons."""
    now = machine.steady()
    return {"alive": machine.wall(), "steady": now, "at": now + era.shift, "boot": machine.boot}


def take_up(machine: Machine, said: Any) -> Era:
    """How to reckon the times of a store whose last sign of life is `said`: none of a new one; of older releases'
    stores, which went by the time of day, it holds only that."""
    now, wall = machine.steady(), machine.wall()
    alive = _number(said, "alive")
    if alive is None:
        return Era(wall - now)
    at, steady = _number(said, "at"), _number(said, "steady")
    if at is None:
        at = alive
    elif steady is not None and machine.boot and said.get("boot") == machine.boot and now >= steady:
        return Era(at - steady, now - steady)
    passed = wall - alive
    if passed < 0.0:
        return Era(at - now, DOUBT, f"by the time of day it began {-passed:.0f} s before the last ended")
    if passed > DOUBT and not machine.synchronised():
        return Era(at - now, DOUBT, f"by the time of day {passed:.0f} s have passed, but nobody has set that right yet")
    return Era(at + passed - now, passed)


def _number(said: Any, name: str) -> float | None:
    found = said.get(name) if isinstance(said, dict) else None
    return float(found) if isinstance(found, (float, int)) and isfinite(found) else None
