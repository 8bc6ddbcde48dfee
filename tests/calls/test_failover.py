"""Failover in SIP, in memory: what two softswitches and a phone see when one of them is silent, busy or gone."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.audit import audit
from sbc.core.call import CallState
from sbc.core.hops import NeighbourState
from sbc.core.message import Ending
from sbc.core.orders import Order, Record, Send
from sbc.core.realm import Registrations
from sbc.sip.dialect import SipDialect
from tests.laws import assert_no_trace
from tests.rig import NAT, NO_FRONT, PHONE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import (
    answer,
    header,
    hop_request,
    inside,
    invite,
    message,
    plain_answer,
    register,
    registered,
    request,
    status,
)

A, B = SOFTSWITCH, Address("198.51.100.3", 5060)


def rig(registrations: Registrations = NO_FRONT, **path: object) -> Rig:
    plan = make_plan("sip", registrations=registrations, **path)
    both = attrs.evolve(plan.paths[0], next_hops=(A, B))
    return Rig.make(SipDialect(), attrs.evolve(plan, paths=(both,)))


def to(orders: list[Order], address: Address) -> list[bytes]:
    return [send.data for send in of(Send, orders) if send.to == address]


def one(orders: list[Order], address: Address) -> bytes:
    (data,) = to(orders, address)
    return data


def methods(data: list[bytes]) -> list[bytes]:
    return [each.split(b" ", 1)[0] for each in data]


def test_a_503_is_acknowledged_and_the_call_goes_on_elsewhere() -> None:
    made = rig(domain="voice.example")
    first = one(made.from_access(invite(PHONE)), A)
    orders = made.from_core(plain_answer(first, b"503 Service Unavailable"), A)
    assert methods(to(orders, A)) == [b"ACK"] and not to(orders, NAT)
    second = one(orders, B)
    assert header(first, b"Via") != header(second, b"Via")
    for name in (b"Call-ID", b"From", b"To", b"CSeq", b"Max-Forwards"):
        assert header(first, name) == header(second, name)
    assert first.partition(b"\r\n\r\n")[2] == second.partition(b"\r\n\r\n")[2]
    assert second.split(b"\r\n")[0] == first.split(b"\r\n")[0]
    ok = answer(second, B.host)
    back = one(made.from_core(ok, B), NAT)
    assert_no_trace(back, A.host, B.host)
    made.from_access(inside(invite(PHONE), back, b"ACK", 1))
    bye = one(made.from_access(inside(invite(PHONE), back)), B)
    made.from_core(plain_answer(bye, b"200 OK"), B)
    again = made.from_core(plain_answer(first, b"503 Service Unavailable"), A)
    assert methods(to(again, A)) == [b"ACK"], "a repeated 503 is acknowledged again"
    made.wait(500)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_without_a_domain_each_is_called_by_its_own_address() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    second = one(made.from_core(plain_answer(first, b"503 Service Unavailable"), A), B)
    assert first.startswith(b"INVITE sip:bob@198.51.100.2") and second.startswith(b"INVITE sip:bob@198.51.100.3")
    assert b"198.51.100.2" not in second


def test_the_record_says_where_the_call_went_in_the_end() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    second = one(made.from_core(plain_answer(first, b"503 Service Unavailable"), A), B)
    orders = made.from_core(answer(second, B.host), B)
    (record,) = [each for each in of(Record, orders) if each.event == "answer"]
    assert record.fields["legs"][1]["seen"] == str(B)
    assert [e for e in events(made.log) if e in ("open", "answer", "close")] == ["open", "answer"]


def test_if_all_say_503_the_caller_hears_it() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    second = one(made.from_core(plain_answer(first, b"503 Service Unavailable"), A), B)
    orders = made.from_core(plain_answer(second, b"503 Service Unavailable"), B)
    assert status(one(orders, NAT)) == 503
    (call,) = made.border.registry.calls.values()
    assert call.ending is Ending.CONGESTION


@pytest.mark.parametrize("code", [b"486 Busy Here", b"404 Not Found", b"500 Server Internal Error", b"603 Decline"])
def test_other_failures_are_the_callers(code: bytes) -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    orders = made.from_core(plain_answer(first, code), A)
    assert not to(orders, B) and status(one(orders, NAT)) == int(code[:3])


def test_a_challenge_is_answered_to_who_asked_it() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    second = one(made.from_core(plain_answer(first, b"503 Service Unavailable"), A), B)
    asks = b'Proxy-Authenticate: Digest realm="x",nonce="n"'
    orders = made.from_core(plain_answer(second, b"407 Proxy Authentication Required", asks), B)
    assert status(one(orders, NAT)) == 407
    made.from_access(hop_request(b"ACK", invite(PHONE), one(orders, NAT)))
    assert one(made.from_access(invite(PHONE, seq=2)), B)


def of_the_first(method: bytes, first: bytes) -> bytes:
    """A request of the one that was asked first, in a dialogue of its own, to where it was told that the caller is."""
    place = header(first, b"Contact").partition(b"<")[2].partition(b">")[0]
    return message(
        method + b" " + place + b" SIP/2.0",
        b"Via: SIP/2.0/UDP 198.51.100.2:5060;branch=z9hG4bKof-a-" + method,
        b"From: " + header(first, b"To") + b";tag=of-a",
        b"To: " + header(first, b"From"),
        b"Call-ID: " + header(first, b"Call-ID"),
        b"CSeq: 7 " + method,
        b"Contact: <sip:bob@198.51.100.2>",
    )


@pytest.mark.parametrize("method", [b"BYE", b"UPDATE", b"INVITE"])
@pytest.mark.parametrize("answered", [False, True])
def test_who_was_asked_first_has_no_part_in_the_call_that_another_has(method: bytes, answered: bool) -> None:
    """Where the caller is it was told as the other was: it took the call's leg to itself by that."""
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    second = one(made.wait(4.2), B)
    assert header(first, b"Contact") != header(second, b"Contact")
    if answered:
        back = one(made.from_core(answer(second, B.host), B), NAT)
        made.from_access(inside(invite(PHONE), back, b"ACK", 1))
    orders = made.from_core(of_the_first(method, first), A)
    assert not to(orders, NAT) and status(to(orders, A)[-1]) == 481
    (call,) = made.border.registry.calls.values()
    assert call.legs[1].seen == B and audit(made.border.registry) == []
    assert to(made.from_core(of_the_first(b"INFO", second), B), NAT), "who has the call speaks in it"


