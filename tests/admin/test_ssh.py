"""The SSH server: who gets in and who does not, how often one may try, and what strangers can do: nothing, quietly."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHTransportBase
from twisted.cred.portal import Portal
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from sbc.admin import ssh
from sbc.admin.access import Entrant, KeyChecker, PasswordChecker
from sbc.admin.auditlog import AuditLog
from sbc.admin.clerk import Clerk
from sbc.admin.keys import ALGORITHMS, host_key
from sbc.admin.passwords import password_line
from sbc.admin.prompt import Answer, Heard, Prompt, Terminal
from sbc.admin.sessions import Avatars
from sbc.admin.tables import No, Text
from tests.admin.desk import turn
from tests.admin.ssh_client import Client
from tests.contract.engines import RigReactor

PASSWORD = "correct horse"
LINE = password_line("alice", PASSWORD, 10)
KEY = Key(Ed25519PrivateKey.generate())
EC_KEY = Key(ec.generate_private_key(ec.SECP256R1()))
RSA_KEY = Key(rsa.generate_private_key(65537, 2048))
STRANGE_KEY = Key(Ed25519PrivateKey.generate())


@attrs.define
class Server:
    """A console without an SBC behind it, and all that was logged."""

    reactor: RigReactor
    factory: ssh.ConsoleFactory
    port: Any
    folder: Path
    events: list[LogEvent]
    clients: list[Client] = attrs.field(factory=list)

    def client(self) -> Client:
        """Somebody who has connected."""
        self.clients.append(Client(self.reactor, "127.0.0.1", self.port.getHost().port))
        return self.clients[-1]

    def stranger(self) -> socket.socket:
        """Somebody who does not speak SSH."""
        sock = socket.create_connection(("127.0.0.1", self.port.getHost().port))
        sock.setblocking(False)
        return sock

    def turn(self, until: Callable[[], Any], what: str = "") -> None:
        turn(self.reactor, until, what)

    def audit(self) -> list[str]:
        """What the console's own log says."""
        return [formatEvent(event) for event in self.events if event["log_namespace"] == "sbc.console"]

    def whole_log(self) -> str:
        """All that anybody logged, fields and all."""
        return "\n".join(f"{formatEvent(event)} {event!r}" for event in self.events)


class Echo:
    """A console that answers with what was asked."""

    def answer(self, words: list[str]) -> Text:
        return (No if words[0] == "call" else Text)(f"{' '.join(words)}: {'no' if words[0] == 'call' else 'fine'}")


def counters() -> Text:
    """What the prompt has by the name of a command."""
    return Text("python")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    assert ssh.Logins.passwordDelay >= 1  # seconds before a wrong password is answered
    monkeypatch.setattr(ssh.Logins, "passwordDelay", 0.05)
    keys = tmp_path / "authorized_keys"
    keys.write_bytes(b"\n".join(each.public().toString("OPENSSH", comment=b"anna") for each in (KEY, EC_KEY, RSA_KEY)))
    keys.chmod(0o600)
    passwords = tmp_path / "passwords"
    passwords.write_text(LINE)
    passwords.chmod(0o600)
    reactor = RigReactor()
    reactor.getThreadPool().start()

    def new_terminal(entrant: Entrant, heard: Heard, answer: Answer | None) -> Terminal:
        return Terminal(Prompt, {"who": entrant, "counters": counters}, "welcome", heard, answer)

    console: Any = Echo()
    avatars = Avatars(new_terminal, clerk=Clerk(console, AuditLog()))
    portal = Portal(avatars, [KeyChecker(str(keys)), PasswordChecker(str(passwords), reactor)])
    factory = ssh.ConsoleFactory(reactor, portal, host_key(str(tmp_path / "host_key")))
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    server = Server(reactor, factory, reactor.listenTCP(0, factory, interface="127.0.0.1"), tmp_path, events)
    yield server
    for client in server.clients:
        client.close()
    stopped: list[object] = []
    server.port.stopListening().addBoth(stopped.append)
    turn(reactor, lambda: stopped and not factory.connections, "the end of all connections")
    reactor.getThreadPool().stop()
    reactor.close()
    globalLogPublisher.removeObserver(events.append)


# -- who gets in


