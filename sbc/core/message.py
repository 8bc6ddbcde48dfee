"""What a dialect tells the core about a message: its slots, its intent, and why it was bad."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import attrs

from sbc.core.address import Address

StreamKey = int | str
"""What names a stream within its call: the m-line index, logical channel, connection id, termination and stream."""


class Role(Enum):
    """What the address in a slot is for."""

    RTP = "rtp"
    RTCP = "rtcp"
    T38 = "t38"
    SIGNAL = "signal"  # where a peer is to be found for signalling
    CONTROL = "control"  # where a further control channel is to be opened (H.245)
    HIDE = "hide"  # must not leak; nobody answers to it


class Kind(Enum):
    """What a message does to a call or binding."""

    OPEN = "open"
    ANSWER = "answer"
    MODIFY = "modify"
    CLOSE = "close"
    BIND = "bind"
    OTHER = "other"


class Phase(Enum):
    """Which part of an exchange a message is."""

    REQUEST = "request"
    CONFIRM = "confirm"  # acknowledges a final answer; is itself never answered
    WITHDRAW = "withdraw"  # takes back a request that is still open
    PROVISIONAL = "provisional"
    SUCCESS = "success"
    FAILURE = "failure"
    CHALLENGE = "challenge"  # a failure that asks for the same request again, with credentials

    @property
    def reply(self) -> bool:
        return self in _REPLIES

    @property
    def final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({Phase.SUCCESS, Phase.FAILURE, Phase.CHALLENGE})
_REPLIES = _FINAL | {Phase.PROVISIONAL}


class Place(NamedTuple):
    """Where a peer is to be found: an address, the dialect's own name for it, and the hops on the way.

    `name` is opaque to the core (SIP: the whole contact URI; in a place of ours: the token). `route` holds further
    hops in the order they are to be visited, opaque too.
    """

    address: Address
    name: bytes = b""
    route: tuple[bytes, ...] = ()


@attrs.define(eq=False)
class Slot:
    """One address inside a message.

    `stream` joins the slots of one stream across messages. `primary` is False for a further address of the same
    stream (an ICE candidate): it is translated like the stream but never recorded. `at` is the dialect's own mark of
    the spot. `expires` is the lifetime in seconds the message gives this place, where it gives one.
    """

    role: Role
    place: Place
    at: Any
    stream: StreamKey | None = None
    primary: bool = True
    expires: int | None = None


@attrs.define(eq=False)
class Intent:
    """A message as the core sees it.

    `call` names the call or call attempt, `exchange` the request and answer it belongs to, both within the realm it
    came from. `label` is the call's own name where peers write it (SIP: Call-ID), which the SBC may hide. `party`
    names the sender within the call where a call may be answered by several. `method` is for logs and rules.
    """

    kind: Kind
    phase: Phase
    call: bytes
    exchange: bytes
    label: bytes = b""
    party: bytes = b""
    method: str = ""
    target: Slot | None = None  # where the message asks to be taken
    withdraws: bytes = b""  # the exchange that a WITHDRAW takes back
    binding: bytes = b""  # whom a BIND registers (SIP: the address of record)
    claimed: Address | None = None  # the transport address the sender believes it has
    expires: int | None = None  # lifetime in seconds asked for or granted
    route: tuple[bytes, ...] | None = None  # the hops the sender wants visited on the way back to it; None: unchanged
    cause: str = ""  # of a failure or a close, in the protocol's own words


class BadMessage(Exception):
    """The bytes are not a message of the dialect. The only exception a decoder raises.

    `reply` is the protocol's own error answer, ready to send, or None where none is allowed.
    """

    def __init__(self, reason: str, reply: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reply = reply


class Cause(Enum):
    """Why the SBC refuses; every dialect turns these into its own codes."""

    NOT_FOUND = "not-found"
    NO_CALL = "no-call"
    FORBIDDEN = "forbidden"
    BUSY = "over-limit"
    NO_PORTS = "no-media-ports"
    LOOP = "too-many-hops"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNSUPPORTED = "unsupported"
    WITHDRAWN = "withdrawn"
    DRAINING = "draining"


class Refused(Exception):
    """The core will not take a message across; the dialect says so to the peer."""

    def __init__(self, cause: Cause, why: str, retry_after: int | None = None) -> None:
        super().__init__(why)
        self.cause = cause
        self.why = why
        self.retry_after = retry_after
