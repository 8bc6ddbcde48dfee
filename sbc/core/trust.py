"""Who is known to be where a datagram says it came from; a stranger is sent no more packets than it has sent.

Anybody can write another's address on a datagram. What answers it goes to that other, and would go many times over.
"""

from __future__ import annotations

from sbc.core import answers
from sbc.core.address import Address
from sbc.core.asking import retry_later
from sbc.core.binding import Binding, BindingState
from sbc.core.call import CallState
from sbc.core.exchange import Exchange, ExchangeState, Hop
from sbc.core.orders import Listener, Order
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry
from sbc.core.trunk import is_at
from sbc.core.way import is_trusted
from sbc.policy.events import Standing

# these are asked for at every packet
_ACCESS, _PENDING, _STRANGER, _REGISTERED = Side.ACCESS, BindingState.PENDING, Standing.STRANGER, Standing.REGISTERED
_TRUNK = Standing.TRUNK

FEW = 4
"""First waits for which a refusal is repeated to a stranger that may have been told that we are at work: so, twice."""


def is_there(registry: Registry, exchange: Exchange) -> bool:
    """Whether who asked is known to be there: by a connection, as a core host, bound, or in a call that is taken up."""
    near, call = exchange.near, exchange.call
    if near is None or (call is not None and (call.answered_at is not None or call.state is CallState.EARLY)):
        return True
    return _at(registry, near)


def is_known(registry: Registry, arrival: Arrival) -> bool:
    """Whether who sent what has arrived is known to be there, whatever it says."""
    return _at(registry, Hop(arrival.listener, arrival.source))


def _at(registry: Registry, hop: Hop) -> bool:
    realm = registry.plan.realms[hop.listener.realm]
    if hop.reliable or not realm.sparing or realm.side is Side.CORE:
        return True
    return terminal_at(registry, realm.name, hop.peer) is not None or is_at(realm, hop.listener, hop.peer)


def terminal_at(registry: Registry, realm: str, source: Address) -> Binding | None:
    """A terminal that a registrar has confirmed at that very transport address; one of them, if there are several."""
    there = registry.bindings_by_source.get((realm, source))
    if there is None:
        return None
    for binding in there:
        if binding.state is not _PENDING:
            return binding
    return None


def standing(registry: Registry, listener: Listener, source: Address, now: float) -> Standing:
    """How far who sends from `source` to `listener` is known, whatever it says. Asked of all that comes."""
    realm = registry.plan.realms[listener.realm]
    if realm.side is _ACCESS:
        if realm.trunks and is_at(realm, listener, source):
            return _TRUNK
        return _STRANGER if terminal_at(registry, realm.name, source) is None else _REGISTERED
    known = is_trusted(registry, realm, source.host, now) or registry.vouched.find(realm.name, source.host, now)
    return Standing.TRUSTED if known else Standing.STRANGER


def tell_pending(registry: Registry, exchange: Exchange) -> list[Order]:
    """Say "received, working on it", unless to a stranger: who hears nothing asks again, and hears then."""
    return [*exchange.back(exchange.answer)] if is_there(registry, exchange) else []


def again(registry: Registry, exchange: Exchange) -> list[Order]:
    """A request has come again. As long as nobody is known to be at work on a stranger's, there is nothing to tell."""
    if exchange.state is ExchangeState.TRYING and not is_there(registry, exchange):
        return []
    return [*exchange.again()]


def insist(registry: Registry, exchange: Exchange) -> float:
    """For how many seconds an answer is repeated that is to be acknowledged; 0: not at all.

    A stranger that was told nothing before repeats its request, which draws the refusal again; told that we are at
    work it does not (RFC 3261 section 17.1.1.2), and a few packets are risked for it.
    """
    if exchange.near is None or exchange.near.reliable:
        return 0.0
    if is_there(registry, exchange):
        return exchange.timing.limit
    return 0.0 if exchange.state is ExchangeState.TRYING else FEW * exchange.timing.first


def repeat(registry: Registry, exchange: Exchange, now: float) -> bool:
    """Whether an answer that is to be acknowledged is repeated until then; if so, it is from now on."""
    seconds = insist(registry, exchange)
    if seconds:
        exchange.state, exchange.wait, exchange.deadline = ExchangeState.REFUSED, 0.0, now + seconds
        retry_later(registry, exchange, now)
        answers.keep(registry, exchange)
    return seconds > 0
