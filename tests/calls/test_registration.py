"""Registrations of terminals, in memory: what the registrar sees, what the terminal gets back, how calls find it."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.orders import Listen, Send, Unlisten
from sbc.core.realm import Registrations, Signaling
from sbc.sip.dialect import SipDialect
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import answer as answer_to
from tests.sip_messages import (
    contact,
    header,
    inside,
    invite,
    message,
    plain_answer,
    register,
    registered,
    request,
    sdp,
    status,
)

NAT_MOVED = Address(NAT.host, 40099)
STRANGER = Address("203.0.113.66", 5060)


def rig(**path: object) -> Rig:
    return Rig.make(SipDialect(), make_plan("sip", **path))


def registered_rig(**path: object) -> tuple[Rig, bytes]:
    """A rig with alice registered, and the contact her registrar knows."""
    made = rig(**path)
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(sent), at=core_listener(made))
    return made, contact(sent)


def core_listener(made: Rig):  # type: ignore[no-untyped-def]
    """Where the registrar's answers arrive: at the listener the REGISTER was sent from."""
    return next(
        order.listener for order in reversed(made.log) if isinstance(order, Send) and order.listener.realm == "core"
    )


def test_the_registrar_sees_a_token_and_nothing_of_the_first_network() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    assert_no_trace(sent, PHONE.host, NAT.host, SBC_ACCESS.host)
    assert b"alice" not in contact(sent)
    assert header(sent, b"Contact").endswith(b">;expires=300")
    assert sent.count(b"Via:") == 1


def test_the_terminal_gets_its_own_contact_back() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    (back,) = sends(made.from_core(registered(sent, 120)), "access")
    assert header(back, b"Contact") == b"<sip:alice@192.168.1.10:5060;line=7>;expires=120"
    assert header(back, b"Via").endswith(b";received=203.0.113.11;rport=40001")
    (binding,) = made.border.registry.bindings.values()
    assert binding.expires_at == made.now + 120
    assert binding.behind_nat


def test_a_challenge_crosses_and_the_retry_keeps_token_and_call_id() -> None:
    made = rig()
    (first,) = sends(made.from_access(register(PHONE)), "core")
    (challenge,) = sends(
        made.from_core(plain_answer(first, b"401 Unauthorized", b'WWW-Authenticate: Digest realm="x", nonce="n"')),
        "access",
    )
    assert status(challenge) == 401 and b'realm="x"' in challenge
    (second,) = sends(made.from_access(register(PHONE, b'Authorization: Digest username="alice"', seq=2)), "core")
    assert contact(second) == contact(first)
    assert header(second, b"Call-ID") == header(first, b"Call-ID") != b"reg@192.168.1.10"


def test_what_is_over_keeps_one_message_and_still_knows_what_comes_again() -> None:
    """Very many terminals register at once after an outage, and each exchange is kept for half a minute."""
    made = rig()
    asked = register(PHONE)
    (sent,) = sends(made.from_access(asked), "core")
    yes = registered(sent)
    (answer,) = sends(made.from_core(yes), "access")
    (exchange,) = made.border.registry.live_exchanges
    assert (exchange.asked, exchange.sent, exchange.answer) == (b"", b"", answer)
    assert (exchange.memo, exchange.target, exchange.asked_for) == (None, None, {}), "no other answer is to cross"
    assert len(exchange.heard) == 16
    assert sends(made.from_core(yes), "access") == [], "the terminal has its answer"
    assert sends(made.from_access(asked), "access") == [answer]
    late = sends(made.from_core(yes.replace(b"200 OK", b"500 No"), at=core_listener(made)), "access")
    assert late == [] and len(made.border.registry.bindings) == 1
    other = yes.replace(b"expires=300", b"expires=7")
    assert other != yes and sends(made.from_core(other), "access") == [], "it has been answered already"


def test_a_registration_nobody_confirms_is_forgotten() -> None:
    made = rig()
    made.from_access(register(PHONE))
    made.wait(100)
    assert not made.border.registry.bindings and not made.border.registry.live_exchanges


def test_a_binding_expires() -> None:
    made, _ = registered_rig()
    made.wait(299)
    assert made.border.registry.bindings
    made.wait(2)
    assert not made.border.registry.bindings


