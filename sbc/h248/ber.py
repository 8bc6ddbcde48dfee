"""BER (ITU-T X.690) as a tree over the octets it came in: read once, changed in place, and every length around what has
become longer or shorter mended in the form it was written in.

No types are known here. Bounded: nothing is read twice, nothing is nested deeper than `DEEPEST`, and there are no more
than `MOST` elements.
"""

from __future__ import annotations

from bisect import bisect_left

from sbc.core.message import BadMessage

DEEPEST = 64
"""How deep elements may be nested. A message with signals inside embedded events has some thirty levels."""
MOST = 8_192
"""The most elements in one message."""
CONSTRUCTED = 0x20
SEQUENCE = 0x10
"""The tag of a SEQUENCE, as `Tlv.tag` has it."""
OCTETS = 0x04
_LONG_TAG = 0x1F
_INDEFINITE = 0x80
_MOST_SIZES = 4
"""The most octets a length may have after its first."""


class Tlv:
    """One element.

    `tag` is its first octet without the bit that says whether it is constructed (of a tag with more octets, all of them
    as a number); what it holds stands from `start` to `end`, the whole from `at` to `after`. `parts` are the elements
    inside a constructed one, None in a primitive one. None knows what it is in: there are no circles.
    """

    __slots__ = ("after", "at", "end", "parts", "start", "tag")

    def __init__(self, tag: int, at: int, start: int, end: int, after: int) -> None:
        self.tag = tag
        self.at = at
        self.start = start
        self.end = end
        self.after = after
        self.parts: list[Tlv] | None = None

    def __repr__(self) -> str:
        return f"<Tlv {self.tag:02x} {self.at}:{self.after}>"

    def part(self, number: int) -> Tlv | None:
        """The first part with that context-specific tag."""
        tag = 0x80 | number
        for each in self.parts or ():
            if each.tag == tag:
                return each
        return None


def read(data: bytes) -> Tlv:
    """The one element that `data` is. @raises BadMessage."""
    found = _Reading(data).elements(0, len(data), 0)
    if len(found) != 1:
        raise BadMessage("more than one element" if found else "empty")
    return found[0]


def span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where what the element at `at` holds begins and ends, without a look into it. @raises BadMessage where it does
    not end before `end`, or its tag or length is no plain one: then it has to be read."""
    if at + 2 > end or data[at] & _LONG_TAG == _LONG_TAG:
        raise BadMessage("no plain BER")
    size, start = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count <= _MOST_SIZES:
            raise BadMessage("no plain BER")
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + size > end:
        raise BadMessage("truncated BER")
    return start, start + size


class _Reading:
    """One reading under way: how many more elements there may be."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MOST

    def elements(self, at: int, end: int, depth: int, closed: bool = False) -> list[Tlv]:
        """The elements from `at` on: up to `end`, or, of an indefinite length (`closed`), up to the end-of-contents."""
        data = self.data
        found: list[Tlv] = []
        if depth > DEEPEST:
            raise BadMessage("nested too deep")
        while at < end:
            first, start = data[at], at + 1
            tag = first & ~CONSTRUCTED
            if tag & _LONG_TAG == _LONG_TAG:
                tag, start = self._long_tag(at, end)
            if start >= end:
                raise BadMessage("truncated BER")
            size = data[start]
            start += 1
            if closed and not first and not size:
                return found
            if size >= _INDEFINITE:
                if size == _INDEFINITE:
                    found.append(self._indefinite(first, tag, at, start, end, depth))
                    at = found[-1].after
                    continue
                size, start = self._long_size(size & 0x7F, start, end)
            stop = start + size
            if stop > end:
                raise BadMessage("truncated BER")
            self.left -= 1
            if self.left < 0:
                raise BadMessage("too many elements")
            each = Tlv(tag, at, start, stop, stop)
            if first & CONSTRUCTED:
                each.parts = self.elements(start, stop, depth + 1)
            found.append(each)
            at = stop
        if closed:
            raise BadMessage("truncated BER")
        return found

    def _indefinite(self, first: int, tag: int, at: int, start: int, end: int, depth: int) -> Tlv:
        """An element that ends where its contents say so."""
        if not first & CONSTRUCTED:
            raise BadMessage("primitive element without a length")
        self.left -= 1
        if self.left < 0:
            raise BadMessage("too many elements")
        parts = self.elements(start, end, depth + 1, closed=True)
        stop = parts[-1].after if parts else start
        each = Tlv(tag, at, start, stop, stop + 2)
        each.parts = parts
        return each

    def _long_tag(self, at: int, end: int) -> tuple[int, int]:
        """A tag of several octets, as a number, and where it ends."""
        after = at + 1
        while after < end and after - at < _MOST_SIZES:
            after += 1
            if not self.data[after - 1] & 0x80:
                return int.from_bytes(self.data[at:after], "big") & ~(CONSTRUCTED << 8 * (after - at - 1)), after
        raise BadMessage("malformed tag")

    def _long_size(self, count: int, start: int, end: int) -> tuple[int, int]:
        if count > _MOST_SIZES or start + count > end:
            raise BadMessage("malformed length")
        return int.from_bytes(self.data[start : start + count], "big"), start + count


