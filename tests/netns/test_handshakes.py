"""Phones that are not ours secure their media: by DTLS, with ICE or without, and by keys in their signalling (SDES).
Who they call, and who calls them, speaks plain RTP.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.netns.capture import Capture
from tests.netns.hearing import media_of, wait_media_both_ways
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.topology import home, one_pair

MakeScene = Callable[..., Scene]
SYMMETRIC = (Nat(NatKind.SYMMETRIC),)
MODULES = "module dtls_srtp.so\nmodule ice.so\nmodule srtp.so\n"
PLAIN = 172
"""Octets of a packet of RTP with 20 ms of PCMU."""


def secured_config() -> str:
    toml = sbc_config(extra='[media]\nengine = "twisted"\n')
    toml = toml.replace("[realms.access]\n", '[realms.access]\nmedia_security = "optional"\n')
    return toml + "[realms.access.srtp]\nsdes_over_clear = true\n"


def sizes(wire: Capture, outgoing: bool) -> set[int]:
    return {len(packet.payload) for packet in media_of(wire.so_far(), "rtp", outgoing)}


def test_phones_that_shake_hands_call_one_that_does_not(make_scene: MakeScene) -> None:
    """The one checks by ICE first; the other, behind a NAT of which it knows nothing, shows a cookie."""
    stage = make_scene(
        one_pair(SYMMETRIC, SYMMETRIC) + home("c", "203.0.113.13", nats=SYMMETRIC), toml=secured_config()
    )
    alice = stage.baresip("phone-a", "alice", more=MODULES, secured="mediaenc=dtls_srtp;medianat=ice")
    carol = stage.baresip("phone-c", "carol", more=MODULES, secured="mediaenc=dtls_srtp")
    bob = stage.baresip("phone-b", "bob")
    assert stage.sbc is not None
    for phone in (alice, carol, bob):
        phone.wait_registered()
    for number, (host, phone) in enumerate((("phone-a", alice), ("phone-c", carol)), 1):
        here, there = (stage.lab.host(each).capture() for each in (host, "phone-b"))
        phone.dial("bob")
        phone.wait_event("CALL_ESTABLISHED")
        wait_media_both_ways(here)
        wait_media_both_ways(there)
        phone.hangup()
        bob.wait_event("CALL_CLOSED", number)
        assert sizes(there, True) == sizes(there, False) == {PLAIN}
        assert min(sizes(here, True) | sizes(here, False)) > PLAIN
        here.stop()
        there.stop()
    assert stage.softswitch.complaints() == []


def test_phones_that_say_their_keys_call_and_are_called_by_one_that_does_not(make_scene: MakeScene) -> None:
    """The one demands SRTP when it calls; the other takes the keys that are offered beside plain RTP."""
    stage = make_scene(
        one_pair(SYMMETRIC, SYMMETRIC) + home("c", "203.0.113.13", nats=SYMMETRIC), toml=secured_config()
    )
    alice = stage.baresip("phone-a", "alice", more=MODULES, secured="mediaenc=srtp-mand")
    carol = stage.baresip("phone-c", "carol", more=MODULES, secured="mediaenc=srtp")
    bob = stage.baresip("phone-b", "bob")
    assert stage.sbc is not None
    for phone in (alice, carol, bob):
        phone.wait_registered()
    for number, (host, caller, called) in enumerate((("phone-a", alice, "bob"), ("phone-c", bob, "carol")), 1):
        here, there = (stage.lab.host(each).capture() for each in (host, "phone-b"))
        caller.dial(called)
        caller.wait_event("CALL_ESTABLISHED")
        wait_media_both_ways(here)
        wait_media_both_ways(there)
        caller.hangup()
        bob.wait_event("CALL_CLOSED", number)
        assert sizes(there, True) == sizes(there, False) == {PLAIN}
        assert min(sizes(here, True) | sizes(here, False)) > PLAIN
        here.stop()
        there.stop()
    assert stage.softswitch.complaints() == []
