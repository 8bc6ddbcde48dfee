"""The audit log: what was asked is on file before it is done, with who and from where, and again with its outcome."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from sbc.admin import auditlog
from sbc.admin.auditlog import AuditFile, AuditLog, Operator, audit_file
from sbc.config.faults import ConfigError
from tests.admin.conftest import Opened

ANNA = Operator("anna", "key SHA256:abc", "192.0.2.1:1234")


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    heard: list[LogEvent] = []
    globalLogPublisher.addObserver(heard.append)
    yield heard
    globalLogPublisher.removeObserver(heard.append)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_changes_something_is_on_file_before_it_is_done(
    opened: Opened, tmp_path: Path, events: list[LogEvent]
) -> None:
    path = tmp_path / "audit"
    log = AuditLog(opened(path), lambda: 1_700_000_000.0)
    ended = log.begin(ANNA, "kick 74g")
    assert records(path) == [
        {
            "time": "2023-11-14T22:13:20.000+00:00",
            "user": "anna",
            "means": "key SHA256:abc",
            "from": "192.0.2.1:1234",
            "command": "kick 74g",
            "changes": True,
            "outcome": "begun",
        }
    ]
    ended("done")
    last = records(path)[-1]
    assert last["outcome"] == "done" and 0 <= last["seconds"] < 10
    assert [formatEvent(each) for each in events] == [
        "anna from 192.0.2.1:1234: kick 74g",
        "anna from 192.0.2.1:1234: kick 74g: done",
    ]
    assert {each["log_namespace"] for each in events} == {"sbc.console"}


def test_what_only_asks_is_one_line_with_its_outcome(opened: Opened, tmp_path: Path, events: list[LogEvent]) -> None:
    path = tmp_path / "audit"
    log = AuditLog(opened(path))
    ended = log.begin(ANNA, "calls", changes=False)
    assert records(path) == []
    ended("done")
    (record,) = records(path)
    assert (record["command"], record["changes"], record["outcome"]) == ("calls", False, "done")
    assert [formatEvent(each) for each in events] == ["anna from 192.0.2.1:1234: calls: done"]


def test_only_what_changes_something_waits_for_the_disk(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    log = AuditLog(opened(tmp_path / "audit"))
    log.begin(ANNA, "calls", changes=False)("done")
    assert synced == []
    log.begin(ANNA, "kick x")("done")
    assert len(synced) == 2


def test_the_file_is_for_its_owner_and_may_be_moved_away(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "audit"
    file = opened(path)
    assert path.stat().st_mode & 0o777 == 0o600
    file.write("1", sync=False)
    path.rename(tmp_path / "old")
    file.write("2", sync=False)
    assert (tmp_path / "old").read_text() == "1\n"
    assert path.read_text() == "2\n"
    opened(path).write("3", sync=True)
    assert path.read_text() == "2\n3\n"


def test_a_full_disk_is_told_and_locks_nobody_out(opened: Opened, events: list[LogEvent]) -> None:
    log = AuditLog(opened("/dev/full"))
    log.begin(ANNA, "kick x")("done")
    said = [formatEvent(each) for each in events]
    assert "anna from 192.0.2.1:1234: kick x: done" in said
    assert sum("/dev/full cannot be written" in line for line in said) == 2


def test_a_line_that_was_cut_by_a_full_disk_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AuditFile(str(tmp_path / "audit"))
    left = [3, 0]

    def write(number: int, data: bytes) -> int:
        room = left.pop(0) if left else len(data)
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(number, data[:room])

    real = os.write
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        file.write("first", sync=False)
    file.write("second", sync=False)
    file.write("third", sync=False)
    file.close()
    assert (tmp_path / "audit").read_text() == "fir\nsecond\nthird\n"


def test_a_line_has_an_end(opened: Opened, tmp_path: Path, events: list[LogEvent]) -> None:
    path = tmp_path / "audit"
    AuditLog(opened(path)).begin(ANNA, "x" * 100_000)("done")
    assert all(len(each["command"]) == auditlog.LONGEST for each in records(path))
    assert len(formatEvent(events[-1])) < 400


def test_what_would_break_a_line_is_escaped(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "audit"
    AuditLog(opened(path)).begin(ANNA, "calls 'a\nb\x1b[2J\udcff'", changes=False)("done")
    assert len(path.read_text().splitlines()) == 1
    assert "\x1b" not in path.read_text()


def test_a_file_that_cannot_be_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    assert audit_file(None) is None
    with pytest.raises(ConfigError) as caught:
        audit_file(str(tmp_path / "none" / "audit"), "sbc.toml")
    assert "audit.file" in str(caught.value)
