"""What a dialect tells the core about a message: its slots, its intent, and why it was bad."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs

from sbc.core.address import Address
from sbc.core.intent import Intent, Slot, Types
from sbc.core.terms import (
    NO_ROUTE,
    UNSAID,
    Counted,
    Elsewhere,
    Ending,
    Flow,
    Kind,
    Numbered,
    Phase,
    Place,
    Role,
    Route,
    StreamKey,
    Who,
    Width,
    told_to,
)
from sbc.core.word import Word

__all__ = [
    "MOST_AGENT",
    "NO_ROUTE",
    "UNSAID",
    "BadMessage",
    "Cause",
    "Counted",
    "Elsewhere",
    "Ending",
    "Flow",
    "Intent",
    "Keys",
    "Kind",
    "NoMessage",
    "Numbered",
    "Phase",
    "Place",
    "Refused",
    "Role",
    "Route",
    "Slot",
    "StreamKey",
    "Timing",
    "Types",
    "Who",
    "Width",
    "told_to",
]

MOST_AGENT = 128
"""Octets of what a peer says to be made by that anybody looks at."""


class Keys(NamedTuple):
    """What a message is found by in the realm it goes to: its Intent's `call` and `exchange` there."""

    call: bytes
    exchange: bytes


@attrs.frozen
class Timing:
    """The retransmission rules of one exchange; seconds.

    The request is sent again after `first`, each wait twice the last up to `cap`; given up after `limit`. After a
    provisional answer the wait is `patience`, without retransmission when `quiet` (RFC 3261 section 17.1.1.2), else
    with it. `confirmed`: a failure is repeated until acknowledged, with waits of at most `repeat`. `linger` is how long
    the ended exchange absorbs retransmissions. `blunt`: it may be taken back before anything was heard of it, and
    nobody says that it was. `prolonged`: each provisional answer has the whole `patience`, not the first alone. `slow`:
    after one, unless it is 0, the request is sent again at that interval.
    """

    first: float
    cap: float
    limit: float
    linger: float
    patience: float
    quiet: bool = False
    confirmed: bool = False
    repeat: float = 4.0
    blunt: bool = False
    prolonged: bool = False
    slow: float = 0.0


class BadMessage(Exception):
    """The bytes are not a message of the dialect. The only exception a decoder raises."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoMessage(BadMessage):
    """The bytes hold no message, and were not meant to: they only show that their sender lives."""


class Cause(Word):
    """Why the SBC refuses; every dialect turns these into its own codes."""

    NOT_FOUND = "not-found"
    NO_CALL = "no-call"
    FORBIDDEN = "forbidden"
    BUSY = "over-limit"
    ENGAGED = "terminal-busy"  # who is called has as many calls as it may; others are not concerned
    RATE = "over-rate"  # too much in too short a time; later there is room
    BANDWIDTH = "over-bandwidth"
    QUOTA = "quota-spent"  # what was paid for is used up: it is no use to ask again
    DENIED = "denied-by-rule"
    NO_PORTS = "no-media-ports"
    LOOP = "too-many-hops"
    MERGED = "merged"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    ABSENT = "absent"
    FLOW = "flow-failed"  # absent by this way: its registrar knows of others, and may try those
    UNSUPPORTED = "unsupported"
    WITHDRAWN = "withdrawn"
    DRAINING = "draining"
    SECURITY = "media-security"  # how media would be secured is not as a realm demands
    UNBOUND = "not-bound"  # who calls itself by a handle is not known by it
    SEALED = "sealed"  # it is signed over what would have to be changed
    BRIEF = "too-brief"  # what is to be refreshed would have to be so too often; retry_after is the least, in seconds


class Refused(Exception):
    """The core will not take a message across; the dialect says so to the peer.

    `why` is told to the peer; `detail` is for the log alone: it may name realms and addresses of the other side.
    `counted` is a fixed word by which it is counted besides. `attempt` is the call that it would have been, where that
    is to have a record. `others` are told to the peer, where its protocol has it so: others like us, who might take it.
    `room` is what there is of the bandwidth that was too little, in bit/s of media each way. `ending`: of a call that
    the SBC ends before it was answered, for which `cause` has no word."""

    def __init__(
        self, cause: Cause, why: str, retry_after: int | None = None, detail: str = "", counted: str = ""
    ) -> None:
        super().__init__(why)
        self.cause = cause
        self.why = why
        self.retry_after = retry_after
        self.detail = detail
        self.counted = counted
        self.attempt: Any = None
        self.others: tuple[Address, ...] = ()
        self.room = 0
        self.ending: Ending | None = None

    @property
    def told(self) -> str:
        """All there is to say, for the log."""
        return f"{self.why} ({self.detail})" if self.detail else self.why
