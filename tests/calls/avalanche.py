"""After an outage: all phones of a town register at once, behind their NATs, while a flood arrives; in memory.

The SBC is one server: what it does costs time, what waits stands in its socket's queue, and what does not fit there is
lost. Phones repeat themselves as RFC 3261 has it. Only time is made up: every message goes through the whole border.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect
from collections import Counter, deque
from collections.abc import Iterator
from itertools import accumulate, count
from math import log

import attrs

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.border import Border
from sbc.core.mint import Mint
from sbc.core.orders import CloseStream, Listener, Order, Send
from sbc.core.realm import Registrations
from sbc.core.registry import Arrival
from sbc.policy.flooding import Flooding
from sbc.sip.dialect import SipDialect
from tests.calls.junk import Junk, forged, knocking, question, rubbish, scan
from tests.rig import SECRET, SOFTSWITCH, make_plan
from tests.sip_messages import header, plain_answer, register, registered

SOUND, RUBBISH, DROPPED = 400e-6, 80e-6, 5e-6
"""Seconds that a message costs which crosses, one that is none, and one that is dropped unread."""
QUEUE = 4_000
"""Datagrams that a socket holds."""
FIRST, CAP, LIMIT = 0.5, 4.0, 32.0
"""A phone's waits (RFC 3261 timers E and F)."""
AGAIN = 10.0
"""Seconds after which a phone that was not answered begins anew."""
SIZE = 400
"""Octets of a datagram, for whoever asks before it is read; those of the flood are written when they are."""
PHONES_AT_ONE_NAT = 20
BEGAN = 1_000.0
FLOODS: dict[str, tuple[tuple[Junk, float], ...]] = {
    "rubbish, scans and forged": ((rubbish, 0.6), (scan, 0.2)),
    "rubbish, scans and questions": ((rubbish, 1 / 3), (scan, 1 / 3), (question, 1 / 3)),
    "registrations that go no further": ((rubbish, 1 / 3), (scan, 1 / 3), (knocking, 1 / 3)),
}
"""What parts of a flood are; of the rest each is a registration in the name of a source that never was."""


@attrs.define
class Phone:
    """One phone: what it has said last, whether it has shown credentials, and when it was in."""

    source: Address
    user: bytes
    data: bytes = b""
    seq: int = 0
    wait: float = FIRST
    gives_up: float = 0.0
    proves: bool = False
    done: float | None = None


