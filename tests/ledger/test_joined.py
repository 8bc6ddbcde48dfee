"""Two calls that are one have one record, whatever ends first, and wherever a crash comes between."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.config.values import CdrSync
from sbc.core.address import Address, Pair
from sbc.core.orders import CloseStream, Note, OpenStream, Record, StreamSpec, UpdateStream
from sbc.ledger.joined import apart, calls_of, keys_of, left_open, together
from sbc.ledger.jsonlines import JsonLines
from sbc.ledger.meter import Meter
from sbc.ledger.query import Sum, Wanted, in_database, in_json, sides_of
from sbc.ledger.sqlite import SqliteRecords
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry
from tests.ledger.facts import START, carried, half, half_answered, joined_by, meeting, over, reported, whole


@attrs.define
class Desk:
    """A meter whose records go to a table: the last state of each, and whether that is final."""

    now: float = 0.0
    step: float = 0.0  # by which the time of day was set
    table: dict[str, tuple[Plain, bool]] = attrs.field(factory=dict)
    told: list[Note] = attrs.field(factory=list)
    sinks: list[Any] = attrs.field(factory=list)
    boot: str = "boot"
    meter: Meter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        wall: Callable[[], float] = lambda: START + self.now + self.step  # noqa: E731 - as short as it is
        self.meter = Meter([self], wall, lambda: self.now, self.boot, 0.0, lambda _: carried())
        self.meter.tell = self.told.append

    def put_all(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.record is None:
                self.table.pop(entry.key, None)
            elif not self.table.get(entry.key, (None, False))[1]:
                self.table[entry.key] = (json.loads(json.dumps(entry.record)), entry.final)
        for sink in self.sinks:
            sink.write(entries)

    def hear(self, *orders: Any) -> Desk:
        for order in orders:
            self.now += 1.0
            if isinstance(order, OpenStream):
                self.meter.opened(order.spec)
            elif isinstance(order, UpdateStream):
                self.meter.updated(order.stream, order.side, order.spec)
            elif isinstance(order, CloseStream):
                self.meter.closed(order.stream, carried())
            else:
                self.meter.record(order)
        return self

    @property
    def finals(self) -> list[Plain]:
        """The records of which nothing more comes."""
        return [record for record, final in self.table.values() if final]

    @property
    def only(self) -> Plain:
        ((record, _),) = self.table.values()
        return record


def begins(call: str, port: int, other: int | None = None) -> list[Any]:
    return [half(call), OpenStream(meeting(call, port, other)), half_answered(call)]


def ends(call: str, **more: Any) -> list[Any]:
    return [CloseStream(f"{call}/1", call), over(call, **more)]


A, B = begins("a", 30000, 30002), begins("b", 30002, 30000)


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_two_that_meet_have_one_record_that_is_over_with_the_last(first: str, second: str) -> None:
    desk = Desk().hear(*A, *B)
    assert set(desk.table) == {"boot-a", "boot-b"}
    desk.hear(joined_by("b", "a"))
    assert set(desk.table) == {"boot-a"} and calls_of(desk.only) == ["a", "b"]
    desk.hear(*ends(first, cause="who was first"))
    record, final = desk.table["boot-a"]
    assert not final and record["end"] is None and record["ending"] is None
    desk.hear(*ends(second, cause="who was last"))
    record, final = desk.table["boot-a"]
    assert final and record["complete"] and record["cause"] == "who was last"
    assert {part["id"]: part["cause"] for part in record["parts"]} == {first: "who was first", second: "who was last"}
    assert (record["caller"], record["callee"]) == ("line@a", "line@b")
    assert [each["seen"] for each in record["legs"]] == ["203.0.113.97:2427", "203.0.113.98:2427"]
    assert [each["stream"] for each in record["streams"]] == ["a/1", "b/1"]
    assert not len(desk.meter)


def test_it_lasts_from_when_both_have_answered_to_the_last_end() -> None:
    desk = Desk().hear(*A, *B, joined_by("b", "a"), *ends("a"), *ends("b"))
    record = desk.only
    assert record["start"] == record["parts"][0]["start"] and record["answer"] == record["parts"][1]["answer"]
    assert (record["setup"], record["duration"]) == (5.0, 5.0)
    assert [(part["setup"], part["duration"]) for part in record["parts"]] == [(2.0, 6.0), (2.0, 5.0)]


@pytest.mark.parametrize("step", [7200.0, -7200.0])
def test_how_long_it_lasts_is_right_though_the_clock_is_set_between_both_calls(step: float) -> None:
    desk = Desk().hear(*A)
    desk.step = step
    record = desk.hear(*B, joined_by("b", "a"), *ends("a"), *ends("b")).only
    assert [part["id"] for part in record["parts"]] == ["a", "b"]
    assert (record["setup"], record["duration"]) == (5.0, 5.0)
    assert [(part["setup"], part["duration"]) for part in record["parts"]] == [(2.0, 6.0), (2.0, 5.0)]


def test_what_goes_from_one_to_the_other_counts_once() -> None:
    record = whole()
    assert [[side.get("inner", False) for side in stream["sides"]] for stream in record["streams"]] == [
        [True, False]
    ] * 2
    assert len(list(sides_of(record))) == 2
    total = Sum()
    total.add(record)
    alone = sum(volume["packets"] for side in sides_of(record) for volume in side["received"].values())
    assert total.packets == alone == 2 * 51


def test_nor_where_peers_know_our_host_by_another_address() -> None:
    parts = apart(whole())
    for part in parts:
        inner = part["streams"][0]["sides"][0]["signalled"]
        inner["rtp"] = inner["rtp"].replace("198.51.100.1:", "192.0.2.1:")
    assert len(list(sides_of(together("boot-a", parts)))) == 2


def test_each_of_its_calls_finds_it() -> None:
    record = whole()
    assert all(Wanted(id=id).fits(record) for id in ("a", "b", "boot-a"))
    assert not Wanted(id="c").fits(record)


def test_those_that_never_meet_stay_alone_and_so_do_the_late() -> None:
    desk = Desk().hear(*A, *ends("a"), *B, joined_by("b", "a"), joined_by("b", "nobody"), *ends("b"))
    assert set(desk.table) == {"boot-a", "boot-b"}
    assert all(final and not record["parts"] for record, final in desk.table.values())


def test_a_third_is_taken_in_and_two_pairs_become_one() -> None:
    desk = Desk().hear(*A, *B, *begins("c", 30004), *begins("d", 30006))
    desk.hear(joined_by("b", "a"), joined_by("d", "c"))
    assert set(desk.table) == {"boot-a", "boot-c"}
    desk.hear(*ends("a"), joined_by("c", "b"), joined_by("a", "d"))
    assert calls_of(desk.only) == ["a", "b", "c", "d"] and keys_of(desk.only) == [f"boot-{each}" for each in "abcd"]
    desk.hear(*ends("d"), *ends("b"), *ends("c"))
    assert desk.table["boot-a"][1] and not len(desk.meter)


def test_what_a_gateway_counted_stands_beside_what_was_counted_and_a_difference_is_told() -> None:
    desk = Desk().hear(*A, *B, joined_by("b", "a"))
    desk.hear(reported("a", 50, 100), *ends("a"), reported("b", 5000, 100), *ends("b"))
    first, second = desk.only["reported"]
    assert first["part"] == "a" and second["part"] == "b" and first["member"] == "line 1F"
    assert first["figures"] == {"packets_sent": "50", "packets_received": "100", "jitter": "3"}
    assert first["counted"]["packets_sent"] == 50 and first["counted"]["packets_received"] == 100
    (note,) = desk.told
    assert (note.event, note.call) == ("differs", "b") and note.reason == "packets_sent 5000, counted here 50"


def to(spec: StreamSpec, index: int, address: Address) -> StreamSpec:
    """A stream whose peer at that side is at `address`."""
    sides = list(spec.sides)
    sides[index] = attrs.evolve(sides[index], remote=Pair(address, None))
    return attrs.evolve(spec, sides=(sides[0], sides[1]))


def inner(desk: Desk) -> list[list[bool]]:
    return [[side.get("inner", False) for side in stream["sides"]] for stream in desk.only["streams"]]


def test_a_gateway_whose_own_port_is_as_one_of_ours_counts() -> None:
    own = to(meeting("a", 30000, 30002), 1, Address("192.168.1.10", 30002))
    in_one_realm = attrs.evolve(own, sides=(own.sides[0], attrs.evolve(own.sides[1], realm="core")))
    desk = Desk().hear(half("a"), OpenStream(in_one_realm), half_answered("a"), *B, joined_by("b", "a"))
    assert inner(desk) == [[True, False]] * 2


def test_the_same_port_at_another_host_leads_nowhere_unless_both_say_so() -> None:
    for back, expected in ((30090, False), (30000, True)):
        there = to(meeting("a", 30000), 0, Address("198.51.100.77", 30002))
        desk = Desk().hear(
            half("a"), OpenStream(there), half_answered("a"), *begins("b", 30002, back), joined_by("b", "a")
        )
        assert inner(desk)[0] == [expected, False]


def test_the_callee_is_not_who_was_refused() -> None:
    refused = [half("b"), OpenStream(meeting("b", 30002, 30000)), joined_by("b", "a"), *ends("b", ending="rejected")]
    desk = Desk().hear(*begins("a", 30000), *refused)
    assert desk.only["callee"] == "line@b", "as long as there is nobody else"
    desk.hear(*begins("c", 30004, 30000), joined_by("c", "a"), *ends("a"), *ends("c"))
    assert (desk.only["caller"], desk.only["callee"], len(desk.only["parts"])) == ("line@a", "line@c", 3)


def test_a_chain_of_calls_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbc.ledger.meter.MOST_PARTS", most := 12)
    desk, names = Desk(), [chr(97 + number % 26) + str(number) for number in range(most + 3)]
    for number, call in enumerate(names):
        desk.hear(*begins(call, 30000 + 2 * number), *([joined_by(call, names[number - 1])] if number else []))
    assert [len(record["parts"]) for record, _ in desk.table.values()] == [most, 3]
    desk.hear(*(order for call in names for order in ends(call)))
    assert all(final for _, final in desk.table.values()) and not len(desk.meter)


def test_together_and_apart_are_each_others_reverse() -> None:
    record = whole()
    assert together("boot-a", apart(record)) == record
    assert next(iter(record)) == next(iter(apart(record)[1])) == "record", "by which lines are found"
    assert together("boot-a", apart(json.loads(json.dumps(whole(False))))) == whole(False)


def test_what_is_left_open_goes_on_by_whichever_call_does() -> None:
    record, other = whole(False, ("a",)), {**whole(False), "record": "boot-b", "parts": []}
    kept, lost = left_open([record, other], {"b"})
    assert set(kept) == {"b"} and not lost, "what was taken in stands in the other alone"
    kept, lost = left_open([whole(False, ())], {"a"})
    assert [part["ending"] for part in kept["a"]["parts"]] == [None, "incomplete"]
    kept, lost = left_open([whole(False, ())], ())
    assert not kept and [part["ending"] for part in lost[0]["parts"]] == ["incomplete"] * 2


def goes_on(desk: Desk, record: Plain | None, call: str, ports: tuple[int, int]) -> None:
    """A call comes back after a restart, and its stream is opened again."""
    desk.meter.resume(half(call), half_answered(call), 20.0, 10.0, record)
    desk.hear(OpenStream(meeting(call, *ports)))


def test_after_a_restart_it_goes_on_with_all_its_parts() -> None:
    before = Desk().hear(*A, *B, joined_by("b", "a"), *ends("a"))
    left = before.only
    after = Desk(now=60.0, boot="again")
    goes_on(after, left, "b", (30002, 30000))
    after.hear(joined_by("b", "a"), *ends("b"))
    record, final = after.table["boot-a"]
    assert final and set(after.table) == {"boot-a"} and record["resumed"] == 1
    packets = [stream["sides"][1]["received"]["rtp"]["packets"] for stream in record["streams"]]
    assert packets == [50, 100], "what the first life had carried of the second's counts, too"
    assert record["parts"][0]["ending"] == "normal" and record["complete"]


@pytest.mark.parametrize("step", [7200.0, -7200.0])
@pytest.mark.parametrize("early", [False, True])
def test_how_long_it_lasts_is_right_though_the_clock_is_set_where_one_was_over_before_a_restart(
    step: float, early: bool
) -> None:
    left = Desk().hear(*A, *B, joined_by("b", "a"), *ends("a")).only
    after = Desk(now=60.0, step=step if early else 0.0, boot="again")
    after.meter.resume(half("b"), half_answered("b"), 56.0, 54.0, left)
    after.hear(OpenStream(meeting("b", 30002, 30000)))
    after.step = step
    record = after.hear(joined_by("b", "a"), *ends("b")).only
    assert [part["id"] for part in record["parts"]] == ["a", "b"] and record["caller"] == "line@a"
    assert (record["setup"], record["duration"]) == (5.0, 58.0)


def test_both_go_on_in_one_record_and_one_that_does_not_is_cut_short_in_it() -> None:
    before = Desk().hear(*A, *B, joined_by("b", "a"))
    for lost_first in (True, False):
        left, after = json.loads(json.dumps(before.only)), Desk(now=60.0, boot="again")
        if lost_first:
            after.meter.drop(left, "a", "not resumed: why")
        goes_on(after, left, "b", (30002, 30000))
        if not lost_first:
            after.meter.drop(left, "a", "not resumed: why")
        after.hear(*ends("b"))
        record, final = after.table["boot-a"]
        assert final and not record["complete"] and record["ending"] == "normal"
        assert [part["ending"] for part in record["parts"]] == ["incomplete", "normal"]
        assert record["parts"][0]["cause"] == "not resumed: why"
    left, after = json.loads(json.dumps(before.only)), Desk(now=60.0, boot="again")
    after.meter.drop(left, "a", "one")
    assert not after.table
    after.meter.drop(left, "b", "other")
    assert after.table["boot-a"][1] and after.table["boot-a"][0]["ending"] == "incomplete"


# -- crashes


STEPS = [*A, *B, joined_by("b", "a"), reported("a", 50, 100), *ends("a"), *ends("b")]
JOINED_AT = len(A) + len(B)


def sinks_in(directory: Path) -> list[Any]:
    return [
        JsonLines(str(directory / "cdr.json"), CdrSync.NEVER, lambda: START),
        SqliteRecords(str(directory / "cdr.sqlite"), CdrSync.NEVER),
    ]


def on_file(directory: Path) -> list[list[Plain]]:
    """The records of ended calls in both files."""
    return [
        list(in_json([str(directory / "cdr.json")], Wanted())),
        list(in_database(str(directory / "cdr.sqlite"), Wanted())),
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(STEPS)), st.sets(st.sampled_from(["a", "b"])))
def test_wherever_a_crash_comes_each_call_is_in_one_record(steps: int, keep: set[str]) -> None:
    """Whether it is joined then or not, and whichever of its calls goes on."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "before"
        directory.mkdir()
        sinks = sinks_in(directory)
        for sink in sinks:
            sink.open()
        Desk(sinks=sinks).hear(*STEPS[:steps])
        image = Path(name) / "after"
        shutil.copytree(directory, image, ignore=shutil.ignore_patterns("*.lock", "*-shm"))
        for sink in sinks:
            sink.close()
        began = {order.call for order in STEPS[:steps] if isinstance(order, Record) and order.event == "open"}
        for sink in sinks_in(image):
            sink.open(keep)
            desk = Desk(now=60.0, boot="again", sinks=[sink])
            records = sink.kept
            for call in sorted(keep & began - sink.over):
                goes_on(desk, records.get(call), call, (30000, 30002) if call == "a" else (30002, 30000))
            if steps > JOINED_AT and {"a", "b"} <= keep:
                desk.hear(joined_by("b", "a"))
            for call in sorted(keep & began - sink.over):
                desk.hear(*ends(call))
            sink.close()
        for found in on_file(image):
            assert Counter(call for record in found for call in calls_of(record)) == Counter(began)
            if steps > JOINED_AT:
                assert len(found) == 1
            assert len({record["record"] for record in found}) == len(found)


