"""Packets of one side that wait until they are within its rate, for an engine on the reactor's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

MOST = 1024
"""Packets of one side that may wait, however short they are."""


class Pacer:
    """A queue with a timer. `earliest` is when the packet that was admitted last may leave, in seconds; it is sent at
    once if that is over and nobody waits."""

    __slots__ = ("_call", "_reactor", "_waiting", "earliest")

    def __init__(self, reactor: Any) -> None:
        """`reactor` provides IReactorTime; None: nothing ever waits."""
        self._reactor = reactor
        self._waiting: deque[tuple[float, Callable[[], None]]] | None = None  # most sides never have any
        self._call: Any = None
        self.earliest = 0.0

    def admits(self, delay: float, now: float) -> bool:
        """Whether a packet that is to leave after so many seconds may wait for that; the next to be sent or held is
        that one."""
        if self._waiting and len(self._waiting) >= MOST:
            return False
        self.earliest = now + delay
        return True

    def holds(self, now: float) -> bool:
        """Whether the packet that was admitted last has to wait."""
        return self.earliest > now or bool(self._waiting)

    def hold(self, send: Callable[[], None], now: float) -> None:
        """Have `send` called when it is due: never before who came before it."""
        if self._waiting is None:
            self._waiting = deque()
        due = max(self.earliest, self._waiting[-1][0]) if self._waiting else self.earliest
        self._waiting.append((due, send))
        if self._call is None:
            self._arm(self._waiting, now)

    def flush(self) -> None:
        """Send all that waits now."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        while self._waiting:
            self._waiting.popleft()[1]()

    def _arm(self, waiting: deque[tuple[float, Callable[[], None]]], now: float) -> None:
        self._call = self._reactor.callLater(max(0.0, waiting[0][0] - now), self._release)

    def _release(self) -> None:
        self._call, now = None, self._reactor.seconds()
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1]()
        if self._waiting:
            self._arm(self._waiting, now)
