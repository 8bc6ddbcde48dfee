"""MGCP through the SBC and real NATs: osmo-mgw as the gateways, the lab's call agent in the core."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from tests.netns.gateway_call import Connection, join, mgcp_connection
from tests.netns.gateway_scene import GatewayScene, gateway_config, gateway_volumes
from tests.netns.hiding import assert_hidden
from tests.netns.mgcp_gateway import Gateway
from tests.netns.mgcp_wire import MgcpMessage, Peer
from tests.netns.nat import Nat, NatKind
from tests.netns.talk import talk
from tests.netns.test_cdr import records
from tests.netns.test_h323_life import counted
from tests.netns.topology import FIRST, one_pair
from tests.netns.waiting import wait_for

MakeScene = Callable[..., GatewayScene]
TABLES = '[store]\nsqlite = "state.sqlite"\n[cdr]\njson = "cdr.json"\n[control]\nsocket = "control"\n'
KEPT = f"[realms.{FIRST.access}.keepalive]\nperiod = 1.0\nanswer_within = 0.9\nmisses = 3\ntell_core = true\n"
SHORT = 5  # seconds after which the first home's NAT forgets, for as long as that is looked at
PATIENT = 120  # and else, so that nobody need be quick to start
NATS = (Nat(NatKind.PORT_RESTRICTED, PATIENT, PATIENT),), (Nat(NatKind.SYMMETRIC),)


def test_gateways_of_one_address_behind_two_nats(make_gateway_scene: MakeScene) -> None:
    """They announce themselves under one name, are connected with one another, talk, and count what the SBC counts;
    one is reached after its NAT would have forgotten it, after it has moved, and after a kill of the SBC."""
    front = TABLES + '[media]\nengine = "native"\n'
    stage = make_gateway_scene(one_pair(*NATS), gateway_config("mgcp", front=front, access=KEPT))
    agent = stage.agent
    sbc = stage.lab.host("sbc")
    core, access = sbc.capture("core"), sbc.capture("access")
    gateways = [stage.gateway(name) for name in ("phone-a", "phone-b")]
    peers: list[Peer] = []
    for each in gateways:
        assert each.announce().code == 200
        each.start()
        [told] = wait_for(lambda: restarts(stage, *peers), what="the call agent to hear of it")
        assert told.endpoint == f"*@[{FIRST.sbc_core}]", "both have one name there, too: their ports tell them apart"
        peers.append(told.source)
    assert {host for host, _ in peers} == {FIRST.sbc_core}
    assert len(set(peers)) == 2 and all(41000 <= port <= 41999 for _, port in peers)

    one, other = connect(stage, peers, gateways)
    assert {(each.source, each.transaction) for each in agent.responses} == {(to, "1") for to in peers}
    assert one.media[0] == other.media[0] == FIRST.sbc_core
    join(one, other)
    assert talk(one.phone, other.phone, packets=50, reports=5).whole
    both = [one.end(), other.end()]
    file = stage.sbc.config.parent / "cdr.json"
    assert wait_for(lambda: gateway_volumes(records(file), 2), what="the records") == sorted(both)

    ends = list(zip(peers, (one, other), strict=True))
    assert any(is_held(stage, ends, gateways[0]) for _ in range(3)), "their mappings are kept alive"

    # the SBC is killed in mid-call: a command whose answer was lost is not carried out again
    one, other = connect(stage, peers, gateways)
    join(one, other)
    number = [each for each in list(agent.responses) if each.source == peers[1]][-1].transaction
    log = gateways[1].log().count("MDCX: modifying")
    wait_for(lambda: is_kept(stage, one, other), what="the calls to be written")
    stage.stage.sbc = stage.sbc.kill_and_restart()
    assert agent.send(peers[1], number).code == 200
    assert gateways[1].log().count("MDCX: modifying") == log, "asked once"
    assert talk(one.phone, other.phone, packets=20, reports=2).whole
    both = [one.end(), other.end()]
    assert wait_for(lambda: gateway_volumes(records(file)[1:], 2), what="the records") == sorted(both)

    # a gateway vanishes in mid-call, of which the agent hears, and is back by another mapping
    one, other = connect(stage, peers, gateways)
    losses = len(said(stage, "forced", peers[1]))
    gateways[1].stop()
    wait_for(lambda: len(said(stage, "forced", peers[1])) > losses, what="the call agent to hear of the loss")
    assert counted(stage, "lost") >= 1
    one.end()
    stage.lab.host("nat-b").flush_nat()
    assert gateways[1].announce().code == 200
    wait_for(lambda: len(said(stage, "restart", peers[1])) >= 2, what="the agent to hear of it at its old place")
    gateways[1].start()
    for each in connect(stage, peers, gateways):
        each.end()
    assert agent.sources() == set(peers)
    assert_hidden(core, access)


def is_held(stage: GatewayScene, ends: list[tuple[Peer, Connection]], first: Gateway) -> bool:
    """Whether both gateways are reached after the first's NAT would have forgotten it. Where it has, since something
    stood still for so long, it begins anew."""
    remembers(stage, SHORT)
    asked = [stage.agent.command(to, "AUEP", end.names["endpoint"]).code for to, end in ends]  # from now on that counts
    since = time.monotonic()
    wait_for(lambda: time.monotonic() > since + SHORT + 1.0, what="the NAT to forget who does not speak", step=0.1)
    asked += [stage.agent.command(to, "AUEP", end.names["endpoint"]).code for to, end in ends]
    remembers(stage, PATIENT)
    stage.agent.command(ends[0][0], "AUEP", ends[0][1].names["endpoint"])
    if asked == [200] * 4:
        return True
    first.stop()
    assert first.announce().code == 200
    first.start()
    return False


def remembers(stage: GatewayScene, seconds: int) -> None:
    """From its next packet on the first home's NAT remembers each mapping for so long."""
    timeouts = [f"net.netfilter.nf_conntrack_udp_timeout{kind}={seconds}" for kind in ("", "_stream")]
    stage.lab.host("nat-a").run(["sysctl", "-qw", *timeouts])


def said(stage: GatewayScene, method: str, peer: Peer) -> list[MgcpMessage]:
    """The RSIPs of that method that the call agent has had of a gateway."""
    told = [each for each in list(stage.agent.commands) if each.verb == "RSIP" and each["RM"] == method]
    return [each for each in told if each.source == peer]


def restarts(stage: GatewayScene, *known: Peer) -> list[MgcpMessage]:
    """The first restart that the call agent has had of each gateway it did not know."""
    told = [each for each in list(stage.agent.commands) if each.verb == "RSIP" and each["RM"] == "restart"]
    return list({each.source: each for each in reversed(told) if each.source not in known}.values())


def is_kept(stage: GatewayScene, *ends: Connection) -> bool:
    """Whether the store has all calls, and in each that it has been told of the other."""
    with closing(sqlite3.connect(stage.sbc.config.parent / "state.sqlite")) as database:
        calls = [str(value) for (value,) in database.execute("SELECT value FROM kept WHERE kind = 'call'")]
    return len(calls) == len(ends) and all(f"{end.media[1]}" in call for call in calls for end in ends)


def connect(stage: GatewayScene, peers: list[Peer], gateways: list[Gateway]) -> list[Connection]:
    """A connection at each, under one CallId, at the same time."""
    call = f"{len(stage.agent.responses):x}"
    agent = stage.agent
    with ThreadPoolExecutor(2) as pool:
        made: list[Any] = [
            pool.submit(mgcp_connection, agent, to, each, call) for to, each in zip(peers, gateways, strict=True)
        ]
        return [each.result() for each in made]
