"""The registrar front in SIP, in memory: what phone and softswitch each see, what is absorbed, and what is not."""

from __future__ import annotations

import re

import pytest

from sbc.core.address import Address
from sbc.core.binding import Binding, BindingState
from sbc.core.orders import Order, Send
from sbc.core.realm import Registrations, Signaling
from sbc.sip.dialect import SipDialect
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import contact, header, invite, plain_answer, register, registered, request, status

MOVED = Address(NAT.host, 40099)
ASSOCIATED = b"P-Associated-URI: <sip:alice@voice.example>"


def rig(registrations: Registrations | None = None, **path: object) -> Rig:
    return Rig.make(SipDialect(), make_plan("sip", registrations=registrations or Registrations(), **path))


def expiry(data: bytes) -> int:
    """Of the first Contact."""
    found = re.search(rb";expires=(\d+)", header(data, b"Contact"))
    assert found is not None
    return int(found[1])


def bind(made: Rig, asked: bytes | None = None, *more: bytes, source: Address = NAT) -> bytes:
    """Register; returns the phone's answer."""
    (sent,) = [o for o in of(Send, made.from_access(asked or register(PHONE), source)) if o.listener.realm == "core"]
    contacts = [line for line in sent.data.split(b"\r\n") if line.startswith(b"Contact:")]
    (back,) = sends(made.from_core(plain_answer(sent.data, b"200 OK", *contacts, *more), at=sent.listener), "access")
    return back


def the_binding(made: Rig) -> Binding:
    (binding,) = made.border.registry.bindings.values()
    return binding


def forwarded(orders: list[Order]) -> str:
    """Why a registration went on; empty if it did not."""
    return next((o.reason for o in orders if getattr(o, "event", "") == "forwarded"), "")


# -- two lifetimes


def test_the_softswitch_sees_the_long_one_and_the_phone_gets_the_short_one() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    assert expiry(sent) == 3600
    (back,) = sends(made.from_core(registered(sent)), "access")
    assert header(back, b"Contact") == b"<sip:alice@192.168.1.10:5060;line=7>;expires=60"
    binding = the_binding(made)
    assert (binding.expires_at, binding.grant_ends) == (made.now + 60, made.now + 3600)


def test_a_phone_without_a_nat_is_told_the_longer_of_the_short_ones() -> None:
    made = rig()
    public = Address("203.0.113.77", 5060)
    assert expiry(bind(made, register(public, expires=7000), source=public)) == 600


@pytest.mark.parametrize(("asked", "onward", "told"), [(7200, 7200, 60), (30, 3600, 30), (3600, 3600, 60)])
def test_the_registrar_is_asked_for_the_longer_and_the_phone_told_the_shorter(
    asked: int, onward: int, told: int
) -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE, expires=asked)), "core")
    assert expiry(sent) == onward
    (back,) = sends(made.from_core(registered(sent)), "access")
    assert expiry(back) == told


def test_a_registrar_that_grants_little_is_believed() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    (back,) = sends(made.from_core(registered(sent, 45)), "access")
    assert expiry(back) == 45


def test_an_expires_header_says_the_same_as_the_contact() -> None:
    made = rig()
    asked = request(
        b"REGISTER", b"sip:sbc.example.com", PHONE, b"Contact: sip:alice@192.168.1.10", b"Expires: 120", call=b"reg"
    )
    (sent,) = sends(made.from_access(asked), "core")
    assert header(sent, b"Expires") == b"3600" and expiry(sent) == 3600
    contacts = [line for line in sent.split(b"\r\n") if line.startswith(b"Contact:")]
    reply = plain_answer(sent, b"200 OK", contacts[0].replace(b";expires=3600", b""), b"Expires: 1800")
    (back,) = sends(made.from_core(reply), "access")
    assert (expiry(back), header(back, b"Expires")) == (60, b"60")
    assert the_binding(made).grant_ends == made.now + 1800


