"""The clock that all timers go by: whatever the time of day does, what is asked for comes when it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic, time
from typing import Any

import pytest
from twisted.internet.error import AlreadyCalled
from twisted.internet.protocol import ClientFactory
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import LoopingCall

from sbc.steady import Guest, KernelTimer, steady
from tests.loopback import loopback
from tests.waiting import PATIENCE

HOURS = 7200.0


class Stepped(SelectReactor):
    """A reactor that goes by a time of day which can be set."""

    moved = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.startRunning(installSignalHandlers=False)

    def seconds(self) -> float:
        return time() + self.moved

    def turn(self, until: Callable[[], Any]) -> None:
        end = monotonic() + PATIENCE
        while not until() and monotonic() < end:
            self.iterate(1.0)


class Timer:
    """What the kernel's timer is in a test without one."""

    def __init__(self, due: Callable[[], None]) -> None:
        self.due = due
        self.at: float | None = None
        self.closed = False

    def set(self, at: float) -> None:
        self.at = at

    def close(self) -> None:
        self.closed = True


class Foreign:
    """A reactor that only says who is heard by it."""

    def __init__(self) -> None:
        self.readers: list[Timer] = []

    def addReader(self, reader: Timer) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Timer) -> None:
        self.readers.remove(reader)


class Rig:
    """A guest at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.foreign = Foreign()
        self.guest = Guest(self.foreign, lambda: self.now, Timer)
        self.made: list[object] = []

    def at(self, seconds: float, what: object) -> Any:
        return self.guest.callLater(seconds, self.made.append, what)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for timer in list(self.foreign.readers):
            if timer.at is not None and timer.at <= self.now:
                timer.at = None
                timer.due()


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def foreign() -> Iterator[Stepped]:
    reactor = Stepped()
    yield reactor
    reactor.fireSystemEvent("shutdown")
    reactor.removeAll()


@pytest.mark.parametrize("moved", [HOURS, -HOURS])
def test_a_guest_is_on_time_when_the_clock_of_its_host_is_set(foreign: Stepped, moved: float) -> None:
    guest, made = steady(foreign, alone=False), list[str]()
    began = guest.seconds()
    guest.callLater(0.05, made.append, "soon")
    guest.callLater(HOURS / 2, made.append, "much later")
    foreign.callLater(HOURS / 2, made.append, "the host's")
    foreign.moved = moved
    foreign.turn(lambda: "soon" in made)
    assert 0.05 <= guest.seconds() - began < HOURS / 2
    assert made == (["the host's", "soon"] if moved > 0 else ["soon"])  # which it suffers itself, as ever


def test_another_applications_reactor_is_not_touched(foreign: Stepped) -> None:
    theirs, before = foreign.callLater(5.0, lambda: None), dict(vars(foreign))
    guest = steady(foreign, alone=False)
    ours = guest.callLater(0.0, lambda: None)
    foreign.turn(lambda: not ours.active())
    assert vars(foreign).keys() == before.keys()
    assert foreign.getDelayedCalls() == [theirs] and guest.getDelayedCalls() == []
    assert guest.callFromThread == foreign.callFromThread  # in all else it is that reactor
    theirs.cancel()
    assert not any(isinstance(each, KernelTimer) for each in foreign.getReaders())


def test_our_own_reactor_is_given_the_clock() -> None:
    reactor = SelectReactor()
    made: list[str] = []
    before = reactor.callLater(0.0, made.append, "asked for before")
    long = reactor.callLater(HOURS, made.append, "never")
    assert steady(reactor, alone=True) is reactor
    assert abs(reactor.seconds() - monotonic()) < 1.0
    assert 0.0 < long.getTime() - reactor.seconds() <= HOURS
    long.reset(HOURS / 2)
    assert 0.0 < long.getTime() - reactor.seconds() <= HOURS / 2
    reactor.runUntilCurrent()
    assert made == ["asked for before"] and not before.active()


def test_a_reactor_that_has_a_clock_of_its_own_keeps_it(foreign: Stepped) -> None:
    assert isinstance(steady(foreign, alone=True), Guest)


def test_calls_are_made_in_their_order_and_never_early(rig: Rig) -> None:
    rig.at(2.0, "b")
    rig.at(1.0, "a")
    rig.at(3.0, "c")
    rig.pass_time(0.99)
    assert rig.made == []
    rig.pass_time(1.5)
    assert rig.made == ["a", "b"]
    rig.pass_time(1.0)
    assert rig.made == ["a", "b", "c"] and rig.foreign.readers == []


def test_one_that_is_cancelled_is_not_made(rig: Rig) -> None:
    first, second = rig.at(1.0, "a"), rig.at(1.0, "b")
    first.cancel()
    assert rig.guest.getDelayedCalls() == [second]
    rig.pass_time(1.0)
    assert rig.made == ["b"]
    with pytest.raises(AlreadyCalled):
        second.cancel()


def test_one_cancels_the_next(rig: Rig) -> None:
    calls: list[Any] = [rig.guest.callLater(1.0, lambda: [each.cancel() for each in calls[1:]])]
    calls.append(rig.at(1.0, "no more"))
    rig.pass_time(1.0)
    assert rig.made == [] and rig.foreign.readers == []


def test_one_puts_off_the_next(rig: Rig) -> None:
    calls: list[Any] = [rig.guest.callLater(1.0, lambda: calls[1].reset(5.0))]
    calls.append(rig.at(1.0, "later"))
    rig.pass_time(1.0)
    assert rig.made == [] and calls[1].active()
    rig.pass_time(5.0)
    assert rig.made == ["later"] and rig.foreign.readers == []


def test_one_is_put_off_and_brought_forward(rig: Rig) -> None:
    later, sooner = rig.at(1.0, "later"), rig.at(50.0, "sooner")
    later.reset(10.0)
    sooner.reset(2.0)
    rig.pass_time(1.0)
    assert rig.made == []
    rig.pass_time(1.0)
    assert rig.made == ["sooner"]
    rig.pass_time(8.0)
    assert rig.made == ["sooner", "later"]


def test_what_is_asked_for_at_once_has_the_next_turn(rig: Rig) -> None:
    rig.guest.callLater(1.0, lambda: rig.at(0.0, "then"))
    rig.pass_time(1.0)
    assert rig.made == []
    rig.pass_time(0.0)
    assert rig.made == ["then"]


def test_a_fault_costs_that_call_alone(rig: Rig) -> None:
    rig.guest.callLater(1.0, lambda: 1 / 0)
    rig.at(1.0, "the next")
    rig.pass_time(1.0)
    assert rig.made == ["the next"]


def test_what_is_cancelled_is_not_kept_for_ever(rig: Rig) -> None:
    rig.at(9.0, "the last")
    for _ in range(10_000):
        rig.at(5.0, "never").cancel()
    assert len(rig.guest._calls) < 200
    rig.pass_time(9.0)
    assert rig.made == ["the last"] and rig.foreign.readers == []


def test_it_beats_as_long_as_it_is_wanted(rig: Rig) -> None:
    beat = LoopingCall(lambda: rig.made.append(rig.now))
    beat.clock = rig.guest
    beat.start(1.0, now=False)
    for _ in range(3):
        rig.pass_time(1.0)
    beat.stop()
    rig.pass_time(9.0)
    assert rig.made == [101.0, 102.0, 103.0]


class Attempt(ClientFactory):
    """A connection that is refused."""

    noisy = False
    failed = False

    def clientConnectionFailed(self, connector: object, reason: object) -> None:
        self.failed = True


def test_how_long_a_connection_may_take_goes_by_it(foreign: Stepped) -> None:
    guest, attempt = steady(foreign, alone=False), Attempt()
    guest.connectTCP(f"{loopback('steady')}.1", 9, attempt, timeout=30)
    patience = max(guest.getDelayedCalls(), key=lambda call: call.getTime())
    assert 29.0 < patience.getTime() - guest.seconds() <= 30.0
    foreign.turn(lambda: attempt.failed)
    assert attempt.failed and guest.getDelayedCalls() == [] and foreign.getDelayedCalls() == []
