"""A switchboard at two addresses, on the wire in SIP: which is called, which instead, how one is known to be gone."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.fan import Asking, Failover, NextHop, Probes
from sbc.core.orders import Note, Order, Send
from sbc.core.realm import Callers, Plan
from sbc.core.registry import Arrival
from sbc.core.trunk import Trunk
from tests import sip_messages as sip
from tests.calls.test_limits import left
from tests.edge import Sip, to
from tests.rig import SOFTSWITCH, events, of

ONE, TWO = Address("192.0.2.17", 5060), Address("192.0.2.18", 5060)
NUMBER = b"sip:+49301234@198.51.100.1"
NEVER_ASKED = Probes(Asking.OFF)


def trunked(plan: Plan, transport: str = "udp", **more: Any) -> Plan:
    access = plan.realms["access"]
    listeners = tuple(attrs.evolve(access.listeners[0], transport=each) for each in ("udp", "tcp", "tls"))
    trunk = Trunk("pbx", **{"next_hops": (ONE, TWO), "protocol": "sip", "transport": transport, **more})
    realms = {**plan.realms, "access": attrs.evolve(access, trunks=(trunk,), listeners=listeners, sparing=True)}
    paths = tuple(attrs.evolve(path, callers=Callers.REGISTERED) for path in plan.paths)
    return attrs.evolve(plan, realms=realms, paths=paths)


def speaker(transport: str = "udp", **more: Any) -> Sip:
    return Sip(lambda plan: trunked(plan, transport, **{"probing": NEVER_ASKED, **more}))


def rings(made: Sip, call: bytes = b"in", seq: int = 1) -> tuple[bytes, Send]:
    """The softswitch calls; what it says, and what one of the two hears."""
    asked = sip.invite(SOFTSWITCH, call, NUMBER, seq)
    (sent,) = to(made.rig.from_core(asked), "access")
    return asked, sent


def says(made: Sip, sent: Send, data: bytes) -> list[Order]:
    """Who was asked answers, by the connection that it was asked by, if it was."""
    return made.rig._take(made.rig.border.receive(Arrival(sent.listener, sent.to, data, made.rig.now)))


def declines(made: Sip, sent: Send) -> list[Order]:
    """Who was asked can take no call now."""
    return says(made, sent, sip.answer(sent.data, sent.to.host, b"503 Service Unavailable", body=b""))


def other(orders: list[Order]) -> Send:
    """What the other of the two hears of an attempt that has failed."""
    (sent,) = [each for each in to(orders, "access") if each.data.startswith(b"INVITE")]
    return sent


def end(made: Sip, asked: bytes, sent: Send) -> None:
    """It answers, and the softswitch hangs up."""
    *_, back = to(says(made, sent, sip.answer(sent.data, sent.to.host)), "core")
    assert sip.status(back.data) == 200
    (confirmed,) = to(made.rig.from_core(sip.inside(asked, back.data, b"ACK", 1)), "access")
    (ended,) = to(made.rig.from_core(sip.inside(asked, back.data)), "access")
    assert confirmed.to == ended.to == sent.to, "what is inside a call goes where that is"
    says(made, ended, sip.plain_answer(ended.data, b"200 OK"))
    assert left(made) == []


def test_the_first_has_its_calls_and_the_other_what_it_does_not_take() -> None:
    made = speaker()
    asked, sent = rings(made)
    assert sent.to == ONE and sent.data.startswith(b"INVITE sip:+49301234@192.0.2.17 SIP/2.0\r\n")
    orders = declines(made, sent)
    assert to(orders, "access")[0].data.startswith(b"ACK ") and not to(orders, "core")
    second = other(orders)
    assert second.to == TWO and second.data.startswith(b"INVITE sip:+49301234@192.0.2.18 SIP/2.0\r\n")
    end(made, asked, second)


@pytest.mark.parametrize("code", [b"486 Busy Here", b"603 Decline", b"404 Not Found"])
def test_what_its_people_say_is_no_reason_to_ask_elsewhere(code: bytes) -> None:
    made = speaker()
    _, sent = rings(made)
    (told,) = to(says(made, sent, sip.answer(sent.data, ONE.host, code, body=b"")), "core")
    assert told.data.startswith(b"SIP/2.0 " + code)


def test_of_one_that_is_silent_the_other_has_the_call_and_a_late_yes_begins_no_second() -> None:
    made = speaker(failover=Failover(patience=3.0))
    asked, sent = rings(made)
    second = next(each for each in to(made.rig.wait(3.1), "access") if each.to == TWO)
    late = [each.data[:4] for each in to(says(made, sent, sip.answer(sent.data, ONE.host)), "access") if each.to == ONE]
    assert late == [b"ACK ", b"BYE "]
    end(made, asked, second)


def test_how_many_are_tried_is_the_trunks_to_say() -> None:
    made = speaker(failover=Failover(tries=1))
    _, sent = rings(made)
    orders = declines(made, sent)
    (told,) = to(orders, "core")
    assert sip.status(told.data) == 503


def test_when_neither_takes_it_the_softswitch_hears_the_last_word() -> None:
    made = speaker()
    _, sent = rings(made)
    second = other(declines(made, sent))
    orders = says(made, second, sip.answer(second.data, TWO.host, b"480 Temporarily Unavailable", body=b""))
    (told,) = to(orders, "core")
    assert sip.status(told.data) == 480


def test_a_call_taken_back_is_taken_back_where_it_is() -> None:
    made = speaker()
    asked, sent = rings(made)
    second = other(declines(made, sent))
    says(made, second, sip.answer(second.data, TWO.host, b"180 Ringing", body=b""))
    cancel = sip.hop_request(b"CANCEL", asked)
    assert [each.to for each in to(made.rig.from_core(cancel), "access")] == [TWO]


def test_who_wants_credentials_gets_them() -> None:
    made = speaker(next_hops=tuple(NextHop(each, 0) for each in (ONE, TWO)))
    for call in range(4):  # whichever it is
        _, sent = rings(made, b"%d" % call)
        challenge = b"Proxy-Authenticate: Digest realm=a, nonce=b"
        says(made, sent, sip.plain_answer(sent.data, b"407 Proxy Authentication Required", challenge))
        _, again = rings(made, b"%d" % call, 2)
        assert again.to == sent.to


def test_both_are_asked_whether_they_live_and_who_is_down_has_no_calls_until_it_is_back() -> None:
    made = speaker(probing=Probes(period=10.0, answer_within=2.0, misses=2))
    alive = {TWO}

    def pass_time(seconds: int) -> list[str]:
        said: list[str] = []
        for _ in range(seconds):
            orders = made.rig.wait(1)
            for each in to(orders, "access"):
                assert each.data.startswith(b"OPTIONS sip:%b:5060 " % each.to.host.encode())
                if each.to in alive:
                    orders += says(made, each, sip.plain_answer(each.data, b"200 OK"))
            said += events(orders)
        return said

    made.rig._take(made.rig.border.start(made.rig.now))
    assert "hop-down" in pass_time(30)
    asked, sent = rings(made)
    assert sent.to == TWO, "at once"
    end(made, asked, sent)
    alive.add(ONE)
    assert "hop-up" in pass_time(30)
    assert rings(made, b"again")[1].to == ONE


def test_one_alone_is_not_asked_unless_that_is_wanted() -> None:
    for mode, asked in ((Asking.AUTO, False), (Asking.PROBE, True)):
        made = speaker(next_hops=(ONE,), probing=Probes(mode))
        made.rig._take(made.rig.border.start(made.rig.now))
        assert bool(to(made.rig.wait(20), "access")) is asked


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_by_connections_who_takes_none_is_left_for_the_other(transport: str) -> None:
    made = speaker(transport)
    asked, sent = rings(made)
    assert (sent.listener.transport, sent.to) == (transport, ONE)
    assert sent.data.startswith(b"INVITE sip:+49301234@192.0.2.17 SIP/2.0\r\n")
    assert made.rig.border.door(sent.listener, ONE) == ONE
    orders = made.rig._take(made.rig.border.unreachable(sent.listener, ONE, "connection refused", made.rig.now))
    assert "hop-down" in events(orders)
    end(made, asked, other(orders))


def test_where_connections_to_a_trunk_lead_and_where_none_may_be_opened() -> None:
    made = speaker("tcp", next_hops=(ONE, TWO._replace(port=5070)))
    border, (udp, tcp, tls) = made.rig.border, made.rig.border.plan.realms["access"].listeners
    assert border.door(tcp, Address(ONE.host, 40_000)) == ONE, "the way back to who had called from there"
    assert border.door(tcp, Address(TWO.host, 40_000)) == TWO._replace(port=5070)
    assert border.door(tcp, Address("192.0.2.19", 5060)) is None and border.door(tls, ONE) is None
    assert border.door(udp, ONE) is None


def test_each_address_is_known_by_the_name_that_the_trunk_has() -> None:
    made = speaker("tls", server_name="pbx.example")
    tls = made.rig.border.plan.realms["access"].listeners[2]
    assert made.rig.border.named(tls, TWO, "usual.example") == "pbx.example"
    made = speaker("tls")
    assert made.rig.border.named(tls, TWO, "usual.example") == "usual.example"
    assert made.rig.border.named(tls, TWO) == ""


def test_a_reload_keeps_what_is_known_and_takes_what_is_new() -> None:
    made = speaker()
    _, sent = rings(made)
    made.rig._take(made.rig.border.unreachable(sent.listener, ONE, "refused", made.rig.now))
    declines(made, sent)
    plan = made.rig.border.plan
    access = plan.realms["access"]
    third = attrs.evolve(access.trunks[0], next_hops=(Address("192.0.2.19", 5060), TWO))
    new = attrs.evolve(plan, realms={**plan.realms, "access": attrs.evolve(access, trunks=(third,))})
    said = [(each.event, each.fields.get("hop")) for each in of(Note, made.rig.replan(new))]
    assert ("hop-gone", str(ONE)) in said and ("hop-new", "192.0.2.19:5060") in said
    assert rings(made, b"new")[1].to == Address("192.0.2.19", 5060)
