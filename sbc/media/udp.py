"""UDP sockets for media and signalling: whole datagrams, known buffers, fair turns, visible drops."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from errno import EPERM
from typing import Any, NamedTuple

from twisted.internet import udp
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from zope.interface import implementer

from sbc.core.address import Address, literal
from sbc.core.orders import UNSET
from sbc.core.vpn import MAIN, Vpn
from sbc.media import icmp
from sbc.media.namespaces import made_in

MAX_DATAGRAM = 65_535
"""Octets to read at once. Twisted reads 8192 unless told, and cuts longer datagrams without a word."""

BESIDE = 64
"""Octets for what is told beside a datagram: how it was marked."""

TURN = 32
"""Datagrams one signalling socket may read in one turn of the reactor."""
REFUSED = 16
"""So many times as many may be read in it of those from which nothing is taken: a flood of them costs few turns."""

_MORE_TRIES = 8  # to send, with a turn's worth of what has come back taken out of the way before each next one

_CLASSES = ((socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS))
_BY_TOS = (0, 2, 6, 4)  # a frame's priority by two bits of an IPv4 header's (net/ipv4/route.c, ip_tos2prio)
_SO_PRIORITY = 12  # Linux, asm-generic/socket.h; Python has no name for it before 3.12
_SO_MARK = 36  # Linux, asm-generic/socket.h; Python has no name for it before 3.13
_NONBLOCK = getattr(socket, "SOCK_NONBLOCK", 0)  # Linux makes a socket so from the start
_SO_MEMINFO = 55  # Linux, asm-generic/socket.h; Python has no name for it
_MEMINFO = struct.Struct("=9I")
_MEMINFO_DROPS = 8  # SK_MEMINFO_DROPS, linux/sock_diag.h


class Buffers(NamedTuple):
    """Socket buffer sizes in octets as the kernel granted them: twice what was asked, or less where its limits
    (net.core.rmem_max, wmem_max) are lower."""

    receive: int
    send: int


def open_udp(
    address: Address,
    receive_buffer: int = 0,
    send_buffer: int = 0,
    dscp: int = 0,
    priority: int = UNSET,
    mark: int = 0,
    vpn: Vpn = MAIN,
) -> socket.socket:
    """A non-blocking UDP socket bound to `address`, never shared and never connected; IPv6 only where that is IPv6.

    Buffer sizes in octets, 0 for the system's own; `mark` and the device of `vpn` as in `set_way`. @raises OSError,
    also if the host is a name: none is ever looked up.
    """
    ip = literal(address.host)
    if ip is None:
        raise OSError(f"{address.host!r} is not an IP address")
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    sock = made_in(vpn.namespace, family, socket.SOCK_DGRAM | _NONBLOCK)  # a call opens four: each system call counts
    try:
        if not _NONBLOCK:
            sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _ask_buffers(sock, receive_buffer, send_buffer)
        if dscp or priority != UNSET:
            set_class(sock, dscp, priority)
        set_way(sock, mark, vpn.device)
        sock.bind((str(ip), address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def set_buffers(sock: socket.socket, receive: int = 0, send: int = 0) -> Buffers:
    """Ask for buffer sizes (octets; 0 leaves one as it is) and return what the kernel made of it."""
    _ask_buffers(sock, receive, send)
    return Buffers(
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    )


def _ask_buffers(sock: socket.socket, receive: int, send: int) -> None:
    if receive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    if send:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send)


@contextmanager
def borrowed(fd: int) -> Iterator[socket.socket]:
    """A socket by its descriptor, which stays open."""
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()


def set_dscp(sock: socket.socket, dscp: int) -> None:
    """Mark what the socket sends: `dscp` is 0 to 63 (RFC 2474), and the two ECN bits stay 0. @raises ValueError."""
    octet = traffic_class(dscp)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, octet)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, octet)


def set_class(sock: socket.socket, dscp: int, priority: int = UNSET) -> None:
    """The same, and the priority of its frames (SO_PRIORITY, 0 to 7; UNSET: what the system makes of the DSCP).
    @raises ValueError; OSError where that takes a right that is missing."""
    set_dscp(sock, dscp)
    if priority == UNSET:  # said all the same, since another may have been said before
        priority = _BY_TOS[dscp >> 1 & 3] if sock.family == socket.AF_INET else 0
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_PRIORITY, priority)
    except OSError as error:
        why = f"{error.strerror} (it takes CAP_NET_ADMIN or CAP_NET_RAW)" if error.errno == EPERM else error.strerror
        raise OSError(error.errno, f"priority {priority}: {why}") from error


def hear_dscp(sock: socket.socket, hear: bool = True) -> None:
    """Have the system tell, beside what comes, how it was marked (see `dscp_of`), or no more."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, hear)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, hear)