class Town:
    """`phones` behind one NAT for each twenty; as many datagrams a second of a flood of such `parts`. `slow`: how many
    times longer everything takes than it does, so that fewer phones are as much."""

    def __init__(self, phones: int, flood: int, slow: float, parts: tuple[tuple[Junk, float], ...]) -> None:
        plan = make_plan("sip", registrations=Registrations(), sparing=True)
        access = attrs.evolve(plan.realms["access"], flood=Flooding())
        plan.realms["access"] = access
        self.border = Border(plan, {"sip": SipDialect()}, Mint(SECRET))
        self.border.registry.gate.flood.bans.news = {}
        self.own, self.core = access.listeners[0], plan.realms["core"].listeners[0]
        self.slow, self.flood, self.parts = slow, flood, parts
        self.dice = random.Random(1)
        nats = [f"203.0.{113 + n // 250}.{1 + n % 250}" for n in range(max(1, phones // PHONES_AT_ONE_NAT))]
        self.phones = [Phone(Address(nats[n % len(nats)], 20_000 + n), b"u%d" % n) for n in range(phones)]
        self.by_source = {phone.source: phone for phone in self.phones}
        self.junk = [Address(f"198.18.{n >> 8}.{n & 255}", 5060) for n in range(int(10_000 / slow))]
        self.now = self.free = BEGAN
        self.queue: deque[tuple[Address, bytes | Junk]] = deque()
        self.told: deque[bytes] = deque()
        self.lost = 0
        self.words: Counter[str] = Counter()
        self.closed = 0
        self._due: list[tuple[float, int, Phone]] = []
        self._turn = count()
        self._ticked = BEGAN

    # -- what comes

    def begin(self, within: float) -> None:
        """All phones register for the first time within so many seconds from now on."""
        for phone in self.phones:
            self._wake(phone, self.now + self.dice.random() * within)

    def run(self, until: float, flood_from: float = BEGAN) -> None:
        """Let time pass."""
        arrivals = self._flood(flood_from, until)
        junk = next(arrivals, None)
        while self.now < until:
            soonest = min(junk[0] if junk else until, self._due[0][0] if self._due else until, until)
            self._serve(soonest)
            self.now = soonest
            if junk is not None and junk[0] <= self.now:
                self._arrive(junk[1], junk[2])
                junk = next(arrivals, None)
            while self._due and self._due[0][0] <= self.now:
                self._act(heapq.heappop(self._due)[2])

    def _flood(self, at: float, until: float) -> Iterator[tuple[float, Address, Junk]]:
        """Each of the sources that stay sends one kind; the others are forged. There are millions of them: little is
        thought of each."""
        kinds = [(junk, self.junk[place :: len(self.parts)]) for place, (junk, _) in enumerate(self.parts)]
        shares, random = list(accumulate(part for _, part in self.parts)), self.dice.random
        while self.flood and at < until:
            at -= log(1.0 - random()) / self.flood
            place = bisect(shares, random())
            if place < len(kinds):
                junk, sources = kinds[place]
                yield at, sources[int(random() * len(sources))], junk
            else:
                host = f"100.{64 + int(random() * 64)}.{int(random() * 256)}.7"
                yield at, Address(host, 1 + int(random() * 65_535)), forged

    def _arrive(self, source: Address, data: bytes | Junk) -> None:
        if len(self.queue) >= QUEUE:
            self.lost += 1
            return
        self.queue.append((source, data))

    # -- phones

    def _wake(self, phone: Phone, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._turn), phone))

    def _act(self, phone: Phone) -> None:
        if phone.done is not None:
            return
        if not phone.data or self.now >= phone.gives_up:
            if phone.data and self.now < phone.gives_up + AGAIN:
                self._wake(phone, phone.gives_up + AGAIN)
                return
            phone.proves = False
            self._ask(phone)
            return
        self._arrive(phone.source, phone.data)
        phone.wait = min(2 * phone.wait, CAP)
        self._wake(phone, min(self.now + phone.wait, phone.gives_up))

    def _ask(self, phone: Phone) -> None:
        phone.seq += 1
        private = Address("192.168.1.10", 5060)
        more = (
            (b'Authorization: Digest username="%b", response="%032d"' % (phone.user, phone.seq),)
            if phone.proves
            else ()
        )
        phone.data = register(private, *more, call=b"r-" + phone.user, seq=phone.seq, user=phone.user, expires=3600)
        phone.wait, phone.gives_up = FIRST, self.now + LIMIT
        self._arrive(phone.source, phone.data)
        self._wake(phone, self.now + phone.wait)

    def _told(self, phone: Phone, data: bytes) -> None:
        if phone.done is not None or header(data, b"CSeq") != b"%d REGISTER" % phone.seq:
            return
        if data.startswith(b"SIP/2.0 401"):
            phone.proves = True
            self._ask(phone)
        elif data.startswith(b"SIP/2.0 200"):
            phone.done = self.now

    # -- the SBC

    def _serve(self, until: float) -> None:
        """Deal with what waits, as far as there is time."""
        border = self.border
        self.free = max(self.free, self.now)
        while self.free < until and (self.queue or self.told):
            now = self.now = self.free
            due = border.registry.timers.next()
            if due is not None and due <= now:
                self._carry_out(border.wake(now))
            if now - self._ticked >= 0.1:
                border.registry.gate.flood.tick(now)
                self._ticked = now
            if self.told:  # another socket, whose turn comes as often
                self.free += self._take(self.core, SOFTSWITCH, self.told.popleft(), now) * self.slow
            if self.queue:
                self.free += self._take(self.own, *self.queue.popleft(), now) * self.slow

    def _take(self, own: Listener, source: Address, said: bytes | Junk, now: float) -> float:
        word = self.border.knock(own, source, SIZE, "", now)
        if word:
            self.words[word] += 1
            return DROPPED
        data = said if isinstance(said, bytes) else said(source, self.dice)
        arrival = Arrival(own, source, data, now)
        cost = RUBBISH if data.startswith(b"REGISTER rubbish") else SOUND
        for part in self.border.parts(arrival):
            self._carry_out(self.border.receive(part))
        self.border.spent(cost * self.slow, now)
        return cost

    def _carry_out(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, CloseStream):
                self.closed += 1
            elif isinstance(order, Send) and order.listener.realm == "core":
                self._softswitch(order.data)
            elif isinstance(order, Send) and (phone := self.by_source.get(order.to)) is not None:
                self._told(phone, order.data)

    def _softswitch(self, data: bytes) -> None:
        if not data.startswith(b"REGISTER "):
            return
        if b"Authorization:" in data:
            self.told.append(registered(data))
        else:
            self.told.append(plain_answer(data, b"401 Unauthorized", b'WWW-Authenticate: Digest realm="x", nonce="1"'))

    # -- what became of it

    @property
    def bound(self) -> int:
        """Registered terminals there are."""
        return sum(each.state is not BindingState.PENDING for each in self.border.registry.bindings.values())
