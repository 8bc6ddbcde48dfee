"""WebSocket (RFC 6455) at the client's end of a connection: how a next hop is asked for one, and what it answers."""

from __future__ import annotations

from typing import Any

from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, Request
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from sbc.core.message import BadMessage
from sbc.core.wires import Web
from sbc.interfaces import Framed
from sbc.websocket import END, MAX_REQUEST, WebSocket


class WebSocketClient(WebSocket):
    """One connection that we have made. `host` and `target` are what is asked for there."""

    def __init__(self, subprotocol: str, whole: Any, host: str, target: str) -> None:
        super().__init__(subprotocol, whole, Web())
        self._request = Request(host=host, target=target, subprotocols=[subprotocol])
        self._handshake = H11Handshake(ConnectionType.CLIENT)

    def begin(self) -> bytes:
        """What asks for a WebSocket. Nothing else is sent before the next hop has agreed."""
        return self._handshake.send(self._request)

    def _shake_hands(self, data: bytes, framed: Framed) -> bytes:
        """Read the answer; what has come behind it."""
        held = self._held
        assert held is not None
        held += data
        end = held.find(END, 0, MAX_REQUEST)
        if end < 0:
            if len(held) >= MAX_REQUEST or not b"HTTP/1.".startswith(held[:7]):
                self._fail(framed, "Not HTTP")
            return b""
        self._held, behind = None, bytes(held[end + len(END) :])
        try:
            self._handshake.receive_data(bytes(held[: end + len(END)]))
            event = next(self._handshake.events(), None)
        except (RemoteProtocolError, ValueError):
            self._fail(framed, "Not HTTP")
            return b""
        if isinstance(event, AcceptConnection) and event.subprotocol == self._subprotocol:
            self._wire = self._handshake.connection
            return behind
        if isinstance(event, RejectConnection):
            framed.ended = ("unwelcome", f"HTTP {event.status_code}")
        else:
            framed.ended = ("unwelcome", f'the subprotocol "{self._subprotocol}" is not agreed on')
        self._over = True
        return b""

    def _fail(self, framed: Framed, why: str) -> None:
        framed.broken, self._over = BadMessage(why), True
