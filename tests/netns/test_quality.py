"""How well media comes, on real networks: a clean call, one whose way to the SBC loses and delays, and one in
which a phone sends far more than it may."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sbc.core.message import Flow
from sbc.core.orders import Rate
from sbc.policy.bandwidth import allowed
from sbc.policy.demand import Bandwidth
from tests.netns.nat import Nat, NatKind
from tests.netns.phone_call import PhoneCall
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import SoftswitchPlan
from tests.netns.talk import open_media
from tests.netns.test_cdr import records
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import PATIENCE, wait_for

GATEWAY = SoftswitchPlan(gateway=f"{FIRST.core_net}.3:5060")
PCMU = (Flow("audio PCMU/8000"),)
BUCKET = allowed(PCMU, PCMU, "rtp", Bandwidth(), None) or Rate(0, 0)
PACKET = 172
BATCH = 900
EVERY = 25  # packets of which one is lost
LOSES = f"""
table inet worse {{
    chain forward {{
        type filter hook forward priority 0;
        udp dport 20000-20999 udp dport & 1 == 0 numgen inc mod {EVERY} == 0 counter drop
    }}
}}
"""


def spoken(stage: Scene, alice: Any, gateway: Any, number: int, swing: float, packets: int) -> dict[str, Any]:
    """The record of a call in which both have spoken, alice with every second packet late."""
    assert stage.sbc is not None
    call: PhoneCall = alice.dial(f"900{number}").wait("up")
    taken = gateway.wait_call(number).wait("up")
    open_media([(call, taken)])
    call.media.swing = swing
    reports = packets // 20
    for each in (call, taken):
        each.send_batch(BATCH + number, packets, reports)
    wait_for(lambda: call.media.idle and taken.media.idle, what="all to be sent")
    wait_for(lambda: call.media.counts(BATCH + number) == (packets, reports), what="the gateway to be heard")
    lost = packets // EVERY if swing else 0  # the NAT counts: whichever the first is
    wait_for(lambda: taken.media.counts(BATCH + number) == (packets - lost, reports), what="alice to be heard")
    assert call.bye().status == 200
    file = stage.sbc.config.parent / "cdr.json"
    return wait_for(lambda: records(file, number + 1), what="the record")[number]


def flooded(stage: Scene, alice: Any, gateway: Any, number: int) -> dict[str, Any]:
    """The record of a call in which alice sends eight times what her codec takes, and the gateway what it should."""
    assert stage.sbc is not None
    call: PhoneCall = alice.dial(f"900{number}").wait("up")
    taken = gateway.wait_call(number).wait("up")
    open_media([(call, taken)])
    call.media.hurry = 8
    began = time.monotonic()
    call.send_batch(BATCH + number, 800, 0)
    taken.send_batch(BATCH + number, 50, 5)
    wait_for(lambda: call.media.idle and taken.media.idle, what="all to be sent")
    took = time.monotonic() - began
    wait_for(lambda: call.media.counts(BATCH + number) == (50, 5), what="all of the honest one to be heard")
    assert call.bye().status == 200
    file = stage.sbc.config.parent / "cdr.json"
    record: dict[str, Any] = wait_for(lambda: records(file, number + 1), what="the record")[number]
    heard, policed = taken.media.counts(BATCH + number)[0], record["streams"][0]["sides"][0]["drops"].get("policed", 0)
    assert 0 < heard * PACKET <= BUCKET.burst + BUCKET.octets * (took + 1.0)
    if BUCKET.burst + BUCKET.octets * (took + 1.0) < 800 * PACKET:  # else the machine was too slow to send too much
        assert policed > 0
    return record


def test_loss_and_jitter_stand_in_the_record_and_cost_score(make_scene: Callable[..., Scene]) -> None:
    toml = sbc_config(FIRST, extra='[cdr]\njson = "cdr.json"\n')
    stage = make_scene(one_pair((Nat(NatKind.PORT_RESTRICTED),)), plan=GATEWAY, toml=toml)
    alice, gateway = stage.phone("phone-a", "alice"), stage.phone("uas", "gateway")
    assert alice.register().status == 200
    clean = spoken(stage, alice, gateway, 0, 0.0, 110)
    stage.lab.host("nat-a").run(["nft", "-f", "-"], stdin=LOSES)
    worse = spoken(stage, alice, gateway, 1, 0.015, 200)
    stage.lab.host("nat-a").run(["nft", "delete", "table", "inet", "worse"])
    greedy = flooded(stage, alice, gateway, 2)
    for side in (*clean["streams"][0]["sides"], *worse["streams"][0]["sides"], greedy["streams"][0]["sides"][1]):
        assert "policed" not in side["drops"]

    for record, least in ((clean, 110), (worse, 200)):
        for side in record["streams"][0]["sides"]:
            quality, received = side["quality"], side["received"]["rtp"]["packets"]
            assert received <= quality["expected"] <= received + quality["lost"] + 1
            assert quality["expected"] >= least and quality["duplicates"] == 0
            assert quality["rtt"] is not None and 0.0 <= quality["rtt"] < 1000.0 * PATIENCE
            assert quality["jitter"] is not None and quality["missed"] == 0
    fine, near, far = (each["quality"] for each in (*clean["streams"][0]["sides"][:1], *worse["streams"][0]["sides"]))
    assert fine["lost"] == far["lost"] == 0
    assert 0.5 / EVERY <= near["lost"] / near["expected"] <= 1.5 / EVERY
    assert near["jitter"] > 5.0
    assert near["mos"] < 4.2 and worse["mos"] == min(near["mos"], far["mos"])  # a machine without time delays both ways
    if fine["jitter"] < 20.0:  # else the machine had no time for the clean call either
        assert clean["mos"] > near["mos"]
