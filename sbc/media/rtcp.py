"""The RTCP header (RFC 3550 section 6.4) and how RTCP is known on a port it shares with RTP (RFC 5761)."""

from __future__ import annotations

from typing import NamedTuple

MIN_SIZE = 8  # header and SSRC: an empty receiver report; every reduced-size packet (RFC 5506) is as long
_VERSION = 2
_FIRST_TYPE, _LAST_TYPE = 192, 223


class RtcpHeader(NamedTuple):
    """The first packet of a compound; `reports` is its count field, `size` its length in octets."""

    reports: int
    packet_type: int
    size: int
    ssrc: int


def is_type(octet: int) -> bool:
    """Whether the second octet of a version 2 packet makes it RTCP: 192 to 223 (RFC 5761 section 4)."""
    return _FIRST_TYPE <= octet <= _LAST_TYPE


def parse(data: bytes) -> RtcpHeader | None:
    """The header of the first packet of an RTCP or SRTCP compound, or None if `data` is none.

    Only the first packet is read: in SRTCP what follows its SSRC is encrypted.
    """
    if len(data) < MIN_SIZE or data[0] >> 6 != _VERSION or not is_type(data[1]):
        return None
    size = 4 + 4 * int.from_bytes(data[2:4], "big")
    if size > len(data):
        return None
    return RtcpHeader(data[0] & 0x1F, data[1], size, int.from_bytes(data[4:8], "big"))
