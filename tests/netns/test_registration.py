"""Registration and keepalive on real networks: a NAT that forgets in seconds, and the two lifetimes on the wire."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.netns.capture import Capture
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.sip import first_of_each
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.talk import talk
from tests.netns.topology import FIRST, home, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]

FORGETFUL = (Nat(NatKind.PORT_RESTRICTED, timeout=5, stream_timeout=5),)
USERS = ("alice", "bob", "carol")
SILENCE = 8.0  # seconds: longer than the NAT remembers
ASKED = "period = 1\nanswer_within = 0.9\n"


def config(keepalive: str) -> str:
    return sbc_config(FIRST, extra_realm=f"[realms.{FIRST.access}.keepalive]\n{keepalive}\n")


def wait_lost(stage: Scene, found: Callable[[str], bool]) -> None:
    """Restart bob's NAT, and again till the SBC's log says what it found: an answer that was on its way as the NAT
    forgot would make it remember."""

    def look() -> bool:
        stage.lab.host("nat-b").flush_nat()
        return stage.sbc is not None and found(stage.sbc.process.output())

    wait_for(look, 60.0, "the SBC to find bob gone", step=0.3)


def lifetimes(wire: Capture, src: str, start: str) -> list[int]:
    """The expires of the Contact in each message of that kind from `src`."""
    seen = [each.message for each in first_of_each(wire.sip_messages(src=src))]
    contacts = [m.get("contact") for m in seen if m.start.startswith(start) and m.method == "REGISTER"]
    found = [re.search(r"expires=(\d+)", contact or "") for contact in contacts]
    return [int(each[1]) for each in found if each is not None]


def test_the_softswitch_sees_the_long_lifetime_and_the_phone_the_short_one(make_scene: MakeScene) -> None:
    stage = make_scene(one_pair())
    phone_side, core = stage.lab.host("phone-a").capture(), stage.lab.host("sbc").capture("core")
    alice = stage.phone("phone-a", "alice")
    began = time.monotonic()
    for _ in range(4):
        assert alice.register(300).status == 200
    assert len(lifetimes(core, FIRST.sbc_core, "REGISTER")) == 2, "one, and once more with credentials"
    assert set(lifetimes(core, FIRST.sbc_core, "REGISTER")) == {3600}
    assert set(lifetimes(core, FIRST.softswitch_address, "SIP/2.0 200")) == {3600}
    assert lifetimes(phone_side, FIRST.sbc_access, "SIP/2.0 200") == [60] * 4
    (contact,) = stage.softswitch.rpc("ul.lookup", "location", "alice")["Contacts"]
    gone = time.monotonic() - began
    assert 3600 - gone - 2 <= contact["Contact"]["Expires"] <= 3600
    assert alice.register(0).status == 200
    assert stage.softswitch.contacts("alice") == []


@pytest.mark.parametrize("keepalive", ['mode = "off"', ASKED], ids=["without", "with"])
def test_a_call_after_silence_needs_keepalive(make_scene: MakeScene, keepalive: str) -> None:
    """NATs that forget after 5 s. After 8 s of silence a call gets through, and so does the end of one that was up all
    the time, if the SBC asks every second, else neither does."""
    topology = one_pair((), FORGETFUL) + home("c", "203.0.113.13", nats=FORGETFUL)
    stage = make_scene(topology, toml=config(keepalive))
    alice, bob, carol = (stage.phone(f"phone-{at}", user) for at, user in zip("abc", USERS, strict=True))
    for phone in (alice, bob, carol):
        assert phone.register(300).status == 200
    long = alice.dial("carol").wait("up")
    other = carol.wait_call().wait("up")
    assert talk(long, other, packets=10, reports=1).whole
    time.sleep(SILENCE)
    call = alice.dial("bob")
    if "off" in keepalive:
        with pytest.raises(TimeoutError):
            wait_for(lambda: bob.calls, 4.0, "the call to reach bob")
        assert not bob.received("OPTIONS")
        call.cancel()
        with pytest.raises(TimeoutError):
            long.bye(timeout=2.0)
        assert other.state == "up", "it was never told"
        return
    call.wait("up")
    assert len(bob.received("OPTIONS")) >= 2 and len(carol.received("OPTIONS")) >= 2
    assert not alice.received("OPTIONS"), "who is behind no NAT is not asked"
    assert talk(call, bob.wait_call(), packets=10, reports=1).whole
    assert call.bye().status == 200
    assert long.bye().status == 200
    assert other.wait("ended").cause == "hung up there"


def test_a_phone_that_is_gone_is_found_dead_and_comes_back_with_its_next_message(make_scene: MakeScene) -> None:
    """Its NAT has been restarted: what it is sent no longer arrives, and it does not know."""
    stage = make_scene(one_pair((), FORGETFUL), toml=config(f"{ASKED}misses = 2"))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    for phone in (alice, bob):
        assert phone.register(300).status == 200
    wait_lost(stage, lambda log: "dead: 2 answers missed" in log)
    assert alice.dial("bob").wait("ended").status == 480
    assert bob.register(300).status == 200
    call = alice.dial("bob").wait("up")
    assert call.bye().status == 200


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "challenged"])
def test_the_registrar_hears_of_a_dead_phone_where_it_trusts_the_sbc(make_scene: MakeScene, trusted: bool) -> None:
    """The phone's NAT is restarted. What is taken off is back with the phone's next REGISTER."""
    toml = config(f"{ASKED}misses = 2\ntell_core = true")
    plan = SoftswitchPlan(trusts=FIRST.sbc_core if trusted else "")
    stage = make_scene(one_pair((), FORGETFUL), plan=plan, toml=toml)
    bob = stage.phone("phone-b", "bob")
    assert bob.register(300).status == 200
    (contact,) = stage.softswitch.contacts("bob")
    assert stage.sbc is not None
    log = stage.sbc.process
    if trusted:
        wait_lost(stage, lambda log: "dead, and taken off at the registrar" in log)
        assert not stage.softswitch.contacts("bob")
    else:
        wait_lost(stage, lambda log: "unparted: 401" in log)
        time.sleep(2.0)
        assert stage.softswitch.contacts("bob") == [contact]
        assert log.output().count("unparted") == 1
    assert bob.register(300).status == 200
    assert len(stage.softswitch.contacts("bob")) == 1
    assert stage.softswitch.complaints() == []
