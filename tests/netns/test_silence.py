"""A call on which nobody speaks any more is ended by the SBC, both parties told, unless it is on hold."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.test_sip_calls import ACCESS_SIDE, assert_hidden, registered
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
SILENCE = 3.0
# `extra` stands behind the lab's own [timers], so its first line belongs to that table
EXTRA = f'silence = {SILENCE}\n[cdr]\njson = "cdr.json"\n'


def test_a_silent_call_is_ended_and_one_on_hold_is_not(make_scene: Callable[..., Scene]) -> None:
    nat = (Nat(NatKind.PORT_RESTRICTED),)
    stage = make_scene(one_pair(nat, nat), plan=GATEWAY, toml=sbc_config(FIRST, extra=EXTRA))
    assert stage.sbc is not None
    core = stage.lab.host("sbc").capture("core")
    alice, bob, gateway = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob"), stage.phone("uas", "gateway")
    registered(alice, bob)
    held = bob.dial("9002").wait("up")
    holding = gateway.wait_call(0).wait("up")
    assert talk(held, holding, packets=20, reports=2).whole
    holding.hold()
    quiet_on_hold = time.monotonic()
    silent = alice.dial("9001").wait("up")
    taken = gateway.wait_call(1).wait("up")
    assert talk(silent, taken, packets=50, reports=5).whole
    quiet_since = max(call.media.spoke for call in (silent, taken))

    for call in (silent, taken):
        assert call.wait("ended").cause == "hung up there"
    for phone in (alice, gateway):
        (bye,) = [seen for seen in phone.received("BYE") if not seen.message.status]
        assert bye.message.tag("from") and bye.message.tag("to")
        assert bye.time - quiet_since > SILENCE * 0.9, "not before its time"
    (record,) = wait_for(lambda: records(stage.sbc.config.parent / "cdr.json"), what="the record")
    assert (record["ending"], record["ended_by"], record["complete"]) == ("silent", "sbc", True)
    assert "no media for " in record["cause"] and record["called"].startswith("sip:9001@")

    time.sleep(max(0.0, quiet_on_hold + 2 * SILENCE - time.monotonic()))
    assert (held.state, holding.state) == ("up", "up"), "nobody need speak on hold"
    holding.resume()
    assert talk(held, holding, packets=20, reports=2).whole
    assert held.bye().status == 200
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address, gateway.address}, ACCESS_SIDE)
