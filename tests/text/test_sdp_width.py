"""What descriptions say of bandwidth and packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.message import UNSAID, BadMessage, Width
from sbc.text.edits import Edits
from sbc.text.sdp import Sdp
from sbc.text.sdp_width import bound

HEAD = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\n"


def widths(lines: str, session: str = "", transport: str = "RTP/AVP", formats: str = "96") -> list[Width]:
    data = f"{HEAD}{session}t=0 0\r\nm=audio 4000 {transport} {formats}\r\n{lines}".encode()
    return [slot.width for slot in Sdp(data, 0, len(data), Edits()).slots if slot.stream is not None]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", UNSAID),
        ("a=sendrecv\r\n", UNSAID),
        ("b=AS:64\r\n", Width(wire=64_000)),
        ("b=TIAS:24000\r\nb=AS:64\r\na=maxprate:25.5\r\n", Width(24_000, 64_000, 25)),
        ("b=RS:800\r\nb=RR:2400\r\n", Width(rtcp=3_200)),
        ("b=RR:0\r\n", Width(rtcp=0)),
        ("a=ptime:30\r\n", Width(packing=30)),
        ("a=ptime:30\r\na=maxptime:20\r\n", Width(packing=20)),
        ("a=maxptime:10\r\n", Width(packing=10)),
        ("a=maxptime:240\r\n", UNSAID),  # what it can take, not what is sent
        ("a=ptime: 20\r\n", Width(packing=20)),
        ("a=ptime:soon\r\nb=AS:lots\r\nb=X-YZ:128\r\nb=CT:100\r\n", UNSAID),
        ("b=AS:9999999999\r\n", Width(wire=1_000_000_000)),
        ("a=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxaveragebitrate=20000;useinbandfec=1\r\n", Width(formats=(20_000,))),
        ("a=rtpmap:96 AMR/8000\r\na=fmtp:96 mode-set=0,2,4; octet-align=1\r\n", Width(formats=(8_400,))),
        ("a=rtpmap:96 AMR-WB/16000\r\na=fmtp:96 mode-set=8\r\n", Width(formats=(24_800,))),
        ("a=rtpmap:96 iLBC/8000\r\na=fmtp:96 mode=30\r\n", Width(formats=(13_334,))),
        ("a=rtpmap:96 EVS/16000\r\na=fmtp:96 br=5.9-24.4\r\n", Width(formats=(24_400,))),
        ("a=rtpmap:96 G7221/16000\r\na=fmtp:96 bitrate=24000\r\n", Width(formats=(24_000,))),
        ("a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\n", UNSAID),
    ],
)
def test_lines_of_a_stream_are_read(lines: str, expected: Width) -> None:
    assert widths(lines) == [expected]


def test_srtp_has_longer_packets() -> None:
    assert widths("", transport="RTP/SAVP") == widths("", transport="UDP/TLS/RTP/SAVPF") == [Width(extra=10)]


def test_what_is_said_of_all_streams_counts_where_one_says_nothing() -> None:
    assert widths("", "b=AS:128\r\n") == [Width(wire=128_000)]
    assert widths("b=TIAS:9000\r\n", "b=AS:128\r\nb=RS:0\r\n") == [Width(9_000, rtcp=0)]


def test_each_stream_has_its_own_lines() -> None:
    assert widths("b=AS:80\r\nm=video 4002 RTP/AVP 97\r\nb=AS:512\r\n") == [Width(wire=80_000), Width(wire=512_000)]


def test_a_fax_says_its_rate() -> None:
    assert widths("a=T38MaxBitRate:9600\r\n", transport="udptl", formats="t38") == [Width(9_600)]


@given(st.text(max_size=12), st.none() | st.binary(max_size=60))
def test_any_parameters_have_a_bound(name: str, parameters: bytes | None) -> None:
    for each in (name, "opus/48000", "AMR/8000", "iLBC/8000", "EVS/16000"):
        assert 0 <= bound(each, parameters) <= 1_000_000_000


@given(
    st.lists(
        st.sampled_from(
            ["b=AS", "b=TIAS", "a=ptime", "a=maxptime", "a=maxprate", "a=fmtp", "a=rtpmap", "b=RS"]
        ).flatmap(
            lambda word: st.text("0123456789 ,;=/.-maxoprtudes", max_size=30).map(lambda rest: f"{word}:{rest}\r\n")
        ),
        max_size=12,
    )
)
def test_any_lines_are_read(lines: list[str]) -> None:
    try:
        (found,) = widths("".join(lines))
    except BadMessage:
        return
    assert all(0 <= each <= 1_000_000_000 for each in found[:3]) and 0 <= found.packing <= 1_000
    assert len(found.formats) in (0, 1)


def test_what_is_very_long_is_not_kept() -> None:
    from sbc.text import sdp_width

    before = sdp_width._known.cache_info().currsize
    for number in range(20):
        parameters = b"maxaveragebitrate=16000;x=%d" % number + b"y" * 60_000
        assert sdp_width.bound("opus/48000/2", parameters) == 16_000
    assert sdp_width._known.cache_info().currsize == before
