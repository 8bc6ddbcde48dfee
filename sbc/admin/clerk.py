"""Answers plain commands, from wherever they come: in limited time, on the audit log, and fit for any terminal."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from twisted.internet.defer import Deferred

from sbc.admin.auditlog import AuditLog, Operator
from sbc.admin.commands import COMMANDS, Misused, split
from sbc.admin.console import Answer, Console
from sbc.admin.limited import SECONDS, TooLong, limited
from sbc.admin.log import CONSOLE, NamedLogger
from sbc.admin.tables import No
from sbc.config.faults import printable


@attrs.frozen
class Reply:
    """What came of a command: whether it did what was asked, and the answer."""

    ok: bool
    answer: Answer

    @property
    def text(self) -> str:
        """The answer for a terminal: whatever a peer has put into it, nothing in it steers."""
        return "\n".join(map(printable, repr(self.answer).split("\n")))


class Clerk:
    """Takes commands for a console."""

    _log = NamedLogger(CONSOLE)

    def __init__(self, console: Console, audit: AuditLog, seconds: float = SECONDS) -> None:
        """`seconds`: the longest a command may take."""
        self._console = console
        self._audit = audit
        self._seconds = seconds

    def ready(self, words: Sequence[str]) -> Deferred[None]:
        """Fires when a command in words can be answered without much delay."""
        return self._console.ready(words)

    def line(self, operator: Operator, line: str) -> Reply:
        """Answer a line of plain words."""
        try:
            words = split(line)
        except Misused as misused:
            self._audit.begin(operator, line, changes=False)("not understood")
            return Reply(False, No(str(misused)))
        return self.words(operator, words, line)

    def words(self, operator: Operator, words: Sequence[str], line: str = "") -> Reply:
        """Answer a command that is in words already. Nothing is raised."""
        command = COMMANDS.get(words[0]) if words else None
        changes = command is not None and command.changes
        ended = self._audit.begin(operator, line or " ".join(words), changes)
        answers: list[Answer] = []
        try:
            limited(self._seconds, lambda: answers.append(self._console.answer(words)))
            (answer,) = answers
        except Misused as misused:
            answer, outcome = No(str(misused)), "not understood"
        except TooLong as error:
            answer, outcome = No(str(error)), "broken off"
        except Exception as error:  # noqa: BLE001 - a fault of ours is told, and stays here
            self._log.failure("the console failed on a command")
            answer, outcome = No(f"a fault of ours: {type(error).__name__}; the log has it"), "failed"
        else:
            outcome = f"refused: {answer}"[:300] if isinstance(answer, No) else "done"
        ended(outcome)
        return Reply(not isinstance(answer, No), answer)
