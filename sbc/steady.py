"""The clock that timers go by: one nobody sets. A reactor of ours is given it, beside that of others stand own timers.

Twisted's reactors go by the time of day. When that is set, by NTP or after a pause of the whole machine, everything
would be due at once, or nothing for hours.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from time import CLOCK_MONOTONIC, monotonic
from typing import Any

from twisted.internet import tcp
from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.runtime import seconds as time_of_day
from zope.interface import implementer

_SWEEP = 50
"""Cancelled calls that may lie about; from then on they are swept out when they are half of all."""
_ABSOLUTE = 1  # of timerfd_settime


def steady(reactor: Any, alone: bool) -> Any:
    """A reactor whose `seconds` and `callLater` go by a clock that nobody sets.

    `alone`: the process has nothing else to do, so its reactor is made one itself. That of another application is not
    touched, nor are its timers: what is returned has timers of its own, and is that reactor in all else.
    """
    if not alone or reactor.seconds is not time_of_day:
        return Guest(reactor)
    ahead = reactor.seconds() - monotonic()
    reactor.seconds = monotonic
    for call in reactor.getDelayedCalls():
        call.time -= ahead
        call.seconds = monotonic
    return reactor


class _Spec(ctypes.Structure):
    """``struct itimerspec``: then, and not again."""

    _fields_ = (
        ("again_seconds", ctypes.c_long),
        ("again_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


@implementer(IReadDescriptor)
class KernelTimer:
    """A descriptor that can be read from when the kernel's own clock has come to a time: any reactor hears of that."""

    def __init__(self, due: Callable[[], None]) -> None:
        """@raises OSError."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._due = due
        self._fd: int = self._libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "there is no timer of the kernel to be had")

    def set(self, at: float) -> None:
        """Be due at `at` and not before; at once if that is past."""
        nanoseconds = max(1, int(at * 1e9) + 1)  # never early; and 0 would be never
        spec = _Spec(0, 0, *divmod(nanoseconds, 1_000_000_000))
        self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(spec), None)

    def fileno(self) -> int:
        return self._fd

    def doRead(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # it was set to another time meanwhile
            return
        self._due()

    def connectionLost(self, reason: object) -> None:
        self.close()

    def logPrefix(self) -> str:
        return "timer"

    def close(self) -> None:
        """It is not needed any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Guest:
    """Timers by a clock that nobody sets beside those of a `reactor` that go by another; in all else that reactor."""

    _log = Logger()

    def __init__(self, reactor: Any, seconds: Callable[[], float] = monotonic, timer: Any = KernelTimer) -> None:
        """`timer` makes what is heard of by the reactor when a time of `seconds` has come: see KernelTimer."""
        self._reactor = reactor
        self.seconds = seconds
        self._make_timer = timer
        self._timer: Any = None
        self._calls: list[DelayedCall] = []
        self._cancelled = 0
        self._set_to: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def callLater(self, delay: float, call: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        """See IReactorTime."""
        assert delay >= 0, f"{delay} seconds are past"
        made = DelayedCall(
            self.seconds() + delay, call, args, kw, self._count_cancelled, self._moved_sooner, self.seconds
        )
        heappush(self._calls, made)
        self._see_to_timer()
        return made

    def getDelayedCalls(self) -> list[DelayedCall]:
        """See IReactorTime: ours alone."""
        return [each for each in self._calls if each.active()]

    def connectTCP(
        self, host: str, port: int, factory: ClientFactory, timeout: float = 30, bindAddress: Any = None
    ) -> tcp.Connector:
        """See IReactorTCP. How long to wait is timed here, too."""
        untyped: Any = tcp.Connector
        connector: tcp.Connector = untyped(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def _count_cancelled(self, _call: DelayedCall) -> None:
        self._cancelled += 1

    def _moved_sooner(self, _call: DelayedCall) -> None:
        heapify(self._calls)
        self._see_to_timer()

    def _due(self) -> None:
        """Make the calls that are due now; what they ask for, even at once, has the next turn."""
        self._set_to, now = None, self.seconds()
        due: list[DelayedCall] = []
        while self._calls and self._calls[0].time <= now:
            call = heappop(self._calls)
            if not self._is_off(call):
                due.append(call)
        try:
            for call in due:
                self._make(call)
        finally:
            self._see_to_timer()

    def _is_off(self, call: DelayedCall) -> bool:
        """Whether a call that was taken out is not to be made now: it is cancelled, or put off, and then put back."""
        if call.cancelled:
            self._cancelled -= 1
        elif call.delayed_time > 0.0:
            call.activate_delay()
            heappush(self._calls, call)
        else:
            return False
        return True

    def _make(self, call: DelayedCall) -> None:
        if self._is_off(call):  # by one of those before it
            return
        call.called = 1
        try:
            call.func(*call.args, **call.kw)
        except Exception:  # noqa: BLE001 - as any reactor does
            self._log.failure("a fault in what was due")

    def _see_to_timer(self) -> None:
        if self._cancelled > _SWEEP and self._cancelled > len(self._calls) // 2:
            self._calls = [each for each in self._calls if not each.cancelled]
            heapify(self._calls)
            self._cancelled = 0
        if not self._calls:
            if self._timer is not None:
                self._reactor.removeReader(self._timer)
                self._timer.close()
                self._timer = None
            self._set_to = None
            return
        if self._timer is None:
            self._timer = self._make_timer(self._due)
            self._reactor.addReader(self._timer)
        if self._set_to is None or self._calls[0].time < self._set_to:
            self._set_to = self._calls[0].time
            self._timer.set(self._set_to)
