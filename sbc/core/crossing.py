"""One message on its way across the border: translates its slots through the realm pair, keeps what that changed."""

from __future__ import annotations

from typing import Final

import attrs

from sbc.core import beside, bound, control
from sbc.core.address import Address, is_literal, is_specific
from sbc.core.binding import Binding
from sbc.core.call import Call, CallState
from sbc.core.described import NEGOTIATE, Described
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import Intent, Kind, Phase, Place, Role, Slot
from sbc.core.moving import on_their_way
from sbc.core.names import Name, Owner
from sbc.core.orders import Order, Shared
from sbc.core.realm import Hosts, Path, Side, is_behind_nat
from sbc.core.registry import Arrival, Registry
from sbc.core.secured import Secured

UNKNOWN = "0.0.0.0"  # no address to bind to, but one that nothing is sent to
DEFAULT_EXPIRES = 3600  # seconds, where neither side says (RFC 3261 section 10.2.1.1)
MOST_GRANTED = 7 * 86_400  # seconds of a grant that count: who is long gone is not kept for years
_MEDIA: Final = frozenset({Role.RTP, Role.RTCP, Role.T38})


class Crossing:
    """A message between arriving in `here` and leaving for `there`.

    `hop` is where it goes on, by which of our sockets; `peer_host` how the peer on that side is called where a message
    called the SBC so far; `target` the place the message asked for, with the SBC's own name for it already resolved.
    `from_leg` is the index of the leg the message came from, 0 outside a call; `label` the call's name where it goes.
    """

    def __init__(
        self,
        registry: Registry,
        arrival: Arrival,
        intent: Intent,
        exchange: Exchange,
        hop: Hop,
        path: Path,
        target: Place | None,
    ) -> None:
        self.registry = registry
        self.arrival = arrival
        self.intent = intent
        self.reply = reply = intent.phase.reply
        self.exchange = exchange
        self.call = exchange.call
        self.from_leg = 1 - exchange.arrival_leg if reply else exchange.arrival_leg
        self.label = exchange.intent.label if reply else exchange.label
        self.hop = hop
        self.path = path
        self.target = target
        self.here = registry.networks.realm_of(exchange.call, arrival.listener.realm)
        self.there = registry.networks.realm_of(exchange.call, hop.listener.realm)
        self.local: Address = hop.listener.advertised
        self.granted: dict[Binding, int] = {}
        self.bound: dict[Slot, Binding] = {}
        self._doors: list[Order] = []
        self._takes = False  # whether its sender says where it takes the control channel
        self.late = self._is_late()
        self._media = self._described(exchange, intent) if self._is_about_media() else None
        self._beside: list[Described | None] = []
        self._astray: dict[Call, Described] = {}
        self.calls = [] if exchange.call is None else [exchange.call]  # all that it is about
        for place, each in enumerate(beside.others(registry, exchange) if reply else ()):
            self._beside.append(None)
            if each is not None:
                self._beside[-1] = self._described(each, beside.share(intent, place))
                self.calls += [each.call] if each.call is not None else []

    def add(self, exchange: Exchange) -> None:
        """The request is about a further call, too; to be called in the order of Intent.beside."""
        self._beside.append(self._described(exchange, exchange.intent))
        self.calls += [exchange.call] if exchange.call is not None else []

    def _is_about_media(self) -> bool:
        """Whether the message has to do with media even where none of its slots is of any, as are most that hold none:
        what a message says of media is much to make for nothing."""
        call, intent, exchange = self.call, self.intent, self.exchange
        if call is None:
            return False
        if intent.wants or intent.moves:
            return True
        if self.late or exchange.intent.kind not in NEGOTIATE:
            return False
        if call.streams or exchange.undo or exchange.rejected or exchange.unfit or intent.phase.final:
            return True
        return bool(intent.latches or intent.opens or intent.shuts or intent.pauses is not None)

    def _described(self, exchange: Exchange, intent: Intent) -> Described:
        sides, late = (self.here, self.there), self.late and exchange is self.exchange
        moving = on_their_way(self.registry, exchange.call, intent)
        return Described(self.registry.networks, intent, exchange, self.from_leg, sides, self.arrival.now, late, moving)

    def number(self, number: int) -> int:
        """The number that a request has where the message goes, given the `number` it came with (Intent.sequence)."""
        if self.reply:
            return self.exchange.intent.sequence
        return number if self.call is None else self.call.legs[1 - self.from_leg].numbers.onward(number)

    def hidden_hosts(self) -> frozenset[str]:
        """The hosts of this side that the other is not to see: the sender's, as seen and as claimed, and ours here."""
        there, leg = self.there.name, self.from_leg
        hosts = {self.arrival.source.host}
        if self.intent.claimed is not None:
            hosts.add(self.intent.claimed.host)
        for call in self.calls:
            for realm, (place, _) in call.tokens:
                if realm == there:
                    hosts.add(place.address.host)
            for stream in call.streams.values():
                remote = stream.remote[leg]
                if remote is not None:
                    hosts.add(remote.rtp.host)
        return self.here.addresses.union(filter(is_specific, hosts))

    @property
    def peer_host(self) -> str:
        """How to call the peer on the other side by host, where so far the message called the SBC."""
        if self.there.side is Side.CORE:
            target = self.target
            if self.call is not None and self.intent.within:  # not the other party's own host, where it is sent direct
                return self.path.domain or self.call.legs[1 - self.from_leg].seen.host
            first = self.hop.peer if target is None or target.name else target.address  # a hop on the way is not it
            return self.path.domain or first.host
        return self.hop.peer.host

    def _is_late(self) -> bool:
        """Whether the message crosses, but moves nothing: the answer of a further party after another's was taken, or
        its confirmation; or a confirmation that comes again, when others may have said more since."""
        call = self.call
        if call is None or call.answered_at is None:
            return False
        if self.intent.phase is Phase.CONFIRM:
            known = call.legs[self.from_leg].described
            other = bool(self.exchange.party and call.answered_by) and self.exchange.party != call.answered_by
            return other or 0 < self.intent.sequence <= known
        return self.reply and self.exchange is call.opening and self.intent.party != call.answered_by

    # -- slots

    def weigh(self, slots: list[Slot]) -> None:
        """Look at all that a message describes before any of it is translated."""
        if self._media is None and any(slot.role in _MEDIA for slot in slots):
            self._media = self._described(self.exchange, self.intent)
        if self._media is not None:
            self._media.weigh(slots)

    def translate(self, slot: Slot) -> Place:
        """The place to write in `slot` on the other side. @raises Refused when there is no room for what it asks."""
        if slot.role in _MEDIA:
            return self._place_of(slot)
        if slot.role is Role.SIGNAL:
            return self._signal(slot)
        if slot.role is Role.IDENTITY:
            return self._identity(slot)
        if slot.role is Role.CONTROL:
            return self._control(slot)
        if slot.leads:
            self._promise(slot)
        if slot.vouches and self.reply and self.here.side is Side.CORE:
            self.registry.vouched.keep(self.here.name, slot.place.address.host, self.arrival.now)
        if slot.diverts:
            self._divert(slot)
        known = self._told(slot) if slot.token else self._dialled(slot) if slot.dials else None
        if known is not None:
            return known
        if not slot.place.address.port:
            return self._ourselves()
        return Place(self.own(slot.place.transport) if slot.place.transport else self.local, ours=True)

    def _place_of(self, slot: Slot) -> Place:
        """The place of media of the call that a slot is of; at none of ours where that is not known."""
        known = self._strayed(slot)
        if known is None and slot.beside:
            known = self._beside[slot.beside - 1] if 0 < slot.beside <= len(self._beside) else None
            if known is None:
                return Place(Address(self.there.media.advertised, 0), ours=True)
        if known is None:
            known = self._media = self._media or self._described(self.exchange, self.intent)
        return known.translate(slot)

    def _strayed(self, slot: Slot) -> Described | None:
        """The media of the call that a member is in by now of which an answer speaks, where that is none that was asked
        about; but for members that move by that very answer."""
        gateway, moves = self.exchange.terminal, (each.moves for each in (self.intent, *self.intent.beside))
        if not self.reply or not slot.member or gateway is None or any(slot.member in each for each in moves):
            return None
        call = self.registry.members.find(gateway.id, slot.member)
        if call is None or call in self.calls:
            return self._astray.get(call) if call is not None else None
        asked = attrs.evolve(self.exchange.intent, kind=Kind.MODIFY)
        exchange = attrs.evolve(self.exchange, intent=asked, call=call)
        sides, leg = (self.here, self.there), call.leg_in(self.here.name)
        networks, now = self.registry.networks, self.arrival.now
        self._astray[call] = Described(networks, self.intent, exchange, leg, sides, now, False, {})
        self.calls.append(call)
        return self._astray[call]

    def _ourselves(self) -> Place:
        """Our host on the other side, where nobody is to come by any port of it."""
        return Place(Address(self.local.host, 0), ours=True)

    def _divert(self, slot: Slot) -> None:
        """The core tells a terminal to call elsewhere: it reads our address, and what it then calls is that."""
        opening = None if self.call is None else self.call.opening
        if opening is not None and opening.terminal is not None and self.there.side is Side.ACCESS:
            self.registry.promises.diverted.keep(opening.terminal.id, slot.place.address, self.arrival.now)

    def _dialled(self, slot: Slot) -> Place | None:
        """Where a terminal was told to call, if it wants to call us."""
        terminal = self.exchange.terminal
        if terminal is None or not self.registry.networks.is_ours(self.here, slot.place.address.host):
            return None
        to = self.registry.promises.diverted.find(terminal.id, self.arrival.now)
        return None if to is None else Place(to)

    def _promise(self, slot: Slot) -> None:
        """The core gives leave for a call, and says where it is to go: it will come to us, and is taken there."""
        if self.reply and self.exchange.intent.heralds and self.there.side is Side.ACCESS:
            self.exchange.leads = slot.place.address

    def own(self, transport: str) -> Address:
        """Where we are found on the other side over that transport, or over any, where it is empty."""
        listener, registry = self.hop.listener, self.registry
        if transport in ("", listener.transport):
            return self.local
        port = registry.terminal_ports.find(listener)
        there, dialect = self.there, listener.dialect
        other = there.listener(dialect, transport) or there.line(dialect) if port is None else port.over(transport)
        return self.local if other is None else other.advertised

    def _identity(self, slot: Slot) -> Place:
        address = slot.place.address
        if self.registry.networks.is_ours(self.here, address.host):
            return Place(Address(self.peer_host, 0))
        if self.there.side is Side.CORE and address.host in (self.hop.peer.host, self.path.domain):
            return slot.place  # the name of the other side's own, which no address of ours may take
        hidden = self.path.hosts is Hosts.ALL or (self.path.hosts is Hosts.ADDRESSES and is_literal(address.host))
        return self._ourselves() if hidden else slot.place

    def _signal(self, slot: Slot) -> Place:
        place = slot.place
        if self.registry.networks.is_ours(self.here, place.address.host):
            name = self.registry.names.find(self.here.name, slot.token)
            if name is not None and self._may_tell(name, slot):
                return resolve(name)
            if name is None and not slot.primary:
                return Place(Address(self.peer_host, 0))
        if slot.primary:
            self._learn_place(place)
        elif not is_literal(place.address.host):
            return place
        owner, most = self._owner(place)
        party = self.intent.party if owner is self.call else b""  # a terminal is one place, whatever it calls itself
        if isinstance(owner, Binding) and (self.there.name, (place, party)) not in owner.tokens:
            self.registry.touch(owner)
        name = self.registry.names.give(owner, self.there.name, place, party, most)
        return Place(self.local, name.token, ours=True, transport=self.hop.listener.said)

    def _may_tell(self, name: Name, slot: Slot) -> bool:
        """Whether the other side may be told the place behind a name of ours, or gets a name for the name.

        A peer that loads a name of ours as its own place has it from another call, which the core has joined to this
        one: what is behind it is not this peer's to know. A terminal is told its own places only.
        """
        if self.intent.kind is Kind.BIND:
            owner, near = name.owner, self.exchange.near
            own = (
                isinstance(owner, Binding)
                and near is not None
                and (owner in self.exchange.bindings or owner.seen == near.peer)
            )
            if own and isinstance(owner, Binding):
                self.granted[owner] = min(self.lifetime(slot), MOST_GRANTED)
                self.bound[slot] = owner
            return own
        return not slot.primary and (self.there.side is Side.CORE or name.owner is self.call)

    def _told(self, slot: Slot) -> Place | None:
        """The place behind a name of ours that is only spoken of, where it may be told: a terminal knows its own."""
        if not self.registry.networks.is_ours(self.here, slot.place.address.host):
            return None
        name = self.registry.names.find(self.here.name, slot.token)
        if name is None:
            return None
        own = isinstance(name.owner, Binding) and name.owner.seen == self.hop.peer
        return resolve(name) if own or self.there.side is Side.CORE else None

    def grant_all(self) -> None:
        """The registrar grants all that it was asked for."""
        for binding, slot in self.exchange.asked_for.items():
            if binding in self.exchange.bindings:
                said = self.intent.expires  # the slot is the request's own: it says what was asked for
                self.granted[binding] = min(self.lifetime(slot) if said is None else said, MOST_GRANTED)
                self.bound[slot] = binding

    def lifetime(self, slot: Slot) -> int:
        """For how long a registrar grants a place: what it says of the place, of all, or what was asked for."""
        for expires in (slot.expires, self.intent.expires, self.exchange.intent.expires):
            if expires is not None:
                return expires
        return DEFAULT_EXPIRES

    def _learn_place(self, place: Place) -> None:
        if self.call is None or self.late:
            return
        leg = self.call.legs[self.from_leg]
        leg.latest = place
        if is_behind_nat(self.here, leg.seen, place.address):
            leg.behind_nat = True

    def _owner(self, place: Place) -> tuple[Owner, int]:
        if self.call is not None:
            return self.call, self.here.limits.names_per_call
        for binding in self.exchange.bindings:
            if binding.place == place and not self.reply:
                return binding, 1
        terminal = bound.speaker(self.registry, self.arrival, self.intent)
        if terminal is not None and terminal.place == place:
            return terminal, 1
        return self.exchange, self.here.limits.names_per_call

    def _control(self, slot: Slot) -> Place:
        """Where the other party is to open the control channel: at a door of ours."""
        call, address = self.call, slot.place.address
        if call is None or call.state is CallState.CLOSED or self.late or not address.port:
            return self._ourselves()
        told, self._doors = control.said(self.registry, call, self.from_leg, address, self.arrival.now)
        self._takes = True
        return Place(told, ours=True)

    def share(self) -> dict[int, Shared]:
        """The ports that the streams of this message share with others where it goes, by their own port there: the
        message may tell of them. To be called once its slots are translated."""
        return {} if self._media is None else self._media.share()

    def tell(self, port: int) -> None:
        """The message, as it is written, tells of the ports that a stream shares; `port` is its own there. Media goes
        from the shared ones from now on. To be called before its `orders`."""
        if self._media is not None:
            self._media.tell(port)

    def admit(self) -> list[tuple[Slot, tuple[int, ...] | None]]:
        """Ask for the bandwidth of its streams; call once, when every slot is translated. Returns the slots of streams
        of which not all is to go on, and what is. @raises Refused."""
        return [each for media in self._all for each in media.admit()]

    def secure(self) -> list[tuple[Slot, Secured | None]]:
        """How media is secured where the message goes, at the slots of its streams; call once, when every slot is
        translated. @raises Refused."""
        return [each for media in self._all for each in media.secure()]

    def tell_another(self) -> list[Order]:
        """Whom the message goes to now counts, and not who was asked before, in vain: what it is told of security, and
        its own door."""
        call, there, orders = self.call, 1 - self.from_leg, list(self._doors)
        if self._media is None or call is None:
            return orders
        for stream, wards in self._media.wards.items():
            orders += stream.tell_another(call, there, wards)
        return orders

    def abandon(self) -> None:
        """Give back the streams and the door this message had opened: it will not cross after all."""
        if self._doors and self.call is not None:
            controls = self.registry.controls
            controls.shut(controls.of(self.call), 1 - self.from_leg, self.arrival.now, rest=False)
        for media in self._all:
            media.abandon()

    def orders(self) -> list[Order]:
        """What the message asks of the media engine, and doors; call once, when every slot is translated."""
        moved: list[Order] = []
        if self._takes and self.call is not None:
            moved = control.moved(self.registry, self.call, self.from_leg, self.arrival.now)
        return self._doors + moved + [order for media in self._all for order in media.orders()]

    @property
    def _all(self) -> list[Described]:
        return [each for each in (self._media, *self._beside, *self._astray.values()) if each is not None]


def resolve(name: Name) -> Place:
    """The place a name stands for, with the hops to it as they are now."""
    owner, place = name.owner, name.place
    if isinstance(owner, Binding):
        route = owner.route
    elif isinstance(owner, Call):
        route = owner.legs[1 - owner.leg_in(name.realm)].route(name.party)
    else:
        return place
    return place if route is place.route else place._replace(route=route)
