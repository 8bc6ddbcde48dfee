"""Calls that the SBC ends itself: both parties are told, each in its own dialogue; so is who answers too late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sbc.core import asking, keyed, transact
from sbc.core.call import Call, CallState
from sbc.core.disband import disband
from sbc.core.exchange import Exchange, ExchangeState
from sbc.core.message import Cause, Ending, Intent, Kind, Phase, Place, Refused, Role, Who
from sbc.core.onward import hop_to
from sbc.core.orders import Note, Order
from sbc.core.registry import Registry
from sbc.core.routing import by_one_that_lives

SILENT_HANDSHAKE = "timeout"
_UNSECURED = {
    SILENT_HANDSHAKE: "no handshake in time",
    "fingerprint": "another certificate than promised",
    "no-profile": "no protection profile in common",
}


def end_call(
    registry: Registry,
    dialect: Any,
    call: Call,
    cause: str,
    ending: Ending,
    now: float,
    who: Who = Who.SBC,
    lost: int | None = None,
) -> list[Order]:
    """End a call for a `cause` of ours, whatever its state; nothing to do if it has ended. `who` had it ended. Nobody
    can be told on the `lost` leg."""
    if call.state is CallState.CLOSED:
        return []
    if call.gathering is not None:
        return disband(registry, dialect, call, cause, ending, now, who, lost)
    opening = call.opening
    if call.answered_at is None and opening is not None and opening.open:
        orders: list[Order] = []
        if opening.state is ExchangeState.PROCEEDING:
            orders += transact.send_withdrawal(registry, dialect, opening, now, ending)
        return orders + transact.give_up(registry, dialect, opening, Refused(Cause.UNREACHABLE, cause), now, ending)
    orders = [Note("ended", cause, call.id)]
    if call.answered_at is not None:
        for index in sorted({0, 1} - {lost}):
            orders += speak(registry, dialect, call, index, partial(dialect.close, ending=ending), now)
    call.because(": ".join(filter(None, (dialect.word(ending), cause))), ending, who)
    call.life.end()
    return orders + registry.close_call(call, now)


def silent(registry: Registry, dialects: Mapping[str, Any], stream_id: str, seconds: float, now: float) -> list[Order]:
    """Nobody speaks on a stream: end its call, if nobody speaks on any of its streams and none is on hold."""
    call = registry.calls.get(stream_id.partition("/")[0])
    if call is None or call.answered_at is None:
        return []
    for stream in call.streams.values():
        stream.silent = stream.silent or stream.id == stream_id
    speaking = [stream for stream in call.streams.values() if not stream.muted]
    if any(call.paused) or any(not stream.silent or any(stream.held) for stream in speaking):
        return []
    return end_call(registry, dialects[call.dialect], call, f"no media for {seconds:.0f} s", Ending.SILENT, now)


def unsecured(
    registry: Registry, dialects: Mapping[str, Any], stream_id: str, side: int, why: str, now: float
) -> list[Order]:
    """The peer of one side has no keys by a handshake, and will have none: end its call, where its realm wants that.
    One of which nothing has come (`SILENT_HANDSHAKE`) may be of a stream that nobody uses: then others count."""
    call, stream = keyed.find(registry, stream_id)
    if call is None or stream is None or call.answered_at is None or not call.legs[side].realm.protection.end_unkeyed:
        return []
    others = [each for each in call.streams.values() if each is not stream and each.kind == stream.kind]
    if why == SILENT_HANDSHAKE and any(keyed.passes(call, each, side) for each in others):
        return []
    cause = f"media in {call.legs[side].realm.name} cannot be secured: {_UNSECURED.get(why, why)}"
    return end_call(registry, dialects[call.dialect], call, cause, Ending.INCOMPATIBLE, now)


def resumed(registry: Registry, stream_id: str) -> None:
    """Somebody speaks again."""
    call = registry.calls.get(stream_id.partition("/")[0])
    for stream in call.streams.values() if call is not None else ():
        if stream.id == stream_id:
            stream.silent = False


def speak(
    registry: Registry,
    dialect: Any,
    call: Call,
    index: int,
    say: Callable[..., bytes | None],
    now: float,
    asks: bool = False,
) -> list[Order]:
    """Send the party of one leg a request of ours inside its dialogue, made by `say` (see IDialect.close): that the
    call is over, or, where it `asks`, whether it lives."""
    leg = call.legs[index]
    latest = leg.latest or (Place(leg.seen) if call.bound else None)
    if call.accepted is None or latest is None:
        return []
    party = call.answered_by if index else call.asked_by
    place = latest._replace(route=leg.route(party))
    hop, _ = by_one_that_lives(registry, call.path, hop_to(leg, place), leg.label)
    token = asking.own_name(registry, dialect, hop)
    data = say(call.accepted[index], index == 0, place, hop.listener, token, leg.numbers.own())
    if data is None:
        return []
    return transact.ask(registry, dialect, call, hop, data, now, index if asks else None)


def is_too_late(exchange: Exchange, answer: Intent) -> bool:
    """Whether `answer` takes up a call attempt that we have given up: nobody is there to have it any more."""
    call = exchange.call
    return (
        answer.phase is Phase.SUCCESS
        and exchange.intent.kind is Kind.OPEN
        and call is not None
        and call.state is CallState.CLOSED
        and call.answered_at is None
    )


def dismiss(
    registry: Registry, dialect: Any, message: Any, data: bytes, exchange: Exchange, now: float
) -> list[Order] | None:
    """Acknowledge an answer that came too late, and end what it has begun; None if that is not the protocol's way.

    RFC 3261 section 13.2.2.4. By the connection of its call whoever answers is told before that the attempt was taken
    back: then it crosses to nobody, since the asker's connection may be closed, and is not to be opened again.
    """
    places = [slot.place for slot in dialect.slots(message) if slot.role is Role.SIGNAL and slot.primary]
    call = exchange.call
    if exchange.far is None or call is None:
        return None
    unsaid: list[Order] | None = [_too_late(call)] if call.bound else None
    if not places:
        return unsaid
    if data == exchange.heard and exchange.confirmation is not None:
        return list(exchange.onward(exchange.confirmation))
    answer: Intent = dialect.describe(message)
    place: Place = places[0] if answer.route is None else places[0]._replace(route=answer.route)
    listener, sequence = exchange.far.listener, call.legs[1 - exchange.arrival_leg].numbers.own()
    confirmation = dialect.close(data, False, place, listener, registry.mint.token(), None)
    goodbye = dialect.close(data, False, place, listener, registry.mint.token(), sequence, call.ending)
    if confirmation is None or goodbye is None:
        return unsaid
    exchange.heard, exchange.confirmation = data, confirmation
    orders: list[Order] = [_too_late(call)]
    orders += exchange.onward(confirmation)
    if transact.is_busy(call):
        return [*orders, Note("untold", "too many late answers wait for their end to be heard", call.id)]
    return orders + transact.ask(registry, dialect, call, exchange.far, goodbye, now)


def _too_late(call: Call) -> Note:
    return Note("too-late", "answered after it was given up", call.id)
