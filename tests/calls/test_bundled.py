"""Audio and video of a browser by one transport, and by two pairs of ports towards the core: what each is told."""

from __future__ import annotations

import re

import attrs
import pytest

from sbc.core import audit, keyed
from sbc.core.call import Stream
from sbc.core.orders import CloseStream, OpenStream, UpdateStream
from sbc.core.secured import Bundled, Key, MediaSecurity, SideSecurity
from tests.calls.test_secured import ICE, PRINT, Pair, body_of, line, with_body
from tests.kept import restarted
from tests.rig import PHONE, SOFTSWITCH, of, sends
from tests.sip_messages import answer, inside, invite, sdp

DTLS, NONE = MediaSecurity.DTLS, MediaSecurity.NONE
RECEIVE, SEND = Key("AEAD_AES_128_GCM", b"r" * 28), Key("AEAD_AES_128_GCM", b"s" * 28)
EXTENSION = b"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
HEAD = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
AUDIO, VIDEO = b"0", b"1"
TRANSPORT = ICE + PRINT + b"a=setup:actpass\r\n"


def section(
    kind: bytes, mid: bytes, port: int = 9, transport: bytes = TRANSPORT, formats: bytes = b"", more: bytes = b""
) -> bytes:
    known = {b"audio": b"0 101\r\na=rtpmap:101 telephone-event/8000", b"video": b"96\r\na=rtpmap:96 VP8/90000"}
    lines = b"m=%b %d UDP/TLS/RTP/SAVPF %b\r\nc=IN IP4 0.0.0.0\r\n" % (kind, port, formats or known[kind])
    return lines + transport + b"a=mid:%b\r\na=rtcp-mux\r\n" % mid + EXTENSION + more


SAID_AUDIO = section(b"audio", AUDIO, more=b"a=ssrc:11 cname:x\r\n")
SAID_VIDEO = section(b"video", VIDEO, more=b"a=ssrc:22 cname:x\r\na=ssrc:23 cname:x\r\na=ssrc-group:FID 22 23\r\n")
ONLY_VIDEO = section(b"video", VIDEO, 0, b"", more=b"a=bundle-only\r\na=ssrc:22 cname:x\r\n")


def browser(*sections: bytes, group: bytes = b"0 1") -> bytes:
    return HEAD + b"a=group:BUNDLE %b\r\n" % group + b"".join(sections)


def plain(audio: int = 4000, video: int = 5000, formats: bytes = b"96") -> bytes:
    """What the softswitch says: both in the clear, each with ports of its own."""
    lines = b"m=video %d RTP/AVP %b\r\na=rtpmap:%b VP8/90000\r\n" % (video, formats, formats)
    return sdp(SOFTSWITCH.host).replace(b"m=audio 4000", b"m=audio %d" % audio) + lines


def sides(pair: Pair, side: int = 0) -> dict[str, SideSecurity | None]:
    """How the engine has one side of each stream that is open, by the stream's number."""
    found: dict[str, SideSecurity | None] = {}
    for order in pair.rig.log:
        if isinstance(order, OpenStream):
            found[order.spec.id] = order.spec.sides[side].security
        elif isinstance(order, UpdateStream) and order.side == side:
            found[order.stream] = order.spec.security
        elif isinstance(order, CloseStream):
            del found[order.stream]
    return {id.rpartition("/")[2]: security for id, security in found.items()}


def bundled(security: SideSecurity | None) -> Bundled | None:
    return None if security is None else security.bundled


def streams(pair: Pair) -> list[Stream]:
    (call,) = pair.rig.border.registry.calls.values()
    assert audit.audit(pair.rig.border.registry) == []
    return list(call.streams.values())


def ports(body: bytes) -> list[int]:
    return [int(port) for port in re.findall(rb"(?m)^m=\w+ (\d+)", body)]


def parts(body: bytes) -> list[bytes]:
    return body.split(b"m=")[1:]


def up(offer: bytes = browser(SAID_AUDIO, SAID_VIDEO), reply: bytes = plain()) -> tuple[Pair, bytes, bytes]:
    """A call of both, under way; what the browser was answered, and the whole 200."""
    pair = Pair.make(DTLS, NONE)
    _, told, back = pair.call(offer, reply)
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    return pair, told, back


