"""Who may enter the console: the files the configuration names, read at the start and again at every login."""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import error as StructError
from typing import Any, Generic, TypeVar

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
from sbc.config.faults import ConfigError, Fault, printable
from sbc.config.values import ConsoleConfig

_LARGEST = 1_048_576  # octets of a file that are read
_LONGEST_NAME = 64  # characters of what a peer calls himself, or something, that are logged
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
        faults.append(Fault(source, f"console.{name}", f'"{printable(path)}"', problem, allowed))
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


def named(octets: bytes) -> str:
    """A name that a peer made up, fit for the log."""
    text = octets.decode("utf-8", "backslashreplace")
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


class _File(Generic[T]):
    """What both checkers share: a file that is read again once it has changed, so who is struck from it stays out."""

    _log = NamedLogger(CONSOLE)

    def __init__(self, path: str, read: Callable[[str], T]) -> None:
        self._path = path
        self._read = read
        self._seen: tuple[int, ...] = ()
        self._content: T | None = None
        self._why = ""

    def content(self) -> T:
        """@raises UnauthorizedLogin for everybody while the file is wrong, and says why in the log, once."""
        try:
            now = os.stat(self._path)
            seen = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
            if self._content is None or seen != self._seen:
                self._content = None
                self._content, self._seen = self._read(self._path), seen
        except (OSError, ValueError) as error:
            if self._why != str(error):
                self._why = str(error)
                self._log.error("{path} cannot be used, so nobody enters by it: {why}", path=self._path, why=self._why)
            raise UnauthorizedLogin("the file cannot be used") from error
        self._why = ""
        return self._content


@implementer(ICredentialsChecker)
class KeyChecker:
    """Lets in who has signed with an authorized key. The user's name is as he says; the log holds the key beside it."""

    credentialInterfaces = (ISSHPrivateKey,)

    def __init__(self, path: str) -> None:
        self._file = _File(path, read_keys)

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """@raises ValidPublicKey where an authorized key is only shown, not yet used; @raises UnauthorizedLogin."""
        found = self._file.content().get(credentials.blob)
        if found is None:
            raise UnauthorizedLogin(f"unknown key {fingerprint(credentials.blob)}")
        if not credentials.signature:
            raise ValidPublicKey
        if not _signed(found.key, credentials):
            raise UnauthorizedLogin(f"bad signature by key {fingerprint(credentials.blob)}")
        means = f"key {fingerprint(credentials.blob)}" + (f" ({found.comment})" if found.comment else "")
        return succeed(Entrant(named(credentials.username), means))


def _signed(key: Key, credentials: Any) -> bool:
    try:
        if getNS(credentials.signature)[0] != credentials.algName:
            return False
        return bool(key.verify(credentials.signature, credentials.sigData))
    except (ValueError, TypeError, LookupError, StructError):  # what conch makes of signatures that are none
        return False


@implementer(ICredentialsChecker)
class PasswordChecker:
    """Lets in who knows the password. The checking is done in threads, for it is slow by design."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, path: str, reactor: Any) -> None:
        self._file = _File(path, read_passwords)
        self._reactor = reactor
        self._turns = DeferredSemaphore(_AT_ONCE)

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """@raises UnauthorizedLogin, at once or later."""
        passwords = self._file.content()
        user: bytes = credentials.username

        def judged(right: bool) -> Entrant:
            if not right:
                raise UnauthorizedLogin("wrong user or password")
            return Entrant(named(user), "password")

        def check() -> Deferred[bool]:
            pool = self._reactor.getThreadPool()
            return deferToThreadPool(self._reactor, pool, passwords.check, user, credentials.password)

        checked: Deferred[bool] = self._turns.run(check)
        return checked.addCallback(judged)
