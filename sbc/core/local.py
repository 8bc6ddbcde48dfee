"""Names that count at one gateway alone: whose they are, and what they mean there.

There are protocols in which a gateway, or who controls it, calls requests and calls by small numbers, which others use
as well. A gateway is who is bound: in the access realm it is known by where it speaks from, in the core realm by the
port of ours that stands for it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from sbc.core import answers, bound
from sbc.core.binding import Binding
from sbc.core.call import Call, CallState
from sbc.core.exchange import Exchange, Hop
from sbc.core.keys import answer_key, local_key
from sbc.core.message import Cause, Intent, Kind, Phase, Refused
from sbc.core.onward import moved
from sbc.core.orders import Order
from sbc.core.realm import Path, Realm, Side

if TYPE_CHECKING:
    from sbc.core.hops import Neighbour
    from sbc.core.registry import Arrival, Registry

FEW = 64
"""Members that are to leave, or patterns of them, by which it is looked for the call of a request."""


def gateway(registry: Registry, arrival: Arrival, intent: Intent) -> Binding | None:
    """The gateway whose names count in a message: who sends it, or whom it is for."""
    realm = registry.plan.realms[arrival.listener.realm]
    if realm.side is Side.ACCESS:
        return bound.speaker(registry, arrival, intent)
    port = registry.terminal_ports.find(arrival.listener)
    return None if port is None else port.binding


def call_meant(registry: Registry, arrival: Arrival, intent: Intent) -> Call | None:
    """The call that a message means, by its name, or by a member of it."""
    if not intent.call and not intent.member:
        return None
    at = gateway(registry, arrival, intent)
    if at is None:
        return None
    if not intent.call:
        return registry.members.find(at.id, intent.member)
    return registry.calls_by_key.get(local_key(arrival.listener.realm, at.id, intent.call))


def named(registry: Registry, near: Hop | None, gateway: str, name: bytes) -> Call | None:
    """The call that is named so at a gateway, on the side of `near`."""
    return None if near is None else registry.calls_by_key.get(local_key(near.listener.realm, gateway, name))


def call_of(registry: Registry, arrival: Arrival, intent: Intent, realm: Realm) -> Call | None:
    """The live call that a request belongs to. @raises Refused where its sender is not bound, or where it has to belong
    to one and does not."""
    if realm.side is Side.ACCESS and intent.kind is not Kind.BIND and gateway(registry, arrival, intent) is None:
        raise Refused(Cause.UNBOUND, "not registered here")
    call = registry.call_meant(arrival, intent) or _left(registry, arrival, intent)
    if call is not None and call.state is CallState.CLOSED:
        if intent.kind is Kind.OPEN:
            registry.unname_call(call)  # a new call of the same name
        call = None
    if call is None and intent.within:
        raise Refused(Cause.NO_CALL, "no such call")
    return call


def _left(registry: Registry, arrival: Arrival, intent: Intent) -> Call | None:
    """The call whose members are to leave, where a request says no more of it; one of them, where there are several."""
    at = gateway(registry, arrival, intent) if intent.leaves and intent.kind is not Kind.BIND else None
    if at is None:
        return None
    called = partial(named, registry, Hop(arrival.listener, arrival.source), at.id)
    return next((call for call, _ in registry.members.meant(at.id, intent.leaves[:FEW], called)), None)


def origin(arrival: Arrival, intent: Intent, terminal: Binding | None) -> tuple[bytes, bytes]:
    """Within what the name of an exchange is its sender's: the realm, or our end of the way, where names are local; and
    who that is: a gateway whose names those are remains itself wherever it speaks from."""
    listener, realm = arrival.listener, arrival.listener.realm
    if not intent.local:
        return realm.encode(), str(arrival.source).encode()
    asks = terminal is not None and terminal.realm.name == realm and intent.kind is not Kind.BIND
    who = f"={terminal.id}" if terminal is not None and asks else str(arrival.source)
    return f"{realm} {listener.address}".encode(), who.encode()


def turns(registry: Registry, path: Path, terminal: Binding) -> list[Neighbour]:
    """The next hops in the order in which a gateway is to try them: the one that it is registered with comes first, as
    long as it is well. Another would know nothing of it."""
    found = registry.hops.turns(path, terminal.user or terminal.id.encode())
    own = [each for each in found if each.usable and each.key == terminal.granted_by]
    return [*own, *(each for each in found if each not in own)]


def followed(registry: Registry, dialect: Any, binding: Binding, before: Hop, now: float) -> list[Order]:
    """A gateway is reached by another way than `before`: so it is in its calls, and whatever it was asked, or asks,
    goes on there; where that is another transport, as it is said by that."""
    hop, orders = Hop(binding.listener, binding.seen), list[Order]()
    if hop == before:
        return orders
    for call in registry.members.of(binding.id):
        orders += moved(registry, call, call.leg_in(binding.realm.name), hop, now)
        registry.touch(call)
    anew = hop.listener.transport != before.listener.transport
    for exchange in _exchanges_with(registry, binding, before):
        if exchange.far == before:
            orders += registry.reach(exchange, hop, now)
            _find_answer_from(registry, exchange, before, hop)
            orders += _say_anew(registry, dialect, exchange, hop, now) if anew and exchange.open else []
        elif exchange.near == before and not exchange.spent:  # what it says again it has said before
            orders += registry.move_exchange(exchange, hop, now)
            if anew and exchange.answer:
                exchange.answer = dialect.moved(exchange.answer, hop.listener.transport, hop.listener.advertised)
            registry.touch(exchange if exchange.kept else None)
            registry.touch(exchange.call)
    return orders


def _say_anew(registry: Registry, dialect: Any, exchange: Exchange, hop: Hop, now: float) -> list[Order]:
    """What a gateway was asked by a transport that it has left, and has not answered, it is asked by the other: what
    was on a connection is lost with that, and nothing comes again by one."""
    exchange.sent = dialect.moved(exchange.sent, hop.listener.transport, hop.listener.advertised)
    if not hop.listener.reliable:
        registry.timers.set(exchange, min(now + exchange.next_wait(), exchange.deadline))
    return [*exchange.onward(exchange.sent)]


def _exchanges_with(registry: Registry, binding: Binding, at: Hop) -> list[Exchange]:
    """What was asked of a gateway, and by it, that has not been forgotten: through the port that stands for it, in its
    calls, and of before a restart."""
    port = registry.terminal_ports.find(binding.onward)
    found: list[object] = [] if port is None else [*port.holders]
    found += [exchange for call in registry.members.of(binding.id) for exchange in call.exchanges]
    ended = registry.crowd.late_exchanges.at(binding.realm.name, at.peer)
    found += [each for each in ended if each.intent is answers.TAKEN_UP]
    return [each for each in dict.fromkeys(found) if isinstance(each, Exchange)]


def _find_answer_from(registry: Registry, exchange: Exchange, before: Hop, hop: Hop) -> None:
    """Its answer comes by `hop` from now on."""
    if exchange.open:
        registry.waits.add(exchange)
    if hop.peer.host != before.peer.host:
        far = [key for key in exchange.keys if key == answer_key(before.listener, before.peer, key[3], False)]
        for key in far:
            registry.key_exchange(exchange, answer_key(hop.listener, hop.peer, key[3], False))


def is_its_answer(registry: Registry, exchange: Exchange, arrival: Arrival) -> bool:
    """Whether an answer comes from the very gateway that was asked: others may be behind the same NAT, and numbers are
    soon guessed. In the core a host is believed as a whole."""
    far = exchange.far
    if far is None or far.peer == arrival.source:
        return True
    return registry.plan.realms[far.listener.realm].side is Side.CORE


def completed(dialect: Any, message: Any, exchange: Exchange) -> tuple[Any, Intent]:
    """An answer with what its request had said, without which it does not tell what it means; and what that is."""
    message = dialect.complete(message, exchange.memo)
    intent: Intent = dialect.describe(message)
    if intent.kind is Kind.BIND and exchange.intent.kind is not Kind.BIND:
        intent = attrs.evolve(intent, kind=exchange.intent.kind)
    return message, intent


def as_it_stands(registry: Registry, intent: Intent, arrival: Arrival) -> Intent:
    """What would open a call that gathers, and is live already, changes it: its sender need not know whether it is. And
    what binds a gateway is but told to it where the core says it."""
    if intent.lasting and registry.plan.realms[arrival.listener.realm].side is Side.CORE:
        return attrs.evolve(intent, kind=Kind.OTHER, lasting=False)
    if intent.kind is not Kind.OPEN or intent.phase is not Phase.REQUEST:
        return intent
    call = call_meant(registry, arrival, intent)
    if call is None or call.state is CallState.CLOSED:
        return intent
    return attrs.evolve(intent, kind=Kind.MODIFY, within=True)
