"""A PBX that does not register, Kamailio's: called over TCP and over TLS, at the one of its addresses that lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softphone import Account, Softphone
from tests.netns.softswitch import DOMAIN, Softswitch, SoftswitchPlan, password
from tests.netns.test_sip_calls import registered
from tests.netns.test_tls_core import table
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
PBX, EXTENSION = "203.0.113.12", "9001"
CORE = SoftswitchPlan(gateway=f"{FIRST.sbc_core}:5060")
"""What begins with a 9 is the SBC's to find."""


def trunk(transport: str, more: str = "") -> str:
    """Nobody is at its first address."""
    port = 5061 if transport == "tls" else 5060
    return f"""
[[realms.access.trunks]]
name = "pbx"
next_hops = ["{PBX}:{port + 10}", "{PBX}:{port}"]
protocol = "sip"
transport = "{transport}"
called = ["9"]
{more}
[realms.access.trunks.probing]
period = 2
answer_within = 1.5
misses = 1
"""


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_pbx_is_called_where_it_lives(make_scene: MakeScene, tmp_path: Path, transport: str) -> None:
    authority = Authority(tmp_path)
    plan = SoftswitchPlan(users=(EXTENSION,), challenge=False, tcp=True)
    extra, more = "", ""
    if transport == "tls":
        files = (*authority.sign("pbx", "sip:pbx.example"), authority.certificate)
        plan = SoftswitchPlan(users=(EXTENSION,), challenge=False, tls=files)
        extra, more = table("access", authority, FIRST.sbc_access), 'server_name = "pbx.example"'
    toml = sbc_config(access=("udp", transport), extra=extra, extra_realm=trunk(transport, more), callers="registered")
    stage = make_scene(one_pair((), ()), plan=CORE, toml=toml)
    assert stage.sbc is not None
    place = stage.lab.host("phone-b")
    pbx = Softswitch.start(place, plan=plan)
    try:
        extension = Softphone(Account(EXTENSION, password(EXTENSION), DOMAIN, (PBX, 5060)), PBX, place.udp, port=5090)
        stage.phones.append(extension)
        registered(extension)
        alice = stage.phone("phone-a", "alice")
        registered(alice)
        down = f"hop-down: .*{PBX}:{5071 if transport == 'tls' else 5070}"
        stage.sbc.process.wait_output(down)
        wait_for(lambda: "got OPTIONS" in pbx.process.output(), what="the one that lives to be asked")
        call = alice.dial(EXTENSION).wait("up")
        assert extension.wait_call().wait("up")
        assert call.bye().status == 200
        assert extension.wait_call().wait("ended")
        # one that was too slow to be heard of is asked anew, by another connection, and says so of the first
        assert [each for each in pbx.complaints() if "core/tcp_" not in each] == []
        pbx.process.stop()
        refused = alice.dial(EXTENSION).wait("ended", timeout=20.0)
        assert refused.cause, "and when neither does, who calls is told"
    finally:
        pbx.process.stop()
