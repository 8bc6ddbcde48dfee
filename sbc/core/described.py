"""What one message says of media: its streams, where they are, on both sides, and what the engine is to do."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from sbc.core import admitted, bundling, channels, meeting, moving, weighed
from sbc.core.address import Address, Pair, is_private, is_unspecified, same_family, unspecified_like
from sbc.core.agreeing import Agreeing
from sbc.core.call import MOST_PARTIES, Call, CallState, Stream
from sbc.core.exchange import NOTHING, Change, Exchange
from sbc.core.message import Flow, Intent, Kind, Phase, Place, Role, Slot, StreamKey
from sbc.core.moving import Moving
from sbc.core.networks import Networks
from sbc.core.orders import OpenStream, Order, Shared
from sbc.core.realm import Realm, Side
from sbc.core.secured import Secured
from sbc.core.securing import Way
from sbc.core.streams import close_stream, mute_stream, new_stream
from sbc.core.ways import Ways, chosen, meant
from sbc.policy.bandwidth import left
from sbc.policy.demand import Demand

UNKNOWN = "0.0.0.0"  # nothing is sent to it
_UNSETTLED = frozenset({Phase.REQUEST, Phase.PROVISIONAL})  # what they offer and answer, a refusal takes back
NEGOTIATE = frozenset({Kind.OPEN, Kind.ANSWER, Kind.MODIFY})  # what else describes media only says what is possible
_REFUSALS = frozenset({Phase.FAILURE, Phase.CHALLENGE})


class Described:
    """The media of a message from leg `leg` of its call, on its way between the realms `sides`. `late`: it crosses, but
    moves nothing. `coming` are streams that come into the call by it, and are in others still."""

    def __init__(
        self,
        networks: Networks,
        intent: Intent,
        exchange: Exchange,
        leg: int,
        sides: tuple[Realm, Realm],
        now: float,
        late: bool,
        coming: Moving,
    ) -> None:
        self._networks = networks
        self._intent = intent
        self._exchange = exchange
        self._call = exchange.call
        self._leg = leg
        self._here, self._there = sides
        self._now = now
        self._late = late
        self._moving = coming
        self._holders = {stream: holder for holder, stream in coming.values()}
        self._signalled: dict[Stream, dict[Role, Address]] = {}
        self._held: dict[Stream, bool] = {}
        self._flowing: dict[Stream, str] = {}
        self._flows: dict[Stream, tuple[Flow, ...]] = {}
        self._slots: dict[tuple[Stream, Flow], list[Slot]] = {}  # where those are written
        self._had: dict[Stream, Demand | None] = {}  # the bandwidth that streams held before
        self._new: list[Stream] = []
        self._rejected: set[int | str] = set()
        self._channels: dict[tuple[int, bytes], Stream] = {}
        self._agreeing = Agreeing(networks, exchange, leg, sides, late, self._new)
        self.wards = self._agreeing.wards  # what was agreed, or asked, by this message
        self._searched: set[Stream] = set()  # streams that are found by ICE: where they are said to be means nothing
        self._unfit: Mapping[StreamKey, Secured | None] = NOTHING
        self._told: set[str] = set()  # the streams whose shared ports the other side hears of first
        self._ways = Ways()
        self._reserves: dict[Stream, bool | None] = {}

    def weigh(self, slots: list[Slot]) -> None:
        """Decide what of an offer is turned down for how it would be secured; to be called before all else."""
        call = self._call
        offers = self._negotiates and not self._answers and not self._late
        if offers and self._agreeing.translates and call is not None and self._networks.mint is not None:
            realms, way = (self._here, self._there), self._agreeing.negotiation(call).way
            self._unfit = weighed.turned_down(slots, lambda said: way(self._leg, said), realms, call)
            self._exchange.unfit = self._unfit

    def translate(self, slot: Slot) -> Place:
        """The place to write in a slot of media on the other side. @raises Refused when there is no room for it."""
        address = slot.place.address
        call = self._call
        advertised = self._there.media.advertised
        nothing = Place(Address(advertised, 0), ours=True)
        secures, secured = self._agreeing.slots, slot.secured
        tells = slot.primary or slot.way or secured is not None
        if self._agreeing.translates and (slot.role is not Role.RTCP or slot.one_way is not None) and tells:
            secures[slot] = None  # whatever becomes of it: keys go no further
        if call is None or call.state is CallState.CLOSED or not self._negotiates:
            return nothing  # any port of ours might be another call's
        moves = (slot.primary or slot.way > 0) and not self._late
        foreign = slot in secures and secured and secured.foreign and slot.role is Role.RTP
        if (foreign and self._agreeing.bars_foreign) or slot.stream in self._exchange.unfit:
            address = Address(address.host, 0)  # it cannot be secured, so it is turned down
        elif slot in secures and secured is not None and secured.at is not None:
            address = secured.at
        if address.port == 0:
            if moves and slot.stream is not None and not slot.way:
                self._rejected.add(slot.stream)
            return nothing
        stream = self._stream(call, slot, moves)
        if stream is None:
            return nothing
        if slot in secures:
            secures[slot] = stream
            if secured is not None and secured.ice is not None:
                self._searched.add(stream)
        unspecified = is_unspecified(address.host) and stream not in self._searched
        others = stream.remote[1 - self._leg]
        if others is not None and self._agreeing.repeats(stream, slot):
            return _echo(meant(stream, 1 - self._leg, slot.media) or others, slot)
        ours = stream.ours[1 - self._leg]
        if moves and slot.media:
            flow, flows = Flow(slot.media, slot.width), self._flows.get(stream, ())
            self._flows[stream] = flows if flow in flows else (*flows, flow)
            self._slots.setdefault((stream, flow), []).append(slot)
        if moves and not self._ways.leads(stream, slot):
            self._ways.note(stream, slot, address)
            moves = False
        if moves:
            address = self._number(stream, slot) or address
            known = self._signalled.setdefault(stream, {})
            known[slot.role] = address
            self._flowing[stream] = slot.media or self._flowing.get(stream, "")
            self._reserves[stream] = slot.reserves
            self._held[stream] = self._held.get(stream, False) or slot.held or unspecified
            muxed = slot.role is Role.RTCP and known.get(Role.RTP) == address  # RFC 5761 section 5.1.3
        else:
            muxed = False
        port = ours.rtcp.port if slot.role is Role.RTCP and ours.rtcp is not None and not muxed else ours.rtp.port
        if unspecified:
            return Place(Address(unspecified_like(advertised), port), ours=True)
        return Place(Address(advertised, port), ours=True)

    def _number(self, stream: Stream, slot: Slot) -> Address | None:
        """Note by which number the sender tells the stream from others; where it wants it then, if it says that."""
        shared, said = stream.shared[self._leg], slot.shared
        if shared is None or said is None:
            return None
        if slot.role is Role.RTCP:
            stream.shared[self._leg] = attrs.evolve(shared, rtcp=said.number)
        else:
            stream.shared[self._leg] = attrs.evolve(shared, rtp=said.number)
        return None if said.number is None else said.address

    def share(self) -> dict[int, Shared]:
        """The ports that the streams of this message share with others where it goes, by their own port there."""
        there = 1 - self._leg
        shared = ((stream.ours[there].rtp.port, stream.shared[there]) for stream in self._signalled)
        return {port: each for port, each in shared if each is not None}

    def tell(self, port: int) -> None:
        """The other side is told of the ports that a stream shares with others; that port there is its own."""
        there = 1 - self._leg
        for stream in self._signalled:
            shared = stream.shared[there]
            if shared is not None and not shared.told and stream.ours[there].rtp.port == port:
                stream.shared[there] = attrs.evolve(shared, told=True)
                self._told.add(stream.id)

    def _stream(self, call: Call, slot: Slot, new: bool) -> Stream | None:
        kind = "t38" if slot.role is Role.T38 else "rtp"
        channel = None
        if slot.channel:
            channel = channels.known(call, channels.opener(self._leg, slot.by_other), slot.channel)
        if slot.kindless and channel is not None:
            kind = channel.kind
        elif slot.kindless:
            kind = next((each.kind for each in reversed(call.streams.values()) if each.key == slot.stream), kind)
        assert slot.stream is not None  # a dialect gives every media slot its stream
        if not slot.way and any(other.key == slot.stream and other.kind != kind for other in self._signalled):
            return None  # a stream is of one kind at a time
        stream = None if channel is None else channel.stream
        if stream is None or call.streams.get((stream.key, kind)) is not stream:
            stream = call.streams.get((slot.stream, kind))
        if stream is None and (slot.stream, kind) in self._moving:
            stream = self._moving[slot.stream, kind][1]
        if stream is None and new:
            stream = new_stream(self._networks, call, slot, kind, self._now)
            self._new.append(stream)
        if stream is not None and new and slot.channel:
            self._channels[channels.opener(self._leg, slot.by_other), slot.channel] = stream
            if slot.by_other and stream.key != slot.stream:
                channels.rename(call, stream, slot.stream)
        if stream is not None and new and slot.member:
            stream.member = slot.member
        return stream

    @property
    def _answers(self) -> bool:
        """Whether it answers an offer, and makes none."""
        phase = self._intent.phase
        return phase is Phase.CONFIRM or (phase is not Phase.REQUEST and self._exchange.offered)

    def admit(self) -> list[tuple[Slot, tuple[int, ...] | None]]:
        """Ask for the bandwidth that the streams of this message take from now on; call once, when every slot is
        translated. Returns the slots of streams of which not all is to go on, best first, and which formats are, by
        their places; None where nothing is. @raises Refused when there is too little."""
        call, phase, side = self._call, self._intent.phase, self._leg
        answers = self._answers
        if call is None or (answers and phase is Phase.PROVISIONAL):
            return []
        moving.check(call, self._moving, self._intent)
        if self._intent.wants and not self._flows and phase is Phase.REQUEST:
            admitted.foresee(self._networks, call, side, self._intent.wants)
        if self._flows or (phase.final and self._exchange.intent.kind is Kind.OPEN):
            self._networks.book.release(admitted.foreseen(call))
        cuts: list[tuple[Slot, tuple[int, ...] | None]] = []
        for stream, flows in self._flows.items():
            holder = self._holders.get(stream, call)
            self._had.setdefault(stream, stream.admitted)
            if answers:
                # what was offered somebody has taken: it is let have that, and counted; what is new is an offer itself
                wanted = admitted.besides(holder, stream, admitted.agreed(holder, stream, side, flows))
                offered = stream.admitted is not None
                admitted.hold(self._networks, holder, stream, wanted, forced=offered)
                continue
            kept = admitted.offer(self._networks, holder, stream, side, flows, phase.reply and call.gathering is None)
            if kept:
                self._flows[stream] = left(kept)
                cuts += [(slot, keep) for flow, keep in kept for slot in self._slots[stream, flow]]
        return cuts

    @property
    def _negotiates(self) -> bool:
        """Whether what it describes is offered or answered; what a refusal describes is but what would be possible."""
        return self._exchange.intent.kind in NEGOTIATE and self._intent.phase not in _REFUSALS

    def secure(self) -> list[tuple[Slot, Secured | None]]:
        """What is to be told of how media is secured, at its slots; call once, when every slot is translated.
        @raises Refused where what its sender says of that is not what is demanded here, or there."""
        told = self._agreeing.secure(self._answers, self._negotiates)
        for stream in self._agreeing.lost:
            self._signalled.pop(stream, None)
            self._rejected.add(stream.key)
            if stream in self._new:  # it began by this alone: nobody hears of it
                self._forget(stream)
        return told

    def _forget(self, stream: Stream) -> None:
        """Give back what a stream had that this message had begun, and that does not come about."""
        assert self._call is not None
        if stream in self._had:
            holder = self._holders.get(stream, self._call)
            admitted.put_back(self._networks, holder, stream, self._had.pop(stream))
        self._channels = {named: each for named, each in self._channels.items() if each is not stream}
        close_stream(self._networks, self._call, stream, self._now)
        self._new.remove(stream)

    def abandon(self) -> None:
        """Give back the streams this message had opened, and the bandwidth: it will not cross after all."""
        for stream, before in self._had.items():
            assert self._call is not None
            admitted.put_back(self._networks, self._holders.get(stream, self._call), stream, before)
        self._had.clear()
        for stream in tuple(self._new):
            self._forget(stream)

    def orders(self) -> list[Order]:
        """What the message asks of the media engine; call once, when every slot is translated."""
        call, phase = self._call, self._intent.phase
        if call is None or self._late or self._exchange.intent.kind not in NEGOTIATE:
            return []
        orders, met = list[Order](), list[Order]()
        side = self._leg
        if self._intent.latches:
            call.legs[side].behind_nat = True
            known_before = [each for each in call.streams.values() if each not in self._signalled]
            orders += [order for stream in known_before for order in stream.changed(call, side)]
        for (opener, name), stream in self._channels.items():
            channels.join(call, opener, name, stream)
        for stream, known in self._signalled.items():
            orders += weighed.laid_open(call, stream, self.wards.get(stream))
            self._record(call, stream, side, known)
            self._ways.keep(stream, side)
            if self._answers and phase is not Phase.PROVISIONAL:
                stream.agree()
            met += meeting.may_meet(self._networks, self._here, call, stream.remote[side], self._now)
            holder = self._holders.get(stream, call)
            if stream in self._new:
                orders.append(OpenStream(stream.spec(call)))
            else:
                orders += stream.changed(holder, side)
                if stream.id in self._told:
                    orders += stream.changed(holder, 1 - side)
        orders += weighed.told(call, self._unfit)
        self._count_rejected()
        if phase is Phase.SUCCESS:
            about = self._meant()
            orders += chosen(about, side, lambda stream: self._holders.get(stream, call))
            for stream in about if not self._answers else ():
                if all(stream.flows):  # the other side had said before what it can take
                    stream.agree()
                    admitted.trim(self._networks, self._holders.get(stream, call), stream)
        if self._signalled and not self._intent.phase.reply:
            leg = call.legs[side]
            leg.described = max(leg.described, self._intent.sequence)
        if phase is Phase.REQUEST:
            self._exchange.offered = bool(self._signalled or self._rejected)
        elif phase is Phase.CONFIRM or (phase is Phase.SUCCESS and self._exchange.offered):
            orders += self._close_replaced(call)
        if phase is Phase.SUCCESS:  # who offered may send from now on, even if the answer came earlier: windows open
            silent = [stream for stream in call.streams.values() if stream not in self._signalled]
            if call.gathering is not None:  # where members gather, it is about those alone that were asked about
                silent = [each for each in silent if any(change.stream is each for change in self._exchange.undo)]
            for stream in silent if self._exchange is call.opening else ():
                stream.settle(self._intent.party, side)
            for stream in {change.stream for change in self._exchange.undo} if self._exchange.offered else ():
                holder = self._holders.get(stream, call)
                if holder.streams.get((stream.key, stream.kind)) is stream:
                    stream.agree()
                    admitted.trim(self._networks, holder, stream)
            orders += [order for stream in silent for order in stream.changed(call, side)]
        if self._intent.opens or self._intent.shuts or self._intent.pauses is not None:
            orders += channels.heard(self._networks, call, side, self._intent, self._now)
        return orders + met

    def _meant(self) -> dict[Stream, bool | None]:
        """The streams of which an answer tells in which way they are meant, and whether all are to be held ready."""
        asked = {change.stream: change.reserves for change in self._exchange.undo} if self._answers else {}
        told = {
            stream: reserves for stream, reserves in self._reserves.items() if self._answers or reserves is not None
        }
        return asked | {each: asked.get(each) if said is None else said for each, said in told.items()}

    def _count_rejected(self) -> None:
        """Of each party the latest word counts: it may take what it had turned down."""
        party, rejected = self._intent.party, self._exchange.rejected
        taken = {stream.key for stream in self._signalled}
        rejected[party] = (rejected.pop(party, set()) | self._rejected) - taken
        if len(rejected) > MOST_PARTIES:
            del rejected[next(iter(rejected))]

    def _record(self, call: Call, stream: Stream, side: int, known: dict[Role, Address]) -> None:
        rtp = known.get(Role.RTP) or known.get(Role.T38)
        flows, before_flows = self._flows.get(stream, ()), stream.flows[side]
        early = self._exchange is call.opening and self._exchange.offered and self._intent.phase is Phase.PROVISIONAL
        if flows and not early:  # who answers early may not be who answers
            stream.flows[side] = flows
        if rtp is None:
            stream.media[side] = self._flowing[stream] or stream.media[side]  # it sends what the other will take
            stream.wards = self.wards.get(stream, stream.wards)
            return
        if self._here.side is Side.ACCESS and self._networks.is_own_media(self._here, rtp.host):
            rtp = Address(UNKNOWN, rtp.port)  # no terminal is where we are: two that say so would send in a circle
        rtcp = known.get(Role.RTCP) if stream.kind == "rtp" else None
        if rtcp is None and stream.kind == "rtp":
            rtcp = Address(rtp.host, rtp.port + 1)  # RFC 3550 section 11
        wards = self.wards.get(stream, stream.wards)
        if wards and wards[side].way is Way.DTLS and (wards[side].said or Secured()).mux:
            rtcp = rtp
        if rtcp is not None and not same_family(rtcp.host, rtp.host):
            rtcp = Address(rtp.host, rtp.port + 1)
        leg = call.legs[side]
        reachable = is_unspecified(rtp.host) or same_family(rtp.host, self._here.media.address)
        before, exchange = stream.remote[side], self._exchange
        if self._intent.phase in _UNSETTLED and not any(c.stream is stream and c.side == side for c in exchange.undo):
            had = self._had.get(stream, stream.admitted)
            new, media = stream in self._new, stream.media[side]
            reserves = self._reserves[stream]
            exchange.undo += (Change(stream, side, before, new, media, before_flows, had, stream.wards, reserves),)
        stream.wards, stream.muted = wards, False
        if before not in (None, Pair(rtp, rtcp)) and not is_unspecified(rtp.host):
            stream.forget(side, before.rtp != rtp)
        stream.remote[side] = Pair(rtp, rtcp) if reachable else None  # of the other IP version: learned, if at all
        stream.media[side] = self._flowing[stream] or stream.media[side]
        stream.held[side] = self._held[stream] or call.paused[side]
        if side == 1 and call.answered_at is None:
            stream.hear(self._intent.party, side, flows)
        private = is_private(rtp.host) and rtp.host != leg.seen.host
        if self._here.side is Side.ACCESS and (private or not reachable):
            leg.behind_nat = True

    def _close_replaced(self, call: Call) -> list[Order]:
        """Streams the answer turned down (port 0), or replaced by one of another kind (voice by fax)."""
        kinds: dict[StreamKey, set[str]] = {}  # several, where all ways of a stream are held ready
        for each in self._signalled:
            kinds.setdefault(each.key, set()).add(each.kind)
        rejected = self._exchange.rejected.get(self._intent.party, ())
        orders: list[Order] = []
        for stream in list(call.streams.values()):
            carries = any(bundling.carries(stream, side, call.streams.values()) for side in (0, 1))
            gone = stream.key in rejected or stream.kind not in kinds.get(stream.key, (stream.kind,))
            if gone and carries:
                orders += mute_stream(self._networks, call, stream)
            elif gone or (stream.muted and not carries):
                orders += close_stream(self._networks, call, stream, self._now)
                here = (each for each in self._signalled if each.key == stream.key)
                for each in here:
                    admitted.replaced(self._networks, self._holders.get(each, call), each)
        return orders


def _echo(others: Pair, slot: Slot) -> Place:
    """A peer repeats our address of a stream as it heard it: it means that of the `others` side, as that knows it."""
    return Place((others.rtcp if slot.role is Role.RTCP else None) or others.rtp)
