"""TPKT: packets whatever the segments, empty ones, lengths that lie, and how much is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.octets.tpkt import HEADER, MAX_PACKET, TpktFramer, wrap
from tests.h323_laws import cut

PACKETS = [wrap(b"one"), wrap(b"x" * 5000), wrap(b"\x08\x02")]


def test_a_packet_says_how_long_it_is() -> None:
    assert wrap(b"abc") == b"\x03\x00\x00\x07abc"


def test_the_longest() -> None:
    longest = wrap(bytes(MAX_PACKET - HEADER))
    assert TpktFramer().feed(longest).messages == [longest]
    with pytest.raises(BadMessage):
        wrap(bytes(MAX_PACKET - HEADER + 1))


@given(st.lists(st.integers(1, 3000), max_size=12))
def test_segments_do_not_matter(sizes: list[int]) -> None:
    framer, stream, found = TpktFramer(), b"".join(PACKETS), []
    for size in [*sizes, len(stream)]:
        framed = framer.feed(stream[:size])
        assert framed.broken is None and framed.reply == b""
        found += framed.messages
        stream = stream[size:]
    assert found == PACKETS
    assert not framer.partial


def test_an_empty_packet_is_passed_over() -> None:
    framer = TpktFramer()
    assert framer.feed(wrap(b"") + PACKETS[0] + wrap(b"")).messages == [PACKETS[0]]
    assert not framer.partial


def test_the_reserved_octet_does_not_matter() -> None:
    assert TpktFramer().feed(b"\x03\xff\x00\x05a").messages == [b"\x03\xff\x00\x05a"]


def test_what_has_begun_is_partial() -> None:
    framer = TpktFramer()
    for octet in PACKETS[0][:-1]:
        assert framer.feed(bytes((octet,))).messages == []
        assert framer.partial
    assert framer.feed(PACKETS[0][-1:]).messages == [PACKETS[0]]


@pytest.mark.parametrize(
    "stream", [b"\x02\x00\x00\x07abc", b"INVITE", b"\x03\x00\x00\x03", b"\x03\x00\x00\x00", b"\x16\x03\x01"]
)
def test_what_is_no_packet_ends_it(stream: bytes) -> None:
    framer = TpktFramer()
    framed = framer.feed(PACKETS[0] + stream)
    assert framed.messages == [PACKETS[0]]
    assert isinstance(framed.broken, BadMessage)
    assert not framer.partial
    after = framer.feed(PACKETS[0])
    assert after.messages == [] and after.broken is None


def test_another_protocol_is_told_by_its_first_octet() -> None:
    assert TpktFramer().feed(b"G").broken is not None


def test_no_more_is_waited_for_than_allowed() -> None:
    framed = TpktFramer(longest=100).feed(b"\x03\x00\x00\x65")
    assert framed.broken is not None


@given(st.binary(max_size=300), st.integers(1, 40))
def test_whatever_comes(stream: bytes, size: int) -> None:
    """The same packets however it is cut, all of them whole, and never more kept than one packet."""
    cut(stream, size)
