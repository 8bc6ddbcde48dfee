"""Bandwidth in memory, in each protocol: reserved with the offer, trimmed by the answer, changed, and given back."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.admitted import recount
from sbc.core.message import Flow, Width
from sbc.core.orders import Note, Rate, UpdateStream
from sbc.core.realm import EMERGENCY, Plan, Signaling
from sbc.h323.codec import build_control, build_ras
from sbc.h323.dialect import H323Dialect
from sbc.h323.per import decode
from sbc.mgcp.dialect import MgcpDialect
from sbc.policy.bandwidth import demand
from sbc.policy.demand import Bandwidth, Fit, Police
from sbc.sip.dialect import SipDialect
from tests.calls.test_h323_calls import BY_TCP, admitted, from_gatekeeper, heard, opened, tcp
from tests.h248_calls import DIALECT, FAR, RTP, gateway, read
from tests.h248_words import WIRES, command, media, reply, transaction
from tests.h248_words import sdp as h248_sdp
from tests.h323_calls import (
    CONFERENCE,
    GATEKEEPER,
    GUID,
    acf,
    address_in,
    arq,
    fast_start,
    h323_plan,
    plain,
    registered,
    release,
    said_back,
    setup,
    to,
    tunnel,
)
from tests.h323_calls import read as read_h323
from tests.mgcp_calls import Line, mgcp_plan, sent
from tests.mgcp_messages import crcx as mgcp_crcx
from tests.mgcp_messages import created, dlcx, mdcx, response
from tests.rig import PHONE, SBC_CORE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.sip_messages import answer, header, inside, invite, plain_answer, status, without_sdp

G711, G729 = 84_000, 25_200  # bit/s of IPv4 packets of 20 ms, and a twentieth for RTCP
NOTHING = (0, 0)


def limited(plan: Plan, kbits: int = 0, realm: str = "core", **bandwidth: Any) -> Plan:
    """A plan with so much bandwidth in and out of a realm; `bandwidth` are what both take it for."""
    realms = {name: attrs.evolve(each, bandwidth=Bandwidth(**bandwidth)) for name, each in plan.realms.items()}
    limits = attrs.evolve(realms[realm].limits, bandwidth_in=kbits, bandwidth_out=kbits)
    realms[realm] = attrs.evolve(realms[realm], limits=limits)
    return attrs.evolve(plan, realms=realms)


def held(rig: Rig, realm: str) -> tuple[int, int]:
    """The bit/s that come in and go out in a realm."""
    tally = rig.border.registry.gate.book.realm(realm)
    return tally.into, tally.out


def assert_held(rig: Rig, into: int, out: int | None = None) -> None:
    """What the access realm takes, and the core realm the other way round."""
    out = into if out is None else out
    assert (held(rig, "access"), held(rig, "core")) == ((into, out), (out, into))


# -- SIP

HOG = "m=video 5000 RTP/AVP 97\r\nb=AS:90000\r\nb=RR:900000000\r\na=rtpmap:97 H264/90000\r\n"
FAX = "m=image 4002 udptl t38\r\na=T38MaxBitRate:14400\r\n"


def sdp(host: str, formats: str = "0 18 101", more: str = "") -> bytes:
    lines = (
        *("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio 4000 RTP/AVP {formats}"),
        *("a=rtpmap:0 PCMU/8000", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no", "a=rtpmap:101 telephone-event/8000"),
        *("a=rtpmap:96 opus/48000/2", "a=sendrecv"),
    )
    return "\r\n".join((*lines, "")).encode() + more.encode()


def sip_rig(kbits: int = 0, **bandwidth: Any) -> Rig:
    return Rig.make(SipDialect(), limited(make_plan("sip"), kbits, **bandwidth))


def offer(body: bytes, call: bytes = b"one") -> bytes:
    head, _, _ = invite(PHONE, call).partition(b"Content-Type")
    return head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def called(rig: Rig, body: bytes, call: bytes = b"one") -> tuple[bytes, bytes]:
    """An INVITE as it came, and as it went on."""
    asked = offer(body, call)
    (on,) = sends(rig.from_access(asked), "core")
    return asked, on


def talks(rig: Rig, body: bytes, answered: bytes, call: bytes = b"one") -> tuple[bytes, bytes]:
    """A call that is up: its INVITE as it came, and the 200 as the phone got it."""
    asked, on = called(rig, body, call)
    back = sends(rig.from_core(answer(on, SOFTSWITCH.host, body=answered)), "access")[-1]
    rig.from_access(inside(asked, back, b"ACK", 1))
    return asked, back


def test_sip_reserves_the_dearest_of_an_offer_and_keeps_what_was_agreed() -> None:
    rig = sip_rig()
    asked, on = called(rig, sdp(PHONE.host))
    assert_held(rig, G711)
    early = answer(on, SOFTSWITCH.host, b"183 Session Progress", body=sdp(SOFTSWITCH.host, "18 101"))
    rig.from_core(early)
    assert_held(rig, G711)  # somebody else may answer
    back = sends(rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "18 101"))), "access")[-1]
    rig.from_access(inside(asked, back, b"ACK", 1))
    assert_held(rig, G729)
    (bye,) = sends(rig.from_access(inside(asked, back)), "core")
    assert_held(rig, G729)
    rig.from_core(plain_answer(bye, b"200 OK"))
    assert_held(rig, 0)


def test_no_stream_takes_more_than_one_may_have_whatever_is_said_of_it() -> None:
    rig = sip_rig(100_000, most=3_000)
    called(rig, sdp(PHONE.host, more=HOG))
    into, out = held(rig, "core")
    assert G711 + 3_000_000 < into <= G711 + 3_300_000 and into == out
    assert all(sends(rig.from_access(offer(sdp(PHONE.host, more=HOG), b"c%d" % n)), "core") for n in range(10))


def test_voice_may_turn_into_fax_where_there_is_room_for_either() -> None:
    rig = sip_rig(90)
    asked, back = talks(rig, sdp(PHONE.host, "0"), sdp(SOFTSWITCH.host, "0"))
    assert_held(rig, G711)
    fax = sdp(PHONE.host, "0").partition(b"m=")[0] + FAX.encode()
    (on,) = sends(rig.from_access(inside(asked, back, b"INVITE", 2, body=fax)), "core")
    assert_held(rig, G711)
    said = answer(on, SOFTSWITCH.host, body=fax.replace(PHONE.host.encode(), SOFTSWITCH.host.encode()))
    assert sends(rig.from_core(said), "access")
    assert_held(rig, 58_400)
    (on,) = sends(rig.from_access(inside(asked, back, b"INVITE", 3, body=sdp(PHONE.host, "0"))), "core")
    assert_held(rig, G711)
    rig.from_core(plain_answer(on, b"488 Not Acceptable Here"))
    assert_held(rig, 58_400)


def test_sip_trims_by_an_answer_that_came_early() -> None:
    rig = sip_rig()
    _, on = called(rig, sdp(PHONE.host))
    rig.from_core(answer(on, SOFTSWITCH.host, b"183 Session Progress", body=sdp(SOFTSWITCH.host, "18 101")))
    rig.from_core(plain_answer(on, b"200 OK", b"Contact: <sip:bob@198.51.100.2:5060>"))
    assert_held(rig, G729)


@pytest.mark.parametrize("said", [b"486 Busy Here", b"503 Service Unavailable"])
def test_sip_gives_back_what_a_refused_call_had(said: bytes) -> None:
    rig = sip_rig()
    _, on = called(rig, sdp(PHONE.host))
    rig.from_core(plain_answer(on, said))
    assert_held(rig, 0)


def test_sip_refuses_a_call_for_which_there_is_too_little_before_anybody_is_called() -> None:
    rig = sip_rig(100)
    talks(rig, sdp(PHONE.host, "0"), sdp(SOFTSWITCH.host, "0"))
    orders = rig.from_access(offer(sdp(PHONE.host), b"two"))
    assert sends(orders, "core") == []
    refused = sends(orders, "access")[-1]
    assert status(refused) == 488 and header(refused, b"Warning").startswith(b"370 ")
    assert_held(rig, G711)
    cheap, _ = called(sip_rig(30), sdp(PHONE.host, "18"))
    assert cheap  # for which there is enough


def test_sip_counts_each_direction_apart() -> None:
    rig = sip_rig()
    mine, yours = sdp(PHONE.host, "96", "b=TIAS:20000\r\n"), sdp(SOFTSWITCH.host, "96", "b=TIAS:100000\r\n")
    talks(rig, mine, yours)
    assert_held(rig, (100_000 + 16_000) * 105 // 100, (20_000 + 16_000) * 105 // 100)


def test_sip_asks_for_more_within_a_call_and_goes_on_as_it_was_where_there_is_none() -> None:
    rig = sip_rig(60)
    asked, back = talks(rig, sdp(PHONE.host, "18"), sdp(SOFTSWITCH.host, "18"))
    before = [stream.limit(call, 0) for call in rig.border.registry.calls.values() for stream in call.streams.values()]
    again = inside(asked, back, b"INVITE", 3, sdp(PHONE.host, "0"))
    orders = rig.from_access(again)
    assert sends(orders, "core") == [] and status(sends(orders, "access")[-1]) == 488
    assert_held(rig, G729)
    (call,) = rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    assert [stream.limit(call, 0)] == before and stream.media[0].startswith("audio G729/8000")


def test_sip_holds_both_while_another_offer_is_open_and_goes_back_where_it_is_turned_down() -> None:
    rig = sip_rig()
    asked, back = talks(rig, sdp(PHONE.host, "18"), sdp(SOFTSWITCH.host, "18"))
    (on,) = sends(rig.from_access(inside(asked, back, b"INVITE", 3, sdp(PHONE.host, "0"))), "core")
    assert_held(rig, G711)
    rig.from_core(plain_answer(on, b"488 Not Acceptable Here"))
    assert_held(rig, G729)
    (on,) = sends(rig.from_access(inside(asked, back, b"INVITE", 4, sdp(PHONE.host, "0"))), "core")
    rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "0")))
    assert_held(rig, G711)


def test_sip_asks_for_what_is_offered_in_an_answer() -> None:
    """RFC 3264: the offer may be in the 200, and its answer in the ACK."""
    rig = sip_rig()
    asked = invite(PHONE).partition(b"Content-Type")[0] + b"Content-Length: 0\r\n\r\n"
    (on,) = sends(rig.from_access(asked), "core")
    assert_held(rig, G711)
    back = sends(rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host))), "access")[-1]
    assert_held(rig, G711)
    rig.from_access(inside(asked, back, b"ACK", 1, sdp(PHONE.host, "18 101")))
    assert_held(rig, G729)


@pytest.mark.parametrize(("kbits", "rings"), [(20, False), (30, True), (0, True)])
def test_sip_rings_nobody_where_whatever_is_answered_would_be_too_much(kbits: int, rings: bool) -> None:
    """Who is called offers, in an answer: by then it is late to refuse."""
    rig = sip_rig(kbits)
    orders = rig.from_access(without_sdp(offer(sdp(PHONE.host))))
    assert bool(sends(orders, "core")) is rings
    if not rings:
        assert status(sends(orders, "access")[-1]) == 488 and rig.border.registry.calls == {}
    assert_held(rig, (G711 if not kbits else G729) if rings else 0)


def asked_without(rig: Rig, call: bytes = b"one") -> tuple[bytes, list[bytes], bytes]:
    """A call without a description: as it came, what goes on, and what is said back."""
    asked = without_sdp(offer(sdp(PHONE.host), call))
    orders = rig.from_access(asked)
    return asked, sends(orders, "core"), (sends(orders, "access") or [b""])[-1]


def test_sip_reserves_voice_for_a_call_that_describes_nothing() -> None:
    """Else as many of them ring as there are, and whoever picks up last hears that there is no room."""
    rig = sip_rig(100)
    _, (on,), _ = asked_without(rig)
    assert_held(rig, G711)
    _, second, told = asked_without(rig, b"two")
    assert not second and status(told) == 488
    rig.from_core(plain_answer(on, b"486 Busy Here"))
    assert_held(rig, 0)
    assert asked_without(rig, b"three")[1], "there is room again"


def test_sip_reserves_the_least_where_there_is_no_more() -> None:
    rig = sip_rig(60)
    asked_without(rig)
    assert_held(rig, G729)


def test_sip_gives_back_what_was_reserved_when_it_is_told_what_flows() -> None:
    rig = sip_rig(100)
    asked, (on,), _ = asked_without(rig)
    back = sends(rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "18 101"))), "access")[-1]
    assert_held(rig, G729)
    rig.from_access(inside(asked, back, b"ACK", 1, sdp(PHONE.host, "18 101")))
    assert_held(rig, G729)
    bye = sends(rig.from_access(inside(asked, back, b"BYE", 2)), "core")[-1]
    rig.from_core(plain_answer(bye, b"200 OK"))
    assert_held(rig, 0)


def test_sip_gives_back_what_was_reserved_where_an_answer_describes_nothing() -> None:
    rig = sip_rig(100)
    asked, (on,), _ = asked_without(rig)
    back = sends(rig.from_core(without_sdp(answer(on, SOFTSWITCH.host))), "access")[-1]
    assert_held(rig, 0)
    bye = sends(rig.from_access(inside(asked, back, b"BYE", 2)), "core")[-1]
    rig.from_core(plain_answer(bye, b"200 OK"))
    assert_held(rig, 0)


def test_sip_keeps_what_was_reserved_while_an_answer_without_a_description_is_acknowledged() -> None:
    """RFC 3262: a PRACK is over before anybody has picked up, and its 200 says nothing of what the INVITE has still to
    be told."""
    rig = sip_rig(100)
    asked, (on,), _ = asked_without(rig)
    early = sends(rig.from_core(answer(on, SOFTSWITCH.host, b"180 Ringing")), "access")[-1]
    (onward,) = sends(rig.from_access(inside(asked, early, b"PRACK", 2)), "core")
    rig.from_core(plain_answer(onward, b"200 OK"))
    assert_held(rig, G711)
    assert not asked_without(rig, b"two")[1], "there is no room for another"
    rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "18 101")))
    assert_held(rig, G729)


def test_sip_cuts_what_is_offered_in_an_answer_rather_than_refuse_whom_somebody_has_picked_up_for() -> None:
    rig = sip_rig(60)  # though it is not to cut what is offered in a request
    asked, (on,), _ = asked_without(rig)
    back = sends(rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host))), "access")[-1]
    assert status(back) == 200 and b" RTP/AVP 18 101\r\n" in back
    assert_held(rig, G729)
    rig.from_access(inside(asked, back, b"ACK", 1, sdp(PHONE.host, "18 101")))
    assert_held(rig, G729)


def test_sip_ends_a_call_for_which_nothing_that_is_offered_in_an_answer_fits() -> None:
    rig = sip_rig(60)
    _, (on,), _ = asked_without(rig)
    orders = rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "0")))
    told = sends(orders, "access")[-1]
    assert status(told) == 488 and header(told, b"Warning").startswith(b"370 ")
    confirmed, bye = sends(orders, "core")
    assert confirmed.startswith(b"ACK ") and bye.startswith(b"BYE ")
    rig.from_core(plain_answer(bye, b"200 OK"))
    assert_held(rig, 0)


def test_sip_lets_an_urgent_call_have_what_is_not_there() -> None:
    rig = Rig.make(SipDialect(emergency=EMERGENCY), limited(make_plan("sip"), 10))
    asked = invite(PHONE, to=b"sip:112@sbc.example.com")
    assert len(sends(rig.from_access(asked), "core")) == 1
    assert_held(rig, G711)


@pytest.mark.parametrize(
    ("fit", "kbits", "expected"),
    [
        (Fit.FILTER, 60, b"18 101"),
        (Fit.CHEAPEST, 60, b"18 101"),
        (Fit.FILTER, 90, b"0 18 101"),
    ],
)
def test_sip_goes_on_with_the_formats_that_fit(fit: Fit, kbits: int, expected: bytes) -> None:
    rig = sip_rig(kbits, fit=fit)
    _, on = called(rig, sdp(PHONE.host))
    assert b" RTP/AVP %b\r\n" % expected in on
    assert (b"a=rtpmap:0 " in on) is (b"0 18" in expected) and b"a=rtpmap:18 G729" in on and b"a=fmtp:18" in on
    assert header(on, b"Content-Length") == b"%d" % len(on.partition(b"\r\n\r\n")[2])
    assert_held(rig, G711 if b"0 18" in expected else G729)


def test_sip_refuses_what_cannot_be_made_to_fit() -> None:
    rig = sip_rig(20, fit=Fit.FILTER)
    orders = rig.from_access(offer(sdp(PHONE.host)))
    assert sends(orders, "core") == [] and status(sends(orders, "access")[-1]) == 488
    assert_held(rig, 0)


def test_the_engine_lets_pass_what_was_agreed_on_both_sides() -> None:
    rig = sip_rig()
    _, on = called(rig, sdp(PHONE.host))
    orders = rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "18 101")))
    limits = {order.side: order.spec.limit for order in of(UpdateStream, orders)}
    assert limits == {0: Rate(3_000, 15_000), 1: Rate(3_000, 15_000)}
    free = sip_rig(police=Police.OFF)
    called(free, sdp(PHONE.host))
    (call,) = free.border.registry.calls.values()
    assert [stream.limit(call, 0) for stream in call.streams.values()] == [None]


def limits_of(rig: Rig) -> list[Rate | None]:
    (call,) = rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    return stream.limits


def test_what_is_in_force_goes_on_while_another_offer_is_open() -> None:
    rig = sip_rig()
    asked, back = talks(rig, sdp(PHONE.host, "0 18 101"), sdp(SOFTSWITCH.host, "0 101"))
    (on,) = sends(rig.from_access(inside(asked, back, b"INVITE", 3, sdp(PHONE.host, "18 101"))), "core")
    assert all(each is None or each.octets > 8_600 for each in limits_of(rig))
    rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "18 101")))
    assert limits_of(rig) == [Rate(3_000, 15_000)] * 2


def test_sip_takes_an_answer_that_is_dearer_than_the_offer_and_counts_it() -> None:
    rig = sip_rig(80)
    _, on = called(rig, sdp(PHONE.host, "0", "a=ptime:30\r\n"))
    assert_held(rig, 78_400)
    orders = rig.from_core(answer(on, SOFTSWITCH.host, body=sdp(SOFTSWITCH.host, "0", "a=ptime:10\r\n")))
    assert status(sends(orders, "access")[-1]) == 200
    assert max(held(rig, "core")) > 80_000 and rig.border.registry.gate.book.realm("core").passed


def test_sip_keeps_nothing_of_offers_that_crossed_and_were_refused() -> None:
    rig = sip_rig()
    asked, back = talks(rig, sdp(PHONE.host, "18"), sdp(SOFTSWITCH.host, "18"))
    (on,) = sends(rig.from_access(inside(asked, back, b"INVITE", 3, sdp(PHONE.host, "0 18"))), "core")
    (call,) = rig.border.registry.calls.values()
    (stream,) = call.streams.values()
    assert_held(rig, G711)
    networks = rig.border.registry.networks
    stream.flows[1], mine = stream.flows[0], stream.flows[1]  # the other side offers the same
    rig.from_core(plain_answer(on, b"491 Request Pending"))
    assert_held(rig, G711)
    stream.flows[1] = mine
    recount(networks, call, stream, stream.admitted)  # and is refused, too
    assert_held(rig, G729)


# -- MGCP


def mgcp(kbits: int = 0, **bandwidth: Any) -> Line:
    return Line.register(Rig.make(MgcpDialect(), limited(mgcp_plan(), kbits, **bandwidth)))


def test_mgcp_reserves_with_a_connection_and_gives_back_with_it() -> None:
    line = mgcp()
    line.connect()
    assert_held(line.rig, G711)
    heard = line.asked(mdcx(line.next(), line.at(), "1F", described=mgcp_sdp("18")))
    assert_held(line.rig, G711)
    line.told(response(200, heard, described=(mgcp_sdp("18"),)))
    assert_held(line.rig, G729)
    heard = line.asked(dlcx(line.next(), line.at(), "2a", "1F"))
    line.told(response(250, heard))
    assert_held(line.rig, 0)


def mgcp_sdp(formats: str, host: str = "198.51.100.77") -> bytes:
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio 6000 RTP/AVP {formats}", "")
    return "\r\n".join(lines).encode()


def test_mgcp_refuses_a_connection_for_which_there_is_too_little() -> None:
    line = mgcp(50)
    orders = line.agent(mgcp_crcx(line.next(), line.at(), described=mgcp_sdp("8")))
    assert sent(orders, "access") == []
    assert sent(orders, "core")[-1].data.startswith(b"404 ")
    assert_held(line.rig, 0)


def test_mgcp_takes_off_a_connection_whose_gateway_asks_for_too_much() -> None:
    line = mgcp(50)
    asked = line.asked(mgcp_crcx(line.next(), line.at()).replace(b"a:PCMA", b"a:PCMA;G729"))
    orders = line.says(created(asked, "1F", "192.168.1.10", 4000))
    assert [each.data[:4] for each in sent(orders, "core")] == [b"404 "]
    assert any(each.data.startswith(b"DLCX ") for each in sent(orders, "access"))
    assert_held(line.rig, 0)


def test_mgcp_refuses_a_connection_that_could_not_be_had_whatever_the_gateway_chose() -> None:
    line = mgcp(50)
    orders = line.agent(mgcp_crcx(line.next(), line.at()))  # of PCMA
    assert sent(orders, "access") == [] and sent(orders, "core")[-1].data.startswith(b"404 ")
    assert_held(line.rig, 0)


def test_mgcp_goes_on_with_the_formats_that_fit() -> None:
    line = mgcp(50, fit=Fit.FILTER)
    heard = line.asked(mgcp_crcx(line.next(), line.at(), described=mgcp_sdp("8 18")))
    assert b" RTP/AVP 18\r\n" in heard
    assert_held(line.rig, G729)


# -- H.248


def h248(wire: str, kbits: int = 0, **bandwidth: Any) -> Any:
    plan = limited(make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL), kbits, **bandwidth)
    return gateway(Rig.make(DIALECT, plan), wire=wire)


@pytest.mark.parametrize("wire", WIRES)
def test_h248_reserves_with_a_termination_and_gives_back_with_it(wire: str) -> None:
    found = h248(wire)
    found.call()
    assert_held(found.rig, G711)
    asked = found.subtract()
    gone = command(b"Subtract", RTP)
    found.say(reply(asked.transaction, 5, command(b"Subtract", b"al/1"), gone))
    assert_held(found.rig, 0)


@pytest.mark.parametrize("wire", WIRES)
def test_h248_refuses_a_modification_that_asks_for_more_than_there_is(wire: str) -> None:
    found = h248(wire, 60)
    line, rtp = command(b"Add", b"al/1"), command(b"Add", b"$", media(local=h248_sdp()))
    asked = read(*found.told(found.ask(transaction(10, b"$", line, rtp))))
    cheap = h248_sdp("192.168.1.10", 4000).replace(b"AVP 8", b"AVP 18")
    found.say(reply(asked.transaction, 5, command(b"Add", b"al/1"), command(b"Add", RTP, media(local=cheap))))
    assert_held(found.rig, G729)
    orders = found.modify()
    assert found.told(orders) == []
    (back,) = found.heard(orders)
    assert b"526" in back or b"\x02\x0e" in back
    assert_held(found.rig, G729)


@pytest.mark.parametrize("wire", WIRES)
def test_h248_goes_on_with_the_formats_that_fit(wire: str) -> None:
    found = h248(wire, 60, fit=Fit.FILTER)
    line, names = command(b"Add", b"al/1"), b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\n"
    far = h248_sdp(FAR.host, FAR.port, names).replace(b"AVP 8", b"AVP 8 18")
    rtp = command(b"Add", b"$", media(local=h248_sdp(), remote=far))
    (there,) = found.told(found.ask(transaction(10, b"$", line, rtp)))
    assert b"RTP/AVP 18" in there and b"rtpmap:8 " not in there and b"rtpmap:18 " in there
    assert_held(found.rig, G729)


# -- H.323


def h323(kbits: int = 0, **bandwidth: Any) -> Rig:
    return Rig.make(H323Dialect(), limited(h323_plan(), kbits, **bandwidth))


def ahead(kbits: int) -> Rig:
    return h323(kbits, ahead=True)


def test_h323_reserves_with_the_setup_and_gives_back_with_the_release() -> None:
    rig = h323()
    admitted(rig)
    assert_held(rig, 0)
    on = opened(rig)
    assert_held(rig, G711)
    from_gatekeeper(rig, on, said_back("connect", on.data, SOFTSWITCH.host))
    assert_held(rig, G711)
    from_gatekeeper(rig, on, release(on.data, back=True))
    assert_held(rig, 0)


def test_h323_refuses_a_setup_for_which_there_is_too_little() -> None:
    rig = h323(50)
    admitted(rig, bandWidth=160)
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup())
    assert to(orders, "core") == []
    (back,) = to(orders, "access")
    said = read_h323(back)
    assert said.name == "releaseComplete" and said.value["reason"][0] == "noBandwidth"
    rig.wait(120)
    assert_held(rig, 0)


def test_h323_rejects_a_channel_for_which_there_is_too_little() -> None:
    rig = h323(50)
    admitted(rig, bandWidth=160)
    on = opened(rig, fast=False)
    from_gatekeeper(rig, on, said_back("connect", on.data))
    channel = build_control("request", "openLogicalChannel", _channel(), tpkt=False)
    orders = from_gatekeeper(rig, on, tunnel(on.data, [channel], back=True))
    assert to(orders, "access") == []
    (back,) = to(orders, "core")
    (pdu,) = [each for each in read_h323(back).pdus if each.name == "openLogicalChannelReject"]
    assert pdu.value["forwardLogicalChannelNumber"] == 101 and pdu.value["cause"][0] == "insufficientBandwidth"
    from_gatekeeper(rig, on, release(on.data, back=True))
    assert_held(rig, 0)


DEAR, LEAN = ("g711Alaw64k", 20), ("g729", 2)
FITS = pytest.mark.parametrize(
    ("fit", "kbits", "expected"),
    [
        (Fit.FILTER, 60, [LEAN]),
        (Fit.CHEAPEST, 60, [LEAN]),
        (Fit.FILTER, 90, [DEAR, LEAN]),
        (Fit.CHEAPEST, 83, [LEAN]),
        (Fit.REFUSE, 60, []),
        (Fit.FILTER, 20, []),
    ],
)
"""What is left of G.711 and G.729, where so much is there; nothing: it is refused."""


@FITS
def test_h323_goes_on_with_the_proposals_that_fit(fit: Fit, kbits: int, expected: list[Any]) -> None:
    rig = h323(kbits, fit=fit)
    admitted(rig, bandWidth=160)
    both = [each for codec in (DEAR, LEAN) for each in fast_start(PHONE.host, codec=codec)]
    orders = heard(rig, tcp(rig, "access"), BY_TCP, setup(fastStart=both))
    if not expected:
        assert to(orders, "core") == [] and read_h323(to(orders, "access")[0]).value["reason"][0] == "noBandwidth"
        assert_held(rig, 0)
        return
    (on,) = to(orders, "core")
    assert [name for name, _ in _proposed(on.data)] == [each for codec in expected for each in (codec, codec)]
    hosts = {host for _, found in _proposed(on.data) for host in found}
    assert hosts == {SBC_CORE.host}, "what is left says where we are"
    assert_held(rig, G711 if DEAR in expected else G729)
    remarks = [note.reason for note in of(Note, orders) if note.event == "resized"]
    assert any("fastStart in setup: 3, 4 of 4 are left" in each for each in remarks) is (expected == [LEAN])
    answered = fast_start(SOFTSWITCH.host, offers=False, codec=LEAN)
    from_gatekeeper(rig, on, said_back("connect", on.data, fastStart=answered))
    assert_held(rig, G729)


@FITS
def test_h323_tells_of_the_capabilities_that_fit(fit: Fit, kbits: int, expected: list[Any]) -> None:
    rig = h323(kbits, fit=fit)
    admitted(rig, bandWidth=160)
    on = opened(rig, fast=False)
    from_gatekeeper(rig, on, said_back("connect", on.data))
    said = _capabilities(DEAR, LEAN)
    left = expected or [DEAR, LEAN]  # nobody would know why nothing is left: the opening of a channel tells
    (told,) = to(heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [said])), "core")
    assert _able(told.data) == left
    (told,) = to(from_gatekeeper(rig, on, tunnel(on.data, [said], back=True)), "access")
    assert _able(told.data) == left
    assert_held(rig, 0)
    channel = build_control("request", "openLogicalChannel", _channel(left[-1]), tpkt=False)
    orders = from_gatekeeper(rig, on, tunnel(on.data, [channel], back=True))
    taken = left[-1] == LEAN and kbits > 25
    assert bool(to(orders, "access")) is taken
    assert_held(rig, G729 if taken else 0)


def test_h323_capabilities_are_those_for_which_there_is_room_beside_other_calls() -> None:
    """What the stream of the call holds counts as room of its own; the cheapest are preferred."""
    rig = h323(60, fit=Fit.CHEAPEST)
    admitted(rig, bandWidth=160)
    on = opened(rig, fastStart=fast_start(PHONE.host, codec=LEAN))
    taken = fast_start(SOFTSWITCH.host, offers=False, codec=LEAN)
    from_gatekeeper(rig, on, said_back("connect", on.data, fastStart=taken))
    assert_held(rig, G729)
    leanest = ("g7231", {"maxAl-sduAudioFrames": 1, "silenceSuppression": False})
    said = _capabilities(DEAR, LEAN, leanest)
    (told,) = to(heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [said])), "core")
    assert _able(told.data) == [LEAN, leanest] and _preferred(told.data) == [[3, 2]]
    said = _capabilities(leanest, LEAN)
    (told,) = to(heard(rig, tcp(rig, "access"), BY_TCP, tunnel(setup(), [said])), "core")
    assert said in told.data, "where all of it fits not an octet is changed"


VIDEO_384 = Flow("video H263/90000", Width(media=384_000))
VIDEO_KEYS = ("receiveUserInputCapability", ("basicString", 0))


def shown(rate: int) -> Any:
    said = dict.fromkeys(("unrestrictedVector", "arithmeticCoding", "advancedPrediction", "pbFrames"), False)
    return "h263VideoCapability", {
        **said,
        **{"qcifMPI": 1, "maxBitRate": rate // 100, "temporalSpatialTradeOffCapability": False},
    }


@pytest.mark.parametrize(
    ("kbits", "said", "rates"),
    [
        (2_000, [shown(384_000)], [384_000]),  # there is room
        (300, [shown(384_000)], None),  # there is less: it is lowered
        (300, [DEAR, shown(384_000)], None),  # beside voice
        (140, [DEAR, shown(384_000)], []),  # what voice leaves is of no use to video
        (60, [shown(384_000)], []),  # video alone
    ],
)
def test_h323_video_takes_what_there_is_or_is_left_out(kbits: int, said: list[Any], rates: list[int] | None) -> None:
    """Also of a set that has nothing but video and what is keyed."""
    rig = h323(kbits, fit=Fit.FILTER)
    admitted(rig, bandWidth=160)
    on = opened(rig, fast=False)
    from_gatekeeper(rig, on, said_back("connect", on.data))
    (told,) = to(from_gatekeeper(rig, on, tunnel(on.data, [_capabilities(*said, keys=True)], back=True)), "access")
    entries = [entry["capability"][1] for entry in _set(told.data)["capabilityTable"]]
    assert entries[-1] == VIDEO_KEYS[1] and (DEAR in entries) is (DEAR in said)
    found = [value["maxBitRate"] * 100 for name, value in entries if name == shown(0)[0]]
    voice = G711 if DEAR in said else 0
    if rates is not None:
        assert found == rates
        return
    (rate,) = found
    sides = (False, False)
    for each, fits in ((rate, True), (rate + 1_000, False)):
        flow = VIDEO_384._replace(width=Width(media=each))
        one = demand(((flow,), ()), "rtp", sides, (Bandwidth(), Bandwidth()))
        assert (max(one.into) + voice <= kbits * 1_000) is fits, "as much as there is"
    channel = build_control("request", "openLogicalChannel", _channel(shown(rate), "videoData"), tpkt=False)
    assert to(from_gatekeeper(rig, on, tunnel(on.data, [channel], back=True)), "access"), "and it can be opened"


def brq(number: int, units: int) -> bytes:
    said = {"endpointIdentifier": "17_endp", "conferenceID": CONFERENCE, "callReferenceValue": 77}
    said |= {"requestSeqNum": number, "bandWidth": units, "callIdentifier": {"guid": GUID}, "answeredCall": False}
    return build_ras("bandwidthRequest", said)


def held_by(units: int) -> int:
    """What a call takes for which so many hundreds of bit/s were asked for both ways: halves, with the headers of 50
    packets a second, and a twentieth for RTCP."""
    return (units * 50 + 50 * 320) * 105 // 100


def test_h323_holds_what_leave_was_asked_for_until_the_call_takes_it() -> None:
    rig = ahead(200)
    own = registered(rig)
    (sent,) = to(rig.from_access(arq(20, bandWidth=1280)), "core")
    assert_held(rig, G711)
    (second,) = to(rig.from_access(arq(21, bandWidth=1280, callIdentifier={"guid": bytes(16)})), "core")
    assert_held(rig, 2 * G711)
    orders = rig.from_access(arq(22, bandWidth=1280, callIdentifier={"guid": b"x" * 16}))
    (back,) = to(orders, "access")
    assert read_h323(back).name == "admissionReject" and not to(orders, "core")
    assert read_h323(back).value["rejectReason"][0] == "requestDenied", "no bandwidth available (clause 7.11.3)"
    rig.from_core(plain("admissionReject", second.data, rejectReason=("callerNotRegistered", 0)), GATEKEEPER, at=own)
    assert_held(rig, G711)
    rig.from_core(acf(sent.data, bandWidth=640), GATEKEEPER, at=own)
    assert_held(rig, held_by(640))
    on = opened(rig)
    assert_held(rig, G711)  # its stream takes what was held ahead, and more
    from_gatekeeper(rig, on, release(on.data, back=True))
    assert_held(rig, 0)


def test_h323_leave_that_nobody_uses_holds_nothing_for_long() -> None:
    rig = ahead(200)
    admitted(rig)
    assert_held(rig, G711)
    rig.wait(61)
    assert_held(rig, 0)
    rig.from_access(arq(30))
    assert_held(rig, G711)
    rig.wait(120)  # and nobody answers
    assert_held(rig, 0)


@pytest.mark.parametrize(("asked", "granted"), [(2560, 2560), (2560, 1280), (100_000, None)])
def test_h323_changes_of_bandwidth_are_held_or_refused(asked: int, granted: int | None) -> None:
    rig = ahead(300)
    own = admitted(rig)
    opened(rig)
    assert_held(rig, G711)
    orders = rig.from_access(brq(40, asked))
    if granted is None:
        (back,) = to(orders, "access")
        said = read_h323(back)
        assert said.name == "bandwidthReject" and said.value["rejectReason"][0] == "insufficientResources"
        allowed = said.value["allowedBandWidth"]
        assert 0 < held_by(allowed) <= 300_000 and not to(orders, "core")
        (sent,) = to(rig.from_access(brq(41, allowed)), "core")
        assert abs(held(rig, "access")[0] - held_by(allowed)) <= 8, "so much there is"
        said_no = plain("bandwidthReject", sent.data, rejectReason=("invalidPermission", 0), allowedBandWidth=1280)
        rig.from_core(said_no, GATEKEEPER, at=own)
        assert_held(rig, G711)
        return
    (sent,) = to(orders, "core")
    assert_held(rig, held_by(asked))
    rig.from_core(plain("bandwidthConfirm", sent.data, bandWidth=granted), GATEKEEPER, at=own)
    assert_held(rig, held_by(granted))


def test_h323_where_it_may_be_less_leave_is_asked_for_with_what_there_is() -> None:
    rig = Rig.make(H323Dialect(), limited(h323_plan(), 100, fit=Fit.FILTER, ahead=True))
    own = registered(rig)
    (sent,) = to(rig.from_access(arq(20, bandWidth=100_000)), "core")
    assert_held(rig, 100_000)
    asked = read_h323(sent.data).value["bandWidth"]
    assert held_by(asked) <= 100_000 < held_by(asked + 2), "the gatekeeper is asked for no more"
    (told,) = to(rig.from_core(acf(sent.data, bandWidth=asked), GATEKEEPER, at=own), "access")
    assert read_h323(told.data).value["bandWidth"] == asked, "and the terminal hears how much it has"
    assert_held(rig, held_by(asked))
    opened(rig)
    assert_held(rig, held_by(asked))
    (sent,) = to(rig.from_access(arq(21, bandWidth=64, callIdentifier={"guid": bytes(16)})), "access")
    assert read_h323(sent.data).value["rejectReason"][0] == "requestDenied", "what is left would be of no use"


def test_h323_of_realms_of_ipv6_what_is_left_has_room_for_its_headers() -> None:
    plan = limited(h323_plan(), 100, fit=Fit.FILTER, ahead=True)
    media = attrs.evolve(plan.realms["core"].media, address="2001:db8::1")
    rig = Rig.make(
        H323Dialect(),
        attrs.evolve(plan, realms={**plan.realms, "core": attrs.evolve(plan.realms["core"], media=media)}),
    )
    registered(rig)
    (sent,) = to(rig.from_access(arq(20, bandWidth=100_000)), "core")
    asked = read_h323(sent.data).value["bandWidth"] * 50
    assert 99_000 < (asked + 50 * 60 * 8) * 1.05 <= 100_000


def test_h323_leave_for_which_there_is_enough_is_asked_for_as_it_came() -> None:
    rig = Rig.make(H323Dialect(), limited(h323_plan(), 100, fit=Fit.FILTER, ahead=True))
    registered(rig)
    (sent,) = to(rig.from_access(arq(20, bandWidth=160)), "core")
    assert read_h323(sent.data).value["bandWidth"] == 160
    assert_held(rig, held_by(160))


def _channel(codec: Any = DEAR, kind: str = "audioData") -> Any:
    _, octets = fast_start(SOFTSWITCH.host, codec=codec if kind == "audioData" else LEAN)
    found = decode("OpenLogicalChannel", octets)
    found["forwardLogicalChannelParameters"]["dataType"] = kind, codec
    return found


def _proposed(data: bytes) -> list[tuple[Any, set[str]]]:
    """What is proposed for fast connect: codecs, and the hosts of each."""
    found = []
    for octets in read_h323(data).value["fastStart"]:
        channel = decode("OpenLogicalChannel", octets)
        said = channel.get("reverseLogicalChannelParameters", channel["forwardLogicalChannelParameters"])
        _, parameters = said["multiplexParameters"]
        where = [parameters[name] for name in ("mediaChannel", "mediaControlChannel") if name in parameters]
        found.append((said["dataType"][1], {address_in(each).host for each in where}))
    return found


def _capabilities(*codecs: Any, keys: bool = False) -> bytes:
    numbers = list(range(1, len(codecs) + 1 + keys))
    kinds = ["receiveVideoCapability" if "Video" in name else "receiveAudioCapability" for name, _ in codecs]
    given = [*zip(kinds, codecs, strict=True), *([VIDEO_KEYS] if keys else [])]
    said: Any = {"sequenceNumber": 1, "protocolIdentifier": (0, 0, 8, 245, 0, 7)}
    said["capabilityTable"] = [
        {"capabilityTableEntryNumber": number, "capability": each} for number, each in zip(numbers, given, strict=True)
    ]
    said["capabilityDescriptors"] = [{"capabilityDescriptorNumber": 0, "simultaneousCapabilities": [numbers]}]
    return build_control("request", "terminalCapabilitySet", said, tpkt=False)


def _set(data: bytes) -> Any:
    (pdu,) = [each for each in read_h323(data).pdus if each.name == "terminalCapabilitySet"]
    return pdu.value


def _able(data: bytes) -> list[Any]:
    return [entry["capability"][1] for entry in _set(data)["capabilityTable"]]


def _preferred(data: bytes) -> list[list[int]]:
    (descriptor,) = _set(data)["capabilityDescriptors"]
    found: list[list[int]] = descriptor["simultaneousCapabilities"]
    return found
