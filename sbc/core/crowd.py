"""How much there is of everything and for whom: what would be too much is refused, what is over and late makes room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.call import Call, CallState
from sbc.core.exchange import Exchange, Hop
from sbc.core.late import Late
from sbc.core.message import Cause, Phase, Refused
from sbc.core.realm import Plan, Realm, Side
from sbc.core.trunk import is_at
from sbc.core.vain import Vain


class Crowd:
    """Counts by realm and source, each held against its limit. Exchanges that have no `near` count against nobody."""

    def __init__(self, plan: Plan) -> None:
        self._realms = plan.realms
        self.in_realm: Counter[tuple[str, str]] = Counter()  # ("dialogues" | "pending" | "exchanges", realm)
        self.per_source: Counter[tuple[str, Address]] = Counter()  # exchanges under way, in access realms
        self.late_exchanges: Late[Exchange] = Late()
        self.late_calls: Late[Call] = Late()
        self.vain = Vain()

    def replan(self, plan: Plan) -> None:
        """Hold everything against the limits of another plan; what is there stays."""
        self._realms = plan.realms

    def within(self, what: str, realm: Realm, most: int) -> None:
        """@raises Refused where a realm holds its `most` of something."""
        if self.in_realm[what, realm.name] >= most:
            raise Refused(Cause.BUSY, f"too many {what}", 30, f"realm {realm.name} holds its {most}")

    def add_exchange(self, exchange: Exchange) -> None:
        """An exchange begins. @raises Refused when its source or realm asks too much at once."""
        near = exchange.near
        if near is None:
            return
        realm = self._realms[near.listener.realm]
        if exchange.intent.phase is not Phase.WITHDRAW:  # one at most for what was let in, and it makes room
            self.within("exchanges", realm, realm.limits.exchanges)
            asked = self.per_source.get((realm.name, source_of(exchange, near)), 0)  # mostly none
            few, many = realm.limits.exchanges_per_source, realm.limits.exchanges_per_trunk
            if realm.side is Side.ACCESS and asked >= few and not (asked < many and _is_configured(realm, near)):
                raise Refused(Cause.BUSY, "too many requests at once from one source", retry_after=30)
        self._count(exchange, near, 1)

    def enter_exchange(self, exchange: Exchange) -> None:
        """One that was let in before a restart goes on."""
        if exchange.near is not None:
            self._count(exchange, exchange.near, 1)

    def move_exchange(self, exchange: Exchange, near: Hop) -> None:
        """Whoever asked is by `near` from now on; what has ended is counted where it did."""
        if exchange.near is not None and exchange not in self.late_exchanges:
            self._count(exchange, exchange.near, -1)
            self._count(exchange, near, 1)

    def end_exchange(self, exchange: Exchange) -> list[Exchange]:
        """It only absorbs what comes late from now on; returns what is to be forgotten for it."""
        asked = exchange.instead or exchange  # an attempt that was given up is late for who had asked
        near = asked.near
        if near is None or exchange in self.late_exchanges:
            return []
        if exchange.near is not None:
            self._count(exchange, near, -1)
        return self.late_exchanges.add(exchange, self._realms[near.listener.realm], source_of(asked, near))

    def drop_exchange(self, exchange: Exchange) -> None:
        """It is forgotten."""
        if not self.late_exchanges.drop(exchange) and exchange.near is not None:
            self._count(exchange, exchange.near, -1)

    def end_call(self, call: Call) -> list[Call]:
        """The same of a call, which is no longer one of those that may be."""
        asking = call.legs[0]
        self.in_realm["dialogues", asking.realm.name] -= 1
        return self.late_calls.add(call, asking.realm, asking.seen)

    def counts(
        self, calls: Iterable[Call], bindings: Iterable[Binding], exchanges: Iterable[Exchange]
    ) -> Counter[tuple[str, str]]:
        """What `in_realm` should hold where all of these are there; for the auditor."""
        there: Counter[tuple[str, str]] = Counter()
        there.update(("dialogues", call.legs[0].realm.name) for call in calls if call.state is not CallState.CLOSED)
        there.update(("pending", each.realm.name) for each in bindings if each.state is BindingState.PENDING)
        asked = (each for each in exchanges if each not in self.late_exchanges)
        there.update(("exchanges", each.near.listener.realm) for each in asked if each.near is not None)
        return there

    def _count(self, exchange: Exchange, near: Hop, change: int) -> None:
        self.in_realm["exchanges", near.listener.realm] += change
        if self._realms[near.listener.realm].side is Side.ACCESS:
            source = (near.listener.realm, source_of(exchange, near))
            count = self.per_source.get(source, 0) + change
            if count:
                self.per_source[source] = count
            else:
                del self.per_source[source]


def _is_configured(realm: Realm, near: Hop) -> bool:
    """Whether who asks is one that others call through: a trunk, or at an address that is trusted."""
    trusted = realm.flood is not None and bool(realm.flood.trusts.find(near.peer.host))
    return trusted or is_at(realm, near.listener, near.peer)


def source_of(exchange: Exchange, near: Hop) -> Address:
    """Whom an exchange counts for that came by `near`: that transport address; of those that mean their connection the
    host, as each call may have one of its own."""
    return near.peer._replace(port=0) if exchange.intent.bound else near.peer
