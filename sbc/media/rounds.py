"""Reads many sockets fairly: one datagram from each that has any, round after round; no flood starves a neighbour."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

TURN = 512
"""Reads in one turn of the reactor, before signalling and timers are looked after again."""

_BATCH = 256

Read = Callable[[float], None]
"""Reads at most one datagram, without waiting; is given the reactor's time."""


@implementer(IReadDescriptor)
class Rounds:
    """The sockets of an engine as one reader of the reactor.

    An epoll of their own stands inside the reactor's: asking it costs one system call for hundreds of sockets, where
    the reactor spends a log context on each; and the kernel hands the ready ones round in a ring, which is fair however
    fast one of them is filled. It exists only while there are sockets. Where there is no epoll, each socket is a reader
    of the reactor by itself, and is read once a turn.
    """

    _log = Logger()

    def __init__(self, reactor: Any, epoll: bool = hasattr(select, "epoll")) -> None:
        """`reactor` provides IReactorFDSet and IReactorTime."""
        self._reactor = reactor
        self._use_epoll = epoll
        self._epoll: Any = None
        self._reads: dict[int, Read] = {}
        self._single: dict[int, _Single] = {}
        self._faulty: set[int] = set()

    def __len__(self) -> int:
        return len(self._reads)

    def add(self, fd: int, read: Read) -> None:
        """Have `read` called whenever there is something to read from `fd`."""
        self._reads[fd] = read
        if not self._use_epoll:
            self._single[fd] = _Single(self, fd)
            self._reactor.addReader(self._single[fd])
            return
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor.addReader(self)
        self._epoll.register(fd, select.EPOLLIN)

    def remove(self, fd: int) -> None:
        """Forget `fd`, which is still open. @raises KeyError."""
        del self._reads[fd]
        self._faulty.discard(fd)
        if not self._use_epoll:
            self._reactor.removeReader(self._single.pop(fd))
            return
        self._epoll.unregister(fd)
        if not self._reads:
            self._reactor.removeReader(self)
            self._epoll.close()
            self._epoll = None

    def fileno(self) -> int:
        """The epoll's file descriptor, -1 while there is none."""
        return -1 if self._epoll is None else int(self._epoll.fileno())

    def logPrefix(self) -> str:
        return "media"

    def connectionLost(self, reason: Failure) -> None:
        """Called if the reactor gives the epoll up."""
        self._log.failure("media sockets are no longer read", failure=reason)

    def doRead(self) -> None:
        """One turn: rounds of one read each, until nothing is left to read or the turn is used up."""
        now = self._reactor.seconds()
        left = TURN
        while left > 0 and self._epoll is not None:
            ready = self._epoll.poll(0, _BATCH)
            if not ready:
                return
            for fd, _ in ready:
                self.read(fd, now)
            left -= len(ready)

    def read(self, fd: int, now: float) -> None:
        """Read once from `fd`, unless it has been removed meanwhile. A fault of ours ends there, and is told once."""
        read = self._reads.get(fd)
        if read is None:
            return
        try:
            read(now)
        except Exception:  # noqa: BLE001 - raised into the reactor it would take every socket out of it
            if fd not in self._faulty:
                self._faulty.add(fd)
                self._log.failure("reading a media socket failed")

    def read_alone(self, fd: int) -> None:
        """A turn of a socket that is a reader by itself."""
        self.read(fd, self._reactor.seconds())


@implementer(IReadDescriptor)
class _Single:
    """One socket as a reader of the reactor."""

    def __init__(self, rounds: Rounds, fd: int) -> None:
        self._rounds, self._fd = rounds, fd

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "media"

    def doRead(self) -> None:
        self._rounds.read_alone(self._fd)

    def connectionLost(self, reason: Failure) -> None:
        self._rounds.connectionLost(reason)
