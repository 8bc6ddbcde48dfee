"""The RTCP header, and the rule of RFC 5761 that tells it from RTP."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.media import rtcp, rtp
from tests.media.packets import receiver_report
from tests.media.packets import rtp as rtp_packet


@given(st.integers(0, 31), st.integers(192, 223), st.integers(0, 0xFFFFFFFF), st.binary(max_size=60))
def test_what_was_put_in_comes_out(reports: int, packet_type: int, ssrc: int, rest: bytes) -> None:
    rest = rest[: len(rest) // 4 * 4]
    data = struct.pack("!BBHI", 0x80 | reports, packet_type, 1 + len(rest) // 4, ssrc) + rest
    assert rtcp.parse(data) == (reports, packet_type, len(data), ssrc)
    assert rtcp.parse(data + b"next packet of the compound") == (reports, packet_type, len(data), ssrc)
    assert rtcp.parse(data[:-1]) is None


@given(st.binary(max_size=100))
def test_any_octets_are_read_without_an_error_and_within_bounds(data: bytes) -> None:
    header = rtcp.parse(data)
    if header is not None:
        assert 4 <= header.size <= len(data)
        assert rtcp.is_type(header.packet_type)


@pytest.mark.parametrize("payload_type", [*range(64), *range(96, 128)])
@pytest.mark.parametrize("marker", [False, True])
def test_no_payload_type_that_may_share_a_port_is_taken_for_rtcp(payload_type: int, marker: bool) -> None:
    data = rtp_packet(payload_type=payload_type, marker=marker)
    assert rtp.parse(data) is not None
    assert not rtcp.is_type(data[1])


def test_other_versions_are_not_rtcp() -> None:
    assert rtcp.parse(b"\x40" + receiver_report()[1:]) is None
