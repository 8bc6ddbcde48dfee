"""The SSH server under the console: few algorithms, few strangers at once, three tries, and nothing but a shell."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from twisted.conch.avatar import ConchUser
from twisted.conch.error import ConchError, IgnoreAuthentication, ValidPublicKey
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSHConnection,
)
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import SSHSession, SSHSessionProcessProtocol, wrapProtocol
from twisted.conch.ssh.transport import (
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    SSHServerTransport,
)
from twisted.conch.ssh.userauth import MSG_USERAUTH_FAILURE, SSHUserAuthServer
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sbc.admin.access import Entrant
from sbc.admin.keys import ALGORITHMS, algorithms_of
from sbc.admin.log import CONSOLE

LOGIN_SECONDS = 30.0
"""How long a stranger may take to log in, from the first packet on."""

MOST_STRANGERS = 10
MOST_STRANGERS_OF_HOST = 3
MOST_CONNECTIONS = 20
"""Connections at once: not yet logged in, those of one host among them, and all."""

MOST_FAILURES = 3
"""Failed logins after which a connection is closed."""

MOST_KEYS = 20
"""Keys a client may ask about, one after the other, before that too counts as a failure each."""

LINES_A_SECOND = 10
"""Lines about strangers that are logged in one second; more are counted."""

_LONGEST_NAME = 64  # characters of what a stranger calls himself that are logged

_audit = Logger(CONSOLE)
_conch = Logger("twisted.conch")  # what conch says in our classes' name stays conch's

NewTerminal = Callable[[Entrant, Callable[[str], None]], Protocol]
"""Makes the terminal protocol of somebody who has entered; it is to tell the callable each line that is typed."""


class ConsoleTransport(SSHServerTransport):
    """One connection. A stranger's nonsense ends it in one line of the log, and never with a traceback."""

    ourVersionString = b"SSH-2.0-sbc"
    supportedCiphers = [c for c in SSHServerTransport.supportedCiphers if c.startswith(b"aes") and c.endswith(b"-ctr")]  # noqa: RUF012 - conch's way, and below
    supportedMACs = [b"hmac-sha2-512", b"hmac-sha2-256"]  # noqa: RUF012
    supportedKeyExchanges = [  # noqa: RUF012
        kex
        for kex in SSHServerTransport.supportedKeyExchanges
        if not kex.endswith(b"-sha1") and b"group-exchange" not in kex
    ]
    supportedCompressions = [b"none"]  # noqa: RUF012 - a stranger's zlib stream could grow a thousandfold

    _log = _conch
    factory: Any
    transport: Any
    host = peer = ""
    _over = False
    _deadline: Any = None

    def connectionMade(self) -> None:
        address = self.transport.getPeer()
        self.peer = f"{address.host}:{address.port}"
        self.transport.setTcpKeepAlive(True)
        self._deadline = self.factory.reactor.callLater(LOGIN_SECONDS, self._too_slow)
        super().connectionMade()

    def entered(self) -> None:
        """The peer is no stranger any more."""
        self._no_deadline()
        self.factory.strangers.discard(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._over = True
        self._no_deadline()
        self.factory.strangers.discard(self)
        self.factory.connections.discard(self)
        entrant = getattr(getattr(self, "avatar", None), "entrant", None)
        if entrant is not None:
            _audit.info("{user} from {peer} has left", user=entrant.user, peer=self.peer)
        super().connectionLost(reason)

    def _too_slow(self) -> None:
        self._deadline = None
        self.factory.tell("no login from {peer} within {seconds:g} s", peer=self.peer, seconds=LOGIN_SECONDS)
        self._over = True
        self.transport.abortConnection()

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        try:
            super().dataReceived(data)
        except Exception as error:  # noqa: BLE001 - conch takes packets apart without asking whether they are whole
            self._over = True
            if hasattr(self, "avatar"):
                _audit.failure("the connection of {peer} failed", peer=self.peer)
            else:
                self.factory.tell("no SSH from {peer}: {error}", peer=self.peer, error=type(error).__name__)
            self.transport.abortConnection()

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """A message too early is the end; conch would log it, and a password may be in it."""
        if self._over:
            return
        if messageNum >= 50 and self.service is None:
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"not yet")
            return
        super().dispatchMessage(messageNum, payload)

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Say good-bye, and hear nothing that was sent before it was heard."""
        self._over = True
        super().sendDisconnect(reason, desc)

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        """Log in, once: a second beginning would forget the failures of the first. What follows needs no request."""
        if self.service is not None or getNS(packet)[0] != Logins.name:
            self.sendDisconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"no such service now")
            return
        super().ssh_SERVICE_REQUEST(packet)

    def sendExtInfo(self, extensions: list[tuple[bytes, bytes]]) -> None:
        """Say which of the client's signatures are taken (RFC 8308). Conch would name those of our own key."""
        super().sendExtInfo([(b"server-sig-algs", b",".join(ALGORITHMS))])

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        """The peer says good-bye, which conch calls an error."""

    def receiveUnimplemented(self, seqnum: int) -> None:
        """The peer does not know one of our messages. Nothing follows from it."""


