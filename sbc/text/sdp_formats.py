"""What a media line says may flow, in names: ``PCMU/8000 telephone-event/8000`` (RFC 8866 section 5.14, RFC 3551), and
how much of it, as far as its lines say that."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sbc.core.message import UNSAID, Flow, Types, Width
from sbc.text import sdp_width
from sbc.text.sdp_lines import Line

MOST = 16
"""Formats of one stream that are named."""

LONGEST = 40
"""Characters of a name."""

_LINES: Final = re.compile(
    rb"^(?:a=rtpmap:([0-9]{1,3})[ \t]++([^\s/]++/[0-9]++(?:/[0-9]++)?)|a=fmtp:([0-9]{1,3})[ \t]++([^\r\n]++)"
    rb"|(?:b=(as|tias|r[rs])|a=((?:max)?ptime|maxprate|t38maxbitrate)):[ \t]*+([0-9]{1,10}))",
    re.MULTILINE | re.IGNORECASE,
)
_MAPS: Final = re.compile(
    rb"^a=rtpmap:([0-9]{1,3})[ \t]++([^\s/]++/[0-9]++(?:/[0-9]++)?)", re.MULTILINE | re.IGNORECASE
)
MOST_TYPES: Final = 128
"""Payload types of one stream: all that there can be."""
_MOST_LINES: Final = 8 * MOST
_KEPT: Final = 2_000  # octets of a stream's lines that are known again
_STATIC: Final = {  # RFC 3551 section 6
    b"0": "PCMU/8000",
    b"3": "GSM/8000",
    b"4": "G723/8000",
    b"5": "DVI4/8000",
    b"6": "DVI4/16000",
    b"7": "LPC/8000",
    b"8": "PCMA/8000",
    b"9": "G722/8000",
    b"10": "L16/44100/2",
    b"11": "L16/44100",
    b"12": "QCELP/8000",
    b"13": "CN/8000",
    b"14": "MPA/90000",
    b"15": "G728/8000",
    b"16": "DVI4/11025",
    b"17": "DVI4/22050",
    b"18": "G729/8000",
    b"25": "CelB/90000",
    b"26": "JPEG/90000",
    b"28": "nv/90000",
    b"31": "H261/90000",
    b"32": "MPV/90000",
    b"33": "MP2T/90000",
    b"34": "H263/90000",
}


def flow(line: Line, until: int, kind: str, transport: str, session: Width = UNSAID) -> Flow:
    """The formats of the ``m=`` line, best first, one blank between, and how much of them; its attributes end at
    `until`. `session` is what is said of the description as a whole.

    A payload type without a name stands as its number. Text of the peer, cut to `MOST` names of `LONGEST` characters.
    """
    words = line.data[line.start : line.end].split(None, 3)
    listed, lines = words[3] if len(words) > 3 else b"", line.data[line.line_end : until]
    if len(listed) + len(lines) > _KEPT:
        return _read(listed, lines, kind, transport, session)
    return _known(listed, lines, kind, transport, session)


def types(line: Line, until: int) -> Types:
    """The payload types of the ``m=`` line of RTP, best first, with their names."""
    words = line.data[line.start : line.end].split(None, 3)
    named = {number: name for number, name in _MAPS.findall(line.data, line.line_end, until)}
    found = []
    for each in words[3].split(None, MOST_TYPES)[:MOST_TYPES] if len(words) > 3 else ():
        if each.isdigit() and int(each) < 128:
            name = named.get(each, b"").decode("ascii", "replace")[:LONGEST] or _STATIC.get(each, "")
            found.append((int(each), name.lower()))
    return tuple(found)


def _read(listed: bytes, lines: bytes, kind: str, transport: str, session: Width) -> Flow:
    numbers = listed.split(None, MOST)[:MOST]
    named: dict[bytes, str] = {}
    parameters: dict[bytes, bytes] = {}
    said: dict[bytes, int] = {}
    for count, match in enumerate(_LINES.finditer(lines)):
        if count == _MOST_LINES:
            break
        number, name, of, values, modifier, attribute, value = match.groups()
        if number is not None:
            named.setdefault(number, name.decode("ascii", "replace"))
        elif of is not None:
            parameters.setdefault(of, values)
        else:
            said.setdefault((modifier or attribute).lower(), int(value))
    found = [named.get(each) or _STATIC.get(each) or each.decode("ascii", "replace") for each in numbers]
    names = [name[:LONGEST] for name in found]
    bounds = [sdp_width.bound(name, parameters.get(each)) for name, each in zip(names, numbers, strict=True)]
    width = sdp_width.width(said, tuple(bounds) if any(bounds) else (), transport, session)
    return Flow(" ".join([kind, *names]).strip(), width)


_known = lru_cache(maxsize=1024)(_read)  # devices of one make say the same in every call