SERVICE = b"Service-Route: <sip:orig@198.51.100.2;lr>%b\r\nContact:"


@pytest.mark.parametrize(("more", "left"), [(b"", b""), (b", <sip:scscf.example;lr>", b"<sip:scscf.example;lr>")])
def test_the_next_is_not_sent_to_the_one_that_was_asked_by_the_service_route_of_that(more: bytes, left: bytes) -> None:
    made = rig()
    asked = one(made.from_access(register(PHONE)), A)
    made.from_core(registered(asked).replace(b"Contact:", SERVICE % more, 1), A)
    first = one(made.from_access(invite(PHONE)), A)
    assert header(first, b"Route").startswith(b"<sip:orig@198.51.100.2;lr>")
    second = one(made.from_core(plain_answer(first, b"503 Service Unavailable", b"Retry-After: 60"), A), B)
    assert b"198.51.100.2" not in second and (header(second, b"Route") if left else b"") == left
    assert (b"\r\nRoute:" in second) == bool(left)
    third = one(made.from_access(invite(PHONE, b"two")), B)
    assert b"198.51.100.2" not in third and (b"\r\nRoute:" in third) == bool(left)


def test_silence_then_a_late_answer_that_gets_ack_and_bye() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    assert not to(made.wait(3.9), B)
    second = one(made.wait(0.2), B)
    one_answer = answer(first, A.host, tag=b"late")
    orders = made.from_core(one_answer, A)
    assert methods(to(orders, A)) == [b"ACK", b"BYE"] and not to(orders, NAT)
    _, bye = to(orders, A)
    assert header(bye, b"To").endswith(b";tag=late") and header(bye, b"CSeq") == b"2 BYE"
    assert methods(to(made.from_core(one_answer, A), A)) == [b"ACK"]
    made.from_core(plain_answer(bye, b"200 OK"), A)
    assert status(one(made.from_core(answer(second, B.host), B), NAT)) == 200
    (call,) = made.border.registry.calls.values()
    assert call.state is CallState.UP and call.legs[1].seen == B


