"""Patterns of names, of which one message may bring many, and each may mean all that a gateway has: they are looked for
together, in one pass over what there is.

In a pattern ALL is whatever comes there, ONE an octet of whatever; octets from `HALF_OPEN` on are hexadecimal digits of
which some bits are open (`digit`), or those octets themselves, should a name have them. No name has the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

ALL, ONE = b"*", b"\0"
HALF_OPEN = 0x80

_DIGITS = [(bits, open_) for open_, bits in product(range(1, 15), range(16)) if not bits & open_]
_OCTETS = {kind: bytes([HALF_OPEN + at]) for at, kind in enumerate(_DIGITS)}
_MEANT = {
    octet: b"[%b%b]" % (b"".join(b"%x" % each for each in range(16) if each & ~open_ == bits), octet)
    for (bits, open_), octet in _OCTETS.items()
}
_WILD = re.compile(rb"[*\x00\x80-\xbf]")


def digit(bits: int, open_: int) -> bytes:
    """What stands in a pattern for a hexadecimal digit with those bits, of which some are open."""
    if not open_:
        return b"%x" % bits
    return ONE if open_ == 0xF else _OCTETS[bits & ~open_, open_]


def is_plain(pattern: bytes) -> bool:
    """Whether it is a name, and means that alone."""
    return _WILD.search(pattern) is None


class Patterns:
    """Several patterns, of which names are to fit one. A name takes time linear in its length for each of them: what
    stands between two stars is looked for from left to right, and never again."""

    __slots__ = ("_any", "_fits")

    def __init__(self, patterns: Iterable[bytes]) -> None:
        kinds = dict.fromkeys(patterns)
        self._any = ALL in kinds
        self._fits = None if self._any else re.compile(b"|".join(map(_expression, kinds)), re.DOTALL).fullmatch

    def fits(self, name: bytes) -> bool:
        """Whether a name is one that they mean."""
        return self._fits is None or self._fits(name) is not None


def _expression(pattern: bytes) -> bytes:
    first, *others = (_stretch(each) for each in pattern.split(ALL))
    if not others:
        return first
    *inner, last = others
    return first + b"".join(b"(?>.*?%b)" % each for each in inner if each) + b".*" + last


def _stretch(plain: bytes) -> bytes:
    """Of a pattern without ALL."""
    return b"".join(_octet(plain[at : at + 1]) for at in range(len(plain)))


def _octet(octet: bytes) -> bytes:
    return b"." if octet == ONE else _MEANT.get(octet) or re.escape(octet)
