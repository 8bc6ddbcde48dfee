"""A store whose values nobody reads without the key file: what it keeps of calls holds the keys of their media."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from twisted.logger import Logger
from zope.interface import implementer

from sbc.config.faults import Findings
from sbc.config.owned import Exposed, contents
from sbc.interfaces import ICallStore
from sbc.ledger.writer import Entry

KEY = "store.key_file"
OCTETS = 32
"""Of a key in its file, and of those that are derived of it."""
ALLOWED = (
    f"a file of {OCTETS} random octets that belongs to the SBC's user and nobody else may read; or none: one is made"
)

_VERSION = b"\x01"
_SALT, _NONCE = 16, 12


def take_key(path: str, source: str = "") -> bytes:
    """The key in the file at `path`, which is made where there is none. `source` is the configuration's file. @raises
    ConfigError where it cannot be had, or others may."""
    findings = Findings(source)
    key = b""
    try:
        _make(path)
        key = contents(path, OCTETS, follow=False)
    except OSError as error:
        findings.add(KEY, path, f"cannot be had: {error.strerror or error}", ALLOWED)
    except Exposed as why:
        findings.add(KEY, path, str(why), ALLOWED)
    else:
        if len(key) != OCTETS:
            findings.add(KEY, path, f"has not {OCTETS} octets in it", ALLOWED)
    findings.settle()
    return key


def _make(path: str) -> None:
    """A key of the system's random source, whole and for the owner alone, unless there is a file."""
    if os.path.lexists(path):
        return
    made = f"{path}.new"
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(os.urandom(OCTETS))
        file.flush()
        os.fsync(file.fileno())
    os.rename(made, path)


@implementer(ICallStore)
class SealedStore:
    """What `store` keeps, sealed by AES-256-GCM. Each process seals with a key of its own, derived from `key` and a
    salt that stands with each value, so that no nonce is drawn too often; a value is bound to what it is kept as, and
    is not taken for another. One that cannot be opened is no value. What was written before there was a key is one, and
    sealed at once; where anything is sealed already, somebody without the key has put it there, and it is none."""

    _log = Logger()

    def __init__(self, store: Any, key: bytes) -> None:
        self._store = store
        self._key = key
        self._salt = os.urandom(_SALT)
        self._sealing = AESGCM(self._derived(self._salt))
        self._opening = (b"", self._sealing)  # values of one process mostly come together
        self.name: str = store.name

    @property
    def moved(self) -> str:
        """Where a damaged file was moved to; empty where none was."""
        moved: str = getattr(self._store, "moved", "")
        return moved

    def open(self) -> None:
        """See ICallStore."""
        self._store.open()

    def close(self) -> None:
        """See ICallStore."""
        self._store.close()

    def load(self) -> list[tuple[str, str, bytes]]:
        """See ICallStore."""
        kept = list(self._store.load())
        if not any(value.startswith(_VERSION) for *_, value in kept):
            self.write(Entry((kind, id), value, False) for kind, id, value in kept)
            return kept
        opened = [(kind, id, self._open(kind, id, value)) for kind, id, value in kept]
        found, lost = [(kind, id, value or b"") for kind, id, value in opened], sum(each[2] is None for each in opened)
        if lost:
            said = "the store {name}: {count} values cannot be opened with this key, and are lost"
            self._log.critical(said, name=self.name, count=lost)
        return found

    def write(self, entries: Iterable[Entry]) -> None:
        """See ICallStore."""
        self._store.write(self._sealed(entry) for entry in entries)

    def _sealed(self, entry: Entry) -> Entry:
        return (
            entry
            if entry.record is None
            else entry._replace(record=self._seal(entry.key[0], entry.key[1], entry.record))
        )

    def _seal(self, kind: str, id: str, value: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return _VERSION + self._salt + nonce + self._sealing.encrypt(nonce, value, _as(kind, id))

    def _open(self, kind: str, id: str, value: bytes) -> bytes | None:
        if not value.startswith(_VERSION):
            return None
        salt, nonce, sealed = value[1:17], value[17:29], value[29:]
        if self._opening[0] != salt:
            self._opening = salt, AESGCM(self._derived(salt))
        try:
            return self._opening[1].decrypt(nonce, sealed, _as(kind, id))
        except (InvalidTag, ValueError):
            return None

    def _derived(self, salt: bytes) -> bytes:
        return HKDF(SHA256(), OCTETS, salt, b"sbc store").derive(self._key)


def _as(kind: str, id: str) -> bytes:
    return f"{kind}\0{id}".encode()
