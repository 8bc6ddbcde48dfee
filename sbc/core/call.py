"""Calls: two legs, their streams, and the table of a call's life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from sbc.core.address import Address, Pair
from sbc.core.message import NO_ROUTE, Ending, Flow, Intent, Place, Route, StreamKey, Who
from sbc.core.names import Peer
from sbc.core.numbers import Numbers
from sbc.core.orders import Latch, Listener, Order, Rate, Shared, SideSpec, StreamSpec, UpdateStream
from sbc.core.realm import Path, Realm
from sbc.core.secured import SideSecurity
from sbc.core.securing import Wards, elsewhere, put_back
from sbc.core.timers import Entry
from sbc.core.watch import Watch
from sbc.core.word import Word
from sbc.media import codecs
from sbc.policy import bandwidth
from sbc.policy.book import Ticket
from sbc.policy.demand import Demand
from sbc.policy.marking import Medium, Urgency

if TYPE_CHECKING:
    from sbc.core.channels import Channel
    from sbc.core.exchange import Exchange
    from sbc.core.members import Gathering
    from sbc.core.pulse import Pulse
    from sbc.core.sessions import Session

MOST_PARTIES = 64  # branches of one forked call; later ones take the place of the oldest


class CallState(Word):
    """Where a call is in its life."""

    OPENING = "opening"
    EARLY = "early"
    UP = "up"
    CLOSING = "closing"
    CLOSED = "closed"


# the state, what happens, and the state that follows; what is not here leaves the call as it is: who hangs up before
# the answer ends one dialogue of maybe several, and it is the answer to the opening that says what becomes of the call
_TABLE = {
    (CallState.OPENING, "ring"): CallState.EARLY,
    (CallState.OPENING, "answer"): CallState.UP,
    (CallState.OPENING, "fail"): CallState.CLOSED,
    (CallState.OPENING, "end"): CallState.CLOSED,
    (CallState.EARLY, "answer"): CallState.UP,
    (CallState.EARLY, "fail"): CallState.CLOSED,
    (CallState.EARLY, "end"): CallState.CLOSED,
    (CallState.UP, "hang_up"): CallState.CLOSING,
    (CallState.UP, "end"): CallState.CLOSED,
    (CallState.CLOSING, "stay"): CallState.UP,
    (CallState.CLOSING, "end"): CallState.CLOSED,
}


class Lifecycle:
    """What can happen to a call, and the state it is in."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = CallState.OPENING

    def ring(self) -> None:
        """Somebody is being alerted."""
        self._happens("ring")

    def answer(self) -> None:
        """Somebody has answered."""
        self._happens("answer")

    def fail(self) -> None:
        """The attempt has ended without an answer."""
        self._happens("fail")

    def hang_up(self) -> None:
        """A party asks to end it."""
        self._happens("hang_up")

    def stay(self) -> None:
        """The wish to end it was turned down."""
        self._happens("stay")

    def end(self) -> None:
        """It has ended."""
        self._happens("end")

    def _happens(self, what: str) -> None:
        self.state = _TABLE.get((self.state, what), self.state)


@attrs.define(eq=False)
class Leg:
    """One end of a call: the realm, the socket we speak from, and the transport address the peer was seen at.

    `label` is the call's name on this leg. `routes` are the hops to each party there, `latest` the place last loaded.
    `claimed` is where the peer believes to be, if it has said so.
    """

    realm: Realm
    listener: Listener
    seen: Address
    label: bytes = b""
    behind_nat: bool = False
    routes: dict[bytes, Route] = attrs.field(factory=dict)
    latest: Place | None = None
    numbers: Numbers = attrs.field(factory=Numbers)  # of the requests sent to the peer
    claimed: Address | None = None
    number: int | None = None  # what the call is called there, where that is for us to say or differs on the other side
    described: int = 0  # the highest number of a request of the peer's that described media
    suites: tuple[str, ...] | None = None  # by which the peer can take secured media, where it has said that

    def learn(self, intent: Intent) -> None:
        """Remember how the sender of `intent` wants to be reached."""
        if intent.route is None:
            return
        self.routes[intent.party] = intent.route
        if len(self.routes) > MOST_PARTIES:
            del self.routes[next(iter(self.routes))]

    def route(self, party: bytes) -> Route:
        """The hops to `party`; none if it never said."""
        return self.routes.get(party, NO_ROUTE)


@attrs.frozen
class Said:
    """What one of several who were asked has said of a stream: its address, what flows there, whether it holds it."""

    remote: Pair | None
    media: str
    held: bool
    flows: tuple[Flow, ...] = ()
    wards: Wards | None = None


