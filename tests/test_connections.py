"""Connections over real sockets on loopback, with a clock the test moves: found, bounded, told about, forgotten."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from twisted.internet import reactor as real_reactor
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock

from sbc.connections import Connections
from sbc.core.address import Address
from sbc.core.message import BadMessage
from sbc.core.orders import Listener, Note
from sbc.core.realm import Connections as Limits
from sbc.core.realm import Media, Realm, Side
from sbc.sip.framing import SipFramer
from tests.rig import PHONE
from tests.sip_messages import invite, register

ACCESS, CORE, PEER = "127.0.9.11", "127.0.9.12", "127.0.9.13"
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
    lost: list[tuple[Address, str]] = attrs.field(factory=list)
    counted: Counter[str] = attrs.field(factory=Counter)
    need: bool = False

    def received(self, listener: Listener, source: Address, data: bytes) -> None:
        self.messages.append((source, data))

    def unframed(self, listener: Listener, source: Address, bad: BadMessage) -> None:
        self.bad.append(bad.reason)

    def unreached(self, listener: Listener, peer: Address, why: str) -> None:
        self.lost.append((peer, why))

    def needed(self, listener: Listener, peer: Address) -> bool:
        return self.need

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

    def phone(self) -> socket.socket:
        """A connection to the access listener."""
        made = socket.create_connection((self.access.address.host, self.access.address.port), 2, (PEER, 0))
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


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    limits = Limits(**getattr(request, "param", {}))
    clock, heard = MixedReactor(), Hearing()
    listeners = {}
    for name, host in (("access", ACCESS), ("core", CORE)):
        with socket.create_server((host, 0)) as probe:
            address = Address(*probe.getsockname())
        listeners[name] = Listener(name, "sip", "tcp", address, address)
    realms = {
        name: Realm(name, Side(name), (own,), Media(own.address.host, "", range(2), dscp=26), connections=limits)
        for name, own in listeners.items()
    }
    table = Connections(clock, realms, {"sip": SipFramer}, heard)
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


def test_what_a_phone_says_is_heard_and_answered_by_the_same_way(bench: Bench) -> None:
    phone = bench.phone()
    phone.sendall(INVITE[:50])
    bench.turn()
    assert not bench.heard.messages
    phone.sendall(INVITE[50:] + REGISTER + b"\r\n\r\n")
    bench.wait(lambda: len(bench.heard.messages) == 2, "two messages")
    source = Address(*phone.getsockname())
    assert bench.heard.messages == [(source, INVITE), (source, REGISTER)]
    assert bench.table.send(bench.access, source, b"answer") == ""
    bench.turn()
    assert phone.recv(100) == b"\r\nanswer"
    (made,) = bench.table.books().connections
    assert made.transport is not None
    handle: socket.socket = made.transport.getHandle()  # type: ignore[attr-defined]
    assert handle.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 26 << 2
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_to_a_phone_no_connection_is_ever_opened(bench: Bench) -> None:
    door, address = bench.softswitch()
    assert bench.table.send(bench.access, address, INVITE) == "its connection is closed"
    door.settimeout(0.05)
    with pytest.raises(TimeoutError):
        bench.taken(door)


def test_one_connection_to_a_next_hop_opened_when_needed_serves_all(bench: Bench) -> None:
    door, address = bench.softswitch()
    for data in (b"one", b"two"):
        assert bench.table.send(bench.core, address, data) == ""
    end = bench.taken(door)
    bench.wait(lambda: bench.heard.counted["connection-opened"], "the connection")
    assert bench.table.send(bench.core, address, b"three") == ""
    bench.turn()
    assert end.recv(100) == b"onetwothree"
    assert end.getpeername()[0] == CORE, "our own address there, not the system's choice"
    end.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the answer")
    assert bench.heard.messages == [(address, REGISTER)]
    assert len(bench.table.books().connections) == 1


def test_after_a_loss_the_next_message_opens_a_new_one(bench: Bench) -> None:
    door, address = bench.softswitch()
    bench.table.send(bench.core, address, b"one")
    bench.taken(door).close()
    bench.wait(lambda: bench.heard.lost, "the loss")
    assert bench.heard.lost == [(address, "the connection is lost")]
    bench.table.send(bench.core, address, b"two")
    end = bench.taken(door)
    bench.turn()
    assert end.recv(100) == b"two"


def test_a_refused_connection_is_told(bench: Bench) -> None:
    door, address = bench.softswitch()
    door.close()
    assert bench.table.send(bench.core, address, b"one") == ""
    bench.wait(lambda: bench.heard.lost, "the refusal")
    ((peer, why),) = bench.heard.lost
    assert peer == address and "refused" in why
    assert bench.table.books().connections == []


def test_a_swallowed_connection_request_is_given_up(bench: Bench) -> None:
    door = socket.socket()
    bench.ends.callback(door.close)
    door.bind((PEER, 0))
    door.listen(0)
    full = []
    for _ in range(4):  # the kernel now answers no further request
        filler = socket.socket()
        filler.setblocking(False)
        bench.ends.callback(filler.close)
        filler.connect_ex(door.getsockname())
        full.append(filler)
    bench.table.send(bench.core, Address(*door.getsockname()), b"one")
    bench.turn()
    assert not bench.heard.lost
    bench.pass_time(6)
    assert len(bench.heard.lost) == 1
    assert bench.heard.counted["connection-timeout"] == 1


@pytest.mark.parametrize("bench", [{"queue": 1000}], indirect=True)
def test_what_waits_for_a_connection_is_bounded(bench: Bench) -> None:
    _, address = bench.softswitch()
    said = [bench.table.send(bench.core, address, b"x" * 300) for _ in range(4)]
    assert said == ["", "", "", "it does not read what it is sent"]
    bench.turn()
    assert bench.heard.counted["connection-unread"] == 1


@pytest.mark.parametrize("bench", [{"queue": 100_000}], indirect=True)
def test_a_peer_that_does_not_read_is_left(bench: Bench) -> None:
    phone = bench.phone()
    phone.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the message")
    source = bench.heard.messages[0][0]
    said = ""
    written = 0
    while not said and written < 50_000_000:
        said = bench.table.send(bench.access, source, b"x" * 10_000)
        written += 10_000
        bench.turn(1)
    assert said == "it does not read what it is sent"
    assert bench.heard.counted["connection-unread"] == 1
    bench.wait(lambda: not bench.table.books().connections, "the end")


@pytest.mark.parametrize("bench", [{"message": 5.0, "idle": 60.0}], indirect=True)
def test_slow_loris(bench: Bench) -> None:
    """Who begins and does not end is closed in time, however busily it drips; who has said all may be silent longer."""
    silent, slow, good = bench.phone(), bench.phone(), bench.phone()
    good.sendall(REGISTER)
    for octet in INVITE[:8]:
        slow.sendall(bytes([octet]))
        bench.turn()
        bench.pass_time(0.5)
    bench.pass_time(3)
    assert bench.ended(slow) and bench.ended(silent) and not bench.ended(good)
    assert bench.heard.counted["connection-slow"] == 2
    good.sendall(INVITE[:10])
    bench.turn()
    bench.pass_time(7)
    assert bench.ended(good)


@pytest.mark.parametrize("bench", [{"idle": 20.0}], indirect=True)
def test_idle_connections_end_unless_needed(bench: Bench) -> None:
    phone = bench.phone()
    phone.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the message")
    bench.heard.need = True
    bench.pass_time(50)
    assert not bench.ended(phone)
    bench.heard.need = False
    bench.pass_time(5)
    phone.sendall(b"\r\n\r\n")
    bench.turn()
    assert phone.recv(10) == b"\r\n"
    bench.pass_time(15)
    assert not bench.ended(phone), "a ping is a sign of life"
    bench.pass_time(10)
    assert bench.ended(phone)
    assert bench.heard.counted["connection-idle"] == 1


def test_lost_framing_is_told_and_ends_the_connection(bench: Bench) -> None:
    phone = bench.phone()
    phone.sendall(INVITE + REGISTER.replace(b"Content-Length: 0\r\n", b"") + INVITE)
    bench.wait(lambda: bench.ended(phone), "the end")
    assert len(bench.heard.messages) == 1
    assert bench.heard.bad == ["Missing Content-Length"]


@pytest.mark.parametrize("bench", [{"per_source": 2, "total": 3}], indirect=True)
def test_connections_are_bounded(bench: Bench) -> None:
    first = [bench.phone(), bench.phone(), bench.phone()]
    bench.turn(10)
    assert [bench.ended(each) for each in first] == [False, False, True]
    other = [socket.create_connection(bench.access.address, 2, ("127.0.9.14", 0)) for _ in range(2)]
    for each in other:
        each.settimeout(0.05)
        bench.ends.callback(each.close)
    bench.turn(10)
    assert [bench.ended(each) for each in other] == [False, True]
    assert bench.heard.counted["connection-refused"] == 2
    first[0].close()
    bench.wait(lambda: len(bench.table.books().connections) == 2, "one to go")
    assert not bench.ended(bench.phone())


def test_a_port_in_use_cannot_be_had(bench: Bench) -> None:
    with pytest.raises(CannotListenError):
        bench.table.listen(bench.access)


def test_the_auditor_sees_what_does_not_add_up(bench: Bench) -> None:
    bench.phone()
    bench.wait(lambda: bench.table.books().connections, "the connection")
    (made,) = bench.table.books().connections
    made.closing = True
    assert any("found but closed" in fault for fault in bench.table.faults())
    made.closing = False
    assert bench.table.faults() == []
