"""Charging by volume on real networks: what is told is what the far ends counted, octet by octet."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sbc.admin.ctl import main
from tests.netns.lab import LabHost
from tests.netns.nat import Nat, NatKind
from tests.netns.phone_media import PRIME
from tests.netns.radius import SECRET, RadiusServer
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import DOMAIN
from tests.netns.talk import talk
from tests.netns.test_cdr import GATEWAY, records
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

TABLES = f"""
[store]
sqlite = "state.sqlite"
[cdr]
json = "cdr.json"
[accounting]
book = "accounts.sqlite"
interim = 1.0
[accounting.csv]
file = "usage.csv"
[accounting.radius]
servers = ["{FIRST.softswitch_address}"]
secret_file = "radius.secret"
timeout = 0.3
tries = 2
rest = 0.5
[control]
socket = "control"
[media]
engine = "ENGINE"
"""

COUNTER = f"""
table inet volume {{
  counter came {{ }}
  counter went {{ }}
  chain in {{
    type filter hook input priority 0
    udp sport 20000-20999 ip saddr {FIRST.sbc_core} counter name came
  }}
  chain out {{
    type filter hook output priority 0
    udp dport 20000-20999 ip daddr {FIRST.sbc_core} counter name went
  }}
}}
"""


def counted(host: LabHost) -> dict[str, tuple[int, int]]:
    """Packets and octets of whole IP packets of media, as the host's own kernel has counted them."""
    told = json.loads(host.run(["nft", "-j", "list", "counters"]))["nftables"]
    found = [each["counter"] for each in told if "counter" in each]
    return {each["name"]: (each["packets"], each["bytes"]) for each in found}


def volume(side: dict[str, Any], way: str, octets: str = "octets") -> tuple[int, int]:
    """Packets and octets of RTP and RTCP together."""
    return sum(each["packets"] for each in side[way].values()), sum(each[octets] for each in side[way].values())


def written(stage: Scene) -> list[tuple[int, int]]:
    """What each open record in the book says to have come from both sides."""
    assert stage.sbc is not None
    with closing(sqlite3.connect(stage.sbc.config.parent / "accounts.sqlite")) as database:
        rows = [json.loads(data) for (data,) in database.execute("SELECT data FROM calls WHERE state = 'open'")]
    return [volume(side, "received") for row in rows for stream in row["streams"] for side in stream["sides"]]


def forwarders(stage: Scene, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Which engine forwards each stream now."""
    assert stage.sbc is not None
    assert main(["ctl", "--config", str(stage.sbc.config), "--json", "streams"]) == 0
    return [row["engine"] for row in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize("engine", ["twisted", "native", "kernel"])
def test_what_is_told_is_what_the_far_ends_counted(
    make_scene: Callable[..., Scene], engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "radius.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    tables = TABLES.replace("ENGINE", engine).replace("radius.secret", str(secret))
    stage = make_scene(one_pair((Nat(NatKind.SYMMETRIC),)), plan=GATEWAY, toml=sbc_config(FIRST, extra=tables))
    assert stage.sbc is not None
    server = RadiusServer(stage.lab.host("softswitch"), FIRST.sbc_core)
    server.start()
    stage.lab.host("uas").run(["nft", "-f", "-"], stdin=COUNTER)
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    call = alice.dial("9001").wait("up")
    taken = gateway.wait_call().wait("up")
    call.send_batch(PRIME, 10, 5)  # alice's NAT is open, and the SBC has latched, before anybody sends to her
    wait_for(lambda: taken.media.counts(PRIME) == (10, 5), what="the gateway to hear alice")
    assert talk(call, taken, opened=True).whole
    wait_for(lambda: server.taken("Start"), what="the start at the RADIUS server")

    server.stop()
    # the kernel, once it knows all
    wait_for(lambda: forwarders(stage, capsys) == [engine], what=f"{engine} to forward")
    call.hold()
    call.resume()
    assert talk(call, taken, opened=True).whole
    expected = sorted([tuple(call.media.went), tuple(taken.media.went)])
    wait_for(lambda: sorted(written(stage)) == expected, what="the volume to be written")
    stage.sbc = stage.sbc.kill_and_restart()
    stage.sbc.process.wait_output("1 calls and 1 bindings resumed")  # the media ports are open, too
    assert talk(taken, call, opened=True).whole  # the gateway first: the way to alice is known, to her reports, too
    call.hold()
    call.resume()
    assert talk(call, taken, opened=True).whole
    assert call.bye().status == 200
    taken.wait("ended")

    directory = stage.sbc.config.parent
    (record,) = wait_for(lambda: records(directory / "cdr.json"), what="the record")
    assert record["complete"] and (record["resumed"], record["ending"]) == (1, "normal")
    assert record["terminal"] == {"realm": FIRST.access, "user": f"alice@{DOMAIN}", "registered": True}
    (stream,) = record["streams"]
    access, core = stream["sides"]
    assert access["drops"] == core["drops"] == {}
    assert volume(access, "received") == tuple(call.media.went) and volume(access, "sent") == tuple(call.media.came)
    assert volume(core, "received") == tuple(taken.media.went) and volume(core, "sent") == tuple(taken.media.came)
    wire = counted(stage.lab.host("uas"))
    assert volume(core, "received", "ip_octets") == wire["went"] and volume(core, "sent", "ip_octets") == wire["came"]

    stage.sbc.process.wait_output("does not answer")
    assert not server.taken("Stop")
    server.start()
    wait_for(lambda: server.taken("Stop"), what="the stop at the RADIUS server")
    (stop,) = server.taken("Stop")
    (start,) = server.taken("Start")
    assert stop["Acct-Session-Id"] == start["Acct-Session-Id"] == record["record"]
    assert [each["Acct-Status-Type"] for each in server.taken()][:1] == ["Start"]
    assert server.taken()[-1] == stop, "in order: nothing of the session comes behind its stop"
    packets, octets = volume(access, "received", "ip_octets")
    assert (int(stop["Acct-Input-Packets"]), int(stop["Acct-Input-Octets"])) == (packets, octets)
    packets, octets = volume(access, "sent", "ip_octets")
    assert (int(stop["Acct-Output-Packets"]), int(stop["Acct-Output-Octets"])) == (packets, octets)
    assert stop["Acct-Terminate-Cause"] == "User-Request"
    with (directory / "usage.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["session"], row["in_ip_octets"]) == (record["record"], stop["Acct-Input-Octets"])
    server.stop()
