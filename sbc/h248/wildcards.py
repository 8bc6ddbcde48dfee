"""Binary terminations of which wildcards leave bits open, as their keys tell: ``40000000/1e`` (H.248.1 Annex A.1).

A wildcard says at which bit it begins, and whether it stands for one level of the name or for all below, too. How wide
a level is it does not say: names are provisioned ("hierarchy"), so a path is told (`H248Options.levels`: the bits of
each level, the highest first). Of names of another length, and where nothing was told, all below the first bit is taken
to be open.
"""

from __future__ import annotations

from sbc.core.patterns import ALL, ONE, digit

Levels = tuple[int, ...]
_BELOW, _POSITION = 0x40, 0x3F


def meets(asked: bytes, given: bytes, levels: Levels = ()) -> bool | None:
    """Whether the termination `given` may be the one that was asked for; None where that is no such key."""
    opened = _opened(asked, levels)
    if opened is None:
        return None
    bits, size, open_ = opened
    identifier = given.partition(b"/")[0]
    if len(identifier) != size or not _is_hex(identifier):
        return False
    return not (int(identifier, 16) ^ bits) & ~open_


def standing(key: bytes, levels: Levels = ()) -> bytes:
    """The terminations that a wildcard means, as `Intent.leaves` has them."""
    opened = _opened(key, levels)
    if opened is None:
        return key
    bits, size, open_ = opened
    name = b"".join(digit(bits >> at & 0xF, open_ >> at & 0xF) for at in range(4 * size - 4, -4, -4))
    bare = name.rstrip(ONE)  # what is open at the end, however much, is all that there is
    return name if bare == name else bare + ALL


def _opened(key: bytes, levels: Levels) -> tuple[int, int, int] | None:
    """The bits of an identifier, how many digits it has, and which of the bits are open."""
    identifier, _, fields = key.partition(b"/")
    if not fields or len(fields) & 1 or not _is_hex(identifier) or not _is_hex(fields):
        return None
    open_, size = 0, 4 * len(identifier)
    for field in bytes.fromhex(fields.decode()):
        first = min(field & _POSITION, size - 1)
        below = 0 if field & _BELOW else _below(first, size, levels)
        open_ |= (2 << first) - (1 << below)
    return int(identifier, 16), len(identifier), open_


def _below(first: int, size: int, levels: Levels) -> int:
    """The lowest bit of the level that has the bit `first`; 0 where the levels are not known."""
    if sum(levels) != size:
        return 0
    low = size
    for width in levels:
        low -= width
        if low <= first:
            break
    return low


def _is_hex(digits: bytes) -> bool:
    return bool(digits) and not digits.strip(b"0123456789abcdef")