def again(pair: Pair, back: bytes, offer: bytes, reply: bytes, seq: int = 2) -> tuple[bytes, bytes]:
    """The browser offers anew: what the softswitch is offered, and the browser answered."""
    (sent,) = sends(pair.phone(inside(pair.asked, back, b"INVITE", seq, offer)), "core")
    *_, told = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=reply)), "access")
    pair.phone(inside(pair.asked, back, b"ACK", seq))
    return body_of(sent), body_of(told)


@pytest.mark.parametrize("video", [SAID_VIDEO, ONLY_VIDEO])
def test_a_browsers_two_streams_come_by_one_transport(video: bytes) -> None:
    pair = Pair.make(DTLS, NONE)
    sent, told, _ = pair.call(browser(SAID_AUDIO, video), plain())
    assert ports(sent) == [30000, 30002] and ports(told) == [20000, 20000]
    for word in (b"BUNDLE", b"mid", b"bundle-only", b"candidate", b"0.0.0.0"):
        assert word not in sent
    assert b"a=group:BUNDLE 0 1\r\n" in told
    audio, second = parts(told)
    assert b"a=candidate:1 1 UDP 2130706431 203.0.113.1 20000 typ host" in audio and b"a=fingerprint" in audio
    for word in (b"candidate", b"fingerprint", b"setup", b"ice-"):
        assert word not in second, "of the transport the first alone speaks"
    for mid, each in ((AUDIO, audio), (VIDEO, second)):
        assert b"a=mid:%b\r\n" % mid in each and b"a=rtcp-mux\r\n" in each and EXTENSION not in each
        assert b"UDP/TLS/RTP/SAVPF" in each
    first, _ = streams(pair)
    access = sides(pair)
    assert bundled(access["1"]) == Bundled("", "0", 4, (11,), (0, 8))
    assert bundled(access["2"]) == Bundled(first.id, "1", 4, (22, 23) if video is SAID_VIDEO else (22,), (96,))
    assert access["2"] is not None and access["2"].rides and not access["2"].hears
    assert sides(pair, 1) == {"1": None, "2": None}


def test_where_the_first_is_turned_down_the_next_has_the_transport() -> None:
    pair, told, _ = up(reply=plain(audio=0))
    assert ports(told) == [0, 20002] and b"a=group:BUNDLE 1\r\n" in told
    assert b"typ host" in parts(told)[1] and b"a=fingerprint" in parts(told)[1]
    assert list(sides(pair)) == ["2"] and bundled(sides(pair)["2"]) is None
    with pytest.raises(AssertionError):  # it was never more than one
        assert b"BUNDLE 0" in told


def test_a_browser_that_does_not_bundle_has_two_transports() -> None:
    pair, told, _ = up(browser(SAID_AUDIO, SAID_VIDEO, group=b"0"))
    assert ports(told) == [20000, 20002] and b"a=group:BUNDLE 0\r\n" in told
    assert all(bundled(each) is None for each in sides(pair).values())
    assert all(b"typ host" in each for each in parts(told))


def test_payload_types_that_clash_are_not_bundled() -> None:
    reply = plain(formats=b"0").replace(b"rtpmap:0 VP8", b"rtpmap:0 VP8")
    pair, told, _ = up(reply=reply)
    assert ports(told) == [20000, 20002] and b"a=group:BUNDLE 0\r\n" in told
    assert all(bundled(each) is None for each in sides(pair).values())


def test_what_is_to_be_had_in_the_bundle_alone_and_clashes_is_turned_down() -> None:
    pair, told, _ = up(browser(SAID_AUDIO, ONLY_VIDEO), plain(formats=b"0"))
    assert ports(told) == [20000, 0] and b"a=group:BUNDLE 0\r\n" in told
    assert list(sides(pair)) == ["1"]


def test_a_second_stream_of_the_same_kind_is_told_apart_by_what_it_says() -> None:
    second = section(b"audio", VIDEO, more=b"a=ssrc:22 cname:x\r\n")
    reply = sdp(SOFTSWITCH.host) + b"m=audio 5000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
    pair, told, _ = up(browser(SAID_AUDIO, second), reply)
    assert ports(told) == [20000, 20000]
    assert [each.types for each in map(bundled, sides(pair).values()) if each is not None] == [(), ()]
    silent = [each.replace(EXTENSION, b"").replace(b"a=ssrc", b"a=x") for each in (SAID_AUDIO, second)]
    pair, told, _ = up(browser(*silent), reply)
    assert ports(told) == [20000, 20002], "of one that says nothing it could not be told"


