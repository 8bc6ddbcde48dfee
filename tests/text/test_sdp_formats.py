"""Formats of a media line, by name."""

from __future__ import annotations

import pytest

from sbc.text.edits import Edits
from sbc.text.sdp import Sdp
from sbc.text.sdp_formats import LONGEST, MOST

HEAD = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"


def media(text: str) -> list[str]:
    data = (HEAD + text).encode()
    return [slot.media for slot in Sdp(data, 0, len(data), Edits()).slots if slot.stream is not None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m=audio 4000 RTP/AVP 8 0 18\r\n", "audio PCMA/8000 PCMU/8000 G729/8000"),
        ("m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\n", "audio opus/48000/2 PCMU/8000"),
        ("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 Special/8000\r\n", "audio Special/8000"),
        ("m=audio 4000 RTP/AVP 99\r\na=rtpmap:98 x/1\r\n", "audio 99"),
        ("m=audio 4000 RTP/AVP 97\r\na=RTPMAP:97  iLBC/8000\r\na=rtpmap:97 late/1\r\n", "audio iLBC/8000"),
        ("m=image 4000 udptl t38\r\n", "image t38"),
        ("m=audio 4000 RTP/AVP\r\n", "audio"),
    ],
)
def test_formats_are_named(text: str, expected: str) -> None:
    assert media(text) == [expected]


def test_each_line_has_its_own_names_and_only_the_live_have_any() -> None:
    text = "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 speex/8000\r\na=rtcp:4001\r\nm=video 0 RTP/AVP 96\r\n"
    assert media(text + "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n") == [
        "audio speex/8000",
        "",
        "",
        "video VP8/90000",
    ]


def test_what_a_peer_writes_is_cut() -> None:
    types = " ".join(map(str, range(35, 128)))
    maps = "".join(f"a=rtpmap:{each} {'x' * 200}/8000\r\n" for each in range(35, 128))
    kind, *names = media(f"m=audio 4000 RTP/AVP {types}\r\n{maps}")[0].split(" ")
    assert kind == "audio" and names == ["x" * LONGEST] * MOST
