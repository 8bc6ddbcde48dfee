"""A lab with H.323 players on stage: a gatekeeper of the tests' own in the core, the SBC if there is one, endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.netns.h323_endpoint import FAST, RAS_PORT, SLOW, H323Endpoint, Manner
from tests.netns.h323_gatekeeper import H323Gatekeeper
from tests.netns.h323_link import Place, Tls
from tests.netns.lab import Lab
from tests.netns.sbc_process import SbcProcess
from tests.netns.scene import Scene
from tests.netns.topology import FIRST, RealmPair, Topology

LISTENERS = """
[[realms.{name}.listeners]]
protocol = "h323"
transport = "udp"
address = "{address}"
port = 1719
[[realms.{name}.listeners]]
protocol = "h323"
transport = "tcp"
address = "{address}"
port = 1720
"""
"""Of a realm: for RAS, and for calls."""
REALM = """
[realms.{name}]
side = "{side}"
{more}
[realms.{name}.media]
address = "{address}"
ports = "20000-20999"
window = 3.0
"""
_REALM = REALM + "multiplexed = {port}\n" + LISTENERS

_PATH = """
[[paths]]
name = "{access}-{core}"
access = "{access}"
core = "{core}"
next_hops = ["{gatekeeper}:1719"]
signaling = "port-per-terminal"
signaling_ports = "41000-41999"
signaling_transports = ["tcp"]
"""


def h323_config(*pairs: RealmPair, behind_nat: int = 60, front: str = "", multiplexed: int = 0) -> str:
    """A configuration (TOML) that joins each pair's access realm to its core realm, whose gatekeeper is the next hop.
    `behind_nat`: the lifetime that terminals behind a NAT are told; `front`: more about their registrations;
    `multiplexed`: the port that all media of terminals may come to."""
    text = "[drain]\nlimit = 0.0\n[timers]\naudit = 1.0\n"
    for pair in pairs or (FIRST,):
        told = f"[realms.{pair.access}.registrations]\nbehind_nat = {behind_nat}\n{front}"
        text += _REALM.format(name=pair.access, side="access", address=pair.sbc_access, more=told, port=multiplexed)
        text += _REALM.format(name=pair.core, side="core", address=pair.sbc_core, more="", port=0)
        text += _PATH.format(access=pair.access, core=pair.core, gatekeeper=pair.softswitch_address)
    return text


@dataclass
class H323Scene:
    """The lab and who plays in it."""

    stage: Scene
    gatekeepers: dict[str, H323Gatekeeper] = field(default_factory=dict)
    endpoints: list[H323Endpoint] = field(default_factory=list)

    @property
    def lab(self) -> Lab:
        return self.stage.lab

    @property
    def gatekeeper(self) -> H323Gatekeeper:
        """The first gatekeeper, in most labs the only one."""
        return next(iter(self.gatekeepers.values()))

    @property
    def sbc(self) -> SbcProcess:
        if self.stage.sbc is None:
            raise ValueError("there is no SBC in this scene")
        return self.stage.sbc

    def endpoint(
        self, host: str, names: tuple[str, ...] | str, manner: Manner = SLOW, tls: Tls | None = None, **more: Any
    ) -> H323Endpoint:
        """An endpoint on a host, whose gatekeeper is the SBC, or without one the gatekeeper itself; its connections are
        secured with `tls`. It is closed with the scene, which fails if anything went wrong in it."""
        where, place = (self.stage.proxy(host), RAS_PORT), Place.of(self.lab.host(host))
        made = H323Endpoint(names, replace(place, tls=tls), where, manner, **more)
        self.endpoints.append(made)
        return made

    def gateway(self, host: str, name: str, port: int, on_setup: str = "answer") -> H323Endpoint:
        """One that registers with nobody, and takes calls at a port."""
        place, media = Place.of(self.lab.host(host)), 30_000 + 20 * (port - 1720)
        made = H323Endpoint(name, place, None, FAST, on_setup, ras_port=port + 1000, signal_port=port, media_port=media)
        self.endpoints.append(made)
        return made

    def close(self) -> None:
        """End the players in order. RuntimeError if one of them, or the SBC, had a fault."""
        with ExitStack() as ending:
            ending.callback(self.stage.close)
            for gatekeeper in self.gatekeepers.values():
                ending.callback(gatekeeper.close)
            for endpoint in self.endpoints:
                ending.callback(endpoint.close)


@contextmanager
def h323_scene(
    topology: Topology, toml: str = "", pairs: Sequence[RealmPair] = (FIRST,), routed: bool = False, ttl: int = 3600
) -> Iterator[H323Scene]:
    """A gatekeeper for each realm pair and the SBC between, with `toml` or a plain configuration."""
    with Lab(topology) as lab:
        stage = Scene(lab, {pair.access: pair.sbc_access for pair in pairs})
        scene = H323Scene(stage)
        with ExitStack() as ending:
            ending.callback(scene.close)
            for pair in pairs:
                scene.gatekeepers[pair.core] = H323Gatekeeper(Place.of(lab.host(pair.softswitch)), routed, ttl)
            stage.sbc = SbcProcess.start(lab.host("sbc"), toml or h323_config(*pairs))
            yield scene


@contextmanager
def h323_bare_scene(topology: Topology, routed: bool = False) -> Iterator[H323Scene]:
    """A gatekeeper (on the host of that name) and endpoints without an SBC: what the lab proves itself with."""
    with Lab(topology) as lab:
        host = lab.host("gatekeeper")
        scene = H323Scene(Scene(lab, {host.spec.interfaces[0].segment: host.address()}))
        with ExitStack() as ending:
            ending.callback(scene.close)
            scene.gatekeepers["gatekeeper"] = H323Gatekeeper(Place.of(host), routed)
            yield scene
