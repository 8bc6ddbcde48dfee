"""A file that is begun anew, by its size, by the day, and when somebody has moved it."""

from __future__ import annotations

from pathlib import Path

from sbc.ledger.disk import Disk, append_whole
from sbc.ledger.jsonlines import family
from sbc.ledger.rotating import RotatingFile
from tests.ledger.facts import START


class Log:
    """A file that is written line by line."""

    def __init__(self, path: Path, size: int = 0, daily: bool = False) -> None:
        self.now = START
        self.disk = Disk()
        self.rotating = RotatingFile(self.disk, str(path / "log"), lambda: self.now, size, daily)
        self.rotating.open()

    def write(self, line: str) -> None:
        self.rotating.follow()
        append_whole(self.disk, self.rotating.file, line.encode())


def texts(path: Path) -> list[str]:
    return [Path(name).read_text() for name in family(str(path / "log"))]


def test_it_is_begun_anew_when_it_is_long(tmp_path: Path) -> None:
    log = Log(tmp_path, size=10)
    for line in ("0123456789", "abc", "defghijk", "x"):
        log.write(line)
        log.now += 1
    log.rotating.close()
    assert texts(tmp_path) == ["0123456789", "abcdefghijk", "x"]


def test_it_is_begun_anew_each_day(tmp_path: Path) -> None:
    log = Log(tmp_path, daily=True)
    for line in ("a", "b", "c"):
        log.write(line)
        log.now += 90_000
    log.rotating.close()
    assert texts(tmp_path) == ["a", "b", "c"]


def test_what_was_moved_away_is_not_missed_even_if_it_was_full(tmp_path: Path) -> None:
    log = Log(tmp_path, size=3)
    log.write("0123456789")
    (tmp_path / "log").rename(tmp_path / "taken")
    log.write("next")
    log.rotating.close()
    assert texts(tmp_path) == ["next"] and (tmp_path / "taken").read_text() == "0123456789"
    assert log.rotating.file == -1
