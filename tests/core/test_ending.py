"""Calls that the SBC ends itself, in memory."""

from __future__ import annotations

import pytest

from sbc.core.call import CallState
from sbc.core.message import Ending
from sbc.core.orders import CloseStream, Record, Send
from sbc.core.secured import Key, MediaSecurity, Protection
from sbc.core.transact import MOST_RECEIPTS
from sbc.text import q850
from tests.calls.test_calls import ROUTE, answered, only_call, rig
from tests.calls.test_secured import ICE, PRINT, Pair, browser, with_body
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, events, of, sends
from tests.sip_messages import answer, contact, header, hop_request, inside, invite, plain_answer, sdp


def test_both_parties_are_told_each_in_its_own_dialogue() -> None:
    made, asked, sent, back = answered()
    made.log.clear()
    orders = made.border.end_call(only_call(made).id, "cleared by an operator", made.now)
    to_phone, to_core = (next(o for o in of(Send, orders) if o.listener.realm == realm) for realm in ("access", "core"))
    assert to_phone.to == NAT and to_core.to == SOFTSWITCH
    assert to_phone.data.startswith(b"BYE sip:alice@192.168.1.10:5060;ob SIP/2.0\r\n")
    assert header(to_phone.data, b"From") == header(back, b"To") and header(to_phone.data, b"To") == header(
        asked, b"From"
    )
    assert header(to_phone.data, b"Call-ID") == header(asked, b"Call-ID")
    assert_no_trace(to_phone.data, SOFTSWITCH.host, SBC_CORE.host)
    assert to_core.data.startswith(b"BYE sip:bob@198.51.100.2:5060 SIP/2.0\r\n")
    assert header(to_core.data, b"Route") == b"<sip:198.51.100.2;lr>"
    assert header(to_core.data, b"From") == header(sent, b"From") and header(to_core.data, b"To").endswith(b";tag=b")
    assert header(to_core.data, b"CSeq") == b"2 BYE"
    assert_no_trace(to_core.data, PHONE.host, NAT.host)
    assert of(CloseStream, orders) and only_call(made).state is CallState.CLOSED
    made._take(orders)
    repeated = made.wait(0.6)
    assert sends(repeated, "access") == [to_phone.data] and sends(repeated, "core") == [to_core.data]
    made.from_access(plain_answer(to_phone.data, b"200 OK"))
    made.from_core(plain_answer(to_core.data, b"481 Call/Transaction Does Not Exist"))
    assert not of(Send, made.wait(200))
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_a_call_that_lasts_too_long_is_ended_and_both_are_told() -> None:
    made, *_ = answered()
    orders = made.wait(43_201)
    assert sends(orders, "access")[0].startswith(b"BYE ") and sends(orders, "core")[0].startswith(b"BYE ")
    made.wait(300)
    assert not made.border.registry.calls


@pytest.mark.parametrize("ending", [each for each in Ending if each is not Ending.INCOMPATIBLE])
def test_who_is_told_that_the_sbc_ends_a_call_is_told_why_as_the_record_has_it(ending: Ending) -> None:
    """RFC 3326. What the console says of the other network is in the record alone."""
    made, *_ = answered()
    orders = made._take(made.border.end_call(only_call(made).id, "for what core knows", made.now, ending))
    reasons = {header(sends(orders, realm)[0], b"Reason") for realm in ("access", "core")}
    assert reasons == {q850.reason(ending)} and b"core" not in q850.reason(ending)
    (record,) = [each for each in of(Record, orders) if each.event == "close"]
    assert record.fields["cause"] == f"Q.850 {q850.cause(ending)}: for what core knows"
    assert record.fields["ending"] == ending.value


def test_a_call_that_rings_too_long_is_taken_back_with_the_reason() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(answer(sent, SOFTSWITCH.host, b"180 Ringing"))
    orders = made.wait(181)
    cancel, *_ = sends(orders, "core")
    assert cancel.startswith(b"CANCEL ") and header(cancel, b"Reason") == q850.reason(Ending.NO_ANSWER)
    told, *_ = sends(orders, "access")
    assert told.startswith(b"SIP/2.0 408 ") and header(told, b"Reason") == b'Q.850;cause=102;text="timeout"'


def test_a_call_that_still_rings_is_taken_back() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(answer(sent, SOFTSWITCH.host, b"180 Ringing"))
    orders = made._take(made.border.end_call(only_call(made).id, "cleared", made.now))
    assert sends(orders, "core")[0].startswith(b"CANCEL ") and sends(orders, "access")[0].startswith(b"SIP/2.0 503 ")
    assert header(sends(orders, "core")[0], b"Reason") == b'Q.850;cause=31;text="cleared"'
    assert header(sends(orders, "access")[0], b"Reason") == b'Q.850;cause=31;text="cleared"'
    assert made.border.end_call(only_call(made).id, "again", made.now) == []


def test_an_answer_after_we_gave_up_is_acknowledged_and_ended_and_does_not_cross() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    made.from_core(answer(sent, SOFTSWITCH.host, b"180 Ringing"))
    told = sends(made.wait(181), "access")
    made.from_access(hop_request(b"ACK", asked, told[0]))
    ok = answer(sent, SOFTSWITCH.host).replace(b"CSeq:", ROUTE)
    orders = made.from_core(ok)
    assert sends(orders, "access") == [] and "too-late" in events(orders)
    ack, bye = sends(orders, "core")
    assert ack.startswith(b"ACK " + contact(ok)) and bye.startswith(b"BYE " + contact(ok))
    assert header(bye, b"Reason") == q850.reason(Ending.NO_ANSWER) and b"Reason" not in ack
    assert header(ack, b"CSeq") == b"1 ACK" and header(bye, b"CSeq") == b"2 BYE"
    assert header(bye, b"To") == header(ok, b"To") and header(bye, b"Route") == b"<sip:198.51.100.2;lr>"
    assert sends(made.from_core(ok), "core") == [ack]
    made.from_core(plain_answer(bye, b"200 OK"))
    made.wait(200)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_late_answers_that_differ_cost_no_request_each() -> None:
    """Whoever sends them need not answer any: all are acknowledged, and some are ended."""
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.wait(33)  # given up
    said = []
    for number in range(40):
        ok = answer(sent, SOFTSWITCH.host).replace(b";tag=", b";tag=%d-" % number)
        said += [data.split(b" ")[0] for data in sends(made.from_core(ok), "core")]
    assert said.count(b"ACK") == 40 and said.count(b"BYE") == MOST_RECEIPTS


