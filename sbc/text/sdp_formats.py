"""What a media line says may flow, in names: ``PCMU/8000 telephone-event/8000`` (RFC 8866 section 5.14, RFC 3551)."""

from __future__ import annotations

import re

from sbc.text.sdp_lines import Line

MOST = 16
"""Formats of one stream that are named."""

LONGEST = 40
"""Characters of a name."""

_RTPMAP = re.compile(rb"^a=rtpmap:([0-9]{1,3})[ \t]++([^\s/]++/[0-9]++(?:/[0-9]++)?)", re.MULTILINE | re.IGNORECASE)
_MOST_LINES = 4 * MOST
_STATIC = {  # RFC 3551 section 6
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


def formats(line: Line, until: int) -> str:
    """The formats of the ``m=`` line, best first, one blank between; its attributes end at `until`.

    A payload type without a name stands as its number. Text of the peer, cut to `MOST` names of `LONGEST` characters.
    """
    listed = line.data[line.start : line.end].split(None, 3 + MOST)[3 : 3 + MOST]
    named: dict[bytes, str] = {}
    for count, match in enumerate(_RTPMAP.finditer(line.data, line.line_end, until)):
        if count == _MOST_LINES:
            break
        named.setdefault(match[1], match[2].decode("ascii", "replace"))
    found = [named.get(each) or _STATIC.get(each) or each.decode("ascii", "replace") for each in listed]
    return " ".join([name[:LONGEST] for name in found])
