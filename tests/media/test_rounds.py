"""Fair reading: one datagram a socket and round, and nothing one socket does stops another's."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from sbc.media.rounds import TURN, Rounds


class Readers(EPollReactor):
    """A reactor of the test's own, whose readers and clock are in its hands."""

    def seconds(self) -> float:
        return 12.5


@pytest.fixture(scope="module")
def reactor() -> Readers:
    return Readers()


class Sockets:
    """Pairs of datagram sockets; `order` is which of them was read, in turn."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds = rounds
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.order: list[int] = []
        self.times: list[float] = []

    def add(self, datagrams: int = 0) -> int:
        """A new socket with something in it; its number."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        number = len(self.pairs)
        self.pairs.append((ours, theirs))

        def read(now: float) -> None:
            ours.recv(10)
            self.order.append(number)
            self.times.append(now)

        self.rounds.add(ours.fileno(), read)
        self.fill(number, datagrams)
        return number

    def fill(self, number: int, datagrams: int) -> None:
        for _ in range(datagrams):
            self.pairs[number][1].send(b"x")

    def remove(self, number: int) -> None:
        self.rounds.remove(self.pairs[number][0].fileno())

    def close(self) -> None:
        for pair in self.pairs:
            for sock in pair:
                sock.close()


@pytest.fixture
def sockets(reactor: Readers) -> Iterator[Sockets]:
    sockets = Sockets(Rounds(reactor))
    yield sockets
    sockets.close()


def test_each_ready_socket_is_read_once_a_round(sockets: Sockets) -> None:
    flooded, quiet, other = sockets.add(8), sockets.add(1), sockets.add(2)
    sockets.rounds.doRead()
    assert sorted(sockets.order[:3]) == [flooded, quiet, other]
    assert sorted(sockets.order[3:5]) == [flooded, other]
    assert sockets.order[5:] == [flooded] * 6
    assert set(sockets.times) == {12.5}


def test_a_turn_ends_though_a_socket_never_does(reactor: Readers) -> None:
    rounds = Rounds(reactor)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    reads = 0

    def read(now: float) -> None:
        nonlocal reads
        reads += 1
        ours.recv(10)
        theirs.send(b"x")

    theirs.send(b"x")
    rounds.add(ours.fileno(), read)
    rounds.doRead()
    assert reads == TURN
    rounds.remove(ours.fileno())
    ours.close()
    theirs.close()


@pytest.mark.parametrize("epoll", [True, False])
def test_the_reactor_reads_what_was_added_and_not_what_was_removed(reactor: Readers, epoll: bool) -> None:
    before = set(reactor.getReaders()), len(os.listdir("/proc/self/fd"))
    sockets = Sockets(Rounds(reactor, epoll=epoll))
    first, second = sockets.add(1), sockets.add(1)
    reactor.iterate(1)
    assert sorted(sockets.order) == [first, second]
    assert len(sockets.rounds) == 2
    sockets.remove(first)
    sockets.fill(first, 1)
    sockets.fill(second, 1)
    reactor.iterate(1)
    assert sockets.order[2:] == [second]
    sockets.remove(second)
    sockets.close()
    assert len(sockets.rounds) == 0
    assert (set(reactor.getReaders()), len(os.listdir("/proc/self/fd"))) == before


def test_a_socket_removed_in_a_round_is_not_read_any_more_in_it(sockets: Sockets) -> None:
    victims = [sockets.add(), sockets.add()]

    def remove_the_others(now: float) -> None:
        ours.recv(10)
        for victim in victims:
            sockets.remove(victim)

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    sockets.pairs.append((ours, theirs))
    sockets.rounds.add(ours.fileno(), remove_the_others)
    theirs.send(b"x")  # the first to be ready is the first to be read
    for victim in victims:
        sockets.fill(victim, 1)
    sockets.rounds.doRead()
    assert sockets.order == []
    assert len(sockets.rounds) == 1


def test_the_last_socket_may_be_removed_in_its_own_round(reactor: Readers) -> None:
    rounds = Rounds(reactor)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    rounds.add(ours.fileno(), lambda now: rounds.remove(ours.fileno()))
    theirs.send(b"x")
    rounds.doRead()
    assert len(rounds) == 0
    assert rounds.fileno() == -1
    assert rounds not in reactor.getReaders()
    ours.close()
    theirs.close()


def test_a_fault_is_told_once_and_stops_nobody(sockets: Sockets, log: list[LogEvent]) -> None:
    good = sockets.add(3)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    sockets.pairs.append((ours, theirs))

    def fail(now: float) -> None:
        ours.recv(10)
        raise RuntimeError("of ours")

    sockets.rounds.add(ours.fileno(), fail)
    for _ in range(3):
        theirs.send(b"x")
    sockets.rounds.doRead()
    assert sockets.order == [good] * 3
    assert [event["log_failure"].getErrorMessage() for event in log] == ["of ours"]


def test_being_given_up_by_the_reactor_is_told(sockets: Sockets, log: list[LogEvent]) -> None:
    sockets.rounds.connectionLost(Failure(OSError("gone")))
    (event,) = log
    assert event["log_failure"].getErrorMessage() == "gone"
    assert sockets.rounds.logPrefix() == "media"


def test_what_was_never_added_cannot_be_removed(sockets: Sockets) -> None:
    with pytest.raises(KeyError):
        sockets.rounds.remove(99)
