"""Calls over mixed transports, in memory: who is sent to by what, what is sent twice, what a lost connection does."""

from __future__ import annotations

import re

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.binding import BindingState
from sbc.core.call import CallState
from sbc.core.exchange import Hop
from sbc.core.fan import Asking, NextHop, Probes
from sbc.core.orders import Listener, Order, Send
from sbc.core.realm import Keepalive, Plan, Probing, Signaling
from sbc.core.registry import Arrival
from sbc.sip.dialect import SipDialect
from sbc.sip.framing import SipFramer
from tests.rig import NAT, PHONE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import answer, contact, header, hop_request, inside, invite, plain_answer, register, status
from tests.sip_messages import registered as registrar_ok

UDP, TCP = "udp", "tcp"
ROUTE = b"Record-Route: <sip:198.51.100.2;transport=%b;lr>\r\nCSeq:"


def plan_with(access: tuple[str, ...], core: tuple[str, ...], **path: object) -> Plan:
    """Realms with a listener for each transport, all on one port."""
    plan = make_plan("sip", **path)
    realms = {
        name: attrs.evolve(
            plan.realms[name],
            listeners=tuple(attrs.evolve(plan.realms[name].listeners[0], transport=each) for each in transports),
        )
        for name, transports in (("access", access), ("core", core))
    }
    return attrs.evolve(plan, realms=realms)


@attrs.define
class Talk:
    """A phone and a softswitch, each by its transport."""

    rig: Rig
    phone: Listener
    switch: Listener

    @classmethod
    def make(cls, access: str, core: str, plan: Plan | None = None) -> Talk:
        rig = Rig.make(SipDialect(), plan or plan_with((access,), (core,)))
        realms = rig.border.plan.realms
        phone, switch = realms["access"].listener("sip", access), realms["core"].listener("sip", core)
        assert phone is not None and switch is not None
        return cls(rig, phone, switch)

    def say(self, data: bytes) -> list[Order]:
        """The phone sends."""
        data = data.replace(b"SIP/2.0/UDP", b"SIP/2.0/" + self.phone.transport.upper().encode())
        return self.rig._take(self.rig.border.receive(Arrival(self.phone, NAT, data, self.rig.now)))

    def reply(self, data: bytes, source: Address = SOFTSWITCH) -> list[Order]:
        """The softswitch sends."""
        return self.rig._take(self.rig.border.receive(Arrival(self.switch, source, data, self.rig.now)))

    def lose(self, listener: Listener, peer: Address) -> list[Order]:
        return self.rig._take(self.rig.border.unreachable(listener, peer, "connection refused", self.rig.now))

    def up(self) -> tuple[bytes, bytes, bytes]:
        """A call is answered: the INVITE as sent by the phone and as sent onward, the 200 as the phone got it."""
        asked = invite(PHONE).replace(b"SIP/2.0/UDP", b"SIP/2.0/" + self.phone.transport.upper().encode())
        (sent,) = sends(self.say(asked), "core")
        ok = answer(sent, SOFTSWITCH.host).replace(b"CSeq:", ROUTE % self.switch.transport.encode())
        *_, back = sends(self.reply(ok), "access")
        self.say(inside(asked, back, b"ACK", 1))
        return asked, sent, back


def to(orders: list[Order], realm: str) -> list[tuple[str, Address]]:
    """By which transport and where to something is sent into a realm."""
    return [(each.listener.transport, each.to) for each in of(Send, orders) if each.listener.realm == realm]


BOTH = [(UDP, UDP), (UDP, TCP), (TCP, UDP), (TCP, TCP)]


