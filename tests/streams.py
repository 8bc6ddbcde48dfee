"""A table of connections on loopback with a clock the test moves, and the ends of its peers."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from twisted.internet import reactor as real_reactor
from twisted.internet.task import Clock

from sbc.connections import Connections
from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.core.orders import Listener, Note
from sbc.core.realm import Media, Realm, Side
from sbc.core.wires import Connections as Limits
from sbc.core.wires import Web
from sbc.policy.marking import Mark, Marks
from sbc.sip.framing import SipFramer, SipFrames
from sbc.tls import Security
from tests.loopback import loopback
from tests.rig import PHONE
from tests.sip_messages import invite, register

NET = loopback("streams")
ACCESS, CORE, PEER = (f"{NET}.{number}" for number in (11, 12, 13))
INVITE = invite(PHONE)
REGISTER = register(PHONE)


class MixedReactor(Clock):
    """Sockets of the real reactor, time of a Clock."""

    adoptStreamPort = staticmethod(real_reactor.adoptStreamPort)  # type: ignore[attr-defined]
    connectTCP = staticmethod(real_reactor.connectTCP)  # type: ignore[attr-defined]


@attrs.define
class Hearing:
    """What connections have brought."""

    messages: list[tuple[Address, bytes]] = attrs.field(factory=list)
    bad: list[str] = attrs.field(factory=list)
    stirs: list[Address] = attrs.field(factory=list)
    lost: list[tuple[Address, str]] = attrs.field(factory=list)
    counted: Counter[str] = attrs.field(factory=Counter)
    need: bool = False
    proven: set[str] = attrs.field(factory=set)
    answer: Callable[[Listener, Address], None] | None = None
    bars: str = ""
    let_in: list[Address] = attrs.field(factory=list)
    names: dict[Address, str] = attrs.field(factory=dict)
    doors: dict[Address, Address] = attrs.field(factory=dict)
    shaken: Counter[Address] = attrs.field(factory=Counter)

    def received(self, listener: Listener, source: Address, data: bytes, proven: str = "") -> None:
        self.proven.add(proven)
        self.messages.append((source, data))
        if self.answer is not None:
            self.answer(listener, source)

    def stirred(self, listener: Listener, source: Address) -> None:
        self.stirs.append(source)

    def unframed(self, listener: Listener, source: Address, bad: BadMessage) -> None:
        self.bad.append(bad.reason)

    def unreached(self, listener: Listener, peer: Address, why: str) -> None:
        self.lost.append((peer, why))

    def barred(self, listener: Listener, peer: Address) -> str:
        return self.bars

    def accepted(self, listener: Listener, peer: Address) -> None:
        self.let_in.append(peer)

    def worked(self, listener: Listener, peer: Address, seconds: float, now: float) -> None:
        self.shaken[peer] += seconds

    def needed(self, listener: Listener, peer: Address) -> bool:
        return self.need

    def named(self, listener: Listener, peer: Address, usual: str) -> str:
        return usual or self.names.get(peer, "")

    def door(self, listener: Listener, peer: Address) -> Address | None:
        return peer if listener.realm == "core" else self.doors.get(peer)

    def noted(self, note: Note) -> None:
        self.counted[note.event] += 1


@attrs.define
class Bench:
    clock: MixedReactor
    table: Connections
    heard: Hearing
    access: Listener
    core: Listener
    ends: contextlib.ExitStack

    def doors(self) -> list[tuple[str, Listener]]:
        """The listeners, each with its realm's name."""
        return [("access", self.access), ("core", self.core)]

    def wait(self, done: Callable[[], Any], what: str) -> Any:
        for _ in range(300):
            found = done()
            if found:
                return found
            real_reactor.iterate(0.01)  # type: ignore[attr-defined]
        raise AssertionError(f"in vain: {what}")

    def turn(self, times: int = 5) -> None:
        for _ in range(times):
            real_reactor.iterate(0.002)  # type: ignore[attr-defined]

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            self.clock.advance(0.5)
        self.turn()

    def phone(self, host: str = PEER) -> socket.socket:
        """A connection to the access listener."""
        made = socket.create_connection((self.access.address.host, self.access.address.port), 2, (host, 0))
        self.ends.callback(made.close)
        made.settimeout(0.05)
        return made

    def softswitch(self) -> tuple[socket.socket, Address]:
        door = socket.create_server((PEER, 0))
        self.ends.callback(door.close)
        door.settimeout(2)
        return door, Address(*door.getsockname())

    def taken(self, door: socket.socket) -> socket.socket:
        """The connection that has come to a door."""
        self.turn()
        made, _ = door.accept()
        self.ends.callback(made.close)
        made.settimeout(0.05)
        return made

    def ended(self, end: socket.socket) -> bool:
        """Whether our side has closed that connection."""
        with contextlib.suppress(TimeoutError):
            try:
                return end.recv(65536) == b""
            except ConnectionError:
                return True
        return False


@contextlib.contextmanager
def open_bench(
    limits: Limits | None = None,
    transport: str = "tcp",
    security: dict[str, Security] | None = None,
    framer: Callable[[], Any] = SipFramer,
    websocket: Web = Web(),  # noqa: B008
) -> Iterator[Bench]:
    """A table with one listener on each side; at the end the books must balance and nothing may be left."""
    clock, heard = MixedReactor(), Hearing()
    listeners = {}
    for name, host in (("access", ACCESS), ("core", CORE)):
        with socket.create_server((host, 0)) as probe:
            address = Address(*probe.getsockname())
        listeners[name] = Listener(name, "sip", transport, address, address)
    realms = {
        name: Realm(
            name,
            Side(name),
            (own,),
            Media(own.address.host, "", range(2)),
            connections=limits or Limits(),
            websocket=websocket,
            marks=Marks(Mark(26)),
        )
        for name, own in listeners.items()
    }
    table = Connections(clock, realms, {"sip": framer}, security or {}, heard, {"sip": SipFrames})
    ports = [table.listen(own) for own in listeners.values()]
    with contextlib.ExitStack() as ends:
        made = Bench(clock, table, heard, listeners["access"], listeners["core"], ends)
        yield made
        assert table.faults() == []
        table.stop()
        for port in ports:
            port.stopListening()
        made.turn()
        assert table.books().connections == []
    assert not clock.getDelayedCalls()


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bench of plain connections; its parameters are limits."""
    with open_bench(Limits(**getattr(request, "param", {}))) as made:
        yield made
