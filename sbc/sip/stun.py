"""STUN keepalives on SIP's own socket: what a phone of RFC 5626 sends over UDP, and must be answered (section 4.4.2).

Nothing else of STUN (RFC 8489) is spoken here: a Binding request that needs anything understood is no ping.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from sbc.core.address import Address, literal
from sbc.core.message import NoMessage

COOKIE = 0x2112A442
_HEADER = struct.Struct("!HHI12s")
_REQUEST, _SUCCESS = 0x0001, 0x0101
_XOR_MAPPED = 0x0020
_OPTIONAL = 0x8000  # attributes from here on need not be understood (RFC 8489 section 14)


class Ping(NoMessage):
    """A Binding request: a sign of life that wants an answer. `transaction` is its identifier."""

    def __init__(self, transaction: bytes) -> None:
        super().__init__("STUN keepalive")
        self.transaction = transaction


def ping_of(data: bytes) -> Ping | None:
    """The ping that a datagram is, if it is one."""
    if len(data) < _HEADER.size or data[:2] != b"\x00\x01":
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _REQUEST or cookie != COOKIE or length % 4 or length != len(data) - _HEADER.size:
        return None
    at = _HEADER.size
    while at < len(data):
        attribute, size = struct.unpack_from("!HH", data, at)
        at += 4 + size + -size % 4
        if attribute < _OPTIONAL or at > len(data):
            return None
    return Ping(transaction)


def pong(ping: Ping, source: Address) -> bytes | None:
    """The Binding response that tells a ping's sender where it was seen; None where that is no IP address."""
    host = literal(source.host)
    if host is None:
        return None
    port = source.port ^ COOKIE >> 16
    if isinstance(host, IPv4Address):
        family, mask = 1, COOKIE.to_bytes(4, "big")
    else:
        family, mask = 2, COOKIE.to_bytes(4, "big") + ping.transaction
    hidden = bytes(one ^ other for one, other in zip(host.packed, mask, strict=True))
    value = struct.pack("!BBH", 0, family, port) + hidden
    head = _HEADER.pack(_SUCCESS, 4 + len(value), COOKIE, ping.transaction)
    return head + struct.pack("!HH", _XOR_MAPPED, len(value)) + value
