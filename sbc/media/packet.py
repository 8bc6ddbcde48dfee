"""What a datagram on a media port is, told from its first octets (RFC 5761, RFC 7983), and so whether it may latch."""

from __future__ import annotations

from enum import Enum

from sbc.media import rtcp, rtp

_STUN_COOKIE = b"\x21\x12\xa4\x42"  # RFC 8489 section 5
_ZRTP_COOKIE = b"ZRTP"  # RFC 6189 section 5
_STUN_MIN = 20
_ZRTP_MIN = 16
_DTLS_MIN = 13  # the record header, RFC 6347 section 4.1
_UDPTL_MIN = 6


class Kind(Enum):
    """What a datagram is. RTP, RTCP and UDPTL may latch, OPAQUE is relayed from known sources, the rest dropped."""

    RTP = "rtp"
    RTCP = "rtcp"
    UDPTL = "udptl"
    OPAQUE = "opaque"  # STUN, DTLS, ZRTP, and RTP or UDPTL whose inner lengths do not add up
    TOO_SHORT = "too-short"
    NOT_RTP = "not-rtp"


def classify(data: bytes) -> Kind:
    """The kind of a datagram on an RTP or RTCP port. Total: answers for any bytes, never raises.

    RTP and RTCP are told apart by RFC 5761 section 4, the others by the first octet as in RFC 7983 section 7, and STUN
    and ZRTP by their magic cookies too. TURN channels and anything unassigned are NOT_RTP. SRTP and SRTCP have RTP's
    and RTCP's headers in the clear and count as such.
    """
    if not data:
        return Kind.TOO_SHORT
    first, size = data[0], len(data)
    if first >> 6 == rtp.VERSION:
        if size >= 2 and rtcp.is_type(data[1]):
            if size < rtcp.MIN_SIZE:
                return Kind.TOO_SHORT
            return Kind.NOT_RTP if rtcp.parse(data) is None else Kind.RTCP
        if size < rtp.MIN_SIZE:
            return Kind.TOO_SHORT
        return Kind.OPAQUE if rtp.parse(data) is None else Kind.RTP
    if first <= 3:
        return _cookie(data, _STUN_MIN, _STUN_COOKIE)
    if 16 <= first <= 19:
        return _cookie(data, _ZRTP_MIN, _ZRTP_COOKIE)
    if 20 <= first <= 63:
        return Kind.OPAQUE if size >= _DTLS_MIN else Kind.TOO_SHORT
    return Kind.NOT_RTP


def is_handshake(data: bytes) -> bool:
    """Whether what is OPAQUE is STUN or DTLS (RFC 7983 section 7)."""
    return data[0] <= 3 or 20 <= data[0] <= 63


def _cookie(data: bytes, least: int, cookie: bytes) -> Kind:
    if len(data) < least:
        return Kind.TOO_SHORT
    return Kind.OPAQUE if data[4:8] == cookie else Kind.NOT_RTP


def classify_udptl(data: bytes) -> Kind:
    """The kind of a datagram on a T.38 port. Total: answers for any bytes, never raises.

    UDPTL is (T.38 section 9.1.1, aligned PER): sequence number in 2 octets, the primary IFP packet with its length
    before it, then the error recovery of at least 2 octets. What has that shape may latch; other datagrams are OPAQUE.
    """
    if not data:
        return Kind.TOO_SHORT
    size = len(data)
    if size < _UDPTL_MIN:
        return Kind.OPAQUE
    primary, begin = data[2], 3
    if primary & 0x80:  # a length of 128 to 16383 in two octets (X.691 section 11.9)
        if primary & 0x40:
            return Kind.OPAQUE
        primary, begin = (primary & 0x3F) << 8 | data[3], 4
    return Kind.UDPTL if primary and begin + primary + 2 <= size else Kind.OPAQUE
