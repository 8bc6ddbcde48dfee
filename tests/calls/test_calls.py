"""Calls of two parties across two realms, in memory: set-up, talk, change, end, and all that goes wrong."""

from __future__ import annotations

import re

import pytest

from sbc.core.address import Address, Pair
from sbc.core.call import CallState
from sbc.core.message import Ending, Who
from sbc.core.orders import CloseStream, OpenStream, Send, UpdateStream
from sbc.core.taking import Mishap
from sbc.sip.dialect import SipDialect
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import (
    answer,
    contact,
    header,
    hop_request,
    inside,
    invite,
    plain_answer,
    request,
    sdp,
    status,
    without_sdp,
)

ROUTE = b"Record-Route: <sip:198.51.100.2;lr>\r\nCSeq:"


def rig() -> Rig:
    return Rig.make(SipDialect())


def answered(made: Rig | None = None) -> tuple[Rig, bytes, bytes, bytes]:
    """A rig with a call up: the INVITE as it came and as it went on, and the 200 as the phone got it."""
    made = made or rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    ok = answer(sent, SOFTSWITCH.host).replace(b"CSeq:", ROUTE)
    *_, back = sends(made.from_core(ok), "access")
    made.from_access(inside(asked, back, b"ACK", 1))
    return made, asked, sent, back


def only_call(made: Rig):  # type: ignore[no-untyped-def]
    (call,) = made.border.registry.calls.values()
    return call


def test_the_first_network_is_hidden_and_the_second_too() -> None:
    _, _, sent, back = answered()
    assert_no_trace(sent, PHONE.host, NAT.host, SBC_ACCESS.host)
    assert_no_trace(back, SOFTSWITCH.host, SBC_CORE.host)
    assert back.count(b"Via:") == 1 and b"Record-Route" not in back
    assert b"c=IN IP4 198.51.100.1\r\n" in sent and b"m=audio 30000 " in sent
    assert b"c=IN IP4 203.0.113.1\r\n" in back and b"m=audio 20000 " in back


def test_a_stream_knows_both_sides() -> None:
    made, *_ = answered()
    (opened,) = of(OpenStream, made.log)
    access, core = opened.spec.sides
    assert access.local == Pair(Address(SBC_ACCESS.host, 20000), Address(SBC_ACCESS.host, 20001))
    assert access.remote == Pair(Address(PHONE.host, 4000), Address(PHONE.host, 4001))
    assert access.behind_nat and access.seen_host == NAT.host
    assert core.local.rtp == Address(SBC_CORE.host, 30000) and core.remote is None
    last = [order for order in of(UpdateStream, made.log) if order.side == 1][-1]
    assert last.spec.remote == Pair(Address(SOFTSWITCH.host, 4000), Address(SOFTSWITCH.host, 4001))
    assert not last.spec.behind_nat


def test_the_answer_opens_the_learning_windows_of_its_streams() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    orders = made.from_core(answer(sent, SOFTSWITCH.host))
    assert [order.side for order in of(UpdateStream, orders)] == [1]  # the engine opens both sides' windows


def test_a_bare_200_opens_the_windows_again_and_closes_what_the_early_answer_declined() -> None:
    made = rig()
    video = sdp(PHONE.host) + b"m=video 5000 RTP/AVP 96\r\n"
    asked = (
        invite(PHONE)
        .replace(sdp(PHONE.host), video)
        .replace(b"Content-Length: %d" % len(sdp(PHONE.host)), b"Content-Length: %d" % len(video))
    )
    (sent,) = sends(made.from_access(asked), "core")
    early = sdp(SOFTSWITCH.host) + b"m=video 0 RTP/AVP 96\r\n"
    made.from_core(answer(sent, SOFTSWITCH.host, b"183 Session Progress", body=early))
    made.wait(10)
    orders = made.from_core(answer(sent, SOFTSWITCH.host, body=b""))
    assert len(of(UpdateStream, orders)) == 1 and len(of(CloseStream, orders)) == 1
    assert [stream.key for stream in only_call(made).streams.values()] == [0]