@pytest.mark.parametrize(("access", "core"), BOTH)
def test_a_call_from_one_transport_to_the_other(access: str, core: str) -> None:
    talk = Talk.make(access, core)
    asked, sent, back = talk.up()
    assert header(sent, b"Via").startswith(b"SIP/2.0/%b 198.51.100.1:5060;" % core.upper().encode())
    assert contact(sent).endswith(b"@198.51.100.1:5060" + (b";transport=tcp" if core == TCP else b""))
    assert header(back, b"Via").startswith(b"SIP/2.0/%b 192.168.1.10:5060;" % access.upper().encode())
    assert contact(back).endswith(b"@203.0.113.1:5060" + (b";transport=tcp" if access == TCP else b""))
    orders = talk.say(inside(asked, back))
    assert to(orders, "core") == [(core, SOFTSWITCH)]
    (bye,) = sends(orders, "core")
    assert bye.startswith(b"BYE sip:bob@198.51.100.2:5060 ")
    orders = talk.reply(plain_answer(bye, b"200 OK"))
    assert to(orders, "access") == [(access, NAT)]
    (call,) = talk.rig.border.registry.calls.values()
    assert call.state is CallState.CLOSED
    talk.rig.wait(100)
    assert not talk.rig.border.registry.calls and not talk.rig.border.registry.waits.all()


@pytest.mark.parametrize(("access", "core"), BOTH)
def test_each_side_retransmits_by_its_own_transport(access: str, core: str) -> None:
    talk = Talk.make(access, core)
    asked = invite(PHONE)
    (sent,) = sends(talk.say(asked), "core")
    again = sends(talk.rig.wait(10), "core")
    assert again == ([] if core == TCP else [sent] * 4)
    orders = talk.reply(plain_answer(sent, b"486 Busy Here"))
    assert [status(each) for each in sends(orders, "access")] == [486]
    assert len(sends(talk.rig.wait(10), "access")) == (0 if access == TCP else 4)
    assert not sends(talk.say(hop_request(b"ACK", asked, plain_answer(sent, b"486 Busy Here"))), "core")


def test_an_invite_over_tcp_is_given_up_in_time_all_the_same() -> None:
    talk = Talk.make(UDP, TCP)
    talk.say(invite(PHONE))
    assert not talk.rig.wait(31.9)
    assert next(status(each) for each in sends(talk.rig.wait(0.2), "access")) == 408


def test_a_registered_terminal_is_reached_by_its_connection() -> None:
    talk = Talk.make(TCP, UDP)
    (sent,) = sends(talk.say(register(PHONE)), "core")
    (ok,) = sends(talk.reply(registrar_ok(sent)), "access")
    assert status(ok) == 200
    assert talk.rig.border.needs(talk.phone, NAT)
    call = invite(SOFTSWITCH, to=contact(sent))
    orders = talk.reply(call)
    assert to(orders, "access") == [(TCP, NAT)]
    (asked,) = sends(orders, "access")
    assert b"transport=tcp" in contact(asked)
    orders = talk.lose(talk.phone, NAT)
    assert [status(each) for each in sends(orders, "core")] == [480], "the softswitch hears it at once"
    assert not sends(orders, "access")


def test_a_refused_connection_to_the_next_hop() -> None:
    talk = Talk.make(UDP, TCP)
    talk.say(invite(PHONE))
    orders = talk.lose(talk.switch, SOFTSWITCH)
    assert [status(each) for each in sends(orders, "access")] == [503]
    assert {"unreachable", "gave-up", "close"} <= set(events(orders))
    assert not talk.lose(talk.switch, SOFTSWITCH), "nobody waits any more"


def test_a_connection_lost_while_it_rings() -> None:
    """The caller is told, and what rings on is cancelled by a new connection."""
    talk = Talk.make(UDP, TCP)
    (sent,) = sends(talk.say(invite(PHONE)), "core")
    talk.reply(plain_answer(sent, b"180 Ringing"))
    orders = talk.lose(talk.switch, SOFTSWITCH)
    assert [status(each) for each in sends(orders, "access")] == [503]
    (cancel,) = sends(orders, "core")
    assert cancel.startswith(b"CANCEL ") and header(cancel, b"Via") == header(sent, b"Via")
    assert not sends(talk.lose(talk.switch, SOFTSWITCH), "core"), "and if that fails too, so be it"


