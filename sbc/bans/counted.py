"""What nftables has counted, asked of the kernel itself: one question for one counter, however many bans there are.

libnftables reads whole sets for that, up to seconds of them; these answers take some microseconds, wait for no change
that is under way (the kernel gives them under RCU), and so may be asked for on the reactor's thread.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from threading import Lock

_NETFILTER = 12  # NETLINK_NETFILTER
_NFTABLES, _INET = 10, 1  # NFNL_SUBSYS_NFTABLES, NFPROTO_INET
_GETSETELEM, _GETOBJ, _ERROR = (
    13,
    19,
    2,
)  # NFT_MSG_GETSETELEM, NFT_MSG_GETOBJ (linux/netfilter/nf_tables.h), NLMSG_ERROR
_REQUEST = 1  # NLM_F_REQUEST
_HEAD, _FAMILY, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")
_NESTED, _KIND = 0x8000, 0x3FFF  # NLA_F_NESTED, NLA_TYPE_MASK
_OBJECT = (4, 2)  # NFTA_OBJ_DATA, NFTA_COUNTER_PACKETS: where in an answer the packets stand
_ELEMENT = (3, 1, 7, 2, 2)  # NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM, NFTA_SET_ELEM_EXPR, NFTA_EXPR_DATA, the same
_COUNTER = struct.pack("!I", 1)  # NFT_OBJECT_COUNTER
_RECEIVE = 4096  # octets; an answer has some hundred


class Counted:
    """A socket of its own to the kernel, in the network where it is made. Any thread may ask."""

    def __init__(self) -> None:
        """@raises OSError where the system has no such socket."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        self._socket.setblocking(False)  # the answer is there when the question has been sent
        self._lock = Lock()
        self._sequence = 0

    def counter(self, table: str, name: str) -> int:
        """The packets of a counter that has a name; 0 where there is none."""
        asked = _named(table, name) + _attribute(3, _COUNTER)
        return self._packets(_GETOBJ, asked, _OBJECT)

    def element(self, table: str, set_: str, host: str, port: int) -> int:
        """The packets of a set's element, of a host or (port not 0) of a host and port; 0 where there is none."""
        key = ip_address(host).packed + (struct.pack("!H2x", port) if port else b"")
        named = _attribute(_NESTED | 1, _attribute(1, key))  # NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE
        asked = _named(table, set_) + _attribute(_NESTED | 3, _attribute(_NESTED | 1, named))
        return self._packets(_GETSETELEM, asked, _ELEMENT)

    def close(self) -> None:
        """Let go."""
        self._socket.close()

    def _packets(self, question: int, asked: bytes, path: tuple[int, ...]) -> int:
        answer = self._ask(question, _FAMILY.pack(_INET, 0, 0) + asked)
        for kind in path:
            answer = dict(_attributes(answer)).get(kind, b"")
        return int.from_bytes(answer, "big")

    def _ask(self, question: int, body: bytes) -> bytes:
        """The attributes of the answer; none where the kernel has nothing to say."""
        with self._lock:
            self._sequence = (self._sequence + 1) & 0xFFFFFFFF
            head = _HEAD.pack(_HEAD.size + len(body), _NFTABLES << 8 | question, _REQUEST, self._sequence, 0)
            try:
                self._socket.send(head + body)
                answer = self._socket.recv(_RECEIVE)
                while _HEAD.unpack_from(answer)[3] != self._sequence:  # to a question before
                    answer = self._socket.recv(_RECEIVE)
            except OSError:  # closed, or without memory
                return b""
        size, kind = _HEAD.unpack_from(answer)[:2]
        return b"" if kind == _ERROR else answer[_HEAD.size + _FAMILY.size : size]


def _named(table: str, name: str) -> bytes:
    return _attribute(1, table.encode() + b"\0") + _attribute(2, name.encode() + b"\0")


def _attribute(kind: int, value: bytes) -> bytes:
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        if size < _ATTRIBUTE.size:
            return
        yield kind & _KIND, data[at + _ATTRIBUTE.size : at + size]
        at += size + -size % 4
