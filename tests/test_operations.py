"""An operator's wishes: drains and stops in memory, by a clock the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure

from sbc.config.values import Config, DrainConfig
from sbc.core.call import CallState
from sbc.core.message import Ending, Kind
from sbc.core.orders import Order
from sbc.operations import LAST_WORDS, Operations, Outcome
from sbc.policy.prefixes import Prefixes
from tests.config.test_rules import text
from tests.rig import PHONE, SOFTSWITCH, Rig, sends
from tests.soak.test_books import Closing
from tests.toy_calls import Talk, answered, opened, toy_rig
from tests.toy_records import CLOSE, REQUEST, Record, answer, from_other, opening


class Hands:
    """Stands in for the runner: orders go to the rig's books."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def carry_out(self, orders: list[Order]) -> None:
        self.rig._take(orders)


@attrs.define
class Desk:
    clock: Clock
    rig: Rig
    operations: Operations

    @classmethod
    def make(cls, rig: Rig | None = None, **drain: Any) -> Desk:
        rig = rig or toy_rig(Closing())
        clock = Clock()
        clock.advance(rig.now)
        config = Config(rig.border.plan, drain=DrainConfig(**drain))
        return cls(clock, rig, Operations(clock, config, rig.border, cast(Any, Hands(rig)), cast(Any, None)))

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.25] * int(seconds / 0.25))
        self.rig.now = self.clock.seconds()

    def stopped(self) -> list[bool]:
        """Begin to stop; what is returned holds True once it may end."""
        ended: list[bool] = []
        self.operations.stop().addCallback(lambda _: ended.append(True))
        return ended

    def told(self) -> list[str]:
        """Who was asked to end a call."""
        records = [(side, Record.read(data)) for side in ("access", "core") for data in sends(self.rig.log, side)]
        return [side for side, record in records if (record.op, record.stage) == (CLOSE, REQUEST)]


def talking() -> tuple[Desk, Talk]:
    desk = Desk.make()
    return desk, answered(desk.rig)


def hang_up(talk: Talk) -> None:
    (sent,) = sends(talk.rig.from_core(from_other(talk.sent, talk.said).pack()), "access")
    talk.rig.from_access(answer(sent, "192.168.1.10").pack())


def test_a_drain_refuses_until_it_is_taken_back() -> None:
    desk = Desk.make()
    assert desk.operations.state == "running"
    assert desk.operations.drain().ok
    assert desk.operations.state == "draining"
    assert desk.rig.border.registry.draining == 30
    assert desk.operations.undrain().ok
    assert (desk.operations.state, desk.rig.border.registry.draining) == ("running", None)
    assert not desk.operations.undrain().ok
    assert not desk.clock.getDelayedCalls()


def test_a_drain_without_a_limit_ends_no_call() -> None:
    desk, talk = talking()
    desk.operations.drain()
    desk.wait(100)
    assert desk.operations.waited == 1 and not desk.told()
    hang_up(talk)
    assert desk.operations.waited == 0


@pytest.mark.parametrize("keeps", [False, True])
def test_after_the_limit_both_parties_are_told(keeps: bool) -> None:
    """Also where a store would keep the calls: it is a drain that was asked for, no stop."""
    desk, _ = talking()
    desk.operations.keeps = keeps
    assert "1 call to wait for, for 10 s at most" in desk.operations.drain(10).lines[0]
    desk.wait(9.75)
    assert not desk.told()
    desk.wait(0.5)
    assert desk.told() == ["access", "core"]
    assert desk.operations.waited == 0 and desk.operations.state == "draining"
    (call,) = desk.rig.border.registry.calls.values()
    assert call.ending is Ending.SHUTDOWN


def test_a_stop_without_calls_is_at_once() -> None:
    desk = Desk.make()
    assert desk.stopped() == [True]
    assert desk.operations.state == "stopping"
    assert not desk.clock.getDelayedCalls()


def test_a_stop_waits_for_the_last_call() -> None:
    desk, talk = talking()
    ended = desk.stopped()
    desk.wait(600)
    assert not ended
    hang_up(talk)
    desk.wait(LAST_WORDS + 0.5)
    assert ended == [True] and desk.told() == ["access"]


def test_a_stop_does_not_wait_for_ever() -> None:
    desk = Desk.make(limit=60.0)
    answered(desk.rig)
    ended = desk.stopped()
    desk.wait(60)
    assert desk.told() == ["access", "core"] and not ended
    desk.wait(LAST_WORDS + 0.5)
    assert ended == [True]


def test_a_call_that_nobody_has_answered_is_refused_at_the_limit() -> None:
    desk = Desk.make(limit=60.0)
    talk = opened(desk.rig)
    desk.stopped()
    desk.wait(60.25)
    assert talk.call.ended_by is not None
    assert desk.operations.waited == 0


def test_a_second_stop_is_at_once_and_both_parties_are_told() -> None:
    desk, _ = talking()
    first = desk.stopped()
    desk.wait(1)
    second = desk.stopped()
    desk.wait(0.25)
    assert first == second == [True]
    assert desk.told() == ["access", "core"]
    assert not desk.clock.getDelayedCalls()


def test_a_call_that_cannot_be_ended_keeps_no_stop_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise KeyError("a leg")

    said: list[str] = []
    monkeypatch.setattr(Operations, "_log", Logger(observer=lambda event: said.append(event["log_format"])))
    desk, _ = talking()
    monkeypatch.setattr(desk.rig.border, "end_call", lost)
    desk.stopped()
    ended = desk.stopped()
    desk.wait(1)
    assert ended == [True] and "call {call} cannot be ended" in said


