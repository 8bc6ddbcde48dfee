"""Tokens that nobody outside can guess, and names derived from others so that nobody can reverse them.

Both come from one secret by keyed hashing, so the core needs no source of randomness and a test gets the same tokens
every run.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import blake2b

_OCTETS = 10  # 80 bits: 16 base32 characters, without padding or letter case to lose on the way


class Mint:
    """Makes tokens from a secret (16 to 64 octets from the system's random source, or fixed in tests)."""

    def __init__(self, secret: bytes, run: bytes = b"") -> None:
        """`run` tells the runs of one secret apart, so that the tokens of one are not given again in another."""
        self._count = 0
        self.assume(secret, run)

    def assume(self, secret: bytes, run: bytes) -> None:
        """Take another secret, before the first token is given."""
        if not 16 <= len(secret) <= 64:
            raise ValueError("the secret must be 16 to 64 octets long")
        if self._count:
            raise ValueError("tokens have been given already")
        self._secret, self._run = secret, run

    def token(self) -> bytes:
        """A new token, never given before."""
        self._count += 1
        return self.derive(b"token", self._run, self._count.to_bytes(8, "big"))

    def derive(self, *parts: bytes) -> bytes:
        """The token that stands for `parts`; the same parts always give the same one."""
        digest = blake2b(key=self._secret, digest_size=_OCTETS)
        for part in parts:
            digest.update(len(part).to_bytes(4, "big"))  # so that (a, bc) and (ab, c) differ
            digest.update(part)
        return b32encode(digest.digest()).lower()