def test_a_bye_from_the_phone_follows_the_route_the_core_recorded() -> None:
    made, asked, _, back = answered()
    (bye,) = [order for order in of(Send, made.from_access(inside(asked, back))) if order.listener.realm == "core"]
    assert bye.to == SOFTSWITCH
    assert header(bye.data, b"Route") == b"<sip:198.51.100.2;lr>"
    assert bye.data.startswith(b"BYE sip:bob@198.51.100.2:5060 ")
    orders = made.from_core(plain_answer(bye.data, b"200 OK"))
    assert of(CloseStream, orders) and "close" in events(orders)
    assert only_call(made).state is CallState.CLOSED
    made.wait(100)
    assert not made.border.registry.calls and not made.border.registry.media_ports["access"].used


def bye_from_core(sent: bytes, seq: int = 1) -> bytes:
    return b"\r\n".join(
        (
            b"BYE " + contact(sent) + b" SIP/2.0",
            b"Via: SIP/2.0/UDP 198.51.100.2:5060;branch=z9hG4bKcorebye%d" % seq,
            b"Max-Forwards: 69",
            b"From: " + header(sent, b"To") + b";tag=b",
            b"To: " + header(sent, b"From"),
            b"Call-ID: " + header(sent, b"Call-ID"),
            b"CSeq: %d BYE" % seq,
            b"Content-Length: 0",
            b"",
            b"",
        )
    )


def test_a_bye_from_the_core_reaches_the_phone_as_part_of_its_own_dialogue() -> None:
    made, asked, sent, _ = answered()
    (bye,) = [order for order in of(Send, made.from_core(bye_from_core(sent))) if order.listener.realm == "access"]
    assert bye.to == NAT
    assert bye.data.startswith(b"BYE sip:alice@192.168.1.10:5060;ob SIP/2.0")
    assert header(bye.data, b"Call-ID") == header(asked, b"Call-ID")
    assert header(bye.data, b"To").endswith(b";tag=a-one")
    assert_no_trace(bye.data, SOFTSWITCH.host, SBC_CORE.host)
    (ok,) = sends(made.from_access(plain_answer(bye.data, b"200 OK")), "core")
    assert header(ok, b"Via").startswith(b"SIP/2.0/UDP 198.51.100.2:5060;branch=z9hG4bKcorebye1")
    assert only_call(made).state is CallState.CLOSED


def test_the_request_is_repeated_until_it_is_heard_and_then_no_more() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    assert sends(made.wait(3.6), "core") == [sent] * 3  # after 0.5, 1.5 and 3.5 s
    made.from_core(plain_answer(sent, b"100 Trying"))
    assert sends(made.wait(60), "core") == []


def test_silence_of_the_core_is_answered_with_408() -> None:
    made = rig()
    made.from_access(invite(PHONE))
    told = sends(made.wait(33), "access")
    assert status(told[0]) == 408
    assert only_call(made).state is CallState.CLOSED
    made.wait(200)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_a_failure_is_acknowledged_here_and_repeated_there_until_acknowledged() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    busy = plain_answer(sent, b"486 Busy Here")
    orders = made.from_core(busy)
    (ack,) = sends(orders, "core")
    assert (
        ack.startswith(b"ACK ")
        and header(ack, b"Via") == header(sent, b"Via")
        and header(ack, b"To") == header(busy, b"To")
    )
    (told,) = sends(orders, "access")
    assert status(told) == 486
    assert sends(made.wait(1.6), "access") == [told, told]
    assert made.from_access(hop_request(b"ACK", asked, told)) == []
    assert sends(made.wait(40), "access") == []
    assert sends(made.from_core(busy), "core") == []  # long forgotten
    made.wait(40)
    assert not made.border.registry.calls


def test_a_repeated_failure_of_the_core_is_acknowledged_again() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    busy = plain_answer(sent, b"486 Busy Here")
    (ack,) = sends(made.from_core(busy), "core")
    assert sends(made.from_core(busy), "core") == [ack]