def test_a_call_that_is_up_outlives_the_connection() -> None:
    talk = Talk.make(TCP, TCP)
    asked, _, back = talk.up()
    assert not of(Send, talk.lose(talk.switch, SOFTSWITCH))
    assert to(talk.say(inside(asked, back)), "core") == [(TCP, SOFTSWITCH)]


def test_the_path_says_the_transport() -> None:
    plan = plan_with((UDP,), (UDP, TCP), transport=TCP)
    talk = Talk.make(UDP, TCP, plan)
    assert to(talk.say(invite(PHONE)), "core") == [(TCP, SOFTSWITCH)]


@pytest.mark.parametrize(("wanted", "used"), [(b"tcp", TCP), (b"udp", UDP), (b"sctp", UDP), (b"", UDP)])
def test_the_transport_a_core_peer_asks_for(wanted: bytes, used: str) -> None:
    talk = Talk.make(UDP, UDP, plan_with((UDP,), (UDP, TCP)))
    asked = invite(PHONE)
    (sent,) = sends(talk.say(asked), "core")
    by = b";transport=" + wanted if wanted else b""
    ok = answer(sent, SOFTSWITCH.host).replace(b"bob@198.51.100.2:5060", b"bob@198.51.100.2:5060" + by)
    *_, back = sends(talk.reply(ok), "access")
    orders = talk.say(inside(asked, back, b"ACK", 1))
    assert to(orders, "core") == [(used, SOFTSWITCH)]
    (ack,) = sends(orders, "core")
    assert ack.startswith(b"ACK sip:bob@198.51.100.2:5060" + by)
    assert header(ack, b"Via").startswith(b"SIP/2.0/" + used.upper().encode())


LARGE = invite(PHONE).replace(b"Max-Forwards:", b"X-Large: " + b"x" * 1300 + b"\r\nMax-Forwards:")


def large(core: tuple[str, ...] = (UDP, TCP), **path: object) -> Talk:
    return Talk.make(UDP, UDP, plan_with((UDP,), core, **path))


def test_a_large_request_goes_by_tcp() -> None:
    talk = large()
    orders = talk.say(LARGE)
    assert to(orders, "core") == [(TCP, SOFTSWITCH)]
    (sent,) = sends(orders, "core")
    assert header(sent, b"Via").startswith(b"SIP/2.0/TCP 198.51.100.1:5060;branch=")
    assert b";transport=" not in contact(sent), "what comes later may be small again"
    assert not sends(talk.rig.wait(5), "core")
    stream = talk.rig.border.plan.realms["core"].listeners[1]
    ok = answer(sent, SOFTSWITCH.host)
    orders = talk.rig._take(talk.rig.border.receive(Arrival(stream, SOFTSWITCH, ok, talk.rig.now)))
    assert [status(each) for each in sends(orders, "access")] == [200]


@pytest.mark.parametrize("talk", [large((UDP,)), large(large_over_stream=False)])
def test_a_large_request_stays_where_there_is_no_tcp(talk: Talk) -> None:
    assert to(talk.say(LARGE), "core") == [(UDP, SOFTSWITCH)]


def test_a_small_request_stays() -> None:
    assert to(large().say(invite(PHONE)), "core") == [(UDP, SOFTSWITCH)]


def test_a_large_request_falls_back() -> None:
    """The next hop takes no connection: the same request by UDP, retransmitted; and for a minute no other try."""
    talk = large()
    (first,) = sends(talk.say(LARGE), "core")
    stream = talk.rig.border.plan.realms["core"].listeners[1]
    orders = talk.lose(stream, SOFTSWITCH)
    assert to(orders, "core") == [(UDP, SOFTSWITCH)] and not sends(orders, "access")
    (sent,) = sends(orders, "core")
    assert sent == first.replace(b"SIP/2.0/TCP", b"SIP/2.0/UDP")
    assert sends(talk.rig.wait(2), "core") == [sent, sent]
    orders = talk.reply(answer(sent, SOFTSWITCH.host))
    assert [status(each) for each in sends(orders, "access")] == [200]
    second = LARGE.replace(b"one@", b"two@").replace(b"one-1", b"two-1").replace(b"a-one", b"a-two")
    assert to(talk.say(second), "core") == [(UDP, SOFTSWITCH)]
    talk.rig.wait(60)
    third = second.replace(b"two", b"three")
    assert to(talk.say(third), "core") == [(TCP, SOFTSWITCH)]


