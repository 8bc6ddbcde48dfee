"""The prompt: lines are heard and run, and nothing that is typed hurts the SBC."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.testing import StringTransport

from sbc.admin.prompt import HISTORY, LONGEST, Interpreter, Prompt, Terminal


class Typed:
    """A prompt at a terminal whose output is kept."""

    def __init__(self, **namespace: Any) -> None:
        self.heard: list[str] = []
        self.outcomes: list[str] = []
        self.asked: list[str] = []
        self.transport = StringTransport()
        self.terminal = Terminal(Prompt, namespace, "welcome", self.hear, self.answer)
        self.terminal.makeConnection(self.transport)
        self.greeting = self.output()

    def hear(self, line: str) -> Callable[[str], None]:
        self.heard.append(line)
        return self.outcomes.append

    def answer(self, line: str) -> str:
        self.asked.append(line)
        return f"plain {line}"

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


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("1 + 1", "done"),
        ("1 / 0", "raised ZeroDivisionError"),
        ("def", "not understood"),
        ("if 1:", "to be continued"),
        ("raise type('R', (Exception,), {'__str__': lambda self: 1/0})", "failed with AttributeError"),
        ("raise SystemExit", "done"),
    ],
)
def test_whoever_hears_a_line_is_told_what_came_of_it(line: str, outcome: str) -> None:
    typed = Typed()
    typed.type(f"{line}\r")
    assert typed.outcomes == [outcome]


def test_plain_commands_are_answered_and_python_is_run() -> None:
    typed = Typed(calls=lambda *a, **k: "python", audit=lambda: "python")
    assert typed.run("calls") == "plain calls"
    assert typed.run("  calls alice --limit 3 ") == "plain calls alice --limit 3"
    assert typed.run("calls('alice')") == "'python'"
    assert typed.run("audit -1") == "plain audit -1"
    assert typed.asked == ["calls", "calls alice --limit 3", "audit -1"]
    assert typed.heard == ["calls('alice')"]


def test_a_name_that_was_given_away_is_no_command_any_more() -> None:
    typed = Typed(calls=lambda: "python")
    typed.run("calls = 5")
    assert typed.run("calls") == "5"
    assert typed.asked == []


def test_inside_a_block_there_are_no_plain_commands() -> None:
    typed = Typed(calls=lambda: "python")
    typed.type("if 1:\r")
    typed.type("  calls\r")
    typed.type("\r")
    assert typed.asked == []


def test_names_of_one_prompt_are_not_those_of_another() -> None:
    names: dict[str, Any] = {"x": 1}
    first, second = Typed(**names), Typed(**names)
    first.run("x = 2")
    assert second.run("x") == "1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def", "SyntaxError"),
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
    assert time.monotonic() - started < 50
    assert "TooLong: broken off: all calls wait while a line runs" in said
    assert typed.run("1") == "1"


def test_an_answer_that_takes_too_long_to_show_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed(sleep=time.sleep)
    slow = "type('Slow', (Exception,), {'__module__': 'm', '__str__': lambda self: sleep(60) or ''})"
    started = time.monotonic()
    assert "Slow" in typed.run(f"raise {slow}")
    assert time.monotonic() - started < 50
    assert typed.run("1") == "1"


def test_waiting_is_broken_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed()
    started = time.monotonic()
    typed.run("import time; time.sleep(60)")
    assert time.monotonic() - started < 50


@pytest.mark.parametrize("what", ["Exception", "BaseException"])
def test_a_line_that_does_not_listen_is_told_again(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(Interpreter, "seconds", 0.1)
    typed = Typed(sleep=time.sleep)
    for line in ("try:", "    sleep(60)", f"except {what}:", "    sleep(60)"):
        typed.type(f"{line}\r")
    assert "TooLong" in typed.type("\r")
    assert typed.run("1") == "1"
