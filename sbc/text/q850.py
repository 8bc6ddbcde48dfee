"""Why a call has ended, in the numbers of ITU-T Q.850 and in a few words: several protocols say it in these."""

from __future__ import annotations

from typing import Final

from sbc.core.message import Cause, Ending

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


REFUSALS: Final = {
    Cause.NOT_FOUND: 3,
    Cause.NO_CALL: 81,
    Cause.FORBIDDEN: 21,
    Cause.UNBOUND: 21,
    Cause.BUSY: 42,
    Cause.ENGAGED: 17,
    Cause.RATE: 42,
    Cause.BANDWIDTH: 34,
    Cause.QUOTA: 21,
    Cause.DENIED: 21,
    Cause.NO_PORTS: 34,
    Cause.LOOP: 25,
    Cause.MERGED: 25,
    Cause.TIMEOUT: 102,
    Cause.UNREACHABLE: 38,
    Cause.ABSENT: 20,
    Cause.FLOW: 20,
    Cause.UNSUPPORTED: 79,
    Cause.SECURITY: 79,
    Cause.WITHDRAWN: 16,
    Cause.DRAINING: 42,
    Cause.SEALED: 31,
    Cause.BRIEF: 100,
}
"""What is told of a call that the SBC refuses to begin."""


def cause(why: Ending | Cause) -> int:
    """The number alone."""
    return REFUSALS[why] if isinstance(why, Cause) else CAUSES[why][0]


def reason(why: Ending | Cause) -> bytes:
    """The value of a header of reasons (RFC 3326), in answers too (RFC 6432)."""
    words = why.value.replace("-", " ") if isinstance(why, Cause) else CAUSES[why][1]
    return b'Q.850;cause=%d;text="%b"' % (cause(why), words.encode())
