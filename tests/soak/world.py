"""A simulated clock, and wires that lose, repeat and reorder datagrams between a border in memory and agents."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Protocol

import attrs

from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.orders import Send
from tests.outside import Outside


class Receiver(Protocol):
    """An agent, reached at one or more transport addresses of one realm."""

    def receive(self, data: bytes) -> None: ...


@attrs.frozen
class Weather:
    """How bad the wires are: the share of datagrams lost and repeated, and the delay of the others in seconds."""

    lost: float = 0.0
    repeated: float = 0.0
    delay: tuple[float, float] = (0.01, 0.06)


class World:
    """Agents, wires and a border, on one clock that leaps from event to event.

    `look` is called with a word for every datagram the border sends, before the wire may lose it.
    """

    def __init__(self, border: Border, seed: int, weather: Weather, audit_every: int = 500) -> None:
        self.random = Random(seed)
        self.weather = weather
        self.outside = Outside(border, self._from_border)
        self.agents: dict[tuple[str, Address], Receiver] = {}
        self.counted: Counter[str] = Counter()
        self.look: Callable[[Send], None] = lambda send: None
        self._audit_every = audit_every
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._tie = count()

    @property
    def now(self) -> float:
        return self.outside.now

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._tie), action))

    def to_border(self, realm: str, source: Address, data: bytes) -> None:
        """An agent sends to the border."""
        own = self.outside.border.plan.realms[realm].listeners[0]
        self._wire(realm, lambda: self._arrive(own, source, data))

    def _arrive(self, own, source: Address, data: bytes) -> None:  # type: ignore[no-untyped-def]
        self.counted["to the border"] += 1
        self.outside.receive(own, source, data)
        if self.counted["to the border"] % self._audit_every == 0:
            self.check()

    def _from_border(self, send: Send) -> None:
        self.look(send)
        self.counted["from the border"] += 1
        self._wire(send.listener.realm, lambda: self._deliver(send))

    def _deliver(self, send: Send) -> None:
        agent = self.agents.get((send.listener.realm, send.to))
        if agent is None:
            self.counted["to nobody"] += 1
        else:
            agent.receive(send.data)

    def _wire(self, realm: str, arrive: Callable[[], None]) -> None:
        weather, random = self.weather, self.random
        if random.random() < weather.lost:
            self.counted[f"lost in {realm}"] += 1
            return
        self.after(random.uniform(*weather.delay), arrive)
        if random.random() < weather.repeated:
            self.counted[f"repeated in {realm}"] += 1
            self.after(random.uniform(*weather.delay) * 4, arrive)

    def check(self) -> None:
        self.counted["audits"] += 1
        faults = self.outside.faults()
        assert faults == [], f"at {self.now}: {faults[:5]}"

    def run(self) -> None:
        """Until nothing happens any more, neither at the agents nor in the border."""
        outside = self.outside
        while self._events or outside.wake_at is not None:
            next_event = self._events[0][0] if self._events else None
            if outside.wake_at is not None and (next_event is None or outside.wake_at <= next_event):
                outside.advance(outside.wake_at)
                continue
            at, _, action = heapq.heappop(self._events)
            outside.now = max(outside.now, at)
            action()
