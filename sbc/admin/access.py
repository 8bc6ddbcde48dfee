"""Who may enter the console: the files the configuration names, read at the start and again at every login."""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import error as StructError
from typing import Any, TypeVar

import attrs
from twisted.conch.error import ValidPublicKey
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.keys import Key
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ISSHPrivateKey, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

from sbc.admin.keys import Authorized, authorized_keys, fingerprint, host_key
from sbc.admin.log import CONSOLE, NamedLogger
from sbc.admin.passwords import Passwords
from sbc.config.faults import ConfigError, Fault, shown
from sbc.config.schema import ConsoleConfig

_LARGEST = 1_048_576  # octets of a file that are read
_AT_ONCE = 2  # passwords that are checked at the same time; media and signalling want the processor too

T = TypeVar("T")


@attrs.frozen
class Entrant:
    """Somebody who has shown that he may enter: under what name, and by what."""

    user: str
    means: str


def read_access(config: ConsoleConfig, source: str = "") -> Key:
    """Read all files of the console and return the host key, made if there was none. `source`: the configuration file.

    @raises ConfigError with every file that cannot be used, and why.
    """
    faults: list[Fault] = []

    def tried(name: str, path: str, read: Callable[[str], T], allowed: str) -> T | None:
        try:
            return read(path)
        except OSError as error:
            problem = f"cannot be read or made: {error.strerror}"
        except ValueError as error:
            problem = str(error)
        faults.append(Fault(source, f"console.{name}", shown(path), problem, allowed))
        return None

    key = tried("host_key", config.host_key, host_key, "a private SSH key that only the SBC may read, or no file yet")
    if config.authorized_keys is not None:
        allowed = "a file as OpenSSH's authorized_keys, without options, that only its owner may write"
        tried("authorized_keys", config.authorized_keys, read_keys, allowed)
    if config.password_file is not None:
        allowed = "a file of lines USER:BCRYPT-HASH that only its owner may write"
        tried("password_file", config.password_file, read_passwords, allowed)
    if key is None or faults:
        raise ConfigError(faults)
    return key


def read_keys(path: str) -> dict[bytes, Authorized]:
    """The authorized keys in a file. Raises ValueError, with a message fit for a person, and OSError."""
    return authorized_keys(_lines(path))


def read_passwords(path: str) -> Passwords:
    """The passwords in a file. Raises ValueError, with a message fit for a person, and OSError."""
    return Passwords.parse(_lines(path))


def _lines(path: str) -> list[str]:
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o022:
            raise ValueError(f"others may write to it (mode {mode:04o}); chmod go-w it")
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it is longer than {_LARGEST} octets")
    return data.decode("utf-8").split("\n")  # UnicodeDecodeError is a ValueError


class _Files:
    """What both checkers share: the file is read at each login, so that who is struck from it cannot enter any more."""

    _log = NamedLogger(CONSOLE)

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, read: Callable[[str], T]) -> T:
        """@raises UnauthorizedLogin for everybody while the file is wrong, and says why in the log."""
        try:
            return read(self._path)
        except (OSError, ValueError) as error:
            self._log.error("{path} cannot be used, so nobody can enter by it: {error}", path=self._path, error=error)
            raise UnauthorizedLogin("the file cannot be used") from error


@implementer(ICredentialsChecker)
class KeyChecker(_Files):
    """Lets in who has signed with an authorized key. The user's name is as he says; the log holds the key beside it."""

    credentialInterfaces = (ISSHPrivateKey,)

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """@raises ValidPublicKey where an authorized key is only shown, not yet used; @raises UnauthorizedLogin."""
        found = self.read(read_keys).get(credentials.blob)
        if found is None:
            raise UnauthorizedLogin(f"unknown key {fingerprint(credentials.blob)}")
        if not credentials.signature:
            raise ValidPublicKey
        if not _signed(found.key, credentials):
            raise UnauthorizedLogin(f"bad signature by key {fingerprint(credentials.blob)}")
        means = f"key {fingerprint(credentials.blob)}" + (f" ({found.comment})" if found.comment else "")
        return succeed(Entrant(credentials.username.decode("utf-8", "backslashreplace"), means))


def _signed(key: Key, credentials: Any) -> bool:
    try:
        if getNS(credentials.signature)[0] != credentials.algName:
            return False
        return bool(key.verify(credentials.signature, credentials.sigData))
    except (ValueError, TypeError, LookupError, StructError):  # what conch makes of signatures that are none
        return False


@implementer(ICredentialsChecker)
class PasswordChecker(_Files):
    """Lets in who knows the password. The checking is done in threads, for it is slow by design."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, path: str, reactor: Any) -> None:
        super().__init__(path)
        self._reactor = reactor
        self._turns = DeferredSemaphore(_AT_ONCE)

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """@raises UnauthorizedLogin, at once or later."""
        passwords = self.read(read_passwords)
        user: bytes = credentials.username

        def judged(right: bool) -> Entrant:
            if not right:
                raise UnauthorizedLogin("wrong user or password")
            return Entrant(user.decode("utf-8", "backslashreplace"), "password")

        def check() -> Deferred[bool]:
            pool = self._reactor.getThreadPool()
            return deferToThreadPool(self._reactor, pool, passwords.check, user, credentials.password)

        checked: Deferred[bool] = self._turns.run(check)
        return checked.addCallback(judged)
