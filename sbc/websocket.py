"""WebSocket (RFC 6455) at the server's end of a connection: the handshake, who is let in, messages out of frames.

By wsproto, which has neither socket nor clock. What is kept of a peer that is slow or hostile is bounded: a request of
MAX_REQUEST octets, then one message, in no more than MOST_FRAMES. Nothing is compressed.
"""

from __future__ import annotations

import re
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError
from zope.interface import implementer

from sbc.core.address import canonical
from sbc.core.message import BadMessage
from sbc.core.wires import Web
from sbc.interfaces import Framed, IFramer

MAX_REQUEST = 16_384
"""Octets of the request that begins it: pages may have cookies."""
MAX_LINE = 2_048
"""Octets of its first line."""
MAX_MESSAGE = 65_535
"""Octets of a message, as those that come by datagrams."""
MOST_FRAMES = 64
"""Frames that one message may come in: no page decides in how many, and who sends empty ones sends them for ever."""
MOST_AT_ONCE = 1_000
"""Frames that are read of what comes at once: an empty one has six octets, and costs as much as any other."""
NO_PAGE = "none"
"""In a list of origins: who says no origin, and so is no browser."""

END = b"\r\n\r\n"
_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]++) HTTP/1\.[0-9]\r\n")
_PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
}


class _NotLetIn(Exception):
    """A handshake is refused, with a status of HTTP (RFC 9110 section 15)."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@implementer(IFramer)
class WebSocket:
    """One connection. `whole` (IFramer) makes messages of what comes whole, `subprotocol` is what both must name."""

    def __init__(self, subprotocol: str, whole: Any, rules: Web) -> None:
        self._subprotocol = subprotocol
        self._whole = whole
        self._rules = rules
        self._held: bytearray | None = bytearray()  # of the request, until that is whole
        self._wire: Connection | None = None  # from then on
        self._over = False
        self._gathered = bytearray()  # of a message that is under way
        self._frames = 0  # of that message

    @property
    def open(self) -> bool:
        """Whether messages can go either way."""
        return self._wire is not None and not self._over

    @property
    def partial(self) -> bool:
        """Whether the handshake, or a message, has begun and is not whole."""
        return self._wire is None or bool(self._frames)

    def feed(self, data: bytes) -> Framed:
        """What is whole now. Several pings at once get one pong, to the last (RFC 6455 section 5.5.3)."""
        framed = Framed()
        if self._over:
            return framed
        if self._wire is None:
            data = self._shake_hands(data, framed)
        if self._wire is not None and data:
            self._read(self._wire, data, framed)
        return framed

    def wrap(self, data: bytes) -> bytes:
        """A message as it goes out: as text, if it is any (RFC 7118 section 5)."""
        assert self._wire is not None
        try:
            return self._wire.send(TextMessage(data=data.decode()))
        except UnicodeDecodeError:
            return self._wire.send(BytesMessage(data=data))

    def ping(self) -> bytes:
        """What asks the peer whether it lives."""
        assert self._wire is not None
        return self._wire.send(Ping())

    def farewell(self) -> bytes:
        """What tells the peer that we close the connection; empty where that has been said."""
        if self._wire is None or self._over:
            return b""
        self._over = True
        return self._wire.send(CloseConnection(code=CloseReason.GOING_AWAY))

    # -- the handshake

    def _shake_hands(self, data: bytes, framed: Framed) -> bytes:
        """Read the request; what has come behind it."""
        held = self._held
        assert held is not None
        held += data
        end = held.find(END, 0, MAX_REQUEST)
        line = _LINE.match(held, 0, MAX_LINE)
        if line is None and (end >= 0 or b"\n" in held or len(held) >= MAX_LINE or not held[:1].isupper()):
            framed.broken, self._over = BadMessage("Not HTTP"), True
            return b""
        if end < 0 and len(held) < MAX_REQUEST:
            return b""
        self._held = None
        try:
            if end < 0 or line is None:
                raise _NotLetIn(431, "the request is too long")
            framed.reply = self._answer(line[1], bytes(held[: end + len(END)]))
        except _NotLetIn as no:
            framed.reply = _refusal(no, line is not None and line[1] == b"HEAD")
            framed.ended, self._over = ("refused", f"HTTP {no.status}: {no.why}"), True
            return b""
        return bytes(held[end + len(END) :])

    def _answer(self, method: bytes, head: bytes) -> bytes:
        """What lets the peer in. @raises _NotLetIn."""
        if method != b"GET":
            raise _NotLetIn(405, "only GET begins a WebSocket")
        handshake = H11Handshake(ConnectionType.SERVER)
        try:
            handshake.receive_data(head)
            request = next(handshake.events(), None)
        except RemoteProtocolError as bad:
            raise _unsuitable(bad, head) from bad
        except ValueError as bad:  # a host or target that is no text
            raise _NotLetIn(400, "the request cannot be read") from bad
        if not isinstance(request, Request):
            raise _NotLetIn(400, "the request cannot be read")
        self._judge(request)
        reply = handshake.send(AcceptConnection(subprotocol=self._subprotocol))
        self._wire = handshake.connection
        return reply

    def _judge(self, request: Request) -> None:
        rules = self._rules
        if rules.paths and request.target.partition("?")[0] not in rules.paths:
            raise _NotLetIn(404, "there is nothing at that path")
        if rules.hosts and _without_port(request.host) not in rules.hosts:
            raise _NotLetIn(421, "that host is not served here")
        if rules.origins:
            said = [value.decode("latin-1") for name, value in request.extra_headers if name == b"origin"]
            if len(said) > 1 or not any(_fits((said or [NO_PAGE])[0], each) for each in rules.origins):
                raise _NotLetIn(403, "pages from there are not let in" if said else "it names no page")
        if self._subprotocol not in request.subprotocols:
            raise _NotLetIn(400, f'the subprotocol "{self._subprotocol}" is not asked for')

    # -- messages

    def _read(self, wire: Connection, data: bytes, framed: Framed) -> None:
        wire.receive_data(data)
        asked: Ping | None = None
        for framed.frames, event in enumerate(wire.events(), 1):
            if framed.frames > MOST_AT_ONCE:
                self._break(wire, CloseReason.POLICY_VIOLATION, "Too many frames", framed)
                return
            if isinstance(event, Message):
                self._gather(wire, event, framed)
            elif isinstance(event, CloseConnection):
                self._close(wire, event, framed)
            elif isinstance(event, Ping):
                asked, framed.stirred = event, True
            elif isinstance(event, Pong):
                framed.stirred = True
            if self._over:
                return
        if asked is not None:
            framed.reply += wire.send(asked.response())

    def _gather(self, wire: Connection, event: Message[Any], framed: Framed) -> None:
        self._gathered += event.data.encode() if isinstance(event, TextMessage) else event.data
        self._frames += event.frame_finished or not self._frames
        if len(self._gathered) > MAX_MESSAGE or self._frames > MOST_FRAMES:
            self._break(wire, CloseReason.MESSAGE_TOO_BIG, "Message too large", framed)
        elif event.message_finished:
            inner = self._whole.feed(bytes(self._gathered))
            self._gathered.clear()
            self._frames = 0
            framed.messages += inner.messages
            framed.stirred |= inner.stirred
            if inner.reply:
                framed.reply += self.wrap(inner.reply)

    def _close(self, wire: Connection, event: CloseConnection, framed: Framed) -> None:
        """The peer says that it closes, or what it sent is no WebSocket."""
        if wire.state is not ConnectionState.REMOTE_CLOSING:
            self._break(wire, event.code, f"Not WebSocket: {event.reason}", framed)
            return
        framed.reply += wire.send(event.response())
        self._over, self._frames = True, 0
        framed.ended = ("left", f"the peer closes it ({int(event.code)})")

    def _break(self, wire: Connection, code: int, reason: str, framed: Framed) -> None:
        framed.reply += wire.send(CloseConnection(code=code, reason=reason))
        framed.broken, self._over, self._frames = BadMessage(reason), True, 0


def _unsuitable(bad: RemoteProtocolError, head: bytes) -> _NotLetIn:
    """Why a request that can be read, or cannot, does not begin a WebSocket."""
    if b"\r\nsec-websocket-key:" not in head.lower():
        return _NotLetIn(426, "this is a WebSocket, and no web page")
    hint = bad.event_hint
    status = hint.status_code if isinstance(hint, RejectConnection) else 400
    return _NotLetIn(status, str(bad))


def _refusal(no: _NotLetIn, bare: bool) -> bytes:
    """The answer of HTTP; `bare`: without what it says to people."""
    said = b"" if bare else f"{no.why}\n".encode()
    more = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" if no.status == 426 else ""
    more += "Allow: GET\r\n" if no.status == 405 else ""
    head = (
        f"HTTP/1.1 {no.status} {_PHRASES.get(no.status, 'Refused')}\r\nConnection: close\r\n{more}"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(said)}\r\n\r\n"
    )
    return head.encode() + said


def _without_port(host: str) -> str:
    """The host that a Host header names (RFC 9110 section 7.2)."""
    bare = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    return canonical(bare)


def _fits(origin: str, allowed: str) -> bool:
    """Whether an origin (RFC 6454 section 6.2) is one that is allowed, which may be all names beneath one:
    ``https://*.example``."""
    origin, allowed = origin.lower(), allowed.lower()
    scheme, wild, beneath = allowed.partition("://*.")
    if not wild:
        return origin == allowed
    head, tail = f"{scheme}://", f".{beneath}"
    return origin.startswith(head) and origin.endswith(tail) and len(origin) > len(head) + len(tail)
