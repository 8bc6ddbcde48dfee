"""Keys and security of sides for the media tests."""

from __future__ import annotations

import hashlib

from sbc.core.secured import SUITES, Key, SideSecurity

SUITE = "AES_CM_128_HMAC_SHA1_80"


def key(name: str, suite: str = SUITE, mki: bytes = b"") -> Key:
    """A key that is always the same for a name."""
    return Key(suite, hashlib.sha512(name.encode()).digest()[: SUITES[suite].secret], mki)


def security(
    name: str, suite: str = SUITE, mki: bytes = b"", rollover: tuple[tuple[int, ...], ...] = ()
) -> SideSecurity:
    """A side whose peer writes with the key `name`, and reads with `name` and "-ours"."""
    return SideSecurity(key(name, suite, mki), key(f"{name}-ours", suite, mki), rollover=rollover)
