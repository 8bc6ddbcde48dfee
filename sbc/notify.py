"""What the service manager hears of a running SBC (sd_notify(3)): ready, reloading, stopping, and that it lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from time import monotonic_ns
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

STATUS = 5.0
"""Seconds between two looks at whether there is something new to say."""
PATIENCE = 30.0
"""Seconds by which a stop asks to be waited for, again and again, while calls are left."""


class Notifier:
    """Says things by the datagram socket that the environment names; without one, nothing."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self.address = "\0" + path[1:] if path.startswith("@") else path
        mine = environment.get("WATCHDOG_PID") in (None, "", str(os.getpid()))
        period = environment.get("WATCHDOG_USEC", "")
        self.watchdog = int(period) / 1e6 if mine and period.isascii() and period.isdigit() else 0.0

    def say(self, *lines: str) -> None:
        """Send assignments, one a line. @raises OSError where nobody takes them."""
        if self.address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), self.address)


class ManagerService(Service):
    """Keeps the service manager told. `state` and `calls` give what there is to say, `healthy` whether the SBC does its
    work: without that it is not said to be alive, and the manager will restart it."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        notifier: Notifier,
        state: Callable[[], str],
        calls: Callable[[], int],
        healthy: Callable[[], bool],
    ) -> None:
        self.setName("manager")
        self._reactor = reactor
        self._notifier = notifier
        self._state, self._calls, self._healthy = state, calls, healthy
        self._status = ""
        self._unheard = False
        self._loops = [LoopingCall(self._tell_status), LoopingCall(self._live)]
        for loop in self._loops:
            loop.clock = reactor

    def startService(self) -> None:
        super().startService()
        if self._notifier.address:
            self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> None:
        super().stopService()
        for loop in self._loops:
            if loop.running:
                loop.stop()
        self._say("STOPPING=1")

    def became(self, word: str) -> None:
        """A state has begun: one of Operations, or "reloading"."""
        if word == "reloading":
            self._say("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1000}")
        elif word == "stopping":
            self._say("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(PATIENCE * 1e6)}")
        else:
            self._say("READY=1")
        self._tell_status()

    def _begin(self) -> None:
        if not self.running:
            return
        self._say("READY=1")
        self._loops[0].start(STATUS)
        if self._notifier.watchdog:
            self._loops[1].start(self._notifier.watchdog / 2)

    def _tell_status(self) -> None:
        calls, state = self._calls(), self._state()
        lines = [f"STATUS={state}, {calls} call{'' if calls == 1 else 's'}"]
        if state == "stopping":
            lines.append(f"EXTEND_TIMEOUT_USEC={int(PATIENCE * 1e6)}")
        elif lines[0] == self._status:
            return
        self._status = lines[0]
        self._say(*lines)

    def _live(self) -> None:
        if self._healthy():
            self._say("WATCHDOG=1")
        else:
            self._log.critical("the books are not looked over any more: the service manager is not told that we live")

    def _say(self, *lines: str) -> None:
        try:
            self._notifier.say(*lines)
            self._unheard = False
        except OSError as error:
            if not self._unheard:
                self._log.warn("the service manager does not hear: {error}", error=error)
            self._unheard = True
