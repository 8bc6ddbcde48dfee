"""Gateways of H.248 and their controllers: lost and found, handed to another, turned away, in parts and in segments."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import CloseStream, Note, Order, Send
from sbc.core.realm import Keepalive, Registrations, Signaling
from sbc.h248.message import Body, Verb
from sbc.octets import tpkt
from tests.h248_calls import (
    DIALECT,
    FAR,
    GATEWAY,
    NEAR,
    RTP,
    Gateway,
    answer_to,
    gateway,
    gateway_rig,
    places,
    read,
    registers,
)
from tests.h248_words import (
    LINE,
    WIRES,
    WRITERS,
    command,
    failed,
    media,
    message,
    registration,
    reply,
    sdp,
    together,
    transaction,
)
from tests.kept import restarted
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends

SECOND = Address("198.51.100.3", 2944)
OTHER_NAT = Address("203.0.113.12", 40001)
wires = pytest.mark.parametrize("wire", WIRES)


@wires
def test_a_gateway_that_is_lost_is_told_of_and_so_is_that_it_is_back(wire: str) -> None:
    settings = Keepalive(tell_core=True)
    rig = gateway_rig(keepalive=settings, registrations=Registrations(front=False, core=600))
    found = gateway(rig, wire=wire)
    call = found.call()
    rig.log.clear()
    while "dead" not in events(rig.log):
        rig.wait(1)
    asked = [read(each) for each in found.told(rig.log)]
    assert asked and {each.commands[0].verb for each in asked} == {Verb.AUDIT_VALUE}
    assert {each.wire.value for each in asked} == {wire}
    told = [read(each) for each in found.heard(rig.log)]
    assert told and all(each.commands[0].services is not None for each in told)
    assert {each.commands[0].services.method for each in told if each.commands[0].services} == {"forced"}
    found.ask(reply(told[0].transaction, b"-", command(b"ServiceChange", b"ROOT")))
    rig.wait(0.1)
    assert call.state is CallState.CLOSED, "its controller has nothing there any more"
    rig.log.clear()
    found.say(transaction(70, b"-", command(b"Notify", LINE, b"ObservedEvents = 1 { al/of }")))
    rig.wait(0.1)
    back = [read(each) for each in found.heard(rig.log)]
    assert [each.commands[0].services.method for each in back if each.commands[0].services] == ["disconnected"]
    assert "alive" in events(rig.log)


@wires
def test_any_answer_is_a_sign_of_life_and_who_answers_stays(wire: str) -> None:
    rig = gateway_rig(keepalive=Keepalive(), registrations=Registrations(front=False, core=120))
    found = gateway(rig, wire=wire)
    call = found.call()
    for _ in range(100):
        rig.log.clear()
        rig.wait(20)
        for asked in {read(each).transaction for each in found.told(rig.log)}:
            found.say(failed(asked, 501, b"no audits"))
    assert found.binding.seen == NAT and call.state is CallState.UP


def test_who_never_answers_is_forgotten_and_its_calls_are_over() -> None:
    rig = gateway_rig(keepalive=Keepalive(), registrations=Registrations(front=False, core=120))
    found = gateway(rig)
    call = found.call()
    rig.wait(1000)
    assert not rig.border.registry.bindings and call.state is CallState.CLOSED and not rig.open_streams
    told = [read(each) for each in found.heard(rig.log) if read(each).body is Body.REQUEST]
    assert any(each.actions[0].context == b"5" and each.commands[0].services is not None for each in told)


@wires
def test_a_controller_that_names_another_has_its_gateway_go_there(wire: str) -> None:
    rig = gateway_rig()
    sent = registers(rig, NAT, wire)
    assert sent.to == SOFTSWITCH
    named = f"Services {{ MgcIdToTry = [{SOFTSWITCH.host}]:2950 }}".encode()
    said = WRITERS[wire](message(SOFTSWITCH, answer_to(sent.data, named)))
    (back,) = sends(rig.from_core(said, SOFTSWITCH, at=sent.listener), "access")
    services = read(back).commands[0].services
    assert services is not None and services.mgc is not None and services.mgc.address == SBC_ACCESS
    assert_no_trace(back, SOFTSWITCH.host)
    again = registers(rig, NAT, wire, GATEWAY, 2)
    assert again.to == SOFTSWITCH._replace(port=2950) and again.listener == sent.listener


@wires
def test_after_a_reload_with_another_controller_that_one_hears_of_the_gateway(wire: str) -> None:
    found = gateway(wire=wire)
    plan = found.rig.border.plan
    ways = tuple(attrs.evolve(path, next_hops=(SECOND,)) for path in plan.paths)
    found.rig.replan(attrs.evolve(plan, paths=ways))
    told = [each for each in of(Send, found.rig.wait(5.1)) if each.listener == found.own]
    change = read(told[0].data).commands[0].services
    assert {each.to for each in told} == {SECOND} and change is not None and change.method == "disconnected"
    assert_no_trace(told[0].data, SOFTSWITCH.host, PHONE.host, NAT.host)
    found.rig.from_core(WRITERS[wire](message(SECOND, answer_to(told[0].data))), SECOND, at=found.own)
    assert not found.binding.untold


@wires
def test_a_controller_hands_its_gateway_over(wire: str) -> None:
    """What it says to the gateway as a whole is a request as any other, and never leads past the SBC."""
    found = gateway(wire=wire)
    other = f'Services {{ Method = Handoff, Reason = "903 MGC Directed Change", MgcIdToTry = [{SECOND.host}]:2944 }}'
    (there,) = found.told(found.ask(transaction(80, b"-", command(b"ServiceChange", b"ROOT", other.encode()))))
    services = read(there).commands[0].services
    assert services is not None and services.mgc is not None and services.mgc.address == SBC_ACCESS
    assert_no_trace(there, SECOND.host, SOFTSWITCH.host)
    (back,) = found.heard(found.say(reply(read(there).transaction, b"-", command(b"ServiceChange", b"ROOT"))))
    assert read(back).transaction == 80 and found.binding.seen == NAT


def test_a_controller_that_refuses_leaves_no_gateway() -> None:
    rig = gateway_rig()
    sent = registers(rig, NAT)
    data = message(SOFTSWITCH, failed(read(sent.data).transaction, 402, b"unknown gateway"))
    (back,) = sends(rig.from_core(data, SOFTSWITCH, at=sent.listener), "access")
    assert read(back).error is not None and read(back).transaction == 1
    rig.wait(100)
    assert not rig.border.registry.bindings and not len(rig.border.registry.terminal_ports)


@wires
def test_a_gateway_takes_itself_off(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call()
    sent = registers(found.rig, NAT, wire, GATEWAY, 3, b"Forced", b"908 MG Impending Failure")
    assert sent.listener == found.own
    found.ask(answer_to(sent.data))
    assert call.state is CallState.CLOSED and not found.rig.border.registry.bindings


@wires
def test_both_ends_of_a_call_may_be_gateways_of_ours(wire: str) -> None:
    rig = gateway_rig()
    one, other = gateway(rig, NAT, wire), gateway(rig, OTHER_NAT, wire, Address("192.168.1.20", 2944))
    (first,) = places(*one.heard(one.added(one.add(), 5)))
    (second,) = places(*other.heard(other.added(other.add(11), 5, Address("192.168.1.20", 4000))))
    assert first != second and {first.host, second.host} == {SBC_CORE.host}
    for end, remote, number in ((one, second, 21), (other, first, 22)):
        (told,) = end.told(end.modify(number, remote=remote))
        assert places(told)[0].host == SBC_ACCESS.host
    assert len({call.id for call in (*one.calls, *other.calls)}) == 2


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_an_answer_in_segments_is_one_answer(order: tuple[int, int]) -> None:
    """Version 3: each segment crosses, in whatever order, and who sends them hears that they have arrived; its members
    have joined."""
    found = gateway()
    asked = found.add()
    local = command(b"Add", RTP, media(local=sdp(NEAR.host, NEAR.port)))
    parts = {
        1: b"Reply = %d/1 { Context = 5 { %b } }" % (asked.transaction, command(b"Add", LINE)),
        2: b"Reply = %d/2/END { Context = 5 { %b } }" % (asked.transaction, local),
    }
    for number in order:
        orders = found.rig.from_access(message(GATEWAY, parts[number], version=3), NAT)
        acks, (there,) = [read(each) for each in found.told(orders)], found.heard(orders)
        assert (read(there).segment, read(there).last, read(there).transaction) == (number, number == 2, 10)
        assert [(each.body, each.segment, each.transaction) for each in acks] == [
            (Body.SEGMENT, 1, asked.transaction) for _ in acks
        ]
        assert len(acks) == (number == 1)
        (exchange,) = [
            each for each in found.rig.border.registry.live_exchanges if each.token == b"%d" % asked.transaction
        ]
        assert exchange.open is (number == order[0])
        if number == 2:
            assert places(there)[0].host == SBC_CORE.host
    (call,) = found.calls
    assert call.gathering is not None and set(call.gathering.members) == {LINE, RTP} and call.streams


@wires
def test_several_transactions_of_one_message_cross_each_by_itself(wire: str) -> None:
    found = gateway(wire=wire)
    one, other = (
        WRITERS[wire](message(SOFTSWITCH, transaction(number, b"-", command(b"Modify", LINE)))) for number in (7, 8)
    )
    orders = found.rig.from_core(together([one, other]), SOFTSWITCH, at=found.own)
    asked = [read(each) for each in found.told(orders)]
    assert len({each.transaction for each in asked}) == 2
    for each in reversed(asked):
        found.say(reply(each.transaction, b"-", command(b"Modify", LINE)))
    assert [read(each).transaction for each in found.heard(found.rig.log)][-2:] == [8, 7]


def test_a_draining_sbc_makes_no_new_calls_and_ends_none() -> None:
    found = gateway()
    call = found.call()
    found.rig.border.drain(30)
    (told,) = found.heard(found.ask(transaction(90, b"$", command(b"Add", b"$", media(local=sdp())))))
    assert read(told).error is not None and read(told).error.code == 502  # type: ignore[union-attr]
    assert found.told(found.modify()) and call.state is CallState.UP


def test_an_answer_that_comes_too_late_is_undone() -> None:
    found = gateway()
    asked = found.add(remote=FAR)
    orders = found.rig.wait(25)
    (back,) = set(found.heard(orders))
    assert read(back).error is not None and read(back).error.code == 530 and of(CloseStream, orders)  # type: ignore[union-attr]
    gone = [read(each).commands[0] for each in found.told(found.added(asked))]
    assert [each.verb for each in gone] == [Verb.SUBTRACT] * 2


def test_who_answers_for_the_controller_or_another_gateway_is_not_believed() -> None:
    found = gateway()
    asked = found.add()
    answer = message(GATEWAY, reply(asked.transaction, 5, command(b"Add", LINE)))
    for orders in (
        found.rig.from_access(answer, OTHER_NAT),
        found.rig.from_access(answer, NAT._replace(port=NAT.port + 1)),
        found.rig.from_core(answer, Address("198.51.100.99", 2944), at=found.own),
    ):
        assert not of(Send, orders) and {each.event for each in of(Note, orders)} == {"stray-reply"}
    stranger = message(SECOND, transaction(9, b"-", command(b"Modify", LINE)))
    (told,) = sends(found.rig.from_core(stranger, SECOND, at=found.own), "core")
    assert read(told).error is not None and read(told).error.code == 504  # type: ignore[union-attr]
    assert_no_trace(told, PHONE.host, NAT.host)


def by_connections() -> Gateway:
    """A gateway, registered by datagrams, whose controller is reached by connections, at the gateway's own port."""
    plan = make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL)
    core = plan.realms["core"]
    listeners = tuple(attrs.evolve(each, transport="tcp") for each in core.listeners)
    realms = {**plan.realms, "core": attrs.evolve(core, listeners=listeners)}
    rig = Rig.make(DIALECT, attrs.evolve(plan, realms=realms))
    found = Gateway(rig, NAT, registers(rig, NAT).listener)
    rig.from_core(tpkt.wrap(message(SOFTSWITCH, answer_to(found.heard(rig.log)[-1]))), SOFTSWITCH, at=found.own)
    return found


