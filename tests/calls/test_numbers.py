"""Requests of our own inside a dialogue: what crosses later is numbered after them, its answers as they were asked."""

from __future__ import annotations

from sbc.core.call import CallState
from tests.calls.test_calls import answered, bye_from_core, only_call, rig
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, sends
from tests.sip_messages import answer, header, hop_request, inside, invite, plain_answer, sdp, status


def interfered() -> tuple[Rig, bytes, bytes, bytes]:
    """A call that is up, in which we have sent each party a request of our own."""
    made, asked, sent, back = answered()
    assert [leg.numbers.own() for leg in only_call(made).legs] == [1, 2]
    return made, asked, sent, back


def test_while_we_send_nothing_the_numbers_stay() -> None:
    made, asked, _, back = answered()
    (sent,) = sends(made.from_access(inside(asked, back, b"INFO", 2)), "core")
    assert header(sent, b"CSeq") == b"2 INFO"


def test_a_reinvite_its_answer_and_both_acknowledgements() -> None:
    made, asked, _, back = interfered()
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 2, sdp(PHONE.host))), "core")
    assert header(sent, b"CSeq") == b"3 INVITE"
    (told,) = sends(made.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert status(told) == 200 and header(told, b"CSeq") == b"2 INVITE"
    (ack,) = sends(made.from_access(inside(asked, back, b"ACK", 2)), "core")
    assert header(ack, b"CSeq") == b"3 ACK"
    (first,) = sends(made.from_access(inside(asked, back, b"ACK", 1)), "core")
    assert header(first, b"CSeq") == b"1 ACK"  # of the INVITE before: known under the number it was sent with
    (sent,) = sends(made.from_access(inside(asked, back, b"INVITE", 3, sdp(PHONE.host))), "core")
    refused = made.from_core(plain_answer(sent, b"488 Not Acceptable Here"))
    assert header(sends(refused, "core")[0], b"CSeq") == b"4 ACK"
    assert header(sends(refused, "access")[0], b"CSeq") == b"3 INVITE"


def test_a_cancel_names_the_number_the_reinvite_was_sent_with() -> None:
    made, asked, _, back = interfered()
    again = inside(asked, back, b"INVITE", 2, sdp(PHONE.host))
    (sent,) = sends(made.from_access(again), "core")
    made.from_core(plain_answer(sent, b"180 Ringing"))
    told = made.from_access(hop_request(b"CANCEL", again))
    assert header(sends(told, "core")[0], b"CSeq") == b"3 CANCEL"
    assert header(sends(told, "access")[0], b"CSeq") == b"2 CANCEL"


def test_the_other_way_too_and_the_call_ends_as_ever() -> None:
    made, _, sent, _ = interfered()
    (bye,) = sends(made.from_core(bye_from_core(sent)), "access")
    assert header(bye, b"CSeq") == b"3 BYE"  # ours was number 1 in that direction, and the first of theirs may be 0
    (ok,) = sends(made.from_access(plain_answer(bye, b"200 OK"), NAT), "core")
    assert header(ok, b"CSeq") == b"1 BYE"
    assert only_call(made).state is CallState.CLOSED


def test_a_prack_names_the_invite_by_the_number_it_was_sent_with() -> None:
    made = rig()
    asked = invite(PHONE, seq=1)
    (sent,) = sends(made.from_access(asked), "core")
    ringing = answer(sent, SOFTSWITCH.host, b"180 Ringing").replace(b"CSeq:", b"RSeq: 9\r\nCSeq:")
    (early,) = sends(made.from_core(ringing), "access")
    only_call(made).legs[1].numbers.own()
    prack = inside(asked, early, b"PRACK", 2).replace(b"CSeq:", b"RAck: 9 1 INVITE\r\nCSeq:")
    (sent,) = sends(made.from_access(prack), "core")
    assert header(sent, b"CSeq") == b"3 PRACK" and header(sent, b"RAck") == b"9 1 INVITE"
    made.from_core(plain_answer(sent, b"200 OK"))
    only_call(made).legs[1].numbers.own()
    other = inside(asked, early, b"PRACK", 4).replace(b"CSeq:", b"RAck: 10 3 INVITE\r\nCSeq:")
    (sent,) = sends(made.from_access(other), "core")
    assert header(sent, b"RAck") == b"10 5 INVITE"


def test_a_number_that_no_longer_fits_is_refused() -> None:
    made, asked, _, back = interfered()
    orders = made.from_access(inside(asked, back, b"INFO", 2**31 - 1))
    assert not sends(orders, "core") and status(sends(orders, "access")[0]) == 501
