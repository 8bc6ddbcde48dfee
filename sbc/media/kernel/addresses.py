"""Addresses as the kernel's maps have them: ``struct relay_address``, the octets as in a packet."""

from __future__ import annotations

import socket
import struct

from sbc.core.address import Address
from sbc.media.flow import Flow

_ADDRESS = struct.Struct("=16s2sBx")


def pack(address: Address) -> bytes:
    """An address as struct relay_address has it. @raises OSError for a name."""
    family, number = (socket.AF_INET6, 6) if ":" in address.host else (socket.AF_INET, 4)
    return _ADDRESS.pack(socket.inet_pton(family, address.host), address.port.to_bytes(2, "big"), number)


def unpack(data: bytes) -> Address:
    """The other way round."""
    host, port, number = _ADDRESS.unpack(data)
    text = socket.inet_ntop(socket.AF_INET, host[:4]) if number == 4 else socket.inet_ntop(socket.AF_INET6, host)
    return Address(text, int.from_bytes(port, "big"))


def of_flow(flow: Flow) -> bytes:
    """The four of a flow, as a slot begins: what it comes to and from, is sent from and to. @raises OSError."""
    return b"".join(map(pack, (flow.local, flow.source, flow.out, flow.to)))
