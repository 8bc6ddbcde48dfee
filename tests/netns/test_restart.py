"""The SBC killed in mid-call on real networks, behind real NATs: with a store the calls go on."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.talk import open_media, talk
from tests.netns.test_cdr import records
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

TABLES = '[store]\nsqlite = "state.sqlite"\n[cdr]\njson = "cdr.json"\ninterim = 1.0\n'
LIMIT = 5.0
"""Seconds from a kill to media both ways, where the machine starts an SBC in less than a third of that."""


def killed(stage: Scene) -> float:
    """Kill the SBC and start it again; when it died."""
    assert stage.sbc is not None
    moment = time.monotonic()
    stage.sbc = stage.sbc.kill_and_restart()
    return moment


def kept(stage: Scene) -> list[str]:
    """How far each call in the store has come, as the exchange says that began it."""
    assert stage.sbc is not None
    with closing(sqlite3.connect(stage.sbc.config.parent / "state.sqlite")) as database:
        calls = [json.loads(value) for (value,) in database.execute("SELECT value FROM kept WHERE kind = 'call'")]
    return ["" if c["opening"] is None else c["exchanges"][c["opening"]]["state"] for c in calls]


def test_a_call_goes_on_through_kills_and_its_bye_works(make_scene: Callable[..., Scene], capsys: Any) -> None:
    stage = make_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),)), toml=sbc_config(FIRST, extra=TABLES, latch="strict"))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    assert alice.register().status == bob.register().status == 200
    assert stage.sbc is not None
    starts, took = [stage.sbc.took], []
    call = alice.dial("bob").wait("up")
    taken = bob.wait_call().wait("up")
    assert talk(call, taken).whole
    wait_for(lambda: kept(stage) == ["accepted", "accepted"], what="the calls to be written")
    for _ in range(3):
        moment = killed(stage)
        open_media([(call, taken)])
        took.append(time.monotonic() - moment)
        starts.append(stage.sbc.took)
        assert talk(call, taken, opened=True).whole
    with capsys.disabled():
        print("\nfrom kill -9 to RTP and RTCP both ways:", " ".join(f"{each:.2f}" for each in took), "s")
    assert sorted(took)[1] < max(LIMIT, 3 * max(starts)), f"until it listened it took {starts} s"
    taken.hold()
    assert taken.bye().status == 200
    call.wait("ended")

    assert stage.sbc is not None
    file = stage.sbc.config.parent / "cdr.json"
    found = wait_for(lambda: records(file, 2), what="records")
    assert Counter((r["ending"], r["resumed"], r["complete"]) for r in found) == {
        ("normal", 3, True): 2  # one for each leg of it: alice to the softswitch, the softswitch to bob
    }


def test_who_is_registered_is_called_and_who_rings_is_answered_after_a_kill(make_scene: Callable[..., Scene]) -> None:
    stage = make_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),)), toml=sbc_config(FIRST, extra=TABLES))
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob", on_invite="ring")
    assert alice.register().status == bob.register().status == 200
    call = alice.dial("bob")
    ringing = bob.wait_call()
    call.wait("ringing")
    # what has happened is written soon; it is two calls of the SBC's, each of which knows that it rings
    wait_for(lambda: kept(stage) == ["proceeding", "proceeding"], what="the calls to be written")
    killed(stage)
    ringing.answer()
    call.wait("up")
    assert talk(call, ringing).whole
    assert call.bye().status == 200
    ringing.wait("ended")
    wait_for(lambda: not kept(stage), what="their end to be written")
    killed(stage)
    second = alice.dial("bob")  # nobody has registered anew
    taken = bob.wait_call(1)
    taken.answer()
    second.wait("up")
    assert talk(second, taken).whole
    assert taken.bye().status == 200