def test_cancel_waits_for_the_first_sign_of_life() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    orders = made.from_access(hop_request(b"CANCEL", asked))
    assert [status(data) for data in sends(orders, "access")] == [200]
    assert sends(orders, "core") == []
    (cancel,) = sends(made.from_core(plain_answer(sent, b"100 Trying")), "core")
    assert cancel.startswith(b"CANCEL ") and header(cancel, b"Via") == header(sent, b"Via")
    assert made.from_core(plain_answer(cancel, b"200 OK")) == []
    orders = made.from_core(plain_answer(sent, b"487 Request Terminated"))
    assert [status(data) for data in sends(orders, "access")] == [487]
    assert sends(orders, "core")[0].startswith(b"ACK ")


def test_cancel_after_ringing_goes_at_once_and_a_lost_487_is_made_up_for() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    made.from_core(answer(sent, SOFTSWITCH.host, b"180 Ringing"))
    cancel = sends(made.from_access(hop_request(b"CANCEL", asked)), "core")
    assert len(cancel) == 1 and cancel[0].startswith(b"CANCEL ")
    made.from_core(plain_answer(cancel[0], b"200 OK"))
    told = sends(made.wait(33), "access")
    assert status(told[0]) == 487


def test_cancel_crossing_a_200_leaves_the_call_up() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    made.from_core(answer(sent, SOFTSWITCH.host, b"180 Ringing"))
    made.from_access(hop_request(b"CANCEL", asked))
    orders = made.from_core(answer(sent, SOFTSWITCH.host))
    assert [status(data) for data in sends(orders, "access")] == [200]
    assert only_call(made).state is CallState.UP
    orders = made.from_access(hop_request(b"CANCEL", invite(PHONE, call=b"other")))
    assert [status(data) for data in sends(orders, "access")] == [481]


def test_forked_early_dialogues_each_have_a_name_and_the_last_answer_counts() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    early = []
    for tag, host in ((b"b1", "198.51.100.21"), (b"b2", "198.51.100.22")):
        ringing = answer(sent, host, b"183 Session Progress", tag=tag, body=sdp(host))
        early += sends(made.from_core(ringing), "access")
    assert contact(early[0]) != contact(early[1])
    (back,) = sends(made.from_core(answer(sent, "198.51.100.21", tag=b"b1")), "access")
    assert contact(back) == contact(early[0])
    assert len(made.border.registry.calls) == 1
    assert len(of(OpenStream, made.log)) == 1
    last = [order for order in of(UpdateStream, made.log) if order.side == 1][-1]
    assert last.spec.remote is not None and last.spec.remote.rtp.host == "198.51.100.21"
    prack = inside(asked, early[1], b"PRACK", 2)
    (send,) = [order for order in of(Send, made.from_access(prack)) if order.listener.realm == "core"]
    assert send.data.startswith(b"PRACK sip:bob@198.51.100.22:5060 ")


def test_of_forked_parties_the_one_that_answers_is_heard_though_another_has_spoken_since() -> None:
    """The 200 repeats no description, since its own 183 had it; the other branch's 183 came later."""
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    for tag, host in ((b"b1", "198.51.100.21"), (b"b2", "198.51.100.22")):
        made.from_core(answer(sent, host, b"183 Session Progress", tag=tag, body=sdp(host)))
    orders = made.from_core(without_sdp(answer(sent, "198.51.100.21", tag=b"b1")))
    (update,) = of(UpdateStream, orders)
    assert (update.side, update.spec.remote) == (
        1,
        Pair(Address("198.51.100.21", 4000), Address("198.51.100.21", 4001)),
    )
    assert update.spec.media


def test_of_forked_parties_each_turns_down_for_itself() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    refuses = sdp("198.51.100.22").replace(b"m=audio 4000", b"m=audio 0")
    made.from_core(answer(sent, "198.51.100.21", b"183 Session Progress", tag=b"b1", body=sdp("198.51.100.21")))
    made.from_core(answer(sent, "198.51.100.22", b"183 Session Progress", tag=b"b2", body=refuses))
    assert not of(CloseStream, made.from_core(without_sdp(answer(sent, "198.51.100.21", tag=b"b1"))))
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(answer(sent, "198.51.100.22", b"183 Session Progress", tag=b"b2", body=refuses))
    made.from_core(answer(sent, "198.51.100.21", b"183 Session Progress", tag=b"b1", body=sdp("198.51.100.21")))
    assert of(CloseStream, made.from_core(without_sdp(answer(sent, "198.51.100.22", tag=b"b2"))))


