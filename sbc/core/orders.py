"""What the core asks of the outside. Values only: the runner carries them out, in the order given."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address, Pair
from sbc.core.secured import SideSecurity
from sbc.core.value import value
from sbc.core.vpn import MAIN, Vpn
from sbc.core.word import Word

DATAGRAMS = "udp"
"""The one transport without connections."""
SECURED = frozenset({"tls", "wss"})
"""The transports whose connections are encrypted."""
WEB = frozenset({"ws", "wss"})
"""The transports whose connections begin with HTTP, so that web pages can make them, and keep messages apart
(RFC 6455)."""
UNSET = -1
"""The priority of frames of which nothing is said."""
OWN = 255
"""In a table of DSCPs: what arrives with that one leaves with the other side's own."""


class Latch(Word):
    """From whom a side learns its media address (docs/security.rst)."""

    STRICT = "strict"  # only from the host its signalling came from
    NAT = "nat"  # from any host, if the terminal is behind a NAT
    OFF = "off"  # only from the signalled address


@value(cache_hash=True)  # asked for with each message sent
class Listener:
    """A signalling socket of ours: where it is, what it speaks, what peers are told (`advertised`). With a `lane` it is
    not the socket that all share, but one connection that we make from there, for one call alone; `awaited`, the peer
    makes it, who was asked to: what is sent meanwhile waits. `vpn` is the network that `address` is of."""

    realm: str
    dialect: str
    transport: str
    address: Address
    advertised: Address
    lane: str = ""
    awaited: bool = False
    vpn: Vpn = MAIN

    @property
    def shared(self) -> Listener:
        """The socket that listens there."""
        return attrs.evolve(self, lane="", awaited=False) if self.lane else self

    reliable: bool = attrs.field(init=False, eq=False, repr=False)
    """Whether nothing is lost on the way, so that nothing need be said twice: there are connections."""

    @reliable.default
    def _has_connections(self) -> bool:
        return self.transport != DATAGRAMS

    @property
    def secured(self) -> bool:
        """Whether what goes by its connections is encrypted."""
        return self.transport in SECURED

    @property
    def said(self) -> str:
        """The transport as it is told to peers beside an address; empty for the one nobody need be told of."""
        return self.transport if self.reliable else ""

    def __str__(self) -> str:
        return f"{self.dialect}/{self.transport} {self.address} ({self.realm})"


@value
class Rate:
    """A token bucket over the octets of UDP payloads: so many a second, and `burst` at once after a pause.

    What is more waits for its turn, up to `wait` seconds; what would wait longer is dropped. What is larger than
    `burst` never passes.
    """

    octets: int
    burst: int
    wait: float = 0.0


@value
class Shared:
    """Ports that many streams come by, at one side, where packets are told apart by numbers of 32 bits before them.

    What comes to `local` for this side begins with `number`. What is sent to the peer begins with the number that it
    has asked for, `rtp` and `rtcp`; None: with none. `told`: the peer knows of these ports, and is spoken to from them
    until it is heard by the side's own.
    """

    local: Pair
    number: int
    told: bool = False
    rtp: int | None = None
    rtcp: int | None = None


