"""Calls whose two sides are secured in different ways, in memory: what each party is told, and what the engine is."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import attrs
import pytest

from sbc.core.orders import OpenStream, Order, UpdateStream
from sbc.core.secured import Fingerprint, MediaSecurity, Protection, SideSecurity
from sbc.sip.dialect import SipDialect
from tests.rig import PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import answer, inside, invite, request, sdp, status

OURS = Fingerprint("sha-256", bytes(range(32)))
SDES, DTLS, NONE = MediaSecurity.SDES, MediaSecurity.DTLS, MediaSecurity.NONE
OPTIONAL, PASS = MediaSecurity.OPTIONAL, MediaSecurity.PASS
_80, _GCM = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"


def crypto(secret: bytes, tag: int = 1, suite: str = _80) -> bytes:
    return b"a=crypto:%d %b inline:%b\r\n" % (tag, suite.encode(), b64encode(secret))


PHONE_KEY, OTHER_KEY, CORE_KEY = b"p" * 30, b"q" * 30, b"c" * 30
PRINT = b"a=fingerprint:sha-256 " + b":".join(b"%02X" % each for each in range(100, 132)) + b"\r\n"
ICE = b"a=ice-ufrag:peer\r\na=ice-pwd:apasswordofthepeersown1\r\n"


def described(host: str, profile: bytes = b"RTP/SAVP", lines: bytes = b"", session: bytes = b"") -> bytes:
    body = sdp(host).replace(b"RTP/AVP", profile) + lines
    return body.replace(b"m=audio", session + b"m=audio")


def browser(setup: bytes = b"actpass", more: bytes = b"", ufrag: bytes = b"peer") -> bytes:
    """What a browser offers: nothing at its address, and all by ICE."""
    lines = b"a=rtcp:9 IN IP4 0.0.0.0\r\n" + ICE.replace(b"ufrag:peer", b"ufrag:" + ufrag)
    lines += b"a=ice-options:trickle\r\n" + PRINT + b"a=setup:" + setup + b"\r\na=mid:0\r\na=rtcp-mux\r\n"
    lines += b"a=rtcp-fb:0 nack\r\na=candidate:1 1 udp 2122260223 10.0.0.7 50000 typ host\r\n" + more
    body = described("0.0.0.0", b"UDP/TLS/RTP/SAVPF", lines, b"a=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n")
    return body.replace(b"m=audio 4000", b"m=audio 9")


def body_of(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


def with_body(data: bytes, body: bytes) -> bytes:
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), data.partition(b"\r\n\r\n")[0])
    head = head if b"Content-Type" in head or not body else head + b"\r\nContent-Type: application/sdp"
    return head + b"\r\n\r\n" + body


@attrs.define
class Pair:
    """A phone and a softswitch, whose realms demand what they do."""

    rig: Rig
    access: str
    asked: bytes = b""

    @classmethod
    def make(cls, near: Any, far: Any, access: str = "tls", core: str = "udp") -> Pair:
        plan = make_plan("sip")
        realms = {}
        for name, demanded, transport in (("access", near, access), ("core", far, core)):
            protection = demanded if isinstance(demanded, Protection) else Protection(demanded)
            realm = plan.realms[name]
            listeners = (attrs.evolve(realm.listeners[0], transport=transport),)
            realms[name] = attrs.evolve(realm, listeners=listeners, protection=protection)
        rig = Rig.make(SipDialect(), attrs.evolve(plan, realms=realms))
        rig.border.registry.networks.fingerprints = (OURS,)
        return cls(rig, access)

    def phone(self, data: bytes) -> list[Order]:
        return self.rig.from_access(data.replace(b"SIP/2.0/UDP", b"SIP/2.0/" + self.access.upper().encode()))

    def call(self, offer: bytes, reply: bytes | None) -> tuple[bytes, bytes, bytes]:
        """The offer as the softswitch gets it, the answer as the phone does, and the whole 200."""
        asked = with_body(invite(PHONE), offer)
        (sent,) = sends(self.phone(asked), "core")
        self.asked = asked
        *_, back = sends(self.rig.from_core(answer(sent, SOFTSWITCH.host, body=reply)), "access")
        return body_of(sent), body_of(back), back

    @property
    def sides(self) -> tuple[SideSecurity | None, SideSecurity | None]:
        """How the engine has the one stream now."""
        sides: list[SideSecurity | None] = [None, None]
        for order in self.rig.log:
            if isinstance(order, OpenStream):
                sides = [each.security for each in order.spec.sides]
            elif isinstance(order, UpdateStream):
                sides[order.side] = order.spec.security
        return sides[0], sides[1]


def line(body: bytes, name: bytes) -> list[bytes]:
    return re.findall(rb"(?m)^a=" + name + rb":?([^\r\n]*)\r$", body)


def no_trace_of_keys(body: bytes) -> None:
    for word in (b"crypto", b"inline", b"SAVP", b"fingerprint", b"ice-", b"setup", b"candidate", b"mid", b"BUNDLE"):
        assert word not in body, body


def test_sdes_to_plain() -> None:
    pair = Pair.make(SDES, NONE)
    offer = described(PHONE.host, lines=crypto(PHONE_KEY, 3) + b"a=ptime:20\r\n")
    sent, back, _ = pair.call(offer, sdp(SOFTSWITCH.host))
    no_trace_of_keys(sent)
    assert b"m=audio 30000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n" in sent
    assert b"m=audio 20000 RTP/SAVP 0 8\r\na=crypto:3 " in back
    access, core = pair.sides
    assert core is None and access is not None and access.receive is not None and access.send is not None
    assert access.receive.secret == PHONE_KEY and b64encode(access.send.secret) in back
    assert access.send.secret != PHONE_KEY


def test_plain_to_sdes_offers_the_suites_in_order_and_takes_the_one_answered() -> None:
    pair = Pair.make(NONE, Protection(SDES, (_GCM, _80)), "udp", "tls")
    asked = with_body(invite(PHONE), sdp(PHONE.host))
    (sent,) = sends(pair.phone(asked), "core")
    assert [each.split()[1] for each in line(sent, b"crypto")] == [_GCM.encode(), _80.encode()]
    assert pair.sides == (None, SideSecurity())
    reply = described(SOFTSWITCH.host, lines=crypto(CORE_KEY, 2))
    *_, back = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=reply)), "access")
    no_trace_of_keys(body_of(back))
    core = pair.sides[1]
    assert core is not None and core.receive is not None and core.send is not None
    assert core.receive.secret == CORE_KEY and core.send.suite == _80
    assert b64encode(core.send.secret) == line(sent, b"crypto")[1].partition(b"inline:")[2]


def test_a_browser_to_plain() -> None:
    pair = Pair.make(DTLS, NONE)
    sent, back, _ = pair.call(browser(), sdp(SOFTSWITCH.host))
    no_trace_of_keys(sent)
    assert b"rtcp" not in sent and b"c=IN IP4 198.51.100.1\r\n" in sent and b"m=audio 30000 RTP/AVP 0 8" in sent
    assert b"m=audio 20000 UDP/TLS/RTP/SAVPF 0 8" in back and b"a=ice-lite\r\na=group:BUNDLE 0\r\nm=audio" in back
    assert line(back, b"setup") == [b"passive"] and line(back, b"mid") == [b"0"] and line(back, b"rtcp-mux") == [b""]
    assert line(back, b"candidate") == [b"1 1 UDP 2130706431 203.0.113.1 20000 typ host"]
    assert line(back, b"fingerprint")[0].startswith(b"sha-256 00:01:02:")
    access, core = pair.sides
    assert core is None and access is not None and access.dtls is not None and access.ice is not None
    assert not access.dtls.client and access.dtls.fingerprints[0].digest == bytes(range(100, 132))
    assert access.ice.theirs is not None and access.ice.theirs.ufrag == "peer" and access.ice.ours.lite
    assert line(back, b"ice-ufrag") == [access.ice.ours.ufrag.encode()]
    last = [each.spec for each in of(UpdateStream, pair.rig.log) if each.side == 0] or [
        of(OpenStream, pair.rig.log)[0].spec.sides[0]
    ]
    remote = last[-1].remote
    assert remote is not None and remote.rtp == remote.rtcp and not last[-1].held


@pytest.mark.parametrize(("setup", "client"), [(b"active", False), (b"passive", True)])
def test_plain_to_a_browser(setup: bytes, client: bool) -> None:
    pair = Pair.make(NONE, DTLS, "udp", "tls")
    reply = browser(setup)
    sent, back, _ = pair.call(sdp(PHONE.host), reply)
    assert line(sent, b"setup") == [b"actpass"] and b" UDP/TLS/RTP/SAVPF 0 8" in sent and b"a=ice-lite" in sent
    assert [each[:3] for each in line(sent, b"candidate")] == [b"1 1", b"1 2"] and b"a=rtcp:30001\r\n" in sent
    no_trace_of_keys(back)
    assert b"m=audio 20000 RTP/AVP 0 8" in back and b"c=IN IP4 203.0.113.1" in back
    core = pair.sides[1]
    assert core is not None and core.dtls is not None and core.dtls.client is client
    assert core.ice is not None and line(sent, b"ice-ufrag") == [core.ice.ours.ufrag.encode()]


def test_keys_go_no_further_where_no_stream_comes_of_them() -> None:
    """In a request that opens nothing, and in a call that is over."""
    pair, offer = Pair.make(SDES, NONE), described(PHONE.host, lines=crypto(PHONE_KEY))
    asked = request(b"OPTIONS", b"sip:bob@sbc.example.com", PHONE)
    (sent,) = sends(pair.phone(with_body(asked, offer)), "core")
    no_trace_of_keys(body_of(sent))
    _, _, back = pair.call(offer, sdp(SOFTSWITCH.host))
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    again = with_body(inside(pair.asked, back, b"INVITE", 2), offer)
    pair.phone(inside(pair.asked, back, b"BYE", 3))
    for sent in sends(pair.phone(again), "core"):
        no_trace_of_keys(body_of(sent))


def test_both_sides_secured_have_keys_of_their_own() -> None:
    pair = Pair.make(DTLS, SDES, "tls", "tls")
    sent, back, _ = pair.call(browser(), described(SOFTSWITCH.host, lines=crypto(CORE_KEY)))
    assert b"fingerprint" not in sent and b"ice" not in sent and b"m=audio 30000 RTP/SAVP 0" in sent
    assert b"crypto" not in back and b"rtcp-fb" not in sent
    access, core = pair.sides
    assert access is not None and access.dtls is not None and core is not None and core.keyed


def test_two_sides_that_pass_are_left_alone() -> None:
    pair = Pair.make(PASS, PASS)
    offer = described(PHONE.host, lines=crypto(PHONE_KEY))
    sent, back, _ = pair.call(offer, described(SOFTSWITCH.host, lines=crypto(CORE_KEY)))
    assert crypto(PHONE_KEY) in sent and crypto(CORE_KEY) in back and b"RTP/SAVP" in sent
    assert pair.sides == (None, None)


@pytest.mark.parametrize(
    ("near", "transport", "offer"),
    [
        (SDES, "tls", sdp(PHONE.host)),
        (SDES, "tls", browser()),
        (SDES, "tls", described(PHONE.host)),
        (SDES, "tls", described(PHONE.host, lines=crypto(b"x" * 12))),
        (Protection(SDES, (_GCM,)), "tls", described(PHONE.host, lines=crypto(PHONE_KEY))),
        (SDES, "udp", described(PHONE.host, lines=crypto(PHONE_KEY))),
        (OPTIONAL, "udp", described(PHONE.host, lines=crypto(PHONE_KEY))),
        (DTLS, "tls", described(PHONE.host, lines=crypto(PHONE_KEY))),
        (DTLS, "tls", browser(b"holdconn")),
        (NONE, "tls", described(PHONE.host, lines=crypto(PHONE_KEY))),
        (NONE, "tls", browser()),
    ],
)
def test_what_does_not_fit_is_refused(near: Any, transport: str, offer: bytes) -> None:
    pair = Pair.make(near, NONE, transport)
    orders = pair.phone(with_body(invite(PHONE), offer))
    assert not sends(orders, "core")
    assert status(sends(orders, "access")[-1]) == 488
    assert not pair.rig.open_streams


def test_keys_in_the_clear_where_that_is_allowed() -> None:
    pair = Pair.make(Protection(SDES, sdes_over_clear=True), NONE, "udp")
    sent, back, _ = pair.call(described(PHONE.host, lines=crypto(PHONE_KEY)), sdp(SOFTSWITCH.host))
    assert b"crypto" not in sent and len(line(back, b"crypto")) == 1


@pytest.mark.parametrize("transport", ["tls", "udp"])
def test_optional_over_clear_signalling_is_plain(transport: str) -> None:
    pair = Pair.make(OPTIONAL, NONE, transport)
    offer = sdp(PHONE.host) + crypto(PHONE_KEY)
    sent, back, _ = pair.call(offer, sdp(SOFTSWITCH.host))
    no_trace_of_keys(sent)
    assert b" RTP/AVP 0 8" in back
    assert len(line(back, b"crypto")) == (transport == "tls") and (pair.sides[0] is not None) == (transport == "tls")


@pytest.mark.parametrize("reply", [sdp(SOFTSWITCH.host), sdp(SOFTSWITCH.host) + crypto(CORE_KEY, 1, _80)])
def test_who_is_asked_in_an_optional_realm_may_answer_plain(reply: bytes) -> None:
    pair = Pair.make(NONE, OPTIONAL, "udp", "tls")
    sent, back, _ = pair.call(sdp(PHONE.host), reply)
    assert b"m=audio 30000 RTP/AVP 0 8" in sent and len(line(sent, b"crypto")) == 6
    no_trace_of_keys(back)
    assert (pair.sides[1] is not None) == (b"crypto" in reply)


@pytest.mark.parametrize(
    "reply",
    [
        sdp(SOFTSWITCH.host),
        described(SOFTSWITCH.host, lines=crypto(CORE_KEY, 1, _GCM)),
        browser(b"active"),
    ],
)
def test_an_answer_that_does_not_fit_ends_the_call(reply: bytes) -> None:
    pair = Pair.make(NONE, Protection(SDES, (_80,)), "udp", "tls")
    (sent,) = sends(pair.phone(invite(PHONE)), "core")
    orders = pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=reply))
    assert status(sends(orders, "access")[-1]) == 488


def test_an_answer_with_our_own_key_is_none() -> None:
    pair = Pair.make(NONE, Protection(SDES, (_80,)), "udp", "tls")
    (sent,) = sends(pair.phone(invite(PHONE)), "core")
    ours = b"a=crypto:" + line(sent, b"crypto")[0] + b"\r\n"
    orders = pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=described(SOFTSWITCH.host, lines=ours)))
    assert status(sends(orders, "access")[-1]) == 488


def keyed_call() -> tuple[Pair, bytes, bytes]:
    """A call under way of a phone that has said its key; the answer's description as it got it, and the whole 200."""
    pair = Pair.make(SDES, NONE)
    _, first, back = pair.call(described(PHONE.host, lines=crypto(PHONE_KEY)), sdp(SOFTSWITCH.host))
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    return pair, first, back