@pytest.mark.parametrize("key", [KEY, EC_KEY, RSA_KEY], ids=["ed25519", "ecdsa", "rsa"])
def test_an_authorized_key_opens(server: Server, key: Key) -> None:
    client = server.client().begin()
    algorithm = b"rsa-sha2-256" if key is RSA_KEY else b""
    assert client.by_key(b"anna", key, algorithm, ask_only=True) == "key ok"
    assert client.by_key(b"anna", key, algorithm) == "success"
    shell = client.shell()
    assert "means='key SHA256:" in client.run(shell, "who")


def test_a_password_opens(server: Server) -> None:
    client = server.client().begin()
    assert client.by_password(b"alice", PASSWORD.encode()) == "success"
    assert "Entrant(user='alice', means='password')" in client.run(client.shell(), "who")
    (line,) = [line for line in server.audit() if line.startswith("login")]
    assert line.startswith("login of alice from 127.0.0.1:") and line.endswith(" by password")


def test_after_the_key_is_struck_from_the_file_it_opens_no_more(server: Server) -> None:
    (server.folder / "authorized_keys").write_bytes(EC_KEY.public().toString("OPENSSH"))
    client = server.client().begin()
    assert client.by_key(b"anna", KEY) == "failure"
    assert client.by_key(b"anna", EC_KEY) == "success"


def test_while_a_file_is_wrong_nobody_enters_by_it(server: Server) -> None:
    (server.folder / "passwords").write_text("nonsense")
    client = server.client().begin()
    assert client.by_password(b"alice", PASSWORD.encode()) == "failure"
    assert client.by_password(b"alice", PASSWORD.encode()) == "failure"
    assert len([line for line in server.audit() if "cannot be used, so nobody enters by it: line 1" in line]) == 1
    assert client.by_key(b"anna", KEY) == "success"


# -- who does not


@pytest.mark.parametrize(
    ("user", "password"), [(b"alice", b"wrong"), (b"alice", b""), (b"bob", PASSWORD.encode()), (b"", b"")]
)
def test_a_wrong_user_or_password_is_refused(server: Server, user: bytes, password: bytes) -> None:
    assert server.client().begin().by_password(user, password) == "failure"


def test_a_strange_key_is_refused_when_asked_about_and_when_used(server: Server) -> None:
    client = server.client().begin()
    assert client.by_key(b"anna", STRANGE_KEY, ask_only=True) == "failure"
    assert client.by_key(b"anna", STRANGE_KEY) == "failure"
    assert any("unknown key SHA256:" in line for line in server.audit())


def test_a_signature_of_something_else_is_refused(server: Server) -> None:
    client = server.client().begin()
    assert client.by_key(b"anna", KEY, spoil=True) == "failure"
    assert any("bad signature by key SHA256:" in line for line in server.audit())


def test_a_signature_with_sha1_is_refused(server: Server) -> None:
    assert server.client().begin().by_key(b"anna", RSA_KEY, b"ssh-rsa") == "failure"


@pytest.mark.parametrize("signature", [b"", b"\0", NS(b"ssh-ed25519"), NS(b"ssh-ed25519") + NS(b""), b"\xff" * 40])
def test_a_signature_that_is_none_is_refused(server: Server, signature: bytes) -> None:
    client = server.client().begin()
    data = b"\1" + NS(b"ssh-ed25519") + NS(KEY.public().blob()) + NS(signature)
    assert client.tried(b"anna", b"publickey", data) in ("failure", "key ok")
    assert not hasattr(next(iter(server.factory.connections)), "avatar")


@pytest.mark.parametrize("kind", [b"none", b"keyboard-interactive", b"hostbased", b"\xff{}"])
def test_other_ways_are_none(server: Server, kind: bytes) -> None:
    assert server.client().begin().tried(b"alice", kind) == "failure"


def test_three_failures_are_the_end(server: Server) -> None:
    client = server.client().begin()
    answers = [client.by_password(b"alice", b"wrong") for _ in range(3)]
    assert answers == ["failure", "failure", "lost"]
    assert len([line for line in server.audit() if "refused: wrong user or password" in line]) == 3


def test_asking_for_the_login_again_gives_no_more_tries(server: Server) -> None:
    client = server.client().begin()
    client.by_password(b"alice", b"wrong")
    client.transport.sendPacket(5, NS(b"ssh-userauth"))
    client.turn(lambda: client.lost, "the end")


