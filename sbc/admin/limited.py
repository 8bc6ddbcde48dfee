"""The most time a line of the console may take: while it runs, no message and no packet is handled."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS = 5.0
"""The longest a line may run."""


class TooLong(BaseException):
    """A line has run for too long and is broken off. It is no Exception, so `except Exception` does not hold it."""


class _Alarm:
    """One for the process, since its signal is. Rings again and again, in case a line did not listen."""

    def __init__(self) -> None:
        self._armed = False
        self.held = 0

    def ring(self, _number: int, _frame: object) -> None:
        if self._armed and not self.held:
            raise TooLong("broken off: all calls wait while a line runs")

    def start(self, seconds: float) -> None:
        self._armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)

    def stop(self) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)


_ALARM = _Alarm()


@contextmanager
def whole() -> Iterator[None]:
    """What is done within is done to its end, however long it takes: half of it would be worse."""
    _ALARM.held += 1
    try:
        yield
    finally:
        _ALARM.held -= 1


def limited(seconds: float, run: Callable[[], None]) -> None:
    """Call `run`, and break it off after `seconds`: on the main thread, where SIGALRM is nobody else's.

    @raises TooLong where `run` lets it out.
    """
    mine = threading.current_thread() is threading.main_thread()
    if mine and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
        signal.signal(signal.SIGALRM, _ALARM.ring)
    if not mine or signal.getsignal(signal.SIGALRM) != _ALARM.ring:
        run()
        return
    try:
        try:
            _ALARM.start(seconds)
            run()
        finally:
            _ALARM.stop()
    finally:
        _ALARM.stop()  # it may ring just before the other stop; before this one it cannot ring again