def test_a_late_180_is_taken_back() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    made.wait(4.1)
    orders = made.from_core(answer(first, A.host, b"180 Ringing"), A)
    cancel = one(orders, A)
    assert cancel.startswith(b"CANCEL ") and header(cancel, b"Via") == header(first, b"Via") and not to(orders, NAT)
    made.from_core(plain_answer(cancel, b"200 OK"), A)
    orders = made.from_core(plain_answer(first, b"487 Request Terminated"), A)
    assert methods(to(orders, A)) == [b"ACK"] and not to(orders, NAT)


def test_the_caller_may_take_it_back_meanwhile() -> None:
    made = rig()
    one(made.from_access(invite(PHONE)), A)
    made.wait(4.1)
    second = to(made.log, B)[0]
    assert status(to(made.from_access(hop_request(b"CANCEL", invite(PHONE))), NAT)[0]) == 200
    cancel = one(made.from_core(plain_answer(second, b"100 Trying"), B), B)
    assert cancel.startswith(b"CANCEL ") and header(cancel, b"Via") == header(second, b"Via")
    made.from_core(plain_answer(cancel, b"200 OK"), B)
    orders = made.from_core(plain_answer(second, b"487 Request Terminated"), B)
    assert methods(to(orders, B)) == [b"ACK"] and status(one(orders, NAT)) == 487
    made.wait(500)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


@pytest.mark.parametrize("method", [b"MESSAGE", b"SUBSCRIBE", b"OPTIONS", b"PUBLISH"])
def test_every_request_outside_a_call_goes_elsewhere(method: bytes) -> None:
    made = rig()
    contact = b"Contact: <sip:alice@192.168.1.10:5060>"
    asked = request(method, b"sip:bob@voice.example", PHONE, contact, b"Event: presence")
    first = one(made.from_access(asked), A)
    second = one(made.wait(6.1), B)  # asked whether it lives, the first one has said nothing either
    assert header(first, b"Call-ID") == header(second, b"Call-ID")
    assert status(one(made.from_core(plain_answer(second, b"200 OK"), B), NAT)) == 200
    assert not to(made.from_core(plain_answer(first, b"200 OK"), A), NAT)
    made.wait(5000)
    assert not made.border.registry.calls and not made.border.registry.live_exchanges


def test_retry_after_is_kept_to() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    tired = plain_answer(first, b"503 Service Unavailable", b"Retry-After: 20;duration=3600 (at lunch)")
    second = one(made.from_core(tired, A), B)
    made.from_core(plain_answer(second, b"486 Busy Here"), B)
    made.wait(10)
    assert one(made.from_access(invite(PHONE, b"two")), B)
    made.from_core(plain_answer(to(made.log, B)[-1], b"486 Busy Here"), B)
    made.wait(11)
    assert one(made.from_access(invite(PHONE, b"three")), A)


def test_a_refresh_finds_another_registrar_when_its_own_is_down() -> None:
    made = rig(registrations=Registrations())
    first = one(made.from_access(register(PHONE)), A)
    one(made.from_core(registered(first), A), NAT)
    made.now += 30
    assert "absorbed" in events(made.from_access(register(PHONE, seq=2)))
    one(made.from_access(invite(PHONE)), A)
    made.wait(4.1)
    made.from_core(plain_answer(to(made.log, B)[-1], b"486 Busy Here"), B)
    made.wait(4.1)
    orders = made.from_access(register(PHONE, seq=3))
    assert "forwarded" in events(orders)
    second = one(orders, B)
    assert header(second, b"Contact") == header(first, b"Contact"), "the terminal is called what it was called"
    one(made.from_core(registered(second), B), NAT)
    made.now += 30
    assert "absorbed" in events(made.from_access(register(PHONE, seq=4)))
    token = header(second, b"Contact").partition(b"<")[2].partition(b">")[0]
    orders = made.from_core(invite(B, b"in", token), B)
    assert to(orders, NAT)[0].startswith(b"INVITE sip:alice@192.168.1.10:5060;line=7 ")


