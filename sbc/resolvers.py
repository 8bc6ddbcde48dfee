"""Who is asked for names of next hops: the servers of all, or those that a realm's own network has, asked in there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.protocol import ClientFactory, DatagramProtocol
from twisted.names import client, dns

from sbc import tcp
from sbc.core.address import Address
from sbc.core.vpn import VpnLabel
from sbc.media.udp import listen_udp

PATIENCE = 30
"""Seconds for a connection to a server."""


class Within:
    """The part of a reactor that a resolver needs, in another network."""

    def __init__(self, reactor: Any, label: VpnLabel) -> None:
        self._reactor, self._label = reactor, label
        self.callLater = reactor.callLater

    def listenUDP(self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192) -> Any:
        """See IReactorUDP."""
        label = self._label
        return listen_udp(self._reactor, Address(interface, port), protocol, mark=label.mark, vpn=label.vpn)

    def connectTCP(self, host: str, port: int, factory: ClientFactory, timeout: float = PATIENCE) -> Any:
        """See IReactorTCP."""
        label = self._label
        return tcp.connect(self._reactor, Address(host, port), factory, timeout, "", label.vpn, label.mark)


class Resolvers:
    """One for each network that has servers of its own."""

    def __init__(self, reactor: Any, timeouts: Sequence[int]) -> None:
        self._reactor, self._timeouts = reactor, timeouts
        self._made: dict[VpnLabel, client.Resolver] = {}

    def of(self, label: VpnLabel) -> client.Resolver:
        """That of a network with servers."""
        found = self._made.get(label)
        if found is None:
            servers = [(host, port or dns.PORT) for host, port in label.dns]
            untyped: Any = client.Resolver
            found = self._made[label] = untyped(None, servers, self._timeouts, Within(self._reactor, label))
        return found
