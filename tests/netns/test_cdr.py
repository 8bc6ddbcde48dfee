"""Call detail records on real networks: what they count is what the phones counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sbc.admin.ctl import main
from tests.netns.nat import Nat, NatKind
from tests.netns.phone_media import PRIME, PhoneMedia
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import DOMAIN, SoftswitchPlan
from tests.netns.talk import talk
from tests.netns.topology import FIRST, PHONE, one_pair
from tests.netns.waiting import wait_for

GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
CDR = '[cdr]\njson = "cdr.json"\nsqlite = "cdr.sqlite"\n'


def sent_by(media: PhoneMedia) -> dict[str, int]:
    return {kind: sum(n for (what, _), n in media.sent.items() if what == kind) for kind in ("rtp", "rtcp")}


def heard_by(media: PhoneMedia) -> dict[str, int]:
    return {kind: sum(getattr(heard, kind) for heard in media.heard.values()) for kind in ("rtp", "rtcp")}


def packets(side: dict[str, Any], way: str) -> dict[str, int]:
    return {kind: volume["packets"] for kind, volume in side[way].items()}


def records(path: Path, least: int = 1) -> list[dict[str, Any]]:
    """All that are written, once there are so many; none before. What is being written is not there yet."""
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    found = [json.loads(line) for line in whole.splitlines()]
    return found if len(found) >= least else []


def test_a_record_counts_what_the_phones_counted(make_scene: Callable[..., Scene], capsys: Any) -> None:
    stage = make_scene(one_pair((Nat(NatKind.SYMMETRIC),)), plan=GATEWAY, toml=sbc_config(FIRST, extra=CDR))
    assert stage.sbc is not None
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    call = alice.dial("9001").wait("up")  # challenged once on the way
    taken = gateway.wait_call().wait("up")
    call.send_batch(PRIME, 10, 5)  # alice's NAT is open, and the SBC has latched, before anybody sends to her
    wait_for(lambda: taken.media.counts(PRIME) == (10, 5), what="the gateway to hear alice")
    assert talk(call, taken, packets=100, reports=10, opened=True).whole
    assert call.bye().status == 200

    file = stage.sbc.config.parent / "cdr.json"
    (record,) = wait_for(lambda: records(file), what="the record")
    assert record["complete"] and (record["ending"], record["ended_by"]) == ("normal", "caller")
    assert record["caller"] == f"alice@{DOMAIN}" and record["callee"].startswith("9001@")
    assert record["start"] <= record["ring"] <= record["answer"] <= record["end"]
    assert 2.0 <= record["duration"] < 60.0
    near, far = record["legs"]
    assert near["behind_nat"] and near["claimed"] == f"{PHONE}:5060" and not near["seen"].startswith("192.168.")
    assert far["seen"] == f"{FIRST.softswitch_address}:5060" and near["label"] != far["label"]

    (stream,) = record["streams"]
    assert (stream["kind"], stream["codecs"]) == ("audio", ["PCMU/8000", "telephone-event/8000"])
    access, core = stream["sides"]
    assert packets(access, "received") == sent_by(call.media) == {"rtp": 110, "rtcp": 15}
    assert packets(access, "sent") == heard_by(call.media) == {"rtp": 100, "rtcp": 10}
    assert packets(core, "received") == sent_by(taken.media) == {"rtp": 100, "rtcp": 10}
    assert packets(core, "sent") == heard_by(taken.media) == {"rtp": 110, "rtcp": 15}
    assert access["received"]["rtp"]["octets"] == 110 * 172 and access["drops"] == core["drops"] == {}
    assert (
        access["signalled"]["rtp"].startswith(f"{PHONE}:")
        and access["latched"].split(":")[0] == near["seen"].split(":")[0]
    )
    assert access["assigned"]["rtp"].startswith(f"{FIRST.sbc_access}:")

    def told() -> str:
        assert main(["cdr", "--config", str(stage.sbc.config), "--user", "alice", "--json"]) == 0
        return str(capsys.readouterr().out)

    # which has a writer of its own, and a row from the call's beginning on
    wait_for(lambda: json.loads(told() or "null") == record, what="the database to hold the same")
    assert main(["cdr", "--file", str(file), "--sum"]) == 0
    assert re.search(r"^1 calls, 1 answered, 0 incomplete", capsys.readouterr().out)
