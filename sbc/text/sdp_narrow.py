"""A media line with fewer formats, maybe in another order: its list is written anew, and the lines of those that are
gone are taken out (RFC 3264 section 5.1, RFC 8866 section 5.14)."""

from __future__ import annotations

import re

from sbc.text.edits import Edits
from sbc.text.sdp_lines import Line

_WORD = re.compile(rb"\S++")
_OF_FORMAT = re.compile(
    rb"^a=(?:rtpmap|fmtp|rtcp-fb):([0-9]{1,3})(?![0-9])[^\r\n]*+(?:\r?\n)?", re.MULTILINE | re.IGNORECASE
)

_REPEATS = re.compile(  # RFC 4588 section 8.1: which format's packets are sent again by it
    rb"^a=fmtp:([0-9]{1,3})[ \t]++(?:[^\r\n]*?[; \t])?apt=([0-9]{1,3})(?![0-9])", re.MULTILINE | re.IGNORECASE
)


def narrow(edits: Edits, line: Line, until: int, keep: tuple[int, ...]) -> bool:
    """Let the ``m=`` line have those of its formats alone, by their places, in that order; its attributes end at
    `until`. What repeats the packets of one that is gone goes with it. Says whether it could be done."""
    words = list(_WORD.finditer(line.data, line.start, line.end))[3:]
    if not keep or max(keep) >= len(words):
        return False
    kept = [words[each][0] for each in keep]
    repeats = {match[1]: match[2] for match in _REPEATS.finditer(line.data, line.line_end, until)}
    kept = [each for each in kept if repeats.get(each, each) in kept]
    edits.replace(words[0].start(), words[-1].end(), b" ".join(kept))
    gone = {word[0] for word in words} - set(kept)
    for match in _OF_FORMAT.finditer(line.data, line.line_end, until):
        if match[1] in gone:
            edits.delete(match.start(), match.end())
    return True
