"""What the service manager hears, by a socket of the test's own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet.task import Clock

from sbc.notify import PATIENCE, STATUS, ManagerService, Notifier


class Reactor(Clock):
    """A clock that runs at once."""

    def callWhenRunning(self, call: Any) -> None:
        call()


@attrs.define
class Desk:
    listener: socket.socket
    clock: Reactor
    service: ManagerService
    state: str = "running"
    calls: int = 0
    healthy: bool = True

    def heard(self) -> list[str]:
        """What has been said since the last time, messages in order."""
        found = []
        while True:
            try:
                found.append(self.listener.recv(4096).decode())
            except BlockingIOError:
                return found


def bound(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.setblocking(False)
    return listener


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    path = str(tmp_path / "notify")
    with bound(path) as listener:
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())})
        clock = Reactor()
        service = ManagerService(clock, notifier, lambda: desk.state, lambda: desk.calls, lambda: desk.healthy)
        desk = Desk(listener, clock, service)
        service.startService()
        yield desk
        if service.running:
            service.stopService()
        assert not clock.getDelayedCalls()


def test_it_is_ready_when_it_runs_and_lives_as_long_as_it_works(desk: Desk) -> None:
    assert desk.heard() == ["READY=1", "STATUS=running, 0 calls", "WATCHDOG=1"]
    desk.clock.advance(5)
    assert desk.heard() == ["WATCHDOG=1"]
    desk.healthy = False
    desk.clock.advance(5)
    assert desk.heard() == []
    desk.service.stopService()
    assert desk.heard() == ["STOPPING=1"]


def test_the_status_tells_what_is_new(desk: Desk) -> None:
    desk.heard()
    desk.calls = 1
    desk.clock.advance(STATUS)
    assert "STATUS=running, 1 call" in desk.heard()
    desk.state = "draining"
    desk.service.became("draining")
    assert desk.heard() == ["READY=1", "STATUS=draining, 1 call"]


def test_a_reload_is_told_by_the_monotonic_clock(desk: Desk) -> None:
    desk.heard()
    before = time.monotonic_ns() // 1000
    desk.service.became("reloading")
    desk.service.became("running")
    reloading, ready = desk.heard()
    word, _, when = reloading.partition("\nMONOTONIC_USEC=")
    assert (word, ready) == ("RELOADING=1", "READY=1")
    assert before <= int(when) <= time.monotonic_ns() // 1000


def test_a_stop_asks_for_more_time_as_long_as_calls_are_left(desk: Desk) -> None:
    desk.heard()
    desk.state, desk.calls = "stopping", 2
    desk.service.became("stopping")
    more = f"EXTEND_TIMEOUT_USEC={int(PATIENCE * 1e6)}"
    assert desk.heard() == [f"STOPPING=1\n{more}", f"STATUS=stopping, 2 calls\n{more}"]
    desk.clock.advance(STATUS)
    assert f"STATUS=stopping, 2 calls\n{more}" in desk.heard()


def test_a_socket_without_a_file() -> None:
    name = f"sbc-test-{os.getpid()}"
    with bound(f"\0{name}") as listener:
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).say("READY=1")
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}])
def test_where_nobody_asks_nothing_is_said(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    notifier.say("READY=1")
    assert notifier.watchdog == 0.0
    clock = Reactor()
    service = ManagerService(clock, notifier, lambda: "running", lambda: 0, lambda: True)
    service.startService()
    service.became("reloading")
    service.stopService()
    assert not clock.getDelayedCalls()


def test_a_manager_that_does_not_hear_stops_nothing(tmp_path: Path) -> None:
    clock = Reactor()
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    service = ManagerService(clock, notifier, lambda: "running", lambda: 0, lambda: True)
    service.startService()
    clock.advance(STATUS)
    service.stopService()
