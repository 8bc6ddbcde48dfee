"""Ethernet frames with UDP in them, and their checksums reckoned over the whole packet, not by what has changed."""

from __future__ import annotations

import socket
import struct

import attrs

from sbc.core.address import Address

OURS, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of some octets."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@attrs.frozen
class Frame:
    """One UDP datagram in one frame; `udp_sum` None: the right checksum, else as it is said."""

    source: Address
    to: Address
    payload: bytes
    ttl: int = 64
    tos: int = 0
    options: bytes = b""
    fragment: int = 0
    udp_sum: int | None = None
    tags: bytes = b""
    destination: bytes = OURS
    protocol: int = 17
    flow_label: int = 0x12345
    trailer: bytes = b""

    @property
    def version(self) -> int:
        return 6 if ":" in self.to.host else 4

    def pseudo(self) -> bytes:
        length = 8 + len(self.payload)
        if self.version == 4:
            return _host(self.source) + _host(self.to) + struct.pack("!BBH", 0, 17, length)
        return _host(self.source) + _host(self.to) + struct.pack("!II", length, 17)

    def udp(self) -> bytes:
        length = 8 + len(self.payload)
        head = struct.pack("!HHH", self.source.port, self.to.port, length)
        value = self.udp_sum
        if value is None:
            value = checksum(self.pseudo() + head + bytes(2) + self.payload) or 0xFFFF
        return head + struct.pack("!H", value) + self.payload

    def ip(self) -> bytes:
        udp = self.udp()
        if self.version == 6:
            first = 6 << 28 | self.tos << 20 | self.flow_label
            return (
                struct.pack("!IHBB", first, len(udp), self.protocol, self.ttl)
                + _host(self.source)
                + _host(self.to)
                + udp
            )
        size = 20 + len(self.options)
        head = struct.pack(
            "!BBHHHBB", 4 << 4 | size // 4, self.tos, size + len(udp), 7, self.fragment, self.ttl, self.protocol
        )
        hosts = _host(self.source) + _host(self.to) + self.options
        return head + struct.pack("!H", checksum(head + bytes(2) + hosts)) + hosts + udp

    def fragments(self, size: int) -> list[bytes]:
        """Frames with all of it, each with at most `size` octets (a multiple of eight) of what is behind IP."""
        whole, made = self.udp(), []
        for at in range(0, len(whole), size):
            part, more = whole[at : at + size], at + size < len(whole)
            if self.version == 6:
                head = attrs.evolve(self, protocol=44).ip()[:40]
                behind = struct.pack("!BBHI", 17, 0, at | more, 7) + part
                ip = head[:4] + struct.pack("!H", len(behind)) + head[6:] + behind
            else:
                first = struct.pack("!BBHHHBB", 0x45, self.tos, 20 + len(part), 7, at // 8 | more << 13, self.ttl, 17)
                hosts = _host(self.source) + _host(self.to)
                ip = first + struct.pack("!H", checksum(first + bytes(2) + hosts)) + hosts + part
            made.append(self.destination + THEIRS + (b"\x08\x00", b"\x86\xdd")[self.version == 6] + ip)
        return made

    def data(self, source: bytes = THEIRS) -> bytes:
        kind = b"\x08\x00" if self.version == 4 else b"\x86\xdd"
        return self.destination + source + self.tags + kind + self.ip() + self.trailer


def _host(address: Address) -> bytes:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.inet_pton(family, address.host)
