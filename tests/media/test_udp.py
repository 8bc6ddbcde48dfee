"""UDP sockets: whole datagrams, buffers asked for and read back, marks, turns, and the kernel's drops."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import LogEvent

from sbc.core.address import Address
from sbc.media.udp import REFUSED, Port, kernel_drops, listen_udp, open_udp, set_buffers, set_dscp, set_way

LOOPBACK = Address("127.0.0.1", 0)


@pytest.fixture(scope="module")
def reactor() -> EPollReactor:
    return EPollReactor()


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with open_udp(LOOPBACK) as sock:
        yield sock


class Heard(DatagramProtocol):
    """Keeps what it hears, and fails where it is told to."""

    def __init__(self, fails_on: bytes | None = None) -> None:
        self.heard: list[tuple[bytes, Any]] = []
        self.fails_on = fails_on

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append((datagram, addr))
        if datagram == self.fails_on:
            raise RuntimeError("of ours")


Listen = Callable[..., Port]


@pytest.fixture
def listen(reactor: EPollReactor) -> Iterator[Listen]:
    """Opens ports, and closes them afterwards."""
    ports: list[Port] = []

    def listen(protocol: DatagramProtocol, address: Address = LOOPBACK, **options: Any) -> Port:
        ports.append(listen_udp(reactor, address, protocol, **options))
        return ports[-1]

    yield listen
    for port in ports:
        port.stopListening()
    reactor.iterate(0)


def send(port: Port, *datagrams: bytes) -> Address:
    """Send datagrams to a port, from the address returned."""
    with socket.socket(port.addressFamily, socket.SOCK_DGRAM) as sock:
        sock.bind((port.interface, 0))
        for data in datagrams:
            sock.sendto(data, port.socket.getsockname()[:2])
        return Address(*sock.getsockname()[:2])


def turn_until(reactor: EPollReactor, condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        reactor.iterate(0.01)


# -- sockets


def test_a_socket_is_bound_and_never_waits(sock: socket.socket) -> None:
    assert sock.getsockname()[0] == "127.0.0.1"
    assert sock.getsockname()[1] != 0
    with pytest.raises(BlockingIOError):
        sock.recv(1)


def test_a_port_is_never_shared(sock: socket.socket) -> None:
    with pytest.raises(OSError) as caught:
        open_udp(Address(*sock.getsockname()))
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("host", ["localhost", "", "media.example.com", "127.0.0.1 "])
def test_names_are_not_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)  # it does not get so far
    with pytest.raises(OSError, match="not an IP address"):
        open_udp(Address(host, 0))


def test_a_socket_that_cannot_be_tuned_is_closed() -> None:
    before = list(Path("/proc/self/fd").iterdir())
    with pytest.raises(ValueError, match="64"):
        open_udp(LOOPBACK, dscp=64)
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)


def test_buffers_are_set_and_read_back() -> None:
    with open_udp(LOOPBACK, receive_buffer=20_000, send_buffer=30_000) as sock:
        assert set_buffers(sock) == (40_000, 60_000)  # Linux gives twice what is asked, for its own needs
        assert set_buffers(sock, receive=25_000) == (50_000, 60_000)


def test_a_buffer_above_the_systems_limit_shows_as_granted(sock: socket.socket) -> None:
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    assert set_buffers(sock, receive=limit * 4).receive == limit * 2


@pytest.mark.parametrize("dscp", [-1, 64, 184])
def test_a_dscp_has_six_bits(sock: socket.socket, dscp: int) -> None:
    with pytest.raises(ValueError, match=str(dscp)):
        set_dscp(sock, dscp)


def test_the_dscp_stands_above_the_two_bits_of_ecn(sock: socket.socket) -> None:
    set_dscp(sock, 46)
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0xB8


def test_ipv6_sockets_are_ipv6_only_and_marked() -> None:
    try:
        sock = open_udp(Address("::1", 0), dscp=46)
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 0xB8
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_the_kernels_drops_are_those_it_shows_in_proc() -> None:
    with open_udp(LOOPBACK, receive_buffer=4096) as sock:
        assert kernel_drops(sock) == 0
        with open_udp(LOOPBACK) as sender:
            for _ in range(200):
                sender.sendto(bytes(172), sock.getsockname())
        kept = 0
        while True:
            try:
                sock.recv(2048)
            except BlockingIOError:
                break
            kept += 1
        assert kernel_drops(sock) == 200 - kept > 0
        port = f":{sock.getsockname()[1]:04X}"
        (line,) = [line for line in Path("/proc/self/net/udp").read_text().splitlines() if port in line.split()[1]]
        assert int(line.split()[-1]) == kernel_drops(sock)


# -- ports for Twisted protocols


def test_datagrams_come_whole(listen: Listen, reactor: EPollReactor) -> None:
    protocol = Heard()
    source = send(listen(protocol), b"x" * 8193, b"y" * 65_507)
    turn_until(reactor, lambda: len(protocol.heard) == 2)
    assert protocol.heard == [(b"x" * 8193, source), (b"y" * 65_507, source)]


def read_in_turns(port: Port, protocol: Heard, turns: int) -> list[int]:
    """How many datagrams each turn reads."""
    read = list[int]()
    for _ in range(turns):
        before = len(protocol.heard)
        port.doRead()
        read.append(len(protocol.heard) - before)
    return read


def test_a_turn_is_counted_in_datagrams_even_if_they_are_empty(listen: Listen) -> None:
    protocol = Heard()
    port = listen(protocol, turn=4)
    send(port, *[b""] * 13)
    assert read_in_turns(port, protocol, 6) == [1, 2, 4, 4, 2, 0]


def test_what_comes_alone_is_read_alone_and_what_comes_in_a_crowd_in_turns(listen: Listen) -> None:
    protocol = Heard()
    port = listen(protocol, turn=8)
    send(port, *[b"x"] * 30)
    assert read_in_turns(port, protocol, 7) == [1, 2, 4, 8, 8, 7, 0], "however much time other work takes between them"
    send(port, *[b"x"] * 3)
    assert read_in_turns(port, protocol, 2) == [1, 2], "the crowd was gone"


def test_a_fault_in_the_protocol_costs_one_datagram_and_is_told(listen: Listen, log: list[LogEvent]) -> None:
    protocol = Heard(fails_on=b"2")
    port = listen(protocol)
    send(port, b"1", b"2", b"3")
    port.doRead()
    port.doRead()
    assert [data for data, _ in protocol.heard] == [b"1", b"2", b"3"]
    assert [event["log_failure"].getErrorMessage() for event in log if "log_failure" in event] == ["of ours"]


def test_a_read_error_is_counted_and_leaves_the_port_open(listen: Listen) -> None:
    protocol = Heard()
    port = listen(protocol)
    real = port.socket

    class Refused:
        def recvfrom(self, size: int) -> None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    port.socket = Refused()
    port.doRead()
    port.socket = real
    send(port, b"after")
    port.doRead()
    assert port.read_errors == 1
    assert [data for data, _ in protocol.heard] == [b"after"]


def test_buffers_dscp_and_drops_of_a_port(listen: Listen) -> None:
    port = listen(Heard(), receive_buffer=4096, send_buffer=30_000, dscp=26)
    assert port.buffers() == (8192, 60_000)
    assert port.socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 26 << 2
    assert port.kernel_drops() == 0
    send(port, *[bytes(172)] * 200)
    assert port.kernel_drops() > 0


def test_ipv6_sources_are_host_and_port(listen: Listen, reactor: EPollReactor) -> None:
    protocol = Heard()
    try:
        port = listen(protocol, Address("::1", 0))
    except CannotListenError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    source = send(port, b"x")
    turn_until(reactor, lambda: bool(protocol.heard))
    assert protocol.heard == [(b"x", source)]


def test_a_taken_port_raises(listen: Listen) -> None:
    taken = listen(Heard())
    with pytest.raises(CannotListenError):
        listen(Heard(), Address("127.0.0.1", taken.getHost().port))


def test_a_bad_dscp_opens_nothing(listen: Listen, reactor: EPollReactor) -> None:
    before = len(reactor.getReaders())
    with pytest.raises(ValueError, match="64"):
        listen(Heard(), dscp=64)
    assert len(reactor.getReaders()) == before


def test_a_stopped_port_is_closed_on_the_next_turn(listen: Listen, reactor: EPollReactor) -> None:
    port = listen(Heard())
    address = Address(*port.socket.getsockname())
    stopped = port.stopListening()
    assert stopped is not None
    reactor.iterate(0)
    assert stopped.called
    with open_udp(address):
        assert port.stopListening() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mark packets")
def test_a_socket_is_marked_and_bound_to_a_device(sock: socket.socket) -> None:
    set_way(sock, 7, "lo")
    assert sock.getsockopt(socket.SOL_SOCKET, 36) == 7
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


def test_marks_and_devices_that_cannot_be_had_are_named(sock: socket.socket) -> None:
    with pytest.raises(OSError, match="device sbc-no-such: No such device"):
        set_way(sock, device="sbc-no-such")
    set_way(sock)
    assert sock.getsockopt(socket.SOL_SOCKET, 36) == 0


# -- what comes back


def test_what_comes_back_is_told_and_the_port_lives_on(reactor: EPollReactor, listen: Listen) -> None:
    heard, told = Heard(), list[tuple[Address, bytes, str]]()
    port = listen(heard, bounced=lambda *what: told.append(what))
    gone = listen(Heard())
    nobody = Address(*gone.socket.getsockname())
    gone.stopListening()
    reactor.iterate(0)
    for number in range(3):  # each in a turn without anything to read, which Twisted takes for the end of a connection
        port.send(b"%d" % number, nobody)
        turn_until(reactor, lambda: len(told) == number + 1)  # noqa: B023 - at once
    assert told == [(nobody, b"%d" % number, "port unreachable") for number in range(3)]
    send(port, b"still here")
    turn_until(reactor, lambda: len(heard.heard) == 1)


def test_one_that_came_back_keeps_no_other_from_going_out(reactor: EPollReactor, listen: Listen) -> None:
    told = list[tuple[Address, bytes, str]]()
    port, other = listen(Heard(), bounced=lambda *what: told.append(what)), Heard()
    there = Address(*listen(other).socket.getsockname())
    gone = listen(Heard())
    nobody = Address(*gone.socket.getsockname())
    gone.stopListening()
    reactor.iterate(0)
    for number in range(20):  # the kernel tells of the first when the second is sent
        port.send(b"lost %d" % number, nobody)
        port.send(b"%d" % number, there)
    turn_until(reactor, lambda: len(told) == 20 and len(other.heard) == 20)


def test_many_that_came_back_keep_no_other_from_going_out(reactor: EPollReactor, listen: Listen) -> None:
    told = list[tuple[Address, bytes, str]]()
    port, other = listen(Heard(), bounced=lambda *what: told.append(what), turn=2), Heard()
    there = Address(*listen(other).socket.getsockname())
    gone = listen(Heard())
    nobody = Address(*gone.socket.getsockname())
    gone.stopListening()
    reactor.iterate(0)
    for _ in range(13):  # more than are heard of at once; who sends by the socket itself hears of none
        with suppress(OSError):
            port.socket.sendto(b"lost", nobody)
    port.send(b"here", there)
    turn_until(reactor, lambda: bool(other.heard))
    assert len(told) > port.turn


def test_where_nobody_wants_to_know_nothing_is_different(reactor: EPollReactor, listen: Listen) -> None:
    heard = Heard()
    port = listen(heard)
    gone = listen(Heard())
    nobody = Address(*gone.socket.getsockname())
    gone.stopListening()
    reactor.iterate(0)
    port.send(b"lost", nobody)
    port.readConnectionLost(None)  # were it ever called
    send(port, b"here")
    turn_until(reactor, lambda: len(heard.heard) == 1)
    with pytest.raises(OSError):
        port.send(bytes(70_000), nobody)


def test_what_comes_from_who_is_refused_is_read_and_dropped(reactor: EPollReactor, listen: Listen) -> None:
    protocol = Heard()
    port = listen(protocol)
    refused: set[object] = set()
    port.refused = refused
    with socket.socket(port.addressFamily, socket.SOCK_DGRAM) as banned:
        banned.bind((port.interface, 0))
        refused.add(banned.getsockname())
        banned.sendto(b"banned", port.socket.getsockname())
        send(port, b"its neighbour")
        turn_until(reactor, lambda: bool(protocol.heard))
    refused.add(port.interface)
    send(port, b"of that host")
    turn_until(reactor, lambda: port.refusals == 2)
    assert [data for data, _ in protocol.heard] == [b"its neighbour"]


def test_a_port_says_when_more_waits_than_a_turn_may_read(reactor: EPollReactor, listen: Listen) -> None:
    protocol = Heard()
    port = listen(protocol, turn=4)
    send(port, *[b"%d" % number for number in range(20)])
    for heard, behind in ((1, False), (3, False), (7, True), (11, True), (15, True), (19, True), (20, False)):
        port.doRead()
        assert len(protocol.heard) == heard and (port in port.behind) is behind


def test_what_is_refused_ends_no_turn_until_there_is_very_much_of_it(listen: Listen) -> None:
    protocol = Heard()
    port = listen(protocol, turn=4)
    port.refused = {port.interface}
    send(port, *[b""] * 200)
    for so_far, behind in ((1, False), (3, False), (7, True), (11, True)):
        port.doRead()
        assert port.refusals == REFUSED * so_far and (port in port.behind) is behind
    port.doRead()
    assert port.refusals == 200 and port not in port.behind and not protocol.heard