def test_without_the_front_lifetimes_cross_as_they_are() -> None:
    made = rig(Registrations(front=False))
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    assert expiry(sent) == 300
    (back,) = sends(made.from_core(registered(sent)), "access")
    assert expiry(back) == 300
    again = made.from_access(register(PHONE, seq=2))
    assert sends(again, "core") and not {"forwarded", "absorbed"} & set(events(again))


# -- what is absorbed


def test_a_refresh_ends_at_the_sbc() -> None:
    made = rig()
    first = bind(made, None, ASSOCIATED, b"Supported: outbound", b"Date: Mon, 23 Nov 2026 10:00:00 GMT")
    made.now += 50
    orders = made.from_access(register(PHONE, seq=2))
    (back,) = sends(orders, "access")
    assert not sends(orders, "core") and events(orders) == ["absorbed"]
    assert status(back) == 200 and header(back, b"CSeq") == b"2 REGISTER"
    assert header(back, b"Contact") == header(first, b"Contact")
    assert header(back, b"Via").endswith(b";received=203.0.113.11;rport=40001")
    assert ASSOCIATED in back and b"Supported: outbound" in back
    assert b"Date:" not in back
    assert_no_trace(back, SOFTSWITCH.host, SBC_CORE.host)
    made.wait(60)
    assert the_binding(made).state is BindingState.BOUND


def test_nine_of_ten_refreshes_of_a_day_are_absorbed() -> None:
    """A phone told 60 s that comes back after 50, a registrar that grants 3600 s and challenges each time anew."""
    made = rig()
    absorbed = crossed = 0
    seq, end = 0, made.now + 86_400
    while made.now < end:
        seq += 1
        orders = made.from_access(register(PHONE, seq=seq, expires=3600))
        onward = sends(orders, "core")
        if onward:
            crossed += 1
            made.from_core(
                plain_answer(onward[0], b"401 Unauthorized", b'WWW-Authenticate: Digest realm="x", nonce="n"')
            )
            seq += 1
            (retry,) = sends(
                made.from_access(register(PHONE, b"Authorization: Digest x", seq=seq, expires=3600)), "core"
            )
            crossed += 1
            made.from_core(registered(retry))
        else:
            absorbed += 1
        made.wait(50)
    assert the_binding(made).state is BindingState.BOUND
    share = absorbed / (absorbed + crossed)
    assert share > 0.9, share
    assert crossed == 2 * 48


def test_a_challenged_retry_is_forwarded_too() -> None:
    made = rig()
    bind(made)
    made.now += 1801
    (sent,) = sends(made.from_access(register(PHONE, seq=2)), "core")
    made.from_core(plain_answer(sent, b"401 Unauthorized", b'WWW-Authenticate: Digest realm="x", nonce="n"'))
    orders = made.from_access(register(PHONE, b"Authorization: Digest y", seq=3))
    assert forwarded(orders) == "due"


def test_what_is_left_of_the_grant_is_the_most_a_phone_is_told() -> None:
    made = rig(Registrations(forward_after=1.0))
    bind(made)
    for _ in range(71):
        made.wait(50)
        (back,) = sends(made.from_access(register(PHONE, seq=int(made.now))), "access")
    assert expiry(back) == 50


def test_nobody_is_told_nothing() -> None:
    made = rig(Registrations(forward_after=1.0))
    bind(made)
    made.border.registry.timers.set(the_binding(made), made.now + 3600)
    made.now += 3591
    assert forwarded(made.from_access(register(PHONE, seq=2))) == "due"


# -- what is not


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (register(PHONE, seq=2, expires=0), "takes off"),
        (
            request(b"REGISTER", b"sip:sbc.example.com", PHONE, b"Contact: *", b"Expires: 0", call=b"reg", seq=2),
            "names no place",
        ),
        (request(b"REGISTER", b"sip:sbc.example.com", PHONE, call=b"reg", seq=2), "names no place"),
        (register(PHONE, b"Path: <sip:203.0.113.30;lr>", seq=2), "changed"),
        (register(PHONE, seq=2).replace(b";expires", b";q=0.5;expires"), "changed"),
        (register(PHONE, seq=2).replace(b";line=7", b";line=8"), "not bound"),
        (register(PHONE, seq=2, user=b"carol"), "not bound"),
        (
            register(PHONE, b"Contact: <sip:alice@192.168.1.10:5062>;expires=60", seq=2),
            "not bound",
        ),
    ],
    ids=["off", "star", "query", "path", "q", "contact", "user", "one more contact"],
)
def test_whatever_changes_something_is_forwarded(asked: bytes, why: str) -> None:
    made = rig()
    bind(made)
    orders = made.from_access(asked)
    assert forwarded(orders) == why
    assert sends(orders, "core")