def said_back(found: Gateway, orders: list[Order]) -> list[str]:
    """By which methods its controller is told of it as a whole."""
    return [each.commands[0].services.method for each in map(read, found.heard(orders)) if each.commands[0].services]


def test_a_connection_that_is_lost_is_made_anew_for_the_controller_cannot() -> None:
    found = by_connections()
    border = found.rig.border
    assert found.own.reliable and border.needs(found.own, SOFTSWITCH)
    assert not border.needs(found.own, SECOND), "a stranger's is not kept"
    found.rig._take(border.unreachable(found.own, SECOND, "lost", found.rig.now))
    assert not found.heard(found.rig.wait(5))
    found.rig._take(border.unreachable(found.own, SOFTSWITCH, "lost", found.rig.now))
    orders = found.rig.wait(6)
    assert said_back(found, orders) == ["disconnected"] and found.heard(orders)[0][:1] == b"\x03"
    yes = message(SOFTSWITCH, reply(read(*found.heard(orders)).transaction, b"-", command(b"ServiceChange", b"ROOT")))
    assert "restored" in events(found.rig.from_core(tpkt.wrap(yes), SOFTSWITCH, at=found.own))
    assert not said_back(found, found.rig.wait(100)) and not found.binding.parted


def test_after_a_restart_the_controller_is_turned_to_by_a_new_connection() -> None:
    found = by_connections()
    found.rig, _ = restarted(found.rig)
    assert said_back(found, [*found.rig.log, *found.rig.wait(6)]) == ["disconnected"]


