"""Offers that leave a choice: the same stream twice, as secured and as plain, and streams of which some do not fit."""

from __future__ import annotations

import pytest

from sbc.core.orders import Note, UpdateStream
from sbc.core.secured import MediaSecurity, Protection
from tests.calls.test_secured import (
    CORE_KEY,
    OTHER_KEY,
    PHONE_KEY,
    PRINT,
    Pair,
    body_of,
    crypto,
    inside,
    line,
    with_body,
)
from tests.rig import PHONE, SOFTSWITCH, of, sends
from tests.sip_messages import answer, invite, sdp, status

NONE, SDES, OPTIONAL = MediaSecurity.NONE, MediaSecurity.SDES, MediaSecurity.OPTIONAL
PLAIN = b"m=audio 4000 RTP/AVP 0\r\n"
KEYED = b"m=audio 4002 RTP/SAVP 0\r\n" + crypto(PHONE_KEY)
ONE_AUDIO = b"m=audio 7000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n"
OTHER_AUDIO = b"m=audio 0 RTP/AVP 0\r\nm=audio 7000 RTP/AVP 0\r\n"


def offer(*streams: bytes) -> bytes:
    return sdp(PHONE.host).partition(b"m=")[0] + b"".join(streams)


def reply(streams: bytes) -> bytes:
    return sdp(SOFTSWITCH.host).partition(b"m=")[0] + streams


def lines_of(body: bytes) -> list[bytes]:
    """Its m= lines, but for the formats."""
    return [b" ".join(each.split()[:3]) for each in body.split(b"\r\n") if each.startswith(b"m=")]


@pytest.mark.parametrize("demanded", [SDES, NONE, OPTIONAL])
def test_of_a_secured_and_a_plain_line_the_one_that_fits_is_taken(demanded: MediaSecurity) -> None:
    pair = Pair.make(demanded, NONE)
    chosen = OTHER_AUDIO if demanded is NONE else ONE_AUDIO
    sent, back, _ = pair.call(offer(KEYED, PLAIN), reply(chosen))
    asked = {
        SDES: [b"m=audio 30000 RTP/AVP", b"m=audio 0 RTP/AVP"],
        NONE: [b"m=audio 0 RTP/AVP", b"m=audio 30000 RTP/AVP"],
        OPTIONAL: [b"m=audio 30000 RTP/AVP", b"m=audio 30002 RTP/AVP"],
    }
    assert lines_of(sent) == asked[demanded] and b"inline" not in sent
    told = [b"m=audio 0 RTP/SAVP", b"m=audio 20000 RTP/AVP"]
    kept = [b"m=audio 20000 RTP/SAVP", b"m=audio 0 RTP/AVP"]
    assert lines_of(back) == (told if demanded is NONE else kept)
    assert len(line(back, b"crypto")) == (demanded is not NONE)
    (stream,) = next(iter(pair.rig.border.registry.calls.values())).streams.values()
    assert (stream.secured[0] is None) is (demanded is NONE)
    notes = [each.reason for each in of(Note, pair.rig.log) if each.event == "turned-down"]
    assert bool(notes) is (demanded is not OPTIONAL)


@pytest.mark.parametrize("first", [True, False])
def test_where_both_lines_are_at_one_address_the_plain_one_is_no_choice(first: bool) -> None:
    pair = Pair.make(OPTIONAL, NONE)
    plain = PLAIN.replace(b"4000", b"4002")
    sent, back, _ = pair.call(
        offer(*((KEYED, plain) if first else (plain, KEYED))), reply(ONE_AUDIO if first else OTHER_AUDIO)
    )
    ports = [each.split()[1] for each in lines_of(sent)]
    assert ports == ([b"30000", b"0"] if first else [b"0", b"30000"])
    assert len(line(back, b"crypto")) == 1 and pair.rig.open_streams


def test_a_stream_that_does_not_fit_is_turned_down_and_the_others_go_on() -> None:
    pair = Pair.make(SDES, NONE)
    video = b"m=video 5000 RTP/AVP 96\r\na=rtcp:5001 IN IP4 192.168.1.10\r\n"
    sent, back, _ = pair.call(offer(KEYED, video), reply(ONE_AUDIO.replace(b"m=audio 0", b"m=video 0")))
    assert lines_of(sent) == [b"m=audio 30000 RTP/AVP", b"m=video 0 RTP/AVP"] and PHONE.host.encode() not in sent
    assert lines_of(back) == [b"m=audio 20000 RTP/SAVP", b"m=video 0 RTP/AVP"]
    assert len(pair.rig.open_streams) == 1


