"""The console's SSH keys: its own host key, made at the first start, and the keys of those who may enter."""

from __future__ import annotations

import os
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from hashlib import sha256
from struct import error as StructError

import attrs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, Key

from sbc.config.owned import contents

ALGORITHMS = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"rsa-sha2-512",
    b"rsa-sha2-256",
)
"""The signatures that are made and taken (RFC 8709, 5656, 8332): none with SHA-1, so neither ssh-rsa nor ssh-dss."""

_TYPES = frozenset(algorithm for algorithm in ALGORITHMS if not algorithm.startswith(b"rsa")) | {b"ssh-rsa"}
_RSA_BITS = 2048
_LONGEST = 65_536  # octets of a key's file


def fingerprint(blob: bytes) -> str:
    """What `ssh-keygen -l` shows of a public key."""
    return "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")


# -- our own


def host_key(path: str) -> Key:
    """The key in the file `path`, which is made, with a new Ed25519 key, if it is not there.

    Raises OSError, and ValueError with a message fit for a person for a file that holds no key or that others may read.
    """
    try:
        data = contents(path, _LONGEST)
    except FileNotFoundError:
        return _new_key(path)
    try:
        key: Key = Key.fromString(data)
    except EncryptedKeyError:
        raise ValueError("it is encrypted, and nobody is there to give a passphrase") from None
    except (BadKeyError, UnsupportedAlgorithm, ValueError, LookupError, StructError):
        raise ValueError("it holds no private key that can be read") from None
    if key.isPublic() or not algorithms_of(key):
        raise ValueError("it holds no private Ed25519, ECDSA or RSA key")
    return key


def _new_key(path: str) -> Key:
    key = Key(Ed25519PrivateKey.generate())
    draft = f"{path}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.toString("OPENSSH", subtype="v1", comment=b"sbc console"))
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)  # unlike a rename never over a key that has come meanwhile
    finally:
        os.unlink(draft)
    return key


def algorithms_of(key: Key) -> list[bytes]:
    """The signatures that `key` can make and that are good enough, best first."""
    return [algorithm for algorithm in ALGORITHMS if algorithm in key.supportedSignatureAlgorithms()]


# -- theirs


@attrs.frozen
class Authorized:
    """A key by which one may enter."""

    key: Key
    comment: str


def authorized_keys(lines: Iterable[str]) -> dict[bytes, Authorized]:
    """The keys in the lines of an OpenSSH authorized_keys file (sshd(8)), by their blobs.

    Raises ValueError with the number of the first line that is wrong. One with options is: they would forbid something
    and nobody would heed them.
    """
    keys: dict[bytes, Authorized] = {}
    for number, line in enumerate(lines, 1):
        words = line.split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        if words[0].encode() not in _TYPES:
            raise ValueError(f"line {number} does not begin with one of the key types {_types()}")
        try:
            blob = a2b_base64(words[1], strict_mode=True)
            key = Key.fromString(blob, type="BLOB")
            if getNS(blob)[0].decode("ascii") != words[0]:
                raise ValueError("another type of key")
        except (BadKeyError, UnsupportedAlgorithm, Base64Error, ValueError, LookupError, StructError):
            raise ValueError(f"line {number} holds no {words[0]} key that can be read") from None
        if key.type() == "RSA" and key.size() < _RSA_BITS:
            raise ValueError(f"line {number} holds an RSA key of {key.size()} bits, fewer than {_RSA_BITS}")
        keys[blob] = Authorized(key, words[2].strip() if len(words) > 2 else "")
    return keys


def _types() -> str:
    return ", ".join(sorted(each.decode() for each in _TYPES))
