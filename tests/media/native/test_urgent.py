"""Real-time priority where there is no capability, as in the unit: workers alone have it, and they give it back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sbc.media.native.engine import missing

ROOT = Path(__file__).parents[3]
LIMIT = 1  # as etc/sbc.service has it (tests/test_unit.py)

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another"),
]


USUAL, URGENT = os.SCHED_OTHER, os.SCHED_RR


def unprivileged(way: str, limit: int = 0) -> dict[str, Any]:
    """What such a process finds, see there."""
    command = [sys.executable, "-m", "tests.media.native.unprivileged", way, str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("way", ["limit", "rule"])
def test_as_the_unit_starts_it_workers_run_in_real_time_and_come_back_and_nobody_else_does(way: str) -> None:
    found = unprivileged(way, LIMIT)
    if "refused" in found:
        pytest.skip(found["refused"])
    if not found.pop("permitted"):
        pytest.skip("the system permits nobody real-time priority here")
    assert found == {
        "returns": False,  # by SCHED_OTHER alone: what this is about
        "thread": [URGENT, USUAL, URGENT, USUAL],
        "heard": True,
        "workers": URGENT,
        "reactor": USUAL,  # without SCHED_RESET_ON_FORK, too
        "child": USUAL,
    }


def test_where_it_is_not_permitted_all_is_as_usual() -> None:
    assert unprivileged("limit", 0) == {
        "permitted": False,
        "returns": False,
        "thread": [USUAL] * 4,
        "heard": True,
        "workers": USUAL,
        "reactor": USUAL,
        "child": USUAL,
    }


def test_who_may_not_be_urgent_any_more_comes_back_all_the_same() -> None:
    first, *later = unprivileged("lost")["thread"]
    if first != URGENT:
        pytest.skip("the system permits nobody real-time priority here")
    assert later == [USUAL] * 3
