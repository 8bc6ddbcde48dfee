"""The SSH server under the console: few algorithms, few strangers at once, three tries in half a minute."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from twisted.conch.error import ConchError, IgnoreAuthentication, ValidPublicKey
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import (
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    SSHServerTransport,
)
from twisted.conch.ssh.userauth import MSG_USERAUTH_FAILURE, SSHUserAuthServer
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from sbc.admin.access import named
from sbc.admin.keys import ALGORITHMS, algorithms_of
from sbc.admin.log import CONSOLE, NamedLogger
from sbc.admin.sessions import Channels

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

_audit = Logger(CONSOLE)
_conch = NamedLogger("twisted.conch")  # what conch says in our classes' name stays conch's


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
                user=named(user),
                peer=self.transport.peer,
                kind=named(kind),
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