@pytest.mark.parametrize("source", [MOVED, Address("203.0.113.66", NAT.port)], ids=["port", "host"])
def test_a_refresh_from_elsewhere_moves_nothing_until_the_softswitch_says_so(source: Address) -> None:
    made = rig()
    bind(made)
    orders = made.from_access(register(PHONE, seq=2), source)
    assert forwarded(orders) == "from elsewhere"
    (sent,) = sends(orders, "core")
    before = the_binding(made).expires_at
    made.from_core(plain_answer(sent, b"401 Unauthorized"))
    assert (the_binding(made).seen, the_binding(made).expires_at) == (NAT, before)
    # from there, not even a second time; from the old address, still
    assert forwarded(made.from_access(register(PHONE, seq=3), source)) == "from elsewhere"
    assert not forwarded(made.from_access(register(PHONE, seq=4)))
    (sent,) = sends(made.from_access(register(PHONE, seq=5), source), "core")
    made.from_core(registered(sent))
    assert the_binding(made).seen == source
    assert forwarded(made.from_access(register(PHONE, seq=6))) == "from elsewhere"


def test_a_registration_the_registrar_never_granted_is_never_absorbed() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(plain_answer(sent, b"403 Forbidden"))
    assert forwarded(made.from_access(register(PHONE, seq=2))) == "not bound"


def test_two_contacts_are_absorbed_together_or_not_at_all() -> None:
    made = rig()
    both = (b"Contact: <sip:alice@192.168.1.10:5062>;expires=300",)
    back = bind(made, register(PHONE, *both))
    assert back.count(b";expires=60") == 2
    orders = made.from_access(register(PHONE, *both, seq=2))
    (again,) = sends(orders, "access")
    assert events(orders) == ["absorbed"] and again.count(b";expires=60") == 2
    # one of them alone is another registration: the registrar says what becomes of it
    assert forwarded(made.from_access(register(PHONE, seq=3))) == "changed"


# -- terminals that do not come back


def test_a_phone_that_stays_away_is_absent_until_the_registrar_has_it_back() -> None:
    made = rig()
    (sent,) = sends(made.from_access(register(PHONE)), "core")
    made.from_core(registered(sent))
    made.wait(60 + 33)
    assert the_binding(made).state is BindingState.LAPSED
    assert events(made.log)[-1] == "lapsed"
    (reply,) = sends(made.from_core(invite(SOFTSWITCH, to=contact(sent))), "core")
    assert status(reply) == 480
    orders = made.from_access(register(PHONE, seq=2))
    assert forwarded(orders) == "not bound"
    (again,) = sends(orders, "core")
    assert contact(again) == contact(sent)
    made.from_core(registered(again))
    assert sends(made.from_core(invite(SOFTSWITCH, call=b"two", to=contact(sent))), "access")


def test_what_the_registrar_has_granted_ends_with_the_grant() -> None:
    made = rig()
    bind(made)
    made.wait(3599)
    assert made.border.registry.bindings
    made.wait(2)
    assert not made.border.registry.bindings


def test_a_phone_with_a_port_of_its_own_is_absent_at_it_too() -> None:
    made = rig(signaling=Signaling.PORT_PER_TERMINAL)
    bind(made)
    made.wait(100)
    at = the_binding(made).onward
    (reply,) = sends(made.from_core(invite(SOFTSWITCH, to=b"sip:198.51.100.1:41000"), at=at), "core")
    assert status(reply) == 480


# -- Service-Route, flows