def reinvite(pair: Pair, back: bytes, body: bytes, seq: int = 2) -> bytes:
    (sent,) = sends(pair.phone(inside(pair.asked, back, b"INVITE", seq, body)), "core")
    return sent


def at_ours(pair: Pair, body: bytes) -> bytes:
    """A description that gives our own address of the stream as the phone's."""
    (stream,) = next(iter(pair.rig.border.registry.calls.values())).streams.values()
    host, port = stream.ours[0].rtp
    return body.replace(PHONE.host.encode(), host.encode()).replace(b"m=audio 4000", b"m=audio %d" % port)


def test_who_gives_our_own_address_is_judged_as_anybody() -> None:
    pair, first, back = keyed_call()
    before = pair.sides[0]
    orders = pair.phone(inside(pair.asked, back, b"INVITE", 2, at_ours(pair, sdp(PHONE.host))))
    assert not sends(orders, "core") and status(sends(orders, "access")[-1]) == 488 and pair.sides[0] == before
    pair.phone(inside(pair.asked, back, b"ACK", 2))
    sent = reinvite(pair, back, at_ours(pair, described(PHONE.host, lines=crypto(PHONE_KEY))), 3)
    assert SOFTSWITCH.host.encode() not in body_of(sent)
    *_, again = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert line(body_of(again), b"crypto") == line(first, b"crypto"), "it is the answer, and no offer"
    remote = [each.spec.remote for each in of(UpdateStream, pair.rig.log) if each.side == 0][-1]
    assert remote is not None and remote.rtp.host == "0.0.0.0"
    pair.phone(inside(pair.asked, back, b"ACK", 3))
    sent = reinvite(pair, back, described(PHONE.host, lines=crypto(OTHER_KEY, 7)), 4)
    *_, again = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    access = pair.sides[0]
    assert access is not None and access.receive is not None and access.receive.secret == OTHER_KEY
    assert line(body_of(again), b"crypto")[0].startswith(b"7 ")


