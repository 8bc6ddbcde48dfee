"""Media descriptors of H.248's text encoding: streams, and the descriptions in them (H.248.1 Annex B.2)."""

from __future__ import annotations

import re

from sbc.h248.message import BadH248, Description, Group, Stream
from sbc.h248.scan import COMMAND, OCTETS, Cursor, Spot, skip
from sbc.h248.tokens import MEDIA, MODES, SWITCHES

MAX_STREAMS = 256
"""The most streams of one command."""
MAX_GROUPS = 64
"""The most alternatives of one description."""

_GROUP = re.compile(rb"(?:(?<=[\r\n])|\A)[ \t]*+(?=v=)", re.IGNORECASE)
_TEXT = re.compile(rb"(?:\A|(?<=\n))[ \t]++|\r(?!\n)")
Pairs = tuple[tuple[bytes, bytes], ...]


def read_statistics(cursor: Cursor, pos: int) -> tuple[Pairs, int]:
    """Statistics and their values, which are empty where only the name is asked for."""
    found: list[tuple[bytes, bytes]] = []
    closed = False
    while not closed:
        item = cursor.item(pos, COMMAND)
        name, value, mark = item.groups()
        pos = item.end()
        if name is not None:
            found.append((name.lower(), (value or b"").strip(b'"')))
        if mark == b"{":
            pos, closed = cursor.next(skip(cursor.data, pos), COMMAND)
        else:
            closed = mark == b"}"
    return tuple(found), pos


def read_media(cursor: Cursor, pos: int) -> tuple[tuple[Stream, ...], int]:
    """The streams of a Media descriptor: those that are named, and the one that is not."""
    streams: list[Stream] = []
    alone: Stream | None = None
    closed = False
    while not closed:
        item = cursor.item(pos, COMMAND)
        name, value, mark = item.groups()
        pos = item.end()
        word = None if name is None else MEDIA.get(name.lower())
        if word == "stream" and value is not None:
            if not value.isdigit() or len(value) > 5 or int(value) > 65_535:
                raise BadH248("malformed StreamID", COMMAND)
            stream = Stream(int(value))
            _add(streams, stream)
            if mark != b"{":
                closed = mark == b"}"
                continue
            inner = False
            while not inner:
                item = cursor.item(pos, COMMAND)
                pos, inner = _parameter(cursor, stream, item)
            pos, closed = cursor.next(pos, COMMAND)
            continue
        if word in ("local", "remote", "localcontrol", "statistics") and alone is None:
            alone = Stream(1)
            _add(streams, alone)
        pos, closed = _parameter(cursor, alone, item)
    return tuple(streams), pos


def _add(streams: list[Stream], stream: Stream) -> None:
    if len(streams) == MAX_STREAMS or any(each.id == stream.id for each in streams):
        raise BadH248("a stream twice, or too many", COMMAND)
    streams.append(stream)


def _parameter(cursor: Cursor, stream: Stream | None, match: re.Match[bytes]) -> tuple[int, bool]:
    """One parameter of a stream, into it."""
    name, mark, pos = match[1], match[3], match.end()
    if mark != b"{":
        return pos, mark == b"}"
    word = None if name is None or stream is None else MEDIA.get(name.lower())
    if stream is None or word is None:
        return cursor.past(match, COMMAND)
    if (word == "local" and stream.local is not None) or (word == "remote" and stream.remote is not None):
        raise BadH248(f"{word} twice in a stream", COMMAND)
    if word == "local":
        stream.local, pos = _description(cursor, pos)
    elif word == "remote":
        stream.remote, pos = _description(cursor, pos)
    elif word == "localcontrol":
        pos = _control(cursor, stream, pos)
    elif word == "statistics":
        stream.statistics, pos = read_statistics(cursor, pos)
    else:
        return cursor.past(match, COMMAND)
    return cursor.next(pos, COMMAND)


def _control(cursor: Cursor, stream: Stream, pos: int) -> int:
    """What a LocalControl descriptor sets: the mode, and whether all alternatives are to be held ready."""
    closed = False
    while not closed:
        item = cursor.item(pos, COMMAND)
        name, value, mark = item.groups()
        word = None if name is None or value is None else MEDIA.get(name.lower())
        if word == "mode":
            stream.mode = MODES.get(value.lower(), "")
        elif word == "reservegroup":
            stream.reserves = SWITCHES.get(value.lower(), stream.reserves)
        if mark == b"{":
            pos, closed = cursor.past(item, COMMAND)
        else:
            pos, closed = item.end(), mark == b"}"
    return pos


def _description(cursor: Cursor, pos: int) -> tuple[Description, int]:
    """A Local or Remote descriptor, whose inside begins at `pos`."""
    match = OCTETS.match(cursor.data, pos)
    if match is None:
        raise BadH248("an octet string is not closed", COMMAND)
    text = match[1]
    starts = [found.end() for found in _GROUP.finditer(text)] or [len(text) - len(text.lstrip())]
    if len(starts) > MAX_GROUPS:
        raise BadH248("too many alternatives in a description", COMMAND)
    groups = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        raw = text[start:end].rstrip()
        if raw:
            groups.append(Group(_plain(raw), Spot(pos + start, pos + start + len(raw), "group")))
    return Description(tuple(groups), Spot(pos, pos + len(text), "description")), match.end()


def _plain(raw: bytes) -> bytes:
    """A session description as it is meant: without escapes, lines not indented, ended as SDP has it."""
    text = raw.replace(b"\\}", b"}") if b"\\" in raw else raw
    return text if _TEXT.search(text) is None else _TEXT.sub(_unindented, text)


def _unindented(match: re.Match[bytes]) -> bytes:
    return b"\n" if match[0] == b"\r" else b""
