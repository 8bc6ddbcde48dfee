"""The table of RAS: every message has its part, and nobody waits for too long."""

from __future__ import annotations

from typing import Any

from sbc.h323 import per
from sbc.h323.ras import CONFIRMS, IN_PROGRESS, NON_STANDARD, REJECTS, REQUESTS, UNKNOWN


def test_every_message_of_ras_has_its_part() -> None:
    node: Any = per.node("RasMessage")
    known = set(REQUESTS) | set(CONFIRMS) | set(REJECTS) | {IN_PROGRESS, NON_STANDARD, UNKNOWN}
    assert {name for name, _ in (*node.root, *node.additions)} == known


def test_nobody_waits_for_longer_than_a_person_would() -> None:
    for request in REQUESTS.values():
        timing = request.timing
        assert timing.first <= timing.limit <= 15 and not timing.quiet and not timing.confirmed
