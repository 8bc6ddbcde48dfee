"""Reliable provisional answers for a caller that knows nothing of them: received, made plain, and not forgotten."""

from __future__ import annotations

import pytest

from sbc.core.call import CallState
from sbc.core.orders import OpenStream, UpdateStream
from sbc.core.transact import MOST_RECEIPTS
from sbc.sip.codec import decode
from sbc.sip.dialect import SipDialect
from sbc.sip.options import Reliable, SipOptions
from tests.calls.test_calls import ROUTE, only_call
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import answer, contact, header, hop_request, inside, invite, plain_answer, sdp, without_sdp


def rig(reliable: Reliable = Reliable.OFFER) -> Rig:
    return Rig.make(SipDialect(), make_plan("sip", options={"sip": SipOptions(reliable=reliable)}))


def said(data: bytes, more: bytes) -> bytes:
    return data.replace(b"CSeq:", more + b"CSeq:", 1)


def early(
    sent: bytes, rseq: int = 11, tag: bytes = b"b", body: bytes | None = None, host: str = SOFTSWITCH.host
) -> bytes:
    """A reliable 183 of the core, with an answer unless `body` is empty."""
    described = sdp(host) if body is None else body
    data = answer(sent, host, b"183 Session Progress", tag=tag, body=described).replace(b"CSeq:", ROUTE)
    return said(data, b"Require: 100rel\r\nRSeq: %d\r\n" % rseq)


def test_the_core_is_told_only_where_that_is_wanted_and_only_it() -> None:
    for reliable, told in ((Reliable.PASS, False), (Reliable.SHIELD, False), (Reliable.OFFER, True)):
        (sent,) = sends(rig(reliable).from_access(invite(PHONE)), "core")
        assert (b"\r\nSupported: 100rel\r\n" in sent) == told
    made = rig()
    for asked in (
        said(invite(PHONE, call=b"a"), b"Supported: timer, 100REL\r\n"),
        said(invite(PHONE, call=b"b"), b"k: 100rel\r\n"),
        said(invite(PHONE, call=b"c"), b"Require: 100rel\r\n"),
        without_sdp(invite(PHONE, call=b"d")),
        invite(PHONE, call=b"e").replace(b"application/sdp", b"application/isup"),  # a body, and no offer
    ):
        (sent,) = sends(made.from_access(asked), "core")
        assert sent.lower().count(b"100rel") == asked.lower().count(b"100rel")


def test_an_early_answer_is_received_and_goes_on_as_a_plain_one() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    orders = made.from_core(early(sent))
    (told,), (prack,) = sends(orders, "access"), sends(orders, "core")
    assert b"RSeq" not in told and b"100rel" not in told and b"m=audio 20000 " in told
    assert prack.startswith(b"PRACK sip:bob@198.51.100.2:5060 SIP/2.0\r\n")
    assert header(prack, b"RAck") == b"11 1 INVITE" and header(prack, b"CSeq") == b"2 PRACK"
    assert header(prack, b"Route") == b"<sip:198.51.100.2;lr>"
    assert header(prack, b"From") == header(sent, b"From") and header(prack, b"To").endswith(b";tag=b")
    assert header(prack, b"Call-ID") == header(sent, b"Call-ID")
    assert_no_trace(prack, PHONE.host, NAT.host, SBC_ACCESS.host)
    assert_no_trace(told, SOFTSWITCH.host, SBC_CORE.host)
    assert "receipt" in events(orders)
    assert sends(made.wait(0.6), "core") == [prack]  # until it is heard
    made.from_core(plain_answer(prack, b"200 OK"))
    assert not sends(made.wait(20), "core")


def test_an_answer_that_comes_again_is_not_received_twice() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(early(sent))
    assert not sends(made.from_core(early(sent)), "core")
    (prack,) = sends(made.from_core(early(sent, 12, body=b"")), "core")
    assert header(prack, b"RAck") == b"12 1 INVITE" and header(prack, b"CSeq") == b"3 PRACK"


def test_a_flood_of_early_answers_is_not_all_received() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    orders = [order for number in range(100) for order in made.from_core(early(sent, 11 + number))]
    assert len(sends(orders, "core")) == MOST_RECEIPTS and len(sends(orders, "access")) == 100
    assert len(made.border.registry.live_exchanges) == MOST_RECEIPTS + 1


def test_a_2xx_without_the_answer_gets_it_and_the_call_is_as_any_other() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    (prack,) = sends(made.from_core(early(sent)), "core")
    made.from_core(plain_answer(prack, b"200 OK"))
    ok = answer(sent, SOFTSWITCH.host, body=b"").replace(b"CSeq:", ROUTE)
    (back,) = sends(made.from_core(ok), "access")
    decode(back)
    assert b"m=audio 20000 " in back and header(back, b"Content-Type") == b"application/sdp"
    assert_no_trace(back, SOFTSWITCH.host, SBC_CORE.host)
    assert len(of(OpenStream, made.log)) == 1
    remote = of(UpdateStream, made.log)[-1].spec.remote
    assert remote is not None and remote.rtp.host == SOFTSWITCH.host
    assert sends(made.from_core(ok), "access") == [back]
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 1)), "core")
    assert header(ack, b"CSeq") == b"1 ACK"
    (bye,) = sends(made.from_access(inside(asked, back)), "core")
    assert header(bye, b"CSeq") == b"3 BYE"  # our PRACK was number 2
    (done,) = sends(made.from_core(plain_answer(bye, b"200 OK")), "access")
    assert header(done, b"CSeq") == b"2 BYE"
    made.wait(200)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_a_2xx_that_says_it_again_is_left_as_it_is() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    made.from_core(early(sent))
    other = sdp(SOFTSWITCH.host).replace(b"PCMU", b"G722")
    (back,) = sends(made.from_core(answer(sent, SOFTSWITCH.host, body=other)), "access")
    assert b"G722" in back and back.count(b"m=audio") == 1


