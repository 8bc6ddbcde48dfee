"""TCP sockets of ours: each in the network of its realm, and with its mark before the first packet leaves."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.protocol import ClientFactory

from sbc.core.address import Address, literal
from sbc.core.vpn import MAIN, Vpn
from sbc.media.namespaces import inside, made_in
from sbc.media.udp import set_way


def bound(address: Address, vpn: Vpn = MAIN, mark: int = 0) -> socket.socket:
    """A socket bound to `address`, to listen; IPv6 only where that is IPv6. Connections that come have the network and
    mark of the socket that they come to. @raises OSError."""
    ip = literal(address.host)
    if ip is None:
        raise OSError(f"{address.host!r} is not an IP address")
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    sock = made_in(vpn.namespace, family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        set_way(sock, mark, vpn.device)
        sock.bind((str(ip), address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def connect(
    reactor: Any, to: Address, factory: ClientFactory, timeout: float, own: str, vpn: Vpn = MAIN, mark: int = 0
) -> Any:
    """Connect from the host `own` (empty: whichever it is) to `to`, as ``reactor.connectTCP`` does, but in a network
    and with a mark."""
    if vpn == MAIN and not mark:
        return reactor.connectTCP(to.host, to.port, factory, timeout=timeout, bindAddress=(own, 0) if own else None)
    connector = _Connector(to.host, to.port, factory, timeout, (own, 0) if own else None, reactor)
    connector.vpn, connector.mark = vpn, mark
    connector.connect()
    return connector


class _Client(tcp.Client):
    """A connection on its way, whose socket is where its connector wants it."""

    connector: Any

    def createInternetSocket(self) -> socket.socket:
        untyped: Any = super()
        wanted = self.connector
        with inside(wanted.vpn.namespace):
            sock: socket.socket = untyped.createInternetSocket()
        try:
            set_way(sock, wanted.mark, wanted.vpn.device)
        except BaseException:
            sock.close()
            raise
        return sock


class _Connector(tcp.Connector):
    """Makes such connections."""

    vpn, mark = MAIN, 0

    def _makeTransport(self) -> tcp.Client:
        untyped: Any = _Client
        client: tcp.Client = untyped(self.host, self.port, self.bindAddress, self, self.reactor)
        return client
