"""The outside of a border, in memory: carries out orders as the runner does, and watches that they make sense."""

from __future__ import annotations

from collections.abc import Callable

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.border import Border
from sbc.core.orders import (
    CloseStream,
    Listen,
    Listener,
    Note,
    OpenStream,
    Order,
    Record,
    Send,
    Unlisten,
    UpdateStream,
    Wake,
)
from sbc.core.realm import Plan
from sbc.core.registry import Arrival

_LIFE = ("open", "ring", "answer", "close")


class Outside:
    """A clock, a media engine and sockets that are only book-keeping.

    `deliver` gets every message sent. `refuses` says which streams and listeners cannot be opened; `other` gets the
    orders that are about connections.
    """

    def __init__(self, border: Border, deliver: Callable[[Send], None], now: float = 0.0) -> None:
        self.border = border
        self.deliver = deliver
        self.now = now
        self.refuses: Callable[[OpenStream | Listen], bool] = lambda order: False
        self.other: Callable[[Order], None] = lambda order: None
        self.streams: set[str] = set()
        self.listeners: set[Listener] = {own for realm in border.plan.realms.values() for own in realm.listeners}
        self.wake_at: float | None = None
        self.told: dict[str, list[str]] = {}  # call ids and what was recorded of each
        self.events: dict[str, int] = {}

    def killed(self, border: Border) -> None:
        """The process is gone with all it had open, and another stands in its place."""
        self.border, self.wake_at = border, None
        self.streams.clear()
        self.listeners = {own for realm in border.plan.realms.values() for own in realm.listeners}

    def receive(self, listener: Listener, source: Address, data: bytes) -> None:
        """A datagram has come in."""
        self.carry_out(self.border.receive(Arrival(listener, source, data, self.now)))

    def advance(self, to: float) -> None:
        """Let time pass until `to`, waking the border when it asked for it, and never otherwise."""
        while self.wake_at is not None and self.wake_at <= to:
            self.now, self.wake_at = max(self.now, self.wake_at), None
            self.carry_out(self.border.wake(self.now))
        self.now = max(self.now, to)

    def replan(self, plan: Plan) -> None:
        """Another plan counts from now on: its listeners are opened before the border hears of it."""
        self.listeners |= {own for realm in plan.realms.values() for own in realm.listeners}
        self.carry_out(self.border.replan(plan, self.now))

    def carry_out(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Send):
                assert order.listener.shared in self.listeners, order
                self.deliver(order)
            elif isinstance(order, OpenStream):
                assert order.spec.id not in self.streams
                if self.refuses(order):
                    instead, go_on = self.border.unopened(order.spec.id, "in use", self.now)
                    self.carry_out(instead)
                    if not go_on:
                        return
                else:
                    self.streams.add(order.spec.id)
            elif isinstance(order, Listen):
                assert order.listener not in self.listeners
                if self.refuses(order):
                    self.carry_out(self.border.unlistened(order.listener, "in use", self.now))
                    return
                self.listeners.add(order.listener)
            else:
                self._plain(order)

    def _plain(self, order: Order) -> None:
        if isinstance(order, UpdateStream):
            assert order.stream in self.streams
        elif isinstance(order, CloseStream):
            self.streams.remove(order.stream)
        elif isinstance(order, Unlisten):
            self.listeners.discard(order.listener)  # it may never have been opened
        elif isinstance(order, Wake):
            self.wake_at = order.at
        elif isinstance(order, Note):
            self.events[order.event] = self.events.get(order.event, 0) + 1
        elif isinstance(order, Record) and order.event not in (
            "hold",
            "join",
            "move",
            "report",
        ):  # which may come at any time
            told = self.told.setdefault(order.call, [])
            told.append(order.event)
            assert told[0] == "open" and told == [each for each in _LIFE if each in told], told
        else:
            self.other(order)

    def faults(self) -> list[str]:
        """What does not add up: in the core's books, between them and the outside; whether the core will be woken."""
        registry = self.border.registry
        found = audit(registry, self.streams)
        wanted = registry.networks.listeners()
        wanted |= registry.terminal_ports.listeners() | registry.controls.listeners()
        if wanted != self.listeners:
            found.append(f"listeners: {wanted ^ self.listeners}")
        soonest = registry.timers.next()
        if soonest is not None and (self.wake_at is None or self.wake_at > soonest):
            found.append(f"the core wants to be woken at {soonest}, and will be at {self.wake_at}")
        return found

    def leftovers(self) -> list[str]:
        """What is still there, by name, when nothing should be."""
        registry = self.border.registry
        tables = {
            "calls": registry.calls,
            "call keys": registry.calls_by_key,
            "call labels": registry.calls_by_label,
            "exchanges": registry.live_exchanges,
            "exchange keys": registry.exchanges,
            "bindings": registry.bindings,
            "bindings by place": registry.bindings_at,
            "watches": registry.watches,
            "waiting for connections": registry.waits.all(),
            "bindings by user": registry.bindings_by_user,
            "bindings by source": registry.bindings_by_source,
            "terminal ports": registry.terminal_ports,
            "control channels": registry.controls,
            "sources": registry.crowd.per_source,
            "names": registry.names,
            "timers": registry.timers,
            "former realms": registry.networks.former,
            "fading listeners": registry.networks.fading,
            "leaving realms": registry.networks.leaving,
            "former media ports": registry.networks.media.former,
            "streams": self.streams,
        }
        found = [f"{len(table)} {name}" for name, table in tables.items() if len(table)]  # type: ignore[arg-type]
        found += [f"{count} {what} counted" for what, count in registry.crowd.in_realm.items() if count]
        held = (tally for tally in registry.gate.book.tallies() if not tally.empty)
        found += [f"{tally!r} has {tally.used}" for tally in held]
        found += [f"{len(streams)} streams hold bandwidth" for streams in (registry.gate.book.streams(),) if streams]
        pools = {**registry.media_ports, **registry.terminal_ports.pools}
        found += [f"{len(pool.used)} ports of {name}" for name, pool in pools.items() if pool.used]
        return found + [f"call {call} was never closed" for call, told in self.told.items() if told[-1] != "close"]