def test_a_controller_that_takes_no_connection_is_turned_to_again_later() -> None:
    found = by_connections()
    border = found.rig.border
    for _ in range(3):
        found.rig._take(border.unreachable(found.own, SOFTSWITCH, "lost", found.rig.now))
        said = said_back(found, found.rig.wait(58))
        assert len(said) <= 1
    assert found.binding.state.value == "bound" and said_back(found, found.rig.wait(120))


@wires
def test_a_gateway_that_changes_its_name_speaks_by_the_port_of_its_new_one(wire: str) -> None:
    rig = gateway_rig(keepalive=Keepalive())
    old = gateway(rig, wire=wire, mid=b"<gw1.example.com>:2944")
    found = gateway(rig, wire=wire, mid=b"<gw2.example.com>:2944", number=2)
    (only,) = rig.border.registry.bindings.values()
    assert found.binding is only and found.own != old.own
    notify = transaction(70, b"-", command(b"Notify", LINE, b"ObservedEvents = 1 { al/of }"))
    assert len(found.heard(found.say(notify))) == 1


@pytest.mark.parametrize(("sparing", "answers"), [(True, 1), (False, 16)])
def test_one_datagram_of_a_stranger_draws_one_of_ours(sparing: bool, answers: int) -> None:
    rig = gateway_rig(sparing=sparing)
    asked = [transaction(number, b"-", command(b"AuditValue", b"ROOT", b"Audit {}")) for number in range(1, 17)]
    assert len(of(Send, rig.from_access(message(GATEWAY, *asked), OTHER_NAT))) == answers


