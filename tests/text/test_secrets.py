"""Keys of media are not shown."""

from __future__ import annotations

import pytest

from sbc.text.secrets import hide_keys


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7|2^20", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***"),
        (b"a=crypto:inline:5ecre7", b"a=crypto:***"),
        (b"a=crypto:1 inline:5ecre7 WSH=1", b"a=crypto:***"),
        (b"a=crypto:1 AEAD_AES_128_GCM inline:5ecre7;inline:5ecre7 WSH=1", b"a=crypto:1 AEAD_AES_128_GCM ***"),
        (b"  A=ICE-PWD:5ecre7", b"  A=ICE-PWD:***"),
        (b"a=key-mgmt:mikey AQAFgM", b"a=key-mgmt:***"),
        (b"k=clear:5ecre7", b"k=***"),
        (b"a=rtpmap:8 PCMA/8000", b"a=rtpmap:8 PCMA/8000"),
        (b"Task=clear", b"Task=clear"),
    ],
)
def test_keys(line: bytes, shown: bytes) -> None:
    whole = b"v=0\r\n" + line + b"\r\ns=-\r\n"
    assert hide_keys(whole) == whole.replace(line, shown)
