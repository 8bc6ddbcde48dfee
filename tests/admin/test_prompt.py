"""The prompt: lines are heard and run, and nothing that is typed hurts the SBC."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
from twisted.internet.testing import StringTransport

from sbc.admin.prompt import HISTORY, LONGEST, Interpreter, Prompt, Terminal, TooLong, limited


class Typed:
    """A prompt at a terminal whose output is kept."""

    def __init__(self, **namespace: Any) -> None:
        self.heard: list[str] = []
        self.transport = StringTransport()
        self.terminal = Terminal(Prompt, namespace, "welcome", self.heard.append)
        self.terminal.makeConnection(self.transport)
        self.greeting = self.output()

    def output(self) -> str:
        text = self.transport.value().decode().replace("\r\n", "\n")
        self.transport.clear()
        return text

    def type(self, keys: str | bytes) -> str:
        self.terminal.dataReceived(keys.encode() if isinstance(keys, str) else keys)
        return self.output()

    def run(self, line: str) -> str:
        """What a line answers."""
        return self.type(f"{line}\r").removeprefix(f"{line}\n").removesuffix("sbc> ").removesuffix("\n")


def test_it_greets_without_clearing_the_screen() -> None:
    typed = Typed()
    assert typed.greeting == "\x1b[4hwelcome\nsbc> "
    typed.terminal.terminalProtocol.terminalSize(200, 50)
    assert typed.output() == ""


def test_an_expression_is_answered_and_a_statement_is_run() -> None:
    typed = Typed(x=20)
    assert typed.run("x + 1") == "21"
    assert typed.run("y = _ * 2") == ""
    assert typed.run("print(y)") == "42"
    assert typed.run("None") == ""


def test_a_block_is_continued() -> None:
    typed = Typed()
    assert typed.type("for i in range(2):\r").endswith("...> ")
    assert typed.type("    print(i)\r").endswith("...> ")
    assert typed.type("\r") == "\n0\n1\nsbc> "


def test_every_line_is_heard_before_it_runs() -> None:
    typed = Typed()
    typed.run("1 + 1")
    typed.run("")
    typed.run("if 1:")
    typed.run("    raise SystemExit")
    typed.type("\r")
    assert typed.heard == ["1 + 1", "if 1:", "    raise SystemExit"]


def test_names_of_one_prompt_are_not_those_of_another() -> None:
    names: dict[str, Any] = {"x": 1}
    first, second = Typed(**names), Typed(**names)
    first.run("x = 2")
    assert second.run("x") == "1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def", "SyntaxError: invalid syntax"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('x')", "BaseException: x"),
        ("(lambda f: f(f))(lambda f: f(f))", "RecursionError"),
        ("raise ValueError('\\ud800')", "ValueError: \\ud800"),
        ("print('\\ud800')", "\\ud800"),
        ("type('R', (), {'__repr__': lambda self: 1/0})()", "ZeroDivisionError"),
        ("type('R', (Exception,), {'__str__': lambda self: 1/0})('x').throw", "AttributeError"),
        ("raise type('R', (Exception,), {'__str__': lambda self: 1/0})", "can do nothing with"),
        ("-" * 20000 + "1", "Error"),
        ("(" * 300 + ")" * 300, "Error"),
    ],
)
def test_a_mistake_is_shown_and_the_prompt_goes_on(line: str, said: str) -> None:
    typed = Typed()
    assert said in typed.run(line)
    assert typed.run("1 + 1") == "2"


@pytest.mark.parametrize("line", ["exit()", "quit()", "raise SystemExit", "import sys; sys.exit(3)"])
def test_whoever_wants_to_end_the_program_ends_the_session(line: str) -> None:
    typed = Typed()
    typed.run(line)
    assert typed.transport.disconnecting


def test_ctrl_d_leaves_the_terminal_as_it_was() -> None:
    typed = Typed()
    assert typed.type(b"\x04") == "\x1b[4l"
    assert typed.transport.disconnecting


def test_ctrl_c_forgets_the_line() -> None:
    typed = Typed()
    typed.type("1 +")
    assert "KeyboardInterrupt" in typed.type(b"\x03")
    assert typed.run("5") == "5"
    assert typed.heard == ["5"]


def test_keys_that_are_none_are_not_taken() -> None:
    typed = Typed()
    assert typed.type("é\x1b[99~\x00\x07") == ""
    assert typed.run("1") == "1"


def test_a_line_has_an_end() -> None:
    typed = Typed()
    typed.type("'" + "x" * (LONGEST + 1000))
    typed.type("\r")
    assert len(typed.heard[0]) == LONGEST


def test_history_comes_back_and_has_an_end() -> None:
    typed = Typed()
    for number in range(HISTORY + 50):
        typed.run(str(number))
    assert len(typed.terminal.terminalProtocol.historyLines) == HISTORY
    assert typed.type(b"\x1b[A").endswith(str(HISTORY + 49))


# -- the limit of time


def test_a_line_that_never_ends_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed()
    typed.type("while True: pass\r")
    started = time.monotonic()
    said = typed.type("\r")
    assert time.monotonic() - started < 5
    assert "TooLong: broken off: all calls wait while a line runs" in said
    assert typed.run("1") == "1"


def test_an_answer_that_takes_too_long_to_show_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed(sleep=time.sleep)
    slow = "type('Slow', (Exception,), {'__module__': 'm', '__str__': lambda self: sleep(60) or ''})"
    started = time.monotonic()
    assert "Slow" in typed.run(f"raise {slow}")
    assert time.monotonic() - started < 20
    assert typed.run("1") == "1"


def test_waiting_is_broken_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed()
    started = time.monotonic()
    typed.run("import time; time.sleep(60)")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("what", ["Exception", "BaseException"])
def test_a_line_that_does_not_listen_is_told_again(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed(sleep=time.sleep)
    for line in ("try:", "    sleep(60)", f"except {what}:", "    sleep(60)"):
        typed.type(f"{line}\r")
    assert "TooLong" in typed.type("\r")
    assert typed.run("1") == "1"


def disarmed() -> bool:
    return signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_ends_in_time_is_left_alone() -> None:
    limited(0.05, lambda: None)
    assert disarmed()
    time.sleep(0.1)


def test_a_signal_that_comes_late_does_nothing() -> None:
    limited(5, lambda: None)
    signal.raise_signal(signal.SIGALRM)


def test_what_is_raised_is_let_out_and_the_alarm_is_off() -> None:
    with pytest.raises(ZeroDivisionError):
        limited(5, lambda: divmod(1, 0) and None)
    assert disarmed()


def test_somebody_elses_alarm_is_left_alone() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        limited(0.01, lambda: time.sleep(0.05))
        assert disarmed()
        assert rung == []
    finally:
        signal.signal(signal.SIGALRM, before)


def test_off_the_main_thread_there_is_no_limit() -> None:
    done = []

    def work() -> None:
        limited(0.01, lambda: time.sleep(0.05))
        done.append(1)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert done == [1]


def test_too_long_is_raised_where_it_happens() -> None:
    with pytest.raises(TooLong):
        limited(0.05, lambda: time.sleep(5))
    assert disarmed()


def test_an_alarm_at_any_moment_leaves_none_behind() -> None:
    rung = 0
    for number in range(1500):
        try:
            limited(1e-6 * (1 + number % 300), lambda: None)
        except TooLong:
            rung += 1
        assert disarmed()
        signal.raise_signal(signal.SIGALRM)  # and what comes later finds nobody
    assert rung > 0
