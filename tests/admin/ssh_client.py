"""An SSH client for the console's tests: conch's transport, and a hand on every message above it."""

from __future__ import annotations

import struct
from typing import Any

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.conch.ssh.userauth import MSG_USERAUTH_REQUEST
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from tests.admin.desk import turn
from tests.contract.engines import RigReactor

REPLIES = {51: "failure", 52: "success", 60: "key ok"}


class _Transport(SSHClientTransport):
    client: Client

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Deferred[bool]:
        self.client.host_key = hostKey
        return succeed(True)

    def connectionSecure(self) -> None:
        self.client.secure = True

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.client.lost = True
        super().connectionLost(reason)

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        self.client.good_bye = description

    def ssh_EXT_INFO(self, packet: bytes) -> None:
        super().ssh_EXT_INFO(packet)
        self.client.extensions = dict(self.peerExtensions)


class _Asking(SSHService):
    """The login, each answer kept."""

    name = b"ssh-userauth"

    def __init__(self, client: Client) -> None:
        self._client = client

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        self._client.answers.append(REPLIES[messageNum])


class Channel(SSHChannel):
    """A session. `said` is all its output, `status` its exit status."""

    name = b"session"

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self.said = b""
        self.status: int | None = None
        self.open = self.gone = False
        self.results: list[bool] = []
        self.refusal: Any = None

    def channelOpen(self, specificData: bytes) -> None:
        self.open = True

    def openFailed(self, reason: Any) -> None:
        self.refusal = reason

    def dataReceived(self, data: bytes) -> None:
        self.said += data

    def request_exit_status(self, data: bytes) -> int:
        (self.status,) = struct.unpack(">L", data)
        return 1

    def closed(self) -> None:
        self.gone = True

    def ask(self, kind: bytes, data: bytes = b"") -> None:
        """Request something; `results` will tell whether it was granted."""
        asked = self.conn.sendRequest(self, kind, data, wantReply=1)
        asked.addCallbacks(lambda _: self.results.append(True), lambda _: self.results.append(False))

    def write_line(self, line: str) -> None:
        """Type a line."""
        self.write(line.encode() + b"\r")


class Client:
    """One connection to a console."""

    def __init__(self, reactor: RigReactor, host: str, port: int) -> None:
        self.reactor = reactor
        self.host_key = b""
        self.good_bye: bytes | None = None
        self.secure = self.lost = False
        self.answers: list[str] = []
        self.extensions: dict[bytes, bytes] = {}
        self.transport = _Transport()
        self.transport.client = self
        self.connection = SSHConnection()
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _: self.transport
        self.connector = reactor.connectTCP(host, port, factory)

    def turn(self, until: Any, what: str) -> None:
        turn(self.reactor, until, f"{what}; lost {self.lost}, {self.good_bye!r}, {self.answers}")

    def begin(self) -> Client:
        """Exchange keys and begin to log in."""
        self.turn(lambda: self.secure or self.lost, "key exchange")
        if self.secure:
            self.transport.requestService(_Asking(self))
            self.turn(lambda: self.transport.service is not None or self.lost, "login service")
        return self

    def send_try(self, user: bytes, kind: bytes, data: bytes = b"", service: bytes = b"ssh-connection") -> None:
        """Send one login request."""
        self.transport.sendPacket(MSG_USERAUTH_REQUEST, NS(user) + NS(service) + NS(kind) + data)

    def tried(self, user: bytes, kind: bytes, data: bytes = b"") -> str:
        """Send one login request and return the answer, or "lost"."""
        before = len(self.answers)
        self.send_try(user, kind, data)
        self.turn(lambda: len(self.answers) > before or self.lost, "an answer")
        if len(self.answers) == before:
            return "lost"
        if self.answers[-1] == "success":
            self.transport.setService(self.connection)
        return self.answers[-1]

    def by_password(self, user: bytes, password: bytes) -> str:
        return self.tried(user, b"password", b"\0" + NS(password))

    def by_key(self, user: bytes, key: Key, algorithm: bytes = b"", ask_only: bool = False, spoil: bool = False) -> str:
        """Log in by a key, or only ask whether it would do. `spoil` makes the signature one of something else."""
        algorithm = algorithm or key.supportedSignatureAlgorithms()[0]
        blob = key.public().blob()
        if ask_only:
            return self.tried(user, b"publickey", b"\0" + NS(algorithm) + NS(blob))
        named = NS(user) + NS(b"ssh-connection") + NS(b"publickey") + b"\1" + NS(algorithm) + NS(blob)
        signed = NS(self.transport.sessionID) + bytes([MSG_USERAUTH_REQUEST]) + named
        signature = key.sign(signed + (b"!" if spoil else b""), signatureType=algorithm)
        return self.tried(user, b"publickey", b"\1" + NS(algorithm) + NS(blob) + NS(signature))

    def channel(self, kind: bytes = b"session", data: bytes = b"") -> Channel:
        """Open a channel, or try to."""
        channel = Channel(conn=self.connection)
        channel.name = kind
        self.connection.openChannel(channel, data)
        self.turn(lambda: channel.open or channel.refusal is not None or self.lost, "a channel")
        return channel

    def shell(self) -> Channel:
        """Open a shell and wait for its prompt."""
        channel = self.channel()
        size = struct.pack(">4L", 80, 24, 0, 0)
        channel.ask(b"pty-req", NS(b"xterm") + size + NS(b""))
        channel.ask(b"shell")
        self.turn(lambda: channel.said.endswith(b"sbc> "), "a prompt")
        return channel

    def run(self, channel: Channel, line: str) -> str:
        """Type a line at a shell's prompt and return what it answers."""
        start = len(channel.said)
        channel.write_line(line)
        self.turn(lambda: channel.said[start:].endswith(b"sbc> ") or channel.gone, f"an answer to {line!r}")
        text = channel.said[start:].decode().replace("\r\n", "\n")
        return text.removeprefix(f"{line}\n").removesuffix("sbc> ").removesuffix("\n")

    def close(self) -> None:
        """Leave, and wait until it is so."""
        if not self.lost:
            self.transport.transport.abortConnection()
            self.turn(lambda: self.lost, "the end")


def name_list(payload: bytes) -> list[bytes]:
    """An SSH name-list."""
    return getNS(payload)[0].split(b",")