def test_where_parties_of_the_core_take_no_connection_is_forgotten_in_time() -> None:
    """A large request within a call goes to where the Contact says, and that may be another port for each call."""
    talk = large()
    waits = talk.rig.border.registry.waits
    stream = talk.rig.border.plan.realms["core"].listeners[1]
    for at in range(3):
        call = invite(PHONE).replace(b"one@", b"%d@" % at).replace(b"one-1", b"%d-1" % at).replace(b"a-one", b"%d" % at)
        (sent,) = sends(talk.say(call), "core")
        there = SOFTSWITCH._replace(port=7000 + at)
        ok = re.sub(rb"Contact: <[^>]*>", b"Contact: <sip:bob@%b>" % str(there).encode(), answer(sent, there.host))
        *_, back = sends(talk.reply(ok), "access")
        talk.say(inside(call, back, b"ACK", 1))
        more = inside(call, back, b"INVITE", 2).replace(
            b"Max-Forwards:", b"X-Large: " + b"x" * 1300 + b"\r\nMax-Forwards:"
        )
        assert to(talk.say(more), "core") == [(TCP, there)]
        assert to(talk.lose(stream, there), "core") == [(UDP, there)] and waits.kept() == {Hop(stream, there)}
        talk.rig.wait(61)


def test_a_terminal_keeps_no_port_for_a_large_request_that_has_gone_elsewhere() -> None:
    other = Address("198.51.100.3", 5060)
    plan = plan_with((UDP,), (UDP, TCP), signaling=Signaling.PORT_PER_TERMINAL, probing=Probes(Asking.OFF))
    path = attrs.evolve(plan.paths[0], next_hops=(SOFTSWITCH, NextHop(other, priority=1, transport=TCP)))
    talk = Talk.make(UDP, UDP, attrs.evolve(plan, paths=(path,)))
    (bound,) = of(Send, talk.say(register(PHONE)))
    own = bound.listener
    talk.rig._take(talk.rig.border.receive(Arrival(own, SOFTSWITCH, registrar_ok(bound.data), talk.rig.now)))
    orders = talk.say(register(PHONE, b"X-Large: " + b"x" * 1300, seq=2))
    assert to(orders, "core") == [(TCP, SOFTSWITCH)]
    (first,) = sends(orders, "core")
    stream = talk.rig.border.plan.realms["core"].listeners[1]
    no = plain_answer(first, b"503 Service Unavailable")
    orders = talk.rig._take(talk.rig.border.receive(Arrival(stream, SOFTSWITCH, no, talk.rig.now)))
    assert to(orders, "core") == [(TCP, other)]
    talk.rig.wait(400)
    assert not talk.rig.border.registry.terminal_ports


def test_a_request_without_a_length_is_given_one_for_a_stream() -> None:
    bare = re.sub(rb"Content-Length: \d+\r\n", b"", invite(PHONE))
    for talk in (Talk.make(UDP, TCP), large()):
        data = bare if talk.switch.transport == TCP else bare.replace(b"X-", b"") + b"a=x:" + b"y" * 1300 + b"\r\n"
        orders = talk.say(data)
        assert to(orders, "core") == [(TCP, SOFTSWITCH)]
        (sent,) = sends(orders, "core")
        head, _, body = sent.partition(b"\r\n\r\n")
        assert int(header(head + b"\r\n", b"Content-Length")) == len(body)


def test_what_no_peer_can_frame_is_refused_in_words() -> None:
    talk = Talk.make(TCP, UDP)
    broken = SipFramer().feed(re.sub(rb"Content-Length: \d+\r\n", b"", invite(PHONE))).broken
    assert broken is not None
    orders = talk.rig.border.unframed(Arrival(talk.phone, NAT, b"", talk.rig.now), broken)
    assert [status(each) for each in sends(orders, "access")] == [400]
    assert to(orders, "access") == [(TCP, NAT)]


