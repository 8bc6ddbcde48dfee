"""What lines of SDP say of security: keys, fingerprints, ICE, profiles; what is hostile is passed over."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.secured import SUITES, Fingerprint, Ice, Key, Secured
from sbc.text import sdp_secured
from sbc.text.edits import Edits
from sbc.text.sdp import Sdp

SECRET = bytes(range(30))
INLINE = b64encode(SECRET)
HEAD = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"


def read(lines: bytes, transport: str = "RTP/SAVP", session: bytes = b"") -> Secured | None:
    return sdp_secured.read(session, lines, transport, mux=False)


def keys(*values: bytes) -> tuple[Key, ...]:
    said = read(b"".join(b"a=crypto:" + each + b"\r\n" for each in values))
    assert said is not None
    return said.keys


@pytest.mark.parametrize(
    ("value", "lifetime", "mki"),
    [
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE, 0, b""),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|2^20", 1 << 20, b""),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|4096", 4096, b""),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|2^20|1:4", 1 << 20, b"\0\0\0\1"),
        (b"1\tAES_CM_128_HMAC_SHA1_80  inline:" + INLINE + b"|258:2 WSH=64 -new=1", 0, b"\1\2"),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|2^48", 0, b""),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|281474976710656", 0, b""),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|2^0|0:1", 1, b"\0"),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|1:128", 0, bytes(127) + b"\1"),
        (b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" -x -KD=1 WSH=64", 0, b""),
    ],
)
def test_keys_are_read_with_lifetime_and_mki(value: bytes, lifetime: int, mki: bytes) -> None:
    assert keys(value) == (Key("AES_CM_128_HMAC_SHA1_80", SECRET, mki, 1, lifetime),)


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_takes_what_it_takes(suite: str) -> None:
    octets = SUITES[suite].secret
    for have in (octets - 1, octets, octets + 1):
        value = f"7 {suite} inline:".encode() + b64encode(b"k" * have).rstrip(b"=")
        assert [(key.tag, len(key.secret)) for key in keys(value)] == [(7, octets)] * (have == octets)


@pytest.mark.parametrize(
    "value",
    [
        b"1 F8_128_HMAC_SHA1_80 inline:" + INLINE,
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" UNENCRYPTED_SRTP",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" UNAUTHENTICATED_SRTP",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" KDR=1",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|1:4;inline:" + INLINE + b"|2:4",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" UNENCRYPTED_SRTCP",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" -UNENCRYPTED_SRTP",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" -kdr=1",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" FEC_ORDER=FEC_SRTP",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" FEC_KEY=inline:" + INLINE,
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" WSH=64 new=1",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|0",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|2^49",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|2^999",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|281474976710657",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|1:0",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + b64encode(bytes(16) + bytes(range(14))),
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|256:1",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b"|1:129",
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE[:-1] + b"!",
        b"1 AES_CM_128_HMAC_SHA1_80 uri:" + INLINE,
        b"x AES_CM_128_HMAC_SHA1_80 inline:" + INLINE,
        b"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE,
        b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE + b" " + b"x" * 600,
    ],
)
def test_what_we_could_not_follow_is_passed_over(value: bytes) -> None:
    good = b"2 AES_CM_128_HMAC_SHA1_32 inline:" + INLINE
    assert [key.tag for key in keys(value, good)] == [2]


@pytest.mark.parametrize("between", [b"", b" ", b"-x:", b" :", b"="])
def test_a_line_without_its_colon_is_another(between: bytes) -> None:
    line = b"a=crypto" + between + b"1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE
    said = read(line + b"\r\na=ice-lite-x\r\na=ice-ufrag abcd\r\na=ice-pwd " + b"p" * 22)
    assert said is not None and not said.keys and said.ice is None


@pytest.mark.parametrize("line", [b"a=CRYPTO:x", b"k=x", b"K=x", b"a=zrtp-hash:1", b"a=pcfg:1 t=1", b"a=setup:active"])
def test_what_speaks_of_security(line: bytes) -> None:
    for data in (HEAD + line, line + b"\n" + HEAD):
        assert sdp_secured.speaks(data, 0, len(data)) and not sdp_secured.speaks(data.replace(line, b""), 0, len(HEAD))
        assert not sdp_secured.speaks(b"m=audio 1 RTP/AVP 0\r\na=x:" + line[2:], 0, 200)


def test_of_one_tag_the_first_counts_and_of_too_many_lines_the_first_are_read() -> None:
    other = b64encode(b"x" * 30)
    assert keys(*(b"1 AES_CM_128_HMAC_SHA1_80 inline:" + each for each in (INLINE, other)))[0].secret == SECRET
    assert keys(b"1 F8_128_HMAC_SHA1_80 inline:" + INLINE, b"01 AES_CM_128_HMAC_SHA1_80 inline:" + other) == ()
    suites = b"AES_CM_128_HMAC_SHA1_80", b"AES_CM_128_HMAC_SHA1_80"
    assert [key.tag for key in keys(*(b"%d %b inline:" % (2 - at, suite) + INLINE for at, suite in enumerate(suites)))]
    many = [b"%d AES_CM_128_HMAC_SHA1_80 inline:" % tag + INLINE for tag in range(1, 1000)]
    assert len(keys(*many)) == sdp_secured.MOST_KEYS


def test_dtls_and_ice_are_said_for_a_stream_or_for_all() -> None:
    prints = b"a=fingerprint:SHA-256 " + b":".join([b"AB"] * 32) + b"\r\n"
    ice = b"a=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 22 + b"\r\n"
    said = read(
        b"a=mid:au\r\n", "UDP/TLS/RTP/SAVPF", prints + ice + b"a=ice-lite\r\na=setup:ACTIVE\r\na=group:BUNDLE au b"
    )
    assert said == Secured(
        fingerprints=(Fingerprint("sha-256", b"\xab" * 32),),
        setup="active",
        ice=Ice("abcd", "p" * 22, lite=True),
        feedback=True,
        mid="au",
        bundle="au",
        demands=True,
    )
    own = read(b"a=fingerprint:sha-384 " + b":".join([b"01"] * 48) + b"\r\na=setup:passive\r\n", "RTP/AVP", prints)
    assert own is not None and own.best_effort and own.setup == "passive" and own.fingerprints[0].algorithm == "sha-384"


@pytest.mark.parametrize(
    "lines",
    [
        b"a=fingerprint:md5 " + b":".join([b"AB"] * 16),
        b"a=fingerprint:sha-1 " + b":".join([b"AB"] * 20),
        b"a=fingerprint:sha-256 " + b":".join([b"AB"] * 31),
        b"a=fingerprint:sha-256 zz",
        b"a=ice-ufrag:abc\r\na=ice-pwd:" + b"p" * 22,
        b"a=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 21,
        b"a=ice-ufrag:ab cd\r\na=ice-pwd:" + b"p" * 22,
        b"a=ice-ufrag:abcd",
        b"a=setup:whoever\r\na=rtcp-mux",
    ],
)
def test_what_proves_nothing_is_not_said(lines: bytes) -> None:
    assert read(lines, "RTP/AVP") is None


@pytest.mark.parametrize(
    ("transport", "feedback", "best_effort", "demands", "foreign"),
    [
        ("RTP/AVPF", True, True, False, False),
        ("RTP/SAVP", False, False, True, False),
        ("rtp/savpf", True, False, True, False),
        ("UDP/TLS/RTP/SAVP", False, False, True, False),
        ("UDP/BFCP", False, True, False, True),
    ],
)
def test_profiles(transport: str, feedback: bool, best_effort: bool, demands: bool, foreign: bool) -> None:
    said = read(b"", transport)
    assert said is not None
    assert (said.feedback, said.best_effort, said.demands, said.foreign) == (feedback, best_effort, demands, foreign)


LINES = st.lists(
    st.one_of(
        st.builds(
            lambda name, value: b"a=" + name + value,
            st.sampled_from([b"crypto:", b"fingerprint:sha-256 ", b"ice-ufrag:", b"ice-pwd:", b"setup:", b"mid:"]),
            st.binary(max_size=80).map(lambda data: data.translate(None, b"\r\n\0")),
        ),
        st.just(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + INLINE),
        st.builds(lambda a, b: b"a=crypto:%d AEAD_AES_128_GCM inline:AAAA|%d" % (a, b), st.integers(0), st.integers(0)),
    ),
    max_size=30,
)


@given(LINES, st.sampled_from([b"RTP/AVP", b"RTP/SAVP", b"UDP/TLS/RTP/SAVPF", b"udptl", b"UDP/DTLS/SCTP"]))
def test_whatever_stands_there_is_read_and_stays_where_nothing_is_touched(lines: list[bytes], profile: bytes) -> None:
    data = HEAD + b"\r\n".join([b"m=audio 4000 " + profile + b" 0", *lines, b""])
    edits = Edits()
    sdp = Sdp(data, 0, len(data), edits)
    for slot in sdp.slots:
        said = slot.secured
        assert said is None or len(said.keys) <= sdp_secured.MOST_KEYS
        assert said is None or all(len(key.secret) == SUITES[key.suite].secret for key in said.keys)
    sdp.finish()
    assert edits.apply(data) == data


@pytest.mark.parametrize(
    ("number", "read_as"), [(b"1", 1), (b"3/sendrecv", 3), (b"255", 255), (b"0", 0), (b"256", 0), (b"00019999", 0)]
)
def test_a_header_extension_has_a_number_that_packets_can_bear(number: bytes, read_as: int) -> None:
    said = read(b"a=extmap:" + number + b" " + sdp_secured.NAMES + b"\r\n")
    assert said is not None and said.extension == read_as
