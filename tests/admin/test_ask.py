"""`sbc ctl`: what it prints, where it asks, and the status it ends with; and a running SBC that answers it."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from sbc.admin import ask
from sbc.admin.ctl import main
from sbc.core.address import Address
from tests.admin.test_manhole import ENVIRONMENT, NET
from tests.loopback import sbc_on
from tests.sip_messages import invite, plain_answer
from tests.waiting import PATIENCE, until


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
    server.join(PATIENCE)
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
    without = sbc_on("127.0.0")
    config.write_text(without)
    assert main(["ctl", "--config", str(config), "calls"]) == ask.NOBODY
    assert "has no [control]" in capsys.readouterr().err
    config.write_text(without + '[control]\nsocket = "here"\n')
    assert main(["ctl", "--config", str(config), "calls"]) == ask.NOBODY
    assert f"nobody listens at {tmp_path}/here" in capsys.readouterr().err
    config.write_text(
        'wrong = 1\n[control]\nsocket = "there"\n'
    )  # a file that is wrong elsewhere keeps nobody from asking
    assert main(["ctl", "--config", str(config), "reload"]) == ask.NOBODY
    assert f"nobody listens at {tmp_path}/there" in capsys.readouterr().err
    config.write_text("[control]\n")
    assert ask.socket_path(argparse.Namespace(socket=None, config=str(config))) == "/run/sbc/control"
    for text in ("[control", "\xff"):
        config.write_text(text, encoding="latin-1")
        assert main(["ctl", "--config", str(config), "calls"]) == ask.NOBODY
        assert "say --socket" in capsys.readouterr().err


def test_no_command_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl"]) == 2
    assert "which command?" in capsys.readouterr().err


@attrs.frozen
class Running:
    """An SBC that twistd runs, with a control socket, an audit file and metrics."""

    folder: Path
    process: subprocess.Popen[bytes]

    def ctl(self, *words: str) -> tuple[int, str, str]:
        """What the `sbc` program answers, with its status."""
        asked = [str(PROGRAMS / "sbc"), "ctl", "--config", str(self.folder / "sbc.toml"), *words]
        run = subprocess.run(asked, capture_output=True, text=True, env=ENVIRONMENT, timeout=PATIENCE, check=False)
        return run.returncode, run.stdout, run.stderr

    def output(self) -> str:
        return (self.folder / "output").read_text()


PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    tables = f'[control]\nsocket = "ctl"\n[audit]\nfile = "audit"\n[metrics]\nlisten = "{NET}.1:9464"\n'
    (tmp_path / "sbc.toml").write_text(sbc_on(NET) + tables)
    argv = [str(PROGRAMS / "twistd"), "-n", "--pidfile=", "sbc", "--config", str(tmp_path / "sbc.toml")]
    with (tmp_path / "output").open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env=ENVIRONMENT, cwd=tmp_path)
    sbc = Running(tmp_path, process)
    try:
        until(lambda: process.poll() is not None or "control socket" in sbc.output(), "start")
        assert process.poll() is None, sbc.output()
        yield sbc
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE)
    assert status in (0, -signal.SIGTERM)
    assert "Traceback" not in sbc.output()
    assert sbc.ctl("calls")[0] == ask.NOBODY
    assert not (tmp_path / "ctl").exists()


@pytest.mark.slow
def test_a_running_sbc_answers(running: Running) -> None:
    """The real thing: twistd runs an SBC, and the `sbc` program asks it."""
    nosuch = "no call 'nosuch'; calls('nosuch') looks for it in labels and users"
    assert running.ctl("calls") == (0, "no calls\n", "")
    assert running.ctl("audit") == (0, "the books balance\n", "")
    assert [row["name"] for row in json.loads(running.ctl("--json", "realms")[1])] == ["access", "core"]
    assert running.ctl("kick", "nosuch") == (1, "", f"sbc ctl: {nosuch}\n")
    assert running.ctl("nonsense")[0] == 1
    assert "calls [FIND]" in running.ctl("help")[1]
    file = running.folder / "sbc.toml"
    assert running.ctl("reload") == (0, "nothing has changed\n", "")
    file.write_text(file.read_text().replace('side = "core"', 'side = "cor"'))
    status, said, wrong = running.ctl("reload")
    assert (status, said) == (1, "") and 'realms.core.side = "cor"' in wrong
    assert "running" in running.ctl("status")[1]
    assert running.ctl("drain", "60")[0] == running.ctl("undrain")[0] == 0
    records = [json.loads(line) for line in (running.folder / "audit").read_text().splitlines()]
    asked = ["calls", "audit", "realms", "kick nosuch", "kick nosuch", "nonsense", "help"]
    assert [each["command"] for each in records][: len(asked)] == asked
    assert [each["outcome"] for each in records[3:5]] == ["begun", f"refused: {nosuch}"]
    assert all(each["means"] == f"uid {os.geteuid()}" and each["from"].startswith("pid ") for each in records)


@pytest.mark.slow
def test_a_running_sbc_tells_of_a_call_that_failed(running: Running) -> None:
    """A call over real sockets that the softswitch refuses: the first fault, the ladder, and the counters."""
    access, core = (f"{NET}.1", 5060), (f"{NET}.2", 5060)
    with socket.socket(type=socket.SOCK_DGRAM) as phone, socket.socket(type=socket.SOCK_DGRAM) as softswitch:
        phone.bind((f"{NET}.4", 40001))
        softswitch.bind((f"{NET}.3", 5060))
        phone.settimeout(PATIENCE)
        softswitch.settimeout(PATIENCE)
        phone.sendto(invite(Address("192.168.1.10", 5060)), access)
        onward = softswitch.recv(65535)
        while not onward.startswith(b"INVITE "):
            onward = softswitch.recv(65535)
        softswitch.sendto(plain_answer(onward, b"404 Not Found"), core)
        while not phone.recv(65535).startswith(b"SIP/2.0 404"):
            pass
        (call,) = json.loads(running.ctl("--json", "calls")[1])
        why = json.loads(running.ctl("--json", "why", call["id"])[1])
        assert re.fullmatch(
            rf"the softswitch \(core {NET}.3:5060\) answered 404 Not Found \d+ ms after the INVITE", why["verdict"]
        )
        trace = json.loads(running.ctl("trace", call["id"][:6], "--json")[1])
        seen = [(each["way"], each["leg"], each["what"].split(" ")[0]) for each in trace["messages"]]
        assert seen[0] == ("in", 0, "INVITE")
        assert {("out", 1, "INVITE"), ("in", 1, "404"), ("out", 0, "404")} <= set(seen)
        ladder = running.ctl("trace", call["id"], "--full")[1]
        assert "404 Not Found to INVITE" in ladder and "c=IN IP4 192.168.1.10" in ladder
    with urllib.request.urlopen(f"http://{NET}.1:9464/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    assert 'sbc_calls_ended_total{ending="not-found"} 1.0\n' in text
    assert "sbc_calls_opened_total 1.0\n" in text
    assert 'sbc_state{state="running"} 1.0\n' in text
    assert re.search(r"^sbc_event_loop_lag_seconds_count [1-9]", text, re.MULTILINE)
