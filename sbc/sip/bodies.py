"""The body of a SIP message and, where it is multipart, the parts in it, as spans (RFC 3261 section 7.4, RFC 2046)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from sbc.core.message import BadMessage
from sbc.sip.params import Parameters, to_bytes

MAX_PARTS = 16
"""The most parts that all multiparts of one message may have together."""
MAX_DEPTH = 3
"""How deep multiparts may be nested."""

_MEDIA_TYPE: Final = re.compile(rb"\s*+([^\s/;,]++)\s*+/\s*+([^\s/;,]++)\s*+(;|\Z)")
_PART_TYPE: Final = re.compile(
    rb"^(?:content-type|c)[ \t]*+:((?>(?:[^\r\n]|\r?\n[ \t])*))", re.IGNORECASE | re.MULTILINE
)
_HEADERS_END: Final = re.compile(rb"\n\r?\n")
_EMPTY_LINE: Final = re.compile(rb"\r?\n")


class BodyPart(NamedTuple):
    """A body, or a leaf of a multipart body: `content_type` is "type/subtype" in lower case, "" where none is given.
    Headers of its own begin at `head`; a body that is no part of another has none."""

    content_type: str
    start: int
    end: int
    head: int


def body_parts(data: bytes, start: int, end: int, content_type: bytes) -> list[BodyPart]:
    """The leaves of the body ``data[start:end]``, which follows a line end; none if it is empty.

    Raises BadMessage on a malformed Content-Type or multipart, on more than MAX_PARTS parts or MAX_DEPTH levels.
    """
    found: list[BodyPart] = []
    if start < end:
        _collect(data, start, start, end, content_type, 0, found)
    return found


def _collect(
    data: bytes, head: int, start: int, end: int, content_type: bytes, depth: int, found: list[BodyPart]
) -> None:
    name, boundary = _media_type(content_type)
    if not name.startswith("multipart/"):
        if len(found) == MAX_PARTS:
            raise BadMessage("Too many body parts")
        found.append(BodyPart(name, start, end, head))
        return
    if depth == MAX_DEPTH:
        raise BadMessage("Multipart nested too deep")
    for part_start, part_end in _split(data, start, end, boundary):
        head_end, content_start = _part_head(data, part_start, part_end)
        match = _PART_TYPE.search(data, part_start, head_end)
        part_type = match[1] if match else b"text/plain"  # RFC 2046 section 5.1
        _collect(data, part_start, content_start, part_end, part_type, depth + 1, found)


@lru_cache(maxsize=64)
def _media_type(content_type: bytes) -> tuple[str, bytes]:
    """Type and subtype in lower case and, of a multipart, the boundary."""
    if not content_type.strip():
        return "", b""
    match = _MEDIA_TYPE.match(content_type)
    if match is None:
        raise BadMessage("Malformed Content-Type")
    name = b"/".join((match[1], match[2])).decode("latin-1").lower()
    if not name.startswith("multipart/"):
        return name, b""
    boundary = to_bytes(Parameters(content_type, match.start(3), len(content_type)).values.get("boundary") or "")
    if not 0 < len(boundary) <= 70:
        raise BadMessage("Multipart without a usable boundary")
    return name, boundary


def _split(data: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Spans of the parts. The line end before a delimiter belongs to the delimiter."""
    delimiter = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*+(?:\r?\n|\Z)", re.MULTILINE)
    opened = -1
    for match in delimiter.finditer(data, start, end):
        if opened >= 0:
            closed = match.start() - (2 if data[match.start() - 2 : match.start()] == b"\r\n" else 1)
            yield opened, max(opened, closed)
        if match[1]:
            return
        opened = match.end()
    raise BadMessage("Multipart without its closing boundary")


def _part_head(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the headers of a part end and its content begins; a part without headers begins with an empty line."""
    if start == end:
        return start, end
    match = _EMPTY_LINE.match(data, start, end) or _HEADERS_END.search(data, start, end)
    if match is None:
        raise BadMessage("Body part without an end of its headers")
    return match.start() + 1, match.end()
