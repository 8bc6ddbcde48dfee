"""A browser that is not ours, with JsSIP, calls a phone of the core through the SBC: WSS, DTLS-SRTP and ICE on the one
side, SIP by UDP and plain RTP on the other."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from sbc.admin.ctl import main
from tests.certificates import Authority
from tests.netns import jssip, secrets
from tests.netns.browser import HEARD, TONE, Browser
from tests.netns.capture import Capture
from tests.netns.mirror import KINDS, Mirror
from tests.netns.nat import Nat, NatKind
from tests.netns.pcap import Packet
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import DOMAIN, password
from tests.netns.topology import one_pair
from tests.netns.waiting import PATIENCE, wait_for

MakeScene = Callable[..., Scene]
SBC, SBC_CORE, PEER = "203.0.113.1", "198.51.100.1", "198.51.100.3"
ARTIFACTS = Path(os.environ.get("SBC_ARTIFACTS", Path(__file__).parents[2] / "build" / "artifacts"))
"""Where the picture of the page stays for who looks."""
PEER_TONE = 440  # Hz of what baresip says
_STORE = """
[store]
sqlite = "state.sqlite"
key_file = "store.key"
"""
_ULAW = [
    (-1 if code & 0x80 == 0 else 1) * ((((~code & 0x0F) << 3) + 0x84 << ((~code >> 4) & 7)) - 0x84)
    for code in range(256)
]
"""ITU-T G.711, Table 2a."""


@pytest.fixture(scope="module")
def script() -> str:
    try:
        return jssip.script()
    except jssip.NoJsSip as why:
        pytest.skip(f"JsSIP cannot be had: {why}")


def config(authority: Authority) -> str:
    """All that writes anything, writes."""
    certificate, key = authority.sign("sbc", SBC)
    extra = f'[realms.access.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n' + secrets.LEAVES + _STORE
    toml = sbc_config(access=("udp", "wss"), extra=extra)
    return toml.replace("[realms.access]\n", '[realms.access]\nmedia_security = "dtls"\n', 1)


def test_a_browser_calls_a_phone_and_both_hear_each_other(
    make_scene: MakeScene, tmp_path: Path, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing that the call leaves behind holds a secret."""
    stage = make_scene(one_pair((Nat(NatKind.SYMMETRIC),)), toml=config(Authority(tmp_path)))
    assert stage.sbc is not None
    folder = stage.sbc.config.parent
    peer = stage.baresip("uas", "bob")
    peer.wait_registered()
    wires = {side: stage.lab.host("sbc").capture(side) for side in ("access", "core")}
    settings = {"ws": f"wss://{SBC}:8443/", "domain": DOMAIN, "user": "alice", "password": password("alice")}
    settings |= {"callee": "bob", "calls": True, "raw": True}
    browser = Browser(stage.lab.host("phone-a"), script, settings, tmp_path / "sbc.crt")
    try:
        browser.wait("connection", state="connected")
        at_browser = browser.wait_hearing()
        wait_for(lambda: len(media(wires["core"].so_far(), SBC_CORE)) >= HEARD, what="audio for the phone", step=0.1)
        files = folder / "state.sqlite", folder / "store.key", tmp_path
        wait_for(lambda: len(secrets.of_store(*files)) > 2, what="the keys to be kept", step=0.2)
        kept = secrets.of_store(*files)
        shot = ARTIFACTS / "webrtc.png"
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        browser.screenshot(shot)
        left = {"console": console(stage, capsys)}
        browser.tell("hangup")
        browser.wait("ended")
        peer.wait_event("CALL_CLOSED")
    finally:
        browser.close()
    assert at_browser["transport"]["dtls"] == "connected" and at_browser["transport"]["srtp"], at_browser
    for wire in wires.values():
        wire.stop()
    said, heard = (media(wires["core"].packets, host) for host in (PEER, SBC_CORE))
    assert is_tone(heard, TONE) and not is_tone(heard, PEER_TONE), "the phone hears the browser, and not itself"
    assert is_tone(said, PEER_TONE)
    assert shot.read_bytes().startswith(b"\x89PNG")
    nothing_is_clear(wires["access"])
    assert stage.softswitch.complaints() == []
    (described,) = browser.said("described")
    hidden = kept | secrets.of_descriptions(described["texts"])
    hidden |= secrets.of_digests(each.data for each in wires["core"].sip_messages())
    assert len(hidden) >= 1 + 2 + 2 + 2, (
        "the store's key, two of media, two passwords of ICE, two answers to challenges"
    )
    hidden |= {password(user).encode() for user in ("alice", "bob")}
    left |= {"log": stage.sbc.process.output().encode()}
    left |= {each.name: each.read_bytes() for each in folder.glob("*.sqlite*")}
    left |= {name: (folder / name).read_bytes() for name in ("cdr.json", "audit.log")}
    assert b"call" in left["cdr.json"] and b"a=ice-pwd" in left["console"], "what is looked through is there"
    assert secrets.leaks(left, hidden) == []


