"""Phones that are not ours secure their media: by DTLS, with ICE or without, and by keys in their signalling (SDES).
Who they call, and who calls them, speaks plain RTP.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from sbc.core.keyed import MARGIN
from tests.netns.capture import Capture
from tests.netns.hearing import media_of, wait_media_both_ways
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.topology import home, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., Scene]
SYMMETRIC = (Nat(NatKind.SYMMETRIC),)
MODULES = "module dtls_srtp.so\nmodule ice.so\nmodule srtp.so\n"
PLAIN = 172
"""Octets of a packet of RTP with 20 ms of PCMU."""


STORE = '[store]\nsqlite = "state.sqlite"\nkey_file = "store.key"\n'
ENGINES = pytest.mark.parametrize("engine", ["twisted", "native"])


def secured_config(engine: str, extra: str = "") -> str:
    toml = sbc_config(extra=f'[media]\nengine = "{engine}"\n{extra}')
    toml = toml.replace("[realms.access]\n", '[realms.access]\nmedia_security = "optional"\n')
    return toml + "[realms.access.srtp]\nsdes_over_clear = true\n"


def sizes(wire: Capture, outgoing: bool) -> set[int]:
    return {len(packet.payload) for packet in media_of(wire.so_far(), "rtp", outgoing)}


@ENGINES
def test_phones_that_shake_hands_call_one_that_does_not(make_scene: MakeScene, engine: str) -> None:
    """The one checks by ICE first; the other, behind a NAT of which it knows nothing, shows a cookie, and its RTCP has
    a port, a handshake and keys of its own."""
    stage = make_scene(
        one_pair(SYMMETRIC, SYMMETRIC) + home("c", "203.0.113.13", nats=SYMMETRIC), toml=secured_config(engine)
    )
    alice = stage.baresip("phone-a", "alice", more=MODULES, secured="mediaenc=dtls_srtp;medianat=ice")
    carol = stage.baresip("phone-c", "carol", more=MODULES, secured="mediaenc=dtls_srtp", mux=False)
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
        if phone is carol:
            before = bob.count_events("CALL_RTCP")
            carol.wait_event("CALL_RTCP")
            bob.wait_event("CALL_RTCP", before + 1)
            apart, beside = (media_of(here.so_far(), kind, True) for kind in ("rtcp", "rtp"))
            assert apart and not {each.src for each in apart} & {each.src for each in beside}
        phone.hangup()
        bob.wait_event("CALL_CLOSED", number)
        assert sizes(there, True) == sizes(there, False) == {PLAIN}
        assert min(sizes(here, True) | sizes(here, False)) > PLAIN
        here.stop()
        there.stop()
    assert stage.softswitch.complaints() == []


@ENGINES
def test_phones_that_say_their_keys_call_and_are_called_by_one_that_does_not(
    make_scene: MakeScene, engine: str
) -> None:
    """The one demands SRTP when it calls; the other takes the keys that are offered beside plain RTP."""
    stage = make_scene(
        one_pair(SYMMETRIC, SYMMETRIC) + home("c", "203.0.113.13", nats=SYMMETRIC), toml=secured_config(engine)
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


def kept_calls(stage: Scene) -> int:
    """How many calls are in the store; what they are nobody can read there."""
    assert stage.sbc is not None
    with closing(sqlite3.connect(stage.sbc.config.parent / "state.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM kept WHERE kind = 'call'").fetchone()
    return int(count)


def number_of(srtcp: bytes) -> int:
    """That of a packet of SRTCP, by the suite that baresip likes best."""
    return int.from_bytes(srtcp[-14:-10], "big") & 0x7FFFFFFF


def reported(wire: Capture) -> list[int]:
    """The sequence numbers up to which a phone's peer says that it has heard the phone, of the reports that came."""
    found = []
    for packet in media_of(wire.so_far(), "rtcp", outgoing=False):
        data = packet.payload
        while len(data) >= 8:
            block = {200: 28, 201: 8}.get(data[1])
            if block is not None and data[0] & 0x1F:
                found.append(int.from_bytes(data[block + 10 : block + 12], "big"))
            data = data[4 + 4 * int.from_bytes(data[2:4], "big") :]
    return found


def test_a_call_whose_keys_were_said_goes_on_through_a_kill(make_scene: MakeScene) -> None:
    """Killed in the first seconds, when of what was counted nothing is kept; and what each sends the other can read,
    since it reports how far it has heard."""
    stage = make_scene(one_pair(SYMMETRIC, SYMMETRIC), toml=secured_config("native", STORE))
    alice = stage.baresip("phone-a", "alice", more=MODULES, secured="mediaenc=srtp-mand")
    bob = stage.baresip("phone-b", "bob")
    for phone in (alice, bob):
        phone.wait_registered()
    first = stage.lab.host("phone-a").capture()
    alice.dial("bob")
    alice.wait_event("CALL_ESTABLISHED")
    wait_media_both_ways(first)
    wait_for(lambda: kept_calls(stage) == 2, what="the calls to be written")
    assert stage.sbc is not None
    reports = alice.count_events("CALL_RTCP")
    stage.sbc = stage.sbc.kill_and_restart()
    here, there = (stage.lab.host(each).capture() for each in ("phone-a", "phone-b"))
    wait_media_both_ways(here)
    wait_media_both_ways(there)
    sent = int.from_bytes(media_of(there.so_far(), "rtp", outgoing=True)[0].payload[2:4], "big")
    wait_for(
        lambda: any((number - sent) % 0x10000 < 0x8000 for number in reported(there)),
        what="alice's report that she has heard what bob said after the kill",
    )
    alice.wait_event("CALL_RTCP", reports + 1)
    after = media_of(here.so_far(), "rtcp", outgoing=False)
    assert after and all(number_of(packet.payload) > MARGIN for packet in after), "no number is used twice"
    assert sizes(there, True) == sizes(there, False) == {PLAIN}
    assert min(sizes(here, True) | sizes(here, False)) > PLAIN
    alice.hangup()
    bob.wait_event("CALL_CLOSED")
    wait_for(lambda: kept_calls(stage) == 0, what="the calls to be taken out")
    first.stop()
    here.stop()
    there.stop()
    assert stage.softswitch.complaints() == []