@pytest.mark.parametrize(("access", "core"), [("tls", UDP), ("tls", TCP), (UDP, "tls"), ("tls", "tls")])
def test_a_call_over_tls(access: str, core: str) -> None:
    """TLS is one more transport: Via and Contact say it; a sips URI becomes what the next hop is."""
    talk = Talk.make(access, core)
    asked = invite(PHONE).replace(b"SIP/2.0/UDP", b"SIP/2.0/" + access.upper().encode())
    asked = asked.replace(b"INVITE sip:", b"INVITE sips:").replace(b"Contact: <sip:", b"Contact: <sips:")
    (sent,) = sends(talk.say(asked), "core")
    scheme = b"sips" if core == "tls" else b"sip"
    assert sent.startswith(b"INVITE %b:bob@" % scheme)
    assert header(sent, b"Via").startswith(b"SIP/2.0/%b 198.51.100.1:" % core.upper().encode())
    assert contact(sent).startswith(scheme + b":")
    assert contact(sent).endswith(b";transport=tcp" if core == TCP else b"@198.51.100.1:5060")
    *_, back = sends(talk.reply(answer(sent, SOFTSWITCH.host)), "access")
    assert contact(back).endswith(b";transport=tls" if access == "tls" else b"@203.0.113.1:5060")
    (ack,) = sends(talk.say(inside(asked, back, b"ACK", 1)), "core")
    assert ack.startswith(b"ACK sip:bob@198.51.100.2:5060 ")
    (call,) = talk.rig.border.registry.calls.values()
    assert call.state is CallState.UP


@pytest.mark.parametrize("asked_for", [b"tcp", b"tls"])
def test_the_transport_of_the_hop_before_is_not_asked_of_the_next(asked_for: bytes) -> None:
    """A phone writes the transport of its own hop into what it dials (RFC 3261 section 19.1.1: the transport to be
    used for sending to that URI); to the next hop that would say something else."""
    talk = Talk.make(asked_for.decode(), UDP)
    data = invite(PHONE, to=b"sip:bob@sbc.example.com;transport=%b;user=phone" % asked_for)
    (sent,) = sends(talk.say(data), "core")
    assert sent.startswith(b"INVITE sip:bob@198.51.100.2;user=phone SIP/2.0\r\n")


def test_large_requests_are_not_sent_over_tls_unasked() -> None:
    talk = Talk.make(UDP, UDP, plan_with((UDP,), (UDP, "tls")))
    assert to(talk.say(LARGE), "core") == [(UDP, SOFTSWITCH)]


PAGE = b"df7jal23ls0d.invalid"


@pytest.mark.parametrize("access", ["ws", "wss"])
def test_a_page_that_nobody_can_find_is_reached_by_its_own_websocket(access: str) -> None:
    """RFC 7118 sections 5 and 8: the Via says WS or WSS, URIs only "ws", and what a page gives as its place is none."""
    talk = Talk.make(access, UDP)
    asked = register(PHONE, b"Supported: path, outbound").replace(b"192.168.1.10:5060", PAGE)
    asked = asked.replace(b";line=7>", b';transport=ws>;+sip.instance="<urn:uuid:1>";reg-id=1')
    (sent,) = sends(talk.say(asked), "core")
    assert header(sent, b"Via").startswith(b"SIP/2.0/UDP 198.51.100.1:5060;") and PAGE not in sent
    (back,) = sends(talk.reply(registrar_ok(sent)), "access")
    assert b"<sip:alice@%b;transport=ws>" % PAGE in back
    target = contact(sent).partition(b">")[0].strip(b"<")
    called = invite(SOFTSWITCH, to=target, call=b"in")
    (rung,) = [each for each in of(Send, talk.reply(called)) if each.listener.realm == "access"]
    assert (rung.listener.transport, rung.to) == (access, NAT)
    assert rung.data.startswith(b"INVITE sip:alice@%b;transport=ws SIP/2.0\r\n" % PAGE)
    assert header(rung.data, b"Via").startswith(b"SIP/2.0/%b 203.0.113.1:5060;" % access.upper().encode())
    assert contact(rung.data).endswith(b"@203.0.113.1:5060;transport=ws")
    assert not sends(talk.rig.wait(20), "access"), "nothing is lost on the way"
    assert [status(each) for each in sends(talk.lose(talk.phone, NAT), "core")] == [480]