def test_hold_and_the_same_again_change_nothing() -> None:
    pair, told, back = up()
    before = sides(pair)
    held = browser(SAID_AUDIO + b"a=sendonly\r\n", SAID_VIDEO + b"a=inactive\r\n")
    sent, same = again(pair, back, held, plain())
    assert b"a=sendonly" in sent and ports(same) == ports(told) and sides(pair) == before
    later = browser(SAID_AUDIO, section(b"video", VIDEO, 9, b"", more=b"a=ssrc:22 cname:x\r\na=ssrc:23 cname:x\r\n"))
    _, same = again(pair, back, later, plain(), 3)
    assert parts(same) == parts(told) and sides(pair) == before


def test_keys_are_those_of_the_first_and_video_is_said_to_have_them() -> None:
    pair, _, back = up()
    audio, video = streams(pair)
    security = sides(pair)["1"]
    assert security is not None and security.dtls is not None
    pair.rig.border.secured(audio.id, 0, RECEIVE, SEND, security.dtls.fingerprints)
    again(pair, back, browser(SAID_AUDIO, SAID_VIDEO), plain())
    access = sides(pair)
    assert access["1"] is not None and access["1"].keyed and access["2"] is not None and not access["2"].keyed
    (call,) = pair.rig.border.registry.calls.values()
    assert keyed.transport(call, video, 0) == access["1"] == keyed.transport(call, audio, 0)
    assert keyed.passes(call, video, 0)


def test_video_is_added_and_taken_away() -> None:
    pair, told, back = up(browser(SAID_AUDIO, group=b"0"), sdp(SOFTSWITCH.host))
    assert ports(told) == [20000] and b"a=group:BUNDLE 0\r\n" in told and bundled(sides(pair)["1"]) is None
    before = sides(pair)["1"]
    _, told = again(pair, back, browser(SAID_AUDIO, ONLY_VIDEO), plain())
    assert ports(told) == [20000, 20000] and b"a=group:BUNDLE 0 1\r\n" in told
    assert sides(pair)["2"] is not None and sides(pair)["2"].rides  # type: ignore[union-attr]
    assert attrs.evolve(sides(pair)["1"], bundled=None) == before  # type: ignore[type-var]
    gone = section(b"video", VIDEO, 0, b"")
    _, told = again(pair, back, browser(SAID_AUDIO, gone, group=b"0"), plain(video=0), 3)
    assert ports(told) == [20000, 0] and b"a=group:BUNDLE 0\r\n" in told
    assert sides(pair) == {"1": before}


def test_a_refused_offer_of_video_leaves_what_was() -> None:
    pair, _, back = up(browser(SAID_AUDIO, group=b"0"), sdp(SOFTSWITCH.host))
    before = sides(pair)
    (sent,) = sends(pair.phone(inside(pair.asked, back, b"INVITE", 2, browser(SAID_AUDIO, ONLY_VIDEO))), "core")
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"183 Session Progress", body=plain()))
    assert sides(pair)["2"] is not None and sides(pair)["2"].rides  # type: ignore[union-attr]
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, b"488 Not Acceptable Here"))
    assert sides(pair) == before and len(streams(pair)) == 1


def test_the_first_is_taken_away_and_its_transport_stays() -> None:
    pair, _, back = up()
    first, video = streams(pair)
    gone = section(b"audio", AUDIO, 0, b"")
    _, told = again(pair, back, browser(gone, SAID_VIDEO, group=b"1"), plain(audio=0))
    assert ports(told) == [0, 20000] and b"a=group:BUNDLE 1\r\n" in told
    assert b"typ host" in parts(told)[1] and b"a=fingerprint" in parts(told)[1]
    access = sides(pair)
    assert access["2"] is not None and access["2"].bundled is not None and access["2"].bundled.carrier == first.id
    assert access["1"] is not None and bundled(access["1"]) == Bundled() and first.muted and first.remote[1] is None
    assert first.admitted is None
    _, told = again(pair, back, browser(SAID_AUDIO, SAID_VIDEO, group=b"0 1"), plain(), 3)
    assert ports(told) == [20000, 20000] and not first.muted and len(streams(pair)) == 2
    again(pair, back, browser(gone, SAID_VIDEO, group=b"1"), plain(audio=0), 4)
    anew = SAID_VIDEO.replace(b"ufrag:peer", b"ufrag:anew")
    _, told = again(pair, back, browser(gone, anew, group=b"1"), plain(audio=0), 5)
    assert ports(told) == [0, 20002] and streams(pair) == [video], "another transport begins, and the old one is over"


