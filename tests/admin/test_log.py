"""The log: what a line holds, what is left out, where it goes, and that nobody can break, forge or fill a line."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from twisted.python.usage import Options
from zope.interface.verify import verifyObject

from sbc.admin import log
from sbc.config.faults import ConfigError
from sbc.config.values import LogConfig, LogFormat
from sbc.config.values import LogLevel as Level

HOSTILE = "\r\n2026-11-23T00:00:00 [sbc#info] all is well\x1b[2J\u2028\x00\ud800"


def logged(format: LogFormat = LogFormat.TEXT, level: Level = Level.DEBUG, namespace: str = "sbc.x") -> Any:
    """A logger and what it has written."""
    out = io.StringIO()
    return Logger(namespace, observer=log.observer(LogConfig(level), log.Lines(out, format))), out


# -- a line of text


def test_a_line_says_when_who_how_grave_and_what() -> None:
    say, out = logged()
    say.warn("{n} of {what}", n=3, what="them")
    when, _, rest = out.getvalue().partition(" ")
    assert rest == "[sbc.x#warn] 3 of them\n"
    assert datetime.fromisoformat(when).utcoffset() is not None


@pytest.mark.parametrize(
    ("format", "fields", "message"),
    [
        ("call {call}: rings", {"call": "c1"}, "call c1: rings"),
        ("stream {stream}: silent", {"call": "c1", "stream": "c1/1"}, "call c1: stream c1/1: silent"),
        ("call {call}: bound", {"call": "-"}, "bound"),
        ("call {call}: sent", {"call": ""}, "sent"),
        ("rings", {}, "rings"),
        ("call c10: rings", {"call": "c1"}, "call c1: call c10: rings"),
        ("x", {"call": "a\nb"}, "call a\\nb: x"),
    ],
)
def test_a_line_about_a_call_begins_with_its_id_and_no_other_does(
    format: str, fields: dict[str, str], message: str
) -> None:
    say, out = logged()
    say.info(format, **fields)
    assert out.getvalue().endswith(f"[sbc.x#info] {message}\n")


def test_a_failure_is_told_on_lines_of_its_own_that_are_no_beginning() -> None:
    say, out = logged()
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        say.failure("reading {what}", what="x")
    first, *more = out.getvalue().splitlines()
    assert first.endswith("[sbc.x#critical] reading x")
    assert more[0] == "\tTraceback (most recent call last):"
    assert all(line.startswith("\t") for line in more)
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("format", LogFormat)
def test_nobody_can_begin_a_line_or_steer_a_terminal(format: LogFormat) -> None:
    say, out = logged(format)
    say.info("call {call}: refused: {reason}", call="c1", reason=HOSTILE)
    text = out.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    assert text[:-1].isprintable()
    text.encode()


@pytest.mark.parametrize("format", LogFormat)
def test_a_line_has_an_end(format: LogFormat) -> None:
    say, out = logged(format)
    say.info("{x}", x="y" * 1_000_000)
    assert len(out.getvalue()) < log.LONGEST + 200


@pytest.mark.parametrize("format", LogFormat)
def test_what_cannot_be_formatted_is_said_so(format: LogFormat) -> None:
    say, out = logged(format)
    say.info("{x.y}", x=1)
    assert "Unable to format" in out.getvalue()


@pytest.mark.parametrize("line", [log.text_line, log.json_line])
def test_nothing_said_is_nothing_written(line: Any) -> None:
    assert line({"log_time": 0.0, "log_level": LogLevel.info, "log_namespace": "x"}) is None


# -- a line of JSON


def test_json_is_one_object_a_line() -> None:
    say, out = logged(LogFormat.JSON)
    say.info("call {call}: stream {stream}", call="c1", stream="c1/1", port=5)
    say.info("login of {user} from {peer}", user="anna", peer="127.0.0.1:1")
    say.info("call {call}: bound", call="-")
    first, second, third = map(json.loads, out.getvalue().splitlines())
    assert datetime.fromisoformat(first.pop("time")).tzname() == "UTC"
    assert first == {
        "level": "info",
        "namespace": "sbc.x",
        "message": "call c1: stream c1/1",
        "call": "c1",
        "stream": "c1/1",
    }
    assert (second["user"], second["peer"]) == ("anna", "127.0.0.1:1")
    assert third["message"] == "bound" and "call" not in third


def test_a_failure_in_json_has_its_traceback_beside_it() -> None:
    say, out = logged(LogFormat.JSON)
    try:
        raise ValueError("why")
    except ValueError:
        say.failure("reading")
    event = json.loads(out.getvalue())
    assert event["message"] == "reading"
    assert event["traceback"].startswith("Traceback") and event["traceback"].endswith("ValueError: why")


# -- what is left out


@pytest.mark.parametrize(
    ("level", "written"),
    [
        (Level.DEBUG, ["debug", "info", "warn", "error", "critical"]),
        (Level.INFO, ["info", "warn", "error", "critical"]),
        (Level.WARN, ["warn", "error", "critical"]),
        (Level.ERROR, ["error", "critical"]),
        (Level.CRITICAL, ["critical"]),
    ],
)
def test_the_level_is_the_least_that_is_written(level: Level, written: list[str]) -> None:
    say, out = logged(level=level)
    for each in Level:
        getattr(say, each.value)("at {word}", word=each.value)
    assert [line.rpartition(" ")[2] for line in out.getvalue().splitlines()] == written


@pytest.mark.parametrize("namespace", ["log_legacy", "twisted.conch.ssh.transport", "twisted.conch"])
@pytest.mark.parametrize("level", [Level.DEBUG, Level.INFO, Level.WARN])
def test_of_twisteds_noise_only_warnings_are_written(namespace: str, level: Level) -> None:
    say, out = logged(level=level, namespace=namespace)
    say.debug("packet")
    say.info("Starting protocol")
    say.warn("look")
    assert [line.rpartition(" ")[2] for line in out.getvalue().splitlines()] == ["look"]


@pytest.mark.parametrize("level", Level)
def test_no_level_silences_the_audit_of_the_console(level: Level) -> None:
    say, out = logged(level=level, namespace=log.CONSOLE)
    say.info("login")
    assert "login" in out.getvalue()


# -- where to


def write(file: Any, *lines: str) -> None:
    for line in lines:
        file.write(f"{line}\n")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Any]:
    file = log.AppendedFile(str(tmp_path / "sbc.log"))
    yield file
    file.close()


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "sbc.log").write_text("before\n")
    file = log.AppendedFile(str(tmp_path / "sbc.log"))
    write(file, "é", "\ud800")
    file.close()
    assert (tmp_path / "sbc.log").read_text(encoding="utf-8") == "before\né\n\\ud800\n"


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path, file: Any) -> None:
    write(file, "one")
    (tmp_path / "sbc.log").rename(tmp_path / "sbc.log.1")
    write(file, "two")
    (tmp_path / "sbc.log").unlink()
    write(file, "three", "four")
    assert (tmp_path / "sbc.log.1").read_text() == "one\n"
    assert (tmp_path / "sbc.log").read_text() == "three\nfour\n"


def test_a_file_that_was_emptied_goes_on(tmp_path: Path, file: Any) -> None:
    write(file, "one")
    os.truncate(tmp_path / "sbc.log", 0)
    write(file, "two")
    assert (tmp_path / "sbc.log").read_text() == "two\n"


def test_lines_that_cannot_be_written_are_counted(tmp_path: Path, file: Any) -> None:
    (tmp_path / "sbc.log").unlink()
    (tmp_path / "sbc.log").mkdir()  # nothing can be written there, whoever we are
    write(file, "lost", "lost too")
    (tmp_path / "sbc.log").rmdir()
    write(file, "back", "again")
    assert (tmp_path / "sbc.log").read_text() == "2 lines of this log could not be written\nback\nagain\n"


def test_a_file_that_cannot_be_opened_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "none" / "sbc.log"
    with pytest.raises(ConfigError) as caught:
        log.configured_file(LogConfig(file=str(path)), "sbc.toml")
    assert str(caught.value).startswith(f'sbc.toml: log.file = "{path}": cannot be written to: No such file')
    assert log.configured_file(LogConfig()) is None


# -- twistd


@pytest.fixture(autouse=True)
def files_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process has one log, for life; a test has not."""
    opened: list[Any] = []

    def kept(make: Any) -> Any:
        return lambda *given: opened.append(make(*given)) or opened[-1]

    monkeypatch.setattr(log.LogFile, "fromFullPath", kept(log.LogFile.fromFullPath))
    monkeypatch.setattr(log, "AppendedFile", kept(log.AppendedFile))
    yield
    for each in opened:
        each.close()


