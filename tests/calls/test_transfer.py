"""Transfers: blind and attended, from either side. What names another call or place is understood where it arrives."""

from __future__ import annotations

import re

from sbc.core.address import Address
from sbc.core.orders import Send
from sbc.sip.params import unescape
from tests.calls.test_calls import hairpin, only_call, rig, unpin
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, of, sends
from tests.sip_messages import answer, contact, header, inside, invite, plain_answer, register, registered, status

DAVE, DAVES_NAT = Address("192.168.1.77", 5060), Address("203.0.113.77", 40077)


def called(made: Rig, call: bytes, callee: bytes = b"bob") -> tuple[bytes, bytes, bytes]:
    """A call of the phone's to somebody in the core: INVITE, as it went on, and the 200 as the phone got it."""
    asked = invite(PHONE, call=call, to=b"sip:" + callee + b"@sbc.example.com")
    (sent,) = sends(made.from_access(asked), "core")
    ok = answer(sent, "198.51.100.3", tag=b"t-" + callee).replace(b"sip:bob@", b"sip:" + callee + b"@")
    (back,) = sends(made.from_core(ok), "access")
    made.from_access(inside(asked, back, b"ACK", 1))
    return asked, sent, back


def rung(made: Rig, phone: Address, nat: Address, user: bytes, call: bytes) -> tuple[bytes, bytes, bytes]:
    """A call of the core's to a phone: INVITE, as the phone got it, and the 200 as the core got it."""
    (bound,) = sends(made.from_access(register(phone, user=user, call=b"reg-" + user), nat), "core")
    made.from_core(registered(bound))
    asked = invite(SOFTSWITCH, call=call, to=contact(bound))
    (got,) = [o.data for o in of(Send, made.from_core(asked)) if o.listener.realm == "access" and o.data[:3] == b"INV"]
    ok = answer(got, phone.host, tag=b"t-" + user).replace(b"sip:bob@", b"sip:" + user + b"@")
    (back,) = sends(made.from_access(ok, nat), "core")
    made.from_core(inside(asked, back, b"ACK", 1))
    return asked, got, back


def refer(request: bytes, reply: bytes, to: bytes, seq: int = 5) -> bytes:
    return inside(request, reply, b"REFER", seq).replace(b"CSeq:", b"Refer-To: <" + to + b">\r\nCSeq:")


def replacing(call_id: bytes, to_tag: bytes, from_tag: bytes, more: bytes = b"") -> bytes:
    value = b"%b;to-tag=%b;from-tag=%b%b" % (call_id, to_tag, from_tag, more)
    return value.replace(b"@", b"%40").replace(b";", b"%3B").replace(b"=", b"%3D")


def replaces_of(refer_to: bytes) -> bytes:
    found = re.search(rb"[?&]Replaces=([^&>]*)", refer_to)
    assert found is not None, refer_to
    return unescape(found[1])


def tag(value: bytes) -> bytes:
    return value.rpartition(b"tag=")[2]


def test_a_phone_transfers_blindly() -> None:
    made = rig()
    asked, _, back = called(made, b"one")
    (sent,) = sends(made.from_access(refer(asked, back, b"sip:carol@sbc.example.com")), "core")
    assert header(sent, b"Refer-To") == b"<sip:carol@198.51.100.2>" and sent.startswith(b"REFER sip:bob@198.51.100.3:")
    (told,) = sends(made.from_core(plain_answer(sent, b"202 Accepted"), Address("198.51.100.3", 5060)), "access")
    assert status(told) == 202
    assert_no_trace(sent, PHONE.host, NAT.host, SBC_ACCESS.host)


def test_the_core_transfers_a_phone_blindly_and_it_gets_there() -> None:
    made = rig()
    asked, got, back = rung(made, PHONE, NAT, b"alice", b"one")
    (told,) = sends(made.from_core(refer(asked, back, b"sip:carol@198.51.100.9:5070;user=phone")), "access")
    target = header(told, b"Refer-To")[1:-1]
    assert target.endswith(b"@203.0.113.1:5060") and header(told, b"Call-ID") == header(got, b"Call-ID")
    assert_no_trace(told, "198.51.100.9", SOFTSWITCH.host, SBC_CORE.host)
    (sent,) = sends(made.from_access(invite(PHONE, call=b"new", to=target)), "core")
    assert sent.startswith(b"INVITE sip:carol@198.51.100.9:5070;user=phone SIP/2.0")


def test_a_phone_transfers_after_asking_and_the_core_joins_its_two_calls() -> None:
    """bob is told of the call with carol by the name that carol knows it by, and of carol by the place she has."""
    made = rig()
    asked, _, back = called(made, b"one", b"bob")
    asked2, sent2, back2 = called(made, b"two", b"carol")
    named = replacing(header(asked2, b"Call-ID"), tag(header(back2, b"To")), tag(header(asked2, b"From")))
    (sent,) = sends(made.from_access(refer(asked, back, contact(back2) + b"?Replaces=" + named)), "core")
    target = header(sent, b"Refer-To")
    assert target.startswith(b"<sip:carol@198.51.100.3:5060?")
    carols = b"%b;to-tag=t-carol;from-tag=a-two" % header(sent2, b"Call-ID")
    assert replaces_of(target) == carols
    assert_no_trace(sent, PHONE.host, NAT.host, SBC_ACCESS.host)