class Logins(SSHUserAuthServer):
    """The login of one connection (RFC 4252), one try at a time."""

    loginTimeout = LOGIN_SECONDS  # type: ignore[assignment]  # any number will do
    attemptsBeforeDisconnect = MOST_FAILURES - 1  # conch disconnects when there are more
    _log = _conch
    transport: Any
    _asking = False
    _keys_asked = 0

    def serviceStarted(self) -> None:
        self.clock = self.transport.factory.reactor
        super().serviceStarted()

    def ssh_USERAUTH_REQUEST(self, packet: bytes) -> Deferred[Any] | None:
        """One request. Another while it is being thought about would be judged under the wrong name."""
        next_service = getNS(packet, 2)[1]
        if self._asking or next_service != SSHConnection.name:
            self.transport.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"one login at a time, for ssh-connection")
            return None
        self._asking = True
        asked: Deferred[Any] | None = super().ssh_USERAUTH_REQUEST(packet)
        if asked is None:
            self._asking = False
            return None

        def answered(result: Any) -> Any:
            self._asking = False
            return result

        return asked.addBoth(answered)

    def tryAuth(self, kind: bytes, user: bytes, data: bytes) -> Deferred[Any]:
        tried: Deferred[Any] = super().tryAuth(kind, user, data)
        return tried.addErrback(self._refused, kind, user)

    def _refused(self, failure: Failure, kind: bytes, user: bytes) -> Failure:
        if kind != b"none" and not failure.check(IgnoreAuthentication, ValidPublicKey):
            self.transport.factory.tell(
                "login of {user} from {peer} by {kind} refused: {why}",
                user=_name(user),
                peer=self.transport.peer,
                kind=_name(kind),
                why=failure.getErrorMessage() if failure.check(UnauthorizedLogin, ConchError) else "a fault of ours",
            )
        return failure

    def auth_publickey(self, packet: bytes) -> Deferred[Any]:
        """A key, or the question whether one would do. No to a question costs no try: agents hold many keys."""
        algorithm, blob, _ = getNS(packet[1:], 2)
        if algorithm not in ALGORITHMS or len(blob) > 4096:
            refused: Deferred[Any] = fail(UnauthorizedLogin("an algorithm or key that is not taken"))
        else:
            refused = super().auth_publickey(packet)
        return refused if packet[0] else refused.addErrback(self._not_this_key)

    def _not_this_key(self, failure: Failure) -> Failure:
        self._keys_asked += 1
        if not failure.check(UnauthorizedLogin) or self._keys_asked > MOST_KEYS:
            return failure
        self.transport.sendPacket(MSG_USERAUTH_FAILURE, NS(b",".join(self.supportedAuthentications)) + b"\0")
        return Failure(IgnoreAuthentication())


def _name(octets: bytes) -> str:
    text = octets.decode("utf-8", "backslashreplace")
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


class Channels(SSHConnection):
    """What one who has entered may open (RFC 4254): sessions. No forwarding, of ports or anything else."""

    _log = _conch
    transport: Any

    def serviceStarted(self) -> None:
        super().serviceStarted()
        self.transport.entered()
        entrant = self.transport.avatar.entrant
        _audit.info(
            "login of {user} from {peer} by {means}",
            user=entrant.user,
            peer=self.transport.peer,
            means=entrant.means,
        )

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        kind, rest = getNS(packet)
        if kind == b"session":
            super().ssh_CHANNEL_OPEN(packet)
            return
        _asked_for(self.transport, f"a channel {_name(kind)}")
        (theirs,) = struct.unpack(">L", rest[:4])
        refusal = struct.pack(">2L", theirs, OPEN_ADMINISTRATIVELY_PROHIBITED) + NS(b"sessions only") + NS(b"")
        self.transport.sendPacket(MSG_CHANNEL_OPEN_FAILURE, refusal)

    def gotGlobalRequest(self, requestType: bytes, data: bytes) -> int:
        if b"forward" in requestType:
            _asked_for(self.transport, _name(requestType))
        return 0


