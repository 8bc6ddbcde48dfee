"""One connection over a real socket: what it brings and says, and when it is ended."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from functools import partial

import attrs
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, Pong, Request, TextMessage

from sbc.connection import keep_alive
from sbc.core.address import Address
from sbc.core.orders import Listener
from sbc.core.wires import Connections as Limits
from sbc.core.wires import Web
from sbc.policy.marking import Mark, Marks
from tests.streams import INVITE, REGISTER, Bench, bench, open_bench

__all__ = ["bench"]


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
    realms = {name: attrs.evolve(bench.table.realm(own), marks=Marks(Mark(40))) for name, own in bench.doors()}
    bench.table.replan(realms, {})
    assert handle.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 40 << 2
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


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
    assert len(bench.heard.stirs) == 1, "whoever watches over it is told"
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


def test_what_follows_a_hang_up_on_the_same_connection_is_not_heard(bench: Bench) -> None:
    phone = bench.phone()
    bench.heard.answer = bench.table.hang_up
    phone.sendall(REGISTER + INVITE)
    bench.wait(lambda: bench.heard.messages, "the first")
    bench.turn()
    assert [data for _, data in bench.heard.messages] == [REGISTER]


def test_who_is_hung_up_late_hears_of_it_after_what_is_said_elsewhere(bench: Bench) -> None:
    """Nothing that it says meanwhile is heard, and nothing is done where it has gone by itself."""
    first, second, other = bench.phone(), bench.phone(), bench.phone()
    for phone in (first, second, other):
        phone.sendall(REGISTER)
    bench.wait(lambda: len(bench.heard.messages) == 3, "all")
    for phone in (first, second):
        bench.table.hang_up(bench.access, Address(*phone.getsockname()), late=True)
    bench.table.send(bench.access, Address(*other.getsockname()), b"it is over")
    first.sendall(INVITE)
    second.close()
    bench.wait(lambda: other in select.select([other], [], [], 0)[0], "the word")
    assert not bench.ended(first) and bench.heard.counted["connection-hung-up"] == 2
    bench.pass_time(0.5)
    bench.wait(lambda: bench.ended(first), "the end")
    assert len(bench.heard.messages) == 3


def _end_with_a_word(bench: Bench, listener: Listener, peer: Address) -> None:
    bench.table.send(listener, peer, b"the last")
    bench.table.hang_up(listener, peer)


def test_the_last_that_is_said_is_heard_by_who_goes_on_talking(bench: Bench) -> None:
    """No reset takes it away, and nobody who goes on for ever is listened to."""
    phone = bench.phone()
    phone.settimeout(5)
    bench.heard.answer = partial(_end_with_a_word, bench)
    phone.sendall(REGISTER + b"x" * 150_000)
    bench.wait(lambda: bench.heard.messages, "the message")
    bench.turn(3)
    assert bench.table.send(bench.access, bench.heard.messages[0][0], b"more") != ""
    assert phone.recv(1000) == b"the last" and phone.recv(1000) == b"", "and then the end, not a reset"
    phone.sendall(b"x" * 50_000)
    bench.turn(3)
    assert bench.table.books().connections, "it is read"
    phone.close()
    bench.wait(lambda: not bench.table.books().connections, "the end")


@pytest.mark.parametrize("bench", [{"message": 5.0}], indirect=True)
@pytest.mark.parametrize("sends", [False, True])
def test_who_does_not_close_after_us_is_left(bench: Bench, sends: bool) -> None:
    phone = bench.phone()
    bench.heard.answer = partial(_end_with_a_word, bench)
    phone.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the message")
    bench.turn()
    assert phone.recv(1000) == b"the last" and bench.ended(phone)
    bench.pass_time(4)
    assert len(bench.table.books().connections) == 1
    if not sends:
        bench.pass_time(3)

    def is_left() -> bool:
        with suppress(OSError):
            phone.send(b"x" * 10_000 * sends)
        return not bench.table.books().connections

    bench.wait(is_left, "the end")


def test_the_kernel_finds_out_when_a_peers_host_is_gone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        keep_alive(made)
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert [made.getsockopt(socket.IPPROTO_TCP, each) for each in options] == [60, 15, 4, 120_000]


def browser(bench: Bench) -> tuple[socket.socket, WSConnection]:
    """A page's connection, once it is let in."""
    end, wire = bench.phone(), WSConnection(ConnectionType.CLIENT)
    end.sendall(wire.send(Request(host="sbc.example", target="/", subprotocols=["sip"])))
    bench.turn()
    (said,) = heard(end, wire)
    assert isinstance(said, AcceptConnection)
    return end, wire


def heard(end: socket.socket, wire: WSConnection) -> list[Event]:
    wire.receive_data(end.recv(65536))
    return list(wire.events())


