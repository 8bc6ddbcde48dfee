"""What a call may lose of its security, and what it may not: branches, plain answers, offers that bid it down."""

from __future__ import annotations

from base64 import b64encode

import attrs
import pytest

from sbc.core.fan import NextHop
from sbc.core.orders import Note, Send, UpdateStream
from sbc.core.secured import MediaSecurity
from sbc.sip.dialect import SipDialect
from tests.calls.test_secured import (
    CORE_KEY,
    OTHER_KEY,
    PHONE_KEY,
    PRINT,
    Pair,
    body_of,
    crypto,
    described,
    line,
    reinvite,
)
from tests.rig import PHONE, SOFTSWITCH, Rig, of, sends
from tests.sip_messages import answer, inside, invite, plain_answer, request, sdp, status

NONE, OPTIONAL, PASS, SDES = MediaSecurity.NONE, MediaSecurity.OPTIONAL, MediaSecurity.PASS, MediaSecurity.SDES


def test_a_branch_that_answers_plain_takes_nothing_from_one_that_answers_keys() -> None:
    pair = Pair.make(NONE, OPTIONAL, "udp", "tls")
    (sent,) = sends(pair.phone(invite(PHONE)), "core")
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"183 Session Progress", b"x", sdp(SOFTSWITCH.host)))
    assert pair.sides[1] is None
    keyed = sdp(SOFTSWITCH.host) + crypto(CORE_KEY)
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"183 Session Progress", b"y", keyed))
    core = pair.sides[1]
    assert core is not None and core.receive is not None and core.receive.secret == CORE_KEY
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, tag=b"y", body=keyed))
    assert pair.sides[1] == core
    assert not said(pair)


def test_a_call_that_goes_on_in_the_clear_says_so() -> None:
    pair = Pair.make(OPTIONAL, NONE)
    _, _, back = pair.call(described(PHONE.host, lines=crypto(PHONE_KEY)), sdp(SOFTSWITCH.host))
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    assert pair.sides[0] is not None
    sent = reinvite(pair, back, sdp(PHONE.host))
    assert pair.sides[0] is not None and not said(pair), "what is in force stays so until there is an answer"
    pair.rig.from_core(answer(sent, SOFTSWITCH.host))
    assert pair.sides == (None, None)
    (note,) = said(pair)
    assert note.call and note.fields["realm"] == "access"
    pair.phone(inside(pair.asked, back, b"ACK", 2))
    sent = reinvite(pair, back, described(PHONE.host, lines=crypto(OTHER_KEY)), 3)
    pair.rig.from_core(answer(sent, SOFTSWITCH.host))
    assert pair.sides[0] is not None and len(said(pair)) == 1


def test_a_plain_answer_to_who_goes_on_says_so_too() -> None:
    pair = Pair.make(NONE, OPTIONAL, "udp", "tls")
    _, _, back = pair.call(sdp(PHONE.host), sdp(SOFTSWITCH.host) + crypto(CORE_KEY))
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    sent = reinvite(pair, back, sdp(PHONE.host))
    pair.rig.from_core(answer(sent, SOFTSWITCH.host))
    (note,) = said(pair)
    assert note.fields["realm"] == "core" and pair.sides == (None, None)


def test_who_insists_on_keys_is_offered_no_less_when_it_is_asked_itself() -> None:
    for profile in (b"RTP/SAVP", b"RTP/AVP"):
        pair = Pair.make(NONE, OPTIONAL, "udp", "tls")
        reply = described(SOFTSWITCH.host, profile, crypto(CORE_KEY))
        first, _, back = pair.call(sdp(PHONE.host), reply)
        assert b"m=audio 30000 RTP/AVP 0" in first
        pair.phone(inside(pair.asked, back, b"ACK", 1))
        again = body_of(reinvite(pair, back, sdp(PHONE.host)))
        assert b"m=audio 30000 " + profile + b" 0" in again and line(again, b"crypto")


