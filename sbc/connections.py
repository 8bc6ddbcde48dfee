"""Signalling connections: accepted and opened, found by who is at the other end, bounded in number, time, octets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Factory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from sbc import tcp
from sbc.connection import Connection, Ears, door_of
from sbc.core.address import Address, bracketed, canonical
from sbc.core.orders import WEB, Listener, Note
from sbc.core.realm import Realm
from sbc.core.wires import Connections as Limits
from sbc.handshake import RENEWED, Entrance, Exit, TlsWire
from sbc.interfaces import IFramer
from sbc.tls import Security
from sbc.websocket import WebSocket
from sbc.websocket_client import WebSocketClient

BACKLOG = 1024
"""Connections the kernel may keep for us until we accept them: a town's phones after an outage come at once."""
A_MOMENT = 0.5
"""Seconds after which a connection is closed late; see HangUp."""
SWEEP = 1.0
"""Seconds between looks at who has run out of time."""


class _Door(Factory):
    """Lets connections in at one listener."""

    noisy = False

    def __init__(self, table: Connections, listener: Listener) -> None:
        self._table = table
        self._listener = listener

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:
        return self._table.admit(self._listener, address_of(addr))


class _Way(ClientFactory):
    """Opens one connection."""

    noisy = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return self._connection

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        connection = self._connection
        connection.table.gone(connection, f"no connection: {reason.getErrorMessage()}")


class _Gate(Factory):
    """Lets secured connections in at one listener, each by the certificate that counts when it comes."""

    noisy = False

    def __init__(self, table: Connections, listener: Listener) -> None:
        self._table = table
        self._listener = listener

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self._table.lock(self._listener).buildProtocol(addr)


class _Lock(TLSMemoryBIOFactory):
    """Secures what another factory makes; where that makes nothing there is nothing to secure."""

    noisy = False
    protocol: Any = TlsWire

    def buildProtocol(self, addr: IAddress | None) -> Any:
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self.protocol(self, inner)


@attrs.define
class Books:
    """What the auditor sees: connections there are, and connections counted for each host."""

    connections: list[Connection]
    per_source: Counter[tuple[Listener, str]]


