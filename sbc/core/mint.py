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
from typing import Final

_OCTETS: Final = 10  # 80 bits: 16 base32 characters, without padding or letter case to lose on the way
_SHORT: Final = 10
_BLOCK: Final = 64  # octets, the most that one digest has
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 section 6, in lower case
_PAIRS: Final = [bytes((first, second)) for first in _ALPHABET for second in _ALPHABET]
_LENGTHS: Final = [length.to_bytes(4, "big") for length in range(256)]


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
        return _letters(self._drawn(self._anew()))

    def short(self) -> str:
        """The beginning of a new token: enough for what only we name, as calls."""
        return self.token()[:_SHORT].decode()

    def number(self) -> int:
        """The number below 2**80 that a new token would be written with."""
        return int.from_bytes(self._drawn(self._anew()), "big")

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
        return _letters(self._drawn(parts))

    def draw(self, *parts: bytes) -> int:
        """A number below 2**80 that nobody outside can foresee; the same parts always give the same one."""
        return int.from_bytes(self._drawn(parts), "big")

    def _drawn(self, parts: tuple[bytes, ...]) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(_told_apart(parts))
        return keyed.digest()

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
    return b"".join([_length(part) + part for part in parts])


def _length(part: bytes) -> bytes:
    count = len(part)
    return _LENGTHS[count] if count < 256 else count.to_bytes(4, "big")


def _letters(drawn: bytes) -> bytes:
    """Ten octets in base32. Numbers of more than 60 bits are slow to take apart, so each half is by itself."""
    first = drawn[0] << 32 | drawn[1] << 24 | drawn[2] << 16 | drawn[3] << 8 | drawn[4]
    second = drawn[5] << 32 | drawn[6] << 24 | drawn[7] << 16 | drawn[8] << 8 | drawn[9]
    return b"".join(
        (
            _PAIRS[first >> 30],
            _PAIRS[first >> 20 & 1023],
            _PAIRS[first >> 10 & 1023],
            _PAIRS[first & 1023],
            _PAIRS[second >> 30],
            _PAIRS[second >> 20 & 1023],
            _PAIRS[second >> 10 & 1023],
            _PAIRS[second & 1023],
        )
    )
