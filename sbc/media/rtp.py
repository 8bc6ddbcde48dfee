"""The RTP header (RFC 3550 section 5.1): what latching needs to know one sender from another."""

from __future__ import annotations

from typing import NamedTuple

VERSION = 2
MIN_SIZE = 12
MAX_DROPOUT = 3000  # RFC 3550 appendix A.1: the furthest jump ahead that is still the same sequence
MAX_MISORDER = 100  # and the furthest back


class RtpHeader(NamedTuple):
    """The fixed header; `payload_at` is the offset behind CSRCs and header extension."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload_at: int


def parse(data: bytes) -> RtpHeader | None:
    """The header of an RTP or SRTP packet, or None if `data` is none: another version, or shorter than it claims.

    Padding is not looked at: in SRTP it is encrypted.
    """
    if len(data) < MIN_SIZE or data[0] >> 6 != VERSION:
        return None
    begin = MIN_SIZE + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if len(data) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if len(data) < begin:
        return None
    return RtpHeader(
        data[1] & 0x7F,
        data[1] >= 0x80,
        int.from_bytes(data[2:4], "big"),
        int.from_bytes(data[4:8], "big"),
        int.from_bytes(data[8:12], "big"),
        begin,
    )


def continues(last: int, sequence: int) -> bool:
    """Whether `sequence` can follow `last` in one and the same stream (RFC 3550 appendix A.1); both are 0 to 65535."""
    ahead = (sequence - last) & 0xFFFF
    return ahead < MAX_DROPOUT or ahead > 0x10000 - MAX_MISORDER