LINES = (
    b"k=clear:5ecre7\r\n",
    b"a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsA\r\n",
    b"a=zrtp-hash:1.10 fe30efd02423cb054e50efd0248742ac7a52c8f91bc2df881ae642c371ba46df\r\n",
    PRINT,
    b"a=setup:actpass\r\n",
    b"a=connection:new\r\n",
    b"a=tls-id:abc3dl3k2lkas893\r\n",
    b"a=Crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7\r\n",
    b"a=crypto 1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7\r\n",
    crypto(PHONE_KEY),
    b"a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:5ecre7|2^31|1:1\r\n",
    b"a=encryption:required\r\n",
    b"a=3ge2ae:requested\r\n",
    b"a=tcap:1 RTP/SAVP\r\na=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5ecre7\r\na=pcfg:1 t=1 a=1\r\n",
    b"a=ice-pwd:apasswordofthepeersown1\r\n",
)
STAYS = b"a=rtcp-fb:0 nack\r\na=silenceSupp:off - - - -\r\n"


@pytest.mark.parametrize("lines", LINES, ids=lambda line: line.split(b":")[0].decode())
@pytest.mark.parametrize("where", ["session", "stream"])
@pytest.mark.parametrize(("near", "far"), [(NONE, NONE), (PASS, NONE), (NONE, OPTIONAL)])
def test_what_says_security_stays_in_its_network(
    lines: bytes, where: str, near: MediaSecurity, far: MediaSecurity
) -> None:
    pair = Pair.make(near, far, "udp", "udp")

    def with_lines(host: str) -> bytes:
        body = sdp(host) + STAYS
        return body + lines if where == "stream" else body.replace(b"m=audio", lines + b"m=audio")

    sent, back, _ = pair.call(with_lines(PHONE.host), with_lines(SOFTSWITCH.host))
    for body in (sent, back):
        assert lines.split(b":")[0].lower() not in body.lower() and b"inline" not in body and b"SAVP" not in body
        assert body.endswith(STAYS) and b"a=rtpmap:0 PCMU/8000" in body and b" RTP/AVP 0 8\r\n" in body
    assert pair.sides == (None, None)


def test_between_two_that_pass_all_of_it_crosses() -> None:
    pair = Pair.make(PASS, PASS, "udp", "udp")
    lines = b"".join(each for each in LINES if not each.startswith(b"a=cand"))
    sent, back, _ = pair.call(sdp(PHONE.host) + lines, sdp(SOFTSWITCH.host) + lines)
    assert sent.endswith(lines) and back.endswith(lines)


def test_a_stream_that_is_no_rtp_keeps_what_is_its_own_but_no_keys() -> None:
    pair = Pair.make(NONE, NONE, "udp", "udp")
    data = b"m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n" + PRINT + b"a=setup:actpass\r\n"
    fax = b"m=image 5002 udptl t38\r\na=T38FaxVersion:0\r\n"
    message = b"m=message 5004 TCP/MSRP *\r\na=path:msrp://10.0.0.1:5004/a;tcp\r\na=setup:active\r\n"
    key = b"k=clear:5ecre7\r\n" + crypto(PHONE_KEY)
    sent, _, _ = pair.call(sdp(PHONE.host) + data + key + fax + key + message + key, sdp(SOFTSWITCH.host))
    assert PRINT + b"a=setup:actpass\r\n" in sent and b"a=T38FaxVersion:0\r\n" in sent and b"a=setup:active" in sent
    assert b"inline" not in sent and b"5ecre7" not in sent


def test_keys_do_not_cross_in_what_only_says_what_is_possible() -> None:
    pair = Pair.make(NONE, NONE, "udp", "udp")
    asked = request(b"OPTIONS", b"sip:bob@sbc.example.com", PHONE)
    (sent,) = sends(pair.phone(asked), "core")
    reply = answer(sent, SOFTSWITCH.host, body=described(SOFTSWITCH.host, lines=crypto(CORE_KEY) + b"k=clear:abc\r\n"))
    (back,) = sends(pair.rig.from_core(reply), "access")
    assert b"m=audio 0 RTP/AVP 0 8" in back and b"inline" not in back and b"k=" not in back


