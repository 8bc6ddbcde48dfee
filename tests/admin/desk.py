"""A whole SBC to ask things of: real sockets on loopback hosts, a phone, a softswitch, a reactor turned by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import attrs

from sbc.admin.console import Console
from sbc.config.values import Config
from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.memory import Memory
from sbc.core.mint import Mint
from sbc.core.orders import Listener
from sbc.core.realm import Callers, Limits, Media, Path, Plan, Realm, Side
from sbc.media.twisted_engine import TwistedEngine
from sbc.runner import Runner
from sbc.sip.dialect import SipDialect
from sbc.spoken import Datagrams
from tests.contract.engines import Peer, Rig, RigReactor
from tests.media.packets import rtp
from tests.rig import SECRET
from tests.sip_messages import answer, inside, invite, register, registered
from tests.waiting import PATIENCE

PHONE = Address("192.168.1.10", 5060)
"""Where the phone believes to be. It is seen elsewhere: behind a NAT."""


_HOSTS = cycle(range(11, 251, 4))  # two desks may stand open at once


def turn(reactor: RigReactor, until: Callable[[], Any], what: str = "") -> None:
    """Turn the reactor until something holds."""
    end = reactor.seconds() + PATIENCE
    while not until():
        assert reactor.seconds() < end, f"in vain: {what}"
        reactor.iterate(0.01)


@attrs.define
class Desk:
    """An access realm, a core realm, a phone's NAT and a softswitch, each on a host of its own."""

    reactor: RigReactor
    border: Border
    runner: Runner
    console: Console
    access: Listener
    core: Listener
    phone: Peer
    softswitch: Peer
    media: list[Peer] = attrs.field(factory=list)

    def exchange(self, sender: Peer, at: Listener, data: bytes, receiver: Peer) -> bytes:
        """Send a message to the SBC and return the first that reaches `receiver`, but for "100 Trying"."""
        sender.send(at.address, data)
        got: list[bytes] = []

        def come() -> bool:
            got.extend(each for each in receiver.data() if not each.startswith(b"SIP/2.0 100"))
            return bool(got)

        turn(self.reactor, come, "an answer")
        return got[0]

    def call(self, name: bytes = b"one", answered: bool = True) -> str:
        """Set up a call, with one audio stream if it is answered, and return its id."""
        before = set(self.border.registry.calls)
        request = invite(PHONE, call=name)
        onward = self.exchange(self.phone, self.access, request, self.softswitch)
        (made,) = set(self.border.registry.calls) - before
        if answered:
            reply = answer(onward, self.softswitch.address.host)
            back = self.exchange(self.softswitch, self.core, reply, self.phone)
            self.exchange(self.phone, self.access, inside(request, back, b"ACK", 1), self.softswitch)
        return made

    def talk(self, call: str, there: int, back: int) -> None:
        """Let media flow in the first stream of a call: so many packets from the phone, then from the softswitch."""
        (stream,) = self.border.registry.calls[call].streams.values()
        port = 50000 + 2 * len(self.media)
        phone, far = Peer(Address(self.phone.address.host, port)), Peer(Address(self.softswitch.address.host, 4000))
        self.media += [phone, far]
        for sender, receiver, at, times in ((phone, far, 0, there), (far, phone, 1, back)):
            for number in range(times):
                sender.send(stream.ours[at].rtp, rtp(number, ssrc=at + 1))
            got: list[bytes] = []

            def come(receiver: Peer = receiver, got: list[bytes] = got, times: int = times) -> bool:
                got.extend(receiver.data())
                return len(got) >= times

            turn(self.reactor, come, "media")
        far.sock.close()

    def register(self, user: bytes = b"alice") -> None:
        """Register one phone."""
        message = register(PHONE, user=user, call=b"reg-" + user)
        onward = self.exchange(self.phone, self.access, message, self.softswitch)
        self.exchange(self.softswitch, self.core, registered(onward), self.phone)


@contextmanager
def open_desk(limits: Limits | None = None) -> Iterator[Desk]:
    """A desk, with everything closed in the end."""
    reactor = RigReactor()
    limits = limits or Limits()
    first = next(_HOSTS)
    hosts = [Rig.host(number) for number in range(first, first + 4)]

    def realm(name: str, side: Side, host: str) -> Realm:
        at = Address(host, 5060)
        ports = range(20000, 20200)
        own, media = Listener(name, "sip", "udp", at, at), Media(host, host, ports)
        return Realm(name, side, (own,), media, limits=limits, sparing=False)  # so that 100 Trying is seen

    access, core = realm("access", Side.ACCESS, hosts[0]), realm("core", Side.CORE, hosts[1])
    softswitch, phone = Peer(Address(hosts[2], 5060)), Peer(Address(hosts[3], 40001))
    access = attrs.evolve(access, domains=frozenset({"sbc.example.com"}))
    plan = Plan(
        {"access": access, "core": core}, (Path("main", "access", "core", (softswitch.address,), callers=Callers.ANY),)
    )
    border = Border(plan, {"sip": SipDialect()}, Mint(SECRET))
    runner = Runner(reactor, border, {"sip": Datagrams})
    runner.engine = TwistedEngine(reactor, runner)
    runner.memory = Memory()
    for each in (access, core):
        runner.listen(each.listeners[0])
    console = Console(border, runner, Config(plan), reactor.seconds)
    desk = Desk(reactor, border, runner, console, access.listeners[0], core.listeners[0], phone, softswitch)
    try:
        yield desk
    finally:
        runner.stop()
        reactor.iterate(0)
        for peer in (phone, softswitch, *desk.media):
            peer.sock.close()
        reactor.close()
