"""Binary terminations of which a wildcard leaves bits open, as their keys tell: ``40000000/1e`` (H.248.1 Annex A.1).

How wide a level of the name is nobody but gateway and controller knows. So all below the first bit is taken to be open,
of a wildcard that stands for one level, too.
"""

from __future__ import annotations

_POSITION = 0x3F
_ALL = b"*"


def meets(asked: bytes, given: bytes) -> bool | None:
    """Whether the termination `given` may be the one that was asked for; None where that is no such key."""
    opened = _opened(asked)
    if opened is None:
        return None
    bits, size, open_ = opened
    identifier = given.partition(b"/")[0]
    if len(identifier) != size or not _is_hex(identifier):
        return False
    return int(identifier, 16) >> open_ == bits >> open_


def standing(key: bytes) -> tuple[bytes, ...]:
    """The terminations that a wildcard means, as `Intent.leaves` has them, each up to its first wildcard: several where
    it begins within a digit."""
    opened = _opened(key)
    if opened is None:
        begin, star, _ = key.partition(_ALL)
        return (begin + star,)
    bits, size, open_ = opened
    digits, part = divmod(open_, 4)
    whole = size - digits
    if not part:
        return (_digits(bits >> open_, whole) + _ALL,)
    first = bits >> open_ << part
    tail = _ALL if digits else b""
    return tuple(_digits(first + each, whole) + tail for each in range(1 << part))


def _opened(key: bytes) -> tuple[int, int, int] | None:
    """The bits of an identifier, how many digits it has, and how many bits from the last are open."""
    identifier, _, fields = key.partition(b"/")
    if not fields or len(fields) & 1 or not _is_hex(identifier) or not _is_hex(fields):
        return None
    first = max(each & _POSITION for each in bytes.fromhex(fields.decode()))
    return int(identifier, 16), len(identifier), min(first + 1, 4 * len(identifier))


def _digits(number: int, count: int) -> bytes:
    return b"%0*x" % (count, number) if count else b""


def _is_hex(digits: bytes) -> bool:
    return bool(digits) and not digits.strip(b"0123456789abcdef")
