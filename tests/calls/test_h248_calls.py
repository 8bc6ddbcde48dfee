"""Calls of H.248 through a border in memory: contexts with their terminations, by text and by binary."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.orders import CloseStream, Listener, OpenStream, Order, Send, UpdateStream
from sbc.core.reach import LARGE
from sbc.core.realm import Signaling
from sbc.h248.message import Body, Verb
from sbc.octets import tpkt
from tests.h248_calls import (
    DIALECT,
    FAR,
    GATEWAY,
    NEAR,
    RTP,
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
    statistics,
    transaction,
)
from tests.laws import assert_no_trace, with_streams
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, events, make_plan, of, sends

OTHER_NAT = Address("203.0.113.12", 40001)
wires = pytest.mark.parametrize("wire", WIRES)


@wires
def test_a_gateway_registers_and_has_a_port_of_its_own(wire: str) -> None:
    rig = gateway_rig()
    sent = registers(rig, NAT, wire)
    asked = read(sent.data)
    assert asked.mid.address == sent.listener.advertised != SBC_CORE
    assert asked.mid.address is not None and asked.mid.address.host == SBC_CORE.host
    assert asked.transaction != 1
    assert_no_trace(sent.data, PHONE.host, NAT.host, SBC_ACCESS.host)
    found = gateway(gateway_rig(), wire=wire)
    assert found.binding.seen == NAT and found.binding.place.address == GATEWAY
    (back,) = found.told(found.rig.log)
    assert read(back).transaction == 1 and read(back).mid.address == SBC_ACCESS
    assert_no_trace(back, SOFTSWITCH.host, SBC_CORE.host)


@wires
def test_a_call_is_added_modified_and_subtracted(wire: str) -> None:
    found = gateway(wire=wire)
    rig = found.rig
    asked = found.add()
    assert asked.transaction != 10 and asked.mid.address == SBC_ACCESS
    orders = found.added(asked)
    (opened,) = of(OpenStream, orders)
    (back,) = found.heard(orders)
    assert read(back).transaction == 10 and places(back) == [opened.spec.sides[0].local.rtp]
    assert opened.spec.sides[1].remote is not None and opened.spec.sides[1].remote.rtp == NEAR
    (call,) = found.calls
    assert call.state is CallState.UP and set(call.gathering.members) == {found.name(LINE), found.name(RTP)}  # type: ignore[union-attr]
    orders = found.modify()
    (there,) = found.told(orders)
    assert places(there) == [opened.spec.sides[1].local.rtp]
    (moved,) = of(UpdateStream, orders)
    assert moved.side == 0 and moved.spec.remote is not None and moved.spec.remote.rtp == FAR
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP)))
    asked = found.subtract()
    assert [each.verb for each in asked.commands] == [Verb.SUBTRACT] * 2 and call.state is CallState.UP
    counted = command(b"Subtract", RTP, statistics(rtp_ps=500, rtp_pr=498, nt_os=80000, nt_or=79680))
    orders = found.say(reply(asked.transaction, 5, command(b"Subtract", LINE), counted))
    assert len(of(CloseStream, orders)) == 1 and "close" in events(orders)
    assert dict(call.gathering.reported[found.name(RTP)])["packets_sent"] == "500"  # type: ignore[union-attr]
    assert call.state is CallState.CLOSED and not found.calls
    for data in sends(rig.log, "core"):
        assert_no_trace(data, PHONE.host, NAT.host, SBC_ACCESS.host)
    for data in sends(rig.log, "access"):
        assert_no_trace(data, SOFTSWITCH.host, FAR.host, SBC_CORE.host)


@wires
def test_where_media_goes_may_be_said_when_a_termination_is_added(wire: str) -> None:
    found = gateway(wire=wire)
    asked = found.add(remote=FAR)
    (opened,) = of(OpenStream, found.rig.log)
    assert opened.spec.sides[0].remote is not None and opened.spec.sides[0].remote.rtp == FAR
    orders = found.added(asked)
    assert not of(OpenStream, orders)
    (call,) = found.calls
    (stream,) = call.streams.values()
    assert stream.member == found.name(RTP) and stream.remote[1] is not None and stream.remote[1].rtp == NEAR
    assert not call.channels


@wires
def test_two_gateways_that_call_themselves_alike_are_never_taken_for_each_other(wire: str) -> None:
    """The same private address, the same name, the same numbers of transactions and contexts, behind two NATs."""
    rig = gateway_rig()
    one = gateway(rig, NAT, wire, mid=b"gw1")
    other = gateway(rig, OTHER_NAT, wire, mid=b"gw1")
    assert one.own != other.own and one.binding is not other.binding
    first, second = one.add(), other.add()
    one.added(first)
    orders = other.added(second, near=Address(PHONE.host, 4002))
    assert other.heard(orders) and not one.heard(orders)
    (call,), (another,) = one.calls, other.calls
    assert call is not another
    (there,) = other.told(other.modify())
    assert not one.told([each for each in of(Send, rig.log) if each.data == there])
    other.say(reply(read(there).transaction, 5, command(b"Modify", RTP)))
    gone = other.subtract()
    other.say(reply(gone.transaction, 5, command(b"Subtract", LINE), command(b"Subtract", RTP)))
    assert another.state is CallState.CLOSED and call.state is CallState.UP


@wires
def test_what_comes_again_is_carried_out_once(wire: str) -> None:
    found = gateway(wire=wire)
    asked = found.add()
    body = transaction(10, b"$", command(b"Add", LINE), command(b"Add", b"$", media(local=sdp())))
    assert found.told(found.ask(body)) == []
    back = found.heard(found.added(asked))
    assert found.heard(found.ask(body)) == back
    assert found.heard(found.added(asked)) == []
    assert len(found.calls) == 1


@wires
def test_a_pending_transaction_is_waited_for(wire: str) -> None:
    found = gateway(wire=wire)
    asked = found.add()
    (told,) = found.heard(found.say(b"Pending = %d { }" % asked.transaction))
    assert read(told).body is Body.PENDING and read(told).transaction == 10
    found.rig.wait(25)
    (back,) = found.heard(found.added(asked))
    assert read(back).transaction == 10 and found.calls[0].state is CallState.UP


@wires
def test_an_answer_that_wants_it_is_acknowledged_by_us(wire: str) -> None:
    found = gateway(wire=wire)
    asked = found.add()
    local = command(b"Add", RTP, media(local=sdp(NEAR.host, NEAR.port)))
    orders = found.say(reply(asked.transaction, 5, local, ack=True))
    (ack,) = found.told(orders)
    assert read(ack).body is Body.ACK and read(ack).acks == ((asked.transaction, asked.transaction),)
    assert found.told(found.say(reply(asked.transaction, 5, local, ack=True))) == [ack]
    assert found.heard(orders) and not found.told(found.ask(b"TransactionResponseAck { 10 }"))


@wires
def test_a_gateway_comes_back_from_elsewhere(wire: str) -> None:
    """Its NAT has given it another address; its calls go on, and what it is asked goes to where it is."""
    found = gateway(wire=wire)
    call = found.call()
    moved = Address(NAT.host, 45_000)
    sent = registers(found.rig, moved, wire, GATEWAY, 2, b"Disconnected", b"900 Service Restored")
    assert sent.listener == found.own
    found.ask(answer_to(sent.data))
    assert found.binding.seen == moved and call.state is CallState.UP
    assert [each.to for each in of(Send, found.modify()) if each.listener.realm == "access"] == [moved]


@wires
def test_a_gateway_that_begins_anew_has_no_calls(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call()
    sent = registers(found.rig, NAT, wire, GATEWAY, 2)
    found.ask(answer_to(sent.data))
    assert call.state is CallState.CLOSED and not found.calls


@wires
def test_who_is_not_registered_is_told_so(wire: str) -> None:
    rig = gateway_rig()
    stranger = gateway(gateway_rig(), wire=wire)
    stranger.rig = rig
    (told,) = stranger.told(
        stranger.say(transaction(7, b"-", command(b"Notify", LINE, b"ObservedEvents = 1 { al/of }")))
    )
    answer = read(told)
    assert answer.error is not None and (answer.transaction, answer.error.code) == (7, 505)


@wires
def test_media_of_a_context_that_is_not_known_is_refused(wire: str) -> None:
    found = gateway(wire=wire)
    (told,) = found.heard(found.modify(context=99))
    assert read(told).error is not None and read(told).error.code == 411  # type: ignore[union-attr]
    (gone,) = found.told(found.ask(transaction(31, 99, command(b"Subtract", b"*"))))
    assert read(gone).commands[0].verb is Verb.SUBTRACT, "what is to be cleared is cleared, whatever we know"


@wires
def test_what_fails_at_the_gateway_leaves_nothing(wire: str) -> None:
    found = gateway(wire=wire)
    asked = found.add(remote=FAR)
    orders = found.say(failed(asked.transaction, 510, b"no resources"))
    (back,) = found.heard(orders)
    assert read(back).error is not None and len(of(CloseStream, orders)) == 1 and not found.calls


@wires
def test_an_audit_shows_each_side_the_addresses_it_knows(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call()
    (there,) = found.told(found.modify())
    found.say(reply(read(there).transaction, 5, command(b"Modify", RTP)))
    (stream,) = call.streams.values()
    (asked,) = found.told(found.ask(transaction(40, 5, command(b"AuditValue", RTP, b"Audit { Media }"))))
    ours = stream.ours[1].rtp
    shown = media(local=sdp(NEAR.host, NEAR.port), remote=sdp(ours.host, ours.port))
    (back,) = found.heard(found.say(reply(read(asked).transaction, 5, command(b"AuditValue", RTP, shown))))
    assert places(back) == [stream.ours[0].rtp, FAR]


@wires
def test_a_call_that_we_end_is_subtracted_and_its_controller_told(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call()
    orders = found.rig._take(found.rig.border.end_call(call.id, "kicked", found.rig.now))
    gone = [read(each) for each in found.told(orders)]
    assert {each.commands[0].termination.key for each in gone} == {found.name(LINE), found.name(RTP)}
    assert all(each.actions[0].context == b"5" and each.mid.address == SBC_ACCESS for each in gone)
    told = [read(each) for each in found.heard(orders)]
    assert all(each.commands[0].services is not None and each.commands[0].services.method == "forced" for each in told)
    assert all(each.mid.address == found.own.advertised for each in told) and len(told) == 2
    for each, name in zip(gone, (LINE, RTP), strict=True):
        found.say(reply(each.transaction, 5, command(b"Subtract", name)))
    assert call.state is CallState.CLOSED


@wires
@pytest.mark.parametrize("context", [b"$", 6], ids=["a new context", "one that is not known yet"])
def test_a_termination_takes_its_media_to_another_context(wire: str, context: bytes | int) -> None:
    found = gateway(wire=wire)
    call = found.call(remote=FAR)
    (stream,) = call.streams.values()
    ours, before = stream.ours, stream.id
    asked = read(*found.told(found.ask(transaction(50, context, command(b"Move", RTP)))))
    orders = found.say(reply(asked.transaction, 6, command(b"Move", RTP)))
    (closed,), (opened,) = of(CloseStream, orders), of(OpenStream, orders)
    assert closed.stream == before and tuple(each.local for each in opened.spec.sides) == ours
    (other,) = (each for each in found.calls if each is not call)
    assert list(other.streams.values()) == [stream] and not call.streams and opened.spec.call == other.id
    assert opened.spec.sides[0].remote is not None and opened.spec.sides[0].remote.rtp == FAR
    assert {each.gathering.name: each.gathering.members for each in found.calls} == {  # type: ignore[union-attr]
        b"5": [found.name(LINE)], b"6": [found.name(RTP)],
    }  # fmt: skip
    asked = read(*found.told(found.ask(transaction(51, 6, command(b"Move", LINE)))))
    orders = found.say(reply(asked.transaction, 6, command(b"Move", LINE)))
    assert call.state is CallState.CLOSED and found.calls == [other] and not of(CloseStream, orders)
    gone = found.subtract(context=6)
    orders = found.say(reply(gone.transaction, 6, command(b"Subtract", LINE), command(b"Subtract", RTP)))
    assert other.state is CallState.CLOSED and len(of(CloseStream, orders)) == 1


@wires
def test_where_media_goes_may_be_said_when_a_termination_is_moved(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call(remote=FAR)
    (stream,) = call.streams.values()
    elsewhere = Address(FAR.host, 7000)
    said = media(local=sdp(), remote=sdp(elsewhere.host, elsewhere.port))
    orders = found.ask(transaction(50, b"$", command(b"Move", RTP, said)))
    asked = read(*found.told(orders))
    assert places(*found.told(orders)) == [stream.ours[1].rtp] and not of(OpenStream, orders)
    local = command(b"Move", RTP, media(local=sdp(NEAR.host, NEAR.port)))
    orders = found.say(reply(asked.transaction, 6, local))
    assert places(*found.heard(orders)) == [stream.ours[0].rtp]
    (opened,) = of(OpenStream, orders)
    assert opened.spec.sides[0].remote is not None and opened.spec.sides[0].remote.rtp == elsewhere
    assert [each.remote[0].rtp for each in found.calls[-1].streams.values()] == [elsewhere]  # type: ignore[union-attr]


@wires
def test_who_is_not_moved_keeps_its_media_where_it_was(wire: str) -> None:
    found = gateway(wire=wire)
    call = found.call(remote=FAR)
    (stream,) = call.streams.values()
    said = media(remote=sdp(FAR.host, 7000))
    asked = read(*found.told(found.ask(transaction(50, 6, command(b"Move", RTP, said)))))
    orders = found.say(failed(asked.transaction, 411))
    assert found.calls == [call] and list(call.streams.values()) == [stream]
    assert stream.remote[0] is not None and stream.remote[0].rtp == FAR and not of(CloseStream, orders)


@wires
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_gateway_by_a_connection_is_controlled_by_udp(wire: str, transport: str) -> None:
    plan = with_streams(make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL), transport)
    rig = Rig.make(DIALECT, plan)
    by_tcp = rig.border.plan.realms["access"].listeners[1]
    (sent,) = of(Send, rig.from_access(tpkt.wrap(WRITERS[wire](message(GATEWAY, registration(1)))), NAT, at=by_tcp))
    assert sent.listener.transport == "udp" and sent.data[:1] != b"\x03"
    (back,) = of(Send, rig.from_core(WRITERS[wire](message(SOFTSWITCH, answer_to(sent.data))), at=sent.listener))
    assert back.listener == by_tcp and back.data[:1] == b"\x03" and read(back.data).transaction == 1
    modify = message(SOFTSWITCH, transaction(9, b"-", command(b"Modify", LINE)))
    (there,) = of(Send, rig.from_core(WRITERS[wire](modify), at=sent.listener))
    assert there.listener == by_tcp and there.data[:1] == b"\x03"


@wires
@pytest.mark.parametrize("to_tcp", [True, False], ids=["to tcp", "to udp"])
def test_a_gateway_that_changes_its_transport_takes_along_what_is_open(wire: str, to_tcp: bool) -> None:
    """What it was asked and has not answered it is asked again by the other, framed as that has it; so it is answered
    what it says again."""
    rig = Rig.make(DIALECT, with_streams(make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL)))
    by_udp, by_tcp = rig.border.plan.realms["access"].listeners[:2]
    frames = {by_udp: lambda data: data, by_tcp: tpkt.wrap}
    before, after = (by_udp, by_tcp) if to_tcp else (by_tcp, by_udp)

    def says(at: Listener, *bodies: bytes) -> list[Order]:
        return rig.from_access(frames[at](WRITERS[wire](message(GATEWAY, *bodies))), NAT, at=at)

    def hears(own: Listener, *bodies: bytes) -> list[Order]:
        return rig.from_core(WRITERS[wire](message(SOFTSWITCH, *bodies)), at=own)

    (sent,) = of(Send, says(before, registration(1)))
    own = sent.listener
    hears(own, answer_to(sent.data))
    (asked,) = of(Send, hears(own, transaction(9, b"-", command(b"Modify", LINE))))
    (told,) = of(Send, says(before, transaction(7, b"-", command(b"Notify", LINE))))
    assert asked.listener == before and told.listener == own
    (sent,) = of(Send, says(after, registration(2)))
    back, again = of(Send, hears(own, answer_to(sent.data)))
    assert back.listener == again.listener == after
    plain = asked.data if to_tcp else asked.data[tpkt.HEADER :]
    assert again.data == frames[after](plain)
    repeated = [each for each in of(Send, rig.wait(1)) if each.listener == after]
    assert {each.data for each in repeated} == (set() if to_tcp else {again.data})
    (answer,) = of(Send, hears(own, reply(read(told.data).transaction, b"-", command(b"Notify", LINE))))
    assert answer.listener == after
    assert of(Send, says(after, transaction(7, b"-", command(b"Notify", LINE)))) == [answer], "it says it again"
    (up,) = of(Send, says(after, reply(read(asked.data).transaction, b"-", command(b"Modify", LINE))))
    assert up.listener == own and read(up.data).transaction == 9


@wires
def test_the_controller_has_media_latched(wire: str) -> None:
    """H.248.37: where the other end is behind a NAT, what the core sends is taken from where it comes."""
    found = gateway(wire=wire)
    call = found.call()
    assert not call.legs[0].behind_nat
    orders = found.ask(transaction(60, 5, command(b"Modify", RTP, b"Signals { ipnapt/latch { napt = LATCH } }")))
    (update,) = of(UpdateStream, orders)
    assert update.side == 0 and update.spec.behind_nat and len(found.told(orders)) == 1


def test_what_is_large_goes_from_its_gateways_own_port_all_the_same() -> None:
    plan = with_streams(make_plan("h248", signaling=Signaling.PORT_PER_TERMINAL))
    found = gateway(Rig.make(DIALECT, plan))
    (there,) = found.heard(found.say(transaction(7, b"-", *[command(b"Notify", LINE)] * 80)))
    assert len(there) > LARGE and len(read(there).commands) == 80


@wires
def test_a_gateway_of_the_other_ip_version_is_written_in_that_of_the_core(wire: str) -> None:
    found = gateway(wire=wire, mid=Address("2001:db8::10", 2944))
    six = sdp("x", 4000).replace(b"IP4 x", b"IP6 2001:db8::10")
    asked = found.add()
    added = command(b"Add", RTP, media(local=six))
    (back,) = found.heard(found.say(reply(asked.transaction, 5, command(b"Add", LINE), added)))
    assert read(back).mid.address == found.own.advertised and places(back)[0].host == SBC_CORE.host
    assert b"IP6" not in back and b"2001:db8" not in back
