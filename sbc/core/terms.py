"""The words in which a dialect tells the core of a message: what it is, and of which places and streams it speaks."""

from __future__ import annotations

from typing import NamedTuple

from sbc.core.address import Address
from sbc.core.word import Word

StreamKey = int | str
"""What names a stream within its call: the m-line index, logical channel, connection id, termination and stream."""


class Role(Word):
    """What the address in a slot is for."""

    RTP = "rtp"
    RTCP = "rtcp"
    T38 = "t38"
    SIGNAL = "signal"  # where a peer is to be found for signalling
    CONTROL = "control"  # where it takes the control channel of its call
    HIDE = "hide"  # must not leak; nobody answers to it
    IDENTITY = "identity"  # the host in a user's name, which the path's `hosts` option may let pass


class Kind(Word):
    """What a message does to a call or binding."""

    OPEN = "open"
    ANSWER = "answer"
    MODIFY = "modify"
    CLOSE = "close"
    BIND = "bind"
    OTHER = "other"


class Phase(Word):
    """Which part of an exchange a message is."""

    REQUEST = "request"
    CONFIRM = "confirm"  # acknowledges a final answer, or (OTHER) only tells something; is itself never answered
    WITHDRAW = "withdraw"  # takes back a request that is still open
    PENDING = "pending"  # "received, working on it": said by a hop to the hop before it, and never taken across
    PROVISIONAL = "provisional"
    SUCCESS = "success"
    FAILURE = "failure"
    CHALLENGE = "challenge"  # a failure that asks for the same request again, with credentials

    def __init__(self, word: str) -> None:
        self.final = word in ("success", "failure", "challenge")
        self.reply = self.final or word in ("pending", "provisional")


class Ending(Word):
    """Why a call ended, in one word for all protocols."""

    NORMAL = "normal"  # it was answered, and a party hung up
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    REJECTED = "rejected"
    CANCELLED = "cancelled"  # the caller gave up before the answer
    MOVED = "moved"
    NOT_FOUND = "not-found"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    INCOMPATIBLE = "incompatible"
    CONGESTION = "congestion"
    FAILED = "failed"
    EXPIRED = "expired"  # it had lasted as long as a call may
    SILENT = "silent"  # nobody had spoken for longer than a call may be silent
    VANISHED = "vanished"  # a party was gone without a word
    SHUTDOWN = "shutdown"  # the SBC is stopped, or taken out of service
    SPENT = "spent"  # the SBC ended it, since the account that pays for it was used up
    CLEARED = "cleared"  # the SBC ended it, for the cause it names


Counted = tuple[tuple[str, str], ...]
"""What a peer has counted itself: the protocol's words, and their values."""


class Elsewhere(Word):
    """A failure of whoever was asked, which another who is asked the same might not have."""

    TIMEOUT = "timeout"  # it has waited in vain for somebody else
    UNAVAILABLE = "unavailable"  # it cannot, for now: too much to do, or being maintained
    ERROR = "error"  # something is broken there


class Who(Word):
    """Who ended a call."""

    CALLER = "caller"
    CALLEE = "callee"
    SBC = "sbc"


class Route(NamedTuple):
    """Hops to be visited on the way to a peer, opaque to the core, in order; `first` is the address of the first, and
    `transport` what it wants to be sent to over, empty where it does not say."""

    hops: tuple[bytes, ...] = ()
    first: Address | None = None
    transport: str = ""


NO_ROUTE = Route()


def told_to(route: Route, peer: Address) -> Route:
    """A route as `peer` is told it: without a first hop that is another, in whose place it is asked."""
    return route if route.first in (None, peer) else Route(route.hops[1:])


class Place(NamedTuple):
    """Where a peer is to be found: an address, the dialect's own name for it, and the hops on the way.

    `name` is opaque to the core: in a place of ours the token that stands for the peer, elsewhere what the dialect
    needs to write the place again; empty where only the address is to be written. `ours` tells a place the SBC made up
    from one that a peer loaded. `transport` is how it is to be sent to, empty where that need not be said.
    """

    address: Address
    name: bytes = b""
    route: Route = NO_ROUTE
    ours: bool = False
    transport: str = ""


class Numbered(NamedTuple):
    """That a stream may come by ports that others share. The sender wants what is sent to it there to begin with
    `number`, and to go to `address` where it says so; None: nothing of that."""

    number: int | None = None
    address: Address | None = None


class Width(NamedTuple):
    """What a message says of how much its sender takes of a stream, or sends on it; 0: it does not say.

    `media` is bit/s of media alone (RFC 3890), `wire` with the headers from IP on (RFC 8866 section 5.8), `packets` how
    many a second, `rtcp` bit/s (RFC 3556; -1: it does not say). `packing` is how many ms of media a packet holds,
    `extra` the octets that each has besides header and media. `formats` has bit/s of media for each format of
    Slot.media, in that order; empty where nothing is said of any.
    """

    media: int = 0
    wire: int = 0
    packets: int = 0
    rtcp: int = -1
    packing: int = 0
    extra: int = 0
    formats: tuple[int, ...] = ()


UNSAID = Width()


class Flow(NamedTuple):
    """What may flow on a stream, as Slot.media has it, and how much of it."""

    media: str
    width: Width = UNSAID
