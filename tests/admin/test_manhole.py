"""The console from outside: an SSH client asks a running SBC about a live call; twistd runs it, and refuses to."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred

from sbc.admin.auditlog import AuditLog
from sbc.admin.clerk import Clerk
from sbc.admin.manhole import ConsoleService
from sbc.admin.passwords import Passwords, password_line
from sbc.config.faults import ConfigError
from sbc.config.values import ConsoleConfig
from sbc.core.address import Address
from tests.admin.desk import Desk, open_desk, turn
from tests.admin.ssh_client import Client
from tests.contract.engines import RigReactor
from tests.loopback import loopback, sbc_on
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
PASSWORD = b"correct horse"
LINE = password_line("alice", PASSWORD.decode(), 10)
KEY = Key(Ed25519PrivateKey.generate())


@pytest.fixture
def files(tmp_path: Path) -> ConsoleConfig:
    keys, passwords = tmp_path / "authorized_keys", tmp_path / "passwords"
    keys.write_bytes(KEY.public().toString("OPENSSH", comment=b"anna"))
    passwords.write_text(LINE)
    for each in (keys, passwords):
        each.chmod(0o600)
    return ConsoleConfig(Address("127.0.0.1", 0), str(tmp_path / "host_key"), str(keys), str(passwords))


@contextmanager
def serving(desk: Desk, config: ConsoleConfig, *clerk: Any) -> Iterator[tuple[ConsoleService, Client]]:
    """The console of a desk, and somebody who has connected to it."""
    service = ConsoleService(desk.reactor, config, desk.console.namespace(), "", *clerk)
    service.startService()
    desk.reactor.getThreadPool().start()
    client = Client(desk.reactor, "127.0.0.1", int(service.address().rpartition(":")[2])).begin()
    try:
        yield service, client
    finally:
        client.close()
        gone: list[object] = []
        stopped = service.stopService()
        if isinstance(stopped, Deferred):
            stopped.addBoth(gone.append)
        turn(desk.reactor, lambda: gone, "the end of the console")
        desk.reactor.getThreadPool().stop()


# -- within this process


def test_an_operator_looks_at_a_live_call(files: ConsoleConfig) -> None:
    with open_desk() as desk:
        call = desk.call()
        desk.talk(call, there=5, back=3)
        desk.register()
        with serving(desk, files) as (_, client):
            assert client.by_key(b"anna", KEY) == "success"
            shell = client.shell()
            assert call in client.run(shell, "calls()")
            assert client.run(shell, "calls('alice')").splitlines()[1].endswith("5/3")
            assert client.run(shell, f"call('{call[:6]}')").startswith(f"call {call}: up, sip, path main\n")
            assert client.run(shell, "call('nosuch')").startswith("no call 'nosuch'")
            assert "alice@sbc.example.com" in client.run(shell, "bindings()")
            assert str(desk.access) in client.run(shell, "realms()")
            assert "50000" in client.run(shell, "streams()")
            assert client.run(shell, "audit()") == "the books balance"
            assert "call-open" in client.run(shell, "counters()")
            assert client.run(shell, "help()").startswith("status ")
            assert client.run(shell, "help(calls)").startswith("calls [FIND] ")
            assert client.run(shell, "[row['state'] for row in calls()]") == "['up']"
            assert "has no input()" in client.run(shell, "input('?')")


def test_an_operator_uses_plain_words(files: ConsoleConfig) -> None:
    with open_desk() as desk:
        call = desk.call()
        audit = AuditLog()
        with serving(desk, files, audit, Clerk(desk.console, audit)) as (_, client):
            assert client.by_key(b"anna", KEY) == "success"
            shell = client.shell()
            assert call in client.run(shell, "calls")
            assert client.run(shell, f"call {call[:6]}").startswith(f"call {call}: up, sip, path main\n")
            assert client.run(shell, "calls --nonsense").startswith("calls has no option '--nonsense'")
            assert client.run(shell, f"kick {call}") == f"call {call} is ended"
            assert client.run(shell, "calls()[0]['state']") == "'closed'"
            one = client.channel()
            one.ask(b"exec", NS(b"audit"))
            client.turn(lambda: one.gone, "the end of the command")
            assert (one.said, one.status) == (b"the books balance\n", 0)


def test_what_goes_wrong_at_the_prompt_leaves_the_calls_alone(files: ConsoleConfig) -> None:
    with open_desk() as desk:
        call = desk.call()
        with serving(desk, files) as (_, client):
            assert client.by_password(b"alice", PASSWORD) == "success"
            shell = client.shell()
            assert "ZeroDivisionError" in client.run(shell, "1 / 0")
            assert "TypeError" in client.run(shell, "calls(1, 2, 3)")
            client.run(shell, "raise SystemExit")
            assert shell.gone
        desk.talk(call, there=2, back=2)
        assert repr(desk.console.audit()) == "the books balance"


def test_calls_go_on_while_a_password_is_checked(files: ConsoleConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def check(self: Passwords, user: bytes, password: bytes) -> bool:
        begun.set()
        assert go_on.wait(PATIENCE)
        return False

    monkeypatch.setattr(Passwords, "check", check)
    with open_desk() as desk, serving(desk, files) as (_, client):
        client.send_try(b"alice", b"password", b"\0\0\0\0\x05wrong")
        turn(desk.reactor, begun.is_set, "the check")
        desk.talk(desk.call(), there=5, back=5)  # on the same reactor
        assert client.answers == []
        go_on.set()
        client.turn(lambda: client.answers, "an answer")
        assert client.answers == ["failure"]


def test_at_the_end_the_port_and_every_connection_are_closed(files: ConsoleConfig) -> None:
    with open_desk() as desk:
        with serving(desk, files) as (service, client):
            assert client.by_key(b"anna", KEY) == "success"
            port = int(service.address().rpartition(":")[2])
        assert client.lost
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))


def test_a_console_that_was_never_started_stops_too(files: ConsoleConfig) -> None:
    reactor = RigReactor()
    assert ConsoleService(reactor, files, {}).stopService() is None
    reactor.close()


def test_an_ipv6_address_is_said_in_brackets(files: ConsoleConfig) -> None:
    reactor = RigReactor()
    service = ConsoleService(reactor, attrs.evolve(files, listen=Address("::1", 0)), {})
    service.startService()
    assert re.fullmatch(r"\[::1\]:\d+", service.address())
    gone: list[object] = []
    stopped = service.stopService()
    assert stopped is not None
    stopped.addBoth(gone.append)
    turn(reactor, lambda: gone, "the end")
    reactor.close()


def test_without_its_files_there_is_no_console(files: ConsoleConfig) -> None:
    with closing(RigReactor()) as reactor, pytest.raises(ConfigError):
        ConsoleService(reactor, attrs.evolve(files, authorized_keys="/nonexistent"), {}, "sbc.toml")


# -- as twistd runs it


CONSOLE = """
[console]
listen = "{listen}"
host_key = "host_key"
authorized_keys = "authorized_keys"
password_file = "passwords"
[log]
file = "sbc.log"
format = "json"
"""
PORT = 2222


NET = loopback("admin")


def twistd(folder: Path, listen: str = f"{NET}.1:{PORT}") -> list[str]:
    (folder / "sbc.toml").write_text(sbc_on(NET) + CONSOLE.format(listen=listen))
    program = Path(sys.executable).with_name("twistd")  # of the environment the tests run in
    return [str(program), "-n", "--pidfile=", "sbc", "--config", str(folder / "sbc.toml")]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.mark.slow
def test_twistd_runs_it(files: ConsoleConfig, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(twistd(tmp_path), stdout=out, stderr=out, env=ENVIRONMENT, cwd=tmp_path)
    reactor = RigReactor()
    client = None
    try:
        until(lambda: process.poll() is not None or "console on" in output.read_text(), "start")
        assert process.poll() is None, output.read_text()
        client = Client(reactor, f"{NET}.1", PORT).begin()
        assert client.by_password(b"alice", b"a wrong secret") == "failure"
        assert client.by_password(b"alice", PASSWORD) == "success"
        shell = client.shell()
        assert client.run(shell, "calls()") == "no calls"
        assert client.run(shell, "audit()") == "the books balance"
        client.run(shell, "exit()")
        client.close()
        client = Client(reactor, f"{NET}.1", PORT).begin()
        assert client.by_key(b"anna", KEY) == "success"
        assert "broken off" in client.run(client.shell(), "import time; time.sleep(60)")
        assert "yes" in client.run(client.shell(), "realms()")
    finally:
        if client is not None:
            client.close()
        reactor.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in (0, -signal.SIGTERM)
    written = (tmp_path / "sbc.log").read_text()
    assert written == output.read_text()  # the same lines there, in the same form
    events = [json.loads(line) for line in written.splitlines()]
    assert {event["level"] for event in events} == {"info", "warn"}
    said = [event["message"] for event in events if event["namespace"] == "sbc.console"]
    assert any(
        re.fullmatch(r"login of alice from \S+ by password refused: wrong user or password", line) for line in said
    )
    assert any(re.fullmatch(r"login of alice from \S+ by password", line) for line in said)
    assert any(re.fullmatch(r"login of anna from \S+ by key SHA256:\S+ \(anna\)", line) for line in said)
    assert any(re.fullmatch(r"alice from \S+: calls\(\)", line) for line in said)
    assert [event["user"] for event in events if event["message"].endswith(": audit()")] == ["alice"]
    for secret in (PASSWORD.decode(), "a wrong secret", LINE.partition(":")[2], "Starting protocol", "starting on"):
        assert secret not in written


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("others may use it (mode 0644); chmod 600 it", "console.host_key"),
        ("is not a loopback address, so others could reach the console", "console.listen"),
        ("cannot be written to: Is a directory", "log.file"),
    ],
)
def test_twistd_says_what_is_wrong_without_a_traceback(
    files: ConsoleConfig, tmp_path: Path, wrong: str, said: str
) -> None:
    if "host_key" in said:
        (tmp_path / "host_key").write_text("x")
        (tmp_path / "host_key").chmod(0o644)
    if "log" in said:
        (tmp_path / "sbc.log").mkdir()
    argv = twistd(tmp_path, listen="192.0.2.1:2222" if "listen" in said else f"{NET}.1:{PORT}")
    run = subprocess.run(
        argv, capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=PATIENCE, check=False
    )
    assert run.returncode == 1
    assert wrong in run.stdout
    assert said in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs OpenSSH's client")
@pytest.mark.parametrize(
    ("words", "typed", "status", "said"),
    [
        ([], b"calls\naudit()\nexit()\n", 0, (b"one@192.168.1.10", b"the books balance")),
        (["calls", "--limit", "1"], b"", 0, (b"one@192.168.1.10",)),
        (["call", "nosuch"], b"", 1, (b"no call 'nosuch'",)),
    ],
)
def test_openssh_gets_in(
    files: ConsoleConfig, tmp_path: Path, words: list[str], typed: bytes, status: int, said: tuple[bytes, ...]
) -> None:
    """OpenSSH's own client, with a key: its algorithms and ours meet; a shell, and a command with its own status."""
    identity = tmp_path / "id"
    identity.write_bytes(KEY.toString("OPENSSH", subtype="v1"))
    identity.chmod(0o600)
    with open_desk() as desk:
        desk.call()
        audit = AuditLog()
        clerk = Clerk(desk.console, audit)
        service = ConsoleService(desk.reactor, files, desk.console.namespace(), "", audit, clerk)
        service.startService()
        port = service.address().rpartition(":")[2]
        options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
        argv = ["ssh", "-F", "none", "-T", "-p", port, "-i", str(identity), *(f"-o{each}" for each in options)]
        process = subprocess.Popen(
            [*argv, "op@127.0.0.1", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(typed)
        process.stdin.flush()
        turn(desk.reactor, lambda: process.poll() is not None, "the end of ssh")
        output, errors = process.communicate()
        gone: list[object] = []
        stopped = service.stopService()
        assert stopped is not None
        stopped.addBoth(gone.append)
        turn(desk.reactor, lambda: gone, "the end of the console")
    assert process.returncode == status, errors
    assert all(each in output for each in said)
