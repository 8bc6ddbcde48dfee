"""Calls that gather and that the SBC itself ends: each member is released, on both sides; so is who joins too late."""

from __future__ import annotations

from typing import Any

from sbc.core import asking, beside, transact
from sbc.core.call import Call
from sbc.core.exchange import Exchange, ExchangeState, Hop, mark
from sbc.core.gathering import over, told_of_members
from sbc.core.members import MOST_MEMBERS
from sbc.core.message import Cause, Ending, Intent, Phase, Place, Refused, Who
from sbc.core.orders import Note, Order
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry
from sbc.core.routing import by_one_that_lives


def disband(
    registry: Registry,
    dialect: Any,
    call: Call,
    cause: str,
    ending: Ending,
    now: float,
    who: Who = Who.SBC,
    lost: int | None = None,
) -> list[Order]:
    """End a call that gathers, as `ending.end_call` does any other."""
    gathering = call.gathering
    assert gathering is not None
    orders: list[Order] = [Note("ended", cause, call.id)]
    for index in sorted({0, 1} - {lost}):
        leg = call.legs[index]
        hop, _ = by_one_that_lives(registry, call.path, Hop(leg.listener, leg.seen), leg.label)
        counts = index == call.leg_in(call.path.access)  # there is the gateway, which knows what has come and gone
        for member in gathering.members:
            streams = tuple(stream.id for stream in call.streams.values() if stream.member == member)
            gone = (member, streams) if counts else None
            orders += _release(registry, dialect, call, gathering.name, member, index == 0, hop, ending, now, gone)
    said = ": ".join(filter(None, (dialect.word(ending), cause)))
    orders += over(registry, call, said, ending, who, now)
    waited = [beside.leader(registry, each) for each in call.exchanges if each.open and each.near is not None]
    for exchange in [each for each in dict.fromkeys(waited) if each.open and not beside.is_beside(each)]:
        orders += transact.give_up(registry, dialect, exchange, Refused(Cause.UNREACHABLE, cause), now, ending)
    return orders


def _release(
    registry: Registry,
    dialect: Any,
    call: Call,
    name: bytes,
    member: bytes,
    to_asker: bool,
    hop: Hop,
    ending: Ending,
    now: float,
    releases: tuple[bytes, tuple[str, ...]] | None = None,
) -> list[Order]:
    token = asking.own_name(registry, dialect, hop)
    data = dialect.release(name, member, to_asker, call.memo, Place(hop.peer), hop.listener, token, ending)
    return [] if data is None else transact.ask(registry, dialect, call, hop, data, now, releases=releases)


def deserted(registry: Registry, call: Call) -> int | None:
    """The leg of the gateway of a call that gathers, where that is bound no more."""
    gathering = call.gathering
    if gathering is None or gathering.gateway in registry.bindings:
        return None
    return call.leg_in(call.path.access)


def late(registry: Registry, dialect: Any, answer: Intent, exchange: Exchange, arrival: Arrival) -> list[Order] | None:
    """What follows from an answer that nobody waits for any more; None where somebody does, or it has come before. If
    its asker was refused meanwhile, those who join by it are released, and those are gone that it was to take off.

    What a gateway has said of itself, and the core believes too late, it says again; it may have had others join since.
    """
    far = exchange.far
    again = exchange.heard in (arrival.data, mark(arrival.data))
    if answer.phase is not Phase.SUCCESS or exchange.open or again:
        return None
    if not exchange.sent or exchange.state is ExchangeState.ACCEPTED or far is None:
        return [Note("too-late", "answered twice", exchange.call_id)]
    exchange.sent, exchange.heard = b"", mark(arrival.data)
    orders: list[Order] = [Note("too-late", "answered after it was given up", exchange.call_id)]
    if registry.plan.realms[far.listener.realm].side is Side.ACCESS:
        orders += told_of_members(registry, exchange, answer, arrival.now)
    orders += _let_go(registry, dialect, exchange, answer, far, arrival.now)
    for place, each in enumerate(beside.others(registry, exchange)):
        if each is not None:
            orders += _let_go(registry, dialect, each, beside.share(answer, place), far, arrival.now)
    return orders


def _let_go(registry: Registry, dialect: Any, exchange: Exchange, answer: Intent, far: Hop, now: float) -> list[Order]:
    """Those who join a call by an answer that its asker does not hear of are released."""
    call, orders = exchange.call, list[Order]()
    if call is None or call.gathering is None:
        return orders
    for member in answer.joins[:MOST_MEMBERS]:
        if registry.members.find(call.gathering.gateway, member) is None:
            name = answer.call or exchange.intent.call
            to_asker = exchange.arrival_leg == 1
            orders += _release(registry, dialect, call, name, member, to_asker, far, Ending.FAILED, now)
    return orders


def refuse_answer(
    registry: Registry, dialect: Any, exchange: Exchange, answer: Intent, no: Refused, arrival: Arrival
) -> list[Order]:
    """An answer cannot cross: its asker is refused instead, and who has joined by it is released."""
    orders = transact.refuse_answer(registry, dialect, exchange, answer, no, arrival.now)
    if exchange.intent.local:
        orders += late(registry, dialect, answer, exchange, arrival) or []
    return orders
