"""The control socket: who may ask, what is no request, how long it may take; and whose socket file is replaced."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet.error import CannotListenError

from sbc.admin import control
from sbc.admin.auditlog import AuditLog
from sbc.admin.clerk import Clerk
from sbc.admin.control import ControlService, listening, look_at_place, user_name
from sbc.config.faults import ConfigError
from sbc.config.values import ControlConfig
from tests.admin.desk import Desk, open_desk, turn


@attrs.define
class Asker:
    """One who asks a desk by its socket."""

    desk: Desk
    path: str
    service: ControlService

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        sock.setblocking(False)
        return sock

    def send(self, data: bytes) -> dict[str, Any]:
        """The answer to some octets."""
        with self.connect() as sock:
            sock.sendall(data)
            return self.heard(sock)

    def heard(self, sock: socket.socket) -> dict[str, Any]:
        got = bytearray()

        def whole() -> bool:
            try:
                while piece := sock.recv(65536):
                    got.extend(piece)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                got.clear()
            return True

        turn(self.desk.reactor, whole, "an answer")
        answer: dict[str, Any] = json.loads(got) if got else {}
        return answer

    def ask(self, *words: str, form: str = "text") -> dict[str, Any]:
        return self.send(json.dumps({"command": words, "form": form}).encode() + b"\n")


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    with open_desk() as desk:
        path = str(tmp_path / "control")
        service = ControlService(desk.reactor, ControlConfig(path), Clerk(desk.console, AuditLog()))
        service.startService()
        yield Asker(desk, path, service)
        service.stopService()
        turn(desk.reactor, lambda: not service._factory.open, "the end of all connections")


def test_a_command_is_answered_as_text_or_json(asker: Asker) -> None:
    id = asker.desk.call()
    text = asker.ask("calls")
    assert text["ok"] and text["answer"].splitlines()[1].startswith(id)
    data = asker.ask("calls", "--limit", "1", form="json")
    assert [row["id"] for row in data["answer"]] == [id]
    assert asker.ask("call", id[:5], form="json")["answer"]["id"] == id
    assert asker.ask("kick", id) == {"ok": True, "answer": f"call {id} is ended"}
    assert asker.ask("call", "nosuch") == {
        "ok": False,
        "error": "no call 'nosuch'; calls('nosuch') looks for it in labels and users",
    }


def test_an_answer_may_be_long(asker: Asker) -> None:
    for number in range(30):
        asker.desk.call(b"long%d" % number)
    assert len(asker.ask("calls", "--limit", "all", form="json")["answer"]) == 30


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b"3\n",
        b"{}\n",
        b'{"command": "calls"}\n',
        b'{"command": []}\n',
        b'{"command": [1]}\n',
        b'{"command": ["calls"], "form": "xml"}\n',
        b'{"command": ["calls"], "form": []}\n',
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
    ],
)
def test_what_is_no_request_is_told_so(asker: Asker, data: bytes) -> None:
    answer = asker.send(data)
    assert answer["ok"] is False and answer["error"].startswith("this is no request: ")


def test_a_request_has_an_end(asker: Asker) -> None:
    assert "at most 65536 octets" in asker.send(b"x" * (control.LONGEST + 1))["error"]


def test_whoever_says_nothing_is_shown_out(asker: Asker) -> None:
    with asker.connect() as sock:
        asker.desk.reactor.iterate(0.01)
        asker.desk.reactor.ahead += control.SECONDS + 1
        assert asker.heard(sock) == {}


def test_only_so_many_at_once(asker: Asker) -> None:
    socks = [asker.connect() for _ in range(control.MOST)]
    for _ in range(5):
        asker.desk.reactor.iterate(0.01)
    assert asker.ask("calls") == {}
    for sock in socks:
        sock.close()
    for _ in range(5):
        asker.desk.reactor.iterate(0.01)
    assert asker.ask("calls")["ok"]


def test_without_descriptors_nobody_is_let_in_for_a_moment_and_then_all_are(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twisted would close a door that raises, and one that is asked again at once would take the whole processor."""
    reactor, tried = asker.desk.reactor, []

    def short(*_: object) -> None:
        tried.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(reactor, "adoptStreamConnection", short)
        with asker.connect() as first, asker.connect():
            turn(reactor, lambda: tried, "an attempt")
            for _ in range(5):
                reactor.iterate(0.01)
            assert len(tried) == 1
            assert asker.heard(first) == {}
    reactor.ahead += control.PAUSE
    assert asker.ask("audit")["ok"]


def test_a_second_request_is_not_heard(asker: Asker) -> None:
    one = json.dumps({"command": ["audit"]}).encode() + b"\n"
    assert asker.send(one + one) == {"ok": True, "answer": "the books balance"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may seem to be another")
def test_only_its_own_user_and_root_may_ask(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "peer", lambda sock: (1, 12345, 12345))
    assert asker.ask("calls")["error"] == "only the SBC's own user and root may ask"


def test_the_file_is_for_its_owner_alone_and_goes_at_the_end(asker: Asker, tmp_path: Path) -> None:
    assert os.stat(asker.path).st_mode & 0o777 == 0o600
    asker.service.stopService()
    assert not os.path.exists(asker.path)


def test_a_live_socket_is_left_alone(asker: Asker) -> None:
    second = ControlService(asker.desk.reactor, ControlConfig(asker.path), Clerk(asker.desk.console, AuditLog()))
    with pytest.raises(CannotListenError, match="another process listens there"):
        second.startService()
    assert asker.ask("audit")["ok"]


def test_what_a_dead_process_has_left_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "control")
    listening(path).close()
    assert os.path.exists(path)
    with listening(path) as again, socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        assert again.getsockname() == path


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_text("precious")
    with pytest.raises(OSError, match="no socket"):
        listening(str(path))
    assert path.read_text() == "precious"


def test_anothers_socket_is_not_taken_away_at_the_end(asker: Asker) -> None:
    os.unlink(asker.path)
    with listening(asker.path):
        asker.service.stopService()
        assert os.path.exists(asker.path)


def test_a_place_that_cannot_be_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    look_at_place(ControlConfig(str(tmp_path / "control")))
    with pytest.raises(ConfigError, match="there is no directory"):
        look_at_place(ControlConfig(str(tmp_path / "none" / "control")))


def test_users_without_a_name_have_a_number() -> None:
    assert user_name(0) == "root"
    assert user_name(3_999_999_999 % 2**31) == f"uid {3_999_999_999 % 2**31}"