def test_the_same_keys_go_on_and_new_ones_count_from_the_answer() -> None:
    pair, first, back = keyed_call()
    before = pair.sides[0]
    sent = reinvite(pair, back, described(PHONE.host, lines=crypto(PHONE_KEY)))
    *_, again = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert pair.sides[0] == before and line(body_of(again), b"crypto") == line(first, b"crypto")
    pair.phone(inside(pair.asked, back, b"ACK", 2))
    sent = reinvite(pair, back, described(PHONE.host, lines=crypto(OTHER_KEY)), 3)
    assert pair.sides[0] == before
    pair.rig.from_core(answer(sent, SOFTSWITCH.host))
    access = pair.sides[0]
    assert access is not None and access.receive is not None and access.receive.secret == OTHER_KEY
    assert before is not None and access.send == before.send


def test_a_refused_change_of_keys_leaves_what_was() -> None:
    pair, _, back = keyed_call()
    before = pair.sides[0]
    sent = reinvite(pair, back, described(PHONE.host, lines=crypto(OTHER_KEY)))
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"491 Request Pending"))
    (stream,) = next(iter(pair.rig.border.registry.calls.values())).streams.values()
    assert pair.sides[0] == before and stream.wards is not None and stream.wards[0].force == before
    assert stream.wards[0].said is not None and stream.wards[0].said.keys[0].secret == PHONE_KEY


