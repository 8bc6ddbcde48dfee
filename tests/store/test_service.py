"""The store in the service: calls go on after kill -9, with their media, their records and their ends."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from twisted.internet.task import Clock

from sbc.core.border import Border
from sbc.core.call import Stream
from sbc.core.mint import Mint
from sbc.core.realm import Plan
from sbc.core.secured import Key, SideSecurity
from sbc.core.securing import Ward
from sbc.ledger.meter import Meter
from sbc.ledger.record import wall_of
from sbc.ledger.writer import Entry
from sbc.media.interfaces import PortUnavailable
from sbc.mgcp.dialect import MgcpDialect
from sbc.policy.bans import Ban
from sbc.runner import Runner
from sbc.sip.dialect import SipDialect
from sbc.store.memory import MemoryStore, Table
from sbc.store.service import ALIVE, PACE, StoreService
from tests.calls.test_calls import ROUTE
from tests.ledger.facts import carried
from tests.rig import NAT, PHONE, SOFTSWITCH, make_plan
from tests.sip_messages import answer, invite, register, registered
from tests.store.crowd import CONFIG, Crowd
from tests.waiting import until

LIMIT = 5.0
"""Seconds in which media has to flow again (the SBC's promise)."""


class Threads(Clock):
    """A reactor whose threads are heard at once."""

    def callFromThread(self, call: Any, *arguments: object) -> None:
        call(*arguments)


class Engine:
    """An engine that only says which streams are open; without `ports` none can be had. `before`: packets of each that
    have been received when it is opened."""

    def __init__(self, ports: bool = True, before: int = 0) -> None:
        self.open_streams: dict[str, Any] = {}
        self.ports = ports
        self.heard: set[str] = set()
        self.before = before

    def open(self, spec: Any) -> None:
        if not self.ports:
            raise PortUnavailable(spec.sides[0].local.rtp, "in use")
        self.open_streams[spec.id] = spec

    def update(self, stream: str, side: int, spec: Any) -> None:
        assert stream in self.open_streams

    def close(self, stream: str) -> Any:
        del self.open_streams[stream]
        return carried(1)

    def counters(self, stream: str) -> Any:
        return carried(self.before + (stream in self.heard), reports=0)

    def received(self, stream: str) -> int:
        return self.before + (stream in self.heard)

    def recorded(self, stream: str) -> Any:
        return self.counters(stream)

    def streams(self) -> list[str]:
        return list(self.open_streams)

    def limit_realm(self, realm: str, rate: Any) -> None:
        assert rate is None

    def stop(self, keep: bool = False) -> None:
        assert not self.open_streams


class Books:
    """Records in the making, by the clock of the process, and what was written of each last."""

    def __init__(self, clock: Clock, left: dict[str, Any]) -> None:
        self.left, self.over = left, set[str]()
        self.written: list[Entry] = []
        self.meter = Meter([self], clock.seconds, clock.seconds, "boot", 0.0, lambda stream: carried(1, reports=0))

    def put_all(self, entries: Sequence[Entry]) -> None:
        self.written += entries

    def drop(self, call: str, cause: str) -> None:
        record = self.left.pop(call, None)
        if record is not None:
            self.meter.drop(record, call, cause)


class Process:
    """All of an SBC but its sockets, with a store that outlives it."""

    def __init__(
        self,
        table: Table,
        silence: float = 60.0,
        ports: bool = True,
        before: int = 0,
        plan: Plan = make_plan("sip"),  # noqa: B008 - a value
        sealed: bool = False,
        began: float = 1000.0,
        left: dict[str, Any] | None = None,
    ) -> None:
        self.table = table
        self.reactor = Threads()
        self.reactor.advance(began)
        self.border = Border(plan, {"sip": SipDialect(), "mgcp": MgcpDialect()}, Mint(b"another secret each time"))
        self.runner = Runner(self.reactor, self.border, {})
        self.sent: list[bytes] = []
        self.runner._send = lambda order: self.sent.append(order.data)  # type: ignore[method-assign]
        self.runner.listen = lambda *_: None  # type: ignore[method-assign]
        self.engine = self.runner.engine = Engine(ports, before)
        self.books = Books(self.reactor, left or {})
        books: Any = self.books
        self.runner.meter = books.meter
        store = MemoryStore(table)
        self.service = StoreService(self.reactor, store, self.border, self.runner, books, silence, sealed)
        self.service.startService()
        self.service.resume()

    def from_access(self, data: bytes) -> bytes:
        self.runner.received(self.border.plan.realms["access"].listeners[0], NAT, data)
        return self.sent[-1]

    def from_core(self, data: bytes) -> bytes:
        self.runner.received(self.border.plan.realms["core"].listeners[0], SOFTSWITCH, data)
        return self.sent[-1]

    def call(self) -> None:
        sent = self.from_access(invite(PHONE))
        self.from_core(answer(sent, SOFTSWITCH.host).replace(b"CSeq:", ROUTE))

    def secured(self) -> Stream:
        """A call's stream whose one side is in force with keys, as the store has it by then."""
        self.call()
        ((stream,),) = (call.streams.values() for call in self.border.registry.calls.values())
        key = Key("AEAD_AES_128_GCM", bytes(28))
        stream.wards = Ward(force=SideSecurity(key, key)), Ward()
        self.written()
        return stream

    def written(self) -> None:
        """Let all that has changed reach the store."""
        self.reactor.advance(PACE)
        mark = ("mark", str(monotonic()))
        self.service._writer.put(mark, b"", True)  # it is written last
        until(lambda: mark in self.table)
        del self.table[mark]

    def kill(self) -> None:
        """Nothing more of it is written."""
        self.service._writer._open.clear()
        self.service._writer._final.clear()
        self.service._writer.stop(1.0, lambda _: None)
        self.service._writer._thread.join()


def test_what_changes_is_written_soon_and_what_ends_is_taken_out() -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    (call,) = first.border.registry.calls.values()
    assert set(table) <= {("run", "")}
    first.written()
    assert set(table) == {("run", ""), ("call", call.id)}
    first.runner.carry_out(first.border.end_call(call.id, "why not", first.reactor.seconds()))
    first.written()
    assert set(table) == {("run", "")}
    first.reactor.advance(ALIVE)
    assert first.runner.counted["store-written"] >= 2 and first.runner.counted["store-waiting"] <= 1
    first.kill()


def test_calls_and_bindings_are_taken_up_and_tokens_are_never_given_twice() -> None:
    table: Table = {}
    first = Process(table)
    sent = first.from_access(register(PHONE))
    first.from_core(registered(sent))
    first.call()
    first.written()
    first.kill()
    old = {name.token for name in first.border.registry.names.all()}
    second = Process(table)
    counted = second.runner.counted
    assert (counted["resumed-calls"], counted["resumed-bindings"], counted["store-unfit"]) == (1, 1, 0)
    assert len(second.engine.open_streams) == 1
    assert {name.token for name in second.border.registry.names.all()} == old
    assert not {second.border.registry.mint.token() for _ in range(100)} & old
    assert second.border.registry.mint.derive(b"x") == first.border.registry.mint.derive(b"x")
    assert second.runner.checks()[1]() == []
    second.kill()


def test_each_run_has_a_number_which_is_kept_before_anything_is_taken_up() -> None:
    table: Table = {}
    for number in (1, 2, 3):
        process = Process(table)
        assert json.loads(table["run", ""])["run"] == number
        process.kill()
        del process.border
    table["run", ""] = b'{"secret":"' + b"ab" * 32 + b'","alive":1.0}'  # of an older release
    process = Process(table)
    process.call()
    process.written()
    process.kill()
    assert json.loads(next(value for (kind, _), value in table.items() if kind == "call"))["run"] == 1


def test_a_source_that_has_come_is_kept_at_once_with_how_far_it_is() -> None:
    """The next process knows nothing of it until then."""
    table: Table = {}
    process = Process(table, sealed=True)
    stream = process.secured()
    counted = [(1, 7, 65_534, 1)]
    process.engine.rollovers = lambda id: (tuple(counted), ()) if id == stream.id else ((), ())  # type: ignore[attr-defined]

    def kept() -> Any:
        process.reactor.advance(PACE)
        process.written()
        plain = json.loads(next(value for (kind, _), value in table.items() if kind == "call"))
        return plain["streams"][0]["wards"][0]["force"]["rollover"]

    assert kept() == []
    for _ in range(3):
        process.runner.used(stream.id)
    process.runner.used("gone/1")
    assert kept() == [[1, 7, 65_534, 1]]
    counted[:] = [(1, 7, 65_535, 1)]
    process.runner.used(stream.id)
    assert kept() == [[1, 7, 65_534, 1]], "it has not come far since"
    process.kill()


def test_a_run_whose_number_cannot_be_kept_takes_up_no_call_with_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    first.written()
    first.kill()

    def full(*_: object) -> None:
        raise OSError("disk full")

    runs: list[int] = []
    monkeypatch.setattr(MemoryStore, "write", full)
    resume_call = Border.resume_call

    def seen(border: Border, data: bytes, now: float, shift: float, away: float, run: int = 1) -> Any:
        runs.append(run)
        return resume_call(border, data, now, shift, away, run)

    monkeypatch.setattr(Border, "resume_call", seen)
    second = Process(table)
    assert runs == [0] and second.runner.counted["resumed-calls"] == 1, "one without keys goes on"
    second.kill()


def test_what_does_not_fit_is_dropped_and_told_and_the_rest_goes_on() -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    first.written()
    first.kill()
    table["call", "junk"] = b"\xff{"
    table["binding", "other"] = table["call", next(iter(first.border.registry.calls))]
    second = Process(table)
    assert second.runner.counted["store-unfit"] == 2 and second.runner.counted["resumed-calls"] == 1
    second.written()
    assert ("call", "junk") not in table and ("binding", "other") not in table
    second.kill()


def test_a_call_whose_ports_cannot_be_had_is_ended_and_both_are_told() -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    first.written()
    first.kill()
    (id,) = first.border.registry.calls
    second = Process(table, ports=False)
    assert not second.border.registry.has_call(id) and second.engine.streams() == []
    assert [data.split(b" ")[0] for data in second.sent] == [b"BYE", b"BYE"]
    second.written()
    assert ("call", id) not in table
    second.kill()


@pytest.mark.parametrize("before", [0, 1000])  # the kernel counts on from what it had carried before the crash
@pytest.mark.parametrize(("heard", "held", "silence", "goes_on"), [
    (False, False, 60.0, False), (True, False, 60.0, True), (False, True, 60.0, True), (False, False, 0.0, True),
])  # fmt: skip
def test_a_resumed_call_in_which_nobody_speaks_is_ended(
    heard: bool, held: bool, silence: float, goes_on: bool, before: int
) -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    (call,) = first.border.registry.calls.values()
    for stream in call.streams.values():
        stream.held[0] = held
    first.written()
    first.kill()
    second = Process(table, silence, before=before)
    if heard:
        second.engine.heard.update(second.engine.streams())
    second.reactor.advance(61.0)
    assert second.border.registry.has_call(call.id) is goes_on
    second.kill()


@pytest.mark.parametrize("ports", [True, False])
def test_the_absence_is_no_part_of_a_resumed_call_that_nobody_goes_on_with(ports: bool) -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    for _ in range(30):
        first.reactor.advance(1.0)
    first.written()
    (call,) = first.border.registry.calls
    left = first.books.written[-1].record
    first.kill()
    second = Process(table, ports=ports, began=first.reactor.seconds() + 50.0, left={call: left})
    for _ in range(61):
        second.reactor.advance(1.0)
    assert not second.border.registry.has_call(call)
    _, record, final = second.books.written[-1]
    assert final and record["resumed"] == 1 and record["ending"] == "cleared"
    assert record["duration"] == pytest.approx(30.0, abs=ALIVE), "it was known to live for half a minute"
    assert wall_of(record["end"]) - wall_of(record["answer"]) == pytest.approx(record["duration"], abs=0.01)
    assert record["known"] == record["end"]
    second.kill()


def test_a_fault_with_one_resumed_call_spares_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    (call,) = first.border.registry.calls.values()
    first.written()
    first.kill()
    second = Process(table)
    counters = second.engine.counters

    def broken(stream: str) -> Any:
        monkeypatch.setattr(second.engine, "counters", counters)
        raise ZeroDivisionError

    monkeypatch.setattr(second.engine, "counters", broken)
    second.service._end_unheard([call.id, "of nobody", call.id])
    assert not second.border.registry.has_call(call.id), "the second look found it"
    second.kill()


def test_an_orderly_stop_writes_all_and_keeps_the_calls() -> None:
    table: Table = {}
    first = Process(table)
    first.call()
    stopped = first.service.stopService()
    until(lambda: stopped.called)
    assert len([kind for kind, _ in table if kind == "call"]) == 1
    assert not first.reactor.getDelayedCalls() or first.runner.afterwards is None


# -- a real process


@contextmanager
def crowd(directory: Path, config: str = CONFIG) -> Iterator[Crowd]:
    made = Crowd(directory, config)
    try:
        made.start()
        yield made
    finally:
        made.close()


def records(directory: Path) -> list[dict[str, Any]]:
    """Every record in the JSON file, which is the same in the database."""
    found = [json.loads(line) for line in (directory / "cdr.json").read_bytes().splitlines()]
    with closing(sqlite3.connect(directory / "cdr.sqlite")) as database:
        rows = database.execute("SELECT data FROM calls").fetchall()
    assert sorted((json.loads(data) for (data,) in rows), key=str) == sorted(found, key=str)
    return found


def rows_of(directory: Path) -> list[str]:
    """The id of the call of each record in the database."""
    with closing(sqlite3.connect(directory / "cdr.sqlite")) as database:
        return [id for (id,) in database.execute("SELECT id FROM calls").fetchall()]


def resumed(directory: Path) -> set[int]:
    """How often the records in the database say that their calls have gone on."""
    with closing(sqlite3.connect(directory / "cdr.sqlite")) as database:
        return {json.loads(data)["resumed"] for (data,) in database.execute("SELECT data FROM calls").fetchall()}


def complaints(log: str) -> list[str]:
    return [line for line in log.splitlines() if "Traceback" in line or "do not balance" in line or "#error" in line]


@pytest.mark.slow
def test_fifty_calls_killed_ten_times_in_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with crowd(tmp_path) as here:
        calls = [here.call(number) for number in range(50)]
        until(lambda: all(call.far.heard > 15 for call in calls), "media")
        starts, took = [here.took], []
        for kill in range(1, 11):
            killed = monotonic()
            here.end(signal.SIGKILL)
            dead = monotonic()
            here.start()
            until(lambda: all(call.flows_since(dead) for call in calls), "media again")  # noqa: B023 - at once
            took.append(monotonic() - killed)
            starts.append(here.took)
            until(lambda: resumed(tmp_path) == {kill}, "the records to say so")  # noqa: B023 - at once
        with capsys.disabled():
            print("\nfrom kill -9 to media both ways in 50 calls:", " ".join(f"{each:.2f}" for each in took), "s")  # noqa: T201
        typical = sorted(took)[len(took) // 2]  # others load the machine now and then
        assert typical < max(LIMIT, 3 * max(starts)), f"until it listened it took {starts}"
        heard = {call: call.far.heard for call in calls}
        until(lambda: all(call.far.heard > heard[call] + 15 for call in calls), "media to the end")
        for number, call in enumerate(calls):
            (call.hang_up if number % 2 else call.be_hung_up)(here)
        here.end(signal.SIGTERM)
        found = records(tmp_path)
        assert len(found) == len({record["record"] for record in found}) == 50
        assert Counter((r["ending"], r["complete"], r["resumed"], r["ended_by"]) for r in found) == {
            ("normal", True, 10, "caller"): 25,
            ("normal", True, 10, "callee"): 25,
        }
        for record in found:
            (stream,) = record["streams"]
            assert record["duration"] > sum(took) and stream["sides"][0]["received"]["rtp"]["packets"] > 15
            there, on = stream["sides"][0]["received"]["rtp"], stream["sides"][1]["sent"]["rtp"]
            # in each life one packet may have been on its way through the engine when its state was written
            assert 0 <= there["packets"] - on["packets"] <= len(took)
        for call in calls:
            assert call.near.sent > call.far.heard > 0
        assert complaints(here.log()) == [] and "50 calls and 0 bindings resumed, 0 not" in here.log()
        with closing(sqlite3.connect(tmp_path / "state.sqlite")) as database:
            ((kind, value),) = database.execute("SELECT kind, value FROM kept").fetchall()
        assert kind == "run" and json.loads(value)["secret"] not in here.log()


@pytest.mark.slow
def test_killed_at_any_moment_there_is_one_record_a_call(tmp_path: Path) -> None:
    """Also where the end of a call has reached the store and not the record, or the record and not the store."""
    with crowd(tmp_path) as here:
        number = lacking = 0
        for pause in (0.0, 0.005, 0.012, 0.02, 0.03, 0.05):
            for _ in range(3):
                here.call(number).hang_up(here)
                here.call(number + 1)
                number += 2
            # between an answer and its record there are some milliseconds: only the last may lack one
            until(lambda: len(rows_of(tmp_path)) >= number - 1 - lacking, "the others' records")  # noqa: B023 - at once
            sleep(pause)
            here.end(signal.SIGKILL)
            lacking = number - len(rows_of(tmp_path))
            here.start()
        here.end(signal.SIGTERM)
        rows = rows_of(tmp_path)
        final = [json.loads(line)["record"] for line in (tmp_path / "cdr.json").read_bytes().splitlines()]
        assert len(final) == len(set(final)), "no record is written twice"
        assert len(set(rows)) == len(rows) and number - 6 <= len(rows) <= number
        assert complaints(here.log()) == []


@pytest.mark.slow
def test_after_an_orderly_stop_calls_go_on_too_and_two_do_not_share_a_store(tmp_path: Path) -> None:
    with crowd(tmp_path) as here:
        calls = [here.call(number) for number in range(3)]
        moment = monotonic()
        until(lambda: all(call.flows_since(moment) for call in calls), "media")
        assert here.end(signal.SIGTERM) in (0, -signal.SIGTERM)
        assert (tmp_path / "cdr.json").read_bytes() == b""
        dead = monotonic()
        here.start()
        until(lambda: all(call.flows_since(dead) for call in calls), "media again")
        for call in calls:
            call.hang_up(here)
        here.end(signal.SIGTERM)
        found = records(tmp_path)
        assert [(r["ending"], r["resumed"]) for r in found] == [("normal", 1)] * 3


def test_bans_outlive_the_process_and_end_in_their_time() -> None:
    table: Table = {}
    first = Process(table)
    ban = Ban("access", "203.0.113.66", 5060, "abuse", 1000.0, 1600.0, 1)
    over = Ban("access", "203.0.113.67", 0, "abuse", 1000.0, 1600.0, 1)
    for key, kept in ((ban.key, ban), (over.key, over), (over.key, None)):
        first.service.keep_ban(key, kept)
    first.service.stopService()
    until(lambda: any(kind == "ban" for kind, _ in table), "the store")
    second = Process(table)
    (found,) = second.border.registry.gate.flood.bans
    assert (found.key, found.reason, found.times) == (ban.key, "abuse", 1)
    assert 590.0 < found.until - second.reactor.seconds() <= 601.0
    second.service.stopService()
