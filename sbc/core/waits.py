"""Who waits for an answer over which connection, whose calls go by it, who was asked to open one, and which next hops
took none."""

from __future__ import annotations

from collections import Counter

from sbc.core.address import Address
from sbc.core.call import Leg
from sbc.core.exchange import Exchange, Hop
from sbc.core.keys import SummonsKey

MOST_AVOIDED = 1_024
"""Places of which it is remembered that nobody takes connections there; where one is forgotten it is tried again."""


class Waits:
    """Exchanges by the connection their answer is to come by, and legs of live calls by the one they are reached by.

    Without a connection (datagrams) nobody would tell of a loss.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hop, set[Exchange]] = {}
        self._legs: Counter[Hop] = Counter()
        self._seen: dict[tuple[str, Address], int] = {}
        self._avoided: dict[Hop, float] = {}
        self._summoned: dict[SummonsKey, Exchange] = {}

    def add(self, exchange: Exchange) -> None:
        """The exchange has been sent onward."""
        if exchange.far is not None and exchange.far.reliable:
            self._waiting.setdefault(exchange.far, set()).add(exchange)

    def drop(self, exchange: Exchange) -> None:
        """The twin of `add` and `summon`: also where it was never added."""
        if exchange.far is None or not exchange.far.reliable:
            return
        if exchange.far.listener.awaited and self._summoned.get(_summons(exchange)) is exchange:
            del self._summoned[_summons(exchange)]
        waiting = self._waiting.get(exchange.far)
        if waiting is None:
            return
        waiting.discard(exchange)
        if not waiting:
            del self._waiting[exchange.far]

    def summon(self, exchange: Exchange) -> None:
        """Whoever is to take it was asked to open the connection."""
        self._summoned[_summons(exchange)] = exchange

    def summoned(self, realm: str, host: str, call: bytes) -> Exchange | None:
        """The exchange, still open, that somebody at `host` was asked to open a connection for; `call` is what its call
        is called everywhere."""
        exchange = self._summoned.get((realm, host, call))
        return exchange if exchange is not None and exchange.open else None

    def came(self, exchange: Exchange) -> None:
        """The connection is there: nobody else may come for it."""
        self._summoned.pop(_summons(exchange), None)

    def expected(self) -> set[Exchange]:
        """All that somebody is to come for; for the auditor."""
        return set(self._summoned.values())

    def at(self, hop: Hop) -> list[Exchange]:
        """The exchanges that still wait for an answer from there."""
        return [exchange for exchange in self._waiting.get(hop, ()) if exchange.open]

    def held(self, hop: Hop | None) -> frozenset[Exchange]:
        """Every exchange that is kept under `hop`; for the auditor."""
        return frozenset(self._waiting.get(hop, ())) if hop is not None else frozenset()

    def all(self) -> set[Exchange]:
        """Every exchange that was added and not dropped; for the auditor."""
        return {exchange for waiting in self._waiting.values() for exchange in waiting}

    def join(self, leg: Leg) -> None:
        """A leg of a live call is reached where it says now."""
        where = (leg.realm.name, leg.seen)
        self._seen[where] = self._seen.get(where, 0) + 1
        if leg.listener.reliable:
            self._legs[Hop(leg.listener, leg.seen)] += 1

    def leave(self, leg: Leg) -> None:
        """The twin of `join`: before the leg says otherwise, and when its call has ended."""
        where = (leg.realm.name, leg.seen)
        left = self._seen[where] - 1
        if left:
            self._seen[where] = left
        else:
            del self._seen[where]
        if leg.listener.reliable:
            hop = Hop(leg.listener, leg.seen)
            self._legs[hop] -= 1
            if not self._legs[hop]:
                del self._legs[hop]

    def joined(self, hop: Hop) -> bool:
        """Whether a live call has a leg that is reached by that connection."""
        return hop in self._legs

    def in_call(self, realm: str, source: Address) -> bool:
        """Whether a live call has a leg whose peer is seen there."""
        return (realm, source) in self._seen

    def seen(self) -> Counter[tuple[str, Address]]:
        """How many legs are seen at each place; for the auditor."""
        return Counter(self._seen)

    def legs(self) -> Counter[Hop]:
        """How many legs are reached by each connection; for the auditor."""
        return Counter(self._legs)

    def avoid(self, hop: Hop, until: float, now: float) -> None:
        """Believe until then that nobody takes connections there. Next hops get here, and wherever a party of the core
        says that it is: what is over goes, and of too many the oldest."""
        self._avoided.pop(hop, None)
        self._avoided[hop] = until
        while len(self._avoided) > 1:
            oldest = next(iter(self._avoided))
            if self._avoided[oldest] > now and len(self._avoided) <= MOST_AVOIDED:
                break
            del self._avoided[oldest]

    def kept(self) -> set[Hop]:
        """Everywhere of which it is remembered that nobody takes connections there."""
        return set(self._avoided)

    def avoided(self, hop: Hop, now: float) -> bool:
        """Whether a connection there need not be tried."""
        until = self._avoided.get(hop)
        if until is not None and until <= now:
            del self._avoided[hop]
            return False
        return until is not None


def _summons(exchange: Exchange) -> SummonsKey:
    assert exchange.far is not None
    return (exchange.far.listener.realm, exchange.far.peer.host, exchange.intent.heralds)
