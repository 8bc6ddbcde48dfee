"""`sbc ctl`: what it prints, where it asks, and the status it ends with; and a running SBC that answers it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sbc.admin import ask
from sbc.admin.ctl import main
from tests.admin.test_manhole import CONFIG, ENVIRONMENT, host


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[Any]]:
    """Somebody who answers one request so; gives what was asked."""
    asked: list[Any] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        sock, _ = listener.accept()
        with sock, sock.makefile("rb") as lines:
            asked.append(json.loads(lines.readline()))
            sock.sendall(answer)

    server = threading.Thread(target=serve)
    server.start()
    yield asked
    server.join(20)
    listener.close()


def test_the_answer_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(tmp_path / "s", b'{"ok": true, "answer": "no calls"}\n') as asked:
        assert main(["ctl", "--socket", str(tmp_path / "s"), "calls", "--limit", "3"]) == ask.DONE
    assert capsys.readouterr() == ("no calls\n", "")
    assert asked == [{"command": ["calls", "--limit", "3"], "form": "text"}]


@pytest.mark.parametrize("words", [["--json", "calls"], ["calls", "--json"]])
def test_as_json(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with answering(tmp_path / "s", b'{"ok": true, "answer": [{"id": "a"}]}\n') as asked:
        assert main(["ctl", "--socket", str(tmp_path / "s"), *words]) == ask.DONE
    assert json.loads(capsys.readouterr().out) == [{"id": "a"}]
    assert asked == [{"command": ["calls"], "form": "json"}]


def test_no_is_told_and_is_the_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(tmp_path / "s", b'{"ok": false, "error": "no call"}\n'):
        assert main(["ctl", "--socket", str(tmp_path / "s"), "call", "x"]) == ask.NOT_DONE
    assert capsys.readouterr() == ("", "sbc ctl: no call\n")


@pytest.mark.parametrize("answer", [b"", b'{"ok": tr', b"\xff"])
def test_an_answer_cut_short(tmp_path: Path, answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(tmp_path / "s", answer):
        assert main(["ctl", "--socket", str(tmp_path / "s"), "calls"]) == ask.NOBODY
    assert "cut short" in capsys.readouterr().err


def test_nobody_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl", "--socket", str(tmp_path / "s"), "calls"]) == ask.NOBODY
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    assert main(["ctl", "--socket", str(tmp_path / "s"), "calls"]) == ask.NOBODY
    assert capsys.readouterr().err.count("nobody listens at") == 2


def test_whoever_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "s"))
        mute.listen()
        with pytest.raises(ask.Unanswered, match="no answer"):
            ask.ask(str(tmp_path / "s"), {}, 0.05)


def test_the_socket_is_that_of_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "sbc.toml"
    without = CONFIG.format(host="127.0.0.", port=1).partition("[console]")[0]
    config.write_text(without)
    assert main(["ctl", "--config", str(config), "calls"]) == ask.NOBODY
    assert "has no [control]" in capsys.readouterr().err
    config.write_text(without + '[control]\nsocket = "here"\n')
    assert main(["ctl", "--config", str(config), "calls"]) == ask.NOBODY
    assert f"nobody listens at {tmp_path}/here" in capsys.readouterr().err
    config.write_text("[control]\nscoket = 1\n")
    assert main(["ctl", "--config", str(config), "calls"]) == ask.NOBODY
    assert "the configuration cannot be used:\n" in capsys.readouterr().err


def test_no_command_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl"]) == 2
    assert "which command?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_running_sbc_answers(tmp_path: Path) -> None:
    """The real thing: twistd runs an SBC with a control socket and an audit file, and the `sbc` program asks it."""
    config = CONFIG.format(host=host(), port=1).partition("[console]")[0]
    (tmp_path / "sbc.toml").write_text(config + '[control]\nsocket = "ctl"\n[audit]\nfile = "audit"\n')
    output = tmp_path / "output"
    programs = Path(sys.executable).parent
    argv = [str(programs / "twistd"), "-n", "--pidfile=", "sbc", "--config", str(tmp_path / "sbc.toml")]
    with output.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env=ENVIRONMENT, cwd=tmp_path)

    def ctl(*words: str) -> tuple[int, str, str]:
        asked = [str(programs / "sbc"), "ctl", "--config", str(tmp_path / "sbc.toml"), *words]
        run = subprocess.run(asked, capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False)
        return run.returncode, run.stdout, run.stderr

    try:
        end = time.monotonic() + 20
        while "control socket" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        assert ctl("calls") == (0, "no calls\n", "")
        assert ctl("audit") == (0, "the books balance\n", "")
        assert [row["name"] for row in json.loads(ctl("--json", "realms")[1])] == ["access", "core"]
        assert ctl("kick", "nosuch") == (
            1,
            "",
            "sbc ctl: no call 'nosuch'; calls('nosuch') looks for it in labels and users\n",
        )
        assert ctl("nonsense")[0] == 1
        assert "calls [FIND]" in ctl("help")[1]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    assert ctl("calls")[0] == 3
    assert not (tmp_path / "ctl").exists()
    assert "Traceback" not in output.read_text()
    records = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    assert [each["command"] for each in records] == [
        "calls",
        "audit",
        "realms",
        "kick nosuch",
        "kick nosuch",
        "nonsense",
        "help",
    ]
    assert [each["outcome"] for each in records[3:5]] == [
        "begun",
        "refused: no call 'nosuch'; calls('nosuch') looks for it in labels and users",
    ]
    assert all(each["means"] == f"uid {os.geteuid()}" and each["from"].startswith("pid ") for each in records)