def test_a_confirmation_that_comes_again_moves_no_media() -> None:
    made = rig()
    asked = without_sdp(invite(PHONE))
    (sent,) = sends(made.from_access(asked), "core")
    (back,) = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    ack = inside(asked, back, b"ACK", 1, sdp(PHONE.host))
    assert [order.side for order in of(UpdateStream, made.from_access(ack))] == [0]
    again = made.from_access(ack)
    assert not of(UpdateStream, again)
    (ack_again,) = sends(again, "core")  # the other side may have missed it
    assert b"m=audio 30000 " in ack_again
    moved = sdp(PHONE.host).replace(b"4000", b"4040")
    made.from_access(inside(asked, back, b"INVITE", 2, moved))
    assert not of(UpdateStream, made.from_access(ack))
    (stream,) = only_call(made).streams.values()
    assert stream.remote[0] is not None and stream.remote[0].rtp.port == 4040


def test_core_hosts_are_answered_where_their_via_says_unless_they_ask_for_rport() -> None:
    from tests.sip_messages import register, registered

    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(sent))
    for rport, port in ((b"", 5060), (b";rport", 33000)):
        asked = invite(SOFTSWITCH, to=contact(sent), call=b"c%d" % port).replace(b";rport", rport)
        source = SOFTSWITCH._replace(port=33000)
        orders = made.from_core(asked, source)
        assert [order.to.port for order in of(Send, orders) if order.listener.realm == "core"] == [port]
        (rung,) = sends(orders, "access")
        back = [order for order in of(Send, made.from_access(plain_answer(rung, b"486 Busy Here"))) if order.to != NAT]
        assert [(order.to.host, order.to.port) for order in back] == [(SOFTSWITCH.host, port)]
        again = [order for order in of(Send, made.from_core(asked, source))]
        assert [order.to.port for order in again] == [port]
        assert not made.from_core(hop_request(b"ACK", asked, back[0].data), source)
        assert not sends(made.wait(10), "core")


def test_terminals_are_answered_where_they_were_seen_whatever_their_via_says() -> None:
    made = rig()
    orders = made.from_access(invite(PHONE).replace(b";rport", b""))
    assert [order.to for order in of(Send, orders) if order.listener.realm == "access"] == [NAT]


def test_two_phones_rung_by_the_core_are_two_calls() -> None:
    """A softswitch that forks to two contacts of one user sends two INVITEs with the same Call-ID and From tag."""
    from tests.calls.test_registration import NAT_MOVED
    from tests.sip_messages import register, registered

    made = rig()
    tokens = []
    for phone, nat, name in ((PHONE, NAT, b"r1"), (Address("192.168.1.11", 5060), NAT_MOVED, b"r2")):
        (sent,) = sends(made.from_access(register(phone, call=name), nat), "core")
        made.from_core(registered(sent))
        tokens.append(contact(sent))
    asked = [
        invite(SOFTSWITCH, to=token).replace(b"z9hG4bKone-1", b"z9hG4bKfork%d" % i) for i, token in enumerate(tokens)
    ]
    rung = [next(o for o in of(Send, made.from_core(data)) if o.listener.realm == "access") for data in asked]
    assert [order.to for order in rung] == [NAT, NAT_MOVED]
    assert len(made.border.registry.calls) == 2
    ok = answer(rung[0].data, PHONE.host)
    assert [status(data) for data in sends(made.from_access(ok, NAT), "core")] == [200]
    (cancelled,) = sends(made.from_core(hop_request(b"CANCEL", asked[1])), "core")
    assert status(cancelled) == 200


