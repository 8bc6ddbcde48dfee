"""What signals ask of a process that is an SBC and nothing else: SIGHUP reloads, SIGTERM drains and ends it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from sbc.operations import Operations


class SignalService(Service):
    """Hears signals while it runs. Not for applications that have other things to do: they call Operations themselves.

    Twisted's own answer to SIGTERM and SIGINT is to stop at once; it is put aside as soon as the reactor has given it.
    SIGHUP is heard from the start on, and done when the reactor runs: by default it ends a process. While the process
    ends signals are told and no more: what is left to do is bounded, and records may still wait for a disk.
    """

    _log = Logger()

    def __init__(self, reactor: Any, operations: Operations) -> None:
        self.setName("signals")
        self._reactor = reactor
        self._operations = operations
        self._heard: list[signal.Signals] = []

    def startService(self) -> None:
        super().startService()
        self._hear(signal.SIGHUP, self._operations.reload_soon)
        self._reactor.callWhenRunning(self._install)

    def stopService(self) -> None:
        super().stopService()
        for number in self._heard:
            signal.signal(number, self._handler(lambda: None))

    def _install(self) -> None:
        if not self.running:
            return
        self._hear(signal.SIGTERM, self._terminate)
        self._hear(signal.SIGINT, self._interrupt)

    def _hear(self, number: signal.Signals, act: Callable[[], object]) -> None:
        signal.signal(number, self._handler(act))
        self._heard.append(number)

    def _handler(self, act: Callable[[], object]) -> Callable[[int, object], None]:
        def handle(number: int, _frame: object) -> None:
            self._reactor.callFromThread(self._on_signal, signal.Signals(number).name, act)

        return handle

    def _on_signal(self, name: str, act: Callable[[], object]) -> None:
        self._log.info("{name}" if self.running else "{name}: it is ending already", name=name)
        act()

    def _terminate(self) -> None:
        self._operations.stop().addCallback(self._end)

    def _interrupt(self) -> None:
        """Somebody at a terminal wants it to end now."""
        self._operations.stop(at_once=True).addCallback(self._end)

    def _end(self, _: object) -> None:
        with suppress(ReactorNotRunning):  # somebody else has stopped it meanwhile
            self._reactor.stop()
