"""Gateways of H.323 without a gatekeeper, both ways: of several the one is called that lives and has room."""

from __future__ import annotations

from collections.abc import Callable

from tests.netns.h323_endpoint import H323Endpoint
from tests.netns.h323_scene import H323Scene, h323_config
from tests.netns.h323_tshark import malformed
from tests.netns.hiding import assert_hidden
from tests.netns.talk import talk
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

PBX = "203.0.113.12"
NOBODY, FULL, FREE = 1725, 1726, 1727
PROBING = "period = 1.5\nanswer_within = 1.0\nmisses = 1\n"


def hops(host: str) -> str:
    """Where nobody is, where no channel is free, and where one is; tried in that order."""
    said = (f'{{ to = "{host}:{port}", transport = "tcp", priority = {port} }}' for port in (NOBODY, FULL, FREE))
    return f"next_hops = [{', '.join(said)}]"


def config() -> str:
    """Both paths out and a trunk in, without a gatekeeper."""
    trunk = f"""
[[realms.{FIRST.access}.trunks]]
name = "pbx"
protocol = "h323"
called = ["9"]
{hops(PBX)}
[realms.{FIRST.access}.trunks.probing]
{PROBING}
"""
    path = f'{hops(FIRST.softswitch_address)}\ncallers = "any"\n'
    path += "probing = { period = 1.5, answer_within = 1.0, misses = 1 }"
    text = h323_config().replace(f'next_hops = ["{FIRST.softswitch_address}:1719"]', path)
    first, second = text.split(f"[realms.{FIRST.core}]", 1)
    return f"{first}{trunk}[realms.{FIRST.core}]{second}"


def is_down(stage: H323Scene, host: str, port: int) -> bool:
    """What the SBC has said last of a gateway."""
    lines = [line for line in stage.sbc.process.output().splitlines() if f"hop={host}:{port} " in line]
    return bool(lines) and "hop-down" in lines[-1]


def wait_known(stage: H323Scene, gateways: list[H323Endpoint]) -> None:
    """Each was knocked at, and is known to live: the SBC has begun to knock before they were there."""
    wait_for(lambda: all(each.door.taken for each in gateways), what="each gateway to be knocked at")
    places = [(each.place.address, each.door.port) for each in gateways]
    wait_for(lambda: not any(is_down(stage, *place) for place in places), what="each gateway to be up")


def calls(caller: H323Endpoint, target: str, via: str, free: H323Endpoint, number: int) -> None:
    """It comes up where a channel is free, with media both ways."""
    call = caller.dial(target, (via, 1720)).wait("up").wait_flowing()
    answered = free.wait_call(number).wait("up").wait_flowing()
    assert talk(call, answered, packets=10, reports=1).whole
    call.release()
    assert answered.wait("ended").cause == 16


def test_of_several_gateways_the_one_that_lives_and_has_room_is_called(
    make_h323_scene: Callable[..., H323Scene],
) -> None:
    stage = make_h323_scene(one_pair((), ()), config())
    core, access = stage.lab.host("sbc").capture("core"), stage.lab.host("sbc").capture("access")
    full = [stage.gateway(host, "full", FULL, "full") for host in ("softswitch", "phone-b")]
    free = [stage.gateway(host, "free", FREE) for host in ("softswitch", "phone-b")]
    wait_known(stage, [*full, *free])
    phone, caller = stage.gateway("phone-a", "alice", 1720), stage.gateway("softswitch", "office", 1730)
    calls(phone, "4940", FIRST.sbc_access, free[0], 0)
    calls(caller, "9001", FIRST.sbc_core, free[1], 0)
    assert [len(each.calls) for each in full] == [1, 1], "each was asked before"
    for host in (FIRST.softswitch_address, PBX):
        stage.sbc.process.wait_output(f"hop-down: .*{host}:{NOBODY}")
    free[0].door.sock.close()  # it dies: connections are refused
    stage.sbc.process.wait_output(f"hop-down: .*{FIRST.softswitch_address}:{FREE}")
    full[0].on_setup = "answer"
    calls(phone, "4941", FIRST.sbc_access, full[0], 1)
    full[1].on_setup, free[1].on_setup = "full", "full"
    refused = caller.dial("9002", (FIRST.sbc_core, 1720)).wait("ended")
    assert refused.cause == 42, "and when none has room, who calls is told"
    wait_for(lambda: not any(each.by_link for each in (*full, *free)), what="no connection to be left over")
    assert_hidden(core, access)
    assert malformed(core.path) == malformed(access.path) == []