def test_the_same_attempt_by_another_way_is_refused() -> None:
    made = rig()
    asked = invite(PHONE)
    made.from_access(asked)
    (reply,) = sends(made.from_access(asked.replace(b"z9hG4bKone-1", b"z9hG4bKother")), "access")
    assert status(reply) == 482


def test_a_challenged_call_is_tried_again_as_the_same_call() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    (told,) = sends(
        made.from_core(plain_answer(sent, b"407 Proxy Authentication Required", b"Proxy-Authenticate: Digest")),
        "access",
    )
    made.from_access(hop_request(b"ACK", asked, told))
    (again,) = sends(made.from_access(invite(PHONE, seq=2)), "core")
    assert header(again, b"Call-ID") == header(sent, b"Call-ID")
    assert b"m=audio 30000 " in again
    assert len(made.border.registry.calls) == 1
    made.from_core(answer(again, SOFTSWITCH.host))
    assert only_call(made).state is CallState.UP
    assert len(of(OpenStream, made.log)) - len(of(CloseStream, made.log)) == 1


def test_a_challenged_call_nobody_tries_again_ends() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(plain_answer(sent, b"407 Proxy Authentication Required"))
    made.wait(200)
    assert not made.border.registry.calls and "close" in events(made.log)


def test_a_challenged_call_that_lasts_too_long_is_ended_like_any_other() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(plain_answer(sent, b"407 Proxy Authentication Required"))
    (again,) = sends(made.from_access(invite(PHONE, seq=2)), "core")
    (back,) = sends(made.from_core(answer(again, SOFTSWITCH.host)), "access")
    made.from_access(inside(invite(PHONE), back, b"ACK", 2))
    call = only_call(made)
    orders = made.wait(made.border.plan.timers.call_max + 1)
    told = {send.listener.realm for send in of(Send, orders) if send.data.startswith(b"BYE ")}
    assert told == {"access", "core"}
    assert (call.ending, call.ended_by) == (Ending.EXPIRED, Who.SBC)


def test_hold_and_resume() -> None:
    made, asked, _, back = answered()
    hold = (
        sdp(PHONE.host)
        .replace(b"m=audio", b"a=sendonly\r\nm=audio")
        .replace(b"\r\nc=IN IP4 192.168.1.10", b"\r\nc=IN IP4 0.0.0.0")
    )
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 3, hold)), "core")
    assert b"c=IN IP4 0.0.0.0\r\n" in sent and b"a=sendonly" in sent and b"m=audio 30000 " in sent
    made.from_core(answer(sent, SOFTSWITCH.host))
    resume = inside(asked, back, b"INVITE", 4, sdp(PHONE.host))
    (sent,) = sends(made.from_access(resume), "core")
    assert b"c=IN IP4 198.51.100.1\r\n" in sent
    made.from_core(answer(sent, SOFTSWITCH.host))
    assert len(of(OpenStream, made.log)) == 1 and not of(CloseStream, made.log)


def test_a_refused_reoffer_leaves_the_stream_as_it_was() -> None:
    made, asked, _, back = answered()
    moved = sdp(PHONE.host).replace(b"4000", b"7000")
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 3, moved)), "core")
    assert of(UpdateStream, made.log)[-1].spec.remote.rtp.port == 7000  # type: ignore[union-attr]
    made.from_core(plain_answer(sent, b"488 Not Acceptable Here"))
    assert of(UpdateStream, made.log)[-1].spec.remote.rtp.port == 4000  # type: ignore[union-attr]
    assert only_call(made).state is CallState.UP


def test_fax_takes_the_place_of_audio_only_once_accepted() -> None:
    made, asked, _, back = answered()
    fax = sdp(PHONE.host).replace(b"m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000", b"m=image 4000 udptl t38")
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 3, fax)), "core")
    assert b"m=image 30002 udptl t38" in sent
    made.from_core(plain_answer(sent, b"488 Not Acceptable Here"))
    assert [stream.kind for stream in only_call(made).streams.values()] == ["rtp"]
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 4, fax)), "core")
    made.from_core(
        answer(
            sent,
            SOFTSWITCH.host,
            body=sdp(SOFTSWITCH.host).replace(b"m=audio 4000 RTP/AVP 0 8", b"m=image 4000 udptl t38"),
        )
    )
    assert [stream.kind for stream in only_call(made).streams.values()] == ["t38"]