def begun(options: dict[str, Any], config: LogConfig) -> ILogObserver:
    """What twistd would log by."""
    log.install(options, config, "sbc.toml")
    assert options["logger"] == log.TWISTD_LOG_NAME
    begin: Any = log.TWISTD_LOG
    made: ILogObserver = begin()
    assert verifyObject(ILogObserver, made)
    return made


def event(text: str, level: Any = LogLevel.info) -> LogEvent:
    return {
        "log_format": text,
        "log_level": level,
        "log_namespace": "sbc.x",
        "log_time": 0.0,
    }


def test_in_the_foreground_it_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    observer = begun({"nodaemon": True, "logfile": None}, LogConfig(Level.WARN, LogFormat.JSON))
    observer(event("unheard"))
    observer(event("heard", LogLevel.warn))
    assert json.loads(capsys.readouterr().out)["message"] == "heard"


def test_a_file_of_the_configuration_stands_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    observer = begun({"nodaemon": True, "logfile": "-"}, LogConfig(file=str(tmp_path / "sbc.log")))
    observer(event("heard"))
    line = "1970-01-01T00:00:00.000+00:00 [sbc.x#info] heard\n"
    assert capsys.readouterr().out == (tmp_path / "sbc.log").read_text() == line


def test_a_logfile_given_to_twistd_is_written_and_turned_by_a_signal(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    try:
        observer = begun({"nodaemon": True, "logfile": str(tmp_path / "own.log")}, LogConfig())
        observer(event("heard"))
        assert (tmp_path / "own.log").read_text().endswith("heard\n")
        handler: Any = signal.getsignal(signal.SIGUSR1)
        assert callable(handler)
        from twisted.internet import reactor

        handler(signal.SIGUSR1, None)
        for _ in range(100):
            reactor.iterate(0.01)  # type: ignore[attr-defined]
            if (tmp_path / "own.log.1").exists():
                break
        observer(event("anew"))
        assert (tmp_path / "own.log.1").read_text().endswith("heard\n")
        assert (tmp_path / "own.log").read_text().endswith("anew\n")
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_somebody_wants_is_left_alone(tmp_path: Path) -> None:
    def mine(*_: object) -> None: ...

    before = signal.signal(signal.SIGUSR1, mine)
    try:
        begun({"nodaemon": True, "logfile": str(tmp_path / "own.log")}, LogConfig())
        assert signal.getsignal(signal.SIGUSR1) is mine
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_daemon_logs_to_twistd_log_and_not_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    begun({"nodaemon": False, "logfile": None}, LogConfig())(event("heard"))
    assert (tmp_path / "twistd.log").read_text().endswith("heard\n")
    options: dict[str, Any] = {"nodaemon": False, "logfile": "-"}
    with pytest.raises(SystemExit, match="no standard output"):
        begun(options, LogConfig())


def test_syslog_is_asked_for_by_twistd(monkeypatch: pytest.MonkeyPatch) -> None:
    import syslog

    said: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda *about: said.append(about[-1]))
    observer = begun({"syslog": True, "prefix": "sbc"}, LogConfig(Level.WARN))
    observer(event("unheard"))
    observer(event("heard", LogLevel.warn))
    assert len(said) == 1 and said[0].endswith("heard")


