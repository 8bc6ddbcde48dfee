"""Bans as a store keeps them: what was written is read, and what is no ban is refused."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.banned import id_of, of_ban, resume_ban
from sbc.core.plain import Frame, Unfit
from sbc.core.registry import Registry
from sbc.policy.bans import Ban
from sbc.policy.flooding import Flooding
from tests.rig import Rig
from tests.toy_calls import toy_rig

BAD = Address("203.0.113.66", 5060)
BAN = Ban("access", *BAD, "ten bad messages", 1_000.0, 1_060.0, 2)


def taken(data: bytes, now: float = 1_010.0, shift: float = 0.0) -> Registry:
    rig: Rig = toy_rig()
    registry = rig.border.registry
    realms = dict(registry.plan.realms)
    realms["access"] = attrs.evolve(realms["access"], flood=Flooding())
    registry.gate.replan(attrs.evolve(registry.plan, realms=realms))
    resume_ban(registry, data, now, Frame(registry.plan, shift))
    return registry


def test_a_ban_goes_on_by_the_time_of_day() -> None:
    registry = taken(of_ban(BAN, 500.0), now=10.0, shift=1_500.0)  # the clock has begun anew: 1010 is 10 now
    (ban,) = registry.gate.flood.bans
    assert (ban.key, ban.reason, ban.times, ban.until) == (BAN.key, BAN.reason, 2, 60.0)
    assert registry.gate.banned("access", BAD, 10.0)
    assert id_of(BAN.key) == "access 203.0.113.66 5060"


@pytest.mark.parametrize(
    "change",
    [
        {"realm": "gone"},
        {"host": "no.address"},
        {"port": 70_000},
        {"port": True},
        {"until": 1_009.0},
        {"until": "late"},
        {"times": -1},
        {"kept": 1},
        {"reason": None},
        {"what": "call"},
    ],
)
def test_what_is_no_ban_or_is_over_is_refused(change: dict[str, Any]) -> None:
    plain = json.loads(of_ban(BAN, 0.0)) | change
    with pytest.raises(Unfit):
        taken(json.dumps(plain).encode())


KEYS = st.sampled_from(sorted(json.loads(of_ban(BAN, 0.0))))


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(KEYS, st.none() | st.text() | st.integers() | st.floats(), min_size=1))
def test_whatever_a_file_holds(change: dict[str, Any]) -> None:
    plain = json.loads(of_ban(BAN, 0.0)) | change
    try:
        registry = taken(json.dumps(plain).encode())
    except Unfit:
        return
    assert len(registry.gate.flood.bans) == 1
