"""Bits of aligned PER taken one after the other (ITU-T X.691): numbers, lengths and octets, never beyond the end.

What is fragmented (16384 octets and more, X.691 11.9.3.8) is refused: no signalling has strings so long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.core.message import BadMessage

MOST = 4_096
"""The most elements of all lists in one message."""
DEEPEST = 48
"""How deep sequences, choices and lists may be nested."""
WIDEST = 1_024
"""The most octets of a number or bit string: no key has more, and Python can still show them."""
MOST_ADDITIONS = 64
"""The longest bitmap of extension additions, in bits."""
ADDITIONS = "_additions"
"""In the value of a sequence: how many bits that bitmap has."""
UNKNOWN = "_ext_"
"""In front of the index of an unknown extension addition, or alternative, whose value is its octets."""

Frame = tuple[Any, int, int, int]
"""What a length counts: the frame around it, where the length stands, where its content begins and ends; octets."""
Path = tuple[Any, Any]
"""Names and indices on the way to an element, innermost first: what is around, and a name or index; () at the top."""


class Walk:
    """One reading under way: `pos` and `end` in bits of `data`, `frame` and `path` where it stands.

    `found` is for those who note things (`sbc.h323.spots`); `added` tells of each known extension addition its path
    and name, the bit that says it is there, its octets and the frame around it; `unread` of each unknown addition or
    alternative its path, where its octets begin and end, and their frame; `mark` is an octet that whoever reads
    inside remembers for who reads around it; `strange` tells that something was not understood.
    """

    __slots__ = ("data", "pos", "end", "left", "depth", "frame", "path", "found", "added", "unread", "mark", "strange")

    def __init__(self, data: bytes, start: int, end: int, frame: Any = None, left: int = MOST) -> None:
        self.data = data
        self.pos = start * 8
        self.end = end * 8
        self.left = left
        self.depth = 0
        self.frame: Any = frame  # a Frame, or what counts a length outside PER; None where nothing does
        self.path: Any = ()
        self.found: list[Any] = []
        self.added: list[Any] = []
        self.unread: list[Any] = []
        self.mark = 0
        self.strange = False


Read = Callable[[Walk], Any]


def take(walk: Walk, count: int) -> int:
    """The next `count` bits, as a number."""
    pos = walk.pos
    end = walk.pos = pos + count
    if end > walk.end:
        raise BadMessage("truncated PER")
    return int.from_bytes(walk.data[pos >> 3 : (end + 7) >> 3], "big") >> (-end & 7) & ((1 << count) - 1)


def octets(walk: Walk, count: int) -> bytes:
    """The next `count` octets, from the next boundary on."""
    at = (walk.pos + 7) >> 3
    end = at + count
    walk.pos = end << 3
    if walk.pos > walk.end:
        raise BadMessage("truncated PER")
    return walk.data[at:end]


def length(walk: Walk) -> int:
    """A length without limit, from the next boundary on (X.691, 11.9.3.5)."""
    at = (walk.pos + 7) >> 3
    end = walk.end >> 3
    if at >= end:
        raise BadMessage("truncated PER")
    first = walk.data[at]
    if first < 0x80:
        walk.pos = (at + 1) << 3
        return first
    if first >= 0xC0:
        raise BadMessage("fragmented PER")
    if at + 1 >= end:
        raise BadMessage("truncated PER")
    walk.pos = (at + 2) << 3
    return (first & 0x3F) << 8 | walk.data[at + 1]


def whole_number(low: int, high: int) -> Read:
    """Reader of a number of that range (X.691, 11.5.7)."""
    size = high - low + 1
    if size == 1:
        return lambda walk: low
    if size <= 255:
        bits = (size - 1).bit_length()

        def few(walk: Walk) -> int:
            value = take(walk, bits)
            if value >= size:
                raise BadMessage("number out of range")
            return low + value

        return few
    if size <= 65536:
        count = 1 if size == 256 else 2

        def some(walk: Walk) -> int:
            value = int.from_bytes(octets(walk, count), "big")
            if value >= size:
                raise BadMessage("number out of range")
            return low + value

        return some
    width = (((size - 1).bit_length() + 7) // 8 - 1).bit_length()

    def many(walk: Walk) -> int:
        value = int.from_bytes(octets(walk, take(walk, width) + 1), "big")
        if value >= size:
            raise BadMessage("number out of range")
        return low + value

    return many


def unbounded(walk: Walk) -> int:
    """A number without limits (X.691, 11.8), but for `WIDEST`."""
    return int.from_bytes(_number(walk), "big", signed=True)


def at_least(low: int) -> Read:
    """Reader of a number with no other limit than that (X.691, 11.7), but for `WIDEST`."""
    return lambda walk: low + int.from_bytes(_number(walk), "big")


def _number(walk: Walk) -> bytes:
    count = length(walk)
    if count > WIDEST:
        raise BadMessage("number too large")
    return octets(walk, count)


def small_number(walk: Walk) -> int:
    """A number that is nearly always small (X.691, 11.6): what the index of an extension is."""
    value = take(walk, 7)
    if value >= 64:
        raise BadMessage("extension out of range")
    return value
