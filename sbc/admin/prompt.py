"""The Python prompt an operator sees: one terminal, whose every line is heard and whose mistakes stay its own."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from twisted.conch.insults.insults import ServerProtocol, modes
from twisted.conch.manhole import Manhole, ManholeInterpreter
from twisted.logger import Logger
from twisted.python.compat import iterbytes

from sbc.admin.log import CONSOLE, NamedLogger

SECONDS = 5.0
"""The longest a line may run: while it does, no message and no packet is handled."""

LONGEST = 65_536
"""Octets of a line; what is typed beyond is not taken."""

HISTORY = 500
"""Lines that can be called back."""


_fault = Logger(CONSOLE)


class TooLong(BaseException):
    """A line has run for too long and is broken off. It is no Exception, so `except Exception` does not hold it."""


class _Alarm:
    """One for the process, since its signal is. Rings again and again, in case a line did not listen."""

    def __init__(self) -> None:
        self._armed = False

    def ring(self, _number: int, _frame: object) -> None:
        if self._armed:
            raise TooLong("broken off: all calls wait while a line runs")

    def start(self, seconds: float) -> None:
        self._armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)

    def stop(self) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)


_ALARM = _Alarm()


def limited(seconds: float, run: Callable[[], None]) -> None:
    """Call `run`, and break it off after `seconds`: on the main thread, where SIGALRM is nobody else's.

    @raises TooLong where `run` lets it out.
    """
    mine = threading.current_thread() is threading.main_thread()
    if mine and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
        signal.signal(signal.SIGALRM, _ALARM.ring)
    if not mine or signal.getsignal(signal.SIGALRM) != _ALARM.ring:
        run()
        return
    try:
        try:
            _ALARM.start(seconds)
            run()
        finally:
            _ALARM.stop()
    finally:
        _ALARM.stop()  # it may ring just before the other stop; before this one it cannot ring again


class Interpreter(ManholeInterpreter):
    """Runs lines. Whatever a line raises is shown; one that wants to end the program ends the session."""

    seconds = SECONDS

    def runcode(self, *args: CodeType) -> None:
        """Called with a compiled line."""
        try:
            limited(self.seconds, lambda: super(Interpreter, self).runcode(*args))
        except SystemExit:
            self.handler.handle_QUIT()
        except TooLong as error:  # rung not in the line, where it is shown as what a line raises, but in the showing
            self.write(f"{error}\n")


class Prompt(Manhole):
    """Reads lines and answers them. `heard` is told each line before it is run."""

    ps = (b"sbc> ", b"...> ")
    _log = NamedLogger("twisted.conch")

    def __init__(self, namespace: Mapping[str, Any], greeting: str, heard: Callable[[str], None]) -> None:
        super().__init__(dict(namespace))
        self._greeting = greeting
        self._heard = heard

    def connectionMade(self) -> None:
        super().connectionMade()
        self.interpreter = Interpreter(self, self.namespace)

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
        if line.strip():
            self._heard(line.decode("utf-8", "backslashreplace"))
        try:
            super().lineReceived(line)
        except Exception as error:  # noqa: BLE001 - the compiler's own limits, a repr that cannot be encoded, our mistakes
            _fault.failure("the console failed on a line")
            self.interpreter.resetBuffer()
            self.pn = 0
            self.addOutput(f"\n{type(error).__name__}: the prompt can do nothing with this line, or its answer\n")
            self.terminal.write(self.ps[0])

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
