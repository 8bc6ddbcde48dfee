"""The console as a service: a Python prompt over SSH into the running SBC, with the console's commands."""

# What these classes inherit from Twisted has no annotations, and mypy counts it as their own.
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred

from sbc import __version__
from sbc.admin.access import Entrant, KeyChecker, PasswordChecker, read_access
from sbc.admin.auditlog import AuditLog
from sbc.admin.clerk import Clerk
from sbc.admin.keys import fingerprint
from sbc.admin.log import CONSOLE, NamedLogger
from sbc.admin.prompt import Answer, Heard, Prompt, Terminal
from sbc.admin.sessions import Avatars
from sbc.admin.ssh import ConsoleFactory
from sbc.config.values import ConsoleConfig

GREETING = f"sbc {__version__}: help lists the commands, Ctrl-D leaves"


class ConsoleService(Service):
    """Listens for SSH. `namespace` is what is to be found at the prompt."""

    _log = NamedLogger(CONSOLE)

    def __init__(
        self,
        reactor: Any,
        config: ConsoleConfig,
        namespace: Mapping[str, Any],
        source: str = "",
        audit: AuditLog | None = None,
        clerk: Clerk | None = None,
    ) -> None:
        """`source` is the configuration's file. @raises ConfigError where one of the console's files cannot be used."""
        self.setName("console")
        key = read_access(config, source)
        checkers: list[Any] = []
        if config.authorized_keys is not None:
            checkers.append(KeyChecker(config.authorized_keys))
        if config.password_file is not None:
            checkers.append(PasswordChecker(config.password_file, reactor))

        def new_terminal(entrant: Entrant, heard: Heard, answer: Answer | None) -> Terminal:
            return Terminal(Prompt, namespace, GREETING, heard, answer)

        self._reactor = reactor
        self._listen = config.listen
        self._fingerprint = fingerprint(key.public().blob())
        self._factory = ConsoleFactory(reactor, Portal(Avatars(new_terminal, audit, clerk), checkers), key)
        self._port: Any = None

    def startService(self) -> None:
        """@raises twisted.internet.error.CannotListenError."""
        super().startService()
        host, port = self._listen
        self._port = self._reactor.listenTCP(port, self._factory, backlog=16, interface=host)
        self._log.info(
            "console on {address}, host key {fingerprint}", address=self.address(), fingerprint=self._fingerprint
        )

    def address(self) -> str:
        """Where the console is reached; the port is that really taken, if any would do. Only while it runs."""
        at = self._port.getHost()
        return f"[{at.host}]:{at.port}" if ":" in at.host else f"{at.host}:{at.port}"

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        for connection in list(self._factory.connections):
            connection.transport.abortConnection()
        port, self._port = self._port, None
        stopped: Deferred[None] | None = None if port is None else port.stopListening()
        return stopped
