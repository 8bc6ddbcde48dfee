"""Gateways of MGCP that are audited through the SBC, behind two NATs at the same private address: what they say of
their connections is what the call agent knows of them, and what they count is what the SBC counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.netns.gateway_scene import GatewayScene, gateway_config, gateway_volumes
from tests.netns.hiding import assert_hidden
from tests.netns.mgcp_endpoint import Leg
from tests.netns.mgcp_wire import AGENT_PORT, MgcpMessage, Peer, description, media_of
from tests.netns.nat import Nat, NatKind
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., GatewayScene]
NATS = (Nat(NatKind.PORT_RESTRICTED),), (Nat(NatKind.SYMMETRIC),)
TABLES = '[store]\nsqlite = "state.sqlite"\n[cdr]\njson = "cdr.json"\nsqlite = "cdr.sqlite"\ninterim = 0.5\n'
WANTED = "F: C,N,L,M,P,LC,RC"
OPTIONS = "L: p:20, a:PCMA"


def test_gateways_that_are_audited(make_gateway_scene: MakeScene) -> None:
    stage = make_gateway_scene(one_pair(*NATS), gateway_config("mgcp", front=TABLES))
    agent, entity = stage.agent, f"ca@[{FIRST.softswitch_address}]:{AGENT_PORT}"
    agent.notified = entity
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    gateways = [stage.endpoint(name) for name in ("phone-a", "phone-b")]
    assert gateways[0].domain == gateways[1].domain, "both have one private address"
    peers: list[Peer] = []
    for number, each in enumerate(gateways, 1):
        assert each.announce() == 200
        peers.append(agent.wait_command("RSIP", number).source)
    name = f"aaln/1@[{FIRST.sbc_core}]"

    made = [agent.command(to, "CRCX", name, "C: 2A", OPTIONS, "M: recvonly") for to in peers]
    assert [each.code for each in made] == [200, 200]
    assert {each.transaction for each in agent.provisional} == {"1"}, "that they are at work is heard, too"
    assert {each.bodies for each in agent.provisional} == {each.bodies for each in made}
    for each in gateways:
        wait_for(lambda own=each: own.acknowledged, what="the gateway to hear that its response has arrived")  # type: ignore[misc]
    ids = [each["I"] for each in made]
    ends = [(peers[0], ids[0], made[1].media), (peers[1], ids[1], made[0].media)]
    for to, id, there in ends:
        more = ("C: 2A", f"I: {id}", OPTIONS, "M: sendrecv")
        assert agent.command(to, "MDCX", name, *more, body=description(*there)).code == 200
    legs = [each.leg() for each in gateways]
    assert all(media_of(each.remote)[0] == FIRST.sbc_access for each in legs)
    assert talk(legs[0].phone, legs[1].phone, packets=50, reports=5).whole

    for (to, id, there), own, leg in zip(ends, made, legs, strict=True):
        told = agent.command(to, "AUCX", name, f"I: {id}", WANTED)
        assert told.code == 200 and [told[each] for each in ("C", "L", "M")] == ["2A", OPTIONS[3:], "sendrecv"]
        assert told["N"] == entity, "as the agent had said it"
        assert [media_of(each) for each in told.bodies] == [own.media, there], "its own end first"
        asks = (to, "AUCX", name, f"I: {id}", "F: P")
        wait_for(lambda asks=asks, leg=leg: counts(agent.command(*asks)) == volume(leg), what="the same figures")  # type: ignore[misc]
        (only,) = agent.command(to, "AUCX", name, f"I: {id}", "F: RC").bodies
        assert media_of(only) == there
        (only,) = agent.command(to, "AUCX", name, f"I: {id}", "F: LC").bodies
        assert media_of(only) == own.media
        listed = agent.command(to, "AUEP", name, "F: A,I,N,ES")
        assert (listed["I"], listed["N"], listed["ES"]) == (id, entity, "hu")
    every = agent.command(peers[0], "AUEP", f"*@[{FIRST.sbc_core}]")
    assert [value for key, value in every.lines if key == "Z"] == [name, f"aaln/2@[{FIRST.sbc_core}]"]
    assert agent.command(peers[0], "AUCX", name, "I: 77", WANTED).code == 515
    assert agent.command(peers[0], "AUEP", f"aaln/9@[{FIRST.sbc_core}]", "F: I").code == 500

    both = sorted((each[:2], each[2:]) for each in map(volume, legs))
    wait_for(lambda: gateway_volumes(written(stage), 2) == both, what="the volume to be written")

    # the SBC is killed: what was answered is told again, and audits go on
    last = agent.responses[-1].transaction
    stage.stage.sbc = stage.sbc.kill_and_restart()
    assert agent.send(peers[0], last).code == 500
    assert len([each for each in gateways[0].commands if each.endpoint.startswith("aaln/9")]) == 1, "asked once"
    told = agent.command(peers[0], "AUCX", name, f"I: {ids[0]}", WANTED)
    assert [media_of(each) for each in told.bodies] == [made[0].media, ends[0][2]]

    gone = [agent.command(to, "DLCX", name, "C: 2A", f"I: {id}") for to, id, _ in ends]
    ends_counted = [volume(each) for each in legs]
    assert [each.code for each in gone] == [250, 250] and [counts(each) for each in gone] == ends_counted
    assert agent.command(peers[0], "AUCX", name, f"I: {ids[0]}", WANTED).code == 515
    [record] = wait_for(lambda: records(stage.sbc.config.parent / "cdr.json"), what="the record")
    assert len(record["parts"]) == 2, "both are one call"
    assert sorted(figures(each["figures"]) for each in record["reported"]) == sorted(ends_counted)
    assert gateway_volumes([record], 2) == both
    assert_hidden(core, access)


def written(stage: GatewayScene) -> list[dict[str, Any]]:
    """The open records, as a crash would leave them."""
    with closing(sqlite3.connect(stage.stage.sbc.config.parent / "cdr.sqlite")) as database:
        return [json.loads(data) for (data,) in database.execute("SELECT data FROM calls WHERE state = 'open'")]


def counts(message: MgcpMessage) -> tuple[int, int, int, int]:
    counted = message.counted
    return counted["PS"], counted["PR"], counted["OS"], counted["OR"]


def volume(leg: Leg) -> tuple[int, int, int, int]:
    packets, octets = leg.phone.volume()
    return (*packets, *octets)


def figures(said: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(said[f"{what}_{way}"]) for what in ("packets", "octets") for way in ("sent", "received"))
