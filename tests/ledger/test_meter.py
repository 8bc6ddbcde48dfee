"""The meter: which records it keeps, and when it hands them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import pytest
from twisted.logger import LogEvent

from sbc.core.address import Address
from sbc.core.orders import Record
from sbc.ledger.meter import AT_ONCE, OWED, Meter
from sbc.ledger.record import cut_short
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry
from sbc.media.counters import StreamCounters
from tests.ledger.facts import START, answered, begun, carried, over, rang, side, stream


@attrs.define
class Taken:
    """A taker that keeps what it is handed."""

    entries: list[Entry] = attrs.field(factory=list)

    def put_all(self, entries: Sequence[Entry]) -> None:
        self.entries += entries

    def states(self) -> list[tuple[str, bool]]:
        return [(key, final) for key, _, final in self.entries]


@attrs.define
class Bench:
    """A meter with two takers and a clock that the test moves."""

    now: float = 0.0
    step: float = 0.0  # by which the time of day was set
    takers: list[Taken] = attrs.field(factory=lambda: [Taken(), Taken()])
    volumes: dict[str, StreamCounters] = attrs.field(factory=dict)
    dead: set[str] = attrs.field(factory=set)

    def meter(self, interim: float = 0.0, soon: Callable[[], None] | None = None) -> Meter:
        wall: Callable[[], float] = lambda: START + self.now + self.step  # noqa: E731 - as short as it is
        return Meter(self.takers, wall, lambda: self.now, "boot", interim, self.volumes.__getitem__, self.alive, soon)

    def alive(self, call: str) -> bool:
        return call not in self.dead

    @property
    def taken(self) -> Taken:
        assert self.takers[0].entries == self.takers[1].entries
        return self.takers[0]


def test_opening_answer_and_end_are_handed_on_and_the_end_is_final() -> None:
    bench = Bench()
    meter = bench.meter()
    for order in (begun(), rang(), answered(), over()):
        meter.record(order)
        bench.now += 2
    assert bench.taken.states() == [("boot-c1", False)] * 2 + [("boot-c1", True)]
    last = bench.taken.entries[-1][1]
    assert (last["setup"], last["duration"], last["complete"]) == (4.0, 2.0, True)
    assert last["ring"].endswith("16:00:02.000Z")
    assert not len(meter)


def test_news_that_waits_is_handed_on_once_and_as_it_stands_then() -> None:
    bench, asked = Bench(), 0

    def soon() -> None:
        nonlocal asked
        asked += 1

    meter = bench.meter(soon=soon)
    for call in ("c1", "c2"):
        meter.record(begun(call))
        meter.opened(stream(call))
    bench.now = 2
    meter.record(answered("c1"))
    meter.closed("c1/1", carried(8))
    meter.record(over("c1"))
    assert (asked, meter.waiting, len(meter), bench.taken.entries) == (1, 2, 1, [])
    bench.volumes["c2/1"] = carried(3)
    meter.hand_on()
    assert bench.taken.states() == [("boot-c1", True), ("boot-c2", False)] and not meter.waiting
    ended, live = (record for _, record, _ in bench.taken.entries)
    assert (ended["answer"], ended["complete"]) == (ended["end"], True)
    assert live["streams"][0]["sides"][0]["received"]["rtp"]["packets"] == 3
    meter.hand_on()
    meter.record(over("c2"))
    assert (asked, len(bench.taken.entries)) == (2, 2)
    meter.stop()
    assert bench.taken.states()[2:] == [("boot-c2", True)]


def test_streams_find_their_call() -> None:
    bench = Bench()
    meter = bench.meter()
    for call in ("c1", "c2"):
        meter.record(begun(call))
        meter.opened(stream(call))
    meter.updated("c1/1", 1, side("core", 30000, "audio PCMA/8000", "198.51.100.2"))
    meter.latched("c1/1", 0, Address("203.0.113.11", 9))
    meter.closed("c1/1", carried(8))
    meter.record(over("c1"))
    (only,) = bench.taken.entries[-1][1]["streams"]
    assert only["codecs"] == ["PCMA/8000"] and only["sides"][0]["latched"] == "203.0.113.11:9"
    assert only["sides"][0]["received"]["rtp"]["packets"] == 8
    assert len(meter) == 1


def test_subscriptions_and_what_belongs_to_no_call_leave_nothing() -> None:
    bench = Bench()
    meter = bench.meter(1.0)
    meter.record(begun("s", subscription=True))
    meter.opened(stream("s"))
    meter.updated("s/1", 0, side("access", 20000))
    meter.latched("s/1", 0, Address("203.0.113.11", 9))
    meter.closed("s/1", carried())
    meter.record(answered("s"))
    meter.record(over("s"))
    bench.now = 10
    meter.look()
    assert bench.taken.entries == [] and not len(meter)


def test_live_calls_are_handed_on_every_interim_with_their_volume() -> None:
    bench = Bench()
    meter = bench.meter(60.0)
    meter.record(begun("c1"))
    meter.opened(stream("c1"))
    bench.now = 30
    meter.record(begun("c2"))
    bench.volumes["c1/1"] = carried(40)
    for second in range(31, 100):
        bench.now = second
        meter.look()
    assert bench.taken.states()[2:] == [("boot-c1", False), ("boot-c2", False)]
    assert bench.taken.entries[2][1]["streams"][0]["sides"][0]["received"]["rtp"]["packets"] == 40
    assert bench.taken.entries[2][1]["known"].endswith("16:01:00.000Z")


def test_without_interim_nothing_is_handed_on_in_between() -> None:
    bench = Bench()
    meter = bench.meter(0.0)
    meter.record(begun())
    bench.now = 1e6
    meter.look()
    assert len(bench.taken.entries) == 1


def test_a_call_whose_end_was_never_told_is_not_charged_for_ever() -> None:
    bench = Bench()
    meter = bench.meter(60.0)
    meter.record(begun("c1"))
    meter.opened(stream("c1"))
    meter.record(answered("c1"))
    bench.volumes["c1/1"] = carried(40)
    bench.now = 65
    meter.look()
    bench.dead.add("c1")
    del bench.volumes["c1/1"]
    bench.now = 130
    meter.look()
    _, record, final = bench.taken.entries[-1]
    assert final and (record["ending"], record["ended_by"], record["duration"]) == ("failed", "sbc", 65.0)
    assert record["end"].endswith("16:01:05.000Z") and not len(meter)


def test_an_orderly_stop_ends_every_record() -> None:
    bench = Bench()
    meter = bench.meter()
    for call in ("c1", "c2"):
        meter.record(begun(call))
        meter.opened(stream(call))
        meter.closed(f"{call}/1", carried(5))
    bench.now = 7
    meter.stop()
    finals = [record for _, record, final in bench.taken.entries if final]
    assert [record["id"] for record in finals] == ["c1", "c2"]
    assert {(record["ending"], record["ended_by"], record["complete"]) for record in finals} == {
        ("shutdown", "sbc", True)
    }
    assert len(meter) == 0


def test_of_much_news_some_is_handed_on_in_a_turn_and_all_of_it_at_the_stop() -> None:
    bench, asked = Bench(), 0

    def soon() -> None:
        nonlocal asked
        asked += 1

    meter = bench.meter(soon=soon)
    many = 2 * AT_ONCE + 7
    for number in range(many):
        meter.record(begun(f"c{number}"))
    handed = list[int]()
    while meter.waiting:
        meter.hand_on()
        handed.append(len(bench.taken.entries))
    assert (handed, asked) == ([AT_ONCE, 2 * AT_ONCE, many], 3), "asked for at first, and as long as some are left"
    assert [key for key, _ in bench.taken.states()] == [f"boot-c{number}" for number in range(many)]
    meter.stop()
    assert len([final for _, final in bench.taken.states() if final]) == many and not meter.waiting


@pytest.mark.parametrize("end", [Meter.hand_on, Meter.suspend, Meter.stop])
def test_a_record_that_cannot_be_made_costs_no_other_its_own(end: Callable[[Meter], None], log: list[LogEvent]) -> None:
    bench = Bench()

    def volume(stream: str) -> StreamCounters:
        if stream == "c2/1":
            raise RuntimeError("of ours")
        return carried(1)

    meter = Meter(bench.takers, lambda: START, lambda: 0.0, "boot", 0.0, volume, soon=lambda: None)
    for call in ("c1", "c2", "c3"):
        meter.record(begun(call))
        meter.opened(stream(call))
    meter.record(over("c1"))
    end(meter)
    ended = {"boot-c2"} if end is Meter.stop else set()  # of what goes on, what was written before stands
    assert {key for key, _ in bench.taken.states()} == {"boot-c1", "boot-c3"} | ended and not meter.waiting
    assert ("boot-c1", True) in bench.taken.states()
    assert [event["log_failure"].getErrorMessage() for event in log if "log_failure" in event] == ["of ours"]


def test_an_end_that_cannot_be_made_whole_is_handed_on_as_incomplete(log: list[LogEvent]) -> None:
    bench = Bench(volumes={"c1/1": carried(1), "c1/2": carried(2)})
    meter = bench.meter()
    for order in (begun(), answered()):
        meter.record(order)
    for number in (1, 2):
        meter.opened(stream(number=number))
    bench.volumes["c1/2"] = "no counters"  # type: ignore[assignment] # a fault of ours, whatever it is
    bench.now = 9.0
    meter.record(over())
    key, record, final = bench.taken.entries[-1]
    assert (key, final, record["complete"]) == ("boot-c1", True, False)
    assert (record["ending"], record["ended_by"], record["duration"]) == ("normal", "caller", 9.0)
    assert [each["stream"] for each in record["streams"]] == ["c1/1"]
    assert len([event for event in log if "log_failure" in event]) == 1 and not len(meter)


def test_a_record_of_which_nothing_can_be_made_takes_no_other_with_it(
    log: list[LogEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    meter = bench.meter()
    for call in ("c1", "c2"):
        meter.record(begun(call))
    first, _ = meter._live["c1"]
    for name in ("snapshot", "salvaged"):
        monkeypatch.setattr(first, name, lambda *_: 1 / 0)
    for call in ("c1", "c2"):
        meter.record(over(call))
    assert [(key, final) for key, _, final in bench.taken.entries if final] == [("boot-c2", True)]
    assert len([event for event in log if "log_failure" in event]) == 2


def resumed(meter: Meter, record: Plain | None) -> None:
    meter.resume(begun("c1"), answered("c1"), 20.0, 15.0, record)


def test_a_record_goes_on_under_its_key_with_its_start_and_the_volume_of_both_lives() -> None:
    before = Bench()
    meter = before.meter()
    meter.record(begun())
    before.now = 5.0
    meter.record(answered())
    meter.opened(stream())
    meter.latched("c1/1", 0, Address("203.0.113.11", 50000))
    before.volumes["c1/1"] = carried(100, dropped=3)
    before.now = 12.0
    meter.suspend()
    assert len(meter) == 0
    (key, left, final) = before.taken.entries[-1]
    assert (key, final, left["resumed"]) == ("boot-c1", False, 0)

    after = Bench(now=20.0)
    meter = after.meter()
    resumed(meter, left)
    meter.opened(stream())
    after.now = 30.0
    meter.closed("c1/1", carried(50, dropped=1))
    meter.record(over())
    (key, record, final) = after.taken.entries[-1]
    assert (key, final, record["complete"], record["resumed"]) == ("boot-c1", True, True, 1)
    assert (record["start"], record["answer"]) == (left["start"], left["answer"])
    assert (record["setup"], record["duration"]) == (5.0, 25.0)
    (only,) = record["streams"]
    assert only["sides"][0]["received"]["rtp"]["packets"] == 150 and only["sides"][0]["drops"] == {"wrong_source": 4}
    assert only["sides"][0]["latched"] == "203.0.113.11:50000" or only["sides"][0]["latched"] is None


@pytest.mark.parametrize("step", [7200.0, -7200.0])
def test_how_long_a_call_lasted_is_right_though_the_clock_was_set_before_the_restart(step: float) -> None:
    before = Bench()
    meter = before.meter()
    meter.record(begun())
    before.now = 5.0
    meter.record(answered())
    meter.suspend()
    left = before.taken.entries[-1][1]
    after = Bench(now=20.0, step=step)
    meter = after.meter()
    resumed(meter, left)
    after.now = 30.0
    meter.record(over())
    record = after.taken.entries[-1][1]
    assert (record["start"], record["answer"]) == (left["start"], left["answer"])
    assert (record["setup"], record["duration"]) == (5.0, 25.0)


def test_a_call_that_had_been_answered_is_charged_though_its_record_did_not_know_of_that() -> None:
    before = Bench()
    before.meter().record(begun())
    left = before.taken.entries[-1][1]
    assert left["answer"] is None
    after = Bench(now=20.0)
    meter = after.meter()
    resumed(meter, left)
    after.now = 30.0
    meter.record(over())
    record = after.taken.entries[-1][1]
    assert (record["answer"], record["duration"]) == ("2026-11-23T16:00:05.000Z", 25.0)


def test_streams_that_had_ended_stay_and_those_that_are_not_opened_again_too() -> None:
    before = Bench()
    meter = before.meter()
    meter.record(begun())
    meter.record(answered())
    for number in (1, 2):
        meter.opened(stream(number=number))
        before.volumes[f"c1/{number}"] = carried(number * 10)
    meter.closed("c1/1", carried(10))
    meter.suspend()
    left = before.taken.entries[-1][1]
    after = Bench()
    meter = after.meter()
    resumed(meter, left)
    meter.opened(stream(number=3))
    meter.closed("c1/3", carried(5))
    meter.record(over())
    streams = {
        each["stream"]: each["sides"][0]["received"]["rtp"]["packets"] for each in after.taken.entries[-1][1]["streams"]
    }
    assert streams == {"c1/1": 10, "c1/2": 20, "c1/3": 5}


def test_a_call_of_which_nothing_had_been_written_gets_its_record_with_its_true_start() -> None:
    bench = Bench(now=100.0)
    resumed(bench.meter(), None)
    (key, record, final) = bench.taken.entries[-1]
    assert (key, final, record["resumed"]) == ("boot-c1", False, 1)
    assert (record["start"], record["answer"]) == ("2026-11-23T16:01:20.000Z", "2026-11-23T16:01:25.000Z")


def test_a_call_that_does_not_go_on_ends_with_the_reason_and_a_subscription_has_no_record() -> None:
    bench = Bench()
    meter = bench.meter()
    meter.record(begun())
    left = bench.taken.entries[-1][1]
    meter.drop(left, "c1", "not resumed: there is no realm x")
    (key, record, final) = bench.taken.entries[-1]
    assert (key, final, record["ending"], record["complete"]) == ("boot-c1", True, "incomplete", False)
    assert record["cause"] == "not resumed: there is no realm x"
    before = len(bench.taken.entries)
    meter.resume(begun("c2", subscription=True), None, 1.0, 0.0, None)
    assert len(bench.taken.entries) == before


def awaited(call: str = "c1") -> Record:
    """It is over, and gateways are still to say what they have counted."""
    return Record(call, "close", {**over(call).fields, "awaits": True})


def test_a_record_waits_for_what_gateways_say_and_not_for_ever() -> None:
    bench = Bench()
    meter = bench.meter(5.0)
    for call in ("c1", "c2", "c3"):
        meter.record(begun(call, gateway=0))
        meter.record(awaited(call))
    assert [final for _, _, final in bench.taken.entries] == [False] * 6 and not len(meter)
    meter.record(Record("c1", "settled", {"at": 9.0}))
    assert bench.taken.states()[6:] == [("boot-c1", True)]
    bench.now = OWED + 1
    meter.record(Record("c3", "report", {"member": "x", "figures": {"jitter": "3"}, "streams": ["c3/1"]}))
    meter.look()
    assert bench.taken.states()[7:] == [("boot-c2", True), ("boot-c3", True)]
    assert bench.taken.entries[-1][1]["reported"][0]["figures"] == {"jitter": "3"}
    meter.record(Record("c2", "settled", {"at": 99.0}))
    meter.record(begun("c4", gateway=0))
    meter.record(awaited("c4"))
    meter.stop()
    assert bench.taken.states()[-1] == ("boot-c4", True) and len(bench.taken.entries) == 12


def test_what_was_awaited_when_the_sbc_was_killed_is_whole_all_the_same() -> None:
    bench = Bench()
    meter = bench.meter()
    meter.record(begun(gateway=0))
    meter.record(awaited())
    left = cut_short(bench.taken.entries[-1][1])
    assert (left["complete"], left["ending"]) == (True, "normal")


def test_another_codec_is_handed_on_at_once() -> None:
    bench = Bench()
    meter = bench.meter()
    meter.record(begun())
    meter.opened(stream())
    meter.updated("c1/1", 1, side("core", 30000, "audio PCMU/8000", "198.51.100.2"))
    meter.record(answered())
    before = len(bench.taken.entries)
    bench.volumes["c1/1"] = carried(8)
    meter.updated("c1/1", 1, side("core", 30000, "audio PCMU/8000", "198.51.100.2"))
    assert len(bench.taken.entries) == before
    meter.updated("c1/1", 1, side("core", 30000, "audio PCMA/8000", "198.51.100.2"))
    assert len(bench.taken.entries) == before + 1
    (only,) = bench.taken.entries[-1][1]["streams"]
    assert only["changes"][0]["sides"][0]["received"]["rtp"]["packets"] == 8
