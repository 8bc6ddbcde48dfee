"""What is asked of the system about its interfaces, and what it tells unasked, by rtnetlink (rtnetlink(7))."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

_RECEIVE = 1 << 17  # octets; the kernel's answers and notices are less
_NOTICES = 0x1 | 0x8 | 0x10 | 0x100  # RTMGRP_LINK, _TC, _IPV4_IFADDR, _IPV6_IFADDR (linux/rtnetlink.h)
_REQUEST, _DUMP = 1, 0x300  # NLM_F_REQUEST, NLM_F_DUMP (linux/netlink.h)
_ERROR, _DONE = 2, 3
_PATIENCE = 1.0  # seconds
_HEAD, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
_TYPE = 0x3FFF  # NLA_TYPE_MASK


def listen() -> socket.socket:
    """A socket for notices of interfaces, addresses and traffic control that come and go. @raises OSError."""
    notices = _open()
    notices.bind((0, _NOTICES))
    notices.setblocking(False)
    return notices


def has_heard(notices: socket.socket) -> bool:
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


def dump(kind: int, about: bytes) -> Iterator[tuple[int, bytes]]:
    """All that answers a question: kinds of messages, and what is in them. `about`: the question without its head.

    @raises OSError."""
    with _asked(kind, _REQUEST | _DUMP, about) as asker:
        while True:
            for found, body in _messages(asker.recv(_RECEIVE)):
                if found == _DONE:
                    return
                _check(found, body)
                yield found, body


def ask(kind: int, about: bytes) -> bytes:
    """What is in the one message that answers; empty if there is none. @raises OSError."""
    with _asked(kind, _REQUEST, about) as asker:
        for found, body in _messages(asker.recv(_RECEIVE)):
            _check(found, body)
            return body
    return b""


def attributes(body: bytes) -> dict[int, bytes]:
    """Attributes that stand behind each other, by their numbers."""
    found = {}
    while len(body) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE] = body[_ATTRIBUTE.size : length]
        body = body[_aligned(length) :]
    return found


def _open() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)


def _asked(kind: int, flags: int, about: bytes) -> socket.socket:
    asker = _open()
    asker.settimeout(_PATIENCE)
    try:
        asker.send(_HEAD.pack(_HEAD.size + len(about), kind, flags, 1, 0) + about)
    except OSError:
        asker.close()
        raise
    return asker


def _check(kind: int, body: bytes) -> None:
    if kind == _ERROR and (number := -struct.unpack_from("=i", body)[0]):
        raise OSError(number, os.strerror(number))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(data) - at >= _HEAD.size:
        length, kind = _HEAD.unpack_from(data, at)[:2]
        if length < _HEAD.size:
            return
        yield kind, data[at + _HEAD.size : at + length]
        at += _aligned(length)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
