"""A customer in a VPN of its own: a phone behind a NAT, a softswitch, and what either has seen of anybody. Everything
that one customer says is what the others say, to the octet, but for its name."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.netns.lab import Lab, LabHost
from tests.netns.namespace import inside
from tests.netns.sip import SipMessage
from tests.netns.topology import PHONE, Host, Interface, Topology, home
from tests.netns.waiting import PATIENCE

SBC_ACCESS, SBC_CORE, SOFTSWITCH, NAT = "203.0.113.1", "198.51.100.1", "198.51.100.2", "203.0.113.11"
MEDIA, PACKETS = 16_384, 10
_SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 8\r\n"
_PLACE = re.compile(rb"c=IN IP4 (\S+).*m=audio (\d+)", re.DOTALL)
_LENGTH = re.compile(rb"(?im)^content-length:\s*(\d+)")
_ALL = 3  # linux/if_ether.h: ETH_P_ALL


@dataclass
class Customer:
    """One of them. `label` is what its realms have in ``[realms.NAME.network]``, `access` and `core` the SBC's
    addresses there, `beside` the host that the SBC's interfaces are on."""

    name: str
    label: str
    beside: str = "sbc"
    access: str = SBC_ACCESS
    core: str = SBC_CORE

    @property
    def sign(self) -> str:
        """What its messages and packets say, and nobody's tag, branch or timestamp by chance."""
        return f"nobody-else-is-{self.name}"

    def topology(self) -> Topology:
        """All of it but the host with the SBC's interfaces."""
        switch = Host(f"switch-{self.name}", (Interface(f"core-{self.name}", (f"{SOFTSWITCH}/24",)),))
        return home(self.name, NAT, f"acc-{self.name}") + Topology((switch,))

    def feet(self) -> tuple[Interface, Interface]:
        """The SBC's interfaces."""
        return (
            Interface(f"acc-{self.name}", (f"{self.access}/24",)),
            Interface(f"core-{self.name}", (f"{self.core}/24",)),
        )

    def toml(self, transport: str) -> str:
        """Its realms and path; the softswitch is reached by TCP."""
        text = ""
        for side, address, spoken in (("access", self.access, (transport,)), ("core", self.core, ("tcp",))):
            name = f"{side}-{self.name}"
            text += f'[realms.{name}]\nside = "{side}"\n[realms.{name}.network]\n{self.label}\n'
            text += (
                f'[realms.{name}.media]\naddress = "{address}"\nports = "20000-20099"\nlatch = "strict"\nwindow = 0.5\n'
            )
            for each in spoken:
                text += f'[[realms.{name}.listeners]]\nprotocol = "sip"\ntransport = "{each}"\n'
                text += f'address = "{address}"\nport = 5060\n'
        path = f'name = "{self.name}"\naccess = "access-{self.name}"\ncore = "core-{self.name}"\n'
        return text + f'[[paths]]\n{path}next_hops = ["{SOFTSWITCH}:5060"]\n'


@dataclass
class Line:
    """A TCP connection or UDP socket as one end speaks SIP by it."""

    sock: socket.socket
    to: tuple[str, int] | None = None  # of datagrams
    rest: bytes = b""

    def send(self, data: bytes) -> None:
        if self.to is None:
            self.sock.sendall(data)
        else:
            self.sock.sendto(data, self.to)

    def hear(self) -> SipMessage:
        """The next message."""
        return SipMessage.parse(self._whole())

    def _whole(self) -> bytes:
        if self.to is not None:
            data, source = self.sock.recvfrom(65_535)
            assert source == self.to
            return data
        while True:
            head, blank, rest = self.rest.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if blank and length is not None and len(rest) >= int(length[1]):
                self.rest = rest[int(length[1]) :]
                return head + blank + rest[: int(length[1])]
            more = self.sock.recv(65_535)
            assert more, "the connection is closed"
            self.rest += more


