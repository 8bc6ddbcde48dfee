"""A reader of pcap files: Ethernet and Linux cooked frames, IPv4 and IPv6 with fragments put together, UDP and TCP.

Of our own and small, so that what the tests assert does not rest on a library's view of a packet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

_ETHERNET, _COOKED, _COOKED2 = 1, 113, 276
_IPV4, _IPV6, _VLAN = 0x0800, 0x86DD, 0x8100
_UDP, _TCP, _FRAGMENT = 17, 6, 44
End = tuple[str, int]


@dataclass(frozen=True)
class Packet:
    """One datagram or segment: time in seconds, the two (host, port) ends, `protocol` "udp", "tcp" or the IP number,
    the payload, and `raw`, the IP packet (of a fragmented one, the last fragment's header before the whole body)."""

    time: float
    src: End
    dst: End
    protocol: str
    payload: bytes
    raw: bytes
    sequence: int = 0
    ttl: int = 0


def read_pcap(path: Path) -> list[Packet]:
    """All IP packets of a capture, in order. A record cut short at the end of the file is left out. ValueError: not
    a pcap."""
    pieces: dict[tuple, dict[int, bytes]] = {}
    lengths: dict[tuple, int] = {}
    packets = []
    for time, link, frame in _records(path.read_bytes()):
        packet = _ip_packet(time, _network(link, frame), pieces, lengths)
        if packet is not None:
            packets.append(packet)
    return packets


def _records(data: bytes) -> Iterator[tuple[float, int, bytes]]:
    if len(data) < 24:
        return
    magic = data[:4]
    order = {
        b"\xd4\xc3\xb2\xa1": "<",
        b"\xa1\xb2\xc3\xd4": ">",
        b"\x4d\x3c\xb2\xa1": "<",
        b"\xa1\xb2\x3c\x4d": ">",
    }.get(magic)
    if order is None:
        raise ValueError(f"not a pcap file (begins {magic.hex()})")
    unit = 1e-9 if b"\x3c" in magic else 1e-6
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from(order + "IIII", data, at)
        if at + 16 + size > len(data):
            return
        yield seconds + fraction * unit, link, data[at + 16 : at + 16 + size]
        at += 16 + size


def _network(link: int, frame: bytes) -> tuple[int, bytes]:
    if link == _ETHERNET:
        kind, body = int.from_bytes(frame[12:14], "big"), frame[14:]
    elif link == _COOKED:
        kind, body = int.from_bytes(frame[14:16], "big"), frame[16:]
    elif link == _COOKED2:
        kind, body = int.from_bytes(frame[0:2], "big"), frame[20:]
    else:
        raise ValueError(f"frames of link type {link} are not read here")
    while kind == _VLAN:
        kind, body = int.from_bytes(body[2:4], "big"), body[4:]
    return kind, body


def _ip_packet(time: float, network: tuple[int, bytes], pieces: dict, lengths: dict) -> Packet | None:
    kind, data = network
    if kind == _IPV4 and len(data) >= 20:
        header = (data[0] & 15) * 4
        total, ident, flags = struct.unpack_from(">HHH", data, 2)
        protocol, ttl, body = data[9], data[8], data[header:total]
        src, dst = str(ip_address(data[12:16])), str(ip_address(data[16:20]))
        offset, more = (flags & 0x1FFF) * 8, bool(flags & 0x2000)
    elif kind == _IPV6 and len(data) >= 40:
        header, protocol, ttl = 40, data[6], data[7]
        body = data[40 : 40 + int.from_bytes(data[4:6], "big")]
        src, dst = str(ip_address(data[8:24])), str(ip_address(data[24:40]))
        offset, more, ident = 0, False, 0
        if protocol == _FRAGMENT:
            protocol, _, flags, ident = struct.unpack_from(">BBHI", body)
            offset, more, body = flags & 0xFFF8, bool(flags & 1), body[8:]
    else:
        return None
    if more or offset:
        whole = _reassembled((src, dst, protocol, ident), offset, more, body, pieces, lengths)
        if whole is None:
            return None
        body = whole
    raw = data[:header] + body
    if protocol == _UDP and len(body) >= 8:
        ports = struct.unpack_from(">HH", body)
        return Packet(time, (src, ports[0]), (dst, ports[1]), "udp", body[8:], raw, ttl=ttl)
    if protocol == _TCP and len(body) >= 20:
        source, target, sequence = struct.unpack_from(">HHI", body)
        return Packet(time, (src, source), (dst, target), "tcp", body[(body[12] >> 4) * 4 :], raw, sequence, ttl)
    return Packet(time, (src, 0), (dst, 0), str(protocol), body, raw, ttl=ttl)


def _reassembled(key: tuple, offset: int, more: bool, body: bytes, pieces: dict, lengths: dict) -> bytes | None:
    parts = pieces.setdefault(key, {})
    parts[offset] = body
    if not more:
        lengths[key] = offset + len(body)
    if key not in lengths or sum(map(len, parts.values())) < lengths[key]:
        return None
    del pieces[key]
    del lengths[key]
    return b"".join(part for _, part in sorted(parts.items()))


def tcp_streams(packets: list[Packet]) -> dict[tuple[End, End], list[tuple[float, bytes]]]:
    """Each direction of each TCP connection as (time, new bytes) in order of sequence; retransmitted bytes are left
    out."""
    segments: dict[tuple[End, End], list[Packet]] = {}
    for packet in packets:
        if packet.protocol == "tcp" and packet.payload:
            segments.setdefault((packet.src, packet.dst), []).append(packet)
    streams = {}
    for ends, parts in segments.items():
        first = parts[0].sequence
        chunks, upto = [], 0
        for part in sorted(parts, key=lambda p: (p.sequence - first) % 2**32):
            start = (part.sequence - first) % 2**32
            fresh = part.payload[max(0, upto - start) :]
            if fresh:
                chunks.append((part.time, fresh))
                upto = start + len(part.payload)
        streams[ends] = chunks
    return streams
