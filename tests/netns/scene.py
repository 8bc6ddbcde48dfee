"""A lab with its players on stage: softswitches, the SBC if there is one, phones. What tests and the demo begin with.

with scene(one_pair()) as stage:
    alice, bob = stage.phone("phone-a", "alice"), stage.phone("phone-b", "bob")
    alice.register()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.netns.baresipphone import BaresipPhone
from tests.netns.lab import Lab
from tests.netns.sbc_process import SbcProcess, sbc_config
from tests.netns.sippphone import SippPhone
from tests.netns.softphone import Account, Softphone
from tests.netns.softswitch import DOMAIN, Softswitch, SoftswitchPlan, password
from tests.netns.topology import FIRST, RealmPair, Topology


@dataclass
class Scene:
    """The lab and who plays in it. `proxies` gives for each segment the address its phones talk to."""

    lab: Lab
    proxies: dict[str, str]
    softswitches: dict[str, Softswitch] = field(default_factory=dict)
    sbc: SbcProcess | None = None
    phones: list[Softphone] = field(default_factory=list)

    @property
    def softswitch(self) -> Softswitch:
        """The first softswitch, in most labs the only one."""
        return next(iter(self.softswitches.values()))

    def proxy(self, host: str) -> str:
        """What a phone's proxy setting holds: the SBC's address in the access realm, the softswitch's in the core."""
        segments = self.lab.topology.segments()
        reached = {interface.segment for interface in self.lab.host(host).spec.interfaces}
        while True:  # from the phone outwards, NAT by NAT
            for segment, address in self.proxies.items():
                if segment in reached:
                    return address
            routers = [h for s in sorted(reached) for h, _ in segments[s] if h.nat is not None]
            wider = reached | {i.segment for h in routers for i in h.interfaces}
            if wider == reached:
                raise KeyError(f"{host} reaches no proxy")
            reached = wider

    def phone(self, host: str, user: str, on_invite: str = "answer", **more: object) -> Softphone:
        """A softphone on a host; it is closed with the scene, which fails if anything went wrong in it."""
        account = Account(user, password(user), DOMAIN, (self.proxy(host), 5060))
        place = self.lab.host(host)
        made = Softphone(account, place.address(), place.udp, on_invite=on_invite, **more)
        self.phones.append(made)
        return made

    def sipp(self, host: str, user: str, transport: str = "udp") -> SippPhone:
        return SippPhone(self.lab.host(host), user, f"{self.proxy(host)}:5060", DOMAIN, transport=transport)

    def baresip(
        self, host: str, user: str, answer: str = "auto", transport: str = "udp", more: str = "", **secured: Any
    ) -> BaresipPhone:
        proxy = self.proxy(host)
        if transport == "tls":
            proxy += ":5061"
        place = self.lab.host(host)
        return BaresipPhone(place, user, proxy, DOMAIN, answer=answer, transport=transport, more=more, **secured)

    def close(self) -> None:
        """End the players in order. RuntimeError if a phone or the SBC had a fault."""
        with ExitStack() as ending:
            if self.sbc is not None:
                ending.callback(self.sbc.stop)
            for phone in self.phones:
                ending.callback(phone.close)


@contextmanager
def scene(
    topology: Topology,
    pairs: Sequence[RealmPair] = (FIRST,),
    plan: SoftswitchPlan | None = None,
    toml: str = "",
    env: Mapping[str, str] = {},
) -> Iterator[Scene]:
    """The main stage: a softswitch for each realm pair and the SBC between, started at once, with `toml` or a plain
    configuration, in the environment `env`."""
    with Lab(topology) as lab:
        stage = Scene(lab, {pair.access: pair.sbc_access for pair in pairs})
        stage.proxies |= {pair.core: pair.softswitch_address for pair in pairs}
        for pair in pairs:
            stage.softswitches[pair.core] = Softswitch.start(lab.host(pair.softswitch), plan=plan or SoftswitchPlan())
        stage.sbc = SbcProcess.start(lab.host("sbc"), toml or sbc_config(*pairs), env)
        with ExitStack() as ending:
            ending.callback(stage.close)
            yield stage


@contextmanager
def bare_scene(topology: Topology, plan: SoftswitchPlan | None = None) -> Iterator[Scene]:
    """Phones and softswitch without an SBC: what the lab proves itself with."""
    with Lab(topology) as lab:
        host = lab.host("softswitch")
        stage = Scene(lab, {host.spec.interfaces[0].segment: host.address()})
        stage.softswitches["softswitch"] = Softswitch.start(host, plan=plan or SoftswitchPlan())
        with ExitStack() as ending:
            ending.callback(stage.close)
            yield stage