def octets(data: bytes, tlv: Tlv) -> bytes:
    """What a string holds; of one that came in pieces (X.690, 8.7.3), all of them together."""
    if tlv.parts is None:
        return data[tlv.start : tlv.end]
    return b"".join([octets(data, each) for each in tlv.parts])


def number(data: bytes, tlv: Tlv) -> int:
    """What an INTEGER or ENUMERATED holds that is not negative: some leave out the zero octet that says so. @raises
    BadMessage where it is none, or has more than nine octets."""
    if tlv.parts is not None or not 0 < tlv.end - tlv.start <= 9:
        raise BadMessage("malformed number")
    return int.from_bytes(data[tlv.start : tlv.end], "big")


def size_of(count: int, least: int = 0) -> bytes:
    """A length; in the long form, with so many octets after the first, where it needs them or `least` asks for them."""
    if count < 0x80 and not least:
        return bytes((count,))
    size = max(least, (count.bit_length() + 7) >> 3, 1)
    return bytes((0x80 | size,)) + count.to_bytes(size, "big")


def wrap(tag: int, *contents: bytes) -> bytes:
    """An element: its first octet, as it stands on the wire, and what it holds."""
    content = b"".join(contents)
    return bytes((tag,)) + size_of(len(content)) + content


def whole(value: int) -> bytes:
    """What an INTEGER holds."""
    return value.to_bytes((value.bit_length() >> 3) + 1, "big", signed=True)


class Changes:
    """What is to stand where elements of `data` stood, and what is added to them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._new: dict[Tlv, bytes] = {}
        self._added: dict[Tlv, dict[int, bytes]] = {}  # by the octet in front of which it is put
        self._points: list[int] = []  # where what is changed begins, in order

    def __bool__(self) -> bool:
        return bool(self._new or self._added)

    def replace(self, tlv: Tlv, new: bytes) -> None:
        """Put `new`, which is whole elements or nothing, where an element was; the same again counts for good."""
        self._new[tlv] = new

    def take(self, other: Changes) -> None:
        """Carry out what others have changed in the same octets."""
        self._new.update(other._new)
        for tlv, more in other._added.items():
            where = self._added.setdefault(tlv, {})
            for at, new in more.items():
                where[at] = where.get(at, b"") + new

    def content(self, tlv: Tlv, new: bytes) -> None:
        """Put `new` where what a primitive element held was, or a string in pieces; its length keeps its form."""
        tag = self._data[tlv.at : self._size_at(tlv)]
        if tlv.parts is not None:
            tag = bytes((tag[0] & ~CONSTRUCTED,)) + tag[1:]
        self.replace(tlv, tag + size_of(len(new), self._form(tlv)) + new)

    def add(self, tlv: Tlv, new: bytes, before: Tlv | None = None) -> None:
        """Put an element into a constructed one, in front of one of its parts, or at its end."""
        where = self._added.setdefault(tlv, {})
        at = tlv.end if before is None else before.at
        where[at] = where.get(at, b"") + new

    def apply(self, root: Tlv) -> bytes:
        """The octets of the element `root`, changed."""
        self._points = sorted({each.at for each in (*self._new, *self._added)})
        return self._written(root) if self._points else self._data[root.at : root.after]

    def _touched(self, tlv: Tlv) -> bool:
        """Whether an element, or something inside it, is changed."""
        at = bisect_left(self._points, tlv.at)
        return at < len(self._points) and self._points[at] < tlv.after

    def _written(self, tlv: Tlv) -> bytes:
        new = self._new.get(tlv)
        if new is not None:
            return new
        data = self._data
        pieces: list[bytes] = []
        done = tlv.start
        added = self._added.get(tlv, {})
        for each in tlv.parts or ():
            more, touched = added.get(each.at), self._touched(each)
            if more is not None or touched:
                pieces += (data[done : each.at], more or b"")
                done = each.at
            if touched:
                pieces.append(self._written(each))
                done = each.after
        pieces += (data[done : tlv.end], added.get(tlv.end, b""))
        content = b"".join(pieces)
        size_at = self._size_at(tlv)
        if data[size_at] == _INDEFINITE:
            return data[tlv.at : tlv.start] + content + data[tlv.end : tlv.after]
        return data[tlv.at : size_at] + size_of(len(content), self._form(tlv)) + content

    def _size_at(self, tlv: Tlv) -> int:
        """Where an element's length stands."""
        at = tlv.at + 1
        if self._data[tlv.at] & _LONG_TAG == _LONG_TAG:
            while self._data[at] & 0x80:
                at += 1
            at += 1
        return at

    def _form(self, tlv: Tlv) -> int:
        """How many octets an element's length is to have at least: as many as it has, where it has more than it needs;
        who writes the shortest gets the shortest."""
        at = self._size_at(tlv)
        written = self._data[at : tlv.start]
        return written[0] & 0x7F if written != size_of(tlv.end - tlv.start) else 0
