"""Prepaid on real networks: whatever forwards the media, a call ends when its account is used up, and none begins."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from sbc.ledger.charger import SPENT
from tests.netns.phone_media import PRIME
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softphone import Softphone
from tests.netns.softswitch import DOMAIN
from tests.netns.talk import talk
from tests.netns.test_cdr import GATEWAY, records
from tests.netns.test_charging import volume
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

TABLES = f"""
[cdr]
json = "cdr.json"
[prepaid]
file = "prepaid.sqlite"
[realms.{FIRST.access}.prepaid]
[control]
socket = "control"
[media]
engine = "ENGINE"
"""
BOUGHT = 60_000
HEADERS = 28
"""Octets of UDP's and IPv4's headers."""
WRITTEN = 1.2
"""Seconds after which what was booked is on file, and the state of a call in the store."""
ALICE = f"alice@{DOMAIN}"


def asked(stage: Scene, *words: str) -> Any:
    """What the SBC's console says."""
    assert stage.sbc is not None
    argv = [str(Path(sys.executable).with_name("sbc")), "ctl", "--config", str(stage.sbc.config), "--json", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def bought(make_scene: Callable[..., Scene], tables: str) -> tuple[Scene, Softphone, Softphone]:
    """A scene with alice, who is registered and has BOUGHT, and the gateway that she calls."""
    stage = make_scene(one_pair(), plan=GATEWAY, toml=sbc_config(FIRST, extra=tables))
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    asked(stage, "grant", ALICE, "--octets", str(BOUGHT))
    return stage, alice, gateway


@pytest.mark.parametrize("engine", ["twisted", "native", "kernel"])
def test_a_call_ends_with_its_account(make_scene: Callable[..., Scene], engine: str) -> None:
    tables = TABLES.replace("ENGINE", engine)
    stage, alice, gateway = bought(make_scene, tables)
    assert stage.sbc is not None
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    assert talk(call, taken).whole
    for each in (call, taken):
        each.send_batch(PRIME, 100_000, 0)
    call.wait("ended")
    taken.wait("ended")
    directory = stage.sbc.config.parent
    (record,) = wait_for(lambda: records(directory / "cdr.json"), what="the record")
    assert record["cause"].endswith(SPENT) and (record["ending"], record["ended_by"]) == ("spent", "sbc")
    (stream,) = record["streams"]
    access = stream["sides"][0]
    used = volume(access, "received", "ip_octets")[1] + volume(access, "sent", "ip_octets")[1]
    (account,) = asked(stage, "quota")
    assert account["octets_used"] == used >= BOUGHT and account["octets_left"] == 0
    again = alice.dial("9001")
    again.wait("ended")
    assert again.status == 402
    asked(stage, "grant", ALICE, "--octets", str(10 * BOUGHT + used))
    third = alice.dial("9001").wait("up")
    assert talk(third, gateway.wait_call(1).wait("up")).whole
    assert third.bye().status == 200


@pytest.mark.parametrize("engine", ["native", "kernel"])
def test_a_call_goes_on_being_paid_for_over_a_kill(make_scene: Callable[..., Scene], engine: str) -> None:
    """Whatever was booked before stays booked, once; and what is carried afterwards ends the call when that is due."""
    tables = TABLES.replace("ENGINE", engine) + '[store]\nsqlite = "state.sqlite"\n'
    stage, alice, gateway = bought(make_scene, tables)
    assert stage.sbc is not None
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    assert talk(call, taken).whole

    def account() -> dict[str, Any]:
        (found,) = asked(stage, "quota")
        return dict(found)

    def carried() -> int:
        packets, octets = (sum(each) for each in zip(call.media.went, call.media.came, strict=True))
        return octets + HEADERS * packets

    before = wait_for(lambda: account() if account()["octets_used"] == carried() else None, what="all to be booked")
    sleep(WRITTEN)
    stage.sbc = stage.sbc.kill_and_restart()
    stage.sbc.process.wait_output("1 calls and 1 bindings resumed")
    wait_for(lambda: account()["seconds_used"] > before["seconds_used"], what="the first look at the call")
    assert account()["octets_used"] == before["octets_used"], "nothing twice"
    assert talk(call, taken, opened=True).whole
    wait_for(lambda: account()["octets_used"] == carried(), what="what came since to be booked")
    for each in (call, taken):
        each.send_batch(PRIME, 100_000, 0)
    call.wait("ended")
    taken.wait("ended")
    wait_for(lambda: account()["octets_left"] == 0, what="the account to be used up")