def test_a_call_from_the_core_finds_the_terminal_behind_its_nat() -> None:
    made, token = registered_rig()
    orders = made.from_core(invite(SOFTSWITCH, to=token))
    (send,) = [order for order in of(Send, orders) if order.listener.realm == "access"]
    assert send.to == NAT
    assert send.data.startswith(b"INVITE sip:alice@192.168.1.10:5060;line=7 SIP/2.0\r\n")
    assert_no_trace(send.data, SOFTSWITCH.host, SBC_CORE.host)


def test_an_unknown_token_is_not_found() -> None:
    made, _ = registered_rig()
    (reply,) = sends(made.from_core(invite(SOFTSWITCH, to=b"sip:aaaaaaaaaaaaaaaa@198.51.100.1")), "core")
    assert status(reply) == 404


def test_only_the_next_hop_may_call_from_the_core() -> None:
    made, token = registered_rig()
    (reply,) = sends(
        made.from_core(invite(Address("198.51.100.77", 5060), to=token), Address("198.51.100.77", 5060)), "core"
    )
    assert status(reply) == 403


def test_deregistration_takes_the_binding_away() -> None:
    made, token = registered_rig()
    (sent,) = sends(made.from_access(register(PHONE, seq=2, expires=0)), "core")
    assert contact(sent) == token
    made.from_core(plain_answer(sent, b"200 OK"))
    assert not made.border.registry.bindings
    (reply,) = sends(made.from_core(invite(SOFTSWITCH, to=token)), "core")
    assert status(reply) == 404


STAR = request(b"REGISTER", b"sip:sbc.example.com", PHONE, b"Contact: *", b"Expires: 0", call=b"reg", seq=5)


def two_terminals(**path: object) -> Rig:
    """Alice's two phones, and carol's."""
    made, _ = registered_rig(**path)
    for host, user, source in (("192.168.1.11", b"alice", NAT_MOVED), ("192.168.1.12", b"carol", STRANGER)):
        asked = register(Address(host, 5060), call=b"of-" + host.encode(), user=user)
        (sent,) = sends(made.from_access(asked, source), "core")
        made.from_core(registered(sent), at=core_listener(made))
    return made


def test_star_takes_off_all_of_the_user_as_the_registrar_does_and_nobody_elses() -> None:
    """RFC 3261 section 10.2.2. Were the other phone still bound, its refreshes would be answered in vain."""
    made = two_terminals(registrations=Registrations())
    (sent,) = sends(made.from_access(STAR), "core")
    assert header(sent, b"Contact") == b"*" and len(made.border.registry.bindings) == 3
    made.from_core(plain_answer(sent, b"200 OK"))
    (left,) = made.border.registry.bindings.values()
    assert left.user.startswith(b"carol@")
    again = made.from_access(register(Address("192.168.1.11", 5060), call=b"of-192.168.1.11", seq=2), NAT_MOVED)
    assert sends(again, "core"), "and so it registers anew"


@pytest.mark.parametrize("said", [b"401 Unauthorized", b"403 Forbidden", b"500 Server Internal Error"])
def test_star_that_the_registrar_does_not_accept_takes_nothing_off(said: bytes) -> None:
    made = two_terminals()
    (sent,) = sends(made.from_access(STAR, STRANGER), "core")
    made.from_core(plain_answer(sent, said))
    made.wait(60)
    assert len(made.border.registry.bindings) == 3


def test_star_leaves_by_the_port_of_who_says_it() -> None:
    made = two_terminals(signaling=Signaling.PORT_PER_TERMINAL)
    (own,) = made.border.registry.bindings_by_source["access", NAT]
    (send,) = [order for order in of(Send, made.from_access(STAR)) if order.listener.realm == "core"]
    assert send.listener == own.onward


def test_a_refusal_of_too_short_a_time_crosses_with_what_is_wanted() -> None:
    """RFC 3261 section 10.2.8: the phone asks for the longer time, and the registrar gets that."""
    made = rig(registrations=Registrations(core=600))
    (sent,) = sends(made.from_access(register(PHONE, expires=300)), "core")
    refusal = plain_answer(sent, b"423 Interval Too Brief", b"Min-Expires: 1800")
    (back,) = sends(made.from_core(refusal), "access")
    assert status(back) == 423 and header(back, b"Min-Expires") == b"1800"
    (sent,) = sends(made.from_access(register(PHONE, seq=2, expires=1800)), "core")
    assert header(sent, b"Contact").endswith(b";expires=1800")
    (back,) = sends(made.from_core(registered(sent)), "access")
    assert header(back, b"Contact").endswith(b";expires=60")


