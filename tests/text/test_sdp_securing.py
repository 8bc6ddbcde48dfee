"""Streams that are secured anew: what was said goes, what is told stands, and all else stays."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.message import Place, Role
from sbc.core.secured import Fingerprint, Ice, Key, Secured
from sbc.text.edits import Edits
from sbc.text.sdp import Sdp
from sbc.text.sdp_securing import profile

HEAD = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
KEY = Key("AES_CM_128_HMAC_SHA1_80", bytes(range(30)), b"\0\1", 4, 1 << 20)
ICE = Ice("ours", "o" * 24, lite=True)
DTLS = Secured(fingerprints=(Fingerprint("sha-256", b"\xaa" * 32),), setup="actpass", ice=ICE, feedback=True, mux=True)
SAID = (
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\na=KEY-MGMT:mikey AAAA\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\n"
    b"a=ice-options:ice2\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\n"
    b"a=candidate:2 1 TCP 1 10.0.0.1 9 typ host\r\n"
    b"a=fingerprint:sha-256 AA\r\na=setup:active\r\na=connection:new\r\na=tls-id:12345\r\na=zrtp-hash:1.10 ab\r\n"
    b"a=remote-candidates:1 10.0.0.2 4000\r\na=end-of-candidates\r\nk=clear:secret\r\n"
)


def secured(data: bytes, *told: Secured | None, port: int = 20000) -> bytes:
    """The description with its streams secured as `told`."""
    edits = Edits()
    sdp = Sdp(data, 0, len(data), edits)
    streams = [slot for slot in sdp.slots if slot.role is Role.RTP and slot.primary]
    for slot in sdp.slots:
        if slot.role in (Role.RTP, Role.RTCP):
            offset = 2 * int(slot.stream or 0) + (slot.role is Role.RTCP)
            sdp.fill(slot, Place(Address("203.0.113.1", port + offset if port else 0)))
    for slot, said in zip(streams, told, strict=True):
        assert sdp.secure(slot, said)
    sdp.finish()
    return edits.apply(data)


def test_nothing_of_what_was_said_stays() -> None:
    data = HEAD + b"a=fingerprint:sha-256 BB\r\na=ice-lite\r\na=setup:active\r\nm=audio 4000 RTP/SAVP 0\r\n" + SAID
    assert secured(data + b"a=rtpmap:0 PCMU/8000\r\n", None) == (
        HEAD.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 203.0.113.1")
        + b"m=audio 20000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )


def test_keys_stand_before_the_other_attributes() -> None:
    data = HEAD + b"m=audio 4000 RTP/AVP 0\r\ni=talk\r\nb=AS:64\r\na=ptime:20\r\nm=audio 4002 RTP/AVP 8"
    out = secured(data, Secured((KEY,)), Secured((KEY,), best_effort=True, feedback=True))
    line = b"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd|1048576|1:2"
    assert b"m=audio 20000 RTP/SAVP 0\r\ni=talk\r\nb=AS:64\r\n" + line + b"\r\na=ptime:20\r\n" in out
    assert out.endswith(b"m=audio 20002 RTP/AVPF 8\r\n" + line)


def test_dtls_and_ice_are_told_for_one_stream_and_the_whole() -> None:
    data = HEAD + b"a=group:LS a\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4001\r\na=mid:a\r\na=rtcp-fb:* nack\r\n"
    out = secured(data, DTLS)
    assert b"a=group:LS" not in out and b"a=rtcp:4001" not in out and b"a=mid" not in out
    assert b"a=ice-lite\r\nm=audio 20000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 AA:AA" in out
    assert b"a=candidate:1 1 UDP 2130706431 203.0.113.1 20000 typ host\r\n" in out and out.count(b"candidate:") == 2
    apart = Secured(fingerprints=DTLS.fingerprints, ice=ICE)
    assert b"a=candidate:1 2 UDP 2130706430 203.0.113.1 20001 typ host\r\n" in secured(data, apart)


def test_an_offer_of_one_port_has_a_candidate_for_rtcp_besides() -> None:
    """RFC 5761 section 5.1.3: who takes it without ``a=rtcp-mux`` has to find RTCP; an answer that has it says it."""
    data = HEAD + b"m=audio 4000 RTP/AVP 0\r\n"
    offer = secured(data, attrs.evolve(DTLS, setup="actpass", mux=True))
    assert b"a=candidate:1 2 UDP 2130706430 203.0.113.1 20001 typ host\r\na=end-of-candidates" in offer
    assert b"a=rtcp-mux\r\n" in offer and b"a=rtcp:20001\r\n" in offer
    reply = secured(data, attrs.evolve(DTLS, setup="passive", mux=True))
    assert b"a=rtcp-mux\r\n" in reply and reply.count(b"a=candidate:") == 1 and b"a=rtcp:" not in reply


def test_feedback_is_told_where_the_profile_has_it() -> None:
    data = HEAD + b"m=video 4000 RTP/SAVPF 96\r\na=rtcp-fb:96 nack pli\r\na=rtcp-rsize\r\na=crypto:1 x y\r\n"
    assert b"rtcp-fb" in secured(data, Secured(feedback=True)) and b"RTP/AVPF" in secured(data, Secured(feedback=True))
    assert b"rtcp-" not in secured(data, None)


def test_mux_and_names_stay_between_those_who_both_do_without_dtls() -> None:
    data = HEAD + b"a=group:LS a\r\nm=audio 4000 RTP/SAVP 0\r\na=rtcp-mux\r\na=mid:a\r\na=rtcp:4001\r\n"
    out = secured(data, None)
    assert b"a=rtcp-mux\r\na=mid:a\r\na=rtcp:20001\r\n" in out and b"a=group:LS a" in out


@pytest.mark.parametrize("port", [0, 4000])
def test_of_a_stream_that_is_turned_down_the_profile_alone_is_told(port: int) -> None:
    data = HEAD + b"m=audio %d RTP/AVP 0\r\na=ice-pwd:x\r\n" % port
    out = secured(data, DTLS, port=0)
    assert b"m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n" in out and b"ice-pwd" not in out and b"fingerprint" not in out


def test_profiles() -> None:
    assert profile(None) == b"RTP/AVP" and profile(Secured((KEY,))) == b"RTP/SAVP"
    assert profile(DTLS) == b"UDP/TLS/RTP/SAVPF" and profile(Secured((KEY,), best_effort=True)) == b"RTP/AVP"


PIECES = st.lists(
    st.sampled_from(
        [*SAID.splitlines(keepends=True), b"a=x\r\n", b"b=AS:1\r\n", b"a=rtcp:9 IN IP4 0.0.0.0\r\n", b"a=mid:1\r\n"]
    ),
    max_size=20,
)
TOLD = st.sampled_from([None, DTLS, Secured((KEY,)), Secured(feedback=True), Secured((KEY,), mid="q", bundle="q")])


@given(PIECES, PIECES, PIECES, TOLD, TOLD, st.sampled_from([b"", b"\r\n"]))
def test_whatever_was_said_what_is_told_is_read(
    session: list[bytes],
    one: list[bytes],
    other: list[bytes],
    first: Secured | None,
    second: Secured | None,
    end: bytes,
) -> None:
    session = [piece for piece in session if piece[:2] == b"a="]
    data = HEAD + b"".join([*session, b"m=audio 4000 RTP/SAVP 0\r\n", *one, b"m=video 4002 RTP/SAVPF 96\r\n", *other])
    out = secured(data[:-2] + end, first, second)
    again = Sdp(out, 0, len(out), Edits())
    for slot, told in zip(
        (slot for slot in again.slots if slot.role is Role.RTP and slot.primary), (first, second), strict=True
    ):
        said = slot.secured
        assert (said.keys if said else ()) == (told.keys if told else ())
        assert (said.fingerprints if said else ()) == (told.fingerprints if told else ())
        assert (said.ice if said else None) == (told.ice if told else None)
    for word in (b"c2VjcmV0", b"mikey", b"clear:secret", b"10.0.0.2", b"a=zrtp"):
        assert word not in out
