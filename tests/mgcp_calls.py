"""Conversations in MGCP that many tests begin with: gateways behind NATs, a call agent in the core."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.orders import Listener, Order, Send
from sbc.core.realm import Plan, Signaling
from sbc.mgcp.dialect import MgcpDialect
from tests.mgcp_messages import command, crcx, created, response, rsip, sdp
from tests.rig import SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, of

AGENT = SOFTSWITCH._replace(port=2727)
GATEWAY = Address("203.0.113.11", 2427)
OTHER = Address("203.0.113.12", 51_000)
PRIVATE = "192.168.1.10"
FAR = "198.51.100.77"
"""Where the call agent has media go that is for nobody of ours."""


def mgcp_plan(**more: Any) -> Plan:
    """Gateways at 2727, call agents behind 2427; a port of its own for each gateway."""
    plan = make_plan("mgcp", **{"signaling": Signaling.PORT_PER_TERMINAL, **more})
    ports = {"access": SBC_ACCESS._replace(port=2727), "core": SBC_CORE._replace(port=2427)}
    realms = {
        name: attrs.evolve(realm, listeners=(Listener(name, "mgcp", "udp", ports[name], ports[name]),))
        for name, realm in plan.realms.items()
    }
    return attrs.evolve(plan, realms=realms, paths=tuple(attrs.evolve(each, next_hops=(AGENT,)) for each in plan.paths))


def mgcp_rig(**more: Any) -> Rig:
    return Rig.make(MgcpDialect(), mgcp_plan(**more))


def sent(orders: list[Order], realm: str) -> list[Send]:
    """What is sent into a realm."""
    return [each for each in of(Send, orders) if each.listener.realm == realm]


@attrs.define
class Line:
    """A gateway that is registered, as the call agent and the tests speak with it: `port` is ours that stands for it,
    `name` its domain as the agent has it."""

    rig: Rig
    seen: Address
    port: Listener
    name: str
    number: int = 1000

    @classmethod
    def register(cls, rig: Rig, seen: Address = GATEWAY, domain: str = f"[{PRIVATE}]", number: int = 31) -> Line:
        (asked,) = sent(rig.from_access(rsip(number, domain), seen), "core")
        rig.from_core(response(200, asked.data), AGENT, at=asked.listener)
        return cls(rig, seen, asked.listener, asked.data.split()[2].partition(b"@")[2].decode())

    def agent(self, data: bytes) -> list[Order]:
        """The call agent says something to the gateway."""
        return self.rig.from_core(data, AGENT, at=self.port)

    def says(self, data: bytes) -> list[Order]:
        """The gateway says something."""
        return self.rig.from_access(data, self.seen)

    def asked(self, data: bytes) -> bytes:
        """What the gateway hears of a command of the call agent."""
        (heard,) = sent(self.agent(data), "access")
        assert heard.to == self.seen
        return heard.data

    def told(self, data: bytes) -> bytes:
        """What the call agent hears of what the gateway says."""
        (heard,) = sent(self.says(data), "core")
        assert (heard.listener, heard.to) == (self.port, AGENT)
        return heard.data

    def next(self) -> int:
        """The number of the call agent's next command."""
        self.number += 1
        return self.number

    def at(self, local: str = "aaln/1") -> str:
        """An endpoint, as the call agent calls it."""
        return f"{local}@{self.name}"

    def connect(self, connection: str = "1F", call: str = "2a", port: int = 4000, far: int = 6000) -> bytes:
        """A connection with a description of both sides; what the call agent hears."""
        described = sdp(FAR, far) if far else b""
        heard = self.asked(crcx(self.next(), self.at(), call, described))
        return self.told(created(heard, connection, PRIVATE, port))

    def ask(self, verb: str, *lines: str, local: str = "aaln/1") -> bytes:
        """A command about an endpoint, as the gateway hears it."""
        return self.asked(command(verb, self.next(), self.at(local), *lines))
