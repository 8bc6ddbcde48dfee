"""Calls between IPv6 and IPv4, in memory: each side reads its own family alone, whatever the other has written."""

from __future__ import annotations

import re

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Listener, OpenStream, UpdateStream
from sbc.core.realm import Plan
from sbc.sip.dialect import SipDialect
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import answer, contact, header, inside, invite, plain_answer, register, sdp
from tests.sip_messages import registered as registrar_ok

SBC6, PHONE6, SWITCH6 = Address("2001:db8:1::1", 5060), Address("2001:db8:1::10", 5060), Address("2001:db8:2::2", 5060)


def six(data: bytes, old: str = PHONE.host, new: str = PHONE6.host) -> bytes:
    """A message as its IPv6 sender writes it, with its length made right."""
    data = data.replace(b"IN IP4 " + old.encode(), b"IN IP6 " + new.encode())
    data = re.sub(rb"(?<![0-9.])" + re.escape(old.encode()) + rb"(?![0-9.])", b"[%b]" % new.encode(), data)
    head, mark, body = data.partition(b"\r\n\r\n")
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + mark + body


def plan_of(realm: str) -> Plan:
    """A plan whose one realm is IPv6."""
    plan = make_plan("sip")
    own = plan.realms[realm]
    made = attrs.evolve(
        own,
        listeners=(Listener(realm, "sip", "udp", SBC6, SBC6),),
        media=attrs.evolve(own.media, address=SBC6.host, advertised=SBC6.host),
    )
    path = plan.paths[0] if realm == "access" else attrs.evolve(plan.paths[0], next_hops=(SWITCH6,))
    return attrs.evolve(plan, realms={**plan.realms, realm: made}, paths=(path,))


def families(data: bytes) -> set[bytes]:
    return set(re.findall(rb"IN (IP[46]) ", data))


def of_phone6() -> tuple[Rig, bytes, bytes]:
    """A call of an IPv6 phone, asked: the rig, the INVITE, and as the softswitch gets it."""
    rig = Rig.make(SipDialect(), plan_of("access"))
    asked = six(invite(PHONE))
    (sent,) = sends(rig.from_access(asked, PHONE6), "core")
    return rig, asked, sent