@attrs.define(eq=False)
class Stream:
    """One media stream of a call. `ours` are our pairs in the legs' realms, `remote` what each peer has signalled, and
    `media` what it said flows there, `flows` the same and how much; `agreed` are those of the last offer that was
    answered, which are in force while another is open. Until somebody answers, `early` is what each of
    those who were asked has said. `admitted` is the bandwidth it holds, `limits` what the engine was told to let pass
    of each side's. `wards` are how its sides are secured, None where the SBC has no part
    in that; `secured` what the engine was told of that. `muted`: it was turned down, and is open for its transport
    alone, by which media of others goes."""

    id: str
    key: StreamKey
    kind: str
    ours: tuple[Pair, Pair]
    remote: list[Pair | None] = attrs.field(factory=lambda: [None, None])
    media: list[str] = attrs.field(factory=lambda: ["", ""])
    flows: list[tuple[Flow, ...]] = attrs.field(factory=lambda: [(), ()])
    agreed: tuple[tuple[Flow, ...], tuple[Flow, ...]] = ((), ())
    held: list[bool] = attrs.field(factory=lambda: [False, False])
    latched: list[Address | None] = attrs.field(factory=lambda: [None, None])  # where media was found to come from
    latched_rtcp: list[Address | None] = attrs.field(factory=lambda: [None, None])  # its RTCP, if not as signalled
    silent: bool = False  # whether the engine has told that nobody speaks on it
    early: dict[bytes, Said] = attrs.field(factory=dict)
    told: int = 0  # the clock, as the engine has it
    shared: list[Shared | None] = attrs.field(factory=lambda: [None, None])  # ports that it has besides, with others
    member: bytes = b""  # of a call that gathers: whose it is
    admitted: Demand | None = None
    limits: list[Rate | None] = attrs.field(factory=lambda: [None, None])
    wards: Wards | None = None
    secured: list[SideSecurity | None] = attrs.field(factory=lambda: [None, None])
    choices: list[tuple[Said, ...]] = attrs.field(factory=lambda: [(), ()])  # further ways that each side has said
    reserves: bool = False  # whether all of those that both can take are held ready, and not one chosen
    muted: bool = False

    def hear(self, party: bytes, index: int, flows: tuple[Flow, ...]) -> None:
        """Keep what `party`, on side `index`, has just said; of too many parties the oldest is forgotten."""
        self.early.pop(party, None)
        self.early[party] = Said(self.remote[index], self.media[index], self.held[index], flows, self.wards)
        if len(self.early) > MOST_PARTIES:
            del self.early[next(iter(self.early))]

    def forget(self, index: int, media: bool) -> None:
        """Where RTCP and (`media`) RTP of a side came from was found for an address that is no longer meant."""
        self.latched_rtcp[index] = None
        if media:
            self.latched[index] = None

    def settle(self, party: bytes, index: int) -> None:
        """It is `party` that has answered, on side `index`: what it had said counts, whatever others said since."""
        said = self.early.get(party)
        if said is not None:
            self.remote[index], self.media[index], self.held[index] = said.remote, said.media, said.held
            self.flows[index], self.wards = said.flows or self.flows[index], put_back(said.wards, self.wards)
        self.early.clear()

    @staticmethod
    def pair(host: str, port: int, kind: str) -> Pair:
        """The pair of a stream of that kind whose first port is `port`; only "rtp" has RTCP."""
        return Pair(Address(host, port), Address(host, port + 1) if kind == "rtp" else None)

    @property
    def clock(self) -> int:
        """The rate (Hz) of the RTP timestamps, or 0. While an offer is open that has nothing in common with what
        was agreed upon before, that goes on."""
        media = (self.media[0], self.media[1])
        return codecs.clock(media) if codecs.agreed(media) else self.told

    def limit(self, call: Call, index: int) -> Rate | None:
        """What the engine is to let pass of what the peer of that side sends: while an offer is open, what that or what
        is in force allows."""
        limit = self._allowed(call, index, (self.flows[0], self.flows[1]))
        if self.agreed not in (((), ()), (self.flows[0], self.flows[1])):
            limit = bandwidth.wider(limit, self._allowed(call, index, self.agreed))
        return call.legs[index].realm.media.shaped(limit)

    def _allowed(self, call: Call, index: int, flows: tuple[bandwidth.Flows, bandwidth.Flows]) -> Rate | None:
        realm = call.legs[index].realm
        return bandwidth.allowed(flows[index], flows[1 - index], self.kind, realm.bandwidth, realm.media.stream_limit)

    def agree(self) -> None:
        """An offer was answered: what both sides have said of it is in force."""
        self.agreed = (self.flows[0], self.flows[1])

    @property
    def medium(self) -> Medium:
        """What flows on it, by what either has signalled; what is neither video nor fax is marked as audio is."""
        if self.kind != "rtp":
            return Medium.FAX
        said = {media.partition(" ")[0] for media in self.media}
        return Medium.VIDEO if Medium.VIDEO.value in said else Medium.AUDIO

    def side(self, call: Call, index: int) -> SideSpec:
        """Side `index` as the engine is to have it now."""
        leg = call.legs[index]
        media, mark = leg.realm.media, leg.realm.marks.media_of(call.urgency, self.medium)
        return SideSpec(
            realm=leg.realm.name,
            local=self.ours[index],
            remote=self.remote[index],
            behind_nat=leg.behind_nat,
            seen_host=leg.seen.host,
            latch=Latch.OFF if self.muted else media.latch,
            window=media.window,
            dscp=mark.dscp,
            priority=mark.priority,
            incoming=leg.realm.marks.table,
            media=self.media[index],
            held=self.held[index],
            clock=self.clock,
            limit=self.limit(call, index),
            mark=leg.realm.network.mark,
            vpn=leg.realm.network.vpn,
            shared=self.shared[index],
            security=self.wards and self.wards[index].force,
        )

    def changed(self, call: Call, index: int) -> list[Order]:
        """What tells the engine of side `index`, and of the other one too where another clock, rate or security was
        agreed upon."""
        spec, other = self.side(call, index), self.limit(call, 1 - index)
        orders: list[Order] = [UpdateStream(self.id, index, spec)]
        secured = self.wards and self.wards[1 - index].force
        if spec.clock != self.told or other != self.limits[1 - index] or secured != self.secured[1 - index]:
            orders.append(UpdateStream(self.id, 1 - index, self.side(call, 1 - index)))
        self.told, self.limits[index], self.limits[1 - index] = spec.clock, spec.limit, other
        self.secured[index], self.secured[1 - index] = spec.security, secured
        return orders

    def tell_another(self, call: Call, index: int, wards: Wards) -> list[Order]:
        """Another peer of side `index` is told how it is secured: as `wards` have it; see `Call.ask_another`."""
        self.wards = wards
        return self.changed(call, index) if wards[index].force != self.secured[index] else []

    def spec(self, call: Call) -> StreamSpec:
        """The whole stream as the engine is to have it now."""
        self.told = self.clock
        sides = (self.side(call, 0), self.side(call, 1))
        self.limits, self.secured = [each.limit for each in sides], [each.security for each in sides]
        return StreamSpec(self.id, call.id, self.kind, sides)


