"""Datagrams that came back: ICMP errors, as Linux keeps them beside the socket by which the datagram went out.

Twisted's unconnected UDP port never hears of them. They are hints and no more: whoever knows a socket's address can
forge one, so each carries what it quotes of the datagram, for the receiver to find out whether it was ever sent.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import NamedTuple

from sbc.core.address import Address, canonical

MOST_QUOTED = 2048
"""Octets of a datagram to look at. An ICMP message quotes some 500 of them (RFC 1812 section 4.3.2.3), or none."""

_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h; Python has no names for them
_ICMP, _ICMP6 = 2, 3  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 (linux/errqueue.h)
_EXTENDED = struct.Struct("=IBBBBII")  # sock_extended_err
_UNREACHABLE, _UNREACHABLE6 = 3, 1  # types of RFC 792 and RFC 4443
# RFC 3261 section 18.4 names these of RFC 792; the others pass by themselves, or say something else (4: too large)
_CODES = {0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable"}
_CODES6 = {0: "no route", 3: "address unreachable", 4: "port unreachable"}


class Bounce(NamedTuple):
    """A datagram to `to` that began with `data`, as an ICMP error quotes it, and what the error says."""

    to: Address
    data: bytes
    why: str


def listen(sock: socket.socket) -> bool:
    """Have the kernel keep what comes back for `bounces`; False where it cannot.

    From now on an error that a datagram has met is told to the next call that reads or sends, whatever that sends.
    """
    if sys.platform != "linux":
        return False
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    return True


def bounces(sock: socket.socket, most: int) -> list[Bounce]:
    """What has come back since, at most so many; what else the kernel keeps there is taken out with it."""
    found = []
    for _ in range(most):
        try:
            data, told, _, to = sock.recvmsg(MOST_QUOTED, 512, socket.MSG_ERRQUEUE)
        except (BlockingIOError, InterruptedError):
            break
        except OSError:  # one that waited for whoever calls next: it stands in the queue as well
            continue
        why = next(filter(None, (_why(level, kind, value) for level, kind, value in told)), "")
        if why and to:
            found.append(Bounce(Address(canonical(to[0]), to[1]), data, why))
    return found


def _why(level: int, kind: int, value: bytes) -> str:
    """What an error says in words, if it is one that tells of nobody being there."""
    if (level, kind) not in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
        return ""
    if len(value) < _EXTENDED.size:
        return ""
    _, origin, type_, code, _, _, _ = _EXTENDED.unpack_from(value)
    if origin == _ICMP and type_ == _UNREACHABLE:
        return _CODES.get(code, "")
    if origin == _ICMP6 and type_ == _UNREACHABLE6:
        return _CODES6.get(code, "")
    return ""