def test_late_offer() -> None:
    made = rig()
    asked = without_sdp(invite(PHONE))
    (sent,) = sends(made.from_access(asked), "core")
    assert not of(OpenStream, made.log)
    *_, back = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert b"m=audio 20000 " in back and of(OpenStream, made.log)
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 1, sdp(PHONE.host))), "core")
    assert b"m=audio 30000 " in ack
    access = [order for order in of(UpdateStream, made.log) if order.side == 0][-1]
    assert access.spec.remote == Pair(Address(PHONE.host, 4000), Address(PHONE.host, 4001))


def test_a_declined_stream_is_closed_by_the_answer() -> None:
    made = rig()
    video = sdp(PHONE.host) + b"m=video 5000 RTP/AVP 96\r\n"
    asked = (
        invite(PHONE)
        .replace(sdp(PHONE.host), video)
        .replace(b"Content-Length: %d" % len(sdp(PHONE.host)), b"Content-Length: %d" % len(video))
    )
    (sent,) = sends(made.from_access(asked), "core")
    assert len(of(OpenStream, made.log)) == 2
    made.from_core(answer(sent, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host) + b"m=video 0 RTP/AVP 96\r\n"))
    assert len(of(CloseStream, made.log)) == 1
    assert [stream.key for stream in only_call(made).streams.values()] == [0]


def test_without_media_ports_the_call_is_refused_and_nothing_stays() -> None:
    made = Rig.make(SipDialect(), make_plan("sip", ports=2))
    made.from_access(invite(PHONE))
    (reply,) = sends(made.from_access(invite(PHONE, call=b"two")), "access")
    assert status(reply) == 503 and b"Retry-After" in reply and b"media ports" in reply
    assert len([call for call in made.border.registry.calls.values() if call.state is not CallState.CLOSED]) == 1


def test_attended_transfer_names_the_other_call_on_the_other_side() -> None:
    made, asked, sent, back = answered()
    refer = request(b"REFER", contact(back), PHONE, call=b"one", seq=9)
    replaces = b"one%40192.168.1.10%3Bto-tag%3Db%3Bfrom-tag%3Da-one"
    refer = inside(asked, back, b"REFER", 9).replace(
        b"Content-Length", b"Refer-To: <%b?Replaces=%b>\r\nContent-Length" % (contact(back), replaces)
    )
    (onward,) = sends(made.from_access(refer), "core")
    target = header(onward, b"Refer-To")
    assert target.startswith(b"<sip:bob@198.51.100.2:5060?Replaces=" + header(sent, b"Call-ID"))
    assert target.endswith(b"%3Bto-tag%3Db%3Bfrom-tag%3Da-one>")


def test_somebody_elses_guess_at_a_call_gets_481() -> None:
    made, asked, _, back = answered()
    forged = re.sub(rb"BYE \S+", b"BYE sip:x@203.0.113.1", inside(asked, back))
    (reply,) = sends(made.from_access(forged, Address("203.0.113.66", 5060)), "access")
    assert status(reply) == 481
    assert only_call(made).state is CallState.UP


def test_a_phone_whose_nat_rebinds_keeps_its_call() -> None:
    made, asked, sent, back = answered()
    elsewhere = Address(NAT.host, 49999)
    made.from_access(inside(asked, back, b"INFO", 3), elsewhere)
    (bye,) = [order for order in of(Send, made.from_core(bye_from_core(sent))) if order.listener.realm == "access"]
    assert bye.to == elsewhere


def test_hops_run_out() -> None:
    made = rig()
    (reply,) = sends(made.from_access(invite(PHONE).replace(b"Max-Forwards: 70", b"Max-Forwards: 0")), "access")
    assert status(reply) == 483


