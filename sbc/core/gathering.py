"""Calls that gather: they live by their members, which join and leave one by one, and are over when the last is gone.

There are protocols in which whoever controls a gateway has it make and join the ends of calls, and take them off again,
each by a request of its own. So it is positive answers that say who is there, and a call has no other beginning or end.
What a gateway says of itself (that it begins anew) takes members off as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sbc.core import account, moving
from sbc.core.binding import Binding
from sbc.core.call import Call, CallState
from sbc.core.exchange import Exchange
from sbc.core.local import named
from sbc.core.members import LONGEST, MOST_CALLS, MOST_MEMBERS, Gathering
from sbc.core.message import NO_ROUTE, Cause, Ending, Intent, Kind, Phase, Refused, Who
from sbc.core.orders import Note, Order
from sbc.core.patterns import is_plain
from sbc.core.realm import Side
from sbc.core.registry import Registry
from sbc.core.streams import close_stream
from sbc.core.way import is_trusted

MOST_LEFT = 64
"""Patterns of members that are gone which one message may have: each may mean all that a gateway has. Of names that
mean one member each there may be as many as the message has."""


def begun(registry: Registry, intent: Intent, gateway: Binding | None) -> Gathering:
    """What a call gathers that a request opens. @raises Refused where its gateway has too many calls, or is not
    known."""
    if gateway is None:
        raise Refused(Cause.UNBOUND, "not registered here")
    if registry.members.count(gateway.id) >= MOST_CALLS:
        raise Refused(Cause.BUSY, "too many calls at one gateway", 30)
    return Gathering(gateway.id, intent.call)


def concluded(registry: Registry, exchange: Exchange, answer: Intent, now: float, who: Who) -> list[Order]:
    """What an answer, given by `who`, does to the calls of a gateway."""
    call, orders = exchange.call, list[Order]()
    if answer.phase in (Phase.SUCCESS, Phase.PROVISIONAL) and call is not None and call.state is not CallState.CLOSED:
        orders += _named(registry, call, answer.call, now)  # long answers come in several
        orders += _joined(registry, call, exchange, answer, now)
    if who is not Who.SBC:  # a refusal of ours says nothing of members
        orders += told_of_members(registry, exchange, answer, now)
    if answer.phase.final:
        _learn_way(registry, exchange, answer, now)
    if call is not None and answer.phase.final and _is_deserted(call, exchange):
        ending = Ending.FAILED if answer.phase is Phase.SUCCESS else answer.ending
        orders += over(registry, call, answer.cause or "nobody has joined", ending, who, now)
    return orders


def _named(registry: Registry, call: Call, name: bytes, now: float) -> list[Order]:
    """The gateway calls a call by that name from now on. Another that it had called so is over there, and was not heard
    of."""
    gathering, orders = call.gathering, list[Order]()
    if gathering is None or not name or name == gathering.name or len(name) > LONGEST:
        return orders
    for leg in call.legs:
        before = registry.calls_by_key.get(registry.key_of(call, leg, name))
        if before is None or before is call:
            continue
        orders += over(registry, before, "its gateway has given its name to another", Ending.VANISHED, Who.SBC, now)
        registry.unname_call(before)
    for leg in call.legs:
        registry.name_call(call, leg, name)
    gathering.name = name
    return orders


def _joined(registry: Registry, call: Call, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    gathering, orders = call.gathering, list[Order]()
    if gathering is None:
        return orders
    for member in answer.joins:
        if member in gathering.members:
            continue
        if len(gathering.members) >= MOST_MEMBERS or len(member) > LONGEST:
            orders.append(Note("unjoined", "too many members in one call, or too long a name", call.id))
            break
        elsewhere = registry.members.find(gathering.gateway, member)
        if elsewhere is not None and member in answer.moves:
            orders += moving.move(registry, elsewhere, call, member, now)
        elif elsewhere is not None:  # it is in one call at a time
            orders += _parted(registry, elsewhere, member, now)
        if elsewhere is None or member not in answer.moves:
            registry.members.join(call, member)
        registry.touch(call)
        if elsewhere is not None and _is_deserted(elsewhere, exchange):
            orders += over(registry, elsewhere, "its last member has moved", Ending.NORMAL, _asker(call, exchange), now)
    if gathering.members and call.answered_at is None:
        call.life.answer()
        call.because("", None, None)
        call.answered_at, call.answered_by, call.asked_by = now, answer.party, exchange.intent.party
        call.accepted = (exchange.answer or b"", exchange.heard)
        orders.append(account.answered(call))
    return orders


def told_of_members(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """What an answer says of members that were there before: what they have counted, and that they are gone."""
    gateways = _gateways(exchange)
    orders = _reported(registry, gateways, answer, now)
    left = answer.leaves or (exchange.intent.leaves if answer.phase is Phase.SUCCESS else ())
    for gateway in gateways if left else ():
        orders += _left(registry, exchange, gateway, left, now)
    return orders


def _reported(registry: Registry, gateways: list[str], answer: Intent, now: float) -> list[Order]:
    """What members have counted is kept with their call, for as long as that is there; its record has it."""
    orders: list[Order] = []
    for member, counted in answer.reported[:MOST_MEMBERS]:
        for gateway in gateways:
            call = registry.members.find(gateway, member)
            if call is not None and call.gathering is not None:
                call.gathering.report(member, counted)
                registry.touch(call)
                orders.append(account.reported(call, member, counted, now))
    return orders


def unheard(registry: Registry, exchange: Exchange, now: float) -> list[Order]:
    """An exchange is forgotten. If it was to take members off, and nobody has answered it, not even too late: whoever
    wants them gone has no call with them any more, and the SBC keeps none for them. What a gateway says of itself as a
    whole it says again."""
    orders: list[Order] = []
    asked = exchange.intent
    given_up = asked.local and asked.leaves and asked.kind is not Kind.BIND and exchange.sent
    for gateway in _gateways(exchange) if given_up else ():
        orders += _left(registry, exchange, gateway, asked.leaves, now, f"nobody answers {asked.method}")
    return orders


def _left(
    registry: Registry,
    exchange: Exchange,
    gateway: str,
    patterns: tuple[tuple[bytes, bytes], ...],
    now: float,
    why: str = "",
) -> list[Order]:
    """Members are gone; calls that nobody is in any more are over."""
    orders, near = list[Order](), exchange.near
    touched: dict[Call, None] = {}
    meant, more = first_of(patterns)
    for call, gone in registry.members.meant(gateway, meant, partial(named, registry, near, gateway)):
        orders += _parted(registry, call, gone, now)
        touched[call] = None
    if more:
        orders.append(Note("unparted", "too many patterns of members that leave at once", exchange.call_id))
    asked = exchange.intent
    for call in touched:
        if _is_deserted(call, exchange):
            cause = why or asked.cause or f"the last member has left: {asked.method}"
            orders += over(registry, call, cause, asked.ending or Ending.NORMAL, _asker(call, exchange), now)
    return orders


def first_of(patterns: Iterable[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Those of several pairs of patterns that are looked for, each once, and whether there are more."""
    found, wide = list[tuple[bytes, bytes]](), 0
    for each in dict.fromkeys(patterns):
        wide += not is_plain(each[1])
        if wide > MOST_LEFT:
            return found, True
        found.append(each)
    return found, False