@pytest.mark.parametrize("wires", [("text", "text"), ("text", "binary"), ("binary", "text")], ids="-".join)
@pytest.mark.parametrize("mid", [GATEWAY, b"gw1"], ids=["address", "name"])
def test_a_gateway_that_speaks_otherwise_from_now_on_is_the_same(mid: Address | bytes, wires: tuple[str, str]) -> None:
    """It begins in version 1, and says that it is there still in the one that was agreed upon."""
    at = b"ServiceChangeAddress = 2944"  # or each encoding would have a port of its own
    found = gateway(wire=wires[0], mid=mid) if mid == GATEWAY else gateway_with(wires[0], mid, at)
    call = found.call()
    again = message(mid, registration(3, b"Disconnected", b"900 Service Restored", at), version=3)
    (sent,) = found.heard(found.rig.from_access(WRITERS[wires[1]](again), NAT))
    assert read(sent).version == 3
    found.ask(answer_to(sent))
    (binding,) = found.rig.border.registry.bindings.values()
    assert binding is found.binding and binding.place.name == f"{wires[1]} 3".encode()
    assert call.state is CallState.UP and found.told(found.modify())


def gateway_with(wire: str, mid: bytes, *how: bytes) -> Gateway:
    """A gateway that has registered, and said how."""
    rig = gateway_rig()
    sent = registers(rig, NAT, wire, mid, 1, b"Restart", b"901 Cold Boot", *how)
    found = Gateway(rig, NAT, sent.listener, wire, mid)
    found.ask(answer_to(sent.data))
    return found


def test_a_goodbye_by_a_connection_is_not_one_of_who_sends_datagrams_from_the_same_port_of_a_nat() -> None:
    found = gateway()
    rig, tcp = found.rig, attrs.evolve(found.rig.border.plan.realms["access"].listeners[0], transport="tcp")
    call, other = found.call(), Address("192.168.1.20", 2944)
    for number, how in ((1, ()), (3, (b"Forced", b"908 MG Impending Failure"))):
        asked = rig.from_access(tpkt.wrap(message(other, registration(number, *how))), NAT, tcp)
        (sent,) = [each for each in of(Send, asked) if each.listener.realm == "core"]
        assert sent.listener != found.own
        rig.from_core(message(SOFTSWITCH, answer_to(sent.data)), SOFTSWITCH, sent.listener)
        assert call.state is CallState.UP and found.binding.seen == NAT
    assert list(rig.border.registry.bindings.values()) == [found.binding]
