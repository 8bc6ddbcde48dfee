"""A packet of SRTCP of any number, by `cryptography`: it puts a session of libsrtp where that is to go on."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sbc.core.secured import SUITES, Key

_ENCRYPTING, _AUTHENTICATING, _SALTING = 3, 4, 5  # what session keys of SRTCP are for (RFC 3711 section 4.3.2)
_ENCRYPTED = 1 << 31
_AUTH_KEY = 20  # octets, of HMAC-SHA1 (section 4.2.1)


def empty(key: Key, head: bytes, index: int) -> bytes:
    """The packet whose first eight octets, and only, are `head`, so that nothing in it is encrypted. Without MKI."""
    suite = SUITES[key.suite]
    told = (index | _ENCRYPTED).to_bytes(4, "big")
    if key.suite.startswith("AEAD"):
        salt = int.from_bytes(_session_key(key, _SALTING, suite.salt), "big")
        nonce = (int.from_bytes(head[4:8], "big") << 48 | index) ^ salt  # RFC 7714 section 9.1
        sealing = AESGCM(_session_key(key, _ENCRYPTING, suite.key))
        return head + sealing.encrypt(nonce.to_bytes(12, "big"), b"", head + told) + told
    tag = hmac.new(_session_key(key, _AUTHENTICATING, _AUTH_KEY), head + told, hashlib.sha1).digest()
    return head + told + tag[: suite.rtcp_tag]


def _session_key(key: Key, label: int, size: int) -> bytes:
    """RFC 3711 section 4.3.1, of a key derivation rate of 0; a salt of 12 octets has two of 0 behind it (RFC 7714
    section 11)."""
    suite = SUITES[key.suite]
    salt = int.from_bytes(key.secret[suite.key :].ljust(14, b"\0"), "big")
    counter = ((salt ^ label << 48) << 16).to_bytes(16, "big")
    return Cipher(algorithms.AES(key.secret[: suite.key]), modes.CTR(counter)).encryptor().update(bytes(size))