def _asked_for(transport: Any, what: str) -> None:
    user = transport.avatar.entrant.user
    _audit.warn("{user} from {peer} asked for {what}, refused", user=user, peer=transport.peer, what=what)


class Shell(SSHSession):
    """A session: a shell, with or without a terminal, and nothing else."""

    _log = _conch
    conn: Any
    avatar: Any
    _said_good_bye = False

    def request_shell(self, data: bytes) -> int:
        if self.client is not None:
            return 0
        transport, entrant = self.conn.transport, self.avatar.entrant

        def heard(line: str) -> None:
            _audit.info("{user} from {peer}: {line}", user=entrant.user, peer=transport.peer, line=line)

        terminal = self.avatar.new_terminal(entrant, heard)
        self.client = SSHSessionProcessProtocol(self)
        terminal.makeConnection(self.client)
        self.client.makeConnection(wrapProtocol(terminal))
        return 1

    def request_exec(self, data: bytes) -> int:
        _asked_for(self.conn.transport, f"the command {_name(getNS(data)[0])}")
        return 0

    def request_subsystem(self, data: bytes) -> int:
        _asked_for(self.conn.transport, f"the subsystem {_name(getNS(data)[0])}")
        return 0

    def request_env(self, data: bytes) -> int:
        """The environment is the SBC's."""
        return 0

    def request_pty_req(self, data: bytes) -> int:
        """Every session has a terminal; how large it is, nobody asks."""
        return 1

    def request_window_change(self, data: bytes) -> int:
        return 1

    def eofReceived(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        if self.client is not None and not self._said_good_bye:
            self._said_good_bye = True
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", 0))
        super().loseConnection()


class Avatar(ConchUser):
    """Somebody who has entered."""

    def __init__(self, entrant: Entrant, new_terminal: NewTerminal) -> None:
        super().__init__()
        self.entrant = entrant
        self.new_terminal = new_terminal
        self.channelLookup[b"session"] = Shell


@implementer(IRealm)
class Avatars:
    """Turns whoever a checker lets in into an avatar."""

    def __init__(self, new_terminal: NewTerminal) -> None:
        self._new_terminal = new_terminal

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: object) -> tuple[Any, Avatar, Callable[[], None]]:
        if IConchUser not in interfaces:
            raise NotImplementedError("the console is for SSH")
        return IConchUser, Avatar(avatarId, self._new_terminal), lambda: None


class ConsoleFactory(SSHFactory):
    """Takes connections, as many as there may be at once."""

    noisy = False
    protocol = ConsoleTransport
    services = {Logins.name: Logins, Channels.name: Channels}  # noqa: RUF012 - conch's way
    primes = None  # no group exchange

    def __init__(self, reactor: Any, portal: Portal, key: Key) -> None:
        self.reactor = reactor
        self.portal = portal
        self.publicKeys = {key.sshType(): key.public()}
        self.privateKeys = {key.sshType(): key}
        self.strangers: set[ConsoleTransport] = set()
        self.connections: set[ConsoleTransport] = set()
        self._algorithms = algorithms_of(key)
        self._second = self._said = self._unsaid = 0

    def tell(self, format: str, **fields: Any) -> None:
        """Log what a stranger did, within reason: whoever can connect is not to fill the disk by it."""
        second = int(self.reactor.seconds())
        if second != self._second:
            self._second, self._said = second, 0
        self._said += 1
        if self._said > LINES_A_SECOND:
            self._unsaid += 1
            return
        unsaid, self._unsaid = self._unsaid, 0
        _audit.warn(format + (" ({unsaid} lines before this one left out)" if unsaid else ""), unsaid=unsaid, **fields)

    def buildProtocol(self, addr: Any) -> Any:
        """None, by which Twisted closes the connection, where there are too many."""
        of_host = sum(1 for other in self.strangers if other.host == addr.host)
        if (
            len(self.connections) >= MOST_CONNECTIONS
            or len(self.strangers) >= MOST_STRANGERS
            or of_host >= MOST_STRANGERS_OF_HOST
        ):
            self.tell("connection from {peer} refused: too many at once", peer=f"{addr.host}:{addr.port}")
            return None
        made: Any = Factory.buildProtocol(self, addr)
        made.host = addr.host
        made.supportedPublicKeys = self._algorithms
        self.strangers.add(made)
        self.connections.add(made)
        return made
