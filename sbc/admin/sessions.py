"""What one who has entered the console may do over SSH (RFC 4254): open a shell, or have one command answered."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, cast

from twisted.conch.avatar import ConchUser
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_OPEN_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    SSHConnection,
)
from twisted.conch.ssh.session import SSHSession, SSHSessionProcessProtocol, wrapProtocol
from twisted.cred.portal import IRealm
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from zope.interface import implementer

from sbc.admin.access import Entrant, named
from sbc.admin.auditlog import AuditLog, Operator
from sbc.admin.clerk import Clerk
from sbc.admin.commands import COMMANDS
from sbc.admin.log import CONSOLE, NamedLogger
from sbc.admin.prompt import Answer, Heard

_MOST_EARLY = 4096  # octets typed before there is a shell that are kept

_audit = Logger(CONSOLE)
_conch = NamedLogger("twisted.conch")  # what conch says in our classes' name stays conch's

NewTerminal = Callable[[Entrant, Heard, Answer | None], Protocol]
"""Makes the terminal protocol of somebody who has entered. It is to tell the one each line that is typed, and to have
plain commands answered by the other, if there is one."""


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
        _asked_for(self.transport, f"a channel {named(kind)}")
        (theirs,) = struct.unpack(">L", rest[:4])
        refusal = struct.pack(">2L", theirs, OPEN_ADMINISTRATIVELY_PROHIBITED) + NS(b"sessions only") + NS(b"")
        self.transport.sendPacket(MSG_CHANNEL_OPEN_FAILURE, refusal)

    def gotGlobalRequest(self, requestType: bytes, data: bytes) -> int:
        if b"forward" in requestType:
            _asked_for(self.transport, named(requestType))
        return 0


def _asked_for(transport: Any, what: str) -> None:
    user = transport.avatar.entrant.user
    _audit.warn("{user} from {peer} asked for {what}, refused", user=user, peer=transport.peer, what=what)


class Shell(SSHSession):
    """A session: a shell, with or without a terminal, or one plain command, and nothing else."""

    _log = _conch
    conn: Any
    avatar: Any
    _said_good_bye = _answering = False
    _early = b""

    def dataReceived(self, data: bytes) -> None:
        """Keys. Those that come before there is a shell are kept for it; conch would take them for output."""
        if self._answering:
            return
        if self.client is not None:
            super().dataReceived(data)
        elif len(self._early) + len(data) <= _MOST_EARLY:
            self._early += data

    def request_shell(self, data: bytes) -> int:
        if self.client is not None or self._answering:
            return 0
        operator, clerk = self._operator(), self.avatar.clerk

        def heard(line: str) -> Callable[[str], None]:
            return cast(Callable[[str], None], self.avatar.audit.begin(operator, line))

        def answer(line: str) -> str:
            return cast(str, clerk.line(operator, line).text)

        terminal = self.avatar.new_terminal(self.avatar.entrant, heard, None if clerk is None else answer)
        self.client = SSHSessionProcessProtocol(self)
        terminal.makeConnection(self.client)
        self.client.makeConnection(wrapProtocol(terminal))
        early, self._early = self._early, b""
        terminal.dataReceived(early)
        return 1

    def _operator(self) -> Operator:
        transport, entrant = self.conn.transport, self.avatar.entrant
        return Operator(entrant.user, entrant.means, transport.peer)

    def request_exec(self, data: bytes) -> int:
        """One plain command; its answer, and 0 or 1 as the status. There is no other program to run."""
        line, clerk = getNS(data)[0].decode("utf-8", "backslashreplace"), self.avatar.clerk
        if self.client is not None or self._answering or clerk is None or line.partition(" ")[0] not in COMMANDS:
            _asked_for(self.conn.transport, f"the command {named(getNS(data)[0])}")
            return 0
        self._answering = True
        self.conn.transport.factory.reactor.callLater(0, self._answer, clerk, line)  # when the request is granted
        return 1

    def _answer(self, clerk: Clerk, line: str) -> None:
        if self.localClosed or self.remoteClosed:
            return
        reply = clerk.line(self._operator(), line)
        self.write(f"{reply.text}\n".encode("utf-8", "backslashreplace"))
        self.conn.sendRequest(self, b"exit-status", struct.pack(">L", not reply.ok))
        super().loseConnection()

    def request_subsystem(self, data: bytes) -> int:
        _asked_for(self.conn.transport, f"the subsystem {named(getNS(data)[0])}")
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
        if not self._answering:  # whoever sends a command says at once that he has no more to say
            self.loseConnection()

    def loseConnection(self) -> None:
        if self.client is not None and not self._said_good_bye:
            self._said_good_bye = True
            self.conn.sendRequest(self, b"exit-status", struct.pack(">L", 0))
        super().loseConnection()


class Avatar(ConchUser):
    """Somebody who has entered."""

    def __init__(self, entrant: Entrant, new_terminal: NewTerminal, audit: AuditLog, clerk: Clerk | None) -> None:
        super().__init__()
        self.entrant = entrant
        self.new_terminal = new_terminal
        self.audit = audit
        self.clerk = clerk
        self.channelLookup[b"session"] = Shell


@implementer(IRealm)
class Avatars:
    """Turns whoever a checker lets in into an avatar."""

    def __init__(self, new_terminal: NewTerminal, audit: AuditLog | None = None, clerk: Clerk | None = None) -> None:
        """Without a `clerk` there are no plain commands."""
        self._new_terminal = new_terminal
        self._audit = audit or AuditLog()
        self._clerk = clerk

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: object) -> tuple[Any, Avatar, Callable[[], None]]:
        if IConchUser not in interfaces:
            raise NotImplementedError("the console is for SSH")
        return IConchUser, Avatar(avatarId, self._new_terminal, self._audit, self._clerk), lambda: None
