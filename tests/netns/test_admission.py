"""A terminal has so many calls at once, and so many a second, and calls for help are taken all the same."""

from __future__ import annotations

from collections.abc import Callable

from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.sippphone import SippPhone
from tests.netns.softphone import Softphone
from tests.netns.softswitch import DOMAIN, SoftswitchPlan
from tests.netns.test_sip_calls import connected, registered, statuses
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
LONG = 60_000
"""Milliseconds that a call lasts unless the other hangs up: longer than the test."""


def limited(said: str) -> str:
    """What alice may have."""
    table = f"realms.{FIRST.access}.customers"
    users = f'[[{table}]]\nname = "hers"\nusers = ["alice@{DOMAIN}"]\n'
    return sbc_config(FIRST, extra_realm=f"{users}[{table}.each]\n{said}\n")


def refused(phone: Softphone, whom: str) -> int:
    """The status with which a call is refused."""
    return phone.dial(whom).wait("ended").status


def test_a_terminal_has_so_many_calls_and_help_is_never_refused(make_scene: Callable[..., Scene]) -> None:
    stage = make_scene(one_pair(), plan=GATEWAY, toml=limited("calls = 2"))
    assert stage.sbc is not None
    wire = stage.lab.host("phone-a").capture()
    alice, bob, gateway = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob"), stage.phone("uas", "gateway")
    registered(alice, bob)
    proxy = f"{stage.proxy('phone-a')}:5060"
    many = SippPhone(stage.lab.host("phone-a"), "alice", proxy, DOMAIN, port=5070)
    many.register()
    calling = many.call("bob", calls=5, rate=20.0, talk=LONG, timeout=LONG / 1000)

    for number in (0, 1):
        bob.wait_call(number).wait("up")
    log, said = stage.sbc.process, "refused: too many calls (terminal alice@"
    wait_for(lambda: log.output().count(said) >= 3, what="three calls to be refused")
    told = [seen.message for seen in wire.sip_messages(src=FIRST.sbc_access) if seen.message.status == 503]
    assert {message.get("retry-after") for message in told} == {"30"}
    assert refused(alice, "bob") == 503, "it is the same user, by another contact"
    assert refused(bob, "alice") == 486, "who calls it hears that it is busy"
    assert len({seen.message.get("call-id") for seen in bob.received("INVITE") if not seen.sent}) == 3, (
        "two, and its own"
    )
    help = alice.dial("911").wait("up")
    assert gateway.wait_call(0).wait("up").bye().status == 200 and help.wait("ended")

    for number in (0, 1):
        assert bob.wait_call(number).wait("up").bye().status == 200
    calling.stop()
    call, _ = connected(alice, bob, 3)
    assert call.bye().status == 200

    stage.sbc.reload(limited("calls_per_second = 0.01"))  # one in a time longer than the test
    call, _ = connected(alice, bob, 4)
    assert call.bye().status == 200
    assert refused(alice, "bob") == 503
    help = alice.dial("911").wait("up")
    assert help.bye().status == 200 and statuses(alice, "INVITE").count(503) == 2
