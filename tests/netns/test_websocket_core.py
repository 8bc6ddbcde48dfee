"""WebSockets towards the softswitch: Kamailio with its websocket module at the other end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.test_sip_calls import registered
from tests.netns.test_tls_core import SBC, SWITCH, switch, table
from tests.netns.topology import one_pair

MakeScene = Callable[..., Scene]
TARGET = '[realms.core.websocket]\ntarget = "/sip"\n'


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_phones_call_each_other_through_a_softswitch_on_websockets(
    make_scene: MakeScene, tmp_path: Path, transport: str
) -> None:
    """The one connection that the SBC has made serves both ways."""
    authority = Authority(tmp_path)
    plan, extra, port = SoftswitchPlan(tcp=True, websocket=True), TARGET, 5060
    if transport == "wss":
        plan = SoftswitchPlan(tls=switch(authority).tls, websocket=True)
        extra, port = TARGET + table("core", authority, SBC), 5061
    toml = sbc_config(core=(transport,), extra=extra).replace(f"{SWITCH}:5060", f"{SWITCH}:{port}")
    stage = make_scene(one_pair((), ()), plan=plan, toml=toml)
    assert stage.sbc is not None
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    registered(alice)
    registered(bob)
    assert re.search(rf"@{re.escape(SBC)}:(8080|8443);transport=ws", stage.softswitch.contacts("bob")[0])
    call = alice.dial("bob").wait("up")
    taken = bob.wait_call().wait("up")
    assert taken.bye().status == 200, "a request inside it, from the softswitch to the SBC"
    call.wait("ended")
    said = stage.softswitch.process.output()
    assert said.count("got HTTP /sip") == 1 and f" by {transport}" in said and " by udp" not in said
    assert stage.softswitch.complaints() == []
