"""Many calls behind each kind of NAT, and not one may fail: by default so many as a test can wait for.

SBC_LAB_CALLS says how many, `make soak` makes it a thousand. sipp at both ends, challenges, media both ways; each call
has its record, and what went in at one side of the SBC came out at the other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.netns.nat import Nat
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.test_cdr import records
from tests.netns.test_sip_calls import NATS
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

CALLS = int(os.environ.get("SBC_LAB_CALLS", "20"))
RATE = float(os.environ.get("SBC_LAB_RATE", "5"))
"""Calls begun each second: two of the SBC's each, which has to share the machine with all its peers."""
REALM = """
[realms.access.limits]
exchanges_per_source = 5000
[realms.access.registrations]
behind_nat = 3600
[realms.access.keepalive]
mode = "off"
"""
"""What calls so much is no phone. sipp registers once, and takes the OPTIONS a phone is asked by for one more call."""
TALK = 1000
"""Milliseconds of media in each call."""


@dataclass
class Way:
    """One direction of a stream: the packets that came in, those that went out, those that came before anybody was
    heard at the other end, and those the latch refused."""

    into: int
    out: int
    early: int
    refused: int


def ways_of(record: dict[str, Any]) -> list[Way]:
    (stream,) = record["streams"]
    return [
        Way(
            here["received"]["rtp"]["packets"],
            there["sent"]["rtp"]["packets"],
            sum(there["drops"].get(why, 0) for why in ("no_destination", "send_error")),
            here["drops"].get("wrong_source", 0),
        )
        for here, there in (stream["sides"], stream["sides"][::-1])
    ]


@pytest.mark.slow
@pytest.mark.parametrize("nats", NATS.values(), ids=NATS)
def test_every_call_succeeds(make_scene: Callable[..., Scene], nats: tuple[Nat, ...]) -> None:
    toml = sbc_config(FIRST, extra='[cdr]\njson = "cdr.json"\n', extra_realm=REALM)
    stage = make_scene(one_pair(nats, nats), plan=SoftswitchPlan(), toml=toml)
    assert stage.sbc is not None
    alice, bob = stage.sipp("phone-a", "alice"), stage.sipp("phone-b", "bob")
    alice.register(3600)
    bob.register(3600)
    patience = 60.0 + 3.0 * CALLS / RATE
    began = time.monotonic()
    taken = bob.take("uas_talk", timeout=patience, calls=CALLS)
    calling = alice.call("bob", "uac", talk=TALK, timeout=patience, calls=CALLS, rate=RATE)
    calling.check_exit(patience)
    taken.check_exit(patience)
    took = time.monotonic() - began

    # two calls of the SBC each, the caller's and the called side's; what was challenged and came again is one
    found = wait_for(lambda: records(stage.sbc.config.parent / "cdr.json", 2 * CALLS), 60.0, "the records")
    assert {(r["ending"], r["ended_by"], r["complete"]) for r in found} == {("normal", "caller", True)}
    ways = [way for record in found for way in ways_of(record)]
    # Nobody is refused, nothing lost or doubled. Who is behind a NAT can be sent nothing before it has spoken, which
    # sipp does with the ACK; without a NAT nobody has to be waited for.
    assert [way for way in ways if way.refused or way.out + way.early != way.into] == []
    if not nats:
        assert [way for way in ways if way.early] == []
    came, went = sum(way.into for way in ways), sum(way.out for way in ways)
    mute = sum(not way.out for way in ways)
    # A call has four ways. On a slow machine those to the called phones may all be mute: when the ACK came, the caller
    # had said all it had. But who calls has spoken first, so at least half of them hear. Of an SBC that finds nobody
    # behind a NAT half of all ways are mute.
    unheard = sum(way.into > 0 and not way.out for way in ways)
    assert went > 0 and unheard <= 3 * len(ways) // 8, ways
    if "SBC_LAB_CALLS" in os.environ:  # where a machine without time would only cost its operator another look
        assert mute <= 0.05 * len(ways) and went >= 0.8 * came, ways
    print(f"\n{CALLS} calls in {took:.0f} s, none failed; of {came} RTP packets {went} relayed; {mute} ways mute")
