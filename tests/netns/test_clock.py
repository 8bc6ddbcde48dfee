"""The clock is set by hours while the SBC works: registrations, calls and keepalives go on, also over a kill."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.netns.capture import Capture, sip_of
from tests.netns.nat import Nat, NatKind
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.test_restart import kept, killed
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

TABLES = '[store]\nsqlite = "state.sqlite"\n[cdr]\njson = "cdr.json"\ninterim = 1.0\n'
KEEPALIVE = f"[realms.{FIRST.access}.keepalive]\nperiod = 1\nanswer_within = 0.9\n"
HOURS = 4


class SetClock:
    """The time of day as the SBC is to see it: off by what is set."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "set_clock.so", folder / "off"
        source = Path(__file__).with_name("set_clock.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.env = {"LD_PRELOAD": str(library), "SET_CLOCK": str(self._file)}
        self.set(0)

    def set(self, seconds: int) -> None:
        with self._file.open("wb" if not self._file.exists() else "r+b") as file:
            file.write((seconds * 1_000_000_000).to_bytes(8, sys.byteorder, signed=True))


def asked(wire: Capture) -> int:
    """How often a terminal was asked whether it is there."""
    return sum(each.message.method == "OPTIONS" and not each.message.status for each in sip_of(wire.so_far()))


def test_a_clock_that_is_set_ends_nothing(make_scene: Callable[..., Scene], tmp_path: Path) -> None:
    clock = SetClock(tmp_path)
    toml = sbc_config(FIRST, extra=TABLES, extra_realm=KEEPALIVE)
    stage = make_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),)), toml=toml, env=clock.env)
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    assert alice.register().status == bob.register().status == 200
    assert stage.sbc is not None
    wire = stage.lab.host("phone-a").capture()
    began = time.monotonic()
    call = alice.dial("bob").wait("up")
    taken = bob.wait_call().wait("up")
    assert talk(call, taken).whole
    wait_for(lambda: kept(stage) == ["accepted", "accepted"], what="the calls to be written")

    for hours, way in ((HOURS, "on"), (-HOURS, "back")):
        clock.set(3600 * hours)
        said = f"the system's clock was set {way} by"
        wait_for(lambda: said in stage.sbc.process.output(), what="it to be noticed")  # noqa: B023 - at once
        before = asked(wire)
        wait_for(lambda: asked(wire) >= before + 2, what="keepalives")  # noqa: B023
        assert talk(call, taken).whole
    assert asked(wire) < 3 * (time.monotonic() - began), "a burst"
    second = bob.dial("alice").wait("up")  # both are registered still
    other = alice.wait_call(1).wait("up")
    assert second.bye().status == 200
    other.wait("ended")

    file = stage.sbc.config.parent / "cdr.json"
    wait_for(lambda: len(kept(stage)) == 2 and records(file, 2), what="its end to be written")
    killed(stage)  # what was written before the steps fits what is now
    assert talk(call, taken).whole
    assert taken.bye().status == 200
    call.wait("ended")
    lasted = time.monotonic() - began
    found = wait_for(lambda: records(file, 4), what="records")
    for record in found:
        assert record["complete"] and record["ending"] == "normal"
        assert 0.0 <= record["setup"] <= record["setup"] + record["duration"] <= lasted
