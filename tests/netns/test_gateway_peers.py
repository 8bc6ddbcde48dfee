"""The gateways and those who control them, without an SBC: osmo-mgw and the lab's call agent of MGCP, Erlang's megaco
as both ends of H.248."""

from __future__ import annotations

from collections.abc import Callable

from tests.netns.gateway_call import Connection, h248_connection, join, mgcp_connection
from tests.netns.gateway_scene import GatewayScene
from tests.netns.talk import talk
from tests.netns.topology import flat

MakeScene = Callable[..., GatewayScene]
TOPOLOGY = flat("agent", "gw-a", "gw-b")


def assert_talks(one: Connection, other: Connection) -> None:
    """Media goes both ways, and either gateway has counted what the other has."""
    join(one, other)
    assert talk(one.phone, other.phone, packets=20, reports=2).whole
    packets, octets = one.end()
    assert min(packets) >= 22 and min(octets) > 20 * 172
    assert other.end() == (packets[::-1], octets[::-1])


def test_osmo_mgw_and_the_call_agent(make_bare_gateway_scene: MakeScene) -> None:
    stage = make_bare_gateway_scene(TOPOLOGY, "mgcp")
    agent = stage.agent
    gateways = [stage.gateway(name) for name in ("gw-a", "gw-b")]
    for each in gateways:
        assert each.announce().code == 200
        each.start()
    peers = [agent.wait_command("RSIP", number).source for number in (1, 2)]
    assert peers == [(each.host.address(), 2427) for each in gateways]
    ends = [mgcp_connection(agent, to, each) for to, each in zip(peers, gateways, strict=True)]
    assert [(each.source, each.transaction) for each in agent.responses] == [(to, "1") for to in peers]
    assert_talks(*ends)
    assert agent.command(peers[0], "AUEP", ends[0].names["endpoint"]).code == 200
    assert agent.command(peers[0], "AUEP", f"*@{gateways[0].domain}").code == 500
    assert agent.command(peers[0], "DLCX", ends[0].names["endpoint"], "C: 99").code >= 400


def test_the_megaco_application_with_itself(make_bare_gateway_scene: MakeScene) -> None:
    """Pretty and compact text, and binary, in all versions, by UDP and TCP; each time a call between two of different
    kinds."""
    stage = make_bare_gateway_scene(TOPOLOGY, "h248", text="compact")
    controller = stage.controller
    number = 0
    for ways in (("udp:2944:pretty", "tcp:2945:binary:2"), ("udp:2945:binary:3", "tcp:2944:compact:3")):
        gateways = [stage.h248(name, way) for name, way in zip(("gw-a", "gw-b"), ways, strict=True)]
        for each in gateways:
            assert each.ask("connect") == "ok"
            assert each.register().terminations == ["root"]
        ends = [h248_connection(controller, number + place, each) for place, each in enumerate(gateways, 1)]
        assert [each.names["context"] for each in ends] == ["1", "1"], "the same number at two gateways"
        assert_talks(*ends)
        wrong = controller.request("Context=99{Subtract=*{Audit{}}}", number + 1)
        assert wrong.error == 431
        for each in gateways:
            stage.leave(each)
        number += 2
