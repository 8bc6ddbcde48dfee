"""Sessions: until when the parties of a call have agreed that it lasts, and when they are asked whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from sbc.core.call import Call, CallState
from sbc.core.message import Cause, Intent, Phase, Refused
from sbc.core.orders import Note, Order
from sbc.core.realm import Lasting, Path

if TYPE_CHECKING:
    from sbc.core.exchange import Exchange
    from sbc.core.registry import Registry

LEAST = 90.0
"""The shortest session in seconds that is believed (RFC 4028 section 4 lets nobody agree on less)."""


@attrs.define(eq=False)
class Session:
    """What is known of the life of a call.

    `until`: when it is over unless its parties refresh it, as they have agreed to every `seconds`; `ask_at`: when they
    are to be asked, because they have not. `open` are the questions without an answer, `missed` the legs on which one
    could not be sent. `lost` says how it is known that a party has vanished."""

    seconds: float = 0.0
    until: float | None = None
    ask_at: float | None = None
    lost: str = ""
    open: set[Exchange] = attrs.field(factory=set)
    missed: set[int] = attrs.field(factory=set)


def check(intent: Intent, path: Path) -> None:
    """@raises Refused where a request asks for a session that is to be refreshed too often (RFC 4028 section 8.1)."""
    least = path.sessions.shortest
    if intent.session and intent.session < least and path.sessions.mode is not Lasting.OFF:
        raise Refused(Cause.BRIEF, "session interval too small", round(least), f"{intent.session} s")


def heard(registry: Registry, call: Call, exchange: Exchange, answer: Intent, now: float) -> None:
    """An answer has crossed. If it is one that begins or refreshes the session, it says for how long."""
    settings = call.path.sessions
    if answer.session is None or answer.phase is not Phase.SUCCESS or settings.mode is Lasting.OFF:
        return
    if (
        call.state is not CallState.UP
        or call.lifetime
        or (exchange is call.opening and answer.party != call.answered_by)
    ):
        return
    agreed = max(float(answer.session), LEAST) if answer.session else 0.0
    if not agreed and settings.mode is not Lasting.REFRESH and call.session is None:
        return
    session = call.session = call.session or Session()
    session.seconds = agreed
    session.until = now + agreed if agreed else None
    asks = not agreed and settings.mode is Lasting.REFRESH and not session.open
    session.ask_at = now + settings.period if asks else None
    schedule(registry, call)


def schedule(registry: Registry, call: Call) -> None:
    """Let the call be woken when there is next something to do about it."""
    session = call.session
    due = [call.ends_at] if session is None else [call.ends_at, session.until, session.ask_at]
    registry.timers.set(call, min(at for at in due if at is not None))
    registry.touch(call)


def resumed(registry: Registry, call: Call, now: float) -> None:
    """A call has come back after a restart: whoever was just being asked is asked again."""
    session = call.session
    if session is not None and session.until is None and session.ask_at is None:
        session.ask_at = now + call.path.sessions.period
        schedule(registry, call)


def answered(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """A party that was asked whether the call lives has answered: whatever it says, unless that it knows of no call."""
    if answer.gone:
        return _lost(registry, exchange, answer.cause, now)
    return _done(registry, exchange, now)


def missed(registry: Registry, exchange: Exchange, refused: Refused, now: float) -> list[Order]:
    """A party that was asked has not answered. A connection that is lost may be on its way to come anew, and where it
    is the next hop that is down another may lead to the party: it is asked once more."""
    call, leg = exchange.call, exchange.asks
    session = call.session if call is not None else None
    if call is None or session is None or leg is None or leg in session.missed:
        return _lost(registry, exchange, refused.why, now)
    hop = None if exchange.far is None else registry.hops.at(call.path, exchange.far)
    if refused.cause is Cause.TIMEOUT and (hop is None or hop.usable):
        return _lost(registry, exchange, refused.why, now)
    session.missed.add(leg)
    session.open.discard(exchange)
    session.ask_at = now + registry.plan.timers.linger
    schedule(registry, call)
    return []


def _done(registry: Registry, exchange: Exchange, now: float) -> list[Order]:
    call = exchange.call
    session = call.session if call is not None else None
    if call is None or session is None or exchange not in session.open or call.state is CallState.CLOSED:
        return []
    session.open.discard(exchange)
    if exchange.asks is not None:
        session.missed.discard(exchange.asks)
    if session.open or session.missed or session.lost:
        return []
    session.ask_at = None if session.until is not None else now + call.path.sessions.period
    schedule(registry, call)
    return [Note("refreshed", "both parties live", call.id)]


def _lost(registry: Registry, exchange: Exchange, why: str, now: float) -> list[Order]:
    """The call ends as soon as whoever is at it now is done."""
    call = exchange.call
    session = call.session if call is not None else None
    if call is None or session is None or exchange not in session.open or call.state is CallState.CLOSED:
        return []
    session.open.discard(exchange)
    session.lost = session.lost or f"{call.legs[exchange.asks or 0].realm.name}: {why}"
    registry.timers.set(call, now)
    return []