def test_who_is_asked_again_is_offered_what_is_in_force_first() -> None:
    pair = Pair.make(NONE, Protection(SDES, (_GCM, _80)), "udp", "tls")
    reply = described(SOFTSWITCH.host, lines=crypto(CORE_KEY, 2))
    first, _, back = pair.call(sdp(PHONE.host), reply)
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    again = body_of(reinvite(pair, back, sdp(PHONE.host)))
    assert [each.split()[1] for each in line(again, b"crypto")] == [_80.encode(), _GCM.encode()]
    keys = [{each.partition(b"inline:")[2] for each in line(body, b"crypto")} for body in (first, again)]
    assert keys[0] == keys[1]


def test_a_browser_that_restarts_ice_gets_new_credentials_and_keeps_its_part() -> None:
    pair = Pair.make(DTLS, NONE)
    _, first, back = pair.call(browser(b"passive"), sdp(SOFTSWITCH.host))
    assert line(first, b"setup") == [b"active"]
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    sent = reinvite(pair, back, browser())
    *_, same = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert line(same, b"setup") == [b"active"] and line(same, b"ice-ufrag") == line(first, b"ice-ufrag")
    pair.phone(inside(pair.asked, back, b"ACK", 2))
    sent = reinvite(pair, back, browser(ufrag=b"anew"), 3)
    *_, other = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert line(other, b"ice-ufrag") != line(first, b"ice-ufrag") and line(other, b"setup") == [b"passive"]


