"""Ports that streams of the `twisted` engine share: each packet begins with the number of the one that it is for."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack

from sbc.core.orders import SideSpec
from sbc.media.inlet import Inlet, Sender, Source
from sbc.media.rounds import Rounds
from sbc.media.side import NUMBER
from sbc.media.sockets import MediaSockets, Place, place_of
from sbc.media.udp import BESIDE, MAX_DATAGRAM, dscp_of

Relay = Callable[[Inlet, bytes, Source, float, bool, int], None]
"""Takes a packet to its inlet: given that, data, source, `now`, that the port is shared, and its DSCP, if known."""


class _SharedPort:
    """A socket that streams share, and their inlets by number."""

    __slots__ = ("_relay", "inlets", "sock", "strays")

    def __init__(self, sock: socket.socket, relay: Relay) -> None:
        self.sock, self._relay = sock, relay
        self.inlets: dict[int, Inlet] = {}
        self.strays = 0

    def read(self, now: float) -> None:
        """Relay one datagram, if there is one."""
        try:
            data, beside, _, source = self.sock.recvmsg(MAX_DATAGRAM, BESIDE)
        except OSError:  # nothing there; or an error, which is nobody's in particular
            return
        inlet = self.inlets.get(int.from_bytes(data[:NUMBER], "big")) if len(data) >= NUMBER else None
        if inlet is None:
            self.strays += 1
        else:
            self._relay(inlet, data[NUMBER:], source, now, True, dscp_of(beside))


class SharedPorts:
    """Those that are open: opened with the first stream of a pair, closed with its last."""

    def __init__(self, sockets: MediaSockets, rounds: Rounds, relay: Relay) -> None:
        self._sockets, self._rounds, self._relay = sockets, rounds, relay
        self._open: dict[Place, tuple[_SharedPort, _SharedPort]] = {}
        self._joined: dict[Place, SideSpec] = {}  # the last that has
        self._closed_strays = 0

    def senders(self, side: SideSpec) -> tuple[Sender, Sender | None] | None:
        """How the shared ports of a side send, RTP's and RTCP's; opened, if they are not. None where it has none.
        @raises PortUnavailable (see `MediaSockets.join_shared`); ValueError for a number that another stream has."""
        at = place_of(side)
        if side.shared is None or at is None:
            return None
        pair = side.shared.local
        if at not in self._open:
            with ExitStack() as opened:
                rtp, rtcp = self._sockets.open_shared(pair, side, opened)
                opened.pop_all()
            ports = self._open[at] = _SharedPort(rtp, self._relay), _SharedPort(rtcp, self._relay)
            for port in ports:
                self._rounds.add(port.sock.fileno(), port.read)
        if side.shared.number in self._open[at][0].inlets:
            raise ValueError(f"number {side.shared.number} at {pair.rtp} is another stream's")
        self._sockets.join_shared(pair, [port.sock for port in self._open[at]], self._joined.get(at, side), side)
        self._joined[at] = side
        return self._open[at][0].sock.sendto, self._open[at][1].sock.sendto

    def join(self, side: SideSpec, rtp: Inlet, rtcp: Inlet | None) -> None:
        """From now on what comes by the number of that side is for these inlets."""
        at = place_of(side)
        if side.shared is None or at is None:
            return
        ports = self._open[at]
        ports[0].inlets[side.shared.number] = rtp
        if rtcp is not None:
            ports[1].inlets[side.shared.number] = rtcp

    def leave(self, side: SideSpec) -> None:
        """What comes by the number of that side is for nobody any more."""
        at = place_of(side)
        if side.shared is None or at is None:
            return
        for port in self._open[at]:
            port.inlets.pop(side.shared.number, None)
        self.tidy()

    def tidy(self) -> None:
        """Close the ports that no stream shares."""
        for at, ports in list(self._open.items()):
            if not any(port.inlets for port in ports):
                del self._open[at]
                self._joined.pop(at, None)
                for port in ports:
                    self._closed_strays += port.strays
                    self._rounds.remove(port.sock.fileno())
                    port.sock.close()

    def mark(self, side: SideSpec) -> None:
        """Let what leaves by those of that side be marked as it says."""
        at = place_of(side)
        for port in self._open[at] if at is not None else ():
            self._sockets.remark(port.sock, side)

    @property
    def strays(self) -> int:
        """Packets so far that had no number of a stream."""
        return self._closed_strays + sum(port.strays for ports in self._open.values() for port in ports)
