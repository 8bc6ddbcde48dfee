"""The RADIUS client as a service: takes what is owed out of the account book, sends it, and removes what is answered.

The book is read and written by a thread, the sockets are the reactor's; nothing waits for a disk or a server.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from time import time
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from sbc.config.values import RadiusConfig
from sbc.core.address import Address
from sbc.ledger.radius.packets import Naming
from sbc.ledger.radius.queue import Outbox
from sbc.ledger.radius.sender import Request, Sender, Terms

MANY = 500
"""Requests that are in memory at once; the others wait on the disk."""

PACE = 0.2
"""Seconds for which answers are gathered until they are written down. A crash has them asked again."""

RETRY = 5.0
"""Seconds until a book that cannot be read or written is tried again."""

PARTING = 2.0
"""Seconds that an orderly stop gives the last requests to be answered: what is not is sent at the next start."""

InThread = Callable[..., "Deferred[Any]"]


def terms_of(config: RadiusConfig, secret: bytes) -> Terms:
    """How servers are asked, as it is configured."""
    naming = Naming(config.nas_identifier, config.octets)
    return Terms(config.servers, secret, naming, config.timeout, config.tries, config.window, config.rest)


class _Socket(DatagramProtocol):
    noisy = False

    def __init__(self, heard: Callable[[Address, bytes], None]) -> None:
        self._heard = heard

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self._heard(Address(addr[0], addr[1]), datagram)

    def connectionRefused(self) -> None:
        """Nobody listens there; it is asked again as if nothing had come."""


class RadiusService(Service):
    """Asks on `terms` what is owed in the book at `path`. `counted` gets what `Sender` counts, ``radius-waiting`` and
    ``radius-broken`` (requests in the book that cannot be read). `in_thread` calls a function in a thread."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        path: str,
        terms: Terms,
        counted: Counter[str],
        wall: Callable[[], float] = time,
        in_thread: InThread | None = None,
    ) -> None:
        self.setName("radius")
        self._reactor = reactor
        self._counted = counted
        self._outbox = Outbox(path)
        self._in_thread = in_thread or (
            lambda call, *said: deferToThreadPool(reactor, reactor.getThreadPool(), call, *said)
        )
        self._sockets: dict[int, Any] = {}
        self._sender = Sender(terms, self._send, self._answered, wall, counted, self._tell)
        self._after = 0  # the last that was taken from the book
        self._more = True  # whether there may be more in it
        self._over: list[int] = []  # answered, and still in the book
        self._busy = False
        self._call: Any = None  # of the sender's next deadline
        self._due: Any = None  # of the next look at the book
        self._gone: Deferred[None] | None = None

    def startService(self) -> None:
        super().startService()
        self._look()

    def stopService(self) -> Deferred[None]:
        """Fires when what was answered is written down. Requests on their way have `PARTING` seconds."""
        ran = self.running
        super().stopService()
        self._gone = gone = Deferred[None]()
        self._parting = self._reactor.callLater(PARTING if ran else 0.0, self._part)
        if ran:
            self._look()
            self._part_early()
        return gone

    def news(self) -> None:
        """There is more in the book. Called on the reactor's thread."""
        self._more = True
        self._look()

    def change(self, terms: Terms) -> None:
        """Ask on these terms from now on."""
        self._sender.change(terms, self._reactor.seconds())
        self._rearm()

    # -- the book

    def _look(self) -> None:
        """Write down what is answered, and take more where there is room."""
        if self._busy or (self._due is not None and self._due.active()):
            return
        room = MANY - len(self._sender)
        at_work = (self.running or self._gone is not None) and not self._gone_at_last
        takes = self._more and at_work and room >= MANY // 2
        if self._over or takes:
            self._busy = True
            over, self._over = self._over, []
            done = self._in_thread(self._turn, over, self._after, room if takes else 0)
            done.addCallbacks(self._looked, self._failed, callbackArgs=(room if takes else 0,), errbackArgs=(over,))
        elif self._gone is not None and self._gone_at_last:
            self._end()

    def _turn(self, over: list[int], after: int, room: int) -> tuple[list[Request], list[int], int]:
        """In the thread: what is answered out, the next in, and how many are left."""
        left = self._outbox.remove(over)
        found, broken = self._outbox.take(after, room) if room else ([], [])
        return found, broken, left

    def _looked(self, result: tuple[list[Request], list[int], int], room: int) -> None:
        found, broken, left = result
        self._busy = False
        self._counted["radius-waiting"] = left
        if room:
            self._more = len(found) + len(broken) == room
            self._after = max([self._after, *(each.id for each in found), *broken])
        if broken:
            self._counted["radius-broken"] += len(broken)
            self._log.error("{count} requests of the account book cannot be read, and are left out", count=len(broken))
            self._over += broken
        self._sender.offer(found, self._reactor.seconds())
        self._rearm()
        self._look()
        self._part_early()

    def _failed(self, failure: Any, over: list[int]) -> None:
        self._busy = False
        self._counted["radius-failures"] += 1
        self._over = over + self._over
        self._log.error("the account book cannot be used: {error}", error=failure.getErrorMessage())
        if self._gone is not None and self._gone_at_last:
            self._end()
            return
        self._due = self._reactor.callLater(RETRY, self._again)

    def _again(self) -> None:
        self._due = None
        self._look()

    def _answered(self, id: int) -> None:
        self._over.append(id)
        if self._due is None or not self._due.active():
            self._due = self._reactor.callLater(PACE, self._again)

    # -- the end

    _gone_at_last = False
    _parting: Any = None

    def _part_early(self) -> None:
        """Nothing is left to wait for at the end."""
        idle = not (self._more or self._over or self._busy or len(self._sender))
        if self._gone is not None and idle and self._parting.active():
            self._parting.reset(0.0)

    def _part(self) -> None:
        self._gone_at_last = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None
        for port in self._sockets.values():
            port.stopListening()
        self._sockets.clear()
        self._look()

    def _end(self) -> None:
        gone, self._gone = self._gone, None
        if gone is not None:
            closed = self._in_thread(self._outbox.close)
            closed.addBoth(lambda _: gone.callback(None))

    # -- the servers

    def _send(self, server: Address, data: bytes) -> None:
        if self._gone_at_last:
            return
        try:
            self._socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET).write(data, tuple(server))
        except (OSError, CannotListenError) as error:  # as if it were lost on the way
            self._counted["radius-send-errors"] += 1
            self._log.debug("sending to {server}: {error}", server=server, error=error)

    def _socket(self, family: int) -> Any:
        if family not in self._sockets:
            host = "::" if family == socket.AF_INET6 else ""
            self._sockets[family] = self._reactor.listenUDP(0, _Socket(self._heard), interface=host, maxPacketSize=8192)
        return self._sockets[family]

    def _heard(self, source: Address, data: bytes) -> None:
        self._sender.heard(source, data, self._reactor.seconds())
        self._rearm()

    def _rearm(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        due = self._sender.due()
        if due is not None and not self._gone_at_last:
            self._call = self._reactor.callLater(max(0.0, due - self._reactor.seconds()), self._wake)

    def _wake(self) -> None:
        self._sender.wake(self._reactor.seconds())
        self._rearm()
        self._look()

    def _tell(self, what: str, whom: str) -> None:
        if what == "down":
            self._log.error("RADIUS server {server} does not answer; its requests are kept", server=whom)
        elif what == "up":
            self._log.warn("RADIUS server {server} answers again", server=whom)
        elif what == "broken":
            self._log.error("no request can be made of a turn of session {session}: left out", session=whom)
        else:
            self._log.critical("no RADIUS server takes a request of session {session}: given up", session=whom)
