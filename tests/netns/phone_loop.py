"""The thread a softphone lives in: sockets, timers and work handed in by other threads, one thing after the other."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from tests.netns.waiting import PATIENCE

T = TypeVar("T")
_IDLE = 0.5


def datagrams(sock: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    """All that a socket holds now, each with the host and port it came from."""
    while True:
        try:
            data, source = sock.recvfrom(65535)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue  # an ICMP error to something sent before, which who sent it repeats or counts
        yield data, source[:2]


class PhoneLoop:
    """Runs until closed. `tick` is called with the time after everything that happens; `moments` gives the times at
    which it must be called at the latest. What goes wrong in the thread is kept in `faults`."""

    def __init__(self, name: str, tick: Callable[[float], None], moments: Callable[[], Iterable[float]]) -> None:
        self.faults: list[str] = []
        self._on_tick, self._moments = tick, moments
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._work: SimpleQueue[tuple[Callable[[], Any], Future]] = SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for its end. May be called twice."""
        if not self._closing:
            self._closing = True
            self._wake.send(b"x")
            self._thread.join(5)
            self._wake.close()
            self._woken.close()
            self._selector.close()

    def do(self, action: Callable[[], T]) -> T:
        """Run `action` in the thread and return its result, or raise what it raised."""
        if threading.current_thread() is self._thread:
            return action()
        future: Future[T] = Future()
        self._work.put((action, future))
        self._wake.send(b"x")
        return future.result(PATIENCE)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` in the thread after some seconds. To be called from within the thread."""
        self._timers.append((time.monotonic() + seconds, action))

    def watch(self, sock: socket.socket, readable: Callable[[socket.socket], None]) -> None:
        """Call `readable` whenever the (non-blocking) socket holds something."""
        self._selector.register(sock, selectors.EVENT_READ, readable)

    def unwatch(self, sock: socket.socket) -> None:
        """Watch the socket no more; before it is closed. May be called twice, and when the thread has ended."""
        watched = self._selector.get_map()  # None when the selector is closed
        if watched is not None and sock.fileno() >= 0 and sock in watched:
            self._selector.unregister(sock)

    def _run(self) -> None:
        while not self._closing:
            moments = [*self._moments(), *(at for at, _ in self._timers)]
            patience = min(_IDLE, max(0.0, min(moments) - time.monotonic())) if moments else _IDLE
            for key, _ in self._selector.select(patience):
                if key.data is None:
                    self._woken.recv(4096)
                else:
                    self._guarded(key.data, key.fileobj)
            while not self._work.empty():
                action, future = self._work.get()
                try:
                    future.set_result(action())
                except Exception as error:  # noqa: BLE001 - `do` raises it where the result is taken
                    future.set_exception(error)
            self._guarded(self._tick, time.monotonic())

    def _tick(self, now: float) -> None:
        due = [one for one in self._timers if one[0] <= now]
        self._timers = [one for one in self._timers if one[0] > now]
        for _, action in due:
            action()
        self._on_tick(now)

    def _guarded(self, action: Callable[[Any], None], argument: object) -> None:
        try:
            action(argument)
        except Exception as error:  # noqa: BLE001 - kept, and raised when the phone is closed
            self.faults.append(repr(error))