def test_a_registration_under_way_goes_elsewhere_with_its_credentials() -> None:
    made = rig()
    first = one(made.from_access(register(PHONE)), A)
    second = one(made.wait(6.1), B)
    asks = b'WWW-Authenticate: Digest realm="x",nonce="n"'
    assert status(one(made.from_core(plain_answer(second, b"401 Unauthorized", asks), B), NAT)) == 401
    third = one(made.from_access(register(PHONE, b"Authorization: Digest response=ok", seq=2)), B)
    assert status(one(made.from_core(registered(third), B), NAT)) == 200
    assert header(first, b"Contact") == header(third, b"Contact")


def test_in_a_call_the_bye_goes_by_the_one_that_lives_with_its_route() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    ok = answer(first, A.host).replace(b"CSeq:", b"Record-Route: <sip:198.51.100.2;lr>\r\nCSeq:", 1)
    back = one(made.from_core(ok, A), NAT)
    made.from_access(inside(invite(PHONE), back, b"ACK", 1))
    made.wait(60)
    bye = inside(invite(PHONE), back)
    lost = one(made.from_access(bye), A)
    found = one(made.wait(6.1), B)
    assert found.split(b"\r\n")[0] == lost.split(b"\r\n")[0]
    assert header(found, b"Route") == header(lost, b"Route") == b"<sip:198.51.100.2;lr>"
    orders = made.from_core(plain_answer(found, b"200 OK"), B)
    assert status(one(orders, NAT)) == 200
    (closed,) = [each for each in of(Record, made.log) if each.event == "close"]
    assert (closed.fields["ending"], closed.fields["who"]) == ("normal", "caller")


def test_the_sbcs_own_bye_goes_by_the_one_that_lives() -> None:
    made = rig()
    first = one(made.from_access(invite(PHONE)), A)
    back = one(made.from_core(answer(first, A.host), A), NAT)
    made.from_access(inside(invite(PHONE), back, b"ACK", 1))
    (neighbour,) = [n for n in made.border.registry.hops.neighbours.values() if n.hop.peer == A]
    made.wait(5)
    made.from_access(invite(PHONE, b"two"))
    made.wait(4.1)
    assert neighbour.state is NeighbourState.SUSPECT, "asked whether it lives, it may yet answer"
    made.from_core(plain_answer(to(made.log, B)[-1], b"486 Busy Here"), B)
    made.wait(4.1)
    assert neighbour.state is NeighbourState.DOWN
    (call,) = [call for call in made.border.registry.calls.values() if call.answered_at is not None]
    orders = made._take(made.border.end_call(call.id, "cleared", made.now))
    assert one(orders, B).startswith(b"BYE sip:bob@198.51.100.2:5060 ")
    assert sends(orders, "access")


def test_nobody_can_take_a_next_hop_away_by_requests_it_does_not_answer() -> None:
    """One that lives says so when asked, however many INVITEs it leaves alone."""
    made = rig()
    (neighbour,) = [n for n in made.border.registry.hops.neighbours.values() if n.hop.peer == A]
    for number in range(5):
        one(made.from_access(invite(PHONE, b"bad%d" % number)), A)
    asked = [data for data in to(made.wait(4.05), A) if data.startswith(b"OPTIONS ")]
    assert len(to(made.log, B)) == 5, "those have gone elsewhere"
    assert neighbour.state is NeighbourState.SUSPECT and len(asked) == 1
    made.from_core(plain_answer(asked[0], b"200 OK"), A)
    assert neighbour.state is NeighbourState.UP
    assert one(made.from_access(invite(PHONE, b"good")), A)
