"""Mutated messages by the hundred thousand: no fault, no loss in the books, and memory that stays as it was."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.config.faults import Findings
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.realm import Keepalive, Lasting, Limits, Probing, Registrations, Sessions, Signaling, Timers
from sbc.sip.dialect import SipDialect
from sbc.sip.options import read
from tests.fuzz.gale import MESSAGES, SEED
from tests.fuzz.storm import Storm
from tests.rig import SECRET, make_plan

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
    storm.rounds()
    assert storm.counted["calls"] > MESSAGES // 200
