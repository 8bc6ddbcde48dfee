"""Messages for people."""

from __future__ import annotations

import pytest

from sbc.mgcp.shown import mask, tell
from tests.mgcp_messages import crcx, response, sdp


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (crcx(7, "aaln/1@gw", described=sdp("192.0.2.1", 4)), "CRCX 7 aaln/1@gw, SDP"),
        (response(250, 7), "250 7 OK"),
        (b"000 12\r\n", "000 12"),
        (b"\r\nINVITE sip:x\r\n", "INVITE sip:x"),
        (b"", "nothing"),
        (b"\xff\xfe", "\\xff\\xfe"),
    ],
)
def test_a_message_in_a_few_words(data: bytes, text: str) -> None:
    assert tell(data) == text


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"L: p:20, k:clear:sesame, a:PCMU", b"L: p:20, k:***, a:PCMU"),
        (b"l:k:base64:abc", b"l:k:***"),
        (b"O: L/hd, D/9, d/1, D/#", b"O: L/hd, D/***, d/***, D/***"),
        (b"S: L/dl, D/5(+)", b"S: L/dl, D/***(+)"),
        (b"O: 912018294266", b"O: ***"),
        (b"O:9,1, 2 , L/hu", b"O:***,***, *** , L/hu"),
        (b"O: D/9120T, *,b(x)", b"O: D/***, ***,***(x)"),
        (b"O: hd, D/dl, dl, L/ad9", b"O: hd, D/dl, dl, L/ad9"),
        (b"R: L/hu(N), D/[0-9](D)", b"R: L/hu(N), D/[0-9](D)"),
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***"),
        (b"k=clear:sesame", b"k=***"),
        (b"X: k:1", b"X: k:1"),
    ],
)
def test_keys_and_digits_are_not_shown(line: bytes, shown: bytes) -> None:
    whole = b"NTFY 1 aaln/1@gw MGCP 1.0\r\n" + line + b"\r\n"
    assert mask(whole) == whole.replace(line, shown)