def test_a_logger_that_was_asked_for_stays(tmp_path: Path) -> None:
    options = {"logger": "mine.own"}
    log.install(options, LogConfig(file=str(tmp_path / "sbc.log")))
    assert options == {"logger": "mine.own"}
    assert not (tmp_path / "sbc.log").exists()


def test_twistds_options_are_such_a_mapping() -> None:
    assert isinstance(Options(), dict)


def test_the_name_twistd_is_given_names_it() -> None:
    module, _, name = log.TWISTD_LOG_NAME.rpartition(".")
    assert getattr(sys.modules[module], name) is log.TWISTD_LOG
    with pytest.raises(RuntimeError):
        log.TwistdLog()()


# -- names


def test_a_named_logger_keeps_its_name_in_a_class() -> None:
    heard: list[LogEvent] = []

    class Thing:
        log = log.NamedLogger("sbc.console", observer=heard.append)

    Thing().log.info("said")
    assert [(event["log_namespace"], formatEvent(event)) for event in heard] == [("sbc.console", "said")]


def test_the_level_may_change_while_it_is_heard() -> None:
    out = io.StringIO()
    threshold = log.Threshold(Level.WARN)
    observer = log.observer(LogConfig(Level.DEBUG), log.Lines(out, LogFormat.TEXT), threshold=threshold)
    logger = Logger("x", observer=observer)
    logger.info("before")
    threshold.set(Level.INFO)
    logger.info("after")
    assert "before" not in out.getvalue() and "after" in out.getvalue()


def test_twistds_log_takes_another_level(tmp_path: Path) -> None:
    options = {"logfile": str(tmp_path / "twistd.log")}
    log.install(options, LogConfig(Level.WARN))
    begin: Any = log.TWISTD_LOG
    logger = Logger("x", observer=begin())
    logger.info("before")
    log.TWISTD_LOG.set_level(Level.INFO)
    logger.info("after")
    written = (tmp_path / "twistd.log").read_text()
    assert "before" not in written and "after" in written
    log.TwistdLog().set_level(Level.INFO)  # of nobody's business where something else logs
