"""The log as the configuration wants it: the least that is written, as text or JSON lines, and a file of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, MutableMapping
from io import FileIO, TextIOWrapper
from typing import Any, Protocol, cast

from twisted.logger import (
    ILogObserver,
    LegacyLogObserverWrapper,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    LogPublisher,
    PredicateResult,
    eventAsText,
    formatEvent,
)
from twisted.python.logfile import LogFile
from zope.interface import implementer

from sbc.config.faults import ConfigError, Fault, printable
from sbc.config.values import LogConfig, LogFormat
from sbc.config.values import LogLevel as Level
from sbc.said import SAID, iso

CONSOLE = "sbc.console"
"""The namespace of the audit log: who entered the console, and what was typed there. No level silences it."""

LONGEST = 16_384
"""Characters of a message, and of a traceback, that are written."""

_NOISE = ("log_legacy", "twisted.conch")  # what Twisted says of its own doing; conch even quotes packets, at debug
_NAMESPACES = 1_000  # and levels, of which it is kept in mind whether they are written
_FIELDS = ("call", "stream", "user", "peer")  # what an event may be about, kept by name in JSON


class NamedLogger(Logger):
    """A logger that keeps its namespace in whatever class it stands; Twisted's takes that of the class."""

    def __get__(self, instance: object, owner: type | None = None) -> Logger:
        return self


class Out(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> Any:
        """Take a text."""

    def flush(self) -> Any:
        """Let go of it."""


# -- what is written


def message_of(event: LogEvent) -> str:
    """The message of an event on one line. About a call it begins with ``call ID:``, whoever said it, else never."""
    said = event["said"] if event.get("log_format") == SAID else formatEvent(event)
    message = printable(said[:LONGEST])
    call = call_of(event)
    if call and message and not message.startswith(f"call {call}:"):
        return f"call {call}: {message}"
    return message if call else message.removeprefix("call -: ").removeprefix("call : ")


def call_of(event: LogEvent) -> str:
    """The id of the call an event is about, or nothing."""
    call = event.get("call")
    return "" if call is None or call == "-" else printable(str(call))


def text_line(event: LogEvent) -> str | None:
    """``TIME [NAMESPACE#LEVEL] MESSAGE``; a traceback follows in lines that begin with a tab. None for no message."""
    message, trace = message_of(event), _traceback(event)
    if not message and not trace:
        return None
    head = f"{_time(event)} [{event.get('log_namespace', '-')}#{_level(event)}] {message}"
    return "\n\t".join([head, *(printable(line.expandtabs(4)) for line in trace.splitlines())]) + "\n"


def json_line(event: LogEvent) -> str | None:
    """One JSON object: time (ISO 8601, UTC), level, namespace, message; call, stream, user, peer, traceback."""
    message, trace = message_of(event), _traceback(event)
    if not message and not trace:
        return None
    values = {
        "time": _time(event),
        "level": _level(event),
        "namespace": str(event.get("log_namespace", "-")),
        "message": message,
    }
    values.update((name, str(event[name])) for name in _FIELDS if event.get(name) not in (None, "", "-"))
    if trace:
        values["traceback"] = trace
    return json.dumps(values) + "\n"


def _time(event: LogEvent) -> str:
    return iso(event.get("log_time", 0.0)) + "+00:00"


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return "-" if level is None else str(level.name)


def _traceback(event: LogEvent) -> str:
    if event.get("log_failure") is None:
        return ""
    whole = eventAsText(event, includeTimestamp=False, includeSystem=False)
    return whole.removeprefix(formatEvent(event)).strip("\n")[:LONGEST]


@implementer(ILogObserver)
class Lines:
    """Writes each event as a line."""

    def __init__(self, out: Out, format: LogFormat) -> None:
        self._out = out
        self._line = json_line if format is LogFormat.JSON else text_line

    def __call__(self, event: LogEvent) -> None:
        line = self._line(event)
        if line is not None:
            self._out.write(line)
            self._out.flush()


# -- what is left out


def wanted(level: Level) -> LogLevelFilterPredicate:
    """What is written at `level`: that and above; of Twisted's noise only warnings, of the console everything."""
    least = LogLevel.levelWithName(level.value)
    predicate = LogLevelFilterPredicate(least)
    for namespace in _NOISE:
        predicate.setLogLevelForNamespace(namespace, max(least, LogLevel.warn))
    predicate.setLogLevelForNamespace(CONSOLE, min(least, LogLevel.info))
    return predicate


# -- where to


class AppendedFile:
    """A file that is appended to, and begun anew once it was moved away or removed: so it can be rotated at any time.

    A line that cannot be written (the disk is full) is lost; how many were, is said before the next that can be.
    """

    def __init__(self, path: str) -> None:
        """@raises OSError where it cannot be opened."""
        self._path = path
        self._lost = 0
        self._file = self._open()

    def _open(self) -> FileIO:
        return open(self._path, "ab", buffering=0)

    def write(self, text: str) -> None:
        if self._lost:
            text = f"{self._lost} lines of this log could not be written\n{text}"
        try:
            if self._moved():
                fresh = self._open()
                self._file.close()
                self._file = fresh
            self._file.write(text.encode("utf-8", "backslashreplace"))
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def _moved(self) -> bool:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._file.fileno()))

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._file.close()


