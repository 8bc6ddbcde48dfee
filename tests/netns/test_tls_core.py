"""TLS towards the softswitch: Kamailio's at the other end, certificates checked both ways, a restart outlived."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import Softswitch, SoftswitchPlan
from tests.netns.topology import one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
NAT = (Nat(NatKind.SYMMETRIC),)
SBC, SWITCH = "198.51.100.1", "198.51.100.2"
PROBING = "[paths.probing]\nperiod = 3\nanswer_within = 2.5\n"


def table(realm: str, authority: Authority, address: str, **more: str) -> str:
    """A realm's table for TLS, with files made on the spot."""
    certificate, key = authority.sign(f"sbc-{realm}", address)
    values = {"certificate": str(certificate), "key": str(key), "ca": str(authority.certificate)}
    lines = [f'{name} = "{value}"' for name, value in values.items()] + [f"{k} = {v}" for k, v in more.items()]
    return "\n".join([f"[realms.{realm}.tls]", *lines, ""])


def config(authority: Authority, access: str = "udp") -> str:
    """The SBC speaks TLS to its softswitch, and demands that it shows who it is when it connects."""
    extra = table("core", authority, SBC, require_peer="true")
    if access == "tls":
        extra += table("access", authority, "203.0.113.1")
    toml = sbc_config(access=(access,), core=("tls",), extra=extra, extra_realm=PROBING)
    return toml.replace(f"{SWITCH}:5060", f"{SWITCH}:5061")


def switch(authority: Authority, name: str = "switch", *names: str) -> SoftswitchPlan:
    return SoftswitchPlan(tls=(*authority.sign(name, *(names or (SWITCH,))), authority.certificate))


def test_tls_phones_call_each_other_through_a_tls_softswitch(make_scene: MakeScene, tmp_path: Path) -> None:
    """Nothing on either wire can be read."""
    authority = Authority(tmp_path)
    stage = make_scene(one_pair(NAT, NAT), plan=switch(authority), toml=config(authority, "tls"))
    wires = [stage.lab.host("sbc").capture(segment) for segment in ("access", "core")]
    more = f"sip_cafile {tmp_path}/authority.crt\nsip_verify_server yes\n"
    alice = stage.baresip("phone-a", "alice", transport="tls", more=more)
    bob = stage.baresip("phone-b", "bob", transport="tls", more=more)
    alice.wait_registered()
    bob.wait_registered()
    (contact,) = stage.softswitch.contacts("bob")
    assert re.search(rf"@{re.escape(SBC)}:5061;transport=tls", contact)
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    bob.hangup()
    alice.wait_event("CALL_CLOSED")
    assert stage.softswitch.complaints() == []
    for wire in wires:
        wire.stop()
        assert not wire.find(b"SIP/2.0")
        assert {p.protocol for p in wire.packets if 5061 in (p.src[1], p.dst[1])} == {"tcp"}


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_softswitch_with_a_wrong_certificate_is_sent_nothing(
    make_scene: MakeScene, tmp_path: Path, wrong: str
) -> None:
    authority = Authority(tmp_path)
    plan = switch(authority, "switch", "198.51.100.77")
    if wrong == "authority":
        other = tmp_path / "other"
        other.mkdir()
        certificate, key = Authority(other, "impostor").sign("switch", SWITCH)
        plan = SoftswitchPlan(tls=(certificate, key, authority.certificate))
    stage = make_scene(one_pair((), ()), plan=plan, toml=config(authority))
    alice = stage.phone("phone-a", "alice")
    assert alice.register().status == 503
    assert not re.search("got REGISTER", stage.softswitch.process.output())
    assert stage.sbc is not None
    said = (
        "its certificate is not for 198.51.100.2"
        if wrong == "name"
        else "its certificate is signed by somebody who is not trusted"
    )
    stage.sbc.process.wait_output(said)


def test_a_softswitch_that_restarts_is_found_again(make_scene: MakeScene, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    plan = switch(authority)
    stage = make_scene(one_pair((), ()), plan=plan, toml=config(authority))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    assert alice.register().status == 200
    stage.softswitch.process.stop()
    assert alice.message("bob", "anybody there?").status == 503
    host = stage.lab.host("softswitch")
    again = Softswitch.start(host, plan=plan)
    try:
        wait_for(lambda: bob.register().status == 200, 60.0, "the softswitch to be found again")
        assert again.contacts("bob")
        assert alice.message("bob", "and now?").status == 200
        assert [t.message.body for t in bob.received("MESSAGE")] == [b"and now?"]
        assert again.complaints() == []
    finally:
        again.process.stop()
