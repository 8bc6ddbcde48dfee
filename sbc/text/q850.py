"""Why a call has ended, in the numbers of ITU-T Q.850 and in a few words: several protocols say it in these."""

from __future__ import annotations

from typing import Final

from sbc.core.message import Ending

CAUSES: Final = {
    Ending.NORMAL: (16, "normal call clearing"),
    Ending.BUSY: (17, "user busy"),
    Ending.NO_ANSWER: (102, "no answer in time"),
    Ending.REJECTED: (21, "call rejected"),
    Ending.CANCELLED: (16, "given up"),
    Ending.MOVED: (22, "number changed"),
    Ending.NOT_FOUND: (3, "not found"),
    Ending.UNREACHABLE: (38, "not reached"),
    Ending.UNAUTHORIZED: (21, "not authorized"),
    Ending.INCOMPATIBLE: (79, "not agreed on"),
    Ending.CONGESTION: (42, "congestion"),
    Ending.FAILED: (41, "temporary failure"),
    Ending.EXPIRED: (102, "as long as a call may last"),
    Ending.SILENT: (102, "no media"),
    Ending.VANISHED: (41, "a party is gone"),
    Ending.SHUTDOWN: (41, "taken out of service"),
    Ending.CLEARED: (31, "cleared"),
    Ending.SPENT: (31, "the account is used up"),
}
"""What is told of a call that the SBC itself ends. The words tell whoever hears them nothing of the other network."""


def cause(ending: Ending) -> int:
    """The number alone."""
    return CAUSES[ending][0]


def reason(ending: Ending) -> bytes:
    """The value of a header of reasons (RFC 3326)."""
    number, words = CAUSES[ending]
    return b'Q.850;cause=%d;text="%b"' % (number, words.encode())