def dscp_of(beside: list[tuple[int, int, bytes]]) -> int:
    """The DSCP in what ``recvmsg`` tells beside a datagram; UNSET where it tells of none."""
    for level, kind, data in beside:
        if (level, kind) in _CLASSES and data:
            return data[0 if sys.byteorder == "little" else -1] >> 2
    return UNSET


def beside(sock: socket.socket, dscp: int) -> list[tuple[int, int, bytes]]:
    """What ``sendmsg`` is told beside a datagram that is to have that DSCP, whatever the socket's is."""
    level, kind = _CLASSES[sock.family == socket.AF_INET6]
    return [(level, kind, struct.pack("=i", traffic_class(dscp)))]


def set_mark(sock: socket.socket, mark: int) -> None:
    """Let routing rules know the socket's packets by a `mark`, or by none from now on (0). Linux only. @raises OSError
    that says why not."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_MARK, struct.pack("=I", mark))
    except OSError as error:
        why = f"{error.strerror} (it takes CAP_NET_ADMIN or CAP_NET_RAW)" if error.errno == EPERM else error.strerror
        raise OSError(error.errno, f"mark {mark}: {why}") from error


def mark_of(sock: socket.socket) -> int:
    """The mark of the socket's packets; 0 where they have none."""
    if sys.platform != "linux":
        return 0
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, _SO_MARK, 4), sys.byteorder)


def set_way(sock: socket.socket, mark: int = 0, device: str = "") -> None:
    """Let routing rules know the socket's packets by a `mark` (0: none), and have it receive and send by one `device`
    alone: a network interface or VRF (empty: any). Linux only. @raises OSError that says which of them failed and why.
    """
    if mark:
        set_mark(sock, mark)
    if device:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        except OSError as error:
            raise OSError(error.errno, f"device {device}: {error.strerror}") from error


