"""A border in memory: two realms, one path, fixed secret, and the orders it gives sorted by kind."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.border import Border
from sbc.core.message import Keys
from sbc.core.mint import Mint
from sbc.core.orders import CloseStream, Listener, Note, OpenStream, Order, Record, Send, UpdateStream
from sbc.core.realm import (
    Callers,
    Keepalive,
    Limits,
    Media,
    Path,
    Plan,
    Probing,
    Realm,
    Registrations,
    Side,
    Signaling,
    Timers,
)
from sbc.core.registry import Arrival

SBC_ACCESS = Address("203.0.113.1", 5060)
SBC_CORE = Address("198.51.100.1", 5060)
SOFTSWITCH = Address("198.51.100.2", 5060)
NAT = Address("203.0.113.11", 40001)
PHONE = Address("192.168.1.10", 5060)
SECRET = b"a secret for tests only"

T = TypeVar("T")


def listener(realm: str, address: Address, dialect: str) -> Listener:
    return Listener(realm, dialect, "udp", address, address)


NO_FRONT = Registrations(front=False)
NO_KEEPALIVE = Keepalive(Probing.OFF)


def make_plan(
    dialect: str,
    limits: Limits | None = None,
    ports: int = 100,
    registrations: Registrations = NO_FRONT,
    keepalive: Keepalive = NO_KEEPALIVE,
    sparing: bool = False,
    **path: Any,
) -> Plan:
    """An access realm and a core realm joined by one path. Unless told otherwise registrations cross as they are,
    nobody is asked whether it lives, and strangers are answered as everybody is; in SIP they may call."""
    limits = limits or Limits()
    access = Realm(
        "access",
        Side.ACCESS,
        (listener("access", SBC_ACCESS, dialect),),
        Media(SBC_ACCESS.host, SBC_ACCESS.host, range(20000, 20000 + ports)),
        frozenset({"sbc.example.com"}),
        limits,
        registrations,
        keepalive=keepalive,
        sparing=sparing,
    )
    core = Realm(
        "core",
        Side.CORE,
        (listener("core", SBC_CORE, dialect),),
        Media(SBC_CORE.host, SBC_CORE.host, range(30000, 30000 + ports)),
        frozenset(),
        limits,
    )
    if dialect in ("sip", "toy"):  # most tests of calls are not about registrations
        path.setdefault("callers", Callers.ANY)
    path.setdefault(
        "signaling_ports", range(41000, 41100) if path.get("signaling") is Signaling.PORT_PER_TERMINAL else range(0)
    )
    return Plan({"access": access, "core": core}, (Path("main", "access", "core", (SOFTSWITCH,), **path),), Timers())


class Watched:
    """A dialect whose word on what is sent is compared with what whoever gets it would read."""

    def __init__(self, dialect: Any) -> None:
        self._dialect = dialect
        self._sent = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dialect, name)

    def encode(self, message: Any) -> bytes:
        self._sent = self._dialect.encode(message)
        return self._sent

    def keys(self, message: Any, crossing: Any) -> Keys:
        keys: Keys = self._dialect.keys(message, crossing)
        there = self._dialect.describe(self._dialect.decode(self._sent))
        assert keys == Keys(there.call, there.exchange), self._sent
        return keys


@attrs.define
class Rig:
    """Drives a border by hand. `now` moves only when told to."""

    border: Border
    now: float = 1000.0
    log: list[Order] = attrs.field(factory=list)
    open_streams: set[str] = attrs.field(factory=set)

    @classmethod
    def make(cls, dialect: Any, plan: Plan | None = None) -> Rig:
        return cls(Border(plan or make_plan(dialect.name), {dialect.name: Watched(dialect)}, Mint(SECRET)))

    def _take(self, orders: list[Order]) -> list[Order]:
        for order in orders:
            if isinstance(order, OpenStream):
                assert order.spec.id not in self.open_streams
                self.open_streams.add(order.spec.id)
            elif isinstance(order, UpdateStream):
                assert order.stream in self.open_streams
            elif isinstance(order, CloseStream):
                self.open_streams.remove(order.stream)
        self.log += orders
        assert audit(self.border.registry, self.open_streams) == []
        return orders

    def replan(self, plan: Plan) -> list[Order]:
        """Let another plan count."""
        return self._take(self.border.replan(plan, self.now))

    def from_access(self, data: bytes, source: Address = NAT, at: Listener | None = None) -> list[Order]:
        own = at or self.border.plan.realms["access"].listeners[0]
        return self._receive(Arrival(own, source, data, self.now))

    def from_core(self, data: bytes, source: Address = SOFTSWITCH, at: Listener | None = None) -> list[Order]:
        own = at or self.border.plan.realms["core"].listeners[0]
        return self._receive(Arrival(own, source, data, self.now))

    def _receive(self, arrival: Arrival) -> list[Order]:
        return [order for part in self.border.parts(arrival) for order in self._take(self.border.receive(part))]

    def bounced(self, sent: Send, data: bytes | None = None, to: Address | None = None) -> list[Order]:
        """What was sent comes back, as whole as `data` quotes it."""
        quoted = sent.data if data is None else data
        return self._take(self.border.bounced(sent.listener, to or sent.to, quoted, "port unreachable", self.now))

    def wait(self, seconds: float) -> list[Order]:
        """Let time pass, waking the border whenever it asks for it."""
        end, orders = self.now + seconds, []
        while (at := self.border.registry.timers.next()) is not None and at <= end:
            self.now = max(self.now, at)
            orders += self._take(self.border.wake(self.now))
        self.now = end
        return orders


def of(kind: type[T], orders: list[Order]) -> list[T]:
    """The orders of one kind."""
    return [order for order in orders if isinstance(order, kind)]


def sends(orders: list[Order], realm: str) -> list[bytes]:
    """What is sent into `realm`."""
    return [order.data for order in of(Send, orders) if order.listener.realm == realm]


def events(orders: list[Order]) -> list[str]:
    """What is noted and recorded, by name."""
    return [order.event for order in orders if isinstance(order, Note | Record)]
