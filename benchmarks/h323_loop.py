"""What both ends of the benchmark's H.323 load stand on: an epoll loop with timers, and packets cut out of streams."""

from __future__ import annotations

import heapq
import select
import socket
from collections.abc import Callable
from itertools import count
from time import monotonic

_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT
MOST = 65_536


class Loop:
    """Calls whoever waits for a socket, or for a time, until `stop`."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._tie = count()
        self._runs = True

    def read(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call `ready` whenever something can be read."""
        self._watch(sock, _READ, ready)

    def write(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call `ready` when something can be written, instead of when something can be read."""
        self._watch(sock, _WRITE, ready)

    def _watch(self, sock: socket.socket, events: int, ready: Callable[[], None]) -> None:
        fd = sock.fileno()
        if fd in self._ready:
            self._poll.modify(fd, events)
        else:
            self._poll.register(fd, events)
        self._ready[fd] = ready

    def close(self, sock: socket.socket) -> None:
        """Close a socket that is watched."""
        del self._ready[sock.fileno()]  # epoll forgets it by itself
        sock.close()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (monotonic() + seconds, next(self._tie), action))

    def stop(self) -> None:
        self._runs = False

    def run(self) -> None:
        while self._runs:
            now = monotonic()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
            wait = max(self._due[0][0] - monotonic(), 0.0) if self._due else 1.0
            for fd, _ in self._poll.poll(wait, 256):
                ready = self._ready.get(fd)
                if ready is not None:
                    ready()


def udp(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    made.bind((host, port))
    made.setblocking(False)
    return made


def received(sock: socket.socket) -> bytes | None:
    """What a stream brings; empty where it has ended, None where nothing has come."""
    try:
        return sock.recv(MOST)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def packets(held: bytes) -> tuple[list[bytes], bytes]:
    """The whole packets (TPKT, with their header) in a stream, and the rest."""
    found, at = [], 0
    while len(held) - at >= 4:
        size = held[at + 2] << 8 | held[at + 3]
        if len(held) - at < size:
            break
        found.append(held[at : at + size])
        at += size
    return found, held[at:]