class Connections:
    """Every signalling connection. Towards terminals only those are opened that one call has for itself, and those to
    trunks: as a rule no way leads to a terminal but its own."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        realms: Mapping[str, Realm],
        framers: Mapping[str, Callable[[], IFramer]],
        security: Mapping[str, Security],
        ears: Ears,
        frames: Mapping[str, Callable[[], IFramer] | None] = {},
    ) -> None:
        self._reactor = reactor
        self._realms = realms
        self._framers = framers
        self._frames = frames
        self._security = dict(security)
        self._locks: dict[Listener, tuple[float, _Lock]] = {}  # and when each was made
        self.ears = ears
        self._all: set[Connection] = set()
        self._found: dict[tuple[Listener, Address], Connection] = {}
        self._per_source: Counter[tuple[Listener, str]] = Counter()
        self._per_listener: Counter[Listener] = Counter()
        self._unheard: Counter[tuple[Listener, str]] = Counter()  # of those, who has not said anything yet
        self._sweep: Any = None
        self._stopped = False

    def now(self) -> float:
        """Seconds on the reactor's clock."""
        seconds: float = self._reactor.seconds()
        return seconds

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something after so many seconds on the reactor's clock."""
        self._reactor.callLater(seconds, what)

    def realm(self, listener: Listener) -> Realm:
        """The realm a listener belongs to."""
        return self._realms[listener.realm]

    def limits(self, listener: Listener) -> Limits:
        """How far peers at that listener are trusted."""
        return self._realms[listener.realm].connections

    def framer(self, listener: Listener, to: Address | None) -> IFramer:
        """What tells messages apart there; of a connection of ours `to` a next hop, or that somebody else has made."""
        if listener.transport not in WEB:
            return self._framers[listener.dialect]()
        frames, rules = self._frames[listener.dialect], self._realms[listener.realm].websocket
        assert frames is not None  # the configuration lets nobody listen so who has none
        if to is None:
            return WebSocket(listener.dialect, frames(), rules)
        host = self.ears.named(listener, to, "") or to.host
        return WebSocketClient(listener.dialect, frames(), f"{bracketed(host)}:{to.port}", rules.target)

    def requires_peer(self, listener: Listener) -> bool:
        """Whether those who connect there have shown a certificate that was verified."""
        return self._security[listener.realm].tls.require_peer

    def expected(self, listener: Listener, peer: Address) -> str:
        """The name or address that the certificate of a next hop must hold."""
        return self.ears.named(listener, peer, self._security[listener.realm].tls.server_name) or peer.host

    # -- for the runner

    def listen(self, listener: Listener, mark: int = 0) -> Any:
        """Take connections at `listener`, which have that mark; the port.
        @raises twisted.internet.error.CannotListenError."""
        sock = None
        try:
            sock = tcp.bound(listener.address, listener.vpn, mark)
            sock.listen(BACKLOG)
            door: Any = _Door(self, listener)
            if listener.secured:
                door = _Gate(self, listener)
            return self._reactor.adoptStreamPort(sock.fileno(), sock.family, door)
        except OSError as error:
            raise CannotListenError(listener.address.host, listener.address.port, error) from error
        finally:
            if sock is not None:
                sock.close()  # the reactor has its own descriptor of it

    @property
    def security(self) -> Mapping[str, Security]:
        """What the connections of each realm are secured with."""
        return self._security

    def replan(self, realms: Mapping[str, Realm], security: Mapping[str, Security]) -> None:
        """What comes from now on is held to these realms, and secured by what their files hold now; what is sent is
        marked as they say."""
        self._realms = realms
        self._security |= security  # a realm that is leaving keeps what it had
        self._locks.clear()
        for connection in self._all:
            if connection.listener.realm in realms:
                connection.mark()

    def lock(self, listener: Listener) -> _Lock:
        """What secures the connections that come in at a listener."""
        made_at, lock = self._locks.get(listener, (-RENEWED, None))
        if lock is None or self.now() - made_at >= RENEWED:
            lock = _Lock(Entrance(self._security[listener.realm]), False, _Door(self, listener))
            self._locks[listener] = self.now(), lock
        return lock

    def close(self, listener: Listener) -> None:
        """End what connections there are at a listener that is closed."""
        for connection in [each for each in self._all if each.listener.shared == listener]:
            connection.close("closed", "its listener is closed")

    def send(self, listener: Listener, peer: Address, data: bytes, otherwise: Address | None = None) -> str:
        """Send by the connection to `peer`, or else to `otherwise`, opened if need be; empty, or why that cannot be."""
        connection = self._found.get((listener, peer))
        if connection is None:
            door = peer if listener.lane else self.ears.door(listener, peer)
            if door is None:
                return "its connection is closed"
            peer = otherwise or door
            connection = self._found.get((listener, peer)) or self._open(listener, peer)
        return "" if connection.write(data) else "it does not read what it is sent"

    def open(self, listener: Listener, peer: Address) -> None:
        """Open the connection to `peer`, unless there is one."""
        if (listener, peer) not in self._found:
            self._open(listener, peer)

    def hang_up(self, listener: Listener, peer: Address, late: bool = False) -> None:
        """Close the connection to `peer`, if there is one, when what is written has gone; see HangUp."""
        connection = self._found.get((listener, peer))
        if connection is not None:
            connection.close("hung-up", "what it was for is over", A_MOMENT if late else 0.0)

    def adopt(self, listener: Listener, peer: Address, made_at: Listener, source: Address) -> None:
        """What waits for the awaited connection to `peer` goes by the one that `source` has made, which is from now on
        known as that. Where nothing waits any more it is closed."""
        awaited, made = self._found.get((listener, peer)), self._found.get((made_at, source))
        if made is None:
            return
        if awaited is None or awaited.up:
            made.close("late", "nobody waits for it any more")
            return
        self.hide(made)
        self._all.discard(awaited)
        made.listener, made.peer = listener, peer
        self._found[listener, peer] = made
        self.note(made, "adopted", f"made by {source}")
        for data in awaited.queue:
            made.write(data)

    def alias(self, listener: Listener, peer: Address, address: Address) -> None:
        """Send what is for `address` by the connection that `peer` has made, unless there is one of its own.

        Where connections are secured its certificate must be one that we would accept of whoever is at `address`.
        """
        connection, key = self._found.get((listener, peer)), (listener, address)
        if connection is None or connection.opened or connection.alias is not None or key in self._found:
            return
        why = connection.misnamed(address) if listener.secured else ""
        if why:
            self.note(connection, "unaliased", why)
            return
        connection.alias = address
        self._found[key] = connection
        self.note(connection, "aliased", f"for what goes to {address}")

    def stop(self) -> None:
        """End all connections at once."""
        self._stopped = True
        if self._sweep is not None and self._sweep.active():
            self._sweep.cancel()
        for connection in list(self._all):
            connection.abort("stopped", "the SBC ends")

    def books(self) -> Books:
        """What there is; for the auditor and the console."""
        return Books(list(self._all), Counter(self._per_source))

    def faults(self) -> list[str]:
        """What does not add up."""
        counted = Counter(each.door for each in self._all if not each.opened)
        faults = [
            f"{self._per_source[key]} connections are counted for {key[1]} at {key[0]}, {counted[key]} are there"
            for key in {*counted, *self._per_source}
            if counted[key] != self._per_source[key]
        ]
        if sum(self._unheard.values()) != sum(not (each.opened or each.heard) for each in self._all):
            faults.append("the connections that have brought nothing yet are counted wrongly")
        faults += [
            f"the connection to {each.peer} is found but closed" for each in self._found.values() if each.closing
        ]
        faults += [f"the connection to {e.peer} is found but gone" for e in self._found.values() if e not in self._all]
        if self._all and not self._stopped and not (self._sweep is not None and self._sweep.active()):
            faults.append("there are connections, but nobody looks at their time")
        return faults

    # -- for connections

    def admit(self, listener: Listener, peer: Address) -> Connection | None:
        """A peer has connected: its connection, or None if there is no room for it."""
        limits, door, why = self.limits(listener), door_of(listener, peer), ""
        if self._per_listener[listener] >= limits.total or self._per_source[door] >= limits.per_source:
            why = "too many connections"
        elif self._unheard[door] >= limits.handshakes:
            why = "too many connections that say nothing yet"
        why = why or self.ears.barred(listener, peer)
        if why:
            self.ears.noted(Note("connection-refused", why, "", {"peer": str(peer), "at": str(listener)}))
            return None
        self._per_listener[listener] += 1
        self._per_source[door] += 1
        self._unheard[door] += 1
        return self._enter(Connection(self, listener, peer, opened=False))

    def heard(self, connection: Connection) -> None:
        """Who has connected there says something."""
        _give_back(self._unheard, connection.door)

    def made(self, connection: Connection) -> None:
        """It is up."""
        self.note(connection, "opened" if connection.opened else "accepted", "")
        self.ears.accepted(connection.listener, connection.peer)

    def note(self, connection: Connection, word: str, why: str) -> None:
        """Count and log what became of a connection."""
        fields = {"peer": str(connection.peer), "at": str(connection.listener)}
        self.ears.noted(Note(f"connection-{word}", why, "", fields))

    def hide(self, connection: Connection) -> None:
        """Nothing more is to be sent by it."""
        for address in (connection.peer, connection.alias):
            if address is not None and self._found.get((connection.listener, address)) is connection:
                del self._found[connection.listener, address]

    def gone(self, connection: Connection, why: str) -> None:
        """It is closed, or was never opened: forget it and tell whoever waited for something by it."""
        if connection not in self._all:
            return
        self._all.discard(connection)
        connection.closing = True
        found = self._found.get((connection.listener, connection.peer))
        self.hide(connection)
        if not connection.opened:
            self._per_listener[connection.door[0]] -= 1
            _give_back(self._per_source, connection.door)
            if not connection.heard:
                _give_back(self._unheard, connection.door)
        if not self._stopped and found in (None, connection):  # else another has taken its place
            self.ears.unreached(connection.listener, connection.peer, why)
        if not self._stopped and connection.alias is not None:
            self.ears.unreached(connection.listener, connection.alias, why)

    def _open(self, listener: Listener, peer: Address) -> Connection:
        connection = self._enter(Connection(self, listener, peer, opened=True))
        if listener.awaited:  # by the peer
            connection.deadline = self.now() + connection.limits.message
            return connection
        way: Any = _Way(connection)
        if listener.secured:
            way = _Lock(Exit(self._security[listener.realm], self.expected(listener, peer)), True, way)
        patience = connection.limits.connect + SWEEP  # ours comes first, and moves with our clock
        mark, own = self.realm(listener).network.mark, listener.address.host
        connection.connector = tcp.connect(self._reactor, peer, way, patience, own, listener.vpn, mark)
        return connection

    def _enter(self, connection: Connection) -> Connection:
        self._all.add(connection)
        self._found[connection.listener, connection.peer] = connection
        if self._sweep is None or not self._sweep.active():
            self._sweep = self._reactor.callLater(SWEEP, self._look_round)
        return connection

    def _look_round(self) -> None:
        now = self.now()
        for connection in [each for each in self._all if each.deadline <= now or each.ask_at <= now]:
            try:
                connection.overdue()
            except Exception:  # noqa: BLE001 - whatever it is, the time of others passes, too
                self._log.failure("a fault in looking at the time of the connection to {peer}", peer=connection.peer)
        if self._all:
            self._sweep = self._reactor.callLater(SWEEP, self._look_round)


def _give_back(counted: Counter[tuple[Listener, str]], door: tuple[Listener, str]) -> None:
    counted[door] -= 1
    if not counted[door]:
        del counted[door]


def address_of(addr: Any) -> Address:
    """Twisted's address of a peer as ours."""
    return Address(canonical(addr.host), addr.port)
