"""Transports on real networks, with phones and a softswitch that are not ours: TCP on either side or both, and UDP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.netns.hearing import wait_media_both_ways
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.topology import PHONE, one_pair

MakeScene = Callable[..., Scene]
NAT = (Nat(NatKind.SYMMETRIC),)
ACCESS_SIDE = [PHONE, "192.168.1.1", "203.0.113.1", "203.0.113.11", "203.0.113.12"]
_DIGEST = re.compile(rb"(?im)^(?:Proxy-)?Authorization:.*$")
CORE_SIDE = ["198.51.100.1", "198.51.100.2"]


def talked(stage: Scene, transport: str, more: str = "") -> None:
    """A call of two baresips with media both ways, hold, and its end."""
    alice = stage.baresip("phone-a", "alice", transport=transport, more=more)
    bob = stage.baresip("phone-b", "bob", transport=transport, more=more)
    alice.wait_registered()
    bob.wait_registered()
    (contact,) = stage.softswitch.contacts("bob")
    assert "@198.51.100.1:5060" in contact
    at_bob = stage.lab.host("phone-b").capture()
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    wait_media_both_ways(at_bob)
    alice.hold()
    bob.wait_event("CALL_REMOTE_SDP", 2)
    alice.resume()
    bob.wait_event("CALL_REMOTE_SDP", 3)
    bob.hangup()
    alice.wait_event("CALL_CLOSED")
    counts = at_bob.rtp_counts()
    assert len(counts) == 2 and min(counts.values()) > 10, counts
    assert stage.softswitch.complaints() == []


@pytest.mark.parametrize(("access", "core"), [("tcp", "udp"), ("udp", "tcp"), ("tcp", "tcp")])
def test_baresips_call_each_other(make_scene: MakeScene, access: str, core: str) -> None:
    toml = sbc_config(access=(access,), core=(core,))
    stage = make_scene(one_pair(NAT, NAT), plan=SoftswitchPlan(tcp=True), toml=toml)
    wires = {segment: stage.lab.host("sbc").capture(segment) for segment in ("access", "core")}
    talked(stage, access)
    for segment, foreign in (("access", CORE_SIDE), ("core", ACCESS_SIDE)):
        wire = wires[segment]
        wire.stop()
        assert wire.sip_messages()
        found = [p.payload for address in foreign for p in wire.find(address.encode())]
        # what a digest covers may not be changed (docs/sip.rst)
        assert not [data for data in found if any(a.encode() in _DIGEST.sub(b"", data) for a in foreign)]
    wanted = {"access": access, "core": core}
    for segment, wire in wires.items():
        signalling = {p.protocol for p in wire.packets if 5060 in (p.src[1], p.dst[1]) and p.payload.strip()}
        assert signalling == {wanted[segment]}, segment


def secured(authority: Authority, **more: str) -> str:
    """The table of realm access for TLS, with files made on the spot."""
    certificate, key = authority.sign("sbc", "203.0.113.1")
    values = {"certificate": str(certificate), "key": str(key), "ca": str(authority.certificate)}
    lines = [f'{name} = "{value}"' for name, value in values.items()] + [f"{k} = {v}" for k, v in more.items()]
    return "\n".join(["[realms.access.tls]", *lines, ""])


def test_tls_phones_and_a_udp_softswitch(make_scene: MakeScene, tmp_path: Path) -> None:
    """What passes the access wire cannot be read; the softswitch gets plain SIP by UDP."""
    toml = sbc_config(access=("tls",), core=("udp",), extra=secured(Authority(tmp_path)))
    stage = make_scene(one_pair(NAT, NAT), toml=toml)
    access, core = (stage.lab.host("sbc").capture(segment) for segment in ("access", "core"))
    more = f"sip_cafile {tmp_path}/authority.crt\nsip_verify_server yes\n"
    talked(stage, "tls", more)
    for wire in (access, core):
        wire.stop()
    assert not access.find(b"SIP/2.0")
    assert {p.protocol for p in access.packets if 5061 in (p.src[1], p.dst[1])} == {"tcp"}
    assert {p.protocol for p in core.packets if 5060 in (p.src[1], p.dst[1])} == {"udp"}
    found = [p.payload for address in ACCESS_SIDE for p in core.find(address.encode())]
    assert not [data for data in found if any(a.encode() in _DIGEST.sub(b"", data) for a in ACCESS_SIDE)]


def test_a_phone_without_a_certificate_is_not_let_in_where_one_is_required(
    make_scene: MakeScene, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    toml = sbc_config(access=("tls",), extra=secured(authority, require_peer="true"))
    stage = make_scene(one_pair((), ()), toml=toml)
    certificate, key = authority.sign("bob", "bob.example")
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    alice = stage.baresip("phone-a", "alice", transport="tls", more=f"sip_cafile {tmp_path}/authority.crt\n")
    bob = stage.baresip(
        "phone-b", "bob", transport="tls", more=f"sip_cafile {tmp_path}/authority.crt\nsip_certificate {certificate}\n"
    )
    bob.wait_registered()
    assert stage.softswitch.contacts("bob") and not stage.softswitch.contacts("alice")
    assert alice.process.running


@pytest.mark.parametrize("scenario", ["uac", "uac_hold", "uac_cancel"])
def test_sipp_over_tcp(make_scene: MakeScene, scenario: str) -> None:
    """Each run of sipp is a new connection: what calls it goes by the one that lives."""
    toml = sbc_config(access=("udp", "tcp"))
    stage = make_scene(one_pair((), ()), toml=toml)
    alice, bob = stage.sipp("phone-a", "alice", "tcp"), stage.phone("phone-b", "bob", on_invite="ring")
    bob.register()
    process = alice.call("bob", scenario, talk=300)
    call = bob.wait_call()
    if scenario != "uac_cancel":
        call.answer()
    process.check_exit()
    assert call.wait("ended").cause
    assert stage.softswitch.complaints() == []


def test_large_requests_go_by_tcp_and_fall_back(make_scene: MakeScene) -> None:
    toml = sbc_config(core=("udp", "tcp"))
    for tcp in (True, False):
        stage = make_scene(one_pair((), ()), plan=SoftswitchPlan(tcp=tcp), toml=toml)
        core = stage.lab.host("sbc").capture("core")
        alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
        alice.register()
        bob.register()
        assert alice.message("bob", "x" * 1400).status == 200
        assert [t.message.body for t in bob.received("MESSAGE")] == [b"x" * 1400]
        core.stop()
        asked = [p.protocol for p in core.packets if p.dst == ("198.51.100.2", 5060) and b"MESSAGE sip:" in p.payload]
        assert set(asked) == {"tcp" if tcp else "udp"}


def test_a_softswitch_that_ends_its_connections(make_scene: MakeScene) -> None:
    """What needs it fails at once, and not after half a minute."""
    toml = sbc_config(access=("udp",), core=("tcp",))
    stage = make_scene(one_pair((), ()), plan=SoftswitchPlan(tcp=True), toml=toml)
    alice = stage.phone("phone-a", "alice")
    assert alice.register().status == 200
    assert stage.sbc is not None
    stage.softswitch.process.stop()
    assert alice.message("bob", "anybody there?").status == 503