def configured_file(config: LogConfig, source: str = "") -> AppendedFile | None:
    """The file that the configuration names, if it does. `source` is the configuration's own file.

    @raises ConfigError where it cannot be opened.
    """
    if config.file is None:
        return None
    try:
        return AppendedFile(config.file)
    except OSError as error:
        problem = f"cannot be written to: {error.strerror}"
        fault = Fault(
            source, "log.file", f'"{printable(config.file)}"', problem, "a file that can be made or appended to"
        )
        raise ConfigError([fault]) from error


class Threshold:
    """What is written, see `wanted`, at a level that may change while it is heard."""

    def __init__(self, level: Level) -> None:
        self.set(level)

    def set(self, level: Level) -> None:
        """Let another level count from now on."""
        self._wanted = wanted(level)
        self._known: dict[tuple[Any, Any], bool] = {}  # nothing else of an event is looked at

    def passes(self, event: LogEvent) -> bool:
        """Whether an event is written."""
        key = event.get("log_namespace"), event.get("log_level")
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _NAMESPACES:
                self._known.clear()
            known = self._known[key] = self._wanted(event) is not PredicateResult.no
        return known


@implementer(ILogObserver)
class Passed:
    """Hands on to `out` what a threshold lets pass. Twisted's own filter takes as long for that as the line takes."""

    def __init__(self, threshold: Threshold, out: ILogObserver) -> None:
        self._passes = threshold.passes
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        if self._passes(event):
            self._out(event)


def observer(config: LogConfig, *outs: ILogObserver, threshold: Threshold | None = None) -> ILogObserver:
    """What hears every event and hands on to `outs` what the configuration, or else `threshold`, wants written."""
    return Passed(threshold or Threshold(config.level), outs[0] if len(outs) == 1 else LogPublisher(*outs))


class TwistdLog:
    """What twistd is told to log by. It wants the name of a thing, not the thing, so there is one to be named."""

    def __init__(self) -> None:
        self._begin: Callable[[], ILogObserver] | None = None
        self._threshold: Threshold | None = None

    def set(self, begin: Callable[[], ILogObserver], threshold: Threshold) -> None:
        self._begin, self._threshold = begin, threshold

    def set_level(self, level: Level) -> None:
        """Let another level count, where twistd logs by us at all."""
        if self._threshold is not None:
            self._threshold.set(level)

    def __call__(self) -> ILogObserver:
        """Called by twistd when it begins to log."""
        if self._begin is None:
            raise RuntimeError(f"{TWISTD_LOG_NAME} is for sbc itself; say nothing with --logger")
        return self._begin()


TWISTD_LOG = TwistdLog()
TWISTD_LOG_NAME = "sbc.admin.log.TWISTD_LOG"


def install(options: MutableMapping[str, Any], config: LogConfig, source: str = "") -> None:
    """Make twistd log as `config` says. `options` are twistd's own; this does what its `--logger` would.

    A `--logger` that was given stays, and the configuration is not heard. @raises ConfigError, see `configured_file`.
    """
    if options.get("logger"):
        return
    file, threshold = configured_file(config, source), Threshold(config.level)

    def begin() -> ILogObserver:
        own = _twistds_own(options, config.format)
        outs = [own] if file is None else [own, Lines(file, config.format)]
        return observer(config, *outs, threshold=threshold)

    TWISTD_LOG.set(begin, threshold)
    options["logger"] = TWISTD_LOG_NAME


def _twistds_own(options: MutableMapping[str, Any], format: LogFormat) -> ILogObserver:
    """Where twistd would log by itself: `--syslog`, `--logfile`, else standard output or, as a daemon, twistd.log."""
    name = options.get("logfile")
    foreground = options.get("nodaemon") or options.get("debug")
    if options.get("syslog"):
        from twisted.python.syslog import SyslogObserver

        emit: Any = SyslogObserver(options.get("prefix") or "sbc").emit
        return LegacyLogObserverWrapper(emit)
    if name == "-" and not foreground:
        raise SystemExit("a daemon has no standard output to log to; say --nodaemon, or a file with --logfile")
    if name == "-" or (foreground and not name):
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a line is shown whatever the terminal can
        return Lines(sys.stdout, format)
    file = LogFile.fromFullPath(name or "twistd.log")
    _rotate_on_signal(file.rotate)
    return Lines(file, format)


def _rotate_on_signal(rotate: Callable[[], None]) -> None:
    """As twistd does: SIGUSR1 starts a new file, unless somebody else wants that signal."""

    def on_signal(_number: int, _frame: object) -> None:
        from twisted.internet import reactor

        cast(Any, reactor).callFromThread(rotate)

    if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, on_signal)
