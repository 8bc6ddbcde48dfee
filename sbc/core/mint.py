"""Tokens that nobody outside can guess, and names derived from others that nobody can reverse, or nobody but us.

All come from one secret by keyed hashing, so the core needs no source of randomness and a test gets the same tokens
every run.
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterable
from hashlib import blake2b
from hmac import compare_digest

_OCTETS = 10  # 80 bits: 16 base32 characters, without padding or letter case to lose on the way
_SHORT = 10
_BLOCK = 64  # octets, the most that one digest has
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 section 6, in lower case
_PAIRS = [bytes((first, second)) for first in _ALPHABET for second in _ALPHABET]
_HALF = 2 ** (4 * _OCTETS)
_SHIFTS = range(4 * _OCTETS - 10, -1, -10)  # of a half: two letters hold ten bits


class Mint:
    """Makes tokens from a secret (16 to 64 octets from the system's random source, or fixed in tests)."""

    def __init__(self, secret: bytes, run: bytes = b"") -> None:
        """`run` tells the runs of one secret apart, so that the tokens of one are not given again in another."""
        self._count = self._octets = 0
        self._fresh = secret
        self.assume(secret, run)

    def assume(self, secret: bytes, run: bytes) -> None:
        """Take another secret, before the first token is given."""
        if not 16 <= len(secret) <= 64:
            raise ValueError("the secret must be 16 to 64 octets long")
        if self._count:
            raise ValueError("tokens have been given already")
        self._secret, self._run = secret, run
        self._keyed = blake2b(key=secret, digest_size=_OCTETS)  # copies of it cost less than it did

    def token(self) -> bytes:
        """A new token, never given before."""
        return self.derive(*self._anew())

    def short(self) -> str:
        """The beginning of a new token: enough for what only we name, as calls."""
        return self.token()[:_SHORT].decode()

    def number(self) -> int:
        """The number below 2**80 that a new token would be written with."""
        return self.draw(*self._anew())

    def octets(self, count: int) -> bytes:
        """So many octets for a key, never given before. They come from the secret that the mint was made with: from the
        one it has assumed, which is kept somewhere, nobody learns them."""
        self._octets += 1
        parts = b"octets", self._octets.to_bytes(8, "big")
        blocks = (
            blake2b(_told_apart((*parts, at.to_bytes(4, "big"))), key=self._fresh, digest_size=_BLOCK).digest()
            for at in range(-(-count // _BLOCK))
        )
        return b"".join(blocks)[:count]

    def _anew(self) -> tuple[bytes, ...]:
        self._count += 1
        return b"token", self._run, self._count.to_bytes(8, "big")

    def derive(self, *parts: bytes) -> bytes:
        """The token that stands for `parts`; the same parts always give the same one."""
        first, second = divmod(self.draw(*parts), _HALF)  # shorter numbers are shifted faster
        return b"".join([_PAIRS[half >> shift & 1023] for half in (first, second) for shift in _SHIFTS])

    def draw(self, *parts: bytes) -> int:
        """A number below 2**80 that nobody outside can foresee; the same parts always give the same one."""
        keyed = self._keyed.copy()
        keyed.update(_told_apart(parts))
        return int.from_bytes(keyed.digest(), "big")

    def chance(self, *parts: bytes) -> float:
        """As `draw`, from 0 to 1."""
        return (self.draw(*parts) >> 48) / 2**32

    def seal(self, text: bytes, *where: bytes) -> bytes:
        """The token that holds `text` for `where`, unreadable, in the letters of `derive`; always the same one.

        As RFC 5297 has it: a keyed digest of all is checked when the token comes back, and is what the text is hidden
        with. So the token needs no table, and is as long as the text (8 letters for 5 octets) and 16 letters more.
        """
        check = self._digest(_OCTETS, (b"seal", *where, text))
        return b32encode(check + self._veil(check, text)).rstrip(b"=").lower()

    def unseal(self, token: bytes, *where: bytes) -> bytes | None:
        """The text that was sealed as `token` for `where`; None of any other token."""
        try:
            sealed = b32decode(token.upper() + b"=" * (-len(token) % 8))
        except Error:
            return None
        text = self._veil(sealed[:_OCTETS], sealed[_OCTETS:])
        return text if compare_digest(self.seal(text, *where), token) else None

    def _veil(self, check: bytes, text: bytes) -> bytes:
        """`text` in the key stream that belongs to `check`, or out of it."""
        blocks = (self._digest(_BLOCK, (b"veil", check, at.to_bytes(4, "big"))) for at in range(0, len(text), _BLOCK))
        return bytes(one ^ other for one, other in zip(text, b"".join(blocks), strict=False))

    def _digest(self, octets: int, parts: Iterable[bytes]) -> bytes:
        return blake2b(_told_apart(parts), key=self._secret, digest_size=octets).digest()


def _told_apart(parts: Iterable[bytes]) -> bytes:
    """The `parts` as one: (a, bc) is not (ab, c)."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])