def test_while_it_stops_nothing_takes_that_back() -> None:
    desk, _ = talking()
    desk.stopped()
    assert not desk.operations.undrain().ok
    assert not desk.operations.drain(1).ok
    assert desk.operations.state == "stopping"


def test_a_store_takes_over_at_once() -> None:
    desk, _ = talking()
    desk.operations.keeps = True
    ended = desk.stopped()
    desk.clock.advance(0)
    assert ended == [True]
    assert not desk.told()


@pytest.mark.parametrize("twice", [False, True])
def test_a_store_that_does_not_take_over_still_keeps_what_is_left(twice: bool) -> None:
    desk = Desk.make(limit=60.0, hand_over=False)
    answered(desk.rig)
    desk.operations.keeps = True
    ended = desk.stopped()
    desk.wait(30)
    assert not ended
    if twice:
        desk.stopped()
        desk.clock.advance(0)
    else:
        desk.wait(60)
    assert ended and not desk.told() and desk.operations.waited == 1


def by_connections() -> tuple[Desk, Rig]:
    """A call that no store keeps, since it goes by connections, and one that it does."""
    desk, _ = talking()
    desk.operations.keeps = True
    kept, *_ = desk.rig.border.registry.calls.values()
    answered(desk.rig, opening(PHONE, 2, 2))
    for call in desk.rig.border.registry.calls.values():
        call.bound = call is not kept
    return desk, desk.rig


def live(rig: Rig) -> int:
    return sum(call.state is not CallState.CLOSED for call in rig.border.registry.calls.values())


@pytest.mark.parametrize("twice", [False, True])
def test_a_store_takes_over_when_what_it_does_not_keep_has_ended(twice: bool) -> None:
    desk, rig = by_connections()
    ended = desk.stopped()
    desk.wait(10)
    assert not ended and live(rig) == 2, "the other is waited for, as long as the configuration says"
    if twice:
        desk.stopped()
        desk.wait(1)
    else:
        desk.wait(desk.operations.config.drain.limit)
    assert ended == [True] and live(rig) == 1, "the other is kept"
    assert desk.told() == ["access", "core"]


def test_help_may_still_be_called_while_it_stops() -> None:
    desk, _ = talking()
    desk.stopped()
    orders = desk.rig.from_access(opening(SOFTSWITCH, 5, 5, target=b"203.0.113.1 5060 help").pack())
    assert len(sends(orders, "core")) == 1
    assert desk.operations.waited == 2
    assert Kind.OPEN in [each.intent.kind for each in desk.rig.border.registry.live_exchanges]


def test_without_a_file_there_is_nothing_to_reload() -> None:
    outcome = Desk.make().operations.reload()
    assert not outcome.ok and "file" in outcome.lines[0]


class Pool:
    """A thread pool that has no threads: what it is given is done when `do` is called."""

    def __init__(self) -> None:
        self.left: list[Any] = []

    def callInThreadWithCallback(self, done: Any, what: Any, *args: Any, **more: Any) -> None:
        self.left.append((done, what, args))

    def do(self) -> None:
        while self.left:
            done, what, args = self.left.pop()
            try:
                done(True, what(*args))
            except ValueError:
                done(False, Failure())


def test_a_reload_reads_ahead_and_grows_no_tree_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, networks = tmp_path / "sbc.toml", tmp_path / "bad.txt"
    file.write_text(text({"name": "bad", "action": "drop", "from_file": "bad.txt"}))
    networks.write_text("".join(f"10.{number >> 8}.{number & 255}.0/24\n" for number in range(2_100)))
    desk, pool, outcomes = Desk.make(), Pool(), list[Outcome]()
    rules = desk.rig.border.registry.gate.rules
    clock: Any = desk.clock
    clock.getThreadPool, clock.callFromThread = lambda: pool, lambda call, *args: call(*args)

    class Reload:
        def apply(self, old: Config, new: Config) -> tuple[Config, list[str]]:
            monkeypatch.setattr("sbc.policy.rules.Prefixes", None)  # there is no other now
            rules.replan({name: realm.rules for name, realm in new.plan.realms.items()}, None)
            return new, ["done"]

    config = Config(desk.rig.border.plan, source=str(file))
    operations = Operations(desk.clock, config, desk.rig.border, cast(Any, Hands(desk.rig)), cast(Any, Reload()))
    operations.reload_soon().addCallback(outcomes.append)
    assert not outcomes and not rules.tables and len(pool.left) == 1
    pool.do()
    assert outcomes[0].ok and rules.tables["a"].rules[0].sources is not None
    file.write_text("realms = 1")
    operations.reload_soon().addCallback(outcomes.append)
    pool.do()
    assert not outcomes[1].ok and rules.tables["a"].rules[0].name == "bad", "all or nothing"
    monkeypatch.setattr("sbc.policy.rules.Prefixes", Prefixes)
    file.write_text(text({"name": "bad", "action": "drop", "from_file": "bad.txt"}))
    networks.write_text("10.0.0.0/8\n")
    again: Any = Again(rules)
    operations._reloader = again
    operations.reload_soon().addCallback(outcomes.append)
    assert not rules.outgrown
    done, what, args = pool.left.pop()
    done(True, what(*args))
    assert outcomes[2].ok and rules.outgrown and len(pool.left) == 1, "in a thread the old tree is freed, too"
    pool.do()
    assert not rules.outgrown


class Again:
    """A reload of rules alone."""

    def __init__(self, rules: Any) -> None:
        self._rules = rules

    def apply(self, old: Config, new: Config) -> tuple[Config, list[str]]:
        self._rules.replan({name: realm.rules for name, realm in new.plan.realms.items()}, None)
        return new, ["done"]