def test_a_call_to_a_browser_offers_each_its_own_and_takes_a_bundle() -> None:
    pair = Pair.make(NONE, DTLS, "udp", "tls")
    offer = sdp(PHONE.host) + b"m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    reply = browser(*(each.replace(b"actpass", b"active") for each in (SAID_AUDIO, section(b"video", VIDEO, 9, b""))))
    sent, back, whole = pair.call(offer, reply)
    assert ports(sent) == [30000, 30002] and b"a=group:BUNDLE 0 1\r\n" in sent and ports(back) == [20000, 20002]
    assert [line(each, b"mid") for each in parts(sent)] == [[AUDIO], [VIDEO]]
    assert all(b"typ host" in each and b"a=fingerprint" in each for each in parts(sent))
    first, _ = streams(pair)
    core = sides(pair, 1)
    assert bundled(core["1"]) == Bundled("", "0", 4, (11,), (0, 8)) and bundled(core["2"]) == Bundled(
        first.id, "1", 4, (), (96,)
    )
    pair.phone(inside(pair.asked, whole, b"ACK", 1))
    (sent,) = sends(pair.phone(inside(pair.asked, whole, b"INVITE", 2, offer)), "core")
    told = body_of(sent)
    assert ports(told) == [30000, 30000] and b"a=group:BUNDLE 0 1\r\n" in told and b"candidate" not in parts(told)[1]
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=reply))
    assert sides(pair, 1) == core
    pair.phone(inside(pair.asked, whole, b"ACK", 2))
    rejected = offer.replace(b"m=audio 4000", b"m=audio 0")
    (sent,) = sends(pair.phone(inside(pair.asked, whole, b"INVITE", 3, rejected)), "core")
    told = body_of(sent)
    assert ports(told) == [0, 30000] and b"a=group:BUNDLE 1\r\n" in told and b"a=fingerprint" in parts(told)[1]
    gone = browser(section(b"audio", AUDIO, 0, b""), SAID_VIDEO.replace(b"actpass", b"active"), group=b"1")
    pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=gone))
    assert bundled(sides(pair, 1)["2"]) is not None and sides(pair, 1)["2"].rides  # type: ignore[union-attr]


def test_a_call_to_a_browser_whose_formats_clash_is_offered_no_bundle() -> None:
    pair = Pair.make(NONE, DTLS, "udp", "tls")
    offer = sdp(PHONE.host).replace(b"RTP/AVP 0 8", b"RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2")
    offer += b"m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    (sent,) = sends(pair.phone(with_body(invite(PHONE), offer)), "core")
    assert b"a=group:BUNDLE 0\r\n" in sent and [line(each, b"mid") for each in parts(sent)] == [[AUDIO], [VIDEO]]


def test_between_two_browsers_each_side_has_its_own_bundle() -> None:
    pair = Pair.make(DTLS, DTLS, "tls", "tls")
    reply = browser(*(each.replace(b"actpass", b"active") for each in (SAID_AUDIO, SAID_VIDEO)))
    sent, back, _ = pair.call(browser(SAID_AUDIO, SAID_VIDEO), reply)
    assert ports(sent) == [30000, 30002] and ports(back) == [20000, 20000]
    assert all(sides(pair, side)["2"].rides for side in (0, 1))  # type: ignore[union-attr]


def test_after_a_restart_both_go_on_by_one_transport() -> None:
    pair, _, _ = up()
    audio, video = streams(pair)
    _, orders = restarted(pair.rig)
    opened = {order.spec.id: order.spec.sides[0].security for order in of(OpenStream, orders)}
    assert bundled(opened[video.id]) == bundled(sides(pair)["2"]) and bundled(opened[audio.id]) == bundled(
        sides(pair)["1"]
    )


def test_where_both_realms_let_pass_what_comes_nothing_is_taken_for_a_bundle() -> None:
    pair = Pair.make(MediaSecurity.PASS, MediaSecurity.PASS)
    (sent,) = sends(pair.phone(with_body(invite(PHONE), browser(SAID_AUDIO, ONLY_VIDEO))), "core")
    assert ports(body_of(sent)) == [30000, 0] and b"0.0.0.0" in sent