@pytest.mark.parametrize("policy", ["balanced", "max-bundle"])
def test_audio_and_video_by_one_transport_and_by_two_pairs_of_ports_at_the_core(
    make_scene: MakeScene, tmp_path: Path, script: str, policy: str
) -> None:
    """What the browser says comes back to it, heard and seen, by one port and one handshake."""
    stage = make_scene(one_pair((Nat(NatKind.SYMMETRIC),)), toml=config(Authority(tmp_path)))
    phone, mirror = stage.phone("uas", "bob"), Mirror(stage.lab.host("uas"))
    phone.describes = mirror.describe
    phone.register()
    wire = stage.lab.host("sbc").capture("access")
    settings = {"ws": f"wss://{SBC}:8443/", "domain": DOMAIN, "user": "alice", "password": password("alice")}
    settings |= {"callee": "bob", "calls": True, "raw": True, "video": True, "bundle": policy}
    browser = Browser(stage.lab.host("phone-a"), script, settings, tmp_path / "sbc.crt")
    try:
        browser.wait("connection", state="connected")
        browser.wait_hearing()
        seen = wait_for(lambda: _sees(browser), 2 * PATIENCE, "the page to see", 0.2)
        wait_for(lambda: min(mirror.heard[kind] for kind in KINDS) >= HEARD, 2 * PATIENCE, "media of both", 0.2)
        wait_for(lambda: min(mirror.reports[kind] for kind in KINDS) > 0, 2 * PATIENCE, "reports of both", 0.2)
        browser.tell("hangup")
        browser.wait("ended")
    finally:
        browser.close()
        mirror.close()
        wire.stop()
    assert seen["transports"] == 1 and seen["transport"]["dtls"] == "connected"
    assert set(mirror.kinds["audio"]) == {0}
    assert len(mirror.kinds["video"]) == 1 and 0 not in mirror.kinds["video"]
    media_ports = {each.src[1] for each in wire.packets if each.protocol == "udp" and each.src[0] == SBC}
    assert len(media_ports) == 1, "audio, video, RTCP, handshake and checks go by one port"
    assert stage.softswitch.complaints() == []


def _sees(browser: Browser) -> dict[str, Any] | None:
    """What the page says of its call when it has got enough video, decoded."""
    for said in reversed(browser.said("stats")):
        if min(((said.get("seen") or {}).get(what) or 0) for what in ("packets", "frames")) >= 20:
            return said
    return None


def console(stage: Scene, capsys: pytest.CaptureFixture[str]) -> bytes:
    """All that the console says of the one call."""
    assert stage.sbc is not None

    def ask(*words: str) -> str:
        assert main(["ctl", "--config", str(stage.sbc.config), *words]) == 0  # type: ignore[union-attr]
        return capsys.readouterr().out

    (call,) = [row["id"] for row in json.loads(ask("--json", "calls"))]
    about = [("call", call), ("trace", call), ("trace", call, "--full"), ("why", call), ("streams",), ("usage",)]
    about += [("bindings",), ("realms",), ("paths",), ("media",), ("status",), ("counters",), ("refusals",)]
    return "".join(ask(*way, *words) for words in about for way in ((), ("--json",))).encode()


def media(packets: Iterable[Packet], source: str) -> list[Packet]:
    """RTP of PCMU from a host."""
    return [
        each
        for each in packets
        if each.protocol == "udp" and each.src[0] == source and len(each.payload) == 172 and each.payload[1] & 0x7F == 0
    ]


def is_tone(packets: list[Packet], frequency: int) -> bool:
    """Whether more than half of the energy of what PCMU packets hold is at that frequency (Goertzel)."""
    samples = [_ULAW[octet] for each in packets[HEARD // 2 : HEARD] for octet in each.payload[12:]]
    turn = 2 * math.cos(2 * math.pi * frequency / 8000)
    one = two = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
    power = (one * one + two * two - turn * one * two) / (len(samples) / 2)
    return power > sum(each * each for each in samples) / 2


def nothing_is_clear(wire: Capture) -> None:
    """Of what passes the access side nothing can be read: signalling is TLS, media is SRTP, after STUN and DTLS."""
    kinds = {_kind(each.payload) for each in wire.packets if each.protocol == "udp" and each.payload}
    assert {"stun", "dtls", "srtp"} <= kinds, kinds
    assert not wire.find(b"SIP/2.0") and not wire.find(b"a=crypto")
    tones = [each for each in wire.packets if each.protocol == "udp" and len(each.payload) == 172]
    assert not any(each.payload[1] & 0x7F == 0 and is_tone([each] * HEARD, TONE) for each in tones[:10])


def _kind(data: bytes) -> str:
    """Which protocol a datagram is of (RFC 7983)."""
    first = data[0]
    return "stun" if first < 4 else "dtls" if 20 <= first <= 63 else "srtp" if 128 <= first <= 191 else "other"
