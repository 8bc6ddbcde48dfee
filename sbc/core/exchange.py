"""Exchanges: a request and its answers, once on each side of the border, with their retransmissions."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from sbc.core.address import Address, Pair
from sbc.core.binding import Binding
from sbc.core.call import Call, Stream
from sbc.core.fan import Fan
from sbc.core.keys import ExchangeKey, near_key
from sbc.core.message import Flow, Intent, Kind, Phase, Place, Slot, StreamKey, Timing
from sbc.core.names import Peer
from sbc.core.orders import Listener, Send
from sbc.core.realm import Path
from sbc.core.secured import Secured
from sbc.core.securing import Wards
from sbc.core.timers import Entry
from sbc.core.trunk import Trunk
from sbc.core.value import value
from sbc.core.watch import Watch
from sbc.core.word import Word
from sbc.policy.demand import Demand

if TYPE_CHECKING:
    from sbc.core.hops import HopKey, Neighbour
    from sbc.core.promises import Promise


NOTHING: Mapping[Any, Any] = MappingProxyType({})
SPENT = Intent(Kind.BIND, Phase.REQUEST, call=b"", exchange=b"", method="BIND")
"""What all those had been that have let go."""


class ExchangeState(Word):
    """Where an exchange is. Its one deadline means something else in each: `transact.wake_exchange` says what."""

    TRYING = "trying"  # sent onward, nothing heard: retransmit, at last give up
    PROCEEDING = "proceeding"  # the other side is at it: wait with patience
    WITHDRAWING = "withdrawing"  # to be taken back as soon as the other side has been heard
    WITHDRAWN = "withdrawn"  # taken back: the other side has yet to say so
    ACCEPTED = "accepted"  # answered with success
    REFUSED = "refused"  # answered with a failure, or what else the asker has yet to acknowledge: repeat it
    DONE = "done"  # over; retransmissions are absorbed until it is forgotten


OPEN_STATES = frozenset(
    {ExchangeState.TRYING, ExchangeState.PROCEEDING, ExchangeState.WITHDRAWING, ExchangeState.WITHDRAWN}
)
ENDED_STATES = frozenset({ExchangeState.ACCEPTED, ExchangeState.DONE})


@value
class Hop:
    """One side of an exchange: our socket and the peer's transport address.

    `otherwise` is where the peer takes connections, if what it is told finds its own gone (RFC 3261 section 18.2.2).
    """

    listener: Listener
    peer: Address
    otherwise: Address | None = attrs.field(default=None, eq=False)

    @property
    def reliable(self) -> bool:
        """Whether nothing is lost on the way, so that nothing need be said twice."""
        return self.listener.reliable

    def key(self, intent: Intent, exchange: bytes) -> ExchangeKey:
        """The key of an exchange of that id that came by here: of our end, too, where `intent` means it."""
        at = self.listener if intent.bound or intent.local or intent.carried else None
        return near_key(self.listener.realm, self.peer, exchange, at)

    def send(self, data: bytes, call: Call | None) -> Send:
        return Send(self.listener, self.peer, data, call.id if call else "", self.otherwise)


@attrs.frozen
class Change:
    """What an offer changed in a stream: the remote pair and media it had at `side`, the bandwidth it held, how it was
    secured, or that the stream is new; and what it `reserves` if it is taken (see Slot)."""

    stream: Stream
    side: int
    before: Pair | None
    new: bool
    media: str = ""
    flows: tuple[Flow, ...] = ()
    admitted: Demand | None = None
    wards: Wards | None = None
    reserves: bool | None = None


def mark(data: bytes) -> bytes:
    """By what a message is known again that is not kept; longer than itself it never is."""
    return blake2b(data, digest_size=16).digest() if len(data) > 16 else data


@attrs.define(eq=False)
class Exchange:
    """A request that crossed from `near` to `far`, or one that the SBC itself answers (`far` None) or asks (no `near`).

    `asked` is the request as it came, `sent` as it went onward, `heard` the last answer as it came, `answer` as it went
    back. `memo` belongs to the dialect: what the answers must carry back. `token` is our own name of the exchange on
    the far side. `undo` holds what an offer changed, until it is accepted. Once it is DONE, `asked` is let go of, and
    `sent` where no failure that comes late has to be confirmed by it; then of `heard` its `mark` is kept.
    """

    dialect: str
    intent: Intent
    timing: Timing
    token: bytes
    near: Hop | None
    far: Hop | None
    path: Path | None = None
    neighbour: Neighbour | None = None  # the next hop it went to, where it went to one
    trunk: Trunk | None = None  # whose next hop that is, where it is none of the path's
    target: Place | None = None  # the place it asked for
    call: Call | None = None
    arrival_leg: int = 0
    party: bytes = b""  # of those who were asked, whom it is from or for; empty where it does not say
    label: bytes = b""  # the call's name on the far side
    asked: bytes = b""
    sent: bytes = b""
    heard: bytes = b""
    answer: bytes | None = None
    told: bool = False  # whether its asker was told more than that somebody is at it: then nobody else is asked
    pieces: tuple[bytes, ...] = ()  # of an answer in several: all but the last, as they went back
    confirmation: bytes | None = None
    memo: Any = None
    state: ExchangeState = ExchangeState.TRYING
    wait: float = 0.0
    deadline: float = 0.0
    keys: list[tuple[str, str, int, bytes]] = attrs.field(factory=list)
    offered: bool = False  # whether the request itself described media: then its answer is the answer to that
    rejected: dict[bytes, set[StreamKey]] = attrs.field(factory=dict)  # streams that answers of each party turn down
    unfit: Mapping[StreamKey, Secured | None] = NOTHING  # turned down for what is said of how they are secured
    bindings: list[Binding] = attrs.field(factory=list)
    taken_back: bytes = b""  # the message that took it back, where it came from
    asked_for: Mapping[Binding, Slot] = NOTHING  # what a BIND says of each place
    implied: tuple[Slot, ...] = ()  # places that a BIND means and does not name
    watch: Watch | None = None  # whose life it asks after
    receives: bool = False  # whether it is for us, and not for its asker, to say that provisional answers have arrived
    asks: int | None = None  # the leg of its call that it asks whether the call lives
    releases: tuple[bytes, tuple[str, ...]] | None = None  # the member that it takes off for us, and its streams' ids
    parting: Binding | None = None  # whose end it tells the registrar
    terminal: Binding | None = None  # the terminal that it is of, or for, if it is known
    allowed: int | None = None  # bit/s of media each way that leave is asked for, where that is less than it says
    leads: Address | None = None  # where the call is to go that its answer gives leave for
    returns: Promise | None = None  # the leave for a call that it gives back, or takes back
    summons: Exchange | None = None  # for which other it asks a terminal to open a connection
    undo: tuple[Change, ...] = ()
    fallback: Hop | None = None  # where to try next if `far` cannot be reached
    tried: tuple[HopKey, ...] = ()  # the next hops it went to, the present one included
    began_at: float = 0.0  # when it was first sent to the present one
    moves_on: float | None = None  # until when that may be silent, where there is another
    bounces: int = 0  # how often the present attempt has come back: nobody took it where it was sent
    instead: Exchange | None = None  # of an attempt that was given up: the exchange that goes on with another next hop
    tokens: dict[tuple[str, Peer], bytes] = attrs.field(factory=dict)
    spent: bool = False  # it has been answered, and no further answer crosses
    kept: str = ""  # as what its answer outlives the process, where it does
    due: float | None = None
    entry: Entry | None = None

    def let_go(self) -> None:
        """Nothing more of it crosses: what an answer needs is not kept for as long as late messages are absorbed."""
        self.spent = True
        self.intent, self.memo, self.target = SPENT, None, None
        self.asked_for, self.implied, self.tried = NOTHING, (), ()

    @property
    def fan(self) -> Fan | None:
        """Whose next hop it goes to, where it goes to one."""
        return self.trunk or self.path

    @property
    def listeners(self) -> list[Listener]:
        """Our sockets that it speaks by."""
        return [hop.listener for hop in (self.near, self.far, self.fallback) if hop is not None]

    @property
    def open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def call_id(self) -> str:
        """The id of its call; empty where it has none."""
        return "" if self.call is None else self.call.id

    @property
    def tends(self) -> bool:
        """Whether it is of ours about a terminal: asks whether it lives, or says that it does not, or its call."""
        return self.watch is not None or self.parting is not None or self.returns is not None

    @property
    def ends_call(self) -> bool:
        """Whether it asks to end the call, and not only what one of several who were asked has begun."""
        if self.call is None or self.intent.kind is not Kind.CLOSE:
            return False
        return not self.party or not self.call.answered_by or self.party == self.call.answered_by

    def next_wait(self) -> float:
        """The next retransmission interval, doubling from `first` up to a cap (RFC 3261 section 17); while the other
        side is at it, as the timing has it for that."""
        if self.timing.slow and self.state is ExchangeState.PROCEEDING:
            return self.timing.slow
        cap = self.timing.repeat if self.state is ExchangeState.REFUSED else self.timing.cap
        self.wait = min(self.wait * 2, cap) if self.wait else self.timing.first
        return self.wait

    def back(self, data: bytes | None) -> list[Send]:
        """Orders that send `data` to whoever asked; none if there is nothing to say or nobody to say it to."""
        return [self.near.send(data, self.call)] if data is not None and self.near is not None else []

    def acknowledge(self, data: bytes | None) -> list[Send]:
        """Orders that tell whoever was asked that its answer has arrived; it is told whenever that comes again."""
        self.confirmation = data
        return [] if data is None else self.onward(data)

    def again(self) -> list[Send]:
        """The same of all that was answered: of an answer in several pieces none may have arrived."""
        return [each for piece in dict.fromkeys((*self.pieces, self.answer)) for each in self.back(piece)]

    def onward(self, data: bytes) -> list[Send]:
        """Orders that send `data` to whoever was asked."""
        return [self.far.send(data, self.call)] if self.far is not None else []
