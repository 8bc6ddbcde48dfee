"""A lab with media gateways on stage: a call agent of MGCP or a controller of H.248 in the core, the SBC if there is
one, gateways behind NATs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.netns.h248_peers import BINARY_PORT, TEXT_PORT, H248Peer
from tests.netns.h323_scene import REALM
from tests.netns.lab import Lab
from tests.netns.mgcp_agent import CallAgent
from tests.netns.mgcp_endpoint import MgcpEndpoint
from tests.netns.mgcp_gateway import Gateway
from tests.netns.mgcp_wire import AGENT_PORT, GATEWAY_PORT
from tests.netns.sbc_process import SbcProcess
from tests.netns.scene import Scene
from tests.netns.topology import FIRST, Topology

_LISTENER = """
[[realms.{name}.listeners]]
protocol = "{protocol}"
transport = "{transport}"
address = "{address}"
port = {port}
"""
_PATH = """
[[paths]]
name = "main"
access = "{access}"
core = "{core}"
next_hops = ["{agent}:{port}"]
signaling = "port-per-terminal"
signaling_ports = "41000-41999"
{more}
"""
_H248 = [(transport, port) for port in (TEXT_PORT, BINARY_PORT) for transport in ("udp", "tcp")]


def gateway_config(protocol: str, front: str = "", access: str = "", port: int = 0, transport: str = "") -> str:
    """A configuration (TOML) for gateways of `protocol` (``mgcp``, ``h248``). `front` stands first, `access` in the
    access realm. `port` of the controller, where that is not the usual one; `transport`: how it is reached."""
    text = "[drain]\nlimit = 0.0\n[timers]\naudit = 1.0\n" + front
    ways = {"mgcp": ([("udp", AGENT_PORT)], [("udp", GATEWAY_PORT)]), "h248": (_H248, _H248)}[protocol]
    sides = (FIRST.access, "access", FIRST.sbc_access, access), (FIRST.core, "core", FIRST.sbc_core, "")
    for (name, side, address, more), listeners in zip(sides, ways, strict=True):
        text += REALM.format(name=name, side=side, address=address, more=more)
        for way, at in listeners:
            text += _LISTENER.format(name=name, protocol=protocol, transport=way, address=address, port=at)
    agent = port or {"mgcp": AGENT_PORT, "h248": TEXT_PORT}[protocol]
    more = f'transport = "{transport}"' if transport else ""
    return text + _PATH.format(
        access=FIRST.access, core=FIRST.core, agent=FIRST.softswitch_address, port=agent, more=more
    )


Volume = tuple[tuple[int, int], tuple[int, int]]
"""(Packets sent, received), (octets sent, received) of a gateway, RTP and RTCP together."""


def gateway_volumes(records: list[dict[str, Any]], least: int) -> list[Volume]:
    """What records say of each stream's side that faces a gateway, in order; nothing if there are fewer than `least`.
    What a gateway has sent the SBC has received."""
    found = []
    for record in records:
        for stream in record["streams"]:
            sides = [side for side in stream["sides"] if side["assigned"]["rtp"].startswith(f"{FIRST.sbc_access}:")]
            for side in sides:
                ways = [side["received"].values(), side["sent"].values()]
                packets, octets = ([sum(each[what] for each in way) for way in ways] for what in ("packets", "octets"))
                found.append(((packets[0], packets[1]), (octets[0], octets[1])))
    return sorted(found) if len(found) >= least else []


@dataclass
class GatewayScene:
    """The lab and who plays in it. `agent` speaks MGCP, `controller` H.248; a scene has the one that was asked for."""

    stage: Scene
    agents: list[CallAgent] = field(default_factory=list)
    controllers: list[H248Peer] = field(default_factory=list)
    gateways: list[Gateway | MgcpEndpoint | H248Peer] = field(default_factory=list)

    @property
    def lab(self) -> Lab:
        return self.stage.lab

    @property
    def agent(self) -> CallAgent:
        return self.agents[0]

    @property
    def controller(self) -> H248Peer:
        return self.controllers[0]

    @property
    def sbc(self) -> SbcProcess:
        if self.stage.sbc is None:
            raise ValueError("there is no SBC in this scene")
        return self.stage.sbc

    def gateway(self, host: str) -> Gateway:
        """A gateway of MGCP on a host, whose call agent is the SBC, or without one the agent itself. It is closed with
        the scene, which fails if anything went wrong in it."""
        made = Gateway(self.lab.host(host), self.stage.proxy(host))
        self.gateways.append(made)
        return made

    def endpoint(self, host: str) -> MgcpEndpoint:
        """The same of the lab's own, which is audited and says more than osmo-mgw does."""
        made = MgcpEndpoint(self.lab.host(host), self.stage.proxy(host))
        self.gateways.append(made)
        return made

    def h248(self, host: str, way: str) -> H248Peer:
        """The same of H.248, by a way as `H248Peer` has it."""
        port = int(way.split(":")[1])
        made = H248Peer(self.lab.host(host), "mg", way, agent=(self.stage.proxy(host), port))
        self.gateways.append(made)
        return made

    def leave(self, gateway: Gateway | MgcpEndpoint | H248Peer) -> None:
        """End a gateway before the scene ends."""
        self.gateways.remove(gateway)
        gateway.close()

    def close(self) -> None:
        """End the players in order. RuntimeError if one of them, or the SBC, had a fault."""
        with ExitStack() as ending:
            ending.callback(self.stage.close)
            for each in [*self.agents, *self.controllers, *self.gateways]:
                ending.callback(each.close)


@contextmanager
def gateway_scene(topology: Topology, toml: str, text: str = "pretty") -> Iterator[GatewayScene]:
    """Whoever the configuration's protocol wants in the core, and the SBC; `text` is how an H.248 controller writes."""
    with Lab(topology) as lab:
        scene = GatewayScene(Scene(lab, {FIRST.access: FIRST.sbc_access}))
        with ExitStack() as ending:
            ending.callback(scene.close)
            _core(scene, FIRST.softswitch, 'protocol = "h248"' in toml, text)
            scene.stage.sbc = SbcProcess.start(lab.host("sbc"), toml)
            yield scene


@contextmanager
def bare_gateway_scene(topology: Topology, protocol: str, text: str = "pretty") -> Iterator[GatewayScene]:
    """Gateways, and who controls them on the host `agent`, without an SBC: what the lab proves itself with."""
    with Lab(topology) as lab:
        host = lab.host("agent")
        scene = GatewayScene(Scene(lab, {host.spec.interfaces[0].segment: host.address()}))
        with ExitStack() as ending:
            ending.callback(scene.close)
            _core(scene, "agent", protocol == "h248", text)
            yield scene


def _core(scene: GatewayScene, where: str, h248: bool, text: str) -> None:
    host = scene.lab.host(where)
    if not h248:
        scene.agents.append(CallAgent(host.udp(AGENT_PORT)))
        return
    words = [f"{transport}:{port}:{'binary' if port == BINARY_PORT else text}" for transport, port in _H248]
    scene.controllers.append(H248Peer(host, "mgc", *words))