def test_branches_have_keys_of_their_own_and_the_one_that_answers_counts() -> None:
    pair = Pair.make(NONE, Protection(SDES, (_80,)), "udp", "tls")
    (sent,) = sends(pair.phone(invite(PHONE)), "core")
    for tag, key in ((b"x", CORE_KEY), (b"y", OTHER_KEY)):
        body = described(SOFTSWITCH.host, lines=crypto(key))
        pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"183 Session Progress", tag, body))
        core = pair.sides[1]
        assert core is not None and core.receive is not None and core.receive.secret == key
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, tag=b"x", body=b""))
    core = pair.sides[1]
    assert core is not None and core.receive is not None and core.receive.secret == CORE_KEY


def test_a_late_offer() -> None:
    pair = Pair.make(SDES, NONE)
    asked = with_body(invite(PHONE), b"").replace(b"Content-Type: application/sdp\r\n", b"")
    (sent,) = sends(pair.phone(asked), "core")
    *_, back = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert b"m=audio 20000 RTP/SAVP 0 8" in back and len(line(back, b"crypto")) == 6
    offered = next(each for each in line(back, b"crypto") if _80.encode() in each)
    body = described(PHONE.host, lines=crypto(PHONE_KEY, int(offered.split()[0])))
    (ack,) = sends(pair.phone(inside(asked, back, b"ACK", 1, body)), "core")
    no_trace_of_keys(body_of(ack))
    access, core = pair.sides
    assert core is None and access is not None and access.receive is not None and access.receive.secret == PHONE_KEY


