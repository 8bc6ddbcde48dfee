"""The account book: every turn is told once, whatever fails, and what a crash leaves is stopped at the next start."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from sbc.interfaces import IAccountant
from sbc.ledger.book import RECENT, AccountBook
from sbc.ledger.turns import Turn
from sbc.ledger.writer import Entry
from tests.ledger.facts import ended, live, whole


@implementer(IAccountant)
class Listener:
    """An accountant that remembers what is committed."""

    name = "listener"

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, int]] = []
        self.fails = 0
        self._pending: list[Turn] = []

    def open(self, database: sqlite3.Connection) -> None:
        self._pending = []

    def take(self, database: sqlite3.Connection, turns: Sequence[Turn]) -> None:
        self._pending = list(turns)
        if self.fails:
            self.fails -= 1
            raise OSError(28, "No space left on device")

    def settled(self) -> None:
        told = [(each.usage.session, each.event.value, each.usage.total.into.packets) for each in self._pending]
        self.heard += told
        self._pending = []

    def close(self) -> None:
        pass


def book_at(tmp_path: Path, interim: float = 60.0, attempts: bool = False) -> tuple[AccountBook, Listener]:
    listener = Listener()
    return AccountBook(str(tmp_path / "book.sqlite"), [listener], interim, attempts), listener


def test_an_accountant_is_one() -> None:
    assert verifyObject(IAccountant, Listener())


def test_each_turn_is_told_once(tmp_path: Path) -> None:
    book, listener = book_at(tmp_path)
    assert book.open() == 0
    for entry in (live("c1", 2, 0), live("c1", 3, 1), live("c1", 62, 7), ended("c1", 70, 9), ended("c1", 70, 9)):
        book.write([entry])
    book.close()
    assert listener.heard == [("boot-c1", "start", 0), ("boot-c1", "interim", 8), ("boot-c1", "stop", 10)]


def test_a_record_that_waits_for_what_gateways_have_counted_is_over_once(tmp_path: Path) -> None:
    book, listener = book_at(tmp_path)
    book.open()
    over = ended("c1", 70, 9)
    for entry in (live("c1", 2, 0), over._replace(final=False), over._replace(final=False), over, over):
        book.write([entry])
    book.close()
    assert [event for _, event, _ in listener.heard] == ["start", "stop"]


def test_a_disk_that_fails_costs_no_turn_and_tells_none_twice(tmp_path: Path) -> None:
    book, listener = book_at(tmp_path)
    book.open()
    for entry in (live("c1", 2, 0), ended("c1", 70, 9)):
        listener.fails = 2
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                book.write([entry])
        book.write([entry])
    book.close()
    assert [word for _, word, _ in listener.heard] == ["start", "stop"]


def test_a_crash_leaves_a_stop_with_the_last_known_volume_for_the_next_start(tmp_path: Path) -> None:
    book, _ = book_at(tmp_path)
    book.open()
    book.write([live("c1", 2, 0), live("c2", 2, 0)])
    book.write([live("c1", 30, 40)])  # written, and not told: there was no turn
    book.close()
    again, listener = book_at(tmp_path)
    assert again.open(keep={"c2"}) == 1
    assert listener.heard == [("boot-c1", "stop", 41)]
    assert set(again.kept) == {"c2"}
    again.write([ended("c2", 90, 50)])
    again.close()
    assert listener.heard[1:] == [("boot-c2", "stop", 51)]
    third, silent = book_at(tmp_path)
    assert third.open(keep={"c1", "c2"}) == 0 and third.over == {"c1", "c2"} and silent.heard == []
    third.close()


def test_each_gateway_of_a_joined_record_has_its_own_stop_when_it_is_over(tmp_path: Path) -> None:
    book, listener = book_at(tmp_path)
    book.open()
    book.write([Entry("boot-a", whole(final=False, ended=("a",)), False), Entry("boot-b", None, True)])
    assert sorted(listener.heard) == [("boot-a", "start", 0), ("boot-a", "stop", 51), ("boot-b", "start", 0)]
    book.write([Entry("boot-a", whole(final=False, ended=("a",)), False)])
    book.write([Entry("boot-a", whole(), True)])
    book.close()
    assert listener.heard[3:] == [("boot-b", "stop", 51)]


def test_the_book_keeps_little_of_what_is_over(tmp_path: Path) -> None:
    book, listener = book_at(tmp_path)
    book.open()
    book.write([ended(f"c{number}", 9, 1) for number in range(RECENT + 200)])
    book.write([ended("last", 9, 1)])
    assert len(listener.heard) == 2 * (RECENT + 201)
    book.close()
    with sqlite3.connect(tmp_path / "book.sqlite") as database:
        (calls,) = database.execute("SELECT count(*) FROM calls").fetchone()
        (sessions,) = database.execute("SELECT count(*) FROM sessions").fetchone()
    database.close()
    assert calls <= RECENT + 1 and sessions == 0


def test_what_counts_may_change_while_it_runs(tmp_path: Path) -> None:
    book, listener = book_at(tmp_path, interim=0.0)
    book.open()
    book.write([live("c1", 2, 0)])
    book.write([live("c1", 500, 1)])
    book.interim = 60.0
    book.write([live("c1", 501, 2)])
    book.close()
    assert [word for _, word, _ in listener.heard] == ["start", "interim"]
