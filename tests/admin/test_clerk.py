"""Plain commands answered: in time, audited with their outcome, and unable to steer a terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sbc.admin.auditlog import AuditFile, AuditLog, Operator
from sbc.admin.clerk import Clerk
from sbc.admin.commands import COMMANDS
from sbc.admin.tables import No, Text
from tests.admin.conftest import Opened
from tests.admin.desk import open_desk

ANNA = Operator("anna", "password", "here")


class Scripted:
    """A console that does as told."""

    def __init__(self, does: Any) -> None:
        self.does = does

    def answer(self, words: list[str]) -> Any:
        return self.does()


def clerk(file: AuditFile, does: Any, seconds: float = 5.0) -> Clerk:
    console: Any = Scripted(does)
    return Clerk(console, AuditLog(file), seconds)


def outcomes(tmp_path: Path) -> list[str]:
    return [json.loads(line)["outcome"] for line in (tmp_path / "audit").read_text().splitlines()]


def failing() -> None:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("line", "does", "ok", "said", "told"),
    [
        ("calls", lambda: Text("fine"), True, "fine", ["done"]),
        ("calls", lambda: No("not so"), False, "not so", ["refused: not so"]),
        ("calls", lambda: time.sleep(60), False, "broken off: all calls wait while a line runs", ["broken off"]),
        ("kick x", lambda: Text("fine"), True, "fine", ["begun", "done"]),
        ("calls 'x", lambda: Text("fine"), False, "cannot be taken apart: No closing quotation", ["not understood"]),
    ],
)
def test_every_command_is_answered_and_audited(
    opened: Opened, tmp_path: Path, line: str, does: Any, ok: bool, said: str, told: list[str]
) -> None:
    reply = clerk(opened(tmp_path / "audit"), does, 0.1).line(ANNA, line)
    assert (reply.ok, reply.text) == (ok, said)
    assert outcomes(tmp_path) == told


def test_a_fault_of_ours_is_told_and_stays_here(opened: Opened, tmp_path: Path) -> None:
    reply = clerk(opened(tmp_path / "audit"), failing).line(ANNA, "calls")
    assert (reply.ok, reply.text) == (False, "a fault of ours: KeyError; the log has it")
    assert outcomes(tmp_path) == ["failed"]


def test_nothing_in_an_answer_steers_a_terminal(opened: Opened, tmp_path: Path) -> None:
    reply = clerk(opened(tmp_path / "audit"), lambda: Text("a\x1b[2J\r\x07\x9b31m\u202eb\n\tc")).line(ANNA, "calls")
    assert reply.text == "a\\x1b[2J\\r\\x07\\x9b31m\\u202eb\n\\tc"


@pytest.mark.parametrize("name", COMMANDS)
def test_no_answer_of_any_command_has_what_a_peer_sent_to_steer_terminals(tmp_path: Path, name: str) -> None:
    with open_desk() as desk:
        desk.register(b"al%1Bice")
        id = desk.call(b"x\x1b[31m\x07y")
        whole = Clerk(desk.console, AuditLog())
        words = [name, *([id] if any(each.needed for each in COMMANDS[name].arguments) else [])]
        reply = whole.words(ANNA, words)
        assert all(c.isprintable() or c == "\n" for c in reply.text)
        assert all(c.isprintable() or c == "\n" for c in repr(reply.answer)), "at the Python prompt, too"