def test_fax_in_the_clear_only_where_that_is_allowed() -> None:
    for allowed in (False, True):
        pair = Pair.make(Protection(SDES, fax_in_clear=allowed), NONE)
        offer = described(PHONE.host, lines=crypto(PHONE_KEY))
        _, _, back = pair.call(offer, sdp(SOFTSWITCH.host))
        pair.phone(inside(pair.asked, back, b"ACK", 1))
        fax = sdp(PHONE.host).replace(b"m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000", b"m=image 4000 udptl t38")
        orders = pair.phone(inside(pair.asked, back, b"INVITE", 2, fax))
        assert bool(sends(orders, "core")) is allowed


def test_a_rejected_stream_has_the_profile_it_was_offered_and_no_keys() -> None:
    pair = Pair.make(SDES, NONE)
    video = b"m=video 5000 RTP/SAVP 96\r\n" + crypto(OTHER_KEY)
    offer = described(PHONE.host, lines=crypto(PHONE_KEY)) + video
    sent, back, _ = pair.call(offer, sdp(SOFTSWITCH.host) + b"m=video 0 RTP/AVP 96\r\n")
    assert b"m=video 30002 RTP/AVP 96\r\n" in sent
    assert b"m=video 0 RTP/SAVP 96\r\n" in back and len(line(back, b"crypto")) == 1


def test_a_data_channel_is_turned_down_where_media_is_secured() -> None:
    pair = Pair.make(DTLS, NONE)
    data = b"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" + ICE + PRINT
    sent, back, _ = pair.call(browser(more=data), sdp(SOFTSWITCH.host) + b"m=application 0 UDP/DTLS/SCTP x\r\n")
    assert b"m=application 0 " in sent and b"m=application 0 " in back and b"fingerprint" not in sent
