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


_FOUR = struct.Struct("=16s8sB")
FOUR, WIDE = _FOUR.size, 64
"""Octets with which a slot begins, and of its hosts of IPv6."""


def of_flow(flow: Flow) -> tuple[bytes, bytes]:
    """The four of a flow, what it comes to and from, is sent from and to, as a slot has them: where it begins, and the
    hosts of IPv6. @raises OSError for a name."""
    packed = [pack(each) for each in (flow.local, flow.source, flow.out, flow.to)]
    hosts, ports = [each[:16] for each in packed], b"".join(each[16:18] for each in packed)
    family = packed[0][18]
    if family == 4:
        return _FOUR.pack(b"".join(host[:4] for host in hosts), ports, family), bytes(WIDE)
    return _FOUR.pack(b"", ports, family), b"".join(hosts)


def of_slot(head: bytes, wide: bytes) -> tuple[Address, Address, Address, Address]:
    """The other way round."""
    four, ports, family = _FOUR.unpack_from(head)
    size, hosts = (4, four) if family == 4 else (16, wide)
    first, second, third, fourth = (
        unpack(_ADDRESS.pack(hosts[size * n : size * (n + 1)], ports[2 * n : 2 * n + 2], family)) for n in range(4)
    )
    return first, second, third, fourth
