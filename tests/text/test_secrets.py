"""Keys of media are not shown, whoever reads them: what the reader takes for a key is masked, however it is written."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sbc.core.secured import SUITES
from sbc.text import sdp_secured
from sbc.text.secrets import hide_keys

KEY = b64encode(bytes(range(30)))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7|2^20", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***"),
        (b"a=crypto:inline:5ecre7", b"a=crypto:***"),
        (b"a=crypto:1 inline:5ecre7 WSH=1", b"a=crypto:***"),
        (b"a=crypto:1 AEAD_AES_128_GCM inline:5ecre7;inline:5ecre7 WSH=1", b"a=crypto:1 AEAD_AES_128_GCM ***"),
        (b"a=crypto 1 AEAD_AES_128_GCM inline:5ecre7", b"a=crypto 1 AEAD_AES_128_GCM ***"),
        (b"a=crypto1 AEAD_AES_128_GCM inline:5ecre7", b"a=crypto1 ***"),
        (b"a=Crypto:1 5ecre7", b"a=Crypto:***"),
        (b"a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:5ecre7|2^31|1:1", b"a=cryptoscale:1 client ***"),
        (b"a=acap:2 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7", b"a=acap:***"),
        (b"a=acap:3 key-mgmt:mikey 5ecre7", b"a=acap:***"),
        (b"  A=ICE-PWD:5ecre7", b"  A=ICE-PWD:***"),
        (b"a=ice-pwd 5ecre7", b"a=ice-pwd ***"),
        (b"L{a=ice-pwd:5ecre7", b"L{a=ice-pwd:***"),
        (b"a=key-mgmt:mikey AQAFgM", b"a=key-mgmt:***"),
        (b"k=clear:5ecre7", b"k=***"),
        (b"a=x: Inline: 5ecre7|2^20 inline:5ecre7", b"a=x: Inline: ***|2^20 inline:***"),
        (b"a=rtpmap:8 PCMA/8000", b"a=rtpmap:8 PCMA/8000"),
        (b"a=ice-ufrag:abcd", b"a=ice-ufrag:abcd"),
        (b"a=crypto-context:none", b"a=crypto-context:none"),
        (b"Task=clear", b"Task=clear"),
        (b"Content-Disposition: inline", b"Content-Disposition: inline"),
    ],
)
def test_keys(line: bytes, shown: bytes) -> None:
    for end in (b"\r\n", b"\n", b"\r"):
        whole = b"v=0" + end + line + end + b"s=-" + end
        assert hide_keys(whole) == whole.replace(line, shown)


BLANKS = st.sampled_from([b"", b" ", b"\t", b"  ", b" \t "])
MIXED = st.booleans()


@st.composite
def lines(draw: st.DrawFn) -> tuple[bytes, tuple[bytes, ...]]:
    """A line that may be read as holding a secret, and what that would be."""
    blank = [draw(BLANKS) for _ in range(6)]
    colon = draw(st.sampled_from([b":", b":", b":", b"", b" ", b" :", b"="]))
    if draw(st.booleans()):
        name, secret = b"ice-pwd", draw(st.text("abcdef0123456789+/", min_size=20, max_size=40)).encode()
        value = secret
    else:
        suite = draw(st.sampled_from([*SUITES, "F8_128_HMAC_SHA1_80"]))
        octets = SUITES[suite].secret if suite in SUITES else 30
        secret = b64encode(draw(st.binary(min_size=octets, max_size=octets)))
        secret = draw(st.sampled_from([secret, secret.rstrip(b"=")]))
        more = draw(st.sampled_from([b"", b"|2^20", b"|1:4", b"|2^20|1:4", b" WSH=64", b";inline:" + secret]))
        inline = draw(st.sampled_from([b"inline:", b"inline:", b"INLINE:", b"uri:", b""]))
        name = draw(st.sampled_from([b"crypto", b"crypto", b"cryptoscale"]))
        tag = draw(st.sampled_from([b"1", b"999999999", b""]))
        value = tag + blank[0] + suite.encode() + blank[1] + inline + blank[2] + secret + more
    name = name.upper() if draw(MIXED) else name
    return draw(st.sampled_from([b"a=", b"A="])) + name + colon + blank[3] + value + blank[4], (secret.rstrip(b"="),)


def keys_in(said: bytes) -> list[bytes]:
    """What the reader takes for a key or a password in what is said of a stream, without the padding."""
    read = sdp_secured.read(said, said, "RTP/SAVP", False)
    assert read is not None
    keys = [b64encode(key.secret).rstrip(b"=") for key in read.keys]
    return keys if read.ice is None else [*keys, read.ice.password.encode()]


@given(st.lists(lines(), min_size=1, max_size=4), st.sampled_from([b"\r\n", b"\n"]))
@example([(b"a=ice-pwd:" + b"0" * 20, (b"0" * 20,)), (b"a=ice-pwd" + b"0" * 20, (b"0" * 20,))], b"\r\n")
def test_whatever_the_reader_takes_for_a_key_is_masked(said: list[tuple[bytes, tuple[bytes, ...]]], end: bytes) -> None:
    before = b"m=audio 4000 RTP/SAVP 0" + end + b"a=ice-ufrag:abcd" + end
    every = [line + end for line, _ in said]
    shown = hide_keys(before + b"".join(every))
    assert shown == before + b"".join(hide_keys(line) for line in every)
    assert not keys_in(shown)
    found = [(line, secret) for line in every for secret in keys_in(before + line)]  # what one line says, another may
    for line, secret in found:  # repeat where no reader takes it for a key
        assert secret in line and secret not in hide_keys(line), line
    assert set(keys_in(before + b"".join(every))) <= {secret for _, secret in found}
    for line, (secret,) in said:  # and nearly so what it does not: all that begins like a line that holds one
        if line[:1].lower() == b"a" and (b"inline:" in line.lower() or line.partition(secret)[0][-1:] in b": \t"):
            assert secret not in hide_keys(line + end), line


@given(st.binary(max_size=400))
def test_what_holds_none_stays(data: bytes) -> None:
    shown = hide_keys(data)
    assert hide_keys(shown) == shown
    low = data.lower()
    if b"k=" not in low and b"a=" not in low and b"inline:" not in low:
        assert shown == data
