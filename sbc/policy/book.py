"""The book: who has how many calls, how many registrations and how much bandwidth, and whether there is room for more.

What is let in gets a ticket, on which stands whom it counts for; it is given back in one place. What would be too much
is refused before anything of it is begun, in a cause that each protocol has its own words for.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from sbc.core.message import Cause, Refused
from sbc.policy.customers import Customer, Customers
from sbc.policy.demand import Demand, less, more
from sbc.policy.limits import UNLIMITED, Caps
from sbc.policy.tally import BANDWIDTH, BINDINGS, CALLS, CUSTOMER, PATH, RATE, REALM, TERMINAL, Tally

if TYPE_CHECKING:
    from sbc.core.realm import Plan

MOST_IDLE = 10_000
"""Terminals that have nothing here but are remembered: how often they called, and what they were refused."""
LOOKED_AT = 32
"""Of these so many are looked at for one that need not be."""
LATER = 30
"""Seconds after which a terminal that was refused for its number of calls or registrations may ask again."""
NOTHING = Demand((0, 0), (0, 0))
AMPLE = 1 << 62
"""Bit/s where nothing is limited."""

Tallies = tuple[Tally, ...]
Key = tuple[str, str, str | bytes]  # realm; kind; name, or what a terminal is known by


class Ticket:
    """What was let in: for whom it counts, by leg of the call, and the bandwidth that each of its streams holds.

    `counts` is CALLS or BINDINGS, or empty where nothing was counted. `urgent` goes past all limits. `ahead` names what
    of `held` is no stream's yet: streams that come take of that first.
    """

    __slots__ = ("ahead", "counts", "held", "legs", "urgent")

    def __init__(self, legs: tuple[Tallies, Tallies] = ((), ()), counts: str = "", urgent: bool = False) -> None:
        self.legs = legs
        self.counts = counts
        self.urgent = urgent
        self.held: dict[str, Demand] = {}
        self.ahead = ""

    @property
    def total(self) -> Demand:
        """What its streams hold, without what is held ahead."""
        each = [held for stream, held in self.held.items() if stream != self.ahead]
        sums = [sum(one) for one in zip(*((*held.into, *held.out) for held in each), strict=True)] or [0] * 4
        return Demand((sums[0], sums[1]), (sums[2], sums[3]))


class Book:
    """All tallies there are, and the streams that hold bandwidth."""

    def __init__(self, plan: Plan) -> None:
        self._tallies: dict[Key, Tally] = {}
        self._idle: OrderedDict[Key, Tally] = OrderedDict()  # the longest idle first
        self._streams: dict[str, Ticket] = {}
        self.refused_terminals: Counter[tuple[str, str]] = Counter()  # of all of a realm: which; what of
        self._have(plan)

    def replan(self, plan: Plan) -> None:
        """Hold everything against the limits of another plan; what is there stays."""
        self._have(plan)
        for table in (self._tallies, self._idle):
            for key, tally in list(table.items()):
                if tally.empty and not self._is_planned(tally):
                    del table[key]
                else:
                    tally.limit(self._caps_of(tally))

    def _have(self, plan: Plan) -> None:
        self._realms = {realm.name: realm.limits.caps for realm in plan.realms.values()}
        self._paths = {path.name: path.limits for path in plan.paths}
        self._terminals = {realm.name: realm.terminals for realm in plan.realms.values()}
        self._customers = {each.name: Customers(each.customers) for each in plan.realms.values() if each.customers}

    def _is_planned(self, tally: Tally) -> bool:
        if tally.kind == CUSTOMER:
            return tally.realm in self._customers and self._customers[tally.realm].named(tally.name) is not None
        return tally.name in self._paths if tally.kind == PATH else tally.realm in self._realms

    def _caps_of(self, tally: Tally) -> Caps:
        if tally.kind == REALM:
            return self._realms.get(tally.name, UNLIMITED)
        if tally.kind == PATH:
            return self._paths.get(tally.name, UNLIMITED)
        customers = self._customers.get(tally.realm)
        customer = None if customers is None else customers.named(tally.customer or tally.name)
        if tally.kind == CUSTOMER:
            return UNLIMITED if customer is None else customer.caps
        return self._each(tally.realm, customer if tally.customer else None)

    def _each(self, realm: str, customer: Customer | None) -> Caps:
        """What a terminal may have that is that customer's."""
        caps = self._terminals.get(realm, UNLIMITED) if customer is None or customer.each is None else customer.each
        return caps if caps.limited else UNLIMITED

    # -- for whom something counts

    def seats(self, access: str, path: str, who: bytes, host: str) -> Tallies:
        """For whom in a realm something of a terminal's counts: that, its customer, the path, the realm. `who` is what
        it is known by; empty: by nothing but the `host` that it is seen at."""
        seats: Tallies = (self._tally(access, PATH, path), self.realm(access))
        customers = self._customers.get(access)
        customer = None if customers is None else customers.find(who, host)
        if customer is not None:
            seats = (self._tally(access, CUSTOMER, customer.name), *seats)
        caps = self._each(access, customer)
        if not who or caps is UNLIMITED:
            return seats
        return (self._terminal(access, who, customer, caps), *seats)

    def realm(self, name: str) -> Tally:
        """What counts for a realm as a whole."""
        return self._tally(name, REALM, name)

    def _tally(self, realm: str, kind: str, name: str) -> Tally:
        key = (realm, kind, name)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(kind, name, realm)
            tally.limit(self._caps_of(tally))
        return tally

    def _terminal(self, realm: str, who: bytes, customer: Customer | None, caps: Caps) -> Tally:
        """One that has something here, or is remembered, or begins to be with what it is let have."""
        key = (realm, TERMINAL, who)
        tally = self._tallies.get(key) or self._idle.get(key)
        if tally is None:
            tally = Tally(TERMINAL, who.decode(errors="replace"), realm, who)
        if tally.caps is not caps:
            tally.customer = "" if customer is None else customer.name
            tally.limit(caps)
        return tally

    # -- what is let in, and what becomes of it

    def attempt(self, legs: tuple[Tallies, Tallies], asked: int, urgent: bool, now: float) -> Ticket:
        """Let a call in; `asked` is the leg at which who is called is, if that is told apart there, or else -1.

        @raises Refused where it is too much for whom it would count for, having counted nothing. What is `urgent` is
        never too much.
        """
        if urgent:
            for tally in (*legs[0], *legs[1]):
                tally.passed += tally.call_fault(now) != ""
        else:
            self.may_call(legs, now, asked)
        for tally in (*legs[0], *legs[1]):
            self._wake(tally)
            tally.add_call(now)
        return Ticket(legs, CALLS, urgent)

    def may_call(self, legs: tuple[Tallies, Tallies], now: float, asked: int = -1) -> None:
        """See that there is room for a call that is not urgent. Nothing is counted for it. @raises Refused."""
        for leg, tallies in enumerate(legs):
            for tally in tallies:
                fault = tally.call_fault(now)
                if fault:
                    raise self._too_many(tally, fault, leg == asked, asked >= 0, now)

    def seated(self, legs: tuple[Tallies, Tallies], urgent: bool) -> Ticket:
        """A ticket of what is not counted, but may hold bandwidth."""
        for tally in (*legs[0], *legs[1]):
            self._wake(tally)
        return Ticket(legs, urgent=urgent)

    def resumed(self, legs: tuple[Tallies, Tallies], urgent: bool) -> Ticket:
        """A call that was let in before a restart goes on, whatever the limits are now."""
        for tally in (*legs[0], *legs[1]):
            self._wake(tally)
            tally.count_call()
        return Ticket(legs, CALLS, urgent)

    def _too_many(self, tally: Tally, fault: str, called: bool, from_core: bool, now: float) -> Refused:
        """Of who is called the caller only hears that it is busy. The core, which calls many, is not told to wait: it
        would keep away with all calls, and all else (RFC 3261 section 21.5.4)."""
        self._refuse(tally, fault)
        detail = f"{tally!r} has its {tally.caps.calls} calls"
        if fault == RATE:
            wait = max(1, math.ceil(tally.bucket.wait(now))) if tally.bucket is not None else 1
            detail = f"{tally!r} has its {tally.caps.calls_per_second:g} calls a second"
            return Refused(Cause.RATE, "too many calls at once", None if from_core else wait, detail)
        if called and tally.kind not in (REALM, PATH):
            return Refused(Cause.ENGAGED, "as many calls as it may have", detail=detail)
        return Refused(Cause.BUSY, "too many calls", None if from_core else LATER, detail)

    def _refuse(self, tally: Tally, word: str) -> None:
        tally.refused[word] += 1
        if tally.kind == TERMINAL:  # which may be forgotten
            self.refused_terminals[tally.realm, word] += 1

    def may_bind(self, tallies: Tallies, replaced: int, idle: int) -> None:
        """See that there is room for another registration. So many are `replaced` by it; so many of the terminal are
        there, and count for it no more. @raises Refused."""
        for tally in tallies:
            free = replaced + idle if tally.kind == TERMINAL else replaced
            if tally.caps.bindings and tally.bindings - free >= tally.caps.bindings:
                self._refuse(tally, BINDINGS)
                detail = f"{tally!r} has its {tally.caps.bindings} registrations"
                raise Refused(Cause.BUSY, "too many registrations", LATER, detail)

    def bound(self, tallies: Tallies) -> Ticket:
        """A registrar has confirmed a registration."""
        for tally in tallies:
            self._wake(tally)
            tally.add_binding()
        return Ticket((tallies, ()), BINDINGS)

    def close(self, ticket: Ticket) -> None:
        """What had the ticket is over. It holds nothing from now on, however often that is said."""
        for stream in list(ticket.held):
            self.release(stream)
        self._count(ticket, -1)
        ticket.legs, ticket.counts = ((), ()), ""

    def reseat(self, ticket: Ticket, legs: tuple[Tallies, Tallies]) -> None:
        """What was let in counts for others from now on, whatever their limits are."""
        if legs == ticket.legs:
            return
        held = dict(ticket.held)
        ahead = ticket.ahead
        for stream in held:
            self.release(stream)
        self._count(ticket, -1)
        ticket.legs = legs
        self._count(ticket, 1)
        for stream, demand in held.items():
            self.reserve(ticket, stream, demand, forced=True)
        ticket.ahead = ahead

    def _count(self, ticket: Ticket, change: int) -> None:
        for tally in (*ticket.legs[0], *ticket.legs[1]):
            if change > 0:
                self._wake(tally)
            if ticket.counts == CALLS:
                tally.count_call(change)
            elif ticket.counts == BINDINGS:
                tally.add_binding(change)
            if tally.kind == TERMINAL and tally.empty:
                key = (tally.realm, TERMINAL, tally.who)
                if self._tallies.pop(key, None) is not None:
                    self._rest(key, tally)

    def _wake(self, tally: Tally) -> None:
        """Something is counted for it from now on."""
        if tally.kind == TERMINAL:
            key = (tally.realm, TERMINAL, tally.who)
            self._idle.pop(key, None)
            self._tallies[key] = tally

    def _rest(self, key: Key, tally: Tally) -> None:
        """A terminal has nothing here. It is remembered for a while, or its rate would begin anew each time: of too
        many one goes of which that is not so, if there is one among the oldest."""
        self._idle[key] = tally
        if len(self._idle) > MOST_IDLE:
            oldest = list(islice(self._idle, LOOKED_AT))
            del self._idle[next((each for each in oldest if not self._idle[each].owes), oldest[0])]

    # -- bandwidth

    def reserve(self, ticket: Ticket, stream: str, wanted: Demand, forced: bool = False) -> None:
        """Let a stream have `wanted`, in place of what it has, and what is held ahead. @raises Refused where that is
        more, and too much, having changed nothing; what is `forced`, or of an urgent call, is never too much."""
        held = ticket.held.get(stream, NOTHING)
        spare = left = ticket.held[ticket.ahead] if ticket.ahead and stream != ticket.ahead else NOTHING
        if spare is not NOTHING:
            left = less(spare, less(wanted, held))
            held = more(held, less(spare, left))
        free = forced or ticket.urgent
        for leg, tallies in enumerate(ticket.legs):
            into, out = wanted.into[leg] - held.into[leg], wanted.out[leg] - held.out[leg]
            for tally in tallies:
                if tally.has_bandwidth(into, out):
                    continue
                if free:
                    tally.passed += 1
                else:
                    self._refuse(tally, BANDWIDTH)
                    raise Refused(Cause.BANDWIDTH, "not enough bandwidth", detail=f"{tally!r} has no more")
        for leg, tallies in enumerate(ticket.legs):
            into, out = wanted.into[leg] - held.into[leg], wanted.out[leg] - held.out[leg]
            for tally in tallies:
                tally.add_bandwidth(into, out)
        ticket.held[stream] = wanted
        self._streams[stream] = ticket
        if left != spare:
            ticket.held[ticket.ahead] = left

    def room(self, ticket: Ticket, stream: str) -> Demand | None:
        """The most that a stream could have now, what it has included; None where nothing is limited."""
        if ticket.urgent:
            return None
        held = ticket.held.get(stream, NOTHING)
        if ticket.ahead and stream != ticket.ahead:
            held = more(held, ticket.held[ticket.ahead])
        into, out = [AMPLE, AMPLE], [AMPLE, AMPLE]
        for leg, tallies in enumerate(ticket.legs):
            for tally in tallies:
                caps = tally.caps
                if caps.bandwidth_in:
                    into[leg] = min(into[leg], max(0, caps.bandwidth_in * 1000 - tally.into) + held.into[leg])
                if caps.bandwidth_out:
                    out[leg] = min(out[leg], max(0, caps.bandwidth_out * 1000 - tally.out) + held.out[leg])
        if min(*into, *out) == AMPLE:
            return None
        return Demand((into[0], into[1]), (out[0], out[1]))

    def release(self, stream: str) -> None:
        """A stream is closed. One that holds nothing is none of the book's business."""
        ticket = self._streams.pop(stream, None)
        held = None if ticket is None else ticket.held.pop(stream, None)
        if ticket is None or held is None:
            return
        if ticket.ahead == stream:
            ticket.ahead = ""
        for leg, tallies in enumerate(ticket.legs):
            for tally in tallies:
                tally.add_bandwidth(-held.into[leg], -held.out[leg])

    # -- what there is

    def tallies(self) -> Iterator[Tally]:
        """Every one that has something, then those that are remembered."""
        yield from self._tallies.values()
        yield from self._idle.values()

    def streams(self) -> dict[str, Ticket]:
        """Which streams hold bandwidth."""
        return self._streams

    def faults(self, tickets: Iterable[Ticket]) -> list[str]:
        """What does not add up where these are all the tickets that are out; for the auditor."""
        owed: dict[Tally, Counter[str]] = {tally: Counter() for tally in self.tallies()}
        streams: dict[str, Ticket] = {}
        for ticket in tickets:
            streams.update((stream, ticket) for stream in ticket.held)
            for leg, tallies in enumerate(ticket.legs):
                for tally in tallies:
                    sums = owed.setdefault(tally, Counter())
                    sums[ticket.counts] += 1
                    for held in ticket.held.values():
                        sums["in"] += held.into[leg]
                        sums["out"] += held.out[leg]
        faults = []
        for tally, sums in owed.items():
            there = (sums[CALLS], sums[BINDINGS], sums["in"], sums["out"])
            if tally.used != there:
                faults.append(f"the book of {tally!r} has {tally.used}, tickets have {there}")
        if streams != self._streams:
            faults.append("the streams in the book are not those that tickets hold bandwidth for")
        return faults