@dataclass
class End:
    """A phone or softswitch of a running lab, with its media socket and a look at all that passes its host."""

    host: LabHost
    customer: Customer
    own: str
    media: socket.socket
    wire: socket.socket
    line: Line | None = None
    there: tuple[str, int] = ("", 0)  # where the other end takes media
    payloads: list[bytes] = field(default_factory=list)

    @classmethod
    def make(cls, host: LabHost, customer: Customer, own: str) -> End:
        def look() -> socket.socket:
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            wire.setblocking(False)
            return wire

        wire = inside(host.netns, look)
        host.lab.sockets.append(wire)
        return cls(host, customer, own, host.udp(MEDIA), wire)

    def says(self, message: SipMessage) -> None:
        assert self.line is not None
        self.line.send(message.encode())

    def hears(self, method: str, status: int = 0) -> SipMessage:
        """The next request of that method, or answer to one; whatever is repeated or provisional is passed over, and
        who is asked by the SBC whether it lives says so. Nothing may be another customer's."""
        assert self.line is not None
        give_up = time.monotonic() + 2 * PATIENCE
        while True:
            assert time.monotonic() < give_up, f"{self.own} is asked whether it lives, and does not hear {method}"
            message = self.line.hear()
            if message.method == "OPTIONS":
                self.says(self.answer(message))
                continue
            assert message.get("subject") in (self.customer.sign, ""), message  # of the SBC's own, 100 Trying, none
            if message.method == method and message.status == status:
                break
            assert message.method != method or message.status < 300, message
        if message.body:
            place = _PLACE.search(message.body)
            assert place is not None
            self.there = place[1].decode(), int(place[2])
        return message

    def request(
        self, method: str, uri: str, number: int, body: bool = False, to: str = "<sip:bob@voice.example>"
    ) -> SipMessage:
        """One that all customers' phones (or softswitches) send alike."""
        by = "UDP" if self.line is not None and self.line.to is not None else "TCP"
        message = SipMessage(f"{method} {uri} SIP/2.0")
        message.add("Via", f"SIP/2.0/{by} {self.own}:5060;branch=z9hG4bK{method}{number};rport")
        message.add("From", "<sip:alice@voice.example>;tag=same").add("To", to)
        message.add("Call-ID", f"same@{self.own}").add("CSeq", f"{number} {method}").add("Max-Forwards", "70")
        message.add("Contact", f"<sip:alice@{self.own}:5060{';transport=tcp' if by == 'TCP' else ''}>")
        return self.described(message, body)

    def ack(self, answer: SipMessage) -> SipMessage:
        """What an INVITE's answer gets."""
        return self.request("ACK", uri_of(answer), int(answer.get("cseq").split()[0]), to=answer.get("to"))

    def answer(self, request: SipMessage, body: bool = False) -> SipMessage:
        message = SipMessage("SIP/2.0 200 OK")
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            for value in request.all(name.lower()):
                message.add(name, f"{value};tag=theirs" if name == "To" and "tag=" not in value else value)
        contact = request.get("contact") if request.method == "REGISTER" else f"<sip:bob@{self.own}:5060>"
        message.add("Contact", f"{contact};expires=600" if request.method == "REGISTER" else contact)
        return self.described(message, body)

    def described(self, message: SipMessage, body: bool) -> SipMessage:
        message.add("Subject", self.customer.sign)
        if body:
            message.add("Content-Type", "application/sdp")
            message.body = _SDP.format(self.own, MEDIA).encode()
        return message

    def speak(self) -> None:
        """Send RTP that is the others' but for the sign in it."""
        for number in range(PACKETS):
            head = b"\x80\x08" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + b"same"
            self.media.sendto(head + self.customer.sign.encode().ljust(160), self.there)

    def listen(self) -> None:
        """Hear what the other end has sent, and nothing else."""
        heard = [self.media.recv(2_000)[12:].rstrip() for _ in range(PACKETS)]
        assert heard == [self.customer.sign.encode()] * PACKETS

    def seen(self) -> bytes:
        """All that has passed the host's interface until now."""
        while True:
            try:
                self.payloads.append(self.wire.recv(65_535))
            except BlockingIOError:
                return b"".join(self.payloads)


def uri_of(message: SipMessage) -> str:
    """The URI of its Contact."""
    return message.get("contact").partition("<")[2].partition(">")[0]


def ends(lab: Lab, customer: Customer) -> tuple[End, End]:
    """Its phone and its softswitch."""
    phone = End.make(lab.host(f"phone-{customer.name}"), customer, PHONE)
    return phone, End.make(lab.host(f"switch-{customer.name}"), customer, SOFTSWITCH)


def take_lines(switches: Iterable[End]) -> list[socket.socket]:
    """Listen at each softswitch."""

    def listen() -> socket.socket:
        door = socket.create_server((SOFTSWITCH, 5060))
        door.settimeout(PATIENCE)
        return door

    doors = []
    for each in switches:
        doors.append(inside(each.host.netns, listen))
        each.host.lab.sockets.append(doors[-1])
    return doors


def bound_everywhere(lab: Lab, customers: Iterable[Customer], transport: str) -> None:
    """Wait until the SBC listens wherever it is to."""
    for each in customers:
        host = lab.host(each.beside)
        host.wait_bound(5060, each.access, transport)
        host.wait_bound(5060, each.core, "tcp")