def test_of_several_branches_each_is_received_in_its_own_dialogue_and_the_one_that_answers_counts() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    pracks = []
    for tag, host in ((b"b1", "198.51.100.21"), (b"b2", "198.51.100.22")):
        pracks += sends(made.from_core(early(sent, 1, tag, host=host)), "core")
    assert [prack.split()[1] for prack in pracks] == [b"sip:bob@198.51.100.21:5060", b"sip:bob@198.51.100.22:5060"]
    assert [header(prack, b"To").rpartition(b"=")[2] for prack in pracks] == [b"b1", b"b2"]
    (back,) = sends(made.from_core(answer(sent, "198.51.100.21", tag=b"b1", body=b"")), "access")
    assert b"m=audio" in back
    last = [order for order in of(UpdateStream, made.log) if order.side == 1][-1]
    assert last.spec.remote is not None and last.spec.remote.rtp.host == "198.51.100.21"


def test_other_demands_of_an_answer_stay() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    data = early(sent).replace(b"Require: 100rel\r\n", b"Require: timer, 100rel ,x\r\n")
    (told,) = sends(made.from_core(data), "access")
    assert header(told, b"Require") == b"timer, x"


@pytest.mark.parametrize(
    "line", [b"Require: 100rel\r\n", b"RSeq: 5\r\n", b"Require: 100rel\r\nRSeq: x\r\n", b"RSeq: 0\r\n"]
)
def test_what_only_looks_reliable_passes(line: bytes) -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    orders = made.from_core(said(answer(sent, SOFTSWITCH.host, b"180 Ringing"), line))
    assert not sends(orders, "core") and line in sends(orders, "access")[0]


@pytest.mark.parametrize("reliable", list(Reliable))
def test_a_caller_that_knows_of_it_says_itself_that_it_has_arrived(reliable: Reliable) -> None:
    made = rig(reliable)
    asked = said(invite(PHONE), b"Supported: 100rel\r\n")
    (sent,) = sends(made.from_access(asked), "core")
    orders = made.from_core(early(sent))
    assert not sends(orders, "core")
    (told,) = sends(orders, "access")
    assert header(told, b"RSeq") == b"11" and header(told, b"Require") == b"100rel"
    (prack,) = sends(made.from_access(said(inside(asked, told, b"PRACK", 2), b"RAck: 11 1 INVITE\r\n")), "core")
    assert header(prack, b"RAck") == b"11 1 INVITE" and contact(sent)


def test_an_invite_without_an_offer_is_left_to_its_parties() -> None:
    made = rig()
    (sent,) = sends(made.from_access(without_sdp(invite(PHONE))), "core")
    orders = made.from_core(early(sent))
    assert not sends(orders, "core") and header(sends(orders, "access")[0], b"RSeq") == b"11"


def test_a_refused_call_after_it_ends_as_any_other_and_the_next_attempt_counts_on() -> None:
    made = rig()
    asked = invite(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    made.from_core(early(sent))
    refused = made.from_core(plain_answer(sent, b"407 Proxy Authentication Required"))
    assert header(sends(refused, "core")[0], b"CSeq") == b"1 ACK"
    made.from_access(hop_request(b"ACK", asked, sends(refused, "access")[0]))
    (again,) = sends(made.from_access(invite(PHONE, seq=2)), "core")
    assert header(again, b"CSeq") == b"3 INVITE" and b"Supported: 100rel" in again
    (prack,) = sends(made.from_core(early(again, 4)), "core")
    assert header(prack, b"RAck") == b"4 3 INVITE" and header(prack, b"CSeq") == b"4 PRACK"
    (told,) = sends(made.from_core(plain_answer(again, b"486 Busy Here")), "access")
    assert header(told, b"CSeq") == b"2 INVITE"
    assert only_call(made).state is CallState.CLOSED


def test_calls_from_the_core_have_the_same_shield() -> None:
    from tests.sip_messages import register, registered

    made = rig()
    (bound,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(bound))
    (rung,) = [
        data for data in sends(made.from_core(invite(SOFTSWITCH, to=contact(bound))), "access") if data[:1] == b"I"
    ]
    assert b"100rel" not in rung  # only the core is told
    orders = made.from_access(said(answer(rung, PHONE.host, b"180 Ringing"), b"Require: 100rel\r\nRSeq: 3\r\n"))
    (prack,), (told,) = sends(orders, "access"), sends(orders, "core")
    assert prack.startswith(b"PRACK sip:bob@192.168.1.10:5060 ") and header(prack, b"RAck") == b"3 1 INVITE"
    assert b"RSeq" not in told and b"100rel" not in told


def test_what_else_is_required_may_name_an_address() -> None:
    made = rig()
    (sent,) = sends(made.from_access(invite(PHONE)), "core")
    data = early(sent).replace(b"Require: 100rel", b"Require: x-198.51.100.2, 100rel, timer")
    (told,) = sends(made.from_core(data), "access")
    assert header(told, b"Require") == b"x-203.0.113.1, timer"