def traffic_class(dscp: int) -> int:
    """The octet of the IP header that says `dscp`. @raises ValueError for one that is none."""
    if not 0 <= dscp <= 63:
        raise ValueError(f"{dscp} is not a DSCP (0 to 63)")
    return dscp << 2


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams the kernel has dropped at this socket since it was opened, mostly because its queue was full.

    One system call, the same number as the last column of /proc/net/udp. Always 0 on other systems than Linux.
    """
    if sys.platform != "linux":
        return 0
    return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[_MEMINFO_DROPS])


Bounced = Callable[[Address, bytes, str], None]
"""Who is told what comes back: where it had been sent to, how it began, and what the network says."""


@implementer(IHalfCloseableDescriptor)
class Port(udp.Port):
    """Twisted's UDP port with turns counted in datagrams.

    Twisted's own `doRead` ends a turn after `maxThroughput` octets: 20,000 small datagrams, and with empty ones, which
    count nothing, it need not end at all. It also lets any unknown read error take the port out of the reactor.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        address: Address,
        protocol: DatagramProtocol,
        turn: int = TURN,
        mark: int = 0,
        vpn: Vpn = MAIN,
    ) -> None:
        """`turn`: datagrams to read at most in one turn of the reactor. `mark` and `vpn` as in `open_udp`."""
        untyped: Any = super()
        untyped.__init__(address.port, protocol, address.host, MAX_DATAGRAM, reactor)
        self.turn = turn
        self._mark, self._vpn = mark, vpn
        self._next = 1  # datagrams to read in the next turn
        self.read_errors = 0
        self._bounced: Bounced | None = None
        self.unbound: socket.socket | None = None
        self.refused: Container[object] = ()  # addresses and hosts from which nothing is taken
        self.refusals = 0  # datagrams that came from those
        self.behind: set[object] = set()  # ports of which more waits than a turn may read

    def createInternetSocket(self) -> socket.socket:
        """The socket that is to be bound: IPv6 only, where it is IPv6. @raises OSError."""
        sock = made_in(self._vpn.namespace, self.addressFamily, self.socketType)
        self.unbound = sock
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        set_way(sock, self._mark, self._vpn.device)
        return sock

    def startListening(self) -> None:
        """Bind and read. @raises twisted.internet.error.CannotListenError."""
        untyped: Any = super()
        try:
            untyped.startListening()
        except CannotListenError:
            if self.unbound is not None:  # else there was none to be had
                self.unbound.close()  # which Twisted leaves to the garbage collector
            raise

    def stopListening(self) -> Deferred[None] | None:
        """Read no more, and close the socket on the reactor's next turn."""
        untyped: Any = super()
        self.behind.discard(self)
        stopped: Deferred[None] | None = untyped.stopListening()
        return stopped

    def listen_for_bounces(self, bounced: Bounced) -> None:
        """From now on tell of datagrams that come back, where the system can."""
        if icmp.listen(self.socket):
            self._bounced = bounced

    def _hear_bounces(self) -> None:
        """What has come back, no more than a turn's worth; the reactor calls again while there is more."""
        if self._bounced is not None:
            for to, data, why in icmp.bounces(self.socket, self.turn):
                self._bounced(to, data, why)

    def readConnectionLost(self, reason: object) -> None:
        """Twisted's word for an error without anything to read: something has come back, and the port lives on."""
        if self.connected:
            self._hear_bounces()
            self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # whatever else it was is over, too
            untyped: Any = self
            untyped.startReading()

    def writeConnectionLost(self, reason: object) -> None:
        """Never called: nothing is written by the reactor."""

    def send(self, data: bytes, to: Address, dscp: int = UNSET) -> None:
        """Send one datagram now, marked as all that the socket sends, or with a DSCP of its own. @raises OSError where
        it cannot go out."""
        if self._bounced is not None:
            for _ in range(_MORE_TRIES):
                try:
                    self._send(data, to, dscp)
                except OSError:
                    self._hear_bounces()  # the kernel tells whoever sends next of what an earlier one has met
                else:
                    return
        self._send(data, to, dscp)

    def _send(self, data: bytes, to: Address, dscp: int) -> None:
        if dscp == UNSET:
            self.socket.sendto(data, to)
        else:
            self.socket.sendmsg([data], beside(self.socket, dscp), 0, to)

    def doRead(self) -> None:
        """Called by the reactor when there is something to read.

        Datagrams that come one by one are read nearly so: to be told that there is no second costs as much as a
        datagram. A turn that was used up makes the next twice as long, and one that finds nothing more ends that. What
        is refused costs next to nothing and is not counted, up to some times as many.
        """
        left, refusals, none = self._next, REFUSED * self._next, True
        while left and refusals:
            try:
                data, source = self.socket.recvfrom(self.maxPacketSize)
            except (BlockingIOError, InterruptedError):
                self._next = 1
                self.behind.discard(self)
                if none:  # some reactors call an error so
                    self._hear_bounces()
                return
            except OSError as error:
                if self._bounced is not None:
                    self._hear_bounces()
                    left -= 1
                    continue
                self.read_errors += 1
                self._log.debug("reading {port}: {error}", port=self, error=error)
                return
            if self.refused and (source[:2] in self.refused or source[0] in self.refused):
                self.refusals += 1
                refusals, none = refusals - 1, False
                continue
            left, none = left - 1, False
            try:
                self.protocol.datagramReceived(data, source[:2])
            except Exception:  # noqa: BLE001 - one bad datagram must not close the port
                self._log.failure(
                    "{protocol} failed on a datagram from {source}", protocol=self.protocol, source=source
                )
        if self._next == self.turn:
            self.behind.add(self)
        self._next = min(2 * self._next, self.turn)

    def buffers(self) -> Buffers:
        """The socket's buffer sizes."""
        return set_buffers(self.socket)

    def kernel_drops(self) -> int:
        """See the function of that name."""
        return kernel_drops(self.socket)


def listen_udp(
    reactor: Any,
    address: Address,
    protocol: DatagramProtocol,
    receive_buffer: int = 0,
    send_buffer: int = 0,
    dscp: int = 0,
    priority: int = UNSET,
    turn: int = TURN,
    bounced: Bounced | None = None,
    mark: int = 0,
    vpn: Vpn = MAIN,
) -> Port:
    """Let `protocol` listen on `address`, as ``reactor.listenUDP`` does but for what this module is for.

    `bounced` hears of datagrams that come back (ICMP), where it is given; `mark` and `vpn` as in `open_udp`. Port 0
    takes any free one (``getHost()``).
    @raises twisted.internet.error.CannotListenError; @raises ValueError for a DSCP that is none.
    """
    traffic_class(dscp)
    port = Port(reactor, address, protocol, turn, mark, vpn)
    port.startListening()
    set_buffers(port.socket, receive_buffer, send_buffer)
    try:
        set_class(port.socket, dscp, priority)
    except OSError as error:
        port.stopListening()
        raise CannotListenError(address.host, address.port, error) from error
    if bounced is not None:
        port.listen_for_bounces(bounced)
    return port
