"""XML in bodies, read only so far as finding addresses in it needs.

No entity is expanded, nothing is built of what nests, and what holds more than any such body needs is refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sbc.core.address import Address
from sbc.core.message import BadMessage, Place, Role, Slot
from sbc.text.literals import Literal, literals

MAX_SIZE = 32_768
MAX_DEPTH = 16
MAX_ELEMENTS = 1_000
MAX_ADDRESSES = 500

_ESCAPED = (b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&")
"""The reference to what all references begin with is read last, and written first."""
Span = tuple[int, int]

_QUOTED = rb"\"[^\"<]*+\"|'[^'<]*+'"
_START = re.compile(rb"<([A-Za-z_][\w.:-]*+)((?>(?:[^<>\"']++|" + _QUOTED + rb")*))>", re.DOTALL)
_END = re.compile(rb"</[A-Za-z_][\w.:-]*+\s*+>")
_ASIDE = (b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")
_ATTRIBUTE = re.compile(rb"\s([A-Za-z_][\w.:-]*+)\s*+=\s*+(" + _QUOTED + rb")")
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]++)|([0-9]++));")
_PLAIN = frozenset(b"0123456789ABCDEFabcdef.:[]@%")
"""What addresses are written with. Nobody has to write it as a reference, and who does hides something."""
_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*+=\s*+[\"']([^\"']*+)[\"']")
_ASCII = re.compile(rb"(?:utf-8|us-ascii|iso-8859-[0-9]{1,2}|windows-125[0-9])", re.IGNORECASE)
"""Encodings in which an address is what it looks like."""


class Element(NamedTuple):
    """An element by its local name: where its attributes' values stand, and its content."""

    name: bytes
    attributes: dict[bytes, Span]
    content: Span


def elements(data: bytes, start: int, end: int, wanted: frozenset[bytes]) -> list[Element]:
    """The elements of ``data[start:end]`` that have one of the local names `wanted`, in order.

    Raises BadMessage on what is no XML, on a document type, on a text in which an address could look like something
    else, and on more than MAX_SIZE octets, MAX_DEPTH levels or MAX_ELEMENTS elements.
    """
    if end - start > MAX_SIZE:
        raise BadMessage("Too large an XML body")
    _check_text(data, start, end)
    found: list[Element] = []
    opened: list[int] = []  # of each open element its place in `found`, -1 of what is not wanted
    count = 0
    for at, behind, name in _tags(data, start, end):
        if name is None:
            if not opened:
                raise BadMessage("Malformed XML body")
            place = opened.pop()
            if place >= 0:
                found[place] = found[place]._replace(content=(found[place].content[0], at))
            continue
        count += 1
        is_wanted = name in wanted
        if is_wanted:
            found.append(Element(name, _attributes(data, at, behind), (behind, behind)))
        if data[behind - 2 : behind] != b"/>":
            opened.append(len(found) - 1 if is_wanted else -1)
        if len(opened) > MAX_DEPTH or count > MAX_ELEMENTS:
            raise BadMessage("XML body nested too deep, or too much of it")
    if opened or not count:
        raise BadMessage("Malformed XML body")
    return found


def slots_of(data: bytes, start: int, end: int, names: list[Span]) -> list[Slot]:
    """All addresses there: in one of the spans `names`, which are in order, IDENTITY, else HIDE."""
    outer: list[Span] = []
    for span in names:
        if not outer or span[0] >= outer[-1][1]:  # what is nested in another is part of it
            outer.append(span)
    return [slot_of(each, _is_in(each, outer)) for each in addresses(data, start, end)]


def addresses(data: bytes, start: int, end: int) -> list[Literal]:
    """All addresses there. Raises BadMessage on more than MAX_ADDRESSES."""
    found = list(islice(literals(data, start, end), MAX_ADDRESSES + 1))
    if len(found) > MAX_ADDRESSES:
        raise BadMessage("Too many addresses in a body")
    return found


def slot_of(at: Literal, named: bool) -> Slot:
    """The slot of an address that stands in text, in a user's name or elsewhere."""
    return Slot(Role.IDENTITY if named else Role.HIDE, Place(Address(at.host, 0)), (at.start, at.end))


def _is_in(at: Literal, spans: list[Span]) -> bool:
    before = bisect_right(spans, (at.start, at.end))
    return before > 0 and at.end <= spans[before - 1][1]


def _attributes(data: bytes, at: int, behind: int) -> dict[bytes, Span]:
    return {match[1]: (match.start(2) + 1, match.end(2) - 1) for match in _ATTRIBUTE.finditer(data, at, behind)}


def _check_text(data: bytes, start: int, end: int) -> None:
    """See that an address is written as one."""
    encoding = _ENCODING.search(data, start, min(end, start + 256))
    if data.find(b"\x00", start, end) >= 0 or (encoding is not None and _ASCII.fullmatch(encoding[1]) is None):
        raise BadMessage("XML body in a strange encoding")
    for match in _REFERENCE.finditer(data, start, end):
        digits, base = (match[1], 16) if match[1] else (match[2], 10)
        if len(digits) > 8 or int(digits, base) in _PLAIN:
            raise BadMessage("XML body with a reference to a plain character")


def _tags(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, bytes | None]]:
    """Where each tag begins and ends, with the local name of an element that it opens, None where it closes one."""
    at = data.find(b"<", start, end)
    while at >= 0:
        aside = next((last for first, last in _ASIDE if data.startswith(first, at, end)), None)
        if aside is not None:
            behind = data.find(aside, at, end) + len(aside)
            if behind < len(aside):
                raise BadMessage("Malformed XML body")
        else:
            match = _START.match(data, at, end) or _END.match(data, at, end)
            if match is None:  # a document type among them: what it declares might be anything
                raise BadMessage("Malformed XML body")
            behind = match.end()
            yield at, behind, match[1].rpartition(b":")[2] if match.re is _START else None
        at = data.find(b"<", behind, end)


def unescape_xml(text: bytes) -> bytes:
    """An attribute's value, without the references that names need (XML 1.0 section 4.6)."""
    for reference, character in _ESCAPED:
        text = text.replace(reference, character)
    return text


def escape_xml(text: bytes) -> bytes:
    """The value of an attribute."""
    for reference, character in reversed(_ESCAPED):
        text = text.replace(character, reference)
    return text
