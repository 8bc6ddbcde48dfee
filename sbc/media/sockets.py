"""The sockets of a side of a stream, for the engines whose packets go by sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import ExitStack

from twisted.logger import Logger

from sbc.core.address import Address, Pair
from sbc.core.orders import SideSpec
from sbc.core.vpn import Vpn
from sbc.media.interfaces import PortUnavailable
from sbc.media.udp import open_udp, set_buffers, set_dscp, set_mark

RECEIVE_BUFFER = 131_072
"""Octets of queue a media socket asks for: some hundred packets, seconds of audio. More would only be heard late."""
SHARED_BY = 32
"""One that many streams share asks for so many times as much."""


Place = tuple[Vpn, Pair]
"""A pair of ports, in the network that it is of."""


def place_of(side: SideSpec) -> Place | None:
    """Where a side shares ports; None where it has none."""
    return None if side.shared is None else (side.vpn, side.shared.local)


class MediaSockets:
    """Opens them, and sees what queues the kernel gives."""

    _log = Logger()

    def __init__(self, receive_buffer: int = RECEIVE_BUFFER) -> None:
        """`receive_buffer`: octets of queue to ask for a socket."""
        self._receive_buffer = receive_buffer
        self._granted = 0  # octets of it that the kernel gave the first socket

    def open_pair(self, side: SideSpec, opened: ExitStack) -> tuple[socket.socket, socket.socket | None]:
        """RTP's and RTCP's of a side; one alone where both share an address or there is no RTCP.

        `opened` closes them unless they are taken out of it. @raises PortUnavailable; @raises ValueError for a DSCP
        that is none."""
        rtp = self._open_one(side.local.rtp, side, opened)
        if side.local.rtcp is None or side.local.rtcp == side.local.rtp:
            return rtp, None
        return rtp, self._open_one(side.local.rtcp, side, opened)

    def open_shared(self, pair: Pair, side: SideSpec, opened: ExitStack) -> tuple[socket.socket, socket.socket]:
        """RTP's and RTCP's of a pair that streams share, of which `side` is the first; otherwise as `open_pair`."""
        assert pair.rtcp is not None
        rtp, rtcp = (self._open_one(address, side, opened, SHARED_BY) for address in (pair.rtp, pair.rtcp))
        return rtp, rtcp

    def join_shared(self, pair: Pair, socks: Iterable[socket.socket], before: SideSpec, side: SideSpec) -> None:
        """Let `side` share the sockets of an open pair, which `before` was the last to join. A socket has one DSCP and
        one mark: those of the last, as its realm wants them now. @raises PortUnavailable where the system refuses that;
        ValueError for a DSCP that is none."""
        for sock in socks:
            set_dscp(sock, side.dscp)
            try:
                if side.mark != before.mark:
                    set_mark(sock, side.mark)
            except OSError as error:
                raise PortUnavailable(pair.rtp, error.strerror or str(error)) from error

    def _open_one(self, address: Address, side: SideSpec, opened: ExitStack, shares: int = 1) -> socket.socket:
        buffer, dscp, mark, vpn = self._receive_buffer * shares, side.dscp, side.mark, side.vpn
        try:
            return opened.enter_context(open_udp(address, buffer, dscp=dscp, mark=mark, vpn=vpn))
        except OSError as error:
            raise PortUnavailable(address, error.strerror or str(error)) from error

    def see_buffers(self, sock: socket.socket) -> None:
        """Say once if the kernel gives media sockets, as `sock` is one, shorter queues than asked for."""
        if self._granted:
            return
        self._granted = set_buffers(sock).receive
        if self._granted < self._receive_buffer:
            self._log.warn(
                "media sockets have a receive buffer of {granted} octets, not {asked}: see net.core.rmem_max",
                granted=self._granted,
                asked=self._receive_buffer,
            )