@attrs.frozen
class Asked:
    """Who asked for a call and for whom, as the opening request says (see Intent), and by which method."""

    caller: bytes = b""
    callee: bytes = b""
    called: bytes = b""
    method: str = ""


class Call:
    """A call or other dialogue of two parties (a subscription is one too): leg 0 asked for it, leg 1 was asked."""

    def __init__(self, id: str, dialect: str, path: Path, legs: tuple[Leg, Leg], now: float) -> None:
        self.id = id
        self.dialect = dialect
        self.path = path
        self.legs = legs
        self.opened_at = now
        self.answered_at: float | None = None
        self.accepted: tuple[bytes, bytes] | None = None  # the answer, as leg 0 got it and as leg 1 gave it
        self.asked_by = b""  # the party whose attempt was answered
        self.answered_by = b""  # the party that did; what others who were asked say later moves nothing
        self.asked = Asked()
        self.terminal = b""  # the user whose binding it is from or for: whose call it is; empty where nobody is bound
        self.herald = b""  # what it is called everywhere, where it says so: leave may have been given for it
        self.cause = ""
        self.ending: Ending | None = None
        self.ended_by: Who | None = None
        self.streams: dict[tuple[StreamKey, str], Stream] = {}  # by key and kind
        self.opened_streams = 0
        self.channels: dict[tuple[int, bytes], Channel] = {}  # by the leg of who opened them, and their names
        self.paused = [False, False]  # whether the party of each leg wants nothing to be sent to it
        self.keys: set[tuple[str, str, bytes]] = set()
        self.tokens: dict[tuple[str, Peer], bytes] = {}
        self.target: Place | None = None  # what the opening request asked for
        self.opening: Exchange | None = None  # the attempt that is under way, or was the last
        self.exchanges: set[Exchange] = set()  # what is known of its messages; it is not forgotten before they are
        self.memo: Any = None  # belongs to the dialect: what its messages must go on saying; plain values
        self.bound = False  # whether it means the connections it goes by, and ends with them
        self.directed = False  # whether its messages tell who of both sends them
        self.lifetime = False  # whether it ends by itself unless refreshed (a subscription)
        self.gathering: Gathering | None = None  # its members, where it lives by them
        self.watch: Watch | None = None
        self.session: Session | None = None
        self.pulse: Pulse | None = None
        self.holder = b""  # what its terminal is known by where calls are counted
        self.urgent = False  # whether it goes past all limits
        self.urgency = Urgency.NORMAL  # as what it is marked
        self.ticket = Ticket()
        self.ends_at = now  # when it is over, whatever is said on it
        self.due: float | None = None
        self.entry: Entry | None = None
        self.life = Lifecycle()

    @property
    def state(self) -> CallState:
        return self.life.state

    def because(self, cause: str, ending: Ending | None, who: Who | None) -> None:
        """Note why and through whom the call ends, should it end now."""
        self.cause, self.ending, self.ended_by = cause, ending, who

    def ask_another(self, index: int) -> None:
        """Whoever was asked on leg `index` does not take it, and another is asked: of what was said there of how media
        is secured, nothing counts."""
        self.legs[index].suites = None
        for stream in self.streams.values():
            stream.wards = elsewhere(stream.wards, index)

    def leg_in(self, realm: str) -> int:
        """The index of the leg in `realm`."""
        return 0 if self.legs[0].realm.name == realm else 1

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.state.value} {self.legs[0].realm.name}->{self.legs[1].realm.name}>"