def test_a_page_says_and_hears_messages_by_a_websocket() -> None:
    with open_bench(transport="ws") as bench:
        end, wire = browser(bench)
        end.sendall(wire.send(TextMessage(data=REGISTER.decode())) + wire.send(TextMessage(data="\r\n\r\n")))
        bench.wait(lambda: bench.heard.stirs, "the keepalive")
        source = Address(*end.getsockname())
        assert bench.heard.messages == [(source, REGISTER)] and bench.heard.stirs == [source]
        assert bench.table.send(bench.access, source, b"answer") == ""
        bench.turn()
        assert heard(end, wire) == [TextMessage(data="\r\n"), TextMessage(data="answer")]
        bench.table.close(bench.access)
        bench.turn()
        assert heard(end, wire) == [CloseConnection(code=1001, reason="")]


def test_who_is_not_let_in_by_a_websocket_is_told_and_closed() -> None:
    with open_bench(transport="ws", websocket=Web(origins=("https://phone.example",))) as bench:
        phone, other = bench.phone(), bench.phone()
        phone.sendall(WSConnection(ConnectionType.CLIENT).send(Request(host="a", target="/", subprotocols=["sip"])))
        other.sendall(REGISTER)
        bench.turn()
        assert phone.recv(1000).startswith(b"HTTP/1.1 403 Forbidden\r\n") and bench.ended(phone)
        assert bench.heard.counted["connection-refused"] == 1 and bench.ended(other)
        assert bench.heard.bad == ["Not HTTP"]
        assert bench.table.send(bench.access, Address(*phone.getsockname()), b"x") == "its connection is closed"


def test_a_page_is_asked_whether_it_lives_and_left_if_it_does_not() -> None:
    with open_bench(Limits(message=5.0, idle=1000.0), "ws", websocket=Web(ping=20.0)) as bench:
        (alive, wire), (dead, _) = browser(bench), browser(bench)
        slow = bench.phone()
        slow.sendall(b"GET / HTTP/1.1\r\n")
        bench.turn()
        bench.pass_time(7)
        assert bench.ended(slow) and bench.heard.counted["connection-slow"] == 1
        for _ in range(5):
            bench.pass_time(15)
            (ping,) = heard(alive, wire)
            assert isinstance(ping, Ping)
            alive.sendall(wire.send(ping.response()))
            bench.turn()
            bench.pass_time(6)
        assert bench.heard.counted["connection-unanswered"] == 1
        assert dead.recv(10) == b"\x89\x00" and bench.ended(dead)
        assert not bench.ended(alive), "a pong is a sign of life"
        assert len(bench.heard.stirs) == 5


@pytest.mark.parametrize("needed", [False, True])
def test_a_page_that_only_lives_is_left_when_nobody_needs_it(needed: bool) -> None:
    """Pings and pongs are no messages: a page that is open somewhere would hold its place for ever."""
    with open_bench(Limits(message=5.0, idle=50.0), "ws", websocket=Web(ping=20.0)) as bench:
        page, wire = browser(bench)
        bench.heard.need = needed
        for _ in range(3):
            bench.pass_time(20.5)
            with suppress(ConnectionError):
                page.sendall(wire.send(Pong()) + PING)
            bench.turn()
        assert bench.heard.counted["connection-idle"] == (not needed)


def test_a_page_whose_keepalive_comes_in_two_parts_has_no_less_time() -> None:
    with open_bench(Limits(message=5.0, idle=50.0), "ws") as bench:
        page, wire = browser(bench)
        said = wire.send(TextMessage(data="\r\n\r\n"))
        (made,) = bench.table.books().connections
        page.sendall(said[:-1])
        bench.wait(lambda: made.framer.partial, "the one")
        page.sendall(said[-1:])
        bench.wait(lambda: bench.heard.stirs, "the other")
        bench.pass_time(7)
        assert not bench.ended(page) and not bench.heard.counted["connection-idle"]
        page.sendall(said[:-1])
        bench.wait(lambda: made.framer.partial, "one that stays alone")
        bench.pass_time(7)
        assert bench.heard.counted["connection-slow"] == 1


PING = b"\x89\x80abcd"


def test_pings_without_number_end_it() -> None:
    """Each costs what a message does, and no rate of messages speaks of them."""
    with open_bench(transport="ws") as bench:
        (patient, wire), (other, _) = browser(bench), browser(bench)
        for _ in range(4):
            other.sendall(PING * 600)
            patient.sendall(PING * 300)
            bench.turn()
            assert heard(patient, wire), "a pong"
        assert bench.heard.counted["connection-flooded"] == 1
        for _ in range(10):
            bench.pass_time(1)
            patient.sendall(PING * 400)
            bench.turn()
        assert bench.heard.counted["connection-flooded"] == 1, "what it may do for ever"
        with suppress(ConnectionError):
            assert other.recv(1_000_000).endswith(b"\x03\xe9"), "it is told that we go (1001)"


def test_of_a_connection_that_is_closed_no_fault_is_told(bench: Bench) -> None:
    """What answers it would open a connection to where a peer of the core has called from."""
    phone = bench.phone()
    bench.heard.answer = bench.table.hang_up
    phone.sendall(REGISTER + b"\0\0 nothing that SIP knows\r\n\r\n")
    bench.wait(lambda: bench.heard.messages, "the message")
    bench.turn()
    assert not bench.heard.bad
