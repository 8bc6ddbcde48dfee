"""The RTP header: what is one, what is none, and which sequence number can follow which."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.media.rtp import MAX_DROPOUT, MAX_MISORDER, MIN_SIZE, continues, parse
from tests.media.packets import rtp

words = st.integers(0, 0xFFFFFFFF)
sequences = st.integers(0, 0xFFFF)


@given(
    st.integers(0, 127),
    st.booleans(),
    sequences,
    words,
    words,
    st.lists(words, max_size=15),
    st.none() | st.binary(max_size=40),
)
def test_what_was_put_in_comes_out(
    payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, csrcs: list[int], extension: bytes | None
) -> None:
    first = 0x80 | len(csrcs) | (0x10 if extension is not None else 0)
    data = struct.pack("!BBHII", first, payload_type | marker << 7, sequence, timestamp, ssrc)
    data += struct.pack(f"!{len(csrcs)}I", *csrcs)
    if extension is not None:
        extension = extension[: len(extension) // 4 * 4]
        data += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    assert parse(data + b"payload") == (payload_type, marker, sequence, timestamp, ssrc, len(data))
    assert parse(data) is not None
    assert parse(data[:-1]) is None


@given(st.binary(max_size=100))
def test_any_octets_are_read_without_an_error_and_within_bounds(data: bytes) -> None:
    header = parse(data)
    if header is not None:
        assert data[0] >> 6 == 2
        assert MIN_SIZE <= header.payload_at <= len(data)


@pytest.mark.parametrize("first", [0x00, 0x40, 0xC0])
def test_other_versions_are_not_rtp(first: int) -> None:
    assert parse(bytes([first]) + rtp()[1:]) is None


@given(sequences, st.integers(0, MAX_DROPOUT - 1))
def test_a_sequence_goes_on_across_the_wrap(last: int, ahead: int) -> None:
    assert continues(last, (last + ahead) & 0xFFFF)


@given(sequences, st.integers(1, MAX_MISORDER - 1))
def test_a_late_packet_is_of_the_sequence(last: int, late: int) -> None:
    assert continues(last, (last - late) & 0xFFFF)


@given(sequences, st.integers(MAX_DROPOUT, 0x10000 - MAX_MISORDER))
def test_a_far_jump_is_not(last: int, ahead: int) -> None:
    assert not continues(last, (last + ahead) & 0xFFFF)
