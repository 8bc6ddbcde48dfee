"""STUN keepalives on SIP's own socket: what a phone of RFC 5626 sends over UDP, and must be answered (section 4.4.2).

Nothing else of STUN (RFC 8489) is spoken here: a Binding request that needs anything understood is no ping.
"""

from __future__ import annotations

import struct

from sbc.core.address import Address
from sbc.core.message import NoMessage
from sbc.media.stun import COOKIE, HEADER, Attribute, Kind, xor_mapped

_OPTIONAL = 0x8000  # attributes from here on need not be understood (RFC 8489 section 14)


class Ping(NoMessage):
    """A Binding request: a sign of life that wants an answer. `transaction` is its identifier."""

    def __init__(self, transaction: bytes) -> None:
        super().__init__("STUN keepalive")
        self.transaction = transaction


def ping_of(data: bytes) -> Ping | None:
    """The ping that a datagram is, if it is one."""
    if len(data) < HEADER.size or data[:2] != b"\x00\x01":
        return None
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if kind != Kind.REQUEST or cookie != COOKIE or length % 4 or length != len(data) - HEADER.size:
        return None
    at = HEADER.size
    while at < len(data):
        attribute, size = struct.unpack_from("!HH", data, at)
        at += 4 + size + -size % 4
        if attribute < _OPTIONAL or at > len(data):
            return None
    return Ping(transaction)


def pong(ping: Ping, source: Address) -> bytes | None:
    """The Binding response that tells a ping's sender where it was seen; None where that is no IP address."""
    value = xor_mapped(source, ping.transaction)
    if value is None:
        return None
    head = HEADER.pack(Kind.SUCCESS, 4 + len(value), COOKIE, ping.transaction)
    return head + struct.pack("!HH", Attribute.XOR_MAPPED_ADDRESS, len(value)) + value
