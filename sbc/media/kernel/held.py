"""Which interface holds which address, by rtnetlink: one question for all of them, and only after something changed."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

_RECEIVE = 1 << 17  # octets; the kernel's answers and notices are less
_NOTICES = 0x1 | 0x10 | 0x100  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR (linux/rtnetlink.h)
_NEWADDR, _GETADDR, _REQUEST, _DUMP = 20, 22, 1, 0x300
_ERROR, _DONE = 2, 3
_HEAD, _ADDRESS, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBI"), struct.Struct("=HH")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2  # of a link between two the former is the other end's


class Held:
    """Interfaces by the addresses that they hold, in the network where the first question is asked."""

    def __init__(self) -> None:
        self._notices: socket.socket | None = None
        self._by_address: dict[bytes, int] | None = None  # None: to be asked for

    def interface(self, host: str) -> int:
        """The interface that holds an address, 0 if none does. @raises OSError."""
        try:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        except OSError:  # a scope, or no address
            return 0
        if self._notices is None:
            self._notices = _listen()
        if self._by_address is None:
            self._by_address = dict(_dump())
        return self._by_address.get(packed, 0)

    def changed(self) -> bool:
        """Whether an interface or an address may have come or gone since this was asked last."""
        changed = self._notices is not None and _has_heard(self._notices)
        if changed:
            self._by_address = None
        return changed

    def close(self) -> None:
        """Let go."""
        if self._notices is not None:
            self._notices.close()


def _listen() -> socket.socket:
    """A socket for notices of what comes and goes. @raises OSError."""
    notices = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    notices.bind((0, _NOTICES))
    notices.setblocking(False)
    return notices


def _has_heard(notices: socket.socket) -> bool:
    """Whether there were any; they are taken off."""
    heard = False
    while True:
        try:
            heard = bool(notices.recv(_RECEIVE)) or heard
        except BlockingIOError:
            return heard
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            heard = True  # there were more than the socket holds


def _dump() -> Iterator[tuple[bytes, int]]:
    """Every address there is, with its interface. @raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as asker:
        asker.settimeout(1.0)
        asker.send(
            _HEAD.pack(_HEAD.size + _ADDRESS.size, _GETADDR, _REQUEST | _DUMP, 1, 0) + _ADDRESS.pack(0, 0, 0, 0, 0)
        )
        while True:
            for kind, body in _messages(asker.recv(_RECEIVE)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", body)[0]
                    raise OSError(number, os.strerror(number))
                if kind == _NEWADDR and (address := _local(body)):
                    yield address, _ADDRESS.unpack_from(body)[4]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(data) - at >= _HEAD.size:
        length, kind = _HEAD.unpack_from(data, at)[:2]
        if length < _HEAD.size:
            return
        yield kind, data[at + _HEAD.size : at + length]
        at += _aligned(length)


def _local(body: bytes) -> bytes:
    """Our address of struct ifaddrmsg and what follows it; empty where there is none."""
    found, rest = {}, body[_ADDRESS.size :]
    while len(rest) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(rest)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = rest[_ATTRIBUTE.size : length]
        rest = rest[_aligned(length) :]
    return found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS, b"")


def _aligned(length: int) -> int:
    return (length + 3) & ~3