def test_asking_about_keys_costs_no_try_but_has_an_end(server: Server) -> None:
    client = server.client().begin()
    for _ in range(ssh.MOST_KEYS):
        assert client.by_key(b"anna", STRANGE_KEY, ask_only=True) == "failure"
    answers = [client.by_key(b"anna", STRANGE_KEY, ask_only=True) for _ in range(3)]
    assert answers == ["failure", "failure", "lost"]


def test_many_tries_at_once_are_not_looked_at(server: Server) -> None:
    client = server.client().begin()
    for _ in range(50):
        client.send_try(b"alice", b"password", b"\0" + NS(b"wrong"))
    client.send_try(b"alice", b"password", b"\0" + NS(PASSWORD.encode()))
    client.turn(lambda: client.lost, "the end")
    assert client.answers == []
    server.turn(lambda: any("refused: wrong" in line for line in server.audit()), "the one that was looked at")
    assert len([line for line in server.audit() if "refused" in line]) == 1


def test_a_login_for_another_service_is_the_end(server: Server) -> None:
    client = server.client().begin()
    client.send_try(b"alice", b"password", b"\0" + NS(PASSWORD.encode()), service=b"ssh-userauth")
    client.turn(lambda: client.lost, "the end")
    assert client.answers == []


def test_the_connection_is_not_open_before_the_login(server: Server) -> None:
    client = server.client()
    client.turn(lambda: client.secure, "key exchange")
    client.transport.requestService(client.connection)
    client.turn(lambda: client.lost, "the end")


# -- what is logged


def test_no_password_and_no_key_is_ever_logged(server: Server) -> None:
    client = server.client().begin()
    client.by_password(b"alice", b"a wrong secret")
    client.by_password(b"alice", PASSWORD.encode())
    client.run(client.shell(), "1 + 1")
    early = server.client()
    early.turn(lambda: early.secure, "key exchange")
    early.send_try(b"alice", b"password", b"\0" + NS(b"an early secret"))
    early.turn(lambda: early.lost, "the end")
    log = server.whole_log()
    for secret in (PASSWORD, "a wrong secret", "an early secret", LINE.partition(":")[2]):
        assert secret not in log
    assert "PRIVATE KEY" not in log


def test_who_enters_what_is_typed_and_who_leaves_is_logged(server: Server) -> None:
    client = server.client().begin()
    client.by_key(b"anna", KEY)
    client.run(client.shell(), "6 * 7")
    client.close()
    server.turn(lambda: not server.factory.connections, "the end")
    said = [line for line in server.audit() if "anna" in line]
    assert [line.replace(said[1].split()[2].rstrip(":"), "PEER") for line in said] == [
        said[0].replace(said[1].split()[2].rstrip(":"), "PEER"),
        "anna from PEER: 6 * 7",
        "anna from PEER: 6 * 7: done",
        "anna from PEER has left",
    ]
    assert said[0].startswith("login of anna from 127.0.0.1:") and said[0].endswith(" (anna)")
    typed = next(event for event in server.events if event.get("line") == "6 * 7")
    assert typed["user"] == "anna"


def test_a_long_or_strange_name_is_cut(server: Server) -> None:
    server.client().begin().by_password(b"\xff" + b"x" * 10_000, b"wrong")
    (line,) = [line for line in server.audit() if "refused" in line]
    assert len(line) < 300


def test_a_long_name_that_may_enter_is_cut_too(server: Server) -> None:
    client = server.client().begin()
    client.by_key(b"x" * 10_000, KEY)
    client.run(client.shell(), "1 + 1")
    assert all(len(line) < 300 for line in server.audit())


def test_strangers_cannot_fill_the_log(server: Server) -> None:
    for number in range(500):
        server.factory.tell("knock {number}", number=number)
    assert len([line for line in server.audit() if line.startswith("knock")]) == ssh.LINES_A_SECOND
    server.reactor.ahead += 1
    server.factory.tell("knock")
    assert server.audit()[-1] == f"knock ({500 - ssh.LINES_A_SECOND} lines before this one left out)"