def test_who_answered_what_cannot_be_said_again_is_not_told_and_the_call_ends_all_the_same() -> None:
    """The softswitch spoilt the From it gave back; a request made of it nobody could read (found by a storm)."""
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    spoilt = answer(sent, SOFTSWITCH.host).replace(header(sent, b"From"), b"<sip:alice@1 1.100.2>;tag=a-one")
    assert sends(made.from_core(spoilt), "access")
    made.log.clear()
    orders = made.wait(43_201)
    assert "untold" in events(orders) and "ended" in events(orders)
    assert sends(orders, "access")[0].startswith(b"BYE ") and sends(orders, "core") == []
    made.wait(300)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def silence(made, *streams):  # type: ignore[no-untyped-def]
    """The engine hears nobody on these streams."""
    return [order for stream in streams for order in made._take(made.border.silent(stream, 60, made.now))]


def test_a_silent_call_is_ended_and_its_record_says_why() -> None:
    made, *_ = answered()
    orders = silence(made, f"{only_call(made).id}/1")
    assert sends(orders, "access")[0].startswith(b"BYE ") and sends(orders, "core")[0].startswith(b"BYE ")
    assert only_call(made).cause == "Q.850 102: no media for 60 s" and only_call(made).ending is Ending.SILENT
    assert silence(made, f"{only_call(made).id}/1", "unknown/1") == []


def test_a_call_on_hold_may_be_silent() -> None:
    made, asked, _, back = answered()
    stream = f"{only_call(made).id}/1"
    held = sdp(PHONE.host).replace(b"a=rtpmap", b"a=sendonly\r\na=rtpmap")
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 3, held)), "core")
    made.from_core(
        answer(sent, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host).replace(b"a=rtpmap", b"a=recvonly\r\na=rtpmap"))
    )
    assert silence(made, stream) == [] and only_call(made).state is CallState.UP
    made.border.resumed(stream)
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 4, sdp(PHONE.host))), "core")
    made.from_core(answer(sent, SOFTSWITCH.host))
    assert sends(silence(made, stream), "core")


def test_a_call_of_two_streams_is_silent_only_if_both_are() -> None:
    made, asked, _, back = answered()
    call = only_call(made).id
    both = sdp(PHONE.host) + b"m=video 5000 RTP/AVP 96\r\n"
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 3, both)), "core")
    made.from_core(answer(sent, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host) + b"m=video 5000 RTP/AVP 96\r\n"))
    assert silence(made, f"{call}/2") == []
    made.border.resumed(f"{call}/2")
    assert silence(made, f"{call}/1") == []
    assert silence(made, f"{call}/2")


def test_a_call_that_still_rings_may_be_silent() -> None:
    made = rig()
    made.from_access(invite(PHONE))
    assert silence(made, f"{only_call(made).id}/1") == []


def test_a_call_whose_handshake_has_failed_is_ended_and_its_record_says_why() -> None:
    for wanted, why, ends in ((True, "fingerprint", True), (True, "timeout", True), (False, "fingerprint", False)):
        pair = Pair.make(Protection(MediaSecurity.DTLS, end_unkeyed=wanted), MediaSecurity.NONE)
        border = pair.rig.border
        asked = with_body(invite(PHONE), browser())
        (sent,) = sends(pair.phone(asked), "core")
        (call,) = border.registry.calls.values()
        (stream,) = call.streams.values()
        assert border.unsecured(stream.id, 0, why, pair.rig.now) == [], "it may be another that answers"
        pair.rig.from_core(answer(sent, SOFTSWITCH.host))
        assert border.unsecured("gone/1", 0, why, pair.rig.now) == []
        orders = border.unsecured(stream.id, 0, why, pair.rig.now)
        assert [bool(sends(orders, realm)) for realm in ("access", "core")] == [ends, ends]
        if ends:
            (close,) = [order for order in of(Record, orders) if order.event == "close"]
            assert "media in access cannot be secured: " in close.fields["cause"] and close.fields["who"] == "sbc"
            assert close.fields["ending"] == "incompatible"


def test_a_stream_that_nobody_uses_ends_no_call_that_speaks() -> None:
    pair = Pair.make(MediaSecurity.DTLS, MediaSecurity.NONE)
    border = pair.rig.border
    more = b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:1\r\n" + ICE + PRINT
    pair.call(browser(more=more), sdp(SOFTSWITCH.host) + b"m=video 5000 RTP/AVP 96\r\n")
    (call,) = border.registry.calls.values()
    audio, video = call.streams.values()
    force = audio.side(call, 0).security
    assert force is not None and force.dtls is not None
    prints = force.dtls.fingerprints
    border.secured(audio.id, 0, Key("AEAD_AES_128_GCM", b"r" * 28), Key("AEAD_AES_128_GCM", b"s" * 28), prints)
    assert border.unsecured(video.id, 0, "timeout", pair.rig.now) == []
    assert sends(border.unsecured(video.id, 0, "fingerprint", pair.rig.now), "access")