def test_what_a_refusal_describes_changes_nothing() -> None:
    pair = Pair.make(NONE, OPTIONAL, "udp", "tls")
    _, _, back = pair.call(sdp(PHONE.host), sdp(SOFTSWITCH.host) + crypto(CORE_KEY))
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    before = pair.sides
    sent = reinvite(pair, back, sdp(PHONE.host))
    (stream,) = next(iter(pair.rig.border.registry.calls.values())).streams.values()
    places = list(stream.remote)
    plain = sdp("198.51.100.9")
    orders = pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"488 Not Acceptable Here", body=plain))
    assert status(sends(orders, "access")[-1]) == 488
    assert all(each.spec.security == before[each.side] for each in of(UpdateStream, orders))
    assert pair.sides == before and before[1] is not None and stream.remote == places and not said(pair)


def test_no_order_but_the_message_itself_says_a_key() -> None:
    """What is kept, counted, recorded and logged is made of orders; an identifier (MKI) stands beside the key."""
    pair = Pair.make(SDES, SDES, "tls", "tls")
    theirs = crypto(PHONE_KEY).rstrip() + b"|2^20|7:4\r\n"
    reply = described(SOFTSWITCH.host, lines=crypto(CORE_KEY).rstrip() + b"|9:1\r\n")
    sent, back, _ = pair.call(described(PHONE.host, lines=theirs), reply)
    assert [None if each is None or each.receive is None else each.receive.mki for each in pair.sides] == [
        b"\0\0\0\7",
        b"\t",
    ]
    ours = [key for each in pair.sides if each is not None and each.send is not None for key in (each.send,)]
    assert len(ours) == 2 and all(b64encode(key.secret) in sent + back for key in ours)
    for order in pair.rig.log:
        text = repr(order) if not isinstance(order, Send) else pair.rig.border.dialects["sip"].mask(order.data).decode()
        for secret in (PHONE_KEY, CORE_KEY, *(key.secret for key in ours)):
            forms = repr(secret)[2:-1], secret.hex(), b64encode(secret).decode().rstrip("=")
            assert not any(form in text for form in forms), text


@pytest.mark.parametrize("turn", [("tls", "udp"), ("udp", "tls"), ("tls", "tls")])
def test_who_is_asked_next_is_told_what_may_be_said_by_its_own_transport(turn: tuple[str, str]) -> None:
    """One next hop takes nothing, so another is asked: keys go by TLS alone, and those that it was told count."""
    pair = Pair.make(NONE, OPTIONAL, "udp", "udp")
    plan, other = pair.rig.border.plan, SOFTSWITCH._replace(host="198.51.100.3")
    core, hops = plan.realms["core"], (SOFTSWITCH, other)
    listeners = tuple(attrs.evolve(core.listeners[0], transport=each) for each in ("udp", "tls"))
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=listeners)}
    fan = tuple(NextHop(to, index, transport=by) for index, (to, by) in enumerate(zip(hops, turn, strict=True)))
    path = attrs.evolve(plan.paths[0], next_hops=fan)
    pair.rig = Rig.make(SipDialect(), attrs.evolve(plan, realms=realms, paths=(path,)))
    here = {each.transport: each for each in listeners}
    (first,) = sends(pair.phone(invite(PHONE)), "core")
    assert bool(line(first, b"crypto")) is (turn[0] == "tls")
    busy = plain_answer(first, b"503 Service Unavailable")
    orders = pair.rig.from_core(busy, SOFTSWITCH, at=here[turn[0]])
    (second,) = [each.data for each in of(Send, orders) if each.to == other]
    assert bool(line(second, b"crypto")) is (turn[1] == "tls")
    keyed = sdp(other.host) + crypto(OTHER_KEY)
    pair.rig.from_core(answer(second, other.host, body=keyed), other, at=here[turn[1]])
    side = pair.sides[1]
    if turn[1] == "udp":
        assert side is None
    else:
        assert side is not None and side.receive is not None and side.send is not None
        assert side.receive.secret == OTHER_KEY and b64encode(side.send.secret) in second


def said(pair: Pair) -> list[Note]:
    return [each for each in of(Note, pair.rig.log) if each.event == "downgraded"]
