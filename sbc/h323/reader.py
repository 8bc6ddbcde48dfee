"""Reads aligned PER (ITU-T X.691) by a type's table, each type made once into a function; notes where things stand.

The ASN.1 library reads too, but tells no offsets, loses unknown alternatives, and takes five times as long. Values have
its forms: a SEQUENCE is a dict, a CHOICE a pair of name and value, a list a list, OCTET STRING bytes, BIT STRING a pair
of number and size, ENUMERATED and strings str, OBJECT IDENTIFIER a tuple, NULL 0. An unknown extension is ``_ext_N``
with its octets; ``_additions`` says how long a bitmap of additions was where it is not as long as the type's.

Bounded: nothing is read twice, so time and memory go with the message's length, but for lists of what takes no room,
which `sbc.h323.walk.MOST` bounds; nor may types be nested deeper than `DEEPEST`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.core.message import BadMessage
from sbc.h323.types import (
    Bits,
    Boolean,
    Choice,
    Component,
    Enumerated,
    Integer,
    ListOf,
    Node,
    Null,
    ObjectId,
    Octets,
    Opaque,
    Sequence,
    Text,
)
from sbc.h323.walk import (
    ADDITIONS,
    DEEPEST,
    UNKNOWN,
    WIDEST,
    Read,
    Walk,
    at_least,
    length,
    octets,
    small_number,
    take,
    unbounded,
    whole_number,
)

Wrap = Callable[[Node, str, Read], Read]
"""Given a type, the name of the component or alternative that is of it (or empty) and its reader: the reader to use."""


class Compiler:
    """Makes types into readers, each once. `wrap` may put its own around any of them."""

    def __init__(self, wrap: Wrap) -> None:
        self._wrap = wrap
        self._made: dict[int, Read] = {}
        self._kept: list[Node] = []  # so that no two types ever have one id

    def reader(self, node: Node, name: str = "") -> Read:
        """The reader of a type, as the component or alternative called `name`."""
        read = self._made.get(id(node))
        if read is None:
            compound = _COMPOUND.get(type(node))
            if compound is not None:
                cell: list[Read] = []

                def itself(walk: Walk) -> Any:  # what a type that holds itself finds of it
                    return cell[0](walk)

                self._made[id(node)] = itself
                cell.append(read := compound(self, node))
            else:
                read = _SIMPLE[type(node)](node)
            self._made[id(node)] = read
            self._kept.append(node)
        return self._wrap(node, name, read)

    def looks(self, node: Node, read: Read) -> bool:
        """Whether a reader of that type looks at the walk's path: one of plain values does only where it is wrapped."""
        return type(node) in _COMPOUND or read is not self._made[id(node)]


def _null(node: Null) -> Read:
    return lambda walk: 0


def _boolean(node: Boolean) -> Read:
    def boolean(walk: Walk) -> bool:
        pos = walk.pos
        walk.pos = pos + 1
        if pos >= walk.end:
            raise BadMessage("truncated PER")
        return walk.data[pos >> 3] >> (~pos & 7) & 1 == 1

    return boolean


def _integer(node: Integer) -> Read:
    if node.low is None:
        return unbounded
    low = node.low
    if node.high is None:
        return at_least(low)
    inside = whole_number(low, node.high)
    if not node.extensible:
        return inside
    return lambda walk: unbounded(walk) if take(walk, 1) else inside(walk)


def _enumerated(node: Enumerated) -> Read:
    names = node.names
    index = whole_number(0, len(names) - 1)

    def enumerated(walk: Walk) -> str:
        if node.extensible and take(walk, 1):
            walk.strange = True
            return f"{UNKNOWN}{small_number(walk)}"
        return names[index(walk)]

    return enumerated


def _size(low: int, high: int | None) -> Read:
    """Reader of the size of a string or list (X.691, 11.9.4.1)."""
    return length if high is None or high >= 65536 else whole_number(low, high)


