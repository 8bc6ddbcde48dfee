"""What a gateway says that it has counted of a termination: its statistics (H.248.1 clause 7.1.15, Annex E)."""

from __future__ import annotations

from sbc.core.message import Counted
from sbc.h248.message import Command

WORDS = {
    b"rtp/ps": "packets_sent",
    b"rtp/pr": "packets_received",
    b"nt/os": "octets_sent",
    b"nt/or": "octets_received",
    b"rtp/jit": "jitter",
    b"rtp/delay": "delay",
}
"""The words of all protocols; others stay as H.248 has them. rtp/pl is a part of a hundred, not a number of packets."""
MOST = 64
"""Figures of one termination that are looked at."""
_LONGEST = 64
_SUMS = frozenset({"packets_sent", "packets_received", "octets_sent", "octets_received"})


def counted(command: Command) -> Counted:
    """The figures of a command's termination; of several streams (version 3) what can be added up is."""
    figures: dict[str, str] = {}
    for statistics in (command.statistics, *(stream.statistics for stream in command.streams)):
        for name, value in (statistics or ())[:MOST]:
            word = WORDS.get(name) or name.decode("utf-8", "replace")
            said = _number(value)
            before = figures.get(word, "")
            if word in _SUMS and before.isdigit() and said.isdigit():
                said = str(int(before) + int(said))
            elif before:
                continue
            figures[word] = said
    return tuple(figures.items())


def _number(value: bytes) -> str:
    return value[:_LONGEST].decode("utf-8", "replace").strip().strip('"')
