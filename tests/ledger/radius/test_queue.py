"""What is owed to RADIUS servers: kept with the turns, bounded, and taken out in order."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from sbc.config.values import Event
from sbc.interfaces import IAccountant
from sbc.ledger.book import AccountBook
from sbc.ledger.radius.queue import Outbox, RadiusQueue
from tests.ledger.facts import ended, live, turn


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "book #?.sqlite")


def test_it_is_an_accountant() -> None:
    assert verifyObject(IAccountant, RadiusQueue(1, lambda: None))


def test_turns_are_taken_out_in_order_and_stay_until_they_are_removed(path: str) -> None:
    news: list[int] = []
    book, outbox = AccountBook(path, [RadiusQueue(1000, lambda: news.append(1))], 0.0, False), Outbox(path)
    book.open()
    book.write([live("c1", 2, 0), ended("c2", 9, 1)])
    assert len(news) == 2  # once at the start, for what was there
    found, broken = outbox.take(0, 2)
    assert [(each.turn.event.value, each.turn.usage.call) for each in found] == [("start", "c1"), ("start", "c2")]
    assert broken == [] and outbox.remove([]) == 3
    rest, _ = outbox.take(found[-1].id, 10)
    assert [each.turn.event.value for each in rest] == ["stop"]
    assert outbox.remove([each.id for each in found]) == 1
    outbox.close()
    book.close()
    again, _ = Outbox(path).take(0, 10)
    assert [each.id for each in again] == [each.id for each in rest]


def test_a_write_that_fails_leaves_nothing(path: str) -> None:
    queue = RadiusQueue(1000, lambda: None)
    book = AccountBook(path, [queue], 0.0, False)
    book.open()
    assert book._database is not None
    book._database.execute("CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(OSError, match="disk full"):
        book.write([ended("c1", 9, 1)])
    assert Outbox(path).take(0, 10) == ([], [])
    book._database.execute("DROP TRIGGER full")
    book.write([ended("c1", 9, 1)])
    book.close()
    assert len(Outbox(path).take(0, 10)[0]) == 2


def test_of_too_many_the_interim_ones_go_first_then_the_oldest(path: str) -> None:
    queue = RadiusQueue(10, lambda: None)
    with sqlite3.connect(path) as database:
        queue.open(database)
        for number in range(4):
            for event in (Event.START, Event.INTERIM, Event.STOP):
                queue.take(database, [turn(event, f"c{number}")])
                queue.settled()
        assert (queue.dropped, queue.lost) == (2, 0)
        for number in range(4, 12):
            queue.take(database, [turn(Event.STOP, f"c{number}")])
            queue.settled()
    database.close()
    assert (queue.dropped, queue.lost) == (4, 6)
    kept, _ = Outbox(path).take(0, 100)
    assert len(kept) == 10 and [each.turn.usage.call for each in kept][-8:] == [f"c{number}" for number in range(4, 12)]


def test_requests_that_cannot_be_read_are_told_apart(path: str) -> None:
    with sqlite3.connect(path) as database:
        RadiusQueue(10, lambda: None).open(database)
        rows = [("stop", data) for data in ("", "{}", "[1", b"\xff\xfe", "null", '{"event":"stop"}')]
        database.executemany("INSERT INTO requests (event, data) VALUES (?, ?)", rows)
    database.close()
    assert Outbox(path).take(0, 100) == ([], [1, 2, 3, 4, 5, 6])


def test_a_book_that_is_not_there_is_an_error(path: str) -> None:
    with pytest.raises(OSError, match="unable to open"):
        Outbox(path).take(0, 1)


def test_to_count_what_is_left_nobody_has_to_wait(path: str) -> None:
    """It is counted by the small index, outside of the transaction that the book waits for."""
    book, outbox = AccountBook(path, [RadiusQueue(1000, lambda: None)], 0.0, False), Outbox(path)
    book.open()
    assert outbox.remove([]) == 0
    assert outbox._database is not None and book._database is not None
    said: list[str] = []
    outbox._database.set_trace_callback(said.append)
    assert outbox.remove([1]) == 0
    assert [each.partition(" ")[0] for each in said] == ["BEGIN", "DELETE", "COMMIT", "SELECT"]
    plan = book._database.execute(f"EXPLAIN QUERY PLAN {said[-1]}").fetchall()
    assert "requests_by_event" in plan[0][-1]
    outbox.close()
    book.close()
