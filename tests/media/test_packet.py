"""What a datagram is, by RFC 5761 and RFC 7983."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sbc.media.packet import Kind, classify, classify_udptl
from tests.media.packets import dtls_hello, receiver_report, rtp, stun_request, udptl

ZRTP = b"\x10\x00\x00\x01ZRTP" + bytes(8)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (rtp(), Kind.RTP),
        (rtp(payload=b""), Kind.RTP),
        (rtp(payload_type=101, marker=True), Kind.RTP),
        (receiver_report(), Kind.RTCP),
        (receiver_report() + bytes(14), Kind.RTCP),  # SRTCP: index and tag behind
        (stun_request(), Kind.OPAQUE),
        (dtls_hello(), Kind.OPAQUE),
        (ZRTP, Kind.OPAQUE),
        (b"\x8f" + rtp(payload=b"")[1:], Kind.OPAQUE),  # fifteen CSRCs claimed, none there
        (b"", Kind.TOO_SHORT),
        (b"\x80", Kind.TOO_SHORT),
        (rtp()[:11], Kind.TOO_SHORT),
        (receiver_report()[:7], Kind.TOO_SHORT),
        (stun_request()[:19], Kind.TOO_SHORT),
        (dtls_hello()[:12], Kind.TOO_SHORT),
        (ZRTP[:15], Kind.TOO_SHORT),
        (b"\x00\x01" + bytes(18), Kind.NOT_RTP),  # no cookie
        (b"\x10" + bytes(15), Kind.NOT_RTP),
        (b"\x40\x00\x00\x04abcd", Kind.NOT_RTP),  # a TURN channel
        (b"\xff" * 20, Kind.NOT_RTP),
        (struct.pack("!BBHI", 0x80, 200, 6, 1), Kind.NOT_RTP),  # a sender report that lacks most of itself
    ],
)
def test_kinds(data: bytes, kind: Kind) -> None:
    assert classify(data) is kind


@given(st.binary(max_size=64))
def test_any_octets_have_a_kind(data: bytes) -> None:
    assert classify(data) is not Kind.UDPTL
    assert classify_udptl(data) in (Kind.UDPTL, Kind.OPAQUE, Kind.TOO_SHORT)


@given(st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=127))
@example(0x8000, b"\x06")  # looks like RTP's version
def test_udptl_is_known(sequence: int, primary: bytes) -> None:
    assert classify_udptl(udptl(sequence, primary)) is Kind.UDPTL


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Kind.TOO_SHORT),
        (b"x", Kind.OPAQUE),
        (b"\x00\x01\x7f\x06\x00\x00", Kind.OPAQUE),  # claims more than there is
        (b"\x00\x01\x00\x00\x00\x00", Kind.OPAQUE),  # an empty primary
        (b"\x00\x01\x80\x80" + bytes(130), Kind.UDPTL),  # 128 octets, length in two
        (b"\x00\x01\x80\x81" + bytes(130), Kind.OPAQUE),
        (b"\x00\x01\xc1" + bytes(20000), Kind.OPAQUE),  # a fragmented PER length
    ],
)
def test_udptl_lengths(data: bytes, kind: Kind) -> None:
    assert classify_udptl(data) is kind