# -- strangers


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n" * 1000,
        b"SSH-1.5-old\r\n",
        b"SSH\r\nSSH-\r\n",
        b"SSH-2.0-x\r\n" + b"\xff" * 64,
        b"SSH-2.0-x\r\n" + struct.pack(">LB", 12, 4) + b"\x14" * 11,
        b"SSH-2.0-x\r\n" + struct.pack(">LB", 12, 4) + b"\x1e" + b"\0" * 10,
        b"SSH-2.0-x\r\n" + struct.pack(">LB", 12, 4) + b"\x32" + b"\0" * 10,
        b"SSH-2.0-x\r\n" + struct.pack(">LB", 12, 250) + b"\x02" * 11,
        b"SSH-2.0-x\r\n" + struct.pack(">LB", 12, 4) + b"\x01" * 11,
        b"SSH-2.0-x\r\n" + struct.pack(">LB", 12, 4) + b"\x07" * 11,
    ],
)
def test_nonsense_ends_the_connection_without_a_traceback(server: Server, data: bytes) -> None:
    sock = server.stranger()
    server.turn(lambda: server.factory.connections, "the connection")
    sock.send(data)
    for _ in range(20):
        server.reactor.iterate(0.01)
    sock.close()
    server.turn(lambda: not server.factory.connections, "the end")
    assert [event for event in server.events if event.get("log_failure") or event["log_level"] >= LogLevel.error] == []


def test_whoever_says_nothing_is_shown_out(server: Server) -> None:
    sock = server.stranger()
    server.turn(lambda: server.factory.strangers, "the connection")
    server.reactor.ahead += ssh.LOGIN_SECONDS - 1
    server.reactor.iterate(0)
    assert server.factory.strangers
    server.reactor.ahead += 2
    server.turn(lambda: not server.factory.connections, "the end")
    assert server.audit()[-1].startswith("no login from 127.0.0.1:")
    sock.close()


def test_whoever_has_entered_may_stay(server: Server) -> None:
    client = server.client().begin()
    client.by_key(b"anna", KEY)
    shell = client.shell()
    server.reactor.ahead += 10 * ssh.LOGIN_SECONDS
    assert client.run(shell, "1 + 1") == "2"
    assert not server.factory.strangers


def test_few_strangers_of_one_host_are_taken_at_once(server: Server) -> None:
    strangers = [server.stranger() for _ in range(ssh.MOST_STRANGERS_OF_HOST + 2)]
    server.turn(lambda: "too many at once" in "".join(server.audit()), "a refusal")
    assert len(server.factory.strangers) == ssh.MOST_STRANGERS_OF_HOST
    strangers[0].close()
    server.turn(lambda: len(server.factory.strangers) < ssh.MOST_STRANGERS_OF_HOST, "room")
    assert server.client().begin().by_key(b"anna", KEY) == "success"
    for sock in strangers:
        sock.close()


def test_few_strangers_are_taken_in_all(server: Server) -> None:
    @attrs.frozen
    class From:
        host: str
        port: int = 1

    made = [server.factory.buildProtocol(From(f"192.0.2.{number}")) for number in range(ssh.MOST_STRANGERS + 3)]
    assert [each is None for each in made] == [False] * ssh.MOST_STRANGERS + [True] * 3
    for each in made[: ssh.MOST_STRANGERS]:
        server.factory.strangers.discard(each)
    more = [server.factory.buildProtocol(From(f"198.51.100.{number}")) for number in range(ssh.MOST_CONNECTIONS)]
    assert sum(each is not None for each in more) == ssh.MOST_CONNECTIONS - ssh.MOST_STRANGERS
    server.factory.connections.clear()
    server.factory.strangers.clear()


# -- algorithms


def test_weak_algorithms_are_not_offered() -> None:
    offered = ssh.ConsoleTransport
    assert set(offered.supportedCiphers) == {b"aes256-ctr", b"aes192-ctr", b"aes128-ctr"}
    assert offered.supportedMACs == [b"hmac-sha2-512", b"hmac-sha2-256"]
    assert b"curve25519-sha256" in offered.supportedKeyExchanges
    assert not [kex for kex in offered.supportedKeyExchanges if b"sha1" in kex or b"group" in kex]
    assert offered.supportedCompressions == [b"none"]
    assert b"hmac-md5" in SSHTransportBase.supportedMACs  # ours is a list of its own


def test_the_signatures_that_are_taken_are_told(server: Server) -> None:
    client = server.client().begin()
    assert client.extensions[b"server-sig-algs"].split(b",") == list(ALGORITHMS)


def test_the_host_key_is_that_of_the_file(server: Server) -> None:
    client = server.client().begin()
    assert client.host_key == host_key(str(server.folder / "host_key")).public().blob()
