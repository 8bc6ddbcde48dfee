"""What is asked of the system about its interfaces, and what it tells unasked, by rtnetlink (rtnetlink(7))."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

_RECEIVE = 1 << 17  # octets; the kernel's answers and notices are less
LINKS, CONTROL, ADDRESSES = 0x1, 0x8, 0x10 | 0x100
"""What there are notices of: RTMGRP_LINK, RTMGRP_TC, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR (linux/rtnetlink.h)."""

_REQUEST, _DUMP = 1, 0x300  # NLM_F_REQUEST, NLM_F_DUMP (linux/netlink.h)
_ERROR, _DONE = 2, 3
_PATIENCE = 1.0  # seconds
_HEAD, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
_TYPE = 0x3FFF  # NLA_TYPE_MASK
_ABOUT = struct.Struct("=4xI")  # struct ifinfomsg, ifaddrmsg and tcmsg, as far as they are alike: the interface
_BLOCK = 0xFFFFFFFF  # TCM_IFINDEX_MAGIC_BLOCK: filters that several interfaces share


def listen(groups: int) -> socket.socket:
    """A socket for notices of what comes, goes and changes: LINKS, CONTROL of traffic, ADDRESSES. @raises OSError."""
    notices = _open()
    try:
        notices.bind((0, groups))
    except OSError:
        notices.close()
        raise
    notices.setblocking(False)
    return notices


def heard(notices: socket.socket) -> set[int] | None:
    """The interfaces that there were notices of, which are taken off; None where it may have been any of them."""
    found: set[int] = set()
    lost = False
    while True:
        try:
            messages = _messages(notices.recv(_RECEIVE))
            found.update(_ABOUT.unpack_from(body)[0] for _, body in messages if len(body) >= _ABOUT.size)
        except BlockingIOError:
            return None if lost or _BLOCK in found else found
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            lost = True  # there were more than the socket holds


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
