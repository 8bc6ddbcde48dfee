"""The writer's thread: order, a disk that fails, bounds, and an end that loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from time import monotonic
from typing import Any

import pytest

from sbc.ledger import writer as module
from sbc.ledger.writer import Entry, Writer
from tests.ledger.facts import entry
from tests.waiting import PATIENCE, until


class Sink:
    """Keeps what it is given; fails, or waits, as the test says."""

    name = "a sink"

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0
        self.closed = False

    def write(self, entries: Iterable[Entry]) -> None:
        self.asked += 1
        self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self.batches.append(list(entries))

    def close(self) -> None:
        self.closed = True

    def keys(self, final: bool = True) -> list[str]:
        return [each.key for batch in self.batches for each in batch if each.final is final]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.02)
    monkeypatch.setattr(module, "RETRY_AT_END", 0.01)


class Bench:
    def __init__(self, most: int = 1000) -> None:
        self.sink = Sink()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.writer = Writer(self.sink, most, lambda event, fields: self.told.append((event, fields)))

    def put(self, key: str, final: bool = True) -> None:
        self.writer.put(*entry(key, final))

    def stop(self, patience: float = PATIENCE) -> int:
        ended, lost = threading.Event(), []

        def done(count: int) -> None:
            lost.append(count)
            ended.set()

        self.writer.stop(patience, done)
        assert ended.wait(PATIENCE)
        assert self.sink.closed
        return lost[0]

    def words(self) -> list[str]:
        return [event for event, _ in self.told]


def test_all_is_written_in_order_and_the_end_waits_for_it() -> None:
    bench = Bench()
    keys = [f"b-{number}" for number in range(700)]
    for key in keys:
        bench.put(key)
    bench.writer.start()
    assert bench.stop() == 0
    assert bench.sink.keys() == keys and bench.writer.written == 700 and bench.writer.waiting == 0
    assert max(map(len, bench.sink.batches)) <= module.BATCH and bench.told == []


def test_of_a_record_that_waits_only_the_newest_state_is_written() -> None:
    bench = Bench()
    bench.put("b-1", final=False)
    bench.put("b-1", final=False)
    bench.put("b-2", final=False)
    bench.put("b-1")
    bench.writer.start()
    bench.stop()
    assert bench.sink.keys(final=False) == ["b-2"] and bench.sink.keys() == ["b-1"]


def test_a_disk_that_fails_is_told_once_and_loses_nothing() -> None:
    bench = Bench()
    bench.sink.error = OSError(28, "No space left on device")
    bench.writer.start()
    bench.put("b-1")
    until(lambda: bench.sink.asked > 3)
    bench.put("b-2")
    assert bench.words() == ["failing"] and "No space left" in bench.told[0][1]["error"]
    bench.sink.error = None
    until(lambda: bench.writer.waiting == 0 and bench.sink.batches)
    assert bench.stop() == 0
    assert bench.sink.keys() == ["b-1", "b-2"]
    assert bench.words() == ["failing", "writing-again"] and bench.writer.failures > 3


def test_a_fault_of_ours_in_a_sink_is_told_and_retried_too() -> None:
    bench = Bench()
    bench.sink.error = ValueError("a bug")
    bench.writer.start()
    bench.put("b-1")
    until(lambda: bench.told)
    assert bench.told[0] == ("failing", {"error": "ValueError: a bug", "waiting": 1})
    bench.sink.error = None
    assert bench.stop() == 0 and bench.sink.keys() == ["b-1"]


def test_what_came_while_a_batch_failed_is_newer_than_the_batch() -> None:
    bench = Bench()
    bench.sink.gate.clear()
    bench.sink.error = OSError("no")
    bench.put("b-1", final=False)
    bench.writer.start()
    until(lambda: bench.sink.asked == 1)
    bench.put("b-1")
    bench.sink.gate.set()
    until(lambda: bench.sink.asked > 2)
    bench.sink.error = None
    bench.stop()
    assert bench.sink.keys(final=False) == [] and bench.sink.keys() == ["b-1"]


def test_a_state_that_came_while_an_older_one_failed_stays_the_newer() -> None:
    bench = Bench()
    bench.sink.gate.clear()
    bench.sink.error = OSError("no")
    bench.writer.put(*entry("b-1", False, caller="older"))
    bench.writer.start()
    until(lambda: bench.sink.asked == 1)
    bench.writer.put(*entry("b-1", False, caller="newer"))
    bench.sink.gate.set()
    until(lambda: bench.sink.asked > 2)
    bench.sink.error = None
    bench.stop()
    assert [each.record["caller"] for batch in bench.sink.batches for each in batch] == ["newer"]


def test_past_the_bound_states_of_live_calls_go_first_then_the_oldest_record() -> None:
    bench = Bench(most=5)
    for number in range(3):
        bench.put(f"b-live{number}", final=False)
    for number in range(7):
        bench.put(f"b-{number}")
    assert bench.writer.waiting == 5
    bench.writer.start()
    assert bench.stop() == 2
    assert bench.sink.keys(final=False) == [] and bench.sink.keys() == [f"b-{n}" for n in range(2, 7)]
    assert bench.writer.skipped == 3


def test_the_bound_holds_while_the_disk_fails_and_the_loss_is_told() -> None:
    bench = Bench(most=3)
    bench.sink.error = OSError("no")
    bench.writer.start()
    for number in range(10):
        bench.put(f"b-{number}")
    until(lambda: "lost" in bench.words())
    bench.sink.error = None
    assert bench.stop() == 7
    assert bench.sink.keys() == ["b-7", "b-8", "b-9"]
    assert sum(fields["count"] for event, fields in bench.told if event == "lost") == 7


def test_a_stop_does_not_wait_for_ever_and_says_what_is_lost() -> None:
    bench = Bench()
    bench.sink.error = OSError("no")
    bench.writer.start()
    bench.put("b-1")
    bench.put("b-2", final=False)
    assert bench.stop(patience=0.05) == 1
    assert bench.told[-1] == ("lost", {"count": 1, "all": 1})


def test_a_slow_disk_does_not_hold_who_puts() -> None:
    bench = Bench(most=50_000)
    bench.sink.gate.clear()
    bench.writer.start()
    bench.put("b-0")
    until(lambda: bench.sink.asked == 1)
    record, start = entry("b-1"), monotonic()
    for number in range(2000):
        bench.writer.put(f"b-{number + 1}", record.record, True)
    assert monotonic() - start < 30.0, "the disk stood still all the time"
    bench.sink.gate.set()
    assert bench.stop() == 0 and len(bench.sink.keys()) == 2001


def test_what_was_taken_out_and_is_there_again_stays() -> None:
    bench = Bench()
    bench.sink.gate.clear()
    bench.writer.start()
    bench.writer.put("other", 1, False)
    until(lambda: bench.sink.asked)
    bench.writer.put("one", None, True)
    bench.writer.put("one", 2, False)
    bench.sink.gate.set()
    until(lambda: not bench.writer.waiting and len(bench.sink.batches) == 2)
    assert [(each.key, each.record) for each in bench.sink.batches[1]] == [("one", 2)]
