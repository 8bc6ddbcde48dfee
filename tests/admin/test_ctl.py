"""The `sbc` command: what it prints and the status it ends with."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from sbc import __version__
from sbc.admin import ctl
from sbc.admin.ctl import main
from sbc.admin.passwords import Passwords
from sbc.config.load import load_file

EXAMPLE = Path(__file__).parent.parent.parent / "etc" / "sbc.toml"


def test_check_of_a_right_file_says_ok_and_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(EXAMPLE)]) == 0
    out = capsys.readouterr().out
    assert out == f"{EXAMPLE}: ok, 2 realms, 1 path, 2 listeners, 10000 media port pairs, no console\n"


def test_check_names_the_console_where_there_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sbc.toml"
    file.write_text(EXAMPLE.read_text() + '[console]\nlisten = "127.0.0.1:2"\nhost_key = "k"\npassword_file = "p"\n')
    assert load_file(str(file)).console
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out.endswith(", console on 127.0.0.1:2\n")


def test_check_of_a_wrong_file_lists_every_fault_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sbc.toml"
    file.write_text(EXAMPLE.read_text().replace("20000-29999", "1-2").replace("side =", "sdie ="))
    assert main(["check", str(file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split(" = ")[0] for line in lines] == [
        "realms.access.sdie",
        "realms.access.side",
        "realms.access.media.ports",
        "realms.core.sdie",
        "realms.core.side",
        "realms.core.media.ports",
    ]
    assert all(line.startswith(f"{file}: ") for line in lines)


def test_check_of_a_file_that_is_not_there_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().out


def test_a_fault_can_be_shown_on_a_terminal_without_its_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sbc.toml"
    file.write_text('"日本" = 1\n', encoding="utf-8")
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert main(["check", str(file)]) == 1
    narrow.flush()
    assert b"\\u65e5\\u672c" in narrow.buffer.read() or b"\\u65e5" in narrow.buffer.getvalue()  # type: ignore[attr-defined]


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sbc {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["check"], ["check", "a", "b"]])
def test_what_is_not_understood_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: sbc" in capsys.readouterr().err


def test_passwd_prints_a_line_of_the_password_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\nanother line\n"))
    assert main(["passwd", "alice"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert Passwords.parse(out.splitlines()).check(b"alice", b"correct horse")


@pytest.mark.parametrize(
    ("user", "typed", "said"),
    [
        ("alice", "brief\n", "the password is too short"),
        ("alice", "", "the password is too short"),
        ("a:b", "correct horse\n", "cannot be a user's name"),
    ],
)
def test_passwd_of_what_will_not_do_prints_no_line(
    user: str, typed: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert main(["passwd", user]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sbc passwd: ") and said in err


@pytest.mark.parametrize(("again", "status"), [("correct horse", 0), ("correct house", 1)])
def test_passwd_asks_twice_at_a_terminal(
    again: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = ["correct horse", again]
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(ctl, "getpass", lambda prompt: answers.pop(0))
    assert main(["passwd", "alice"]) == status
    assert bool(capsys.readouterr().out) is (status == 0)
    assert answers == []


def test_passwd_can_be_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def leave(prompt: str) -> str:
        raise KeyboardInterrupt

    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(ctl, "getpass", leave)
    assert main(["passwd", "alice"]) == 1
    assert capsys.readouterr().err == "sbc passwd: no password\n"