def test_an_ipv6_phone_calls_an_ipv4_softswitch() -> None:
    rig, asked, sent = of_phone6()
    assert b"2001:db8" not in sent and families(sent) == {b"IP4"}
    assert b"c=IN IP4 198.51.100.1\r\n" in sent
    *_, back = sends(rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    assert_no_trace(back, SOFTSWITCH.host, "198.51.100.1")
    assert families(back) == {b"IP6"} and b"c=IN IP6 2001:db8:1::1\r\n" in back
    assert contact(back).endswith(b"@[2001:db8:1::1]:5060")
    assert header(back, b"Via").startswith(b"SIP/2.0/UDP [2001:db8:1::10]:5060;")
    assert b";received=2001:db8:1::10;" in header(back, b"Via") + b";", "no brackets (RFC 5118 section 4.5)"
    (ack,) = sends(rig.from_access(inside(asked, back, b"ACK", 1), PHONE6), "core")
    assert ack.startswith(b"ACK sip:bob@198.51.100.2:5060 ")
    (opened,) = of(OpenStream, rig.log)
    here, there = opened.spec.sides
    assert (here.local.rtp.host, there.local.rtp.host) == (SBC6.host, "198.51.100.1")
    assert here.remote is not None and here.remote.rtp == Address(PHONE6.host, 4000) and not here.behind_nat


def test_an_ipv4_softswitch_calls_an_ipv6_phone() -> None:
    rig = Rig.make(SipDialect(), plan_of("access"))
    (sent,) = sends(rig.from_access(six(register(PHONE)), PHONE6), "core")
    assert b"2001:db8" not in sent
    rig.from_core(registrar_ok(sent))
    orders = rig.from_core(invite(SOFTSWITCH, to=contact(sent)))
    (asked,) = sends(orders, "access")
    assert asked.startswith(b"INVITE sip:alice@[2001:db8:1::10]:5060")
    assert families(asked) == {b"IP6"} and contact(asked).endswith(b"@[2001:db8:1::1]:5060")
    assert_no_trace(asked, SOFTSWITCH.host, "198.51.100.1")
    (ok,) = sends(rig.from_access(six(answer(asked, PHONE.host)), PHONE6), "core")
    assert b"2001:db8" not in ok and families(ok) == {b"IP4"}


def test_an_ipv4_phone_and_an_ipv6_softswitch() -> None:
    rig = Rig.make(SipDialect(), plan_of("core"))
    (sent,) = sends(rig.from_access(invite(PHONE)), "core")
    assert sent.startswith(b"INVITE sip:bob@[2001:db8:2::2] SIP/2.0\r\n")
    assert families(sent) == {b"IP6"} and b"192.168.1.10" not in sent
    ok = six(answer(sent, "198.51.100.2"), "198.51.100.2", SWITCH6.host)
    *_, back = sends(rig.from_core(ok, SWITCH6), "access")
    assert families(back) == {b"IP4"} and b"2001:db8" not in back


@pytest.mark.parametrize("hold", [b"IN IP6 ::", b"IN IP4 0.0.0.0"])
def test_hold_by_the_unspecified_address_crosses_in_the_other_family(hold: bytes) -> None:
    """RFC 3264 section 8.4 knows 0.0.0.0; an IPv6 phone may write ::, which no IPv4 peer could read."""
    rig, asked, sent = of_phone6()
    *_, back = sends(rig.from_core(answer(sent, SOFTSWITCH.host)), "access")
    rig.from_access(inside(asked, back, b"ACK", 1), PHONE6)
    body = sdp(PHONE.host).replace(b"c=IN IP4 192.168.1.10", b"c=" + hold)
    body = body.replace(b"IP4 192.168.1.10", b"IP6 2001:db8:1::10")
    (held,) = sends(rig.from_access(inside(asked, back, b"INVITE", 2, body=body), PHONE6), "core")
    assert b"c=IN IP4 0.0.0.0\r\n" in held and families(held) == {b"IP4"}


def test_hold_from_the_core_reaches_the_ipv6_phone_in_its_family() -> None:
    rig, _, sent = of_phone6()
    ok = answer(sent, SOFTSWITCH.host, body=sdp("0.0.0.0"))
    *_, back = sends(rig.from_core(ok), "access")
    assert b"c=IN IP6 ::\r\n" in back and families(back) == {b"IP6"}


def test_media_of_the_wrong_family_is_sent_nowhere_but_may_be_learned() -> None:
    """A phone in an IPv6 network that loads an IPv4 address cannot mean one we can send to."""
    rig = Rig.make(SipDialect(), plan_of("access"))
    asked = six(invite(PHONE)).replace(b"c=IN IP6 2001:db8:1::10", b"c=IN IP4 192.168.1.10  ".rstrip())
    head, _, body = asked.partition(b"\r\n\r\n")
    asked = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body
    (sent,) = sends(rig.from_access(asked, PHONE6), "core")
    assert families(sent) == {b"IP4"} and b"192.168" not in sent
    rig.from_core(answer(sent, SOFTSWITCH.host))
    (opened,) = of(OpenStream, rig.log)
    assert opened.spec.sides[0].remote is None and opened.spec.sides[0].behind_nat
    assert all(order.spec.remote is None for order in of(UpdateStream, rig.log) if order.side == 0)


def test_rtcp_of_the_wrong_family_follows_rtp() -> None:
    rig = Rig.make(SipDialect())
    body = sdp(PHONE.host) + b"a=rtcp:4444 IN IP6 2001:db8:1::10\r\n"
    asked = invite(PHONE)
    head = asked.partition(b"\r\n\r\n")[0]
    asked = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body
    (sent,) = sends(rig.from_access(asked, NAT), "core")
    assert b"2001:db8" not in sent and families(sent) == {b"IP4"}
    (opened,) = of(OpenStream, rig.log)
    remote = opened.spec.sides[0].remote
    assert remote is not None and remote.rtcp == Address(PHONE.host, 4001)
    rig.from_core(plain_answer(sent, b"486 Busy Here"))


def test_an_ipv6_address_is_hidden_however_it_is_spelt() -> None:
    rig = Rig.make(SipDialect(), plan_of("access"))
    value = (
        b"a=[2001:DB8:1::10]:5060 b=2001:0db8:0001:0:0:0:0:10 c=%402001:db8:1::10 d=2001:db8:1::11 e=12:00:01 f=[::1]"
    )
    asked = six(invite(PHONE)).replace(b"CSeq:", b"X-Seen: " + value + b"\r\nCSeq:")
    (sent,) = sends(rig.from_access(asked, PHONE6), "core")
    assert header(sent, b"X-Seen") == (
        b"a=198.51.100.1:5060 b=198.51.100.1 c=%40198.51.100.1 d=2001:db8:1::11 e=12:00:01 f=[::1]"
    )
