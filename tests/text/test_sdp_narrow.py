"""Media lines with fewer formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.text.edits import Edits
from sbc.text.sdp import Sdp

HEAD = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
LINES = (
    b"m=audio 4000 RTP/AVP 8 0 18  101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=RTPMAP:18 G729/8000\r\n"
    b"a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp-fb:8 nack\r\na=ptime:20\r\n"
)
VIDEO = b"m=video 4002 RTP/AVP 8\r\na=rtpmap:8 H264/90000\r\n"


def cut(text: bytes, keep: tuple[int, ...], which: int = 0) -> bytes:
    """A description of whose stream only those formats are left."""
    edits = Edits()
    sdp = Sdp(text, 0, len(text), edits)
    slots = [slot for slot in sdp.slots if slot.media]
    assert sdp.narrow(slots[which], keep)
    return edits.apply(text)


@pytest.mark.parametrize(
    ("keep", "formats", "gone"),
    [
        ((2, 3), b"18 101", [b":8 PCMA", b":0 PCMU", b"rtcp-fb:8"]),
        ((3, 0), b"101 8", [b":0 PCMU", b":18 G729", b"annexb"]),
        ((0, 1, 2, 3), b"8 0 18 101", []),
    ],
)
def test_what_is_left_stands_in_order_and_the_lines_of_the_rest_are_gone(
    keep: tuple[int, ...], formats: bytes, gone: list[bytes]
) -> None:
    changed = cut(HEAD + LINES + VIDEO, keep)
    assert b"m=audio 4000 RTP/AVP " + formats + b"\r\n" in changed
    assert all(each not in changed for each in gone)
    assert changed.endswith(VIDEO) and changed.startswith(HEAD) and b"a=ptime:20\r\n" in changed
    dropped = sum(LINES.count(each) for each in gone)
    assert (HEAD + LINES + VIDEO).count(b"\n") - changed.count(b"\n") == dropped


def test_each_line_is_cut_by_itself() -> None:
    assert cut(LINES.join((HEAD, LINES)), (0,), 1).count(b"PCMU/8000") == 1


def test_no_format_that_is_not_there_and_no_slot_of_another() -> None:
    text = HEAD + LINES
    sdp, other = (Sdp(text, 0, len(text), Edits()) for _ in range(2))
    (slot,) = (slot for slot in sdp.slots if slot.media)
    assert not sdp.narrow(slot, None) and not sdp.narrow(slot, (4,)) and not other.narrow(slot, (0,))


@given(st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=4, unique=True))
def test_what_was_cut_is_read_as_what_is_left(keep: list[int]) -> None:
    changed = cut(HEAD + LINES, tuple(keep))
    (slot,) = (slot for slot in Sdp(changed, 0, len(changed), Edits()).slots if slot.media)
    names = ["PCMA/8000", "PCMU/8000", "G729/8000", "telephone-event/8000"]
    assert slot.media == " ".join(["audio", *(names[each] for each in keep)])


def test_what_repeats_the_packets_of_one_that_is_gone_goes_with_it() -> None:
    video = (
        b"m=video 4000 RTP/AVP 96 98 97 99\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
        b"a=rtpmap:98 VP8/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 rtx-time=3000;apt=98\r\n"
    )
    changed = cut(HEAD + video, (1, 2, 3))
    assert b"m=video 4000 RTP/AVP 98 99\r\n" in changed and b"apt=98" in changed
    assert b"apt=96" not in changed and b":97 rtx" not in changed
