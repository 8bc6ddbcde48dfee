"""Our signalling sockets: opened and closed, and what their datagrams look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from sbc.connections import Connections
from sbc.core.address import Address
from sbc.core.border import Border
from sbc.core.orders import Listener
from sbc.core.realm import Plan, Realm
from sbc.media.udp import listen_udp, mark_of, set_class, set_mark
from sbc.policy.marking import Urgency

SIGNALING_BUFFER = 4 * 1024 * 1024
"""Octets of receive queue asked for a signalling socket: some thousand messages, for the burst after an outage."""

Deliver = Callable[[Address, bytes], None]
Protocols = Mapping[str, Callable[[Deliver], DatagramProtocol]]


class Hearer(Protocol):
    """Who hears what datagrams bring."""

    def received(self, listener: Listener, source: Address, data: bytes, proven: str = "") -> None:
        """A datagram has come."""

    def bounced(self, listener: Listener, peer: Address, data: bytes, why: str) -> None:
        """One of ours, which began with `data`, has come back."""


class Listening:
    """The open listeners. `ports` holds for each its port: of `sbc.media.udp` for datagrams, else Twisted's own."""

    _log = Logger()

    def __init__(
        self, reactor: Any, border: Border, protocols: Protocols, connections: Connections, hearer: Hearer
    ) -> None:
        self._reactor = reactor
        self._border = border
        self._protocols = protocols
        self._connections = connections
        self._hearer = hearer
        self.ports: dict[Listener, Any] = {}

    def open(self, listener: Listener, realm: Realm | None = None) -> None:
        """Open a listener; what it sends is marked as its realm says, as it is or is to be.

        @raises twisted.internet.error.CannotListenError.
        """
        realm = realm or self._border.plan.realms[listener.realm]
        mark, (dscp, priority) = realm.network.mark, realm.marks.signalling_of(Urgency.NORMAL)
        if listener.reliable:
            port = self._connections.listen(listener, mark)
            try:
                set_class(port.socket, dscp, priority)  # and so what is said before a connection is there
            except OSError as error:
                port.stopListening()
                raise CannotListenError(listener.address.host, listener.address.port, error) from error
            self.ports[listener] = port
            self._log.info("listening on {listener}", listener=listener)
            return
        protocol = self._protocols[listener.dialect](partial(self._hearer.received, listener))
        protocol.noisy = False  # what is listened on is said below, in our words
        own, back = listener.address, partial(self._hearer.bounced, listener)
        port = listen_udp(
            self._reactor,
            own,
            protocol,
            SIGNALING_BUFFER,
            dscp=dscp,
            priority=priority,
            bounced=back,
            mark=mark,
            vpn=listener.vpn,
        )
        flood = self._border.registry.gate.flood
        port.refused, port.behind = flood.bans.refused(listener.realm), flood.load.behind
        self.ports[listener] = port
        self._log.info("listening on {listener}", listener=listener)

    def close(self, listener: Listener) -> None:
        """Close a listener, if it is open, and the connections there."""
        port = self.ports.pop(listener, None)
        if port is not None:
            port.stopListening()
            if listener.reliable:
                self._connections.close(listener)
            self._log.info("no longer listening on {listener}", listener=listener)

    def mark(self, plan: Plan) -> None:
        """Give every open port, terminals' own too, the mark that its realm has in `plan`, and what it sends the DSCP
        and priority. What the system refuses is logged: the port stays as it was."""
        for own, port in self.ports.items():
            realm = plan.realms.get(own.realm)
            if realm is None:  # it is leaving
                continue
            try:
                set_class(port.socket, *realm.marks.signalling_of(Urgency.NORMAL))
                if mark_of(port.socket) != realm.network.mark:
                    set_mark(port.socket, realm.network.mark)
            except OSError as error:
                self._log.warn("{listener} cannot be marked: {why}", listener=own, why=error.strerror)

    def all(self) -> dict[Listener, Any]:
        """The open listeners and their ports."""
        return dict(self.ports)

    def stop(self) -> list[Deferred[Any]]:
        """Close all; each fires when one is closed."""
        closing = [maybeDeferred(port.stopListening) for port in self.ports.values()]
        self.ports.clear()
        return closing
