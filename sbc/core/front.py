"""The registrar front: terminals are told short lifetimes, the registrar long ones; what is between ends at the SBC."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core import admission, keepalive, local
from sbc.core.binding import ABSENT, Binding, BindingState
from sbc.core.bound import binding_of, flow_of, named, rename
from sbc.core.crossing import DEFAULT_EXPIRES, MOST_GRANTED, Crossing
from sbc.core.exchange import Exchange, Hop
from sbc.core.message import NO_ROUTE, Intent, Kind, Phase, Role, Slot
from sbc.core.orders import Note, Order
from sbc.core.realm import Realm, Side, is_behind_nat
from sbc.core.registry import Arrival, Registry

LEAST_LEFT = 10.0
"""Seconds that must be left of a grant, for there to be something to tell."""
LEAST_LEARNED = 40
"""Seconds below which what is learned of a NAT is left to the keepalive."""
LEAST_PART, MOST_PART = 0.4, 0.95
"""Bounds of the part of its time that a terminal is believed to let pass before it refreshes."""
SHOWS = 0.75
"""The part of the silence after which a terminal is asked whether it lives, in which it is to say so by itself."""
GRACE = 32.0
"""Seconds that a terminal may be late: as long as a refresh may be on its way (RFC 3261 section 17.1.2.2, timer F)."""


def refresh(
    registry: Registry, dialect: Any, message: Any, intent: Intent, slots: list[Slot], arrival: Arrival
) -> tuple[bool, list[Order]]:
    """Whether a request is a refresh that ends here, and what is to be done or, if it goes on, said about it.

    A refresh changes nothing and comes from the very transport address that is bound, while the registrar's grant is
    young. Nobody is asked whether the sender is who it says: it is where the registrar's last yes has gone.
    """
    realm = registry.plan.realms[arrival.listener.realm]
    asks = intent.kind is Kind.BIND and intent.phase is Phase.REQUEST
    if not asks or intent.lasting or realm.side is not Side.ACCESS or not realm.registrations.front:
        return False, []
    places = _places(slots) + implied(registry, arrival, intent, slots)
    host = arrival.source.host
    found = [binding_of(registry, arrival, intent, slot.place, flow_of(slot, host)) for slot in places]
    bound = [binding for binding in found if binding is not None]
    why = _why_forward(realm, intent, places, bound, arrival) or _why_elsewhere(registry, bound)
    if why:
        fields = {"user": intent.user.decode(errors="replace"), "source": str(arrival.source), "realm": realm.name}
        return False, [Note("forwarded", why, "", fields)]
    lives: dict[Slot, int] = {}
    for slot, binding in zip(places, bound, strict=True):
        lives[slot] = min(
            _told(registry, binding, arrival, _asked(slot, intent)), int(binding.grant_ends - arrival.now)
        )
        _live(registry, binding, arrival.now, lives[slot])
        binding.strayed = False
    others = [
        (binding.place, int(binding.expires_at - arrival.now))
        for binding in registry.bindings_by_user[realm.name, bound[0].user]
        if binding.seen == arrival.source and binding not in bound and binding.expires_at > arrival.now + 1
    ]
    answer = dialect.renew(message, arrival.source, bound[0].kept, lives, others)
    fields = {"binding": bound[0].id, "source": str(arrival.source), "realm": realm.name}
    note = Note("absorbed", f"for {min(lives.values())} s", "", fields)
    return True, [note, Hop(arrival.listener, arrival.source).send(answer, None)]


def _why_forward(realm: Realm, intent: Intent, places: list[Slot], bound: list[Binding], arrival: Arrival) -> str:
    """Why a registration has to go to the registrar; empty if it need not."""
    if not places:
        return "names no place"
    if any(_asked(slot, intent) == 0 for slot in places):
        return "takes off"
    if len(bound) < len(places) or any(b.state in (BindingState.PENDING, BindingState.LAPSED) for b in bound):
        return "not bound"
    if any(b.seen != arrival.source or b.listener != arrival.listener for b in bound):
        return "from elsewhere"
    if any(b.stale for b in bound):
        return "its path has changed"
    if not intent.refreshes and any(b.terms != intent.terms for b in bound):
        return "changed"
    share = realm.registrations.forward_after
    if any(arrival.now >= b.granted_at + share * (b.grant_ends - b.granted_at) for b in bound):
        return "due"
    if any(arrival.now + LEAST_LEFT > b.grant_ends for b in bound):
        return "due"
    return ""


def _why_elsewhere(registry: Registry, bound: list[Binding]) -> str:
    """Why another registrar has to hear of a registration; empty if none has. Without one the terminal stays bound."""
    for binding in bound:
        if binding.granted_by is None:
            continue
        registrar = registry.hops.neighbours.get(binding.granted_by)
        if registrar is None or not registrar.usable:
            turns = registry.hops.turns(binding.path, binding.user)
            if turns and turns[0].usable:
                return "its registrar is down"
    return ""


def lifetimes(crossing: Crossing, slots: list[Slot]) -> list[tuple[Slot, int]]:
    """The seconds to write for each place of a BIND, or of the answer to one, on its way through `crossing`.

    Remembers what the terminal asked for. Call it when every slot is translated.
    """
    intent, exchange, registry = crossing.intent, crossing.exchange, crossing.registry
    realm = registry.plan.realms[crossing.path.access]
    if crossing.reply:
        if intent.phase is not Phase.SUCCESS:
            return []
        if intent.grants or exchange.intent.lasting:
            crossing.grant_all()
        if exchange.intent.lasting:
            return []
        least = 1 if realm.registrations.front else MOST_GRANTED  # nobody is to count on more than is kept
        bound = crossing.bound.items()
        return [(slot, _granted(crossing, binding)) for slot, binding in bound if crossing.granted[binding] >= least]
    found = []
    for slot in (*_places(slots), *exchange.implied):
        wish = attrs.evolve(slot, at=None)  # the spot, and with it the message, is not kept for as long
        meant = {binding: wish for binding in exchange.bindings if binding.place == slot.place}
        exchange.asked_for = {**exchange.asked_for, **meant}
        asked = _asked(slot, intent)
        if asked > 0 and realm.registrations.front and not intent.lasting:
            found.append((slot, max(asked, realm.registrations.core)))
    return found


def _granted(crossing: Crossing, binding: Binding) -> int:
    """What the terminal is told of a place that the registrar has granted."""
    now, near, granted = crossing.arrival.now, crossing.exchange.near, crossing.granted[binding]
    assert near is not None  # or there would be nobody to tell
    slot = crossing.exchange.asked_for.get(binding)
    if slot is None:  # the registrar speaks of another place of the same terminal
        return max(1, min(granted, int(binding.expires_at - now)))
    if not binding.realm.registrations.front:
        return granted
    asked = _asked(slot, crossing.exchange.intent)
    return min(granted, _told(crossing.registry, binding, Arrival(near.listener, near.peer, b"", now), asked))


def _told(registry: Registry, binding: Binding, arrival: Arrival, asked: int) -> int:
    """For how long a terminal at the source of `arrival` may be registered before it has to come back."""
    times, listener = binding.realm.registrations, arrival.listener
    if not is_behind_nat(binding.realm, arrival.source, binding.place.address):
        return min(asked, times.direct)
    learned = int(keepalive.patience(registry, binding, listener, arrival.source, arrival.now))
    if listener.reliable and not learned:  # of its connection's end we hear, as a rule
        return min(asked, times.direct)
    return min(asked, learned if learned >= LEAST_LEARNED else times.behind_nat)


def shows(crossing: Crossing) -> int:
    """Within how many seconds a terminal whose registration was accepted is to show again and again that it lives,
    which it has to be told if it has said that it has several ways; 0: nothing is to be said. A bit less than the
    silence after which it would be asked."""
    exchange = crossing.exchange
    if not crossing.reply or exchange.near is None or not any(slot.flow for slot in exchange.asked_for.values()):
        return 0
    return int(SHOWS * keepalive.period(crossing.registry.plan.realms[crossing.path.access], exchange.near.listener))


def bind(registry: Registry, dialect: Any, binding: Binding, crossing: Crossing, kept: bytes) -> list[Order]:
    """The registrar has accepted: the binding lives on, at the source the accepted request came from."""
    exchange, now, granted = crossing.exchange, crossing.arrival.now, crossing.granted[binding]
    assert exchange.near is not None  # the accepted request's own
    binding.lasting, binding.parted, binding.untold = exchange.intent.lasting, False, False
    if binding.lasting:
        granted = binding.realm.registrations.core
    if exchange.intent.route is not None:
        binding.route = exchange.intent.route
    if crossing.intent.route is not None:
        binding.service = crossing.intent.route
    elif binding.lasting and _is_of_another(binding, exchange):
        binding.service = NO_ROUTE
    told = granted if binding.lasting else _granted(crossing, binding)
    binding.strayed = binding.strayed and binding.seen != exchange.near.peer
    hop = Hop(binding.listener, binding.seen)
    before = binding.state
    if before is BindingState.PENDING:
        registry.pending.confirm(binding)
        admission.confirmed(registry, binding)
    moved = registry.move_binding(binding, exchange.near.peer, exchange.near.listener)
    if moved:
        admission.moved(registry, binding)
    registry.touch(binding)
    binding.granted_at, binding.grant_ends = now, now + granted
    whole = not exchange.intent.refreshes and not exchange.intent.adds
    if exchange.intent.adds:
        binding.terms = b""  # what it said at first is not all that holds any more
    elif whole:
        binding.terms, binding.label, binding.kept = exchange.intent.terms, exchange.intent.label, kept
        binding.comes = exchange.intent.comes
    if crossing.intent.handle:
        rename(registry, binding, crossing.intent.handle)
    if binding.realm.keepalive.tell_core or (binding.lasting and exchange.far is not None and exchange.far.reliable):
        binding.registrar = exchange.far
    if exchange.sent and whole and (binding.lasting or binding.registrar is not None):
        binding.sent = exchange.sent  # what is not whole names nothing that could be taken off
    binding.granted_by = None if exchange.neighbour is None else exchange.neighbour.key
    binding.stale = False
    _live(registry, binding, now, told)
    keepalive.attend(registry, binding, now)
    orders = _replace_flow(registry, binding, exchange, now)
    binding.flows = bool(binding.flow) and crossing.intent.flows
    if exchange.intent.local:
        orders += local.followed(registry, dialect, binding, hop, now)
    if before is BindingState.PENDING or before in ABSENT or moved:
        fields = {"binding": binding.id, "user": binding.user.decode(errors="replace"), "seen": str(binding.seen)}
        word = "moved" if moved and before is BindingState.BOUND else "bound"
        orders.append(Note(word, f"for {told} s, by the registrar for {granted} s", "", fields))
    return orders


def _is_of_another(binding: Binding, exchange: Exchange) -> bool:
    """Whether whom a gateway was told to speak to is another than who has taken it now: that is told no more of it."""
    first, far = binding.service.first, exchange.far
    if first is None or far is None:
        return exchange.neighbour is not None and exchange.neighbour.key != binding.granted_by
    return first.host != far.peer.host


def _replace_flow(registry: Registry, binding: Binding, exchange: Exchange, now: float) -> list[Order]:
    """Forget the older bindings of the flow that has come anew (RFC 5626 section 6: the newest replaces), and what a
    gateway was by another name: there is one at a place, and each would live by the other's answers."""
    slot = exchange.asked_for.get(binding)
    binding.flow = b"" if slot is None else flow_of(slot, binding.seen.host)
    siblings = registry.bindings_by_user[binding.realm.name, binding.user]
    older = [
        each
        for each in siblings
        if each is not binding and binding.flow and each.flow == binding.flow and each not in exchange.bindings
    ]
    if binding.lasting:
        here = registry.bindings_by_source[binding.realm.name, binding.seen]
        same = [each for each in here if each.lasting and each.listener == binding.listener and each not in older]
        older += [each for each in same if each is not binding and each not in exchange.bindings]
    orders: list[Order] = []
    for each in sorted(older, key=lambda b: b.id):
        if not any(getattr(claim, "open", False) for claim in each.claims):
            orders += registry.forget_binding(each, "its flow has come anew", now)
    return orders