def test_one_of_two_contacts_is_taken_off_and_the_other_stays() -> None:
    made, first = registered_rig(registrations=Registrations())
    second = Address(PHONE.host, 5062)
    (sent,) = sends(made.from_access(register(second, seq=2)), "core")
    made.from_core(registered(sent))
    (sent,) = sends(made.from_access(register(PHONE, seq=3, expires=0)), "core")
    assert contact(sent) == first
    other = next(iter(b for b in made.border.registry.bindings.values() if b.place.address == second))
    token = next(iter(other.tokens.values()))
    left = b"Contact: <sip:%b@198.51.100.1:5060>;expires=3000" % token
    (back,) = sends(made.from_core(plain_answer(sent, b"200 OK", left)), "access")
    assert [line for line in back.split(b"\r\n") if line.startswith(b"Contact:")] == [
        b"Contact: <sip:alice@192.168.1.10:5062;line=7>;expires=60"
    ]
    assert list(made.border.registry.bindings.values()) == [other]


def test_a_contact_that_the_registrar_has_dropped_is_gone_here_too() -> None:
    """A registrar that holds so many contacts drops the oldest; the answer to its own refresh says so."""
    made, token = registered_rig()
    (sent,) = sends(made.from_access(register(PHONE, seq=2)), "core")
    other = b"Contact: <sip:somebody@198.51.100.80>;expires=3600"
    (back,) = sends(made.from_core(plain_answer(sent, b"200 OK", other)), "access")
    assert not made.border.registry.bindings and PHONE.host.encode() not in header(back, b"Contact")
    (reply,) = sends(made.from_core(invite(SOFTSWITCH, to=token)), "core")
    assert status(reply) == 404


def test_a_moved_terminal_is_believed_only_by_the_registrar() -> None:
    made, token = registered_rig()
    (sent,) = sends(made.from_access(register(PHONE, seq=2), NAT_MOVED), "core")
    assert contact(sent) == token
    made.from_core(plain_answer(sent, b"401 Unauthorized"))
    (send,) = [o for o in of(Send, made.from_core(invite(SOFTSWITCH, to=token))) if o.listener.realm == "access"]
    assert send.to == NAT
    (sent,) = sends(made.from_access(register(PHONE, seq=3), NAT_MOVED), "core")
    made.from_core(registered(sent))
    (send,) = [
        o for o in of(Send, made.from_core(invite(SOFTSWITCH, call=b"two", to=token))) if o.listener.realm == "access"
    ]
    assert send.to == NAT_MOVED


def test_a_stranger_who_registers_with_anothers_contact_gains_nothing() -> None:
    made, token = registered_rig()
    (sent,) = sends(made.from_access(register(PHONE, call=b"evil"), STRANGER), "core")
    made.from_core(plain_answer(sent, b"403 Forbidden"))
    made.wait(50)
    (send,) = [o for o in of(Send, made.from_core(invite(SOFTSWITCH, to=token))) if o.listener.realm == "access"]
    assert send.to == NAT


def test_path_is_the_way_back_to_the_terminal() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE, b"Path: <sip:203.0.113.30;lr>", b"Supported: path")), "core")
    assert b"Path:" not in sent
    made.from_core(registered(sent))
    (send,) = [
        o for o in of(Send, made.from_core(invite(SOFTSWITCH, to=contact(sent)))) if o.listener.realm == "access"
    ]
    assert header(send.data, b"Route") == b"<sip:203.0.113.30;lr>"


def test_two_users_of_one_phone_have_names_of_their_own() -> None:
    made, first = registered_rig()
    (sent,) = sends(made.from_access(register(PHONE, call=b"reg2", user=b"carol")), "core")
    made.from_core(registered(sent))
    assert contact(sent) != first
    assert len(made.border.registry.bindings) == 2


