"""The audit log of the console: who asked for what, when, from where, and what came of it. In the log, and on file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

import attrs

from sbc.admin.log import CONSOLE, NamedLogger
from sbc.config.faults import ConfigError, Fault, printable

LONGEST = 16_384
"""Characters of a line that are kept."""
_SHORT = 200  # characters of it that are said again with its outcome

Ended = Callable[[str], None]
"""Called with the outcome of what has begun."""


@attrs.frozen
class Operator:
    """Who is asking: by what name, what shows that he may, and from where."""

    user: str
    means: str
    where: str


class AuditFile:
    """A file of JSON lines that only its owner reads, appended to, and begun anew once it was moved away."""

    def __init__(self, path: str) -> None:
        """@raises OSError where it cannot be opened."""
        self.path = path
        self._torn = False
        self._file = self._open()

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, line: str, sync: bool) -> None:
        """Append a line and, with `sync`, return when it is on the disk. @raises OSError."""
        if self._moved():
            fresh = self._open()
            os.close(self._file)
            self._file, self._torn = fresh, False
        data = (b"\n" if self._torn else b"") + line.encode("utf-8", "backslashreplace") + b"\n"
        while data:
            data = data[os.write(self._file, data) :]
            self._torn = bool(data)  # the disk may be full in the middle of a line: the next is to be one of its own
        if sync:
            os.fsync(self._file)

    def _moved(self) -> bool:
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._file))

    def close(self) -> None:
        os.close(self._file)


def audit_file(path: str | None, source: str = "") -> AuditFile | None:
    """The file that the configuration names, if it does. @raises ConfigError where it cannot be opened."""
    if path is None:
        return None
    try:
        return AuditFile(path)
    except OSError as error:
        problem, allowed = f"cannot be written to: {error.strerror}", "a file that can be made or appended to"
        raise ConfigError([Fault(source, "audit.file", f'"{printable(path)}"', problem, allowed)]) from error


class AuditLog:
    """Keeps the audit log. What changes the SBC, or may, is written before it is done, and again with its outcome."""

    _log = NamedLogger(CONSOLE)

    def __init__(self, file: AuditFile | None = None, wall: Callable[[], float] = time) -> None:
        self._file = file
        self._wall = wall

    def begin(self, operator: Operator, line: str, changes: bool = True) -> Ended:
        """`operator` asks for `line`. Call what is returned once, with what came of it."""
        started, line = monotonic(), line[:LONGEST]
        if changes:
            self._say(operator, line, None)
            self._keep(operator, line, changes, "begun", None)

        def ended(outcome: str) -> None:
            self._say(operator, line[:_SHORT] if changes else line, outcome)
            self._keep(operator, line, changes, outcome, monotonic() - started)

        return ended

    def _say(self, operator: Operator, line: str, outcome: str | None) -> None:
        told: dict[str, Any] = {"user": operator.user, "peer": operator.where, "line": line, "outcome": outcome}
        if outcome is None:
            self._log.info("{user} from {peer}: {line}", **told)
        else:
            self._log.info("{user} from {peer}: {line}: {outcome}", **told)

    def _keep(self, operator: Operator, line: str, changes: bool, outcome: str, seconds: float | None) -> None:
        if self._file is None:
            return
        record: dict[str, Any] = {
            "time": datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds"),
            "user": operator.user,
            "means": operator.means,
            "from": operator.where,
            "command": line,
            "changes": changes,
            "outcome": outcome,
        }
        if seconds is not None:
            record["seconds"] = round(seconds, 6)
        try:
            self._file.write(json.dumps(record), sync=changes)
        except OSError as error:  # the line is in the log all the same; an operator is not locked out by a full disk
            self._log.error("the audit file {file} cannot be written: {error}", file=self._file.path, error=error)
