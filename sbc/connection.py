"""One signalling connection: what it brings, what waits for it, how long it may say nothing."""

from __future__ import annotations

import socket
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol as Wire
from twisted.python.failure import Failure
from zope.interface import implementer

from sbc.core.address import Address, network_of
from sbc.core.message import BadMessage
from sbc.core.orders import Listener, Note
from sbc.core.realm import Side
from sbc.handshake import TlsWire, why_unsecured
from sbc.media.udp import set_class
from sbc.policy.marking import Urgency
from sbc.tls import misnamed, proven_name
from sbc.websocket import WebSocket
from sbc.websocket_client import WebSocketClient

if TYPE_CHECKING:
    from sbc.connections import Connections


IDLE, INTERVAL, PROBES = 60, 15, 4
"""Seconds of silence before the kernel asks the peer's whether it is there, between two questions, and how many go
unanswered before the connection is lost: two minutes. What is written and not acknowledged has as long."""

FRAMES, FRAMES_AT_ONCE = 500.0, 2_000.0
"""Frames a second that a terminal's WebSocket may bring for long, and after a pause: what they hold is held to its own
rates, but pings and empty messages hold nothing, and reading them takes time all the same."""

MOST_UNHEARD = 262_144
"""Octets that a peer may send on a connection that we have closed, until it closes its end, too."""


def door_of(listener: Listener, peer: Address) -> tuple[Listener, str]:
    """Where connections of `peer` are counted: who has one address of an IPv6 network has it whole."""
    return listener, network_of(peer.host)


def keep_alive(handle: socket.socket) -> None:
    """Let the kernel find out when the peer's host is gone without a word."""
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, INTERVAL)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * (IDLE + INTERVAL * PROBES))


class Ears(Protocol):
    """Who hears what connections bring."""

    def received(self, listener: Listener, source: Address, data: bytes, proven: str = "") -> None:
        """A whole message; `proven` is the name that the peer's certificate has shown to be its own."""

    def stirred(self, listener: Listener, source: Address) -> None:
        """What came was no message, but a sign of life."""

    def unframed(self, listener: Listener, source: Address, bad: BadMessage) -> None:
        """What came is no message, and nothing after it can be told apart."""

    def unreached(self, listener: Listener, peer: Address, why: str) -> None:
        """There is no connection to `peer` any more, or none could be made."""

    def barred(self, listener: Listener, peer: Address) -> str:
        """Why `peer` is not let in at a listener; empty if it is."""

    def accepted(self, listener: Listener, peer: Address) -> None:
        """A connection from `peer`, or of ours to it, is up."""

    def worked(self, listener: Listener, peer: Address, seconds: float, now: float) -> None:
        """So long was spent on securing a connection of `peer`'s, or of ours to it."""

    def needed(self, listener: Listener, peer: Address) -> bool:
        """Whether a connection that says nothing is to stay all the same."""

    def named(self, listener: Listener, peer: Address, usual: str) -> str:
        """The name that the certificate of the next hop at `peer` must hold, `usual` if that is not empty and the next
        hop has none of its own; empty where there is none."""

    def door(self, listener: Listener, peer: Address) -> Address | None:
        """Where a connection to `peer` may be opened; None: nowhere."""

    def noted(self, note: Note) -> None:
        """Something for log and counters."""