def test_a_subscription_loads_the_registered_contact_and_is_answered_by_notify() -> None:
    made, _ = registered_rig()
    subscribe = request(
        b"SUBSCRIBE",
        b"sip:bob@sbc.example.com",
        PHONE,
        b"Contact: <sip:alice@192.168.1.10:5060>",
        b"Event: presence",
        b"Expires: 60",
        call=b"sub",
    )
    (sent,) = sends(made.from_access(subscribe), "core")
    (back,) = sends(made.from_core(answer_to(sent, SOFTSWITCH.host, body=b"")), "access")
    notify = message(
        b"NOTIFY " + contact(sent) + b" SIP/2.0",
        b"Via: SIP/2.0/UDP 198.51.100.2;branch=z9hG4bKn1",
        b"Max-Forwards: 70",
        b"From: " + header(sent, b"To") + b";tag=b",
        b"To: " + header(sent, b"From"),
        b"Call-ID: " + header(sent, b"Call-ID"),
        b"CSeq: 1 NOTIFY",
        b"Event: presence",
        b"Subscription-State: active;expires=60",
        b"Contact: <sip:bob@198.51.100.2:5060>",
    )
    (taken,) = sends(made.from_core(notify), "access")
    assert taken.startswith(b"NOTIFY sip:alice@192.168.1.10:5060 SIP/2.0")
    assert header(taken, b"Call-ID") == header(subscribe, b"Call-ID")
    assert header(taken, b"From").endswith(b";tag=b")
    assert header(back, b"Call-ID") == header(subscribe, b"Call-ID")
    made.wait(60 + 32 + 1 + 32 + 1)
    assert not made.border.registry.calls


def test_port_per_terminal_gives_each_its_own_port_and_speaks_from_it() -> None:
    made = rig(signaling=Signaling.PORT_PER_TERMINAL)
    orders = made.from_access(register(PHONE))
    (listen,) = of(Listen, orders)
    assert listen.listener.address == Address(SBC_CORE.host, 41000)
    (send,) = [order for order in of(Send, orders) if order.listener.realm == "core"]
    assert send.listener == listen.listener
    assert contact(send.data).endswith(b"@198.51.100.1:41000")
    assert b"Via: SIP/2.0/UDP 198.51.100.1:41000;" in send.data
    made.from_core(registered(send.data), at=listen.listener)
    # the port alone is enough to find the terminal
    orders = made.from_core(invite(SOFTSWITCH, to=b"sip:198.51.100.1:41000"), at=listen.listener)
    assert sends(orders, "access")[-1].startswith(b"INVITE sip:alice@192.168.1.10:5060;line=7 ")
    # and its calls go out by it too
    orders = made.from_access(invite(PHONE, call=b"out"))
    (send,) = [order for order in of(Send, orders) if order.listener.realm == "core"]
    assert send.listener == listen.listener
    assert sdp(SBC_CORE.host)[:20] in send.data


def test_a_terminals_port_outlives_its_binding_as_long_as_a_call_needs_it() -> None:
    made = rig(signaling=Signaling.PORT_PER_TERMINAL)
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    own = core_listener(made)
    made.from_core(registered(sent), at=own)
    call = invite(PHONE, call=b"out")
    (asked,) = sends(made.from_access(call), "core")
    *_, ok = sends(made.from_core(answer_to(asked, SOFTSWITCH.host), at=own), "access")
    assert not of(Unlisten, made.wait(400))
    assert not made.border.registry.bindings
    (bye,) = sends(made.from_access(inside(call, ok)), "core")
    orders = made.from_core(plain_answer(bye, b"200 OK"), at=own)
    orders += made.wait(100)
    assert [order.listener for order in of(Unlisten, orders)] == [own]


def test_two_phones_of_one_user_at_the_same_private_address_are_two() -> None:
    made, token = registered_rig()
    office = Address("203.0.113.12", 40001)
    (sent,) = sends(made.from_access(register(PHONE, call=b"office"), office), "core")
    made.from_core(registered(sent))
    assert contact(sent) != token and len(made.border.registry.bindings) == 2
    for place, seen in ((token, NAT), (contact(sent), office)):
        (send,) = [
            o
            for o in of(Send, made.from_core(invite(SOFTSWITCH, call=place[4:8], to=place)))
            if o.listener.realm == "access"
        ]
        assert send.to == seen


def test_a_phone_that_moves_to_another_host_keeps_its_name() -> None:
    made, token = registered_rig()
    elsewhere = Address("203.0.113.99", 5070)
    (sent,) = sends(made.from_access(register(PHONE, seq=2), elsewhere), "core")
    made.from_core(registered(sent))
    assert contact(sent) == token
    (binding,) = made.border.registry.bindings.values()
    assert binding.seen == elsewhere
