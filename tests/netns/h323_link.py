"""Where an H.323 peer of the lab gets its sockets, and its connections: TPKTs over TCP in the peer's own thread."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.h323_per import PerError
from tests.netns.h323_wire import Peer, split_tpkt, tpkt
from tests.netns.namespace import inside
from tests.netns.phone_loop import PhoneLoop

if TYPE_CHECKING:
    from tests.netns.lab import LabHost

_CONNECT = 5.0  # seconds; the other end's kernel answers, so only a path that is not there takes longer


@dataclass(frozen=True)
class Tls:
    """The files of a peer's certificate and key, and of the authority that it believes."""

    certificate: Path
    key: Path
    ca: Path

    def context(self, server: bool) -> ssl.SSLContext:
        made = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH, cafile=str(self.ca)
        )
        made.load_cert_chain(self.certificate, self.key)
        return made


@dataclass(frozen=True)
class Place:
    """A peer's address, in a network namespace or (without one) where this process is."""

    address: str
    netns: str = ""
    tls: Tls | None = None  # what its connections are secured with

    @classmethod
    def of(cls, host: LabHost) -> Place:
        return cls(host.address(), host.netns)

    def udp(self, port: int = 0) -> socket.socket:
        return self._in(lambda: self._bound(socket.SOCK_DGRAM, port))

    def listen(self, port: int = 0) -> socket.socket:
        def make() -> socket.socket:
            made = self._bound(socket.SOCK_STREAM, port)
            made.listen(128)
            return made if self.tls is None else self.tls.context(True).wrap_socket(made, server_side=True)

        return self._in(make)

    def connect(self, peer: Peer) -> socket.socket:
        """OSError if it cannot be reached."""

        def make() -> socket.socket:
            made = socket.create_connection(peer, _CONNECT, (self.address, 0))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                made = self.tls.context(False).wrap_socket(made, server_hostname=peer[0])
            made.setblocking(False)
            return made

        return self._in(make)

    def _in(self, make: Callable[[], socket.socket]) -> socket.socket:
        return inside(self.netns, make) if self.netns else make()

    def _bound(self, kind: socket.SocketKind, port: int) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, kind)
        try:
            if kind == socket.SOCK_STREAM:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self.address, port))
            made.setblocking(False)
        except OSError:
            made.close()
            raise
        return made


class Link:
    """A TCP connection that carries TPKTs. `hear` is called with each packet, `lost` once when the other end closes
    it."""

    def __init__(
        self, loop: PhoneLoop, sock: socket.socket, hear: Callable[[Link, bytes], None], lost: Callable[[Link], None]
    ) -> None:
        self.loop, self.sock, self.hear, self.lost = loop, sock, hear, lost
        self.peer: Peer = sock.getpeername()[:2]
        self.local: Peer = sock.getsockname()[:2]
        self._held = b""
        self.open = True
        loop.watch(sock, self._readable)

    def send(self, data: bytes) -> None:
        """Send one packet, waiting for a moment if the kernel's buffer is full. What can no longer be sent is lost."""
        if not self.open:
            return
        self.sock.settimeout(_CONNECT)
        try:
            self.sock.sendall(tpkt(data))
        except OSError:
            self._gone()
        else:
            self.sock.setblocking(False)

    def close(self) -> None:
        if self.open:
            self.open = False
            self.loop.unwatch(self.sock)
            self.sock.close()

    def _readable(self, sock: socket.socket) -> None:
        while self.open:
            try:
                data = sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError:
                data = b""
            if not data:
                self._gone()
                return
            try:
                packets, self._held = split_tpkt(self._held + data)
            except PerError:
                self._gone()
                raise
            for packet in packets:
                self.hear(self, packet)

    def _gone(self) -> None:
        if self.open:
            self.close()
            self.lost(self)


class Door:
    """A listening socket; each connection made to it becomes a `Link`."""

    def __init__(
        self,
        loop: PhoneLoop,
        sock: socket.socket,
        hear: Callable[[Link, bytes], None],
        lost: Callable[[Link], None],
        came: Callable[[Link], None] = lambda link: None,
    ) -> None:
        self.loop, self.sock = loop, sock
        self._hear, self._lost, self._came = hear, lost, came
        self.port = int(sock.getsockname()[1])
        self.taken = 0  # connections
        loop.watch(sock, self._accept)

    def _accept(self, sock: socket.socket) -> None:
        while True:
            try:
                made, _ = sock.accept()
            except BlockingIOError:
                return
            except OSError:  # who came does not believe our certificate
                continue
            made.setblocking(False)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.taken += 1
            self._came(Link(self.loop, made, self._hear, self._lost))

    def close(self) -> None:
        self.loop.unwatch(self.sock)
        self.sock.close()