@value
class SideSpec:
    """One side of a stream: our pair, the remote pair as signalled, and how far to trust what arrives.

    `remote` is None until the peer has signalled one. `seen_host` is the host the peer's signalling came from. `window`
    is in seconds. For the books: `media` is what the peer has signalled to flow there, kind and formats, and `held`
    whether it has put that on hold, in one direction or both. `latched` is where its RTP was found to come from when
    the stream was open before, in another process: an engine that opens the stream believes that, as if it had carried
    it into the window. `latched_rtcp` is the same of its RTCP, None where that was found to come as signalled, or not
    at all; where it is `latched`, RTCP comes on the port of RTP.

    `limit` is what the peer may send, RTP and RTCP together; what is more waits or is dropped. `mark` is the sockets'
    SO_MARK (0: none), `vpn` the network that they are in. `clock` is the rate, in Hz, of the RTP timestamps that the
    peer sends; 0: not known. `dscp` and `priority` (of the frame, SO_PRIORITY; UNSET: as the system has it) mark what
    is sent to the peer. `incoming` says what becomes of the DSCP that its packets have: for each of the 64 the one
    that they leave with on the other side, OWN for that side's own; empty: all of them do with that. `shared` are
    ports that the side has besides its own, together with others; which, and by what number, stays the same for life.
    `security` is how it is secured; None: it is plain.
    """

    realm: str
    local: Pair
    remote: Pair | None
    behind_nat: bool
    seen_host: str
    latch: Latch
    window: float
    dscp: int = 0
    priority: int = UNSET
    incoming: bytes = b""
    media: str = ""
    latched: Address | None = None
    latched_rtcp: Address | None = None
    held: bool = False
    limit: Rate | None = None
    mark: int = 0
    vpn: Vpn = MAIN
    clock: int = 0
    shared: Shared | None = None
    security: SideSecurity | None = None


@value
class StreamSpec:
    """A stream to be relayed: `id` is unique in the process, `call` the call's id, `kind` "rtp" or "t38"."""

    id: str
    call: str
    kind: str
    sides: tuple[SideSpec, SideSpec]


@value
class Send:
    """Send `data` from `listener` to `to`; to `otherwise`, where the connection to `to` is gone."""

    listener: Listener
    to: Address
    data: bytes
    call: str = ""
    otherwise: Address | None = None


@value
class Alias:
    """What goes to `address` from `listener` may go by the connection that `peer` has made there."""

    listener: Listener
    peer: Address
    address: Address


@value
class Adopt:
    """The connection that `source` has made at `made_at` is the one to `peer` that was awaited by `listener`: from now
    on it is known as that, and what has waited goes by it."""

    listener: Listener
    peer: Address
    made_at: Listener
    source: Address


@value
class Listen:
    """Open a listener (a terminal's own signalling port)."""

    listener: Listener


@value
class Unlisten:
    """Close a listener opened by `Listen`."""

    listener: Listener


@value
class Connect:
    """Open the connection to `peer` before anything is said by it; of one that cannot be had `Border.unreachable`
    hears."""

    listener: Listener
    peer: Address


@value
class HangUp:
    """Close the connection to `peer`, when all is sent that was to be: what it was for is over. `late`: a moment later
    than nothing more is said by it, so that who is told by another connection hears that first."""

    listener: Listener
    peer: Address
    late: bool = False


@value
class OpenStream:
    """Open a stream; where its ports cannot be had the runner answers with `Border.unopened`."""

    spec: StreamSpec


@value
class UpdateStream:
    """The peer of side `side` (0 or 1) has signalled anew: take the spec and open its learning window again."""

    stream: str
    side: int
    spec: SideSpec


@value
class CloseStream:
    """Close a stream; what the engine returns is its charged volume."""

    stream: str
    call: str


@value
class Wake:
    """Call `Border.wake` at `at` (seconds on the clock `now` comes from) or soon after; where `exact`, as soon as can
    be."""

    at: float
    exact: bool = False


@value
class Record:
    """Something a call detail record holds has happened: `event` is open, ring, answer, hold, join, move, report, close
    or settled.

    What each has in `fields` is told by sbc/core/account.py.
    """

    call: str
    event: str
    fields: dict[str, Any]


@value
class Note:
    """A decision, for log and counters: `event` is a fixed word, `reason` says why."""

    event: str
    reason: str = ""
    call: str = ""
    fields: dict[str, Any] = attrs.field(factory=dict)


Order = (
    Send
    | Alias
    | Adopt
    | Listen
    | Unlisten
    | Connect
    | HangUp
    | OpenStream
    | UpdateStream
    | CloseStream
    | Wake
    | Record
    | Note
)