def test_service_route_is_the_way_of_the_phones_requests_and_is_hidden_from_it() -> None:
    made = rig()
    back = bind(made, None, b"Service-Route: <sip:orig@198.51.100.30:5070;lr>, <sip:198.51.100.31;lr>")
    assert b"Service-Route" not in back
    orders = made.from_access(invite(PHONE, call=b"out"))
    (send,) = [order for order in of(Send, orders) if order.listener.realm == "core"]
    assert send.to == Address("198.51.100.30", 5070)
    assert header(send.data, b"Route") == b"<sip:orig@198.51.100.30:5070;lr>, <sip:198.51.100.31;lr>"
    assert send.data.startswith(b"INVITE sip:bob@198.51.100.2 ")
    # refreshes, absorbed or not, go by the path
    made.now += 50
    (again,) = sends(made.from_access(register(PHONE, seq=2)), "access")
    assert b"Service-Route" not in again
    made.now += 1800
    (send,) = [o for o in of(Send, made.from_access(register(PHONE, seq=3))) if o.listener.realm == "core"]
    assert send.to == SOFTSWITCH and b"Route:" not in send.data


def test_a_service_route_by_name_leaves_by_the_paths_next_hop() -> None:
    made = rig()
    bind(made, None, b"Service-Route: <sip:orig@scscf.example;lr>")
    orders = made.from_access(invite(PHONE, call=b"out"))
    (send,) = [order for order in of(Send, orders) if order.listener.realm == "core"]
    assert send.to == SOFTSWITCH
    assert header(send.data, b"Route") == b"<sip:orig@scscf.example;lr>"


def test_a_flow_that_comes_anew_replaces_the_older() -> None:
    """RFC 5626: a phone that has restarted, at another port, with the instance and reg-id it had."""
    flow = b';+sip.instance="<urn:uuid:0>";reg-id=%d;expires'
    made = rig()
    bind(made, register(PHONE).replace(b";expires", flow % 1))
    other = register(Address(PHONE.host, 5062), seq=2).replace(b";expires", flow % 2)
    bind(made, other, source=MOVED)
    assert len(made.border.registry.bindings) == 2
    again = Address(NAT.host, 40555)
    bind(made, register(Address(PHONE.host, 5066), seq=3).replace(b";expires", flow % 1), source=again)
    assert {binding.seen for binding in made.border.registry.bindings.values()} == {MOVED, again}


# -- trunks


def test_a_trunk_is_reached_under_each_of_its_numbers() -> None:
    """RFC 6140: one contact without a user; the registrar makes the contact of each number from it."""
    made = rig()
    bulk = b"<sip:192.168.1.10:5060;bnc;line=7>;expires"
    asked = register(PHONE, b"Require: gin").replace(b"<sip:alice@192.168.1.10:5060;line=7>;expires", bulk)
    (sent,) = sends(made.from_access(asked), "core")
    known = contact(sent)
    assert re.fullmatch(rb"sip:198\.51\.100\.1:5060;bnc;sbc=[a-z2-7]{16}", known)
    assert_no_trace(sent, PHONE.host, NAT.host)
    (back,) = sends(made.from_core(registered(sent)), "access")
    assert header(back, b"Contact") == b"<sip:192.168.1.10:5060;bnc;line=7>;expires=60"
    number = known.replace(b";bnc", b"").replace(b"sip:", b"sip:+15551234;x=y@")
    (send,) = [o for o in of(Send, made.from_core(invite(SOFTSWITCH, to=number))) if o.listener.realm == "access"]
    assert send.to == NAT
    assert send.data.startswith(b"INVITE sip:+15551234;x=y@192.168.1.10:5060;line=7 SIP/2.0\r\n")
    refreshed = made.from_access(asked.replace(b"reg-REGISTER-1", b"reg-REGISTER-2"))
    assert events(refreshed) == ["absorbed"]


def test_the_mark_of_a_trunk_opens_nothing_that_a_token_would_not() -> None:
    made = rig()
    bind(made)
    guess = b"sip:alice@198.51.100.1:5060;sbc=aaaaaaaaaaaaaaaa"
    (reply,) = sends(made.from_core(invite(SOFTSWITCH, to=guess)), "core")
    assert status(reply) == 404
