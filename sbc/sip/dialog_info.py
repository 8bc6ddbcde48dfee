"""Bodies that tell of other dialogues (RFC 4235), as busy lamps are told of them: where they hold addresses and names.

The XML is read only so far as that needs: no entity is expanded, nothing is built of what nests, and what holds more
than any such body needs is refused.
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

CONTENT_TYPE = "application/dialog-info+xml"
MAX_SIZE = 32_768
MAX_DEPTH = 16
MAX_ELEMENTS = 1_000
MAX_ADDRESSES = 500

_ESCAPED = (b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&")
"""The reference to what all references begin with is read last, and written first."""
Span = tuple[int, int]

_QUOTED = rb"\"[^\"<]*+\"|'[^'<]*+'"
_START = re.compile(rb"<([A-Za-z_][\w.:-]*+)((?:[^<>\"']++|" + _QUOTED + rb")*+)>", re.DOTALL)
_END = re.compile(rb"</[A-Za-z_][\w.:-]*+\s*+>")
_ASIDE = (b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")
_ATTRIBUTE = re.compile(rb"\s([A-Za-z_][\w.:-]*+)\s*+=\s*+(" + _QUOTED + rb")")
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]++)|([0-9]++));")
_PLAIN = frozenset(b"0123456789ABCDEFabcdef.:[]@%")
"""What addresses are written with. Nobody has to write it as a reference, and who does hides something."""
_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*+=\s*+[\"']([^\"']*+)[\"']")
_ASCII = re.compile(rb"(?:utf-8|us-ascii|iso-8859-[0-9]{1,2}|windows-125[0-9])", re.IGNORECASE)
"""Encodings in which an address is what it looks like."""


class Dialogue(NamedTuple):
    """The names of a dialogue: where its Call-ID stands, and the tags of both parties if they are there."""

    call_id: Span
    tags: tuple[Span, ...]


class DialogInfo:
    """A body ``data[start:end]``, read. `slots` are its addresses: of users' names IDENTITY, else HIDE.

    Raises BadMessage on what is no XML, on a document type, and on more than MAX_SIZE octets, MAX_DEPTH levels,
    MAX_ELEMENTS elements or MAX_ADDRESSES addresses.
    """

    def __init__(self, data: bytes, start: int, end: int) -> None:
        if end - start > MAX_SIZE:
            raise BadMessage("Too much dialog information")
        self.dialogues: list[Dialogue] = []
        self._names: list[Span] = []  # users' names, in order: `entity`, and the content of `identity`
        _check_text(data, start, end)
        self._read(data, start, end)
        found = list(islice(literals(data, start, end), MAX_ADDRESSES + 1))
        if len(found) > MAX_ADDRESSES:
            raise BadMessage("Too much dialog information")
        self.slots = [self._slot(each) for each in found]

    def _slot(self, at: Literal) -> Slot:
        before = bisect_right(self._names, (at.start, at.end))
        named = before > 0 and at.end <= self._names[before - 1][1]
        return Slot(Role.IDENTITY if named else Role.HIDE, Place(Address(at.host, 0)), (at.start, at.end))

    def _read(self, data: bytes, start: int, end: int) -> None:
        depth = elements = opened = 0
        for at, behind, name in _tags(data, start, end):
            if name is None:
                depth -= 1
                if opened and depth < opened:
                    self._names[-1] = (self._names[-1][0], at)
                    opened = 0
            else:
                elements += 1
                whole = data[behind - 2 : behind] == b"/>"
                self._attributes(data, at, behind, name)
                depth += not whole
                if name == b"identity" and not whole and not opened:
                    self._names.append((behind, end))
                    opened = depth
            if not 0 <= depth <= MAX_DEPTH or elements > MAX_ELEMENTS:
                raise BadMessage("Dialog information nested too deep, or too much of it")
        if depth or not elements:
            raise BadMessage("Malformed dialog information")

    def _attributes(self, data: bytes, at: int, behind: int, name: bytes) -> None:
        if name not in (b"dialog-info", b"dialog", b"replaces"):
            return
        spans = {match[1]: (match.start(2) + 1, match.end(2) - 1) for match in _ATTRIBUTE.finditer(data, at, behind)}
        if name == b"dialog-info":
            self._names += [span for key, span in spans.items() if key == b"entity"]
        elif b"call-id" in spans:
            tags = tuple(spans[key] for key in (b"local-tag", b"remote-tag") if key in spans)
            self.dialogues.append(Dialogue(spans[b"call-id"], tags))


def _check_text(data: bytes, start: int, end: int) -> None:
    """See that an address is written as one."""
    encoding = _ENCODING.search(data, start, min(end, start + 256))
    if data.find(b"\x00", start, end) >= 0 or (encoding is not None and _ASCII.fullmatch(encoding[1]) is None):
        raise BadMessage("Dialog information in a strange encoding")
    for match in _REFERENCE.finditer(data, start, end):
        digits, base = (match[1], 16) if match[1] else (match[2], 10)
        if len(digits) > 8 or int(digits, base) in _PLAIN:
            raise BadMessage("Dialog information with a reference to a plain character")


def _tags(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, bytes | None]]:
    """Where each tag begins and ends, with the local name of an element that it opens, None where it closes one."""
    at = data.find(b"<", start, end)
    while at >= 0:
        aside = next((last for first, last in _ASIDE if data.startswith(first, at, end)), None)
        if aside is not None:
            behind = data.find(aside, at, end) + len(aside)
            if behind < len(aside):
                raise BadMessage("Malformed dialog information")
        else:
            match = _START.match(data, at, end) or _END.match(data, at, end)
            if match is None:  # a document type among them: what it declares might be anything
                raise BadMessage("Malformed dialog information")
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
