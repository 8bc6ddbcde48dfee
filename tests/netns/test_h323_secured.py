"""H.323 whose media is secured on one side (H.235.8): a terminal that sends and takes SRTP, behind a NAT, and a plain
one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.netns.capture import Capture, media_kind
from tests.netns.h323_endpoint import TUNNEL, Manner
from tests.netns.h323_scene import H323Scene, h323_config
from tests.netns.h323_srtp import AES_32, AES_80, TAGS, SecuredMedia
from tests.netns.h323_tshark import malformed
from tests.netns.nat import Nat, NatKind
from tests.netns.talk import talk
from tests.netns.topology import one_pair

PLAIN = 172
"""Octets of a packet of RTP with 20 ms of PCMU."""


def config(engine: str) -> str:
    toml = h323_config().replace("[realms.access]\n", '[realms.access]\nmedia_security = "optional"\n')
    toml = toml.replace("[realms.core]\n", '[realms.core]\nmedia_security = "none"\n')
    return f'[media]\nengine = "{engine}"\n{toml}[realms.access.srtp]\nsdes_over_clear = true\n'


def sizes(wire: Capture) -> set[int]:
    """Of all packets of RTP but those that only keep a NAT open; RAS may look like such a one."""
    media = (each.payload for each in wire.so_far() if each.protocol == "udp" and media_kind(each.payload) == "rtp")
    return {size for each in media if (size := len(each)) >= PLAIN}


@pytest.mark.parametrize(("engine", "suite"), [("native", AES_80), ("twisted", AES_32)])
def test_a_secured_terminal_and_a_plain_one(make_h323_scene: Callable[..., H323Scene], engine: str, suite: str) -> None:
    """Either calls the other, with channels in the tunnel and by fast connect. The core sees no key and no SRTP, nor
    does the plain terminal; each call has keys of its own, and each direction."""
    stage = make_h323_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),), ()), config(engine))
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    at_alice, at_bob = stage.lab.host("phone-a").capture(), stage.lab.host("phone-b").capture()
    manner = replace(TUNNEL, secured=suite, traversal=True)
    alice, bob = stage.endpoint("phone-a", "alice", manner), stage.endpoint("phone-b", ("bob", "200"), TUNNEL)
    alice.register()
    bob.register()
    keys = []
    for number, (caller, name, fast) in enumerate(((alice, "200", False), (alice, "200", True), (bob, "alice", False))):
        alice.manner, bob.manner = replace(manner, fast=fast), Manner(tunnel=True, fast=fast)
        call = caller.dial(name).wait("up").wait_flowing()
        other = bob if caller is alice else alice
        taken = other.wait_call(number).wait("up").wait_flowing()
        assert call.fast == taken.fast == fast
        assert talk(call, taken, packets=10, reports=1).whole
        media = (call if caller is alice else taken).media
        assert isinstance(media, SecuredMedia) and media.keys.into is not None and media.forged == 0
        keys += [media.keys.mine, media.keys.theirs]
        call.release()
        assert taken.wait("ended").cause == 16
    assert len(set(keys)) == len(keys)
    assert sizes(at_alice) == {PLAIN + TAGS[suite]} and sizes(at_bob) == {PLAIN}
    said = [core.path, at_bob.path]
    for wire in (core, at_bob, access):
        wire.stop()
    assert not any(key[:16] in path.read_bytes() for key in keys for path in said)
    assert malformed(core.path) == malformed(access.path) == []