def _live(registry: Registry, binding: Binding, now: float, told: float) -> None:
    """The terminal knows itself registered for `told` seconds more. When it came, of the time it had, is its habit."""
    if binding.told_at < now < binding.expires_at:
        part = (now - binding.told_at) / (binding.expires_at - binding.told_at)
        binding.comes_back = min(max(part, LEAST_PART), MOST_PART)
    binding.told_at = now
    binding.state = BindingState.BOUND
    binding.expires_at = now + told
    registry.timers.set(binding, min(binding.grant_ends, binding.expires_at + GRACE))


def wake_binding(registry: Registry, binding: Binding, now: float) -> list[Order]:
    """A registration has run out, unless the registrar has yet to say whether it goes on; or a terminal is late."""
    if now < binding.grant_ends:
        binding.state = BindingState.LAPSED
        registry.leave(binding, now)
        registry.timers.set(binding, binding.grant_ends)
        fields = {"binding": binding.id, "user": binding.user.decode(errors="replace"), "seen": str(binding.seen)}
        return [Note("lapsed", "the terminal has not come back", "", fields)]
    asked = [claim.deadline for claim in binding.claims if isinstance(claim, Exchange) and claim.open]
    if asked and max(asked) > now:
        registry.timers.set(binding, max(asked))
        return []
    return registry.forget_binding(binding, "expired", now)


def implied(registry: Registry, arrival: Arrival, intent: Intent, slots: list[Slot]) -> list[Slot]:
    """The places that a BIND means and does not name: those of the bindings that its handle stands for."""
    if not intent.handle:
        return []
    said = {slot.place for slot in _places(slots)}
    bound = [each for each in named(registry, arrival, intent.handle) if is_meant(each, intent)]
    return [Slot(Role.SIGNAL, each.place, None, flow=each.flow) for each in bound if each.place not in said]


def is_meant(binding: Binding, intent: Intent) -> bool:
    """Whether a BIND is about the binding as a whole: of one that takes names away, if it takes that it goes by."""
    return not intent.users or not binding.user or binding.user in intent.users


def _places(slots: list[Slot]) -> list[Slot]:
    return [slot for slot in slots if slot.role is Role.SIGNAL and slot.primary]


def _asked(slot: Slot, intent: Intent) -> int:
    """For how long a BIND asks to have a place registered."""
    for expires in (slot.expires, intent.expires):
        if expires is not None:
            return expires
    return DEFAULT_EXPIRES
