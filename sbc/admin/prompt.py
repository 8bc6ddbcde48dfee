"""The Python prompt an operator sees: one terminal, whose every line is heard and whose mistakes stay its own."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from twisted.conch.insults.insults import ServerProtocol, modes
from twisted.conch.manhole import Manhole, ManholeInterpreter
from twisted.logger import Logger
from twisted.python.compat import iterbytes

from sbc.admin.commands import is_plain
from sbc.admin.limited import SECONDS, TooLong, limited
from sbc.admin.log import CONSOLE, NamedLogger

LONGEST = 65_536
"""Octets of a line; what is typed beyond is not taken."""

HISTORY = 500
"""Lines that can be called back."""


_fault = Logger(CONSOLE)


Heard = Callable[[str], Callable[[str], None] | None]
"""Told each line before it is run; what it returns, if anything, is told what came of the line."""

Answer = Callable[[str], str]
"""Answers a line of plain words; keeps the audit log of it itself."""


class Interpreter(ManholeInterpreter):
    """Runs lines. Whatever a line raises is shown; one that wants to end the program ends the session.

    `outcome` says how the last line went.
    """

    seconds = SECONDS
    outcome = "done"

    def runcode(self, *args: CodeType) -> None:
        """Called with a compiled line."""
        try:
            limited(self.seconds, lambda: super(Interpreter, self).runcode(*args))
        except SystemExit:
            self.handler.handle_QUIT()
        except TooLong as error:  # rung not in the line, where it is shown as what a line raises, but in the showing
            self.outcome = "broken off"
            self.write(f"{error}\n")

    def showtraceback(self) -> None:
        kind = sys.exc_info()[0]
        self.outcome = f"raised {'an error' if kind is None else kind.__name__}"
        super().showtraceback()

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        self.outcome = "not understood"
        super().showsyntaxerror(*args, **kwargs)


class Prompt(Manhole):
    """Reads lines and answers them. `heard` is told each line before it is run; `answer` takes plain commands."""

    ps = (b"sbc> ", b"...> ")
    _log = NamedLogger("twisted.conch")

    def __init__(self, namespace: Mapping[str, Any], greeting: str, heard: Heard, answer: Answer | None = None) -> None:
        super().__init__(dict(namespace))
        self._given = dict(namespace)
        self._greeting = greeting
        self._heard = heard
        self._answer = answer

    def connectionMade(self) -> None:
        super().connectionMade()
        self.interpreter: Any = Interpreter(self, self.namespace)

    def initializeScreen(self) -> None:
        """Greet. Conch would clear the operator's screen."""
        self.setInsertMode()
        self.terminal.write(f"{self._greeting}\n")
        self.terminal.write(self.ps[self.pn])

    def terminalSize(self, width: int, height: int) -> None:
        """Conch would clear the screen here too."""
        self.width, self.height = width, height

    def keystrokeReceived(self, keyID: bytes, modifier: object) -> None:
        """Take what can be typed. Conch would warn of every other key in the log."""
        if keyID in self.keyHandlers or keyID in self._printableChars:
            super().keystrokeReceived(keyID, modifier)

    def characterReceived(self, ch: bytes, moreCharactersComing: bool) -> None:
        if len(self.lineBuffer) < LONGEST:
            super().characterReceived(ch, moreCharactersComing)

    def lineReceived(self, line: bytes) -> None:
        """Run a line, or what it completes. Nothing it does comes further than here."""
        del self.historyLines[:-HISTORY]
        self.historyPosition = len(self.historyLines)
        typed = line.decode("utf-8", "backslashreplace")
        if self.pn == 0 and self._is_plain(typed):
            assert self._answer is not None
            self.addOutput(f"{self._answer(typed.strip())}\n")
            self.terminal.write(self.ps[0])
            return
        ended = self._heard(typed) if line.strip() else None
        self.interpreter.outcome = "done"
        try:
            super().lineReceived(line)
        except Exception as error:  # noqa: BLE001 - the compiler's own limits, a repr that cannot be encoded, our mistakes
            _fault.failure("the console failed on a line")
            self.interpreter.outcome = f"failed with {type(error).__name__}"
            self.interpreter.resetBuffer()
            self.pn = 0
            self.addOutput(f"\n{type(error).__name__}: the prompt can do nothing with this line, or its answer\n")
            self.terminal.write(self.ps[0])
        if ended is not None:
            ended("to be continued" if self.pn else self.interpreter.outcome)

    def _is_plain(self, line: str) -> bool:
        """Whether a line is a plain command, and the command still what it was: a name may have been given away."""
        name = line.strip().partition(" ")[0]
        names: Any = self.namespace
        untouched = name in self._given and names.get(name) is self._given[name]
        return self._answer is not None and untouched and is_plain(line)

    def addOutput(self, data: str | bytes, isAsync: bool | None = None) -> None:
        """Show something. What no terminal can show is escaped."""
        super().addOutput(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data, isAsync)


class Terminal(ServerProtocol):
    """The operator's terminal. It is left as it was found: conch would reset it, and clear it, at the end."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Take keys, one by one: any may be the last, though more came with it."""
        for key in iterbytes(data):
            if self.terminalProtocol is None:
                return
            super().dataReceived(key)

    def loseConnection(self) -> None:
        self.resetModes([modes.IRM])
        self.transport.loseConnection()
