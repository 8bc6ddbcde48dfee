"""What calls give account of: one open and one close each, who ended them, and why, in words for all protocols."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.core.orders import CloseStream, OpenStream, Record, UpdateStream
from sbc.sip.dialect import SipDialect
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, of, sends
from tests.sip_messages import answer, hop_request, inside, invite, plain_answer, request, sdp
from tests.toy_calls import opened as toy_opened
from tests.toy_calls import toy_rig
from tests.toy_records import FAILURE
from tests.toy_records import answer as toy_answer


def ringing() -> tuple[Rig, bytes, bytes]:
    """A rig with an INVITE that has crossed, as it came and as it went on."""
    rig = Rig.make(SipDialect())
    asked = invite(PHONE)
    (sent,) = sends(rig.from_access(asked), "core")
    return rig, asked, sent


def up() -> tuple[Rig, bytes, bytes, bytes]:
    rig, asked, sent = ringing()
    ok = answer(sent, SOFTSWITCH.host)
    *_, back = sends(rig.from_core(ok), "access")
    rig.from_access(inside(asked, back, b"ACK", 1))
    return rig, asked, sent, back


def last(rig: Rig) -> dict[str, Any]:
    """The fields of the one closing record; every call in the log has one opening."""
    opens = [record for record in of(Record, rig.log) if record.event == "open"]
    closes = [record for record in of(Record, rig.log) if record.event == "close"]
    assert len(opens) == 1 and len(closes) == 1, rig.log
    return closes[0].fields


def outcome(rig: Rig) -> tuple[str, str]:
    return last(rig)["ending"], last(rig)["who"]


def test_the_opening_tells_who_whom_and_where() -> None:
    rig, *_ = ringing()
    (record,) = of(Record, rig.log)
    fields = record.fields
    assert fields["method"] == "INVITE" and fields["protocol"] == "sip" and fields["path"] == "main"
    assert fields["caller"] == "alice@sbc.example.com" and fields["callee"] == "bob@sbc.example.com"
    assert fields["called"] == "sip:bob@sbc.example.com" and fields["subscription"] is False
    near, far = fields["legs"]
    assert near["realm"] == "access" and near["seen"] == str(NAT) and near["claimed"] == str(PHONE)
    assert near["behind_nat"] and not far["behind_nat"]
    assert near["label"] == f"one@{PHONE.host}" and far["label"] and PHONE.host not in far["label"]
    assert far["realm"] == "core" and far["seen"] == str(SOFTSWITCH) and far["claimed"] is None


def test_a_subscription_says_that_it_is_one() -> None:
    rig = Rig.make(SipDialect())
    rig.from_access(request(b"SUBSCRIBE", b"sip:bob@sbc.example.com", PHONE, b"Event: dialog"))
    (record,) = of(Record, rig.log)
    assert record.fields["subscription"] is True


def test_ringing_is_told_once_and_the_answer_with_both_legs() -> None:
    rig, _, sent = ringing()
    for status in (b"180 Ringing", b"183 Session Progress", b"180 Still Ringing"):
        rig.now += 1
        rig.from_core(plain_answer(sent, status))
    rig.now += 1
    rig.from_core(answer(sent, SOFTSWITCH.host))
    events = [(record.event, record.fields["at"]) for record in of(Record, rig.log)]
    assert events == [("open", 1000.0), ("ring", 1001.0), ("answer", 1004.0)]
    assert of(Record, rig.log)[-1].fields["legs"][1]["claimed"] == f"{SOFTSWITCH.host}:5060"


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_who_hangs_up_is_told(by: str) -> None:
    rig, asked, sent, back = up()
    rig.now += 7
    if by == "caller":
        (bye,) = sends(rig.from_access(inside(asked, back)), "core")
        rig.from_core(plain_answer(bye, b"200 OK"))
    else:
        ok = answer(sent, SOFTSWITCH.host)
        lines = inside(sent, ok).split(b"\r\n")
        place = next(line for line in sent.split(b"\r\n") if line.startswith(b"Contact:"))
        to = place.partition(b"<")[2].partition(b">")[0]
        swap = {b"From": b"To", b"To": b"From"}
        split = [line.partition(b":") for line in lines[1:]]
        swapped = [b"BYE " + to + b" SIP/2.0"]
        swapped += [swap.get(name, name) + colon + rest for name, colon, rest in split]
        *_, bye = sends(rig.from_core(b"\r\n".join(swapped)), "access")
        rig.from_access(plain_answer(bye, b"200 OK"))
    assert outcome(rig) == ("normal", by)
    assert last(rig)["answered_for"] == 7


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (b"486 Busy Here", ("busy", "callee")),
        (b"603 Decline", ("rejected", "callee")),
        (b"404 Not Found", ("not-found", "callee")),
        (b"480 Gone", ("unreachable", "callee")),
        (b"488 Not Acceptable Here", ("incompatible", "callee")),
        (b"302 Moved", ("moved", "callee")),
        (b"503 Full", ("congestion", "callee")),
        (b"499 What", ("failed", "callee")),
        (b"487 Request Terminated", ("cancelled", "caller")),
    ],
)
def test_a_failure_is_told_in_both_words(status: bytes, expected: tuple[str, str]) -> None:
    rig, _, sent = ringing()
    rig.from_core(plain_answer(sent, status))
    assert outcome(rig) == expected
    assert last(rig)["cause"] == status.decode() and last(rig)["answered_for"] is None


def test_a_call_taken_back_is_cancelled_by_the_caller_even_if_the_other_side_is_dumb() -> None:
    rig, asked, sent = ringing()
    rig.from_core(plain_answer(sent, b"180 Ringing"))
    rig.from_access(hop_request(b"CANCEL", asked))
    rig.wait(200)
    assert outcome(rig) == ("cancelled", "caller")


def test_a_challenge_is_no_end_and_without_credentials_it_becomes_one() -> None:
    rig, _, sent = ringing()
    rig.from_core(plain_answer(sent, b"407 Proxy Authentication Required"))
    assert [record.event for record in of(Record, rig.log)] == ["open"]
    (again,) = sends(rig.from_access(invite(PHONE, seq=2)), "core")
    rig.from_core(plain_answer(again, b"407 Proxy Authentication Required"))
    rig.wait(400)
    assert outcome(rig) == ("unauthorized", "callee")


def test_a_next_hop_that_is_silent_is_unreachable_and_a_phone_nobody_takes_up_did_not_answer() -> None:
    rig, *_ = ringing()
    rig.wait(60)
    assert outcome(rig) == ("unreachable", "sbc")
    rig, _, sent = ringing()
    rig.from_core(plain_answer(sent, b"180 Ringing"))
    rig.wait(400)
    assert outcome(rig) == ("no-answer", "sbc")


def test_a_call_that_lasts_too_long_has_expired() -> None:
    rig, *_ = up()
    rig.wait(rig.border.plan.timers.call_max + 1)
    assert outcome(rig) == ("expired", "sbc")


def test_a_call_is_there_until_it_is_over() -> None:
    rig, _, sent = ringing()
    (call,) = rig.border.registry.calls
    assert rig.border.registry.has_call(call)
    rig.from_core(plain_answer(sent, b"486 Busy Here"))
    assert call in rig.border.registry.calls and not rig.border.registry.has_call(call)
    assert not rig.border.registry.has_call("nobody")


def test_the_toy_protocol_has_records_too() -> None:
    talk = toy_opened(toy_rig())
    talk.rig.from_core(toy_answer(talk.sent, SOFTSWITCH.host, FAILURE).pack())
    assert outcome(talk.rig) == ("failed", "callee")


def test_streams_know_what_was_signalled_and_a_refused_offer_is_taken_back() -> None:
    rig, asked, _, back = up()
    (opened,) = of(OpenStream, rig.log)
    assert opened.spec.sides[0].media == "audio PCMU/8000 PCMA/8000" and opened.spec.sides[1].media == ""
    assert [u.spec.media for u in of(UpdateStream, rig.log) if u.side == 1][-1] == "audio PCMU/8000 PCMA/8000"
    wide = sdp(PHONE.host).replace(b"RTP/AVP 0 8", b"RTP/AVP 9")
    (sent,) = sends(rig.from_access(inside(asked, back, b"INVITE", 3, wide)), "core")
    assert of(UpdateStream, rig.log)[-1].spec.media == "audio G722/8000"
    rig.from_core(plain_answer(sent, b"488 Not Acceptable Here"))
    assert of(UpdateStream, rig.log)[-1].spec.media == "audio PCMU/8000 PCMA/8000"
    assert not of(CloseStream, rig.log)
    assert {update.spec.clock for update in of(UpdateStream, rig.log)} == {8000}


def test_another_clock_in_the_answer_is_told_for_both_sides() -> None:
    plain = sdp(PHONE.host)
    named = plain.replace(b"RTP/AVP 0 8", b"RTP/AVP 96 0 8") + b"a=rtpmap:96 opus/48000/2\r\n"
    rig = Rig.make(SipDialect())
    asked = invite(PHONE).replace(plain, named)
    asked = asked.replace(b"Content-Length: %d" % len(plain), b"Content-Length: %d" % len(named))
    (sent,) = sends(rig.from_access(asked), "core")
    (opened,) = of(OpenStream, rig.log)
    assert [side.clock for side in opened.spec.sides] == [48_000, 48_000]
    orders = rig.from_core(answer(sent, SOFTSWITCH.host))
    assert [(order.side, order.spec.clock) for order in of(UpdateStream, orders)] == [(1, 8000), (0, 8000)]