def _parted(registry: Registry, call: Call, member: bytes, now: float) -> list[Order]:
    """A member is gone, and its streams with it."""
    registry.members.part(call, member)
    registry.touch(call)
    orders: list[Order] = []
    for stream in [each for each in call.streams.values() if each.member == member]:
        orders += close_stream(registry.networks, call, stream, now)
    return orders


def _is_deserted(call: Call, exchange: Exchange) -> bool:
    """Whether nobody is in a call that lives by its members, nor is to be any more, when `exchange` is over."""
    if call.gathering is None or call.gathering.members or call.state is CallState.CLOSED:
        return False
    return not any(each.open and each.intent.gathers for each in call.exchanges if each is not exchange)


def over(registry: Registry, call: Call, cause: str, ending: Ending | None, who: Who, now: float) -> list[Order]:
    """A call is over, and nobody need be told."""
    if call.state is CallState.CLOSED:
        return []
    call.because(cause, ending, who)
    if call.answered_at is None:
        call.life.fail()
    else:
        call.life.end()
    return registry.close_call(call, now)


def _gateways(exchange: Exchange) -> list[str]:
    """The gateway that an exchange is with: who is bound there, or what it would bind."""
    known = [] if exchange.terminal is None else [exchange.terminal.id]
    return list(dict.fromkeys([*known, *(each.id for each in exchange.bindings)]))


def _asker(call: Call, exchange: Exchange) -> Who:
    near = exchange.near
    if near is None:
        return Who.SBC
    return Who.CALLEE if call.leg_in(near.listener.realm) else Who.CALLER


def _learn_way(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> None:
    """A gateway was told whom it is to speak to from now on, and has said yes. Or whom it was told to speak to does not
    answer it: then it begins anew where it had begun at first."""
    terminal, near, asked = exchange.terminal, exchange.near, exchange.intent
    if terminal is None or near is None or exchange.path is None:
        return
    if asked.kind is Kind.BIND:
        if answer.phase is not Phase.SUCCESS and terminal.service is not NO_ROUTE:
            terminal.service = NO_ROUTE
            registry.touch(terminal)
        return
    core = registry.plan.realms[near.listener.realm]
    if answer.phase is not Phase.SUCCESS or asked.route is None or core.side is not Side.CORE:
        return
    if asked.route.first is None or is_trusted(registry, core, asked.route.first.host, now):
        terminal.service = asked.route
        registry.touch(terminal)
