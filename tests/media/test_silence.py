"""Silence is told once, of every stream in its time; however many there are, a turn of the reactor has few of them."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.task import Clock

from sbc.media.silence import AT_ONCE, TOLD_AT_ONCE, SilenceWatch
from tests.contract.engines import Observer

LIMIT = 8.0


class Bench:
    """A watch over streams that have been heard as often as `heard` says; `looks` has the streams of each turn."""

    def __init__(self, seconds: float = LIMIT) -> None:
        self.clock, self.observer = Clock(), Observer()
        self.heard: Counter[str] = Counter()
        self.looks: list[tuple[float, str]] = []
        self.names: list[str] = []
        self.watch = SilenceWatch(self.clock, self.observer, self.received, lambda: self.names, seconds)  # type: ignore[arg-type]

    def received(self, stream: str) -> int:
        self.looks.append((self.clock.seconds(), stream))
        return self.heard[stream]

    def add(self, count: int) -> list[str]:
        names = self.names = [f"stream-{n}" for n in range(count)]
        for name in names:
            self.watch.add(name)
        return names

    def pass_time(self, seconds: float, step: float = 0.01) -> None:
        self.clock.pump([step] * round(seconds / step))

    def turns(self) -> Counter[float]:
        """How many streams each turn has looked at."""
        return Counter(at for at, _ in self.looks)


def test_it_is_told_once_until_somebody_speaks() -> None:
    bench = Bench()
    bench.add(1)
    bench.pass_time(LIMIT - 0.1)
    assert bench.observer.silences == []
    bench.pass_time(LIMIT)
    ((stream, seconds),) = bench.observer.silences
    assert stream == "stream-0"
    assert LIMIT <= seconds <= LIMIT * 5 / 4 + 0.1
    bench.heard["stream-0"] += 1
    bench.pass_time(LIMIT / 2)
    assert bench.observer.resumptions == ["stream-0"]
    bench.pass_time(2 * LIMIT)
    assert len(bench.observer.silences) == 2


def test_who_speaks_is_not_silent() -> None:
    bench = Bench()
    bench.add(2)
    for _ in range(40):
        bench.pass_time(1.0)
        bench.heard["stream-1"] += 1
    assert [stream for stream, _ in bench.observer.silences] == ["stream-0"]


def test_after_a_change_it_is_told_anew_and_not_before_its_time() -> None:
    bench = Bench()
    bench.add(1)
    bench.pass_time(2 * LIMIT)
    bench.watch.renew("stream-0")
    bench.pass_time(LIMIT - 0.1)
    assert len(bench.observer.silences) == 1
    bench.pass_time(LIMIT)
    assert len(bench.observer.silences) == 2
    assert bench.observer.resumptions == []


def test_nothing_is_left_waiting_where_there_is_nothing_to_look_at() -> None:
    bench = Bench()
    assert bench.clock.getDelayedCalls() == []
    bench.add(2)
    bench.watch.drop("stream-0")
    assert len(bench.clock.getDelayedCalls()) == 1
    bench.watch.drop("stream-1")
    assert bench.clock.getDelayedCalls() == []
    bench.add(1)
    bench.watch.limit(0.0)
    assert bench.clock.getDelayedCalls() == []
    bench.pass_time(10 * LIMIT)
    assert bench.observer.silences == []


def test_another_limit_counts_from_when_it_is_given() -> None:
    bench = Bench(0.0)
    bench.add(1)
    bench.pass_time(1.0)
    bench.watch.limit(2.0)
    bench.watch.limit(2.0)
    assert len(bench.clock.getDelayedCalls()) == 1
    bench.pass_time(1.9)
    assert bench.observer.silences == []
    bench.pass_time(0.7)
    assert len(bench.observer.silences) == 1


def test_without_a_limit_none_is_kept_and_with_one_all_that_are_open() -> None:
    bench = Bench(0.0)
    bench.add(3)
    assert not bench.watch._streams
    bench.watch.renew("stream-0")
    bench.watch.drop("stream-0")
    bench.names.remove("stream-0")
    bench.watch.limit(LIMIT)
    bench.pass_time(1.3 * LIMIT)
    assert [stream for stream, _ in bench.observer.silences] == ["stream-1", "stream-2"]
    bench.watch.limit(0.0)
    assert not bench.watch._streams


@pytest.mark.parametrize("count", [1, AT_ONCE, AT_ONCE + 1, 1000, 10_000])
def test_each_stream_has_its_turn_and_no_turn_has_many(count: int) -> None:
    bench = Bench()
    names = bench.add(count)
    for _ in range(4):
        bench.pass_time(LIMIT / 4, 0.005)
        bench.heard.update(names)
    assert max(bench.turns().values()) <= AT_ONCE
    seen = Counter(stream for _, stream in bench.looks)
    assert seen.keys() == set(names)
    assert min(seen.values()) >= 2
    assert max(seen.values()) <= 4


def test_where_all_fall_silent_few_are_told_of_at_once_and_all_in_the_end() -> None:
    """As when the path to the other network breaks: what ends their calls has its turns between."""
    bench = Bench()
    names = bench.add(1000)
    told: Counter[float] = Counter()

    def silent(stream: str, seconds: float) -> None:
        told[bench.clock.seconds()] += 1
        bench.watch.drop(stream)

    bench.observer.silent = silent  # type: ignore[method-assign]
    bench.pass_time(LIMIT * 5 / 4 + 0.03 * len(names) / TOLD_AT_ONCE)
    assert sum(told.values()) == len(names)
    assert max(told.values()) == TOLD_AT_ONCE
    assert bench.clock.getDelayedCalls() == []


def test_who_hears_of_silence_may_close_other_streams_and_open_some() -> None:
    """As the core does with dead calls."""
    bench = Bench()
    names = bench.add(3)
    told: list[str] = []

    def silent(stream: str, seconds: float) -> None:
        told.append(stream)
        for name in names:
            bench.watch.drop(name)
        names.clear()
        bench.watch.add("another")
        names.append("another")

    bench.observer.silent = silent  # type: ignore[method-assign]
    bench.pass_time(LIMIT * 1.3)
    assert told == ["stream-0"]
    bench.pass_time(LIMIT)
    assert told == ["stream-0", "another"]


def test_a_fault_with_one_stream_keeps_no_other_from_its_turn() -> None:
    bench = Bench()
    bench.add(2)
    received: Any = bench.watch._received

    def failing(stream: str) -> int:
        if stream == "stream-0":
            raise RuntimeError("of ours")
        return int(received(stream))

    bench.watch._received = failing
    for _ in range(60):
        with suppress(RuntimeError):  # a reactor would log it
            bench.pass_time(1.0, 1.0)
    assert [stream for stream, _ in bench.observer.silences] == ["stream-1"]