def _octets(node: Octets) -> Read:
    low, high = node.low, node.high
    if low == high and high <= 2:
        return lambda walk: take(walk, 8 * low).to_bytes(low, "big")
    if low == high:
        return lambda walk: octets(walk, low)
    if high is None:
        return lambda walk: octets(walk, length(walk))
    size = _size(low, high)

    def some(walk: Walk) -> bytes:
        count = size(walk)
        return octets(walk, count) if count else b""

    return some


def _bits(node: Bits) -> Read:
    size = _size(node.low, node.high)
    aligned = node.high is None or node.high > 16

    def bits(walk: Walk) -> tuple[int, int]:
        count = size(walk)
        if count > 8 * WIDEST:
            raise BadMessage("bit string too long")
        if aligned and count:
            walk.pos = (walk.pos + 7) & ~7
        return take(walk, count), count

    return bits


def _text(node: Text) -> Read:
    size, width, alphabet = _size(node.low, node.high), node.width, node.alphabet
    if not width:
        return lambda walk: octets(walk, length(walk)).decode("latin-1")
    # X.691, 30.5.6 and 30.5.7: where two octets hold the longest, it need not begin at a boundary
    aligned = node.high is None or node.high * width > 16 or (node.high * width == 16 and node.low != node.high)
    known = alphabet or "".join(map(chr, range(16)))

    def text(walk: Walk) -> str:
        count = size(walk)
        if not count:
            return ""
        if aligned:
            walk.pos = (walk.pos + 7) & ~7
            if width == 8:
                return octets(walk, count).decode("latin-1")
            if width == 16:
                return octets(walk, 2 * count).decode("utf-16-be", "surrogatepass")
        value = take(walk, width * count)
        if width > 4:
            return "".join(chr(value >> shift & 0xFF) for shift in range(width * (count - 1), -1, -width))
        mask = (1 << width) - 1
        try:
            return "".join(known[value >> shift & mask] for shift in range(width * (count - 1), -1, -width))
        except IndexError:
            raise BadMessage("character out of range") from None

    return text


