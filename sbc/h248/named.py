"""Where a message in the text encoding names terminations: an address in such a name is no address, but part of what
gateway and controller both call the termination (``RTP/192.0.2.1/4000``)."""

from __future__ import annotations

from bisect import bisect_right

from sbc.core.message import BadMessage
from sbc.h248 import text
from sbc.h248.reading import listed


class Named:
    """The spans of the names in commands and in Topology and Mux descriptors; none of what is no message. An offset is
    `in` it where it is within one of them."""

    def __init__(self, data: bytes) -> None:
        self.spans = sorted(_names(data))

    def __contains__(self, offset: int) -> bool:
        at = bisect_right(self.spans, (offset, text.MAX_MESSAGE)) - 1
        return at >= 0 and offset < self.spans[at][1]


def _names(data: bytes) -> list[tuple[int, int]]:
    try:
        message = text.decode(data)
    except BadMessage:
        return []
    names = [each.at for command in message.commands for each in command.terminations if each.at is not None]
    spans = [(each.start, each.end) for each in names]
    return spans + [span for start, end in message.lists for span in listed(data, start, end)]
