"""Asking for records: the same answers from JSON lines and from a database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sbc.config.values import CdrSync
from sbc.ledger.jsonlines import line_of
from sbc.ledger.query import Sum, Wanted, in_database, in_json, is_database, moment
from sbc.ledger.record import CallRecord, cut_short
from sbc.ledger.sqlite import SqliteRecords
from sbc.ledger.volume import Plain
from sbc.ledger.writer import Entry
from tests.ledger.facts import answered, at, begun, over, record_of

Ask = Callable[..., list[Plain]]


def unanswered(key: str, minute: int, ending: str = "busy", cause: str = "486 Busy Here", **more: Any) -> Plain:
    made = CallRecord(key, begun(key.rpartition("-")[2], **more), at(60 * minute))
    made.heard(over(ending=ending, who="callee", cause=cause), at(60 * minute + 1))
    return made.snapshot(at(60 * minute + 1), {}.__getitem__)


def broken(key: str, minute: int) -> Plain:
    made = CallRecord(key, begun(key.rpartition("-")[2], caller="carol@example.com"), at(60 * minute))
    made.heard(answered(), at(60 * minute + 1))
    return cut_short(made.snapshot(at(60 * minute + 5), {}.__getitem__))


RECORDS = [
    record_of("b-one"),
    unanswered("b-two", 1, callee="Dave@Example.com"),
    broken("b-three", 2),
    unanswered("b-four", 3, "not-found", "404 Not Found", called="tel:+49123"),
]


@pytest.fixture(params=["json", "sqlite"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    if request.param == "json":
        path = tmp_path / "cdr.json"
        path.write_bytes(b"".join(map(line_of, RECORDS)) + b"rubbish\n{}\n" + line_of(RECORDS[0])[:-40])
        return lambda **wanted: list(in_json([str(path)], Wanted(**wanted)))
    sink = SqliteRecords(str(tmp_path / "cdr ?#.sqlite"), CdrSync.END)
    sink.open()
    sink.write([Entry(record["record"], record, True) for record in RECORDS if record["complete"]])
    sink.write([Entry("b-three", RECORDS[2], False)])
    sink.close()
    sink.open()  # which finds one left open
    sink.write([Entry("b-live", record_of("b-live", ended=False), False)])
    sink.close()
    return lambda **wanted: list(in_database(sink.name, Wanted(**wanted)))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["one", "two", "three", "four"]),
        ({"id": "two"}, ["two"]),
        ({"id": "b-two"}, ["two"]),
        ({"id": "' OR 1=1 --"}, []),
        ({"since": "2026-11-23T16:01:00.000Z"}, ["two", "three", "four"]),
        ({"until": "2026-11-23T16:01:00.000Z"}, ["one"]),
        ({"since": "2026-11-23T16:01:00.000Z", "until": "2026-11-23T16:03:00.000Z"}, ["two", "three"]),
        ({"user": "dave@"}, ["two"]),
        ({"user": "CAROL"}, ["three"]),
        ({"user": "+49"}, ["four"]),
        ({"cause": "404"}, ["four"]),
        ({"cause": "busy"}, ["two"]),
        ({"incomplete": True}, ["three"]),
        ({"incomplete": True, "user": "alice"}, []),
        ({"worse": 4.21}, ["one"]),
        ({"worse": 4.2}, []),
        ({"terminal": "ALICE"}, ["one", "two", "three", "four"]),
        ({"terminal": "dave"}, []),
        ({"realm": "core"}, ["one", "two", "three", "four"]),
        ({"realm": "cor"}, []),
        ({"media": "audio"}, ["one"]),
        ({"media": "video"}, []),
    ],
)
def test_what_is_asked_for(ask: Ask, wanted: dict[str, Any], expected: list[str]) -> None:
    assert [record["id"] for record in ask(**wanted)] == expected


def test_records_come_back_as_they_were_written(ask: Ask) -> None:
    assert ask()[0] == RECORDS[0]


def test_the_sum(ask: Ask) -> None:
    total = Sum()
    for record in ask():
        total.add(record)
    assert (total.records, total.answered, total.incomplete, total.seconds) == (4, 2, 1, 12.0)
    # 100 and 50 packets of RTP, 172 octets each, and a report of 60 from each side
    assert (total.packets, total.octets, total.dropped) == (152, 150 * 172 + 120, 0)
    assert (total.expected, total.lost, total.rated, total.as_dict()["mos"]) == (102, 2, 1, 4.2)
    assert total.as_dict()["endings"] == {"normal": 1, "busy": 1, "incomplete": 1, "not-found": 1}
    json.dumps(total.as_dict())


def test_records_of_before_there_was_a_quality_are_read() -> None:
    old = {name: value for name, value in RECORDS[0].items() if name != "mos"}
    old["streams"] = [
        {**stream, "sides": [{n: v for n, v in side.items() if n != "quality"} for side in stream["sides"]]}
        for stream in old["streams"]
    ]
    total = Sum()
    total.add(old)
    assert (total.packets, total.expected, total.as_dict()["mos"]) == (152, 0, None)
    assert Wanted().fits(old) and not Wanted(worse=5.0).fits(old)
    made = CallRecord("b-other", begun(), at(0))
    made.go_on(old, at(1))
    assert made.snapshot(at(2), {}.__getitem__)["mos"] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", "2026-11-23T00:00:00.000Z"),
        ("2026-11-23T16:00", "2026-11-23T16:00:00.000Z"),
        ("2026-11-23T16:00:00.5Z", "2026-11-23T16:00:00.500Z"),
        ("2026-11-23T18:00+02:00", "2026-11-23T16:00:00.000Z"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert moment(text) == expected


def test_no_moments_and_no_databases(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="isoformat"):
        moment("yesterday")
    (tmp_path / "f").write_bytes(b"{}")
    assert not is_database(str(tmp_path / "f"))
    with pytest.raises(OSError, match="not a database"):
        list(in_database(str(tmp_path / "f"), Wanted()))
    with pytest.raises(OSError, match="No such file"):
        list(in_json([str(tmp_path / "none")], Wanted()))
