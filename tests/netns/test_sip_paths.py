"""What a path is told to do, on real networks: rules seen on the wire, 100rel for phones without it, zombies ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import DOMAIN, USERS, SoftswitchPlan
from tests.netns.test_cdr import records
from tests.netns.test_sip_calls import ACCESS_SIDE, CREDENTIALS, assert_hidden, registered
from tests.netns.topology import FIRST, home, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
RESTRICTED = (Nat(NatKind.PORT_RESTRICTED),)
GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
EXTRA = '[cdr]\njson = "cdr.json"\n'
PATH = """
[paths.sessions]
mode = "refresh"
period = 10
[paths.sip]
reliable = "offer"
[[paths.sip.rules]]
direction = "to-core"
methods = ["INVITE"]
header = "X-Trunk"
action = "add"
value = "north"
[[paths.sip.rules]]
direction = "to-access"
messages = "all"
header = "X-Inner"
action = "remove"
[[paths.sip.numbers]]
direction = "to-core"
places = ["request-uri", "to"]
strip = "00"
"""


def test_one_that_answers_reliably_and_a_phone_that_cannot(make_scene: MakeScene) -> None:
    """The called one (sipp) wants a PRACK for its 183, and puts no description into its 200. The caller, which has told
    of no 100rel, gets a plain 183 and the whole answer; and nothing of a header that a rule takes out."""
    stage = make_scene(one_pair(RESTRICTED, RESTRICTED), toml=sbc_config(FIRST, extra=EXTRA, extra_realm=PATH))
    at_alice, at_bob = (stage.lab.host(f"phone-{label}").capture() for label in "ab")
    core = stage.lab.host("sbc").capture("core")
    alice, bob = stage.phone("phone-a", "alice"), stage.sipp("phone-b", "bob")
    registered(alice)
    bob.register()
    taken = bob.take("uas_reliable")
    call = alice.dial("bob").wait("up")
    assert call.bye().status == 200
    taken.check_exit()
    from_sbc = [each.message for each in core.sip_messages(src=FIRST.sbc_core)]
    invites = [m for m in from_sbc if m.method == "INVITE" and not m.status]
    assert invites and all(m.get("x-trunk") == "north" and "100rel" in m.get("supported") for m in invites)
    (prack,) = {m.branch: m for m in from_sbc if m.method == "PRACK" and not m.status}.values()
    assert prack.get("rack").startswith("77 ") and not prack.get("x-trunk")
    assert [m.message.get("rack") for m in at_bob.sip_messages(src=FIRST.sbc_access) if m.message.method == "PRACK"]
    told = [each.message for each in at_alice.sip_messages(src=FIRST.sbc_access)]
    assert not [m for m in told if m.method == "PRACK" or m.get("rseq") or m.get("x-inner") or m.get("require")]
    assert {(m.status, bool(m.body)) for m in told if m.method == "INVITE" and m.status in (183, 200)} == {
        (183, True), (200, True),
    }  # fmt: skip
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, ACCESS_SIDE)
    assert stage.softswitch.complaints() == []


def test_a_gateway_that_vanishes_leaves_no_zombie(make_scene: MakeScene) -> None:
    """The gateway, which the phone has dialled with 00 in front and a number rule without, dies without a BYE. Both are
    asked after a while; the phone lives, and hears that it is over."""
    stage = make_scene(one_pair(RESTRICTED), plan=GATEWAY, toml=sbc_config(FIRST, extra=EXTRA, extra_realm=PATH))
    assert stage.sbc is not None
    access, core = (stage.lab.host("sbc").capture(name) for name in ("access", "core"))
    alice, gateway = stage.phone("phone-a", "alice"), stage.sipp("uas", "gateway")
    registered(alice)
    taken = gateway.take("uas")
    began = time.monotonic()
    call = alice.dial("009001").wait("up")
    taken.stop(signal.SIGKILL)
    assert call.wait("ended", timeout=60.0).cause == "hung up there"
    assert time.monotonic() - began > 9, "not before it was asked"
    (record,) = wait_for(lambda: records(stage.sbc.config.parent / "cdr.json"), what="the record")
    assert (record["ending"], record["ended_by"], record["complete"]) == ("vanished", "sbc", True)
    assert "vanished in core: " in record["cause"]
    asked = [m.message for m in access.sip_messages(src=FIRST.sbc_access) if m.message.method == "OPTIONS"]
    assert any(m.tag("to") for m in asked if not m.status), "inside its dialogue"
    invites = [m.message for m in core.sip_messages(src=FIRST.sbc_core) if m.message.method == "INVITE"]
    assert invites and all(m.uri.startswith("sip:9001@") and "<sip:9001@" in m.get("to") for m in invites)
    answers = [m.message for m in access.sip_messages(src=FIRST.sbc_access) if m.message.status == 200]
    assert all("<sip:009001@" in m.get("to") for m in answers if m.method == "INVITE")


def test_a_phone_transfers_another_to_a_third(make_scene: MakeScene) -> None:
    """baresip, three times, behind three NATs (it knows blind transfers only): alice sends bob to carol, hears by
    NOTIFY that he got there, and is out of it."""
    stage = make_scene(one_pair(RESTRICTED, RESTRICTED) + home("c", "203.0.113.13", nats=RESTRICTED))
    core = stage.lab.host("sbc").capture("core")
    alice, bob, carol = (stage.baresip(f"phone-{label}", user) for label, user in zip("abc", USERS, strict=False))
    for phone in (alice, bob, carol):
        phone.wait_registered()
    alice.dial("bob")
    for phone in (alice, bob):
        phone.wait_event("CALL_ESTABLISHED")
    alice.command("transfer", f"sip:carol@{DOMAIN}")
    carol.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED", count=2)
    alice.wait_event("CALL_CLOSED")
    carol.hangup()
    bob.wait_event("CALL_CLOSED", count=2)
    onward = [m.message for m in core.sip_messages(src=FIRST.sbc_core) if m.message.method == "REFER"]
    (refer,) = {m.branch: m for m in onward if not m.status}.values()
    assert refer.get("refer-to").strip("<>") == f"sip:carol@{DOMAIN}"
    # its ACK has its credentials once more, whose uri is the SBC's own name on its side
    assert_hidden(core, {FIRST.sbc_core, FIRST.softswitch_address}, [*ACCESS_SIDE, "203.0.113.13"], CREDENTIALS)
    assert stage.softswitch.complaints() == []