@implementer(IPushProducer, IHandshakeListener)
class Connection(Wire):
    """One connection, from the moment it is wanted. `peer` is where it leads, by which it is found."""

    def __init__(self, table: Connections, listener: Listener, peer: Address, opened: bool) -> None:
        self.table = table
        self.listener = listener
        self.peer = peer
        self.door = door_of(listener, peer)  # where it is counted, whatever it is known as
        self.opened = opened
        self.limits = table.limits(listener)
        self.framer: Any = table.framer(listener, peer if opened else None)
        self.web: WebSocket | None = self.framer if isinstance(self.framer, WebSocket) else None
        self.deadline = table.now() + (self.limits.connect if opened else self.limits.message)
        self.handle: socket.socket | None = None
        self.up = False
        self.ready = False  # whether messages can go by it: a WebSocket has to be agreed on first
        self.proven = ""  # the peer's name, where it has shown a certificate
        self.alias: Address | None = None  # where the peer takes connections, if this one serves for that, too
        self.closing = False
        self._said = False  # whether anything was written to the peer
        self._unheard = 0  # octets that came since it is closing
        self.ask_at = inf  # when the peer is to be asked whether it lives
        self._asked = False  # whether that is done, and nothing has come since
        self._frames, self._frames_at = FRAMES_AT_ONCE, self.table.now()  # that it may bring, and since when
        self.heard = opened  # whether it has ever brought a message, or leads where we wanted to go
        self.connector: Any = None
        self.queue: list[bytes] = []  # until it is up
        self._waiting = 0  # octets: in the queue, or written while the peer does not read
        self._paused = False

    # -- what Twisted calls

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        secured = isinstance(transport, TlsWire)
        wire: Any = transport.transport if secured else transport
        handle: socket.socket = wire.getHandle()
        keep_alive(handle)
        self.handle = handle
        self.mark()
        if not secured:
            self._begin()

    def mark(self) -> None:
        """Have what it sends marked as its realm says now."""
        if self.handle is not None:
            try:
                set_class(self.handle, *self.table.realm(self.listener).marks.signalling_of(Urgency.NORMAL))
            except OSError as error:  # better unmarked than none
                self.table.note(self, "unmarked", error.strerror or str(error))

    def handshakeCompleted(self) -> None:
        """Called by Twisted where the connection is secured: from now on it is what it seems to be."""
        transport: Any = self.transport
        why = self.misnamed(self.peer) if self.opened else ""
        if why:
            if isinstance(transport, TlsWire):
                transport.verdict = why  # it is why there is no connection
            self.abort("unproven", why)
            return
        if self.opened or self.table.requires_peer(self.listener):  # else nobody has verified what it shows
            self.proven = proven_name(transport.getPeerCertificate())
        self._begin()

    def worked(self, seconds: float) -> None:
        """So long was spent on a step of its handshake."""
        self.table.ears.worked(self.listener, self.peer, seconds, self.table.now())

    def misnamed(self, at: Address) -> str:
        """Why the certificate that the peer has shown is not that of who is to be `at` there; empty if it is."""
        transport: Any = self.transport
        if not self.opened and not self.table.requires_peer(self.listener):
            return "nobody has verified its certificate"
        return misnamed(transport.getHandle(), self.table.expected(self.listener, at))

    def _begin(self) -> None:
        if self.closing:
            return
        transport: Any = self.transport
        transport.registerProducer(self, True)
        self.up = True
        if isinstance(self.web, WebSocketClient):
            self.deadline = self.table.now() + self.limits.connect
            transport.write(self.web.begin())
            return
        self.deadline = self.table.now() + (self.limits.idle if self.opened else self.limits.message)
        self._ready()

    def _ready(self) -> None:
        """Messages can go: what has waited for that goes."""
        self.ready = True
        self.table.made(self)
        queue, self.queue, self._waiting = self.queue, [], 0
        for data in queue:
            self.write(data)

    def dataReceived(self, data: bytes) -> None:
        if self.closing:
            self._unheard += len(data)
            if self._unheard > MOST_UNHEARD:
                self._cut()
            return
        began = not self.framer.partial
        framed = self.framer.feed(data)
        now = self.table.now()
        begins = not self.heard and (bool(framed.messages) or (self.web is not None and self.web.open))
        if begins:
            self.heard = True
            self.table.heard(self)
        if self.opened and not self.ready and self.web is not None and self.web.open:
            self._ready()
        self._ask_later(now)
        if not self.framer.partial:
            anew = self.web is None or begins or not began or framed.messages  # pages answer pings by themselves
            if self.heard and anew:
                self.deadline = now + self.limits.idle
        elif began or framed.messages:
            self.deadline = now + self.limits.message
        if framed.reply:
            self._put(framed.reply)
        if framed.stirred or (framed.reply and self.web is None):
            self.table.ears.stirred(self.listener, self.peer)
        for message in framed.messages:
            self._hear(message)
        if framed.broken is not None:
            self._break(framed.broken)
        elif framed.ended is not None:
            self.close(*framed.ended)
        elif self._floods(framed.frames, now):
            self.close("flooded", "more frames than any page sends")

    def _break(self, bad: BadMessage) -> None:
        """What has come is no message, nor can be anything after it."""
        if not self.closing:  # else the answer would open a connection anew
            self.table.ears.unframed(self.listener, self.peer, bad)
            self.close("unframed", bad.reason)

    def _floods(self, frames: int, now: float) -> bool:
        """Whether a terminal brings more frames than it may."""
        if not frames or self.table.realm(self.listener).side is Side.CORE:
            return False
        more, self._frames_at = max(now - self._frames_at, 0.0) * FRAMES, now
        self._frames = min(self._frames + more, FRAMES_AT_ONCE) - frames
        return self._frames < 0.0

    def _ask_later(self, now: float) -> None:
        """Something has come: it need not be asked for a while."""
        period = self.table.realm(self.listener).websocket.ping
        if self.web is not None and self.web.open and period:
            self.ask_at, self._asked = now + period, False

    def _ask(self) -> None:
        """Nothing has come for so long that the peer is asked whether it lives; or it has not answered that."""
        assert self.web is not None
        if self._asked:
            self.abort("unanswered", "the peer does not answer a ping")
            return
        self._asked, self.ask_at = True, self.table.now() + self.table.realm(self.listener).websocket.ping
        self._put(self.web.ping())

    def _hear(self, message: bytes) -> None:
        if not self.closing:  # by the one before: what is said to this one would open a connection anew
            self.table.ears.received(self.listener, self.peer, message, self.proven)

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        self.handle = None
        said = reason.getErrorMessage()
        transport: Any = self.transport
        if not self.up and isinstance(transport, TlsWire):
            said = why_unsecured(transport, reason.value)
            if not self.closing:
                self.table.note(self, "untrusted" if transport.verdict else "unsecured", said)
        self.table.gone(self, "the connection is lost" if self.up else f"no connection: {said}")

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused, self._waiting = False, 0

    def stopProducing(self) -> None:
        """Nothing is produced here of its own accord."""

    # -- what the table calls

    def write(self, data: bytes) -> bool:
        """Send the message `data` now or when the connection is up; False if too much waits already, which ends the
        connection, or a WebSocket has not been agreed on."""
        if self.web is None or (self.opened and not self.ready):
            return self._put(data)
        return self.web.open and self._put(self.web.wrap(data))

    def _put(self, data: bytes) -> bool:
        waits = self.opened and not self.ready
        if waits or not self.up or self._paused:
            self._waiting += len(data)
            if self._waiting > self.limits.queue:
                self.abort("unread", f"{self._waiting} octets wait for the peer")
                return False
        if waits or not self.up:
            self.queue.append(data)
        else:
            assert self.transport is not None
            self.transport.write(data)
            self._said = True
        return True

    def close(self, word: str, why: str, after: float = 0.0) -> None:
        """Say no more than is written already. `word` names the reason in counters; its peer hears of it
        `after` so many seconds.

        What the peer still sends is read until it closes, too, for as long as a message may take: a socket that is
        closed with something unread in it resets the connection, and the last we have said may be lost with that
        (RFC 2525 section 2.17). Who was told nothing has nothing to lose, and makes room at once."""
        if self.closing:
            return
        self.table.note(self, word, why)
        self.closing, self.ask_at = True, inf
        self.table.hide(self)
        if not self.up:
            self._cut()
            return
        self.deadline = self.table.now() + self.limits.message
        if after:
            self.table.later(after, self._let_go)
        else:
            self._let_go()

    def _let_go(self) -> None:
        transport: Any = self.transport
        if self.handle is None:  # it is gone
            return
        if self.web is not None:
            transport.write(self.web.farewell())
        transport.unregisterProducer()
        secured = isinstance(transport, TlsWire)  # which says that it closes, and waits for the peer's word
        if secured or not self._said:
            transport.loseConnection()
        else:
            transport.loseWriteConnection()

    def abort(self, word: str, why: str) -> None:
        """End it at once; whatever is not sent yet is lost."""
        if not self.closing:
            self.table.note(self, word, why)
        self.closing, self.ask_at = True, inf
        self.table.hide(self)
        self._cut()

    def _cut(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()
        elif self.connector is not None:
            self.connector.disconnect()
        else:
            self.table.gone(self, "the peer has not made the connection that it was asked for")

    def overdue(self) -> None:
        """Its time is over, or its peer is to be asked whether it lives."""
        if self.deadline > self.table.now():
            self._ask()
        elif self.closing:
            self.abort("", "")
        elif not self.up:
            self.close("timeout", "the peer does not take the connection, or make it")
        elif self.framer.partial or not self.heard:
            self.close("slow", "no whole message in time")
        elif any(self.table.ears.needed(self.listener, each) for each in (self.peer, self.alias) if each is not None):
            self.deadline = self.table.now() + self.limits.idle
        else:
            self.close("idle", "nothing to say")