def test_a_crash_between_both_lines_leaves_one_record(tmp_path: Path) -> None:
    """The joined record is in the journal, and that the other was taken in is not."""
    sink = sinks_in(tmp_path)[0]
    sink.open()
    sink.write([Entry("boot-a", half_of("a"), False), Entry("boot-b", half_of("b"), False)])
    sink.write([Entry("boot-a", whole(False, ()), False)])
    sink.close()
    again = sinks_in(tmp_path)[0]
    assert again.open() == 1
    again.close()
    (record,) = list(on_json(tmp_path))
    assert calls_of(record) == ["a", "b"]


def half_of(call: str) -> Plain:
    return next(part for part in apart(whole(False, ())) if part["id"] == call)


def on_json(directory: Path) -> list[Plain]:
    return [json.loads(line) for line in (directory / "cdr.json").read_bytes().splitlines()]


def test_an_older_database_takes_parts_from_now_on(tmp_path: Path) -> None:
    sink = sinks_in(tmp_path)[1]
    sink.open()
    sink.close()
    with sqlite3.connect(tmp_path / "cdr.sqlite") as database:
        database.execute("DROP TABLE parts")
        database.execute("PRAGMA user_version = 2")
    database.close()
    sink = sinks_in(tmp_path)[1]
    sink.open()
    sink.write([Entry("boot-a", whole(), True)])
    sink.close()
    path = str(tmp_path / "cdr.sqlite")
    assert [record["id"] for record in in_database(path, Wanted(id="b"))] == ["a"]
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE parts")
    database.close()
    assert [record["id"] for record in in_database(path, Wanted(id="a"))] == ["a"], "as an older SBC has left it"