def _object_id(node: ObjectId) -> Read:
    def object_id(walk: Walk) -> tuple[int, ...]:
        data = octets(walk, length(walk))
        if not data or data[-1] & 0x80 or len(data) > 64:
            raise BadMessage("malformed object identifier")
        arcs, value = [], 0
        for octet in data:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        top = min(arcs[0] // 40, 2)
        return (top, arcs[0] - 40 * top, *arcs[1:])

    return object_id


def _opaque(node: Opaque) -> Read:
    def opaque(walk: Walk) -> tuple[str, bytes]:
        walk.strange = True
        return ("_unk_004", octets(walk, length(walk)))

    return opaque


def _list(compiler: Compiler, node: ListOf) -> Read:
    size, item = _size(node.low, node.high), compiler.reader(node.item, "")

    def list_of(walk: Walk) -> list[Any]:
        count = size(walk)
        walk.left -= count
        walk.depth += 1
        if walk.left < 0:
            raise BadMessage("too many elements")
        if walk.depth > DEEPEST:
            raise BadMessage("nested too deep")
        around = walk.path
        values = []
        for index in range(count):
            walk.path = (around, index)
            values.append(item(walk))
        walk.path = around
        walk.depth -= 1
        return values

    return list_of


def _choice(compiler: Compiler, node: Choice) -> Read:
    made = [(name, each, compiler.reader(each, name)) for name, each in node.root]
    root = tuple((name, read, compiler.looks(each, read)) for name, each, read in made)
    added = tuple((name, compiler.reader(each, name)) for name, each in node.additions)
    extensible, most = node.extensible, len(root)
    bits = (most - 1).bit_length() + extensible
    sign = 1 << (bits - 1) if extensible else 0
    if most > 255:
        raise ValueError(f"{node.name} has too many alternatives")

    def choice(walk: Walk) -> tuple[str, Any]:
        walk.depth += 1
        if walk.depth > DEEPEST:
            raise BadMessage("nested too deep")
        index = take(walk, bits) if bits else 0
        if index & sign:
            walk.pos -= bits - 1
            index = small_number(walk)
            name, read = added[index] if index < len(added) else (f"{UNKNOWN}{index}", None)
            value = _open(walk, name, read)
        else:
            if index >= most:
                raise BadMessage("no such alternative")
            name, inner, looks = root[index]
            if looks:
                around = walk.path
                walk.path = (around, name)
                value = inner(walk)
                walk.path = around
            else:
                value = inner(walk)
        walk.depth -= 1
        return name, value

    return choice


def _open(walk: Walk, name: str, read: Read | None) -> Any:
    """What an open type holds (X.691, 11.2): its length, then its own encoding, which begins at an octet."""
    at = (walk.pos + 7) >> 3
    count = length(walk)
    start = walk.pos >> 3
    end = start + count
    outer = walk.end
    if end << 3 > outer:
        raise BadMessage("truncated PER")
    if read is None:
        walk.pos = end << 3
        walk.strange = True
        walk.unread.append(((walk.path, name), start, end, (walk.frame, at, start, end)))
        return walk.data[start:end]
    frame, path = walk.frame, walk.path
    walk.frame, walk.path, walk.end = (frame, at, start, end), (path, name), end << 3
    value = read(walk)
    if (walk.pos + 7) >> 3 < end and not (walk.pos >> 3 == start and count == 1):
        walk.strange = True  # it has grown since
    walk.frame, walk.path, walk.end, walk.pos = frame, path, outer, end << 3
    return value


def _sequence(compiler: Compiler, node: Sequence) -> Read:
    order = [component.name for component in node.root if component.optional]
    bits = len(order) + node.extensible
    extended = 1 << (bits - 1) if node.extensible else 0
    masks = {name: 1 << (len(order) - 1 - place) for place, name in enumerate(order)}
    made = [(component, compiler.reader(component.node, component.name)) for component in node.root]
    root = tuple((each.name, masks.get(each.name, 0), read, compiler.looks(each.node, read)) for each, read in made)
    additions = tuple(_addition(compiler, component) for component in node.additions)

    def sequence(walk: Walk) -> dict[str, Any]:
        walk.depth += 1
        if walk.depth > DEEPEST:
            raise BadMessage("nested too deep")
        present = take(walk, bits) if bits else 0
        value = {}
        around = walk.path
        for name, mask, read, looks in root:
            if not mask or present & mask:
                if looks:
                    walk.path = (around, name)
                value[name] = read(walk)
        walk.path = around
        if present & extended:
            _additions(walk, additions, value)
        walk.depth -= 1
        return value

    return sequence


def _addition(compiler: Compiler, component: Component) -> tuple[str, Read]:
    return component.name, compiler.reader(component.node, component.name)


def _additions(walk: Walk, known: tuple[tuple[str, Read], ...], value: dict[str, Any]) -> None:
    """The extension additions of a sequence (X.691, 19.7 to 19.9)."""
    count = small_number(walk) + 1
    first = walk.pos
    bitmap = take(walk, count)
    if count != len(known):
        value[ADDITIONS] = count
    for index in range(count):
        if bitmap >> (count - 1 - index) & 1:
            if index < len(known):
                name, read = known[index]
                at = (walk.pos + 7) >> 3
                value[name] = _open(walk, name, read)
                walk.added.append((walk.path, name, first + index, at, walk.pos >> 3, walk.frame))
            else:
                name = f"{UNKNOWN}{index}"
                value[name] = _open(walk, name, None)


_SIMPLE: dict[type[Node], Callable[[Any], Read]] = {
    Null: _null,
    Boolean: _boolean,
    Integer: _integer,
    Enumerated: _enumerated,
    Octets: _octets,
    Bits: _bits,
    Text: _text,
    ObjectId: _object_id,
    Opaque: _opaque,
}
_COMPOUND: dict[type[Node], Callable[[Compiler, Any], Read]] = {ListOf: _list, Choice: _choice, Sequence: _sequence}
