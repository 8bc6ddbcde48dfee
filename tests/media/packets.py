"""Packets for the media tests, made by hand from the standards."""

from __future__ import annotations

import struct


def rtp(
    sequence: int = 1, ssrc: int = 0x1234, payload: bytes = bytes(160), payload_type: int = 0, marker: bool = False
) -> bytes:
    """An RTP packet (RFC 3550 section 5.1); 172 octets unless told otherwise, as 20 ms of G.711."""
    return (
        struct.pack("!BBHII", 0x80, payload_type | marker << 7, sequence, sequence * 160 & 0xFFFFFFFF, ssrc) + payload
    )


def report_block(ssrc: int, lsr: int = 0, delay: int = 0, lost: int = 0, fraction: int = 0) -> bytes:
    """A report block (RFC 3550 section 6.4.1); `delay` (DLSR) in 65,536ths of a second."""
    return struct.pack("!IIIIII", ssrc, fraction << 24 | lost & 0xFFFFFF, 0, 0, lsr, delay)


def receiver_report(ssrc: int = 0x1234, block: bytes | None = None) -> bytes:
    """An RTCP receiver report (RFC 3550 section 6.4.2): 8 octets, empty unless there is a block."""
    block = block or b""
    return struct.pack("!BBHI", 0x80 | bool(block), 201, 1 + len(block) // 4, ssrc) + block


def sender_report(ssrc: int, ntp: int, block: bytes | None = None) -> bytes:
    """An RTCP sender report (RFC 3550 section 6.4.1); `ntp` are the middle 32 bits of its NTP timestamp."""
    block = block or b""
    fields = (0x80 | bool(block), 200, 6 + len(block) // 4, ssrc, ntp << 16, 0, 0, 0)
    return struct.pack("!BBHIQIII", *fields) + block


def stun_request() -> bytes:
    """A STUN binding request (RFC 8489 section 5)."""
    return struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(12)


def dtls_hello() -> bytes:
    """A DTLS 1.2 handshake record with nothing sensible in it (RFC 6347 section 4.1)."""
    return b"\x16\xfe\xfd" + bytes(8) + b"\x00\x04" + b"abcd"


def udptl(sequence: int = 0, primary: bytes = b"\x06") -> bytes:
    """A UDPTL packet (T.38 section 9.1) with one IFP packet and no redundancy."""
    return struct.pack("!HB", sequence, len(primary)) + primary + b"\x00\x00"
