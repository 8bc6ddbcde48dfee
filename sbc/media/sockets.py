"""The sockets of a side of a stream, for the engines whose packets go by sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import ExitStack

from twisted.logger import Logger

from sbc.core.address import Address, Pair
from sbc.core.orders import UNSET, SideSpec
from sbc.core.vpn import Vpn
from sbc.media.interfaces import PortUnavailable
from sbc.media.udp import hear_dscp, open_udp, set_buffers, set_class, set_mark

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
            try:
                self.mark(sock, side)
                if side.mark != before.mark:
                    set_mark(sock, side.mark)
            except OSError as error:
                raise PortUnavailable(pair.rtp, error.strerror or str(error)) from error

    @staticmethod
    def mark(sock: socket.socket, side: SideSpec) -> None:
        """Have a socket mark what it sends, and tell how what comes is marked, as a side's spec says. @raises
        ValueError for a DSCP that is none; OSError."""
        set_class(sock, side.dscp, side.priority)
        hear_dscp(sock, bool(side.incoming))

    def remark(self, sock: socket.socket, side: SideSpec) -> None:
        """The same for a socket that is in use: what the system refuses is logged. @raises ValueError as `mark`."""
        try:
            self.mark(sock, side)
        except OSError as error:
            self._log.warn("{local} cannot be marked: {why}", local=side.local.rtp, why=error.strerror)

    def _open_one(self, address: Address, side: SideSpec, opened: ExitStack, shares: int = 1) -> socket.socket:
        buffer, mark, vpn = self._receive_buffer * shares, side.mark, side.vpn
        try:
            sock = opened.enter_context(open_udp(address, buffer, mark=mark, vpn=vpn))
            if side.dscp or side.priority != UNSET or side.incoming:
                self.mark(sock, side)  # a call opens four: each system call counts
            return sock
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


def marking(side: SideSpec) -> tuple[int, int, bool]:
    """What of a side's spec its sockets must know for `MediaSockets.mark`."""
    return side.dscp, side.priority, bool(side.incoming)
