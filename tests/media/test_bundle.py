"""Which of several streams a packet is for; whatever comes, nothing breaks, and every part is a whole compound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbc.core.secured import MOST_BUNDLED, Bundled
from sbc.media import rtcp
from sbc.media.bundle import KNOWN, SENT, Bundle
from tests.media.packets import receiver_report, report_block, rtp, sender_report


def both() -> Bundle[str]:
    bundle: Bundle[str] = Bundle()
    assert bundle.join("1", "audio", Bundled("", "a", 4, (10,), (0,)))
    assert bundle.join("2", "video", Bundled("1", "v", 4, (20,), (96,)))
    return bundle


def extended(elements: bytes, profile: bytes = b"\xbe\xde", ssrc: int = 5) -> bytes:
    elements += bytes(-len(elements) % 4)
    packet = rtp(1, ssrc, payload_type=77)
    return b"\x90" + packet[1:12] + profile + (len(elements) // 4).to_bytes(2, "big") + elements + packet[12:]


def test_by_name_then_ssrc_then_payload_type() -> None:
    bundle = both()
    assert bundle.find(rtp(1, 20, payload_type=0))[0] == "video"
    assert bundle.find(rtp(1, 7, payload_type=0))[0] == "audio" == bundle.find(rtp(2, 7, payload_type=96))[0]
    assert bundle.find(extended(b"\x40v", ssrc=7))[0] == "video" == bundle.find(rtp(2, 7, payload_type=0))[0]
    assert bundle.find(extended(b"\x40x", ssrc=7))[0] is None
    assert bundle.find(rtp(1, 8, payload_type=77))[0] is None


def test_names_of_one_and_of_two_octets_are_blotted_out() -> None:
    for packet in (extended(b"\x30x\x40v"), extended(b"\x03\x01x\x04\x01v", b"\x10\x00")):
        found, data = both().find(packet)
        assert found == "video" and len(data) == len(packet) and b"v" not in data and b"x" in data
    for broken in (b"\x30x\x4fv", b"\x30x\xf0\x40v"):  # longer than there is; and what says that no more is to be read
        assert both().find(extended(broken))[0] is None


def test_who_has_left_is_not_found() -> None:
    bundle = both()
    bundle.leave("2")
    assert bundle.find(rtp(1, 20, payload_type=96))[0] is None and bundle.all() == ["audio"] and len(bundle) == 1


def test_it_is_bounded() -> None:
    bundle = both()
    for number in range(MOST_BUNDLED - 2):
        assert bundle.join(f"x{number}", "x", Bundled())
    assert not bundle.join("more", "more", Bundled())
    for ssrc in range(100, 100 + KNOWN):
        bundle.find(rtp(1, ssrc, payload_type=0))
    assert bundle.find(rtp(1, 10, payload_type=77))[0] is None, "it was heard least lately"
    for ssrc in range(SENT + 1):
        bundle.sent("1", ssrc + 1)
    assert bundle.parts(receiver_report(99, report_block(1))) == []
    assert bundle.parts(receiver_report(99, report_block(2))) != []


def test_a_report_of_nobody_is_for_nobody() -> None:
    assert both().parts(receiver_report(99)) == [] == both().parts(b"")


def test_what_one_stream_has_sent_of_both_is_divided() -> None:
    bundle = both()
    bundle.sent("1", 1)
    bundle.sent("2", 2)
    blocks = report_block(1) + report_block(2)
    report = bytes([0x82]) + sender_report(20, 1)[1:2] + bytes([0, 18]) + sender_report(20, 1)[4:] + blocks
    assert bundle.parts(report) == [
        ("audio", receiver_report(20, report_block(1))),
        ("video", sender_report(20, 1, report_block(2))),
    ]


WORDS = st.sampled_from([1, 2, 10, 20, 99]).map(lambda n: n.to_bytes(4, "big"))
PACKETS = st.tuples(
    st.integers(0, 3), st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]), st.lists(WORDS, max_size=20)
).map(lambda made: bytes([0x80 | made[0], made[1]]) + len(made[2]).to_bytes(2, "big") + b"".join(made[2]))


@given(st.lists(PACKETS, max_size=5).map(b"".join) | st.binary(max_size=100))
def test_whatever_comes_parts_are_whole(data: bytes) -> None:
    bundle = both()
    bundle.sent("1", 1)
    bundle.sent("2", 2)
    parts = bundle.parts(data)
    for _, part in parts if len(parts) > 1 else ():
        assert part[1] in (200, 201)
        left = part
        while left:
            head = rtcp.parse(left)
            assert head is not None
            left = left[head.size :]