def test_early_only_stays_said() -> None:
    made = rig()
    asked, _, back = called(made, b"one", b"bob")
    asked2, sent2, back2 = called(made, b"two", b"carol")
    named = replacing(header(asked2, b"Call-ID"), b"t-carol", b"a-two", b";early-only")
    to = contact(back2) + b"?Require=replaces&Replaces=" + named
    (sent,) = sends(made.from_access(refer(asked, back, to)), "core")
    assert replaces_of(header(sent, b"Refer-To")).endswith(b";from-tag=a-two;early-only")
    assert b"?Require=replaces&" in header(sent, b"Refer-To")
    pickup = invite(PHONE, call=b"three").replace(
        b"CSeq:", b"Replaces: " + header(asked2, b"Call-ID") + b" ;to-tag=t-carol;from-tag=a-two;early-only\r\nCSeq:"
    )
    (sent,) = sends(made.from_access(pickup), "core")
    assert header(sent, b"Replaces") == header(sent2, b"Call-ID") + b";to-tag=t-carol;from-tag=a-two;early-only"


def test_the_core_transfers_after_asking_and_one_phone_takes_the_place_of_it_at_the_other() -> None:
    """The softswitch has alice and dave in two calls, and sends alice to dave in its own place: her INVITE goes through
    the core, and dave, who sees his own call named, is told of nothing else."""
    made = rig()
    asked, _, back = rung(made, PHONE, NAT, b"alice", b"one")
    asked2, got2, back2 = rung(made, DAVE, DAVES_NAT, b"dave", b"two")
    named = replacing(header(asked2, b"Call-ID"), tag(header(back2, b"To")), tag(header(asked2, b"From")))
    (told,) = sends(made.from_core(refer(asked, back, contact(back2) + b"?Replaces=" + named)), "access")
    target = header(told, b"Refer-To")[1:-1]
    place, _, _ = target.partition(b"?")
    value = replaces_of(target + b">")
    assert value == b"%b;to-tag=t-dave;from-tag=a-two" % header(got2, b"Call-ID")
    assert_no_trace(told, DAVE.host, DAVES_NAT.host, SOFTSWITCH.host, SBC_CORE.host)
    asked3 = invite(PHONE, call=b"three", to=place).replace(b"CSeq:", b"Replaces: " + value + b"\r\nCSeq:")
    (sent3,) = sends(made.from_access(asked3), "core")
    assert sent3.startswith(b"INVITE " + contact(back2) + b" ")
    assert header(sent3, b"Replaces") == b"%b;to-tag=t-dave;from-tag=a-two" % header(asked2, b"Call-ID")
    orders = made.from_core(hairpin(made, sent3))  # a proxy sends it where it says, which is back to us
    (send,) = [o for o in of(Send, orders) if o.listener.realm == "access"]
    assert send.to == DAVES_NAT and send.data.startswith(b"INVITE sip:dave@192.168.1.77:5060 ")
    assert header(send.data, b"Replaces") == value
    assert_no_trace(send.data, PHONE.host, NAT.host, SOFTSWITCH.host, SBC_CORE.host)


def test_phones_that_the_core_joins_transfer_among_themselves() -> None:
    """alice has called dave through the softswitch, twice hairpinned, and bob in the core; she sends bob to dave."""
    made = rig()
    (bound,) = sends(made.from_access(register(DAVE, user=b"dave", call=b"reg-dave"), DAVES_NAT), "core")
    made.from_core(registered(bound))
    asked, _, back = called(made, b"one", b"bob")
    asked2 = invite(PHONE, call=b"two", to=b"sip:dave@sbc.example.com")
    (sent2,) = sends(made.from_access(asked2), "core")
    pinned = hairpin(made, sent2, contact(bound))
    (got,) = [o.data for o in of(Send, made.from_core(pinned)) if o.listener.realm == "access" and o.to == DAVES_NAT]
    (ok,) = sends(made.from_access(answer(got, DAVE.host, tag=b"t-dave"), DAVES_NAT), "core")
    (back2,) = sends(made.from_core(unpin(ok)), "access")
    named = replacing(header(asked2, b"Call-ID"), b"t-dave", b"a-two")
    (sent,) = sends(made.from_access(refer(asked, back, contact(back2) + b"?Replaces=" + named)), "core")
    value = replaces_of(header(sent, b"Refer-To"))
    assert value == b"%b;to-tag=t-dave;from-tag=a-two" % header(sent2, b"Call-ID")
    to = header(sent, b"Refer-To")[1:].partition(b"?")[0]
    assert to == contact(ok)
    bobs = invite(SOFTSWITCH, call=b"bobs", to=to).replace(b"CSeq:", b"Replaces: " + value + b"\r\nCSeq:")
    (send,) = [o for o in of(Send, made.from_core(bobs)) if o.listener.realm == "access"]
    assert send.to == DAVES_NAT and header(send.data, b"Replaces").partition(b";")[0] == header(got, b"Call-ID")


def test_a_call_that_nobody_here_knows_is_named_and_hidden_all_the_same() -> None:
    made = rig()
    asked, _, back = called(made, b"one")
    to = b"sip:carol@sbc.example.com?Replaces=" + replacing(b"alien@192.168.1.10", b"x", b"y")
    (sent,) = sends(made.from_access(refer(asked, back, to)), "core")
    assert_no_trace(sent, PHONE.host)
    assert replaces_of(header(sent, b"Refer-To")).endswith(b";to-tag=x;from-tag=y")
    assert only_call(made)
