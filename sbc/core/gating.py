"""The core asks the gate, of all that comes and of requests before they cross, and tells it what became of them."""

from __future__ import annotations

from typing import Final

from sbc.core import bound, held, local
from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.exchange import Exchange
from sbc.core.message import Cause, Ending, Intent, Kind, Phase, Refused
from sbc.core.orders import Listener, Note, Order
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry
from sbc.core.trust import standing, terminal_at
from sbc.core.way import is_trusted
from sbc.policy.events import Act, Message, Outcome, Standing
from sbc.policy.guard import BANNED
from sbc.policy.rules import WORD

_DENIED: Final = frozenset({Ending.UNAUTHORIZED, Ending.REJECTED})


def knock(registry: Registry, listener: Listener, source: Address, size: int, proven: str, now: float) -> str:
    """The fixed word for why what has come is dropped unread; empty where it is to be read. `size` is in octets, 0 for
    a connection."""
    if registry.gate.banned(listener.realm, source, now):  # before all else: of these there may be very many
        return BANNED
    word = registry.gate.knock(listener, source, size, standing(registry, listener, source, now), proven, now)
    if word == WORD and registry.waits.in_call(listener.realm, source):
        return ""  # who is in a call goes on, whatever is decided of calls to come
    return word


def ask(registry: Registry, intent: Intent, arrival: Arrival) -> list[Order] | None:
    """What is done instead where a request is not to cross; None where it may. @raises Refused."""
    listener, source = arrival.listener, arrival.source
    terminal = terminal_at(registry, listener.realm, source)
    if terminal is None and intent.bound:  # calls come by another port than their terminal is registered by
        terminal = bound.caller(registry, registry.plan.realms[listener.realm], source.host, intent.user)
    known = Standing.REGISTERED if terminal is not None else standing(registry, listener, source, arrival.now)
    message = Message(listener, source, known, intent, "" if terminal is None else terminal.id, arrival.proven)
    verdict = registry.gate.message(message, arrival.now)
    if verdict is None or (verdict.word == WORD and _belongs_to_a_call(registry, arrival, intent)):
        return None
    refused = Refused(verdict.cause, verdict.why, verdict.retry_after, verdict.by, f"denied-{verdict.word}")
    fields = {"source": str(source), "realm": listener.realm, "method": intent.method}
    if verdict.act is Act.DROP or intent.phase is Phase.CONFIRM:
        return [Note(f"dropped-{verdict.word}", verdict.by, "", fields)]
    if verdict.act is Act.HOLD:
        word = "held" if held.hold(registry, arrival, intent, refused, verdict.seconds) else "dropped"
        return [Note(f"{word}-{verdict.word}", verdict.by, "", fields)]
    raise refused


def _belongs_to_a_call(registry: Registry, arrival: Arrival, intent: Intent) -> bool:
    """Whether a request is of a live call, though it need not say that it is sent within one."""
    if intent.kind in (Kind.OPEN, Kind.BIND):
        return False
    realm = registry.plan.realms[arrival.listener.realm]
    try:
        call = local.call_of(registry, arrival, intent, realm) if intent.local else registry.call_meant(arrival, intent)
    except Refused:
        return False
    return call is not None and call.state is not CallState.CLOSED


def tell(
    registry: Registry, outcome: Outcome, arrival: Arrival, intent: Intent | None = None, cause: Cause | None = None
) -> None:
    """What became of what has arrived."""
    registry.gate.outcome(outcome, arrival.listener, arrival.source, intent, cause, arrival.now)


def answered(registry: Registry, exchange: Exchange, asked: Intent, intent: Intent, now: float) -> None:
    """A request has its final answer: what became of it."""
    near = exchange.near
    if near is None or not intent.phase.final:
        return
    if intent.phase is Phase.SUCCESS:
        outcome = Outcome.ACCEPTED
    elif asked.proves and (intent.phase is Phase.CHALLENGE or intent.ending in _DENIED):
        outcome = Outcome.WRONG
    else:
        outcome = Outcome.CHALLENGED if intent.phase is Phase.CHALLENGE else Outcome.FAILED
    registry.gate.outcome(outcome, near.listener, near.peer, asked, None, now)


def is_exempt(registry: Registry, realm: str, source: Address, now: float) -> bool:
    """Whether the core trusts whoever is at `source`, so that it is never banned."""
    there = registry.plan.realms.get(realm)
    return there is not None and there.side is Side.CORE and is_trusted(registry, there, source.host, now)
