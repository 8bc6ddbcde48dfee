"""Call agents of MGCP: several, redirecting, telling gateways whom to turn to; who is refused; what nobody knows."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Note, Send
from sbc.core.realm import Limits
from sbc.mgcp.dialect import MgcpDialect
from tests.mgcp_calls import AGENT, FAR, GATEWAY, OTHER, PRIVATE, Line, mgcp_plan, mgcp_rig, sent
from tests.mgcp_messages import command, crcx, created, dlcx, mdcx, response, rsip, sdp, value
from tests.rig import SBC_ACCESS, SBC_CORE, Rig, of

SECOND = Address("198.51.100.3", 2727)
NOTIFY = command("NTFY", 5, f"aaln/1@[{PRIVATE}]", "X: 1", "O: L/hd")


def with_two() -> Rig:
    """A path with two call agents, the first preferred."""
    plan = mgcp_plan()
    paths = tuple(attrs.evolve(path, next_hops=(AGENT, SECOND)) for path in plan.paths)
    return Rig.make(MgcpDialect(), attrs.evolve(plan, paths=paths))


def test_who_is_sent_to_another_agent_is_registered_there() -> None:
    rig = with_two()
    (first,) = sent(rig.from_access(rsip(31, f"[{PRIVATE}]"), GATEWAY), "core")
    other = SECOND if first.to == AGENT else AGENT
    orders = rig.from_core(response(521, first.data, f"N: ca@[{other.host}]:2727"), first.to, at=first.listener)
    assert not sent(orders, "access"), "the gateway need not hear of it"
    (second,) = sent(orders, "core")
    assert (second.to, second.listener) == (other, first.listener)
    (back,) = sent(rig.from_core(response(200, second.data), other, at=second.listener), "access")
    assert back.data == b"200 31 OK\r\n"
    (notified,) = sent(rig.from_access(NOTIFY, GATEWAY), "core")
    assert notified.to == other


def test_a_gateway_that_is_told_to_notifies_the_other_agent() -> None:
    rig = with_two()
    (first,) = sent(rig.from_access(rsip(31, f"[{PRIVATE}]"), GATEWAY), "core")
    other = SECOND if first.to == AGENT else AGENT
    rig.from_core(response(200, first.data), first.to, at=first.listener)
    asked = command("RQNT", 7, f"aaln/1@[{SBC_CORE.host}]", "X: 1", f"N: ca@[{other.host}]:2727")
    (heard,) = sent(rig.from_core(asked, first.to, at=first.listener), "access")
    assert value(heard.data, "N") == f"ca@[{SBC_ACCESS.host}]:2727"
    (notified,) = sent(rig.from_access(NOTIFY, GATEWAY), "core")
    assert notified.to == first.to, "not before it has said yes"
    rig.from_access(response(200, heard.data), GATEWAY)
    (notified,) = sent(rig.from_access(NOTIFY.replace(b" 5 ", b" 6 "), GATEWAY), "core")
    assert notified.to == other


@pytest.mark.parametrize("entity", [f"ca@[{FAR}]:2727", f"ca@[{SBC_ACCESS.host}]:2727", f"ca@[{PRIVATE}]"])
def test_no_gateway_is_led_to_who_is_no_agent(entity: str) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.told(response(200, line.ask("RQNT", "X: 1", f"N: {entity}")))
    (notified,) = sent(line.says(NOTIFY), "core")
    assert notified.to == AGENT


@pytest.mark.parametrize("entity", [f"ca@[{FAR}]:2727", f"ca@[{SBC_ACCESS.host}]:2727"])
def test_nor_by_the_answer_to_its_registration(entity: str) -> None:
    rig = mgcp_rig()
    (asked,) = sent(rig.from_access(rsip(31, f"[{PRIVATE}]"), GATEWAY), "core")
    rig.from_core(response(200, asked.data, f"N: {entity}"), AGENT, at=asked.listener)
    (notified,) = sent(rig.from_access(NOTIFY, GATEWAY), "core")
    assert notified.to == AGENT


def test_a_stranger_in_the_core_controls_nothing() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    (back,) = sent(rig.from_core(crcx(7, line.at()), Address(FAR, 2727), at=line.port), "core")
    assert back.data.startswith(b"500 7 ") and back.to == Address(FAR, 2727)
    assert not of(Send, rig.from_core(response(200, 7), Address(FAR, 2727), at=line.port))


def test_who_answers_for_the_agent_is_not_believed() -> None:
    rig = mgcp_rig()
    (asked,) = sent(rig.from_access(rsip(31, f"[{PRIVATE}]"), GATEWAY), "core")
    assert not of(Send, rig.from_core(response(200, asked.data), Address(FAR, 2727), at=asked.listener))
    assert len(of(Send, rig.from_core(response(200, asked.data), AGENT, at=asked.listener))) == 1


def test_a_gateway_that_is_refused_is_not_bound_and_its_port_goes_back() -> None:
    rig = mgcp_rig()
    (asked,) = sent(rig.from_access(rsip(31, f"[{PRIVATE}]"), GATEWAY), "core")
    (back,) = sent(rig.from_core(response(500, asked.data, text="who?"), AGENT, at=asked.listener), "access")
    assert back.data == b"500 31 who?\r\n"
    rig.wait(100)
    assert not rig.border.registry.bindings and not len(rig.border.registry.terminal_ports)


@pytest.mark.parametrize("verb", ["EPCF", "RQNT", "AUEP", "MESG", "XY99"])
def test_every_verb_crosses_as_it_is(verb: str) -> None:
    rig = mgcp_rig()
    line = Line.register(rig, domain="gw44.example")
    lines = ("B: e:mu", "A: a:PCMU;G726, v:L;M", "R: L/hd(A, E(S(L/dl),R(L/oc, L/hu, D/[0-9#*T](D))))", "X-Y/z: 1")
    data = command(verb, 7, line.at(), *lines)
    assert line.asked(data).partition(b" gw")[2] == data.partition(b" gw")[2]
    told = line.told(command(verb, 8, "aaln/1@gw44.example", *lines))
    assert told.endswith("\r\n".join(("", *lines, "")).encode())


def test_a_draining_sbc_makes_no_new_connections() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    rig.border.drain(30)
    (back,) = sent(line.agent(crcx(7, line.at(), "3b")), "core")
    assert back.data.startswith(b"403 7 ")
    heard = line.asked(mdcx(8, line.at(), "1F", described=sdp(FAR, 6002)))
    line.told(created(heard, "", PRIVATE, 4000))
    line.told(response(250, line.asked(dlcx(9, line.at(), "2a", "1F"))))
    assert not rig.open_streams


def test_too_much_is_refused_in_words_that_pass() -> None:
    rig = mgcp_rig(limits=Limits(calls=1, bindings=1))
    line = Line.register(rig)
    line.connect()
    (back,) = sent(line.agent(crcx(7, line.at(), "3b")), "core")
    assert back.data.startswith(b"409 7 ")
    (back,) = sent(rig.from_access(rsip(32, "gw2.example"), OTHER), "access")
    assert back.data.startswith(b"409 32 ")


def test_without_ports_there_is_no_connection() -> None:
    rig = mgcp_rig(ports=2)
    line = Line.register(rig)
    line.connect()
    (back,) = sent(line.agent(crcx(line.next(), line.at(), described=sdp(FAR, 6002))), "core")
    assert back.data.startswith(b"403 ")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"CRCX 7 aaln/1@gw\r\n", b"510 7 "),
        (b"CRCX 7 aaln/1@gw MGCP 1.0\r\nM: sendrecv\r\n", b"510 7 C: is no identifier\r\n"),
        (crcx(7, "aaln/1@gw", described=b"v=0\r\nm=audio x RTP/AVP 0\r\n"), b"509 7 "),
        (b"HELO\r\n", b""),
        (b"000 7\r\n", b""),
        (b"200 7 OK\r\n", b""),
    ],
)
def test_what_is_malformed_is_told_so_where_it_can_be(data: bytes, answer: bytes) -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    backs = [each.data for each in of(Send, line.agent(data))]
    assert [each[: len(answer)] for each in backs] == ([answer] if answer else [])
    events = {each.event for each in of(Note, rig.log)}
    assert events & {"bad-message", "stray-reply", "refused"}


def test_after_a_reload_with_another_agent_that_one_knows_the_gateway_and_may_end_its_calls() -> None:
    rig = mgcp_rig()
    line = Line.register(rig)
    line.connect()
    plan = rig.border.plan
    rig.replan(attrs.evolve(plan, paths=tuple(attrs.evolve(path, next_hops=(SECOND,)) for path in plan.paths)))
    told = sent(rig.wait(5.1), "core")[0]
    assert (told.listener, told.to, told.data.split()[0], value(told.data, "RM")) == (
        line.port,
        SECOND,
        b"RSIP",
        "disconnected",
    )
    (note,) = of(Note, rig.from_core(response(200, told.data), SECOND, at=line.port))
    assert note.event == "restored"
    (notified,) = sent(line.says(NOTIFY), "core")
    assert notified.to == SECOND
    (heard,) = sent(rig.from_core(dlcx(9, line.at(), "2a", "1F"), SECOND, at=line.port), "access")
    (answer,) = sent(line.says(response(250, heard.data)), "core")
    assert answer.to == SECOND and not rig.open_streams


@pytest.mark.parametrize("named", [False, True])
def test_who_has_registered_with_another_agent_is_no_more_of_the_one_that_it_was_to_notify(named: bool) -> None:
    """That is back, and was told of what goes on in calls of the other."""
    rig = with_two()
    (first,) = sent(rig.from_access(rsip(31, f"[{PRIVATE}]"), GATEWAY), "core")
    other = SECOND if first.to == AGENT else AGENT
    rig.from_core(response(200, first.data), first.to, at=first.listener)
    asked = command("RQNT", 7, f"aaln/1@[{SBC_CORE.host}]", "X: 1", f"N: ca@[{first.to.host}]:2727")
    (heard,) = sent(rig.from_core(asked, first.to, at=first.listener), "access")
    rig.from_access(response(200, heard.data), GATEWAY)
    orders = [*rig.from_access(rsip(32, f"[{PRIVATE}]"), GATEWAY), *rig.wait(9)]
    (again, *_) = [each for each in sent(orders, "core") if each.to == other and each.data.startswith(b"RSIP")]
    more = [f"N: ca@[{other.host}]:2727"] if named else []
    (back,) = sent(rig.from_core(response(200, again.data, *more), other, at=again.listener), "access")
    assert back.data.startswith(b"200 32 ")
    rig.from_core(command("AUEP", 8, f"aaln/1@[{SBC_CORE.host}]"), first.to, at=first.listener)
    (notified,) = sent(rig.from_access(NOTIFY, GATEWAY), "core")
    assert notified.to == other
