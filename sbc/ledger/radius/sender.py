"""Who is sent which request when, until each is answered. No sockets, no clock: `now` is an argument, octets go out.

Requests of one session go one after the other, in order. A request is sent again in the same octets, so that a server
knows it for a repetition (RFC 2866 section 2); with another server, or after a rest, it is a new one, with its
Acct-Delay-Time as it is then. Which server has had it already is not known then, and it may be counted by both: they
know it by Acct-Session-Id, Acct-Status-Type and Event-Timestamp.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable

import attrs

from sbc.core.address import Address
from sbc.ledger.radius.packets import IDENTIFIERS, Asked, Naming, Unanswered, request
from sbc.ledger.turns import Turn

PASSED_OVER = 10
"""So often a request may go unanswered by servers that answer others meanwhile: then it is theirs to blame, and given
up."""


@attrs.frozen
class Terms:
    """How servers are asked: the first of them that answers, each request so many times, the first time for `timeout`
    seconds, each further one for twice as long; `window` at once. One that has not answered has a `rest` of so many
    seconds, and is then asked with one request at a time until it does."""

    servers: tuple[Address, ...]
    secret: bytes
    naming: Naming
    timeout: float = 3.0
    tries: int = 3
    window: int = 64
    rest: float = 30.0


@attrs.define(eq=False)
class Request:
    """A turn that is to be told, by the number under which it is kept."""

    id: int
    turn: Turn
    passed_over: int = 0  # how often whoever answers others did not answer this
    unanswered: int = 0  # how often nobody answered it, whatever became of others


@attrs.define(eq=False)
class _Flight:
    request: Request
    asked: Asked
    server: _Server
    due: float
    waits: float
    tries: int = 1
    heard_before: int = 0  # answers that the server had given when it was sent
    missed_before: int = 0  # and those that it had not


@attrs.define(eq=False)
class _Server:
    address: Address
    rests_until: float = 0.0
    doubted: bool = False  # has not answered last time
    answers: int = 0
    missed: int = 0  # requests that it has not answered in all tries
    last: int = 0
    flights: dict[int, _Flight] = attrs.field(factory=dict)

    def identifier(self) -> int:
        """One that is free; those used last come last."""
        for _ in range(IDENTIFIERS):
            self.last = (self.last + 1) % IDENTIFIERS
            if self.last not in self.flights:
                return self.last
        raise AssertionError("more in flight than a window has")


class Sender:
    """`send` takes a server's address and octets, `done` the id of a request that is answered, or given up. `wall` is
    the time of day, for Acct-Delay-Time. `counted` gets ``radius-answered``, ``radius-repeated``,
    ``radius-unanswered`` (by a server, in all tries), ``radius-bad`` (answers that are none), ``radius-given-up`` and
    ``radius-broken`` (turns of which no request can be made); `tell` hears "down" and "up" with a server's address,
    "given up" and "broken" with a session.
    """

    def __init__(
        self,
        terms: Terms,
        send: Callable[[Address, bytes], None],
        done: Callable[[int], None],
        wall: Callable[[], float],
        counted: Counter[str],
        tell: Callable[[str, str], None],
    ) -> None:
        self._send = send
        self._done = done
        self._wall = wall
        self._counted = counted
        self._tell = tell
        self._sessions: dict[str, deque[Request]] = {}  # the first of each may be in flight
        self._ready: deque[str] = deque()  # sessions of whose requests none is
        self._servers: list[_Server] = []
        self._terms = terms
        self.change(terms, 0.0)

    def __len__(self) -> int:
        return sum(map(len, self._sessions.values()))

    def change(self, terms: Terms, now: float) -> None:
        """Ask on these terms from now on. What is on its way to a server goes on, unless that is none any more."""
        same = terms.secret == self._terms.secret
        known = {server.address: server for server in self._servers if same}
        for server in self._servers:
            if not same or server.address not in terms.servers:
                for flight in list(server.flights.values()):
                    self._land(flight)
        self._terms = terms
        self._servers = [known.get(each) or _Server(each) for each in terms.servers]
        self._fill(now)

    def offer(self, requests: Iterable[Request], now: float) -> None:
        """Take more requests, in the order in which they came to be."""
        for each in requests:
            queue = self._sessions.setdefault(each.turn.usage.session, deque())
            queue.append(each)
            if len(queue) == 1:
                self._ready.append(each.turn.usage.session)
        self._fill(now)

    def heard(self, source: Address, data: bytes, now: float) -> None:
        """Something has come from `source`."""
        server = next((each for each in self._servers if each.address == source), None)
        flight = None if server is None or len(data) < 2 else server.flights.get(data[1])
        if server is None or flight is None:
            self._counted["radius-bad"] += 1  # also what is answered twice, or too late
            return
        try:
            flight.asked.check(data)
        except Unanswered:
            self._counted["radius-bad"] += 1
            return
        server.answers += 1
        if server.doubted:
            server.doubted = False
            self._tell("up", str(server.address))
        server.rests_until = 0.0
        self._counted["radius-answered"] += 1
        self._finish(flight)
        self._fill(now)

    def wake(self, now: float) -> None:
        """Do what is due."""
        for server in self._servers:
            for flight in [each for each in server.flights.values() if each.due <= now]:
                if flight.tries < self._terms.tries:
                    flight.tries, flight.waits = flight.tries + 1, 2 * flight.waits
                    flight.due = now + flight.waits
                    self._counted["radius-repeated"] += 1
                    self._send(server.address, flight.asked.data)
                else:
                    self._give_up(flight, now)
        self._fill(now)

    def due(self) -> float | None:
        """When `wake` is to be called; None: not before there is something new."""
        moments = [flight.due for server in self._servers for flight in server.flights.values()]
        rests = [server.rests_until for server in self._servers if server.rests_until] if self._ready else []
        return min([*moments, *rests], default=None)

    # -- inside

    def _fill(self, now: float) -> None:
        """Send what there is room for."""
        for server in self._servers:
            if server.rests_until <= now:
                server.rests_until = 0.0
        while self._ready:
            what = self._sessions[self._ready[0]][0]
            turn = self._turn(what, now)
            if turn is None:
                return
            self._ready.popleft()
            self._ask(turn, what, now)

    def _turn(self, what: Request, now: float) -> _Server | None:
        """Whose turn it is: the first that is not at rest, if it has room; one that is in doubt is asked with one
        request, and the others go to the next. Who has not answered a request is asked for it after the others."""
        first = what.unanswered % max(1, len(self._servers))
        for server in (*self._servers[first:], *self._servers[:first]):
            if server.rests_until > now or (server.doubted and server.flights):
                continue
            return server if len(server.flights) < self._terms.window else None
        return None

    def _ask(self, server: _Server, what: Request, now: float) -> None:
        try:
            asked = request(what.turn, server.identifier(), self._terms.secret, self._wall(), self._terms.naming)
        except Exception:  # noqa: BLE001 - whatever cannot be made of it: its session and all others are to go on
            self._counted["radius-broken"] += 1
            self._tell("broken", what.turn.usage.session)
            self._close(what)
            return
        wait = self._terms.timeout
        flight = _Flight(
            what, asked, server, now + wait, wait, heard_before=server.answers, missed_before=server.missed
        )
        server.flights[asked.packet.id] = flight
        self._send(server.address, asked.data)

    def _give_up(self, flight: _Flight, now: float) -> None:
        """A server has not answered. If it answers others, it is this request that it does not like."""
        server, what = flight.server, flight.request
        self._counted["radius-unanswered"] += 1
        server.missed, what.unanswered = server.missed + 1, what.unanswered + 1
        if server.answers > flight.heard_before:  # of a line that loses most, each request is one of many
            what.passed_over += server.answers - flight.heard_before >= server.missed - flight.missed_before
        else:
            if not server.doubted:
                self._tell("down", str(server.address))
            server.doubted, server.rests_until = True, now + self._terms.rest
        if what.passed_over < PASSED_OVER:
            self._land(flight)
            return
        self._counted["radius-given-up"] += 1
        self._tell("given up", what.turn.usage.session)
        self._finish(flight)

    def _land(self, flight: _Flight) -> None:
        """A request is on its way no more, and is to be sent anew."""
        del flight.server.flights[flight.asked.packet.id]
        self._ready.append(flight.request.turn.usage.session)

    def _finish(self, flight: _Flight) -> None:
        """A request is over: the next of its session has its turn."""
        del flight.server.flights[flight.asked.packet.id]
        self._close(flight.request)

    def _close(self, what: Request) -> None:
        session = what.turn.usage.session
        queue = self._sessions[session]
        queue.popleft()
        if queue:
            self._ready.append(session)
        else:
            del self._sessions[session]
        self._done(what.id)
