"""The control socket: answers `sbc ctl`. A UNIX socket, for the SBC's own user and root; see docs/console.rst."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import errno
import json
import os
import pwd
import socket
import stat
import struct
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IReadDescriptor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sbc.admin.auditlog import Operator
from sbc.admin.clerk import Clerk
from sbc.admin.log import CONSOLE
from sbc.admin.tables import No, plain
from sbc.config.faults import ConfigError, Fault, printable
from sbc.config.values import ControlConfig

LONGEST = 65_536
"""Octets of a request."""
SECONDS = 10.0
"""How long a request may take to come, and then its answer to be read."""
LONGEST_READ = 300.0
"""Seconds for which files may be read before a request is answered."""
MOST = 20
"""Connections at once."""
PAUSE = 1.0
"""Seconds for which nobody is let in when there was no descriptor for one."""

_UCRED = struct.Struct("=3i")  # struct ucred of socket(7): pid, uid, gid

_audit = Logger(CONSOLE)


class Request(Protocol):
    """One connection: one request on one line, one answer on another."""

    transport: Any
    factory: ControlFactory

    def __init__(self) -> None:
        self._read = b""
        self._deadline: Any = None
        self._over = self._may = False
        self.operator = Operator("", "", "")

    def connectionMade(self) -> None:
        pid, uid, _ = peer(self.transport.getHandle())
        self.operator = Operator(user_name(uid), f"uid {uid}", f"pid {pid}")
        self._may = uid in (0, os.geteuid())
        self._deadline = self.factory.reactor.callLater(SECONDS, self._too_slow)
        if not self._may:
            _audit.warn("{user} ({means}, {peer}) asked at the control socket, refused", **_told(self.operator))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.open.discard(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        self._read += data
        line, end, _ = self._read.partition(b"\n")
        if len(line) > LONGEST:
            self._say({"ok": False, "error": f"a request has at most {LONGEST} octets"})
        elif end:
            self._take(line)

    def _take(self, line: bytes) -> None:
        self._over = True
        if not self._may:
            self._say({"ok": False, "error": "only the SBC's own user and root may ask"})
            return
        try:
            asked = json.loads(line)
            words, wanted = asked["command"], asked.get("form", "text")
            if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
                raise ValueError("command is a list of words")
            if wanted not in ("text", "json"):
                raise ValueError("form is text or json")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self._say({"ok": False, "error": f"this is no request: {str(error)[:200]}"})
            return
        self._deadline.reset(LONGEST_READ)
        ready = self.factory.clerk.ready(words)
        ready.addCallback(lambda _: self._say(self._answer(words, wanted)))

    def _answer(self, words: list[str], wanted: str) -> dict[str, Any]:
        reply = self.factory.clerk.words(self.operator, words)
        if isinstance(reply.answer, No):
            return {"ok": False, "error": reply.text}
        return {"ok": True, "answer": reply.text if wanted == "text" else plain(reply.answer)}

    def _say(self, answer: dict[str, Any]) -> None:
        """Answer, and leave once that is read."""
        self._over = True
        self._read = b""
        if not self._deadline.active():  # whoever asked has left
            return
        self.transport.write(json.dumps(answer).encode() + b"\n")
        self.transport.loseConnection()
        self._deadline.reset(SECONDS)

    def _too_slow(self) -> None:
        self.transport.abortConnection()


class ControlFactory(Factory):
    """Takes connections, as many as there may be at once."""

    noisy = False

    def __init__(self, reactor: Any, clerk: Clerk) -> None:
        self.reactor = reactor
        self.clerk = clerk
        self.open: set[Request] = set()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self.open) >= MOST:
            return None
        made = Request()
        made.factory = self
        self.open.add(made)
        return made


@implementer(IReadDescriptor)
class Door:
    """Lets connections in at a listening socket. Twisted's own UNIX port would let all the world write to it, and takes
    away whatever stands at its path at the end."""

    def __init__(self, reactor: Any, sock: socket.socket, factory: ControlFactory) -> None:
        self._reactor = reactor
        self._sock = sock
        self._factory = factory
        self._waiting: Any = None
        reactor.addReader(self)

    def fileno(self) -> int:
        """For the reactor."""
        return self._sock.fileno()

    def logPrefix(self) -> str:
        """For the reactor."""
        return "control"

    def doRead(self) -> None:
        """Somebody has come."""
        try:
            accepted, _ = self._sock.accept()
            with accepted:
                accepted.setblocking(False)
                self._reactor.adoptStreamConnection(accepted.fileno(), socket.AF_UNIX, self._factory)
        except BlockingIOError:  # gone again
            return
        except OSError as error:  # we are short of descriptors: the next is let in when there may be some again
            _audit.warn("nobody is let in at the control socket for {pause} s: {error}", pause=PAUSE, error=error)
            self._reactor.removeReader(self)
            self._waiting = self._reactor.callLater(PAUSE, self._reactor.addReader, self)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor will have no more of it."""
        self.close()

    def close(self) -> None:
        """Let nobody in any more."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        self._reactor.removeReader(self)
        self._sock.close()


class ControlService(Service):
    """Listens on the control socket."""

    def __init__(self, reactor: Any, config: ControlConfig, clerk: Clerk) -> None:
        self.setName("control")
        self._reactor = reactor
        self._path = config.socket
        self._factory = ControlFactory(reactor, clerk)
        self._door: Door | None = None
        self._inode: tuple[int, int] | None = None

    def startService(self) -> None:
        """@raises CannotListenError, also where somebody listens there already."""
        super().startService()
        try:
            sock = listening(self._path)
        except OSError as error:
            raise CannotListenError("", self._path, error) from error
        self._door = Door(self._reactor, sock, self._factory)
        there = os.stat(self._path)
        self._inode = (there.st_dev, there.st_ino)
        _audit.info("control socket {path}", path=self._path)

    def stopService(self) -> None:
        super().stopService()
        for request in list(self._factory.open):
            request.transport.abortConnection()
        door, self._door = self._door, None
        if door is not None:
            with suppress(OSError):  # it is gone already, or its directory
                self._remove()
            door.close()

    def _remove(self) -> None:
        """Take the socket file away, unless it is another's by now."""
        there = os.stat(self._path)
        if (there.st_dev, there.st_ino) == self._inode:
            os.unlink(self._path)


def listening(path: str) -> socket.socket:
    """A socket that listens at `path`, for its owner alone; what a dead process has left there is replaced.

    @raises OSError, EADDRINUSE where somebody listens there, EEXIST where something else than a socket is.
    """
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, "there is a file that is no socket", path)
    except FileNotFoundError:
        pass
    else:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
            else:
                raise OSError(errno.EADDRINUSE, "another process listens there")
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        sock.bind(path)
        sock.setblocking(False)
        sock.listen(MOST)
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock


def look_at_place(config: ControlConfig, source: str = "") -> None:
    """See whether the socket could be there, without making it. @raises ConfigError."""
    directory = os.path.dirname(config.socket)
    if not os.path.isdir(directory):
        problem, allowed = f"there is no directory {printable(directory)}", "a path in a directory that is there"
        raise ConfigError([Fault(source, "control.socket", f'"{printable(config.socket)}"', problem, allowed)])


def peer(sock: socket.socket) -> tuple[int, int, int]:
    """Process, user and group at the other end of a UNIX socket, as the kernel knows them."""
    pid, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return pid, uid, gid


def user_name(uid: int) -> str:
    """What a user is called, if he has a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _told(operator: Operator) -> dict[str, str]:
    return {"user": operator.user, "means": operator.means, "peer": operator.where}
