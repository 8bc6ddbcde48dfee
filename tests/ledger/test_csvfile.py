"""Accounts as CSV: every row once and whole, through crashes, failing disks, and files that are moved away."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbc.config.values import Event
from sbc.ledger.book import AccountBook
from sbc.ledger.csvfile import CsvFile
from sbc.ledger.jsonlines import family
from sbc.ledger.rows import HEAD
from tests.ledger.disks import FAIL, KILL, Killed, TrickyDisk
from tests.ledger.facts import START, ended, live

ALL = tuple(Event)


class Wall:
    now = START

    def __call__(self) -> float:
        return self.now


def opened(
    path: Path, disk: TrickyDisk | None = None, events: tuple[Event, ...] = ALL, size: int = 0, daily: bool = False,
    wall: Wall | None = None,
) -> AccountBook:  # fmt: skip
    file = CsvFile(str(path / "usage.csv"), events, wall or Wall(), size, daily, disk)
    book = AccountBook(str(path / "book.sqlite"), [file], 0.0, False)
    try:
        book.open()
    except Killed:
        book.close()  # the process is gone, and its locks are free
        raise
    return book


def rows(path: Path) -> list[tuple[str, str]]:
    """Event and call of each row, in all files; each begins with the header."""
    found: list[tuple[str, str]] = []
    for name in family(str(path / "usage.csv")):
        if not os.path.getsize(name):
            continue
        with open(name, newline="") as file:
            reader = csv.DictReader(file)
            assert tuple(reader.fieldnames or ()) == HEAD
            for row in reader:
                assert None not in row and None not in row.values()
                found.append((row["event"], row["call"]))
    return found


def test_a_row_for_each_turn_that_is_wanted(tmp_path: Path) -> None:
    book = opened(tmp_path, events=(Event.STOP,))
    book.write([live("c1", 2, 0), ended("c2", 9, 1)])
    book.write([ended("c1", 9, 1)])
    book.close()
    assert rows(tmp_path) == [("stop", "c2"), ("stop", "c1")]
    assert (tmp_path / "usage.csv").read_bytes().count(b"\r\n") == 3


def test_a_file_that_is_moved_away_is_begun_anew_with_a_header(tmp_path: Path) -> None:
    book = opened(tmp_path)
    book.write([ended("c1", 9, 1)])
    (tmp_path / "usage.csv").rename(tmp_path / "usage.csv.20261123T150000")
    book.write([ended("c2", 9, 1)])
    book.write([ended("c3", 9, 1)])
    book.close()
    assert [call for word, call in rows(tmp_path) if word == "stop"] == ["c1", "c2", "c3"]
    assert len(family(str(tmp_path / "usage.csv"))) == 2


def test_a_file_is_rotated_when_it_is_long_or_of_yesterday(tmp_path: Path) -> None:
    wall = Wall()
    book = opened(tmp_path, size=2000, daily=True, wall=wall)
    for number in range(6):
        book.write([ended(f"c{number}", 9, 1)])
        wall.now += 50_000
    book.close()
    assert len(family(str(tmp_path / "usage.csv"))) >= 4
    assert [call for word, call in rows(tmp_path) if word == "stop"] == [f"c{number}" for number in range(6)]


def test_what_is_no_file_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text("name,price\nx,1\n")
    with pytest.raises(OSError, match="is no file of accounts"):
        opened(tmp_path)
    assert (tmp_path / "usage.csv").read_text() == "name,price\nx,1\n"


def test_two_cannot_write_one_file(tmp_path: Path) -> None:
    book = opened(tmp_path)
    with pytest.raises(OSError, match="another SBC writes here"):
        CsvFile(str(tmp_path / "usage.csv"), ALL, Wall()).open(book._database)  # type: ignore[arg-type]
    book.close()


@settings(max_examples=60, deadline=None)
@given(
    plan=st.dictionaries(st.integers(1, 40), st.sampled_from([KILL, FAIL]), max_size=6),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    moves=st.sets(st.integers(0, 5)),
)
def test_no_row_is_lost_or_there_twice(
    tmp_path_factory: pytest.TempPathFactory, plan: dict[int, str], share: float, moves: set[int]
) -> None:
    """Whatever change of the file fails or is the last that a process makes."""
    path, disk = tmp_path_factory.mktemp("csv"), TrickyDisk(plan, share)
    book: AccountBook | None = None
    for number in range(6):
        if number in moves and (path / "usage.csv").exists():
            (path / "usage.csv").rename(path / f"usage.csv.20261123T16000{number}")
        for _ in range(20):
            try:
                book = book or opened(path, disk, size=1500)
                book.write([ended(f"c{number}", 9, 1)])
                break
            except Killed:
                if book is not None:
                    book.close()
                book = None
            except OSError:
                if book is not None and book._database is None:
                    book = None
        else:
            raise AssertionError("never written")
    assert book is not None
    book.close()
    assert sorted(rows(path)) == sorted((word, f"c{number}") for number in range(6) for word in ("start", "stop"))