def test_the_softswitch_may_ask_whether_we_are_alive() -> None:
    made = rig()
    (reply,) = sends(made.from_core(request(b"OPTIONS", b"sip:198.51.100.1", SOFTSWITCH)), "core")
    assert status(reply) == 200 and b"Allow:" in reply


def test_a_bad_request_gets_400_with_the_reason_and_a_bad_reply_is_dropped() -> None:
    made = rig()
    (reply,) = sends(made.from_access(invite(PHONE).replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")), "access")
    assert reply.startswith(b"SIP/2.0 400 CSeq method does not match\r\n")
    assert events(made.from_access(b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n")) == ["bad-message"]
    assert not made.border.registry.live_exchanges


def test_what_a_phone_receives_is_smaller_than_what_the_core_sent() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    vias = header(sent, b"Via")
    ok = answer(sent, SOFTSWITCH.host).replace(
        b"CSeq:", b"Record-Route: <sip:198.51.100.2;lr;ftag=a>\r\nRecord-Route: <sip:198.51.100.3;lr>\r\nCSeq:"
    )
    (back,) = sends(made.from_core(ok), "access")
    assert vias in ok and len(back) < len(ok)
    assert back.count(b"Via:") == 1 and back.count(b"Route:") == 0


def test_message_and_publish_cross_without_a_call() -> None:
    made = rig()
    (sent,) = sends(made.from_access(request(b"MESSAGE", b"sip:bob@sbc.example.com", PHONE)), "core")
    (back,) = sends(made.from_core(plain_answer(sent, b"202 Accepted")), "access")
    assert status(back) == 202 and not made.border.registry.calls
    made.wait(40)
    assert not made.border.registry.live_exchanges


def hairpin(made: Rig, data: bytes, token: bytes = b"") -> bytes:
    """What a softswitch makes of a message that it proxies back to us: its Via on top, another target, its record."""
    if token:
        data = re.sub(rb"^(\S+) \S+", lambda match: match[1] + b" " + token, data, count=1)
    own = b"Via: SIP/2.0/UDP 198.51.100.2:5060;branch=z9hG4bKks%d" % len(made.log)
    data = data.replace(b"Via:", own + b"\r\nVia:", 1)
    return data.replace(b"CSeq:", ROUTE) if data.startswith(b"INVITE") else data


def unpin(data: bytes) -> bytes:
    """The answer to such a message on its way back: the softswitch takes its own Via off."""
    first, _, rest = header(data, b"Via").partition(b", ")
    assert b"198.51.100.2" in first
    return data.replace(header(data, b"Via"), rest) if rest else data.replace(b"Via: " + first + b"\r\n", b"", 1)


def test_two_terminals_that_the_core_joins_are_hidden_from_each_other() -> None:
    from tests.calls.test_registration import NAT_MOVED
    from tests.sip_messages import register, registered

    made = rig()
    bob = Address("192.168.1.77", 5060)
    (sent,) = sends(made.from_access(register(bob, user=b"bob"), NAT_MOVED), "core")
    made.from_core(registered(sent))
    asked = invite(PHONE)
    (first,) = sends(made.from_access(asked), "core")
    rung = sends(made.from_core(hairpin(made, first, contact(sent))), "access")[-1]
    assert len(made.border.registry.calls) == 2
    assert_no_trace(rung, PHONE.host, NAT.host, SOFTSWITCH.host, SBC_CORE.host)
    *_, ok = sends(made.from_access(answer(rung, bob.host), NAT_MOVED), "core")
    *_, back = sends(made.from_core(unpin(ok)), "access")
    assert_no_trace(back, bob.host, SBC_CORE.host, SOFTSWITCH.host)
    assert contact(back).endswith(b"@203.0.113.1:5060")
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 1)), "core")
    assert ack.startswith(b"ACK " + contact(ok))
    (send,) = [o for o in of(Send, made.from_core(hairpin(made, ack))) if o.listener.realm == "access"]
    assert send.to == NAT_MOVED and send.data.startswith(b"ACK sip:bob@192.168.1.77:5060 ")
    (bye,) = sends(made.from_access(inside(asked, back)), "core")
    (last,) = sends(made.from_core(hairpin(made, bye)), "access")
    assert last.startswith(b"BYE sip:bob@192.168.1.77:5060 ")
    (ok,) = sends(made.from_access(plain_answer(last, b"200 OK"), NAT_MOVED), "core")
    made.from_core(unpin(ok))
    made.wait(200)
    assert not made.border.registry.calls


def crossing_fault(made: Rig, data: bytes) -> None:
    """Whatever it is, it leaves nothing behind."""
    made.from_access(data)
    made.wait(500)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_a_refer_to_that_looks_like_a_transfer_but_is_none_costs_nothing() -> None:
    for value in (
        b"<sip:a&replaces=b@10.0.0.1>",
        b"<sip:a@b?replaces=c",
        b"<sip:a@10.0.0.1?x=1&Replaces=c%3Bto-tag%3Dx>",
    ):
        crossing_fault(rig(), invite(PHONE).replace(b"CSeq:", b"Refer-To: " + value + b"\r\nCSeq:"))


def test_a_fault_of_ours_takes_back_what_the_message_had_opened() -> None:
    class Broken(SipDialect):
        def stamp(self, message: object, crossing: object) -> None:
            raise ZeroDivisionError

    made = Rig.make(Broken())
    with pytest.raises(Mishap) as spoiled:
        made.from_access(invite(PHONE))
    assert events(spoiled.value.orders) == ["open", "close"]
    made.wait(200)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges
    assert not made.border.registry.media_ports["access"].used


def test_a_hop_known_by_name_only_is_left_to_the_next_hop() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    record = b"Record-Route: <sip:proxy.example.com;lr>\r\nCSeq:"
    (back,) = sends(made.from_core(answer(sent, "198.51.100.50").replace(b"CSeq:", record), SOFTSWITCH), "access")
    (ack,) = [o for o in of(Send, made.from_access(inside(asked, back, b"ACK", 1))) if o.listener.realm == "core"]
    assert ack.to == SOFTSWITCH and header(ack.data, b"Route") == b"<sip:proxy.example.com;lr>"


def test_a_terminal_cannot_point_media_at_the_sbc_itself() -> None:
    made = rig()
    looped = (
        invite(PHONE)
        .replace(sdp(PHONE.host), sdp(SBC_ACCESS.host))
        .replace(b"Content-Length: %d" % len(sdp(PHONE.host)), b"Content-Length: %d" % len(sdp(SBC_ACCESS.host)))
    )
    made.from_access(looped)
    (opened,) = of(OpenStream, made.log)
    remote = opened.spec.sides[0].remote
    assert remote is not None and remote.rtp.host == "0.0.0.0"


def test_an_invite_that_comes_again_by_another_port_of_the_nat_is_the_same() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    elsewhere = Address(NAT.host, 40002)
    (again,) = of(Send, made.from_access(asked, elsewhere))
    assert again.to == elsewhere and status(again.data) == 100
    (ok,) = [o for o in of(Send, made.from_core(answer(sent, SOFTSWITCH.host))) if o.listener.realm == "access"]
    assert ok.to == elsewhere


def test_a_message_nobody_answers_gets_no_408() -> None:
    made = rig()
    made.from_access(request(b"MESSAGE", b"sip:bob@sbc.example.com", PHONE))
    assert sends(made.wait(40), "access") == []


def test_the_softswitchs_own_address_is_left_in_what_the_phone_asks() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE, to=b"sip:bob@198.51.100.2")), "core")
    assert sent.startswith(b"INVITE sip:bob@198.51.100.2 ") and header(sent, b"To") == b"<sip:bob@198.51.100.2>"


def test_what_a_phone_is_told_names_no_realm_and_no_address() -> None:
    made = Rig.make(SipDialect(), make_plan("sip", ports=2))
    made.from_access(invite(PHONE))
    (told,) = sends(made.from_access(invite(PHONE, call=b"two")), "access")
    assert b"core" not in told and b"no media ports left" in told