def test_what_fits_nowhere_is_refused_and_so_is_what_would_lay_a_live_stream_open() -> None:
    pair = Pair.make(SDES, NONE)
    orders = pair.phone(with_body(invite(PHONE), offer(PLAIN, PLAIN.replace(b"audio", b"video"))))
    assert status(sends(orders, "access")[-1]) == 488 and not pair.rig.open_streams
    pair = Pair.make(SDES, NONE)
    video = b"m=video 5000 RTP/SAVP 96\r\n" + crypto(OTHER_KEY)
    answered = reply(b"m=audio 7000 RTP/AVP 0\r\nm=video 7002 RTP/AVP 96\r\n")
    _, _, back = pair.call(offer(KEYED, video), answered)
    pair.phone(inside(pair.asked, back, b"ACK", 1))
    before = len(pair.rig.log)
    orders = pair.phone(inside(pair.asked, back, b"INVITE", 2, offer(PLAIN, video)))
    assert status(sends(orders, "access")[-1]) == 488 and len(pair.rig.open_streams) == 2
    assert not of(UpdateStream, pair.rig.log[before:])


def test_a_fax_beside_audio_is_turned_down_where_it_may_not_pass() -> None:
    fax = b"m=image 5002 udptl t38\r\n"
    for allowed in (False, True):
        pair = Pair.make(Protection(SDES, fax_in_clear=allowed), NONE)
        sent, back, _ = pair.call(offer(KEYED, fax), reply(b"m=audio 7000 RTP/AVP 0\r\nm=image 0 udptl t38\r\n"))
        assert lines_of(sent)[1] == (b"m=image 30002 udptl" if allowed else b"m=image 0 udptl")
        assert lines_of(back)[1] == b"m=image 0 udptl"


def test_the_offer_of_who_is_asked_leaves_a_choice_too() -> None:
    """In an answer to an INVITE without one; the phone's ACK answers it."""
    pair = Pair.make(NONE, SDES, "udp", "tls")
    asked = with_body(invite(PHONE), b"").replace(b"Content-Type: application/sdp\r\n", b"")
    (sent,) = sends(pair.phone(asked), "core")
    both = reply(PLAIN + KEYED.replace(crypto(PHONE_KEY), crypto(CORE_KEY)))
    *_, back = sends(pair.rig.from_core(answer(sent, SOFTSWITCH.host, body=both)), "access")
    assert [each.split()[1] for each in lines_of(body_of(back))] == [b"0", b"20000"]
    (ack,) = sends(
        pair.phone(inside(asked, back, b"ACK", 1, offer(*OTHER_AUDIO.split(b"\r\n")[0:0], OTHER_AUDIO))), "core"
    )
    assert lines_of(body_of(ack)) == [b"m=audio 0 RTP/AVP", b"m=audio 30000 RTP/SAVP"]
    assert pair.sides[1] is not None and pair.sides[1].keyed


@pytest.mark.parametrize("near", [NONE, OPTIONAL, SDES])
def test_potential_configurations_are_nobodys_choice(near: MediaSecurity) -> None:
    """RFC 5939: what stands in m= counts; who has nothing there that fits is refused, whatever else it could."""
    pair = Pair.make(near, NONE)
    lines = b"a=tcap:1 RTP/SAVP\r\na=acap:1 " + crypto(PHONE_KEY)[2:] + b"a=pcfg:1 t=1 a=1\r\n"
    if near is SDES:
        orders = pair.phone(with_body(invite(PHONE), offer(PLAIN + lines)))
        assert status(sends(orders, "access")[-1]) == 488
        return
    sent, back, _ = pair.call(offer(PLAIN + lines), reply(b"m=audio 7000 RTP/AVP 0\r\n"))
    assert b"cap" not in sent and b"pcfg" not in sent and lines_of(back) == [b"m=audio 20000 RTP/AVP"]
    assert pair.sides == (None, None)


def test_who_offers_keys_and_a_certificate_on_a_plain_profile_is_answered_by_one() -> None:
    """RFC 8643 leaves the choice to who answers: keys, which need no handshake."""
    pair = Pair.make(OPTIONAL, NONE)
    sent, back, _ = pair.call(offer(PLAIN + crypto(PHONE_KEY) + PRINT), reply(b"m=audio 7000 RTP/AVP 0\r\n"))
    assert b"inline" not in sent and len(line(back, b"crypto")) == 1 and not line(back, b"fingerprint")
    assert b"m=audio 20000 RTP/AVP 0" in back and pair.sides[0] is not None and pair.sides[0].keyed
