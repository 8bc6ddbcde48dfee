"""What signals ask of the process, by handlers in this one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning

from sbc.signals import SignalService


class Reactor:
    """Runs at once, and counts how often it was stopped."""

    def __init__(self) -> None:
        self.stopped = 0

    def callWhenRunning(self, call: Callable[[], None]) -> None:
        call()

    def callFromThread(self, call: Callable[..., None], *args: Any) -> None:
        call(*args)

    def stop(self) -> None:
        self.stopped += 1
        if self.stopped > 1:
            raise ReactorNotRunning


class Wishes:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.gone: list[Deferred[None]] = []

    def reload_soon(self) -> None:
        self.heard.append("reload")

    def stop(self, at_once: bool = False) -> Deferred[None]:
        self.heard.append("stop at once" if at_once else "stop")
        self.gone.append(Deferred())
        return self.gone[-1]


Made = tuple[SignalService, Reactor, Wishes]


@pytest.fixture
def made() -> Iterator[Made]:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    reactor, wishes = Reactor(), Wishes()
    service = SignalService(reactor, wishes)  # type: ignore[arg-type]
    service.startService()
    yield service, reactor, wishes
    if service.running:
        service.stopService()
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def test_hup_reloads(made: Made) -> None:
    send(signal.SIGHUP)
    assert made[2].heard == ["reload"] and not made[1].stopped


def test_term_ends_the_process_when_the_calls_have_gone(made: Made) -> None:
    _, reactor, wishes = made
    send(signal.SIGTERM)
    assert wishes.heard == ["stop"] and not reactor.stopped
    send(signal.SIGTERM)
    assert wishes.heard == ["stop", "stop"]
    for gone in wishes.gone:
        gone.callback(None)
    assert reactor.stopped == 2  # the second finds it stopped, and that is no fault


def test_int_ends_it_at_once(made: Made) -> None:
    send(signal.SIGINT)
    assert made[2].heard == ["stop at once"]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_what_comes_while_it_ends_neither_ends_it_at_once_nor_begins_anything(
    made: Made, number: signal.Signals
) -> None:
    """Calls' records may be on their way to the disk."""
    service, reactor, wishes = made
    service.stopService()
    send(number)
    assert wishes.heard == [] and not reactor.stopped


def test_a_hup_that_comes_before_the_reactor_runs_is_heard_then() -> None:
    class Later(Reactor):
        def __init__(self) -> None:
            super().__init__()
            self.later: list[Callable[[], None]] = []

        def callWhenRunning(self, call: Callable[[], None]) -> None:
            self.later.append(call)

        def callFromThread(self, call: Callable[..., None], *args: Any) -> None:
            self.later.append(lambda: call(*args))

    reactor, wishes, before = Later(), Wishes(), signal.getsignal(signal.SIGHUP)
    others = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    service = SignalService(reactor, wishes)  # type: ignore[arg-type]
    try:
        service.startService()
        send(signal.SIGHUP)
        assert wishes.heard == []
        service.stopService()
        for call in reactor.later:
            call()
        assert wishes.heard == ["reload"]
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == others, "it had been stopped"
    finally:
        signal.signal(signal.SIGHUP, before)