@pytest.mark.parametrize("scheme", [b"sip", b"sips"])
def test_a_page_calls(scheme: bytes) -> None:
    talk = Talk.make("wss", TCP)
    asked = invite(PHONE).replace(b"SIP/2.0/UDP", b"SIP/2.0/WSS").replace(b"192.168.1.10:5060", PAGE + b";transport=ws")
    asked = asked.replace(b"INVITE sip:", b"INVITE %b:" % scheme).replace(b"Contact: <sip:", b"Contact: <%b:" % scheme)
    (sent,) = sends(talk.say(asked), "core")
    assert contact(sent).endswith(b"@198.51.100.1:5060;transport=tcp") and b"invalid" not in sent
    *_, back = sends(talk.reply(answer(sent, SOFTSWITCH.host)), "access")
    assert contact(back).startswith(b"sip:") and contact(back).endswith(b"@203.0.113.1:5060;transport=ws")
    assert header(back, b"Via") == header(asked, b"Via").replace(b";rport", b"") + b";received=203.0.113.11;rport=40001"
    (bye,) = sends(talk.say(inside(asked, back)), "core")
    assert bye.startswith(b"BYE sip:bob@198.51.100.2:5060 ")


def two_at_one_address() -> tuple[Rig, list[Listener], list[Listener]]:
    """Two phones behind one NAT, which has the same port for the datagrams of one and the connection of the other. What
    each speaks to, and its own ports in the core."""
    keepalive, per_terminal = Keepalive(Probing.PROBE), Signaling.PORT_PER_TERMINAL
    rig = Rig.make(SipDialect(), plan_with((UDP, TCP), (UDP,), signaling=per_terminal, keepalive=keepalive))
    by, own = list(rig.border.plan.realms["access"].listeners), list[Listener]()
    for each, user, host in zip(by, (b"alice", b"carol"), (PHONE, PHONE._replace(host="192.168.1.77")), strict=True):
        (asked,) = of(Send, rig.from_access(register(host, user=user, call=b"r-" + user, expires=3600), NAT, each))
        rig.from_core(registrar_ok(asked.data), at=asked.listener)
        own.append(asked.listener)
    return rig, by, own


@pytest.mark.parametrize("which", [0, 1])
def test_datagrams_and_a_connection_of_one_port_of_a_nat_may_be_two_phones(which: int) -> None:
    """Who calls by no name, or another's, is known by where it sends from: the other's port and record were its own."""
    rig, by, own = two_at_one_address()
    asked = invite(PHONE, b"x").replace(b"sip:alice@sbc.example.com>;tag", b"sip:anonymous@anonymous.invalid>;tag")
    (sent,) = [each for each in of(Send, rig.from_access(asked, NAT, by[which])) if each.listener.realm == "core"]
    assert sent.listener == own[which]
    (call,) = rig.border.registry.calls.values()
    assert call.terminal == (b"alice", b"carol")[which] + b"@sbc.example.com"


def test_the_life_of_the_one_is_not_the_life_of_the_other() -> None:
    rig, _, _ = two_at_one_address()
    alice, carol = rig.border.registry.bindings.values()
    assert alice.watch is not carol.watch and len(rig.border.registry.watches) == 2
    for _ in range(60):  # who speaks by the connection answers, and nobody else does
        rig.wait(10)
        for each in [each for each in of(Send, rig.log) if each.listener.realm == "access"]:
            if each.listener.transport == TCP and each.data.startswith(b"OPTIONS"):
                rig.from_access(plain_answer(each.data, b"200 OK"), NAT, each.listener)
        rig.log.clear()
    assert (alice.state, carol.state) == (BindingState.DEAD, BindingState.BOUND)
