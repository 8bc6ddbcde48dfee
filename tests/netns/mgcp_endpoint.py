"""A gateway of MGCP (RFC 3435) for exact assertions: what osmo-mgw has not. It is audited (AUCX, AUEP), says first that
it is at work (100), and wants to hear that its final responses have arrived (an empty K:).

It is as simple as a gateway can be: its telephones are its connections, each with RTP ports of its own, and it counts
what these have sent and heard. Each command is carried out once, however often it comes. It runs in a thread, and
shares no code with `sbc`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.netns.mgcp_wire import AGENT_PORT, GATEWAY_PORT, MgcpMessage, compose, description, media_of, parse
from tests.netns.phone_loop import PhoneLoop, datagrams
from tests.netns.rtp_phone import RtpPhone
from tests.netns.waiting import wait_for

if TYPE_CHECKING:
    import socket

    from tests.netns.lab import LabHost

_AGAIN = 0.5


@dataclass
class Leg:
    """A connection: its call, whom it notifies, how it is to be, its telephone, what was said of either end."""

    call: str
    notified: str
    options: str
    mode: str
    phone: RtpPhone
    local: str
    remote: str = ""

    @property
    def counted(self) -> str:
        """ConnectionParameters, of RTP and RTCP together."""
        (sent, heard), (out, into) = self.phone.volume()
        return f"PS={sent}, OS={out}, PR={heard}, OR={into}, PL=0, JI=3, LA=9"


class MgcpEndpoint:
    """A gateway on a host whose call agent is at `agent`."""

    def __init__(self, host: LabHost, agent: str, names: tuple[str, ...] = ("aaln/1", "aaln/2")) -> None:
        self.host, self.agent, self.names = host, agent, names
        self.domain = f"[{host.address()}]"
        self.legs: dict[tuple[str, str], Leg] = {}
        self.commands: list[MgcpMessage] = []  # each once
        self.acknowledged: list[str] = []  # transactions of responses that were said to have arrived (000)
        self.response = 0  # the code of the response to RSIP
        self._answered: dict[str, list[bytes]] = {}
        self._ports = itertools.count(5000, 2)
        self._numbers = itertools.count(1)
        self._announcing = b""
        self._due: float | None = None
        self.sock = host.udp(GATEWAY_PORT)
        self.sock.setblocking(False)
        self.loop = PhoneLoop("mgcp endpoint", self._tick, lambda: [] if self._due is None else [self._due])
        self.loop.watch(self.sock, self._readable)
        self.loop.start()

    # What a test asks.

    def announce(self, method: str = "restart") -> int:
        """Send RSIP for all endpoints until it is answered; the code of that."""

        def begin() -> None:
            self._announcing = compose(f"RSIP {next(self._numbers)} *@{self.domain} MGCP 1.0", (f"RM: {method}",))
            self.response, self._due = 0, 0.0

        self.loop.do(begin)
        return wait_for(lambda: self.response, what=f"{self.host.name}: an answer to RSIP")

    def leg(self, number: int = 0) -> Leg:
        """One of its connections, in the order in which they were made."""
        return list(self.legs.values())[number]

    def close(self) -> None:
        """End it. RuntimeError if something went wrong in its thread."""
        self.loop.close()
        self.sock.close()
        for each in self.legs.values():
            each.phone.close()
        if self.loop.faults:
            raise RuntimeError(f"{self.host.name}: {self.loop.faults}")

    # What happens in the thread.

    def _tick(self, now: float) -> None:
        if self._due is not None and self._due <= now:
            self.sock.sendto(self._announcing, (self.agent, AGENT_PORT))
            self._due = now + _AGAIN

    def _readable(self, sock: socket.socket) -> None:
        for data, source in datagrams(sock):
            message = parse(data, source)
            if message.code >= 200:
                self.response, self._due = message.code, None
            elif message.verb == "000":
                self.acknowledged.append(message.transaction)
            elif not message.verb.isdigit():
                if message.transaction not in self._answered:
                    self.commands.append(message)
                    self._answered[message.transaction] = self._answers(message)
                for each in self._answered[message.transaction]:
                    sock.sendto(each, source)

    def _answers(self, asked: MgcpMessage) -> list[bytes]:
        local = asked.endpoint.partition("@")[0]
        carried_out = {"CRCX": self._create, "MDCX": self._modify, "DLCX": self._delete, "AUCX": self._audit}
        if asked.verb == "AUEP":
            return self._audit_endpoint(asked, local)
        if asked.verb not in carried_out:
            return [compose(f"200 {asked.transaction} OK")]
        if asked.verb != "CRCX" and (local, asked.get("I")) not in self.legs:
            return [compose(f"515 {asked.transaction} no such connection")]
        return carried_out[asked.verb](asked, local)

    def _create(self, asked: MgcpMessage, local: str) -> list[bytes]:
        number = f"{len(self.commands):X}A"
        port = next(self._ports)
        body = description(self.host.address(), port)
        said = (asked["C"], asked.get("N"), asked.get("L"), asked.get("M"))
        self.legs[local, number] = Leg(*said, RtpPhone(self.host, port), body)
        self._remote(self.legs[local, number], asked)
        final = compose(f"200 {asked.transaction} OK", (f"I: {number}", "K:"), body)
        return [compose(f"100 {asked.transaction} at work", (f"I: {number}",), body), final]

    def _modify(self, asked: MgcpMessage, local: str) -> list[bytes]:
        leg = self.legs[local, asked["I"]]
        leg.mode = asked.get("M") or leg.mode
        self._remote(leg, asked)
        return [compose(f"200 {asked.transaction} OK")]

    def _remote(self, leg: Leg, asked: MgcpMessage) -> None:
        if asked.bodies:
            leg.remote = asked.bodies[0]
            leg.phone.towards(*media_of(leg.remote))

    def _delete(self, asked: MgcpMessage, local: str) -> list[bytes]:
        leg = self.legs.pop((local, asked["I"]))
        counted = leg.counted
        leg.phone.close()
        return [compose(f"250 {asked.transaction} OK", (f"P: {counted}",))]

    def _audit(self, asked: MgcpMessage, local: str) -> list[bytes]:
        """What is asked for (F:), in the order of RFC 3435 section 3.4: the local description first."""
        leg = self.legs[local, asked["I"]]
        wanted = [each.strip().upper() for each in asked.get("F").split(",")]
        known = {"C": leg.call, "N": leg.notified, "L": leg.options, "M": leg.mode, "P": leg.counted}
        lines = tuple(f"{name}: {value}" for name, value in known.items() if name in wanted)
        bodies = [body for name, body in (("LC", leg.local), ("RC", leg.remote)) if name in wanted]
        return [compose(f"200 {asked.transaction} OK", lines, "\r\n".join(bodies))]

    def _audit_endpoint(self, asked: MgcpMessage, local: str) -> list[bytes]:
        if "*" in local:
            return [compose(f"200 {asked.transaction} OK", tuple(f"Z: {each}@{self.domain}" for each in self.names))]
        if local not in self.names:
            return [compose(f"500 {asked.transaction} unknown")]
        legs = {number: leg for (name, number), leg in self.legs.items() if name == local}
        lines = [f"I: {','.join(legs)}"] if legs else []
        lines += [f"N: {leg.notified}" for leg in legs.values()]
        return [
            compose(f"200 {asked.transaction} OK", (*lines, "A: a:PCMA, p:20-40, v:L, m:sendrecv;recvonly", "ES: hu"))
        ]
