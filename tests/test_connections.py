"""Connections over real sockets on loopback, with a clock the test moves: found, opened, bounded, told about."""

from __future__ import annotations

import socket

import attrs
import pytest
from twisted.internet.error import CannotListenError

from sbc.connection import door_of
from sbc.core.address import Address
from sbc.core.orders import Listener, Note
from sbc.core.wires import Connections as Limits
from sbc.core.wires import Web
from sbc.sip.framing import SipFrames
from sbc.websocket import WebSocket
from tests.streams import CORE, INVITE, NET, PEER, REGISTER, Bench, Hearing, bench, open_bench

__all__ = ["bench"]


def test_to_a_phone_no_connection_is_ever_opened(bench: Bench) -> None:
    door, address = bench.softswitch()
    assert bench.table.send(bench.access, address, INVITE) == "its connection is closed"
    door.settimeout(0.05)
    with pytest.raises(TimeoutError):
        bench.taken(door)


def test_to_a_trunk_one_is_opened_where_it_takes_some(bench: Bench) -> None:
    door, address = bench.softswitch()
    source = Address(address.host, 9)
    bench.heard.doors = {address: address, source: address}
    for to, data in ((address, b"one"), (source, b"two")):
        assert bench.table.send(bench.access, to, data) == ""
    end = bench.taken(door)
    bench.wait(lambda: bench.heard.counted["connection-opened"], "the connection")
    bench.turn()
    assert end.recv(100) == b"onetwo" and len(bench.table.books().connections) == 1


def test_one_connection_to_a_next_hop_opened_when_needed_serves_all(bench: Bench) -> None:
    door, address = bench.softswitch()
    for data in (b"one", b"two"):
        assert bench.table.send(bench.core, address, data) == ""
    end = bench.taken(door)
    bench.wait(lambda: bench.heard.counted["connection-opened"], "the connection")
    assert bench.table.send(bench.core, address, b"three") == ""
    bench.turn()
    assert end.recv(100) == b"onetwothree"
    assert end.getpeername()[0] == CORE, "our own address there, not the system's choice"
    end.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the answer")
    assert bench.heard.messages == [(address, REGISTER)]
    assert len(bench.table.books().connections) == 1


def lane(listener: Listener, name: str) -> Listener:
    return attrs.evolve(listener, lane=name)


def test_a_call_may_have_a_connection_for_itself_and_hang_it_up(bench: Bench) -> None:
    door, address = bench.softswitch()
    one, two = lane(bench.core, "1"), lane(bench.core, "2")
    for own, data in ((one, b"one"), (two, b"two"), (one, b"three")):
        assert bench.table.send(own, address, data) == ""
    ends = [bench.taken(door), bench.taken(door)]
    bench.wait(lambda: bench.heard.counted["connection-opened"] == 2, "both connections")
    bench.turn()
    assert sorted(end.recv(100) for end in ends) == [b"onethree", b"two"]
    bench.table.send(one, address, b"last")
    bench.table.hang_up(one, address)
    bench.table.hang_up(one, address)
    bench.wait(lambda: bench.heard.counted["connection-hung-up"], "the end")
    bench.turn()
    assert len([end for end in ends if end.fileno() >= 0]) == 2
    bench.table.close(bench.core)
    for end in ends:
        end.close()
    bench.turn()
    assert bench.table.books().connections == []


def test_to_a_phone_only_a_call_opens_a_connection(bench: Bench) -> None:
    door, address = bench.softswitch()
    assert bench.table.send(lane(bench.access, "1"), address, b"one") == ""
    assert bench.taken(door) is not None


def awaited(listener: Listener, name: str) -> Listener:
    return attrs.evolve(listener, lane=name, awaited=True)


def test_what_is_to_go_by_a_connection_that_a_phone_makes_waits_for_it(bench: Bench) -> None:
    _, registered = bench.softswitch()
    own = awaited(bench.access, "1")
    assert bench.table.send(own, registered, b"one") == "" == bench.table.send(own, registered, b"two")
    phone = bench.phone()
    phone.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the phone")
    ((source, _),) = bench.heard.messages
    bench.table.adopt(own, registered, bench.access, source)
    assert bench.table.send(own, registered, b"three") == ""
    bench.turn()
    assert phone.recv(100) == b"onetwothree"
    assert bench.table.send(bench.access, source, b"four") == "its connection is closed", "it is known by that no more"
    phone.sendall(REGISTER)
    bench.wait(lambda: len(bench.heard.messages) == 2, "the answer")
    assert bench.heard.messages[1] == (registered, REGISTER)
    assert bench.table.faults() == [] and len(bench.table.books().connections) == 1
    phone.close()
    bench.wait(lambda: bench.heard.lost, "the loss")
    assert bench.heard.lost == [(registered, "the connection is lost")]
    assert bench.table.books().connections == [] and not bench.table.books().per_source


def test_a_connection_that_nobody_makes_is_given_up(bench: Bench) -> None:
    _, registered = bench.softswitch()
    bench.table.send(awaited(bench.access, "1"), registered, b"one")
    bench.pass_time(12)
    assert bench.heard.lost == [(registered, "the peer has not made the connection that it was asked for")]
    assert bench.table.books().connections == []


def test_who_comes_when_nothing_waits_any_more_is_turned_away(bench: Bench) -> None:
    _, registered = bench.softswitch()
    own = awaited(bench.access, "1")
    bench.table.send(own, registered, b"one")
    bench.table.hang_up(own, registered)
    phone = bench.phone()
    phone.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the phone")
    bench.table.adopt(own, registered, bench.access, bench.heard.messages[0][0])
    bench.turn()
    assert bench.ended(phone)
    bench.table.adopt(own, registered, bench.access, registered)


def test_after_a_loss_the_next_message_opens_a_new_one(bench: Bench) -> None:
    door, address = bench.softswitch()
    bench.table.send(bench.core, address, b"one")
    bench.taken(door).close()
    bench.wait(lambda: bench.heard.lost, "the loss")
    assert bench.heard.lost == [(address, "the connection is lost")]
    bench.table.send(bench.core, address, b"two")
    end = bench.taken(door)
    bench.turn()
    assert end.recv(100) == b"two"


def test_a_refused_connection_is_told(bench: Bench) -> None:
    door, address = bench.softswitch()
    door.close()
    assert bench.table.send(bench.core, address, b"one") == ""
    bench.wait(lambda: bench.heard.lost, "the refusal")
    ((peer, why),) = bench.heard.lost
    assert peer == address and "refused" in why
    assert bench.table.books().connections == []


def test_a_swallowed_connection_request_is_given_up(bench: Bench) -> None:
    door = socket.socket()
    bench.ends.callback(door.close)
    door.bind((PEER, 0))
    door.listen(0)
    full = []
    for _ in range(4):  # the kernel now answers no further request
        filler = socket.socket()
        filler.setblocking(False)
        bench.ends.callback(filler.close)
        filler.connect_ex(door.getsockname())
        full.append(filler)
    bench.table.send(bench.core, Address(*door.getsockname()), b"one")
    bench.turn()
    assert not bench.heard.lost
    bench.pass_time(6)
    assert len(bench.heard.lost) == 1
    assert bench.heard.counted["connection-timeout"] == 1


@pytest.mark.parametrize("bench", [{"per_source": 2, "total": 3}], indirect=True)
def test_connections_are_bounded(bench: Bench) -> None:
    first = [bench.phone(), bench.phone(), bench.phone()]
    bench.turn(10)
    assert [bench.ended(each) for each in first] == [False, False, True]
    other = [socket.create_connection(bench.access.address, 2, (f"{NET}.14", 0)) for _ in range(2)]
    for each in other:
        each.settimeout(0.05)
        bench.ends.callback(each.close)
    bench.turn(10)
    assert [bench.ended(each) for each in other] == [False, True]
    assert bench.heard.counted["connection-refused"] == 2
    first[0].close()
    bench.wait(lambda: len(bench.table.books().connections) == 2, "one to go")
    assert not bench.ended(bench.phone())


def test_who_is_barred_is_not_let_in_and_who_is_let_in_is_told_of(bench: Bench) -> None:
    one = bench.phone()
    bench.wait(lambda: bench.heard.let_in, "the connection to be told of")
    assert bench.heard.let_in == [Address(*one.getsockname())]
    bench.heard.bars = "not here"
    other = bench.phone()
    bench.wait(lambda: bench.ended(other), "the other to be turned away")
    assert bench.heard.counted["connection-refused"] == 1 and len(bench.heard.let_in) == 1


def test_when_one_that_we_open_is_up_it_is_told_of_before_anything_is_sent(bench: Bench) -> None:
    door, address = bench.softswitch()
    bench.table.open(bench.core, address)
    assert not bench.heard.let_in
    bench.taken(door)
    bench.wait(lambda: bench.heard.let_in, "the connection to be told of")
    assert bench.heard.let_in == [address]


def test_a_connection_may_be_opened_before_anything_is_said(bench: Bench) -> None:
    with socket.create_server((f"{NET}.30", 0)) as server:
        server.settimeout(0.05)
        to = Address(*server.getsockname())
        for _ in range(2):
            bench.table.open(bench.core, to)
        bench.wait(lambda: bench.heard.counted["connection-opened"], "the connection")
        made, _ = server.accept()
        made.close()
    assert len(bench.table.books().connections) == 1


def test_a_port_in_use_cannot_be_had(bench: Bench) -> None:
    with pytest.raises(CannotListenError):
        bench.table.listen(bench.access)


def test_the_auditor_sees_what_does_not_add_up(bench: Bench) -> None:
    bench.phone()
    bench.wait(lambda: bench.table.books().connections, "the connection")
    (made,) = bench.table.books().connections
    made.closing = True
    assert any("found but closed" in fault for fault in bench.table.faults())
    made.closing = False
    assert bench.table.faults() == []


def from_softswitch(bench: Bench) -> tuple[socket.socket, Address]:
    """A connection that a core host has made, and where it comes from."""
    made = socket.create_connection((bench.core.address.host, bench.core.address.port), 2, (PEER, 0))
    bench.ends.callback(made.close)
    made.settimeout(0.05)
    made.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "its message")
    return made, Address(*made.getsockname())


def test_a_connection_that_is_offered_serves_for_what_goes_to_the_alias(bench: Bench) -> None:
    _, target = bench.softswitch()
    made, source = from_softswitch(bench)
    bench.table.alias(bench.core, source, target)
    bench.table.alias(bench.core, source, target._replace(port=9))  # one for each
    assert bench.heard.counted["connection-aliased"] == 1
    assert bench.table.send(bench.core, target, b"one") == ""
    bench.turn()
    assert made.recv(10) == b"one"
    assert bench.table.faults() == []
    made.close()
    bench.wait(lambda: len(bench.heard.lost) == 2, "the loss")
    assert {peer for peer, _ in bench.heard.lost} == {source, target}
    assert bench.table.send(bench.core, target, b"two") == ""  # by one of our own
    bench.wait(lambda: bench.heard.counted["connection-opened"], "a new one")


def test_an_alias_takes_the_place_of_no_connection_and_is_of_one_that_is_there(bench: Bench) -> None:
    door, target = bench.softswitch()
    assert bench.table.send(bench.core, target, b"one") == ""
    ours = bench.taken(door)
    bench.turn()
    _, source = from_softswitch(bench)
    bench.table.alias(bench.core, source, target)
    bench.table.alias(bench.core, source._replace(port=1), target)
    assert bench.table.send(bench.core, target, b"two") == ""
    bench.turn()
    assert ours.recv(10) == b"onetwo" and not bench.heard.counted["connection-aliased"]


def test_an_answer_finds_its_connection_or_the_door_it_may_go_to_instead(bench: Bench) -> None:
    door, target = bench.softswitch()
    made, source = from_softswitch(bench)
    assert bench.table.send(bench.core, source, b"one", target) == ""
    bench.turn()
    assert made.recv(10) == b"one"
    made.close()
    bench.wait(lambda: bench.heard.lost, "the loss")
    assert bench.table.send(bench.core, source, b"two", target) == ""
    other = bench.taken(door)
    bench.turn()
    assert other.recv(10) == b"two"
    assert bench.table.send(bench.core, source, b"three", target) == ""
    bench.turn()
    assert other.recv(10) == b"three"


def test_an_answer_to_a_terminal_opens_nothing(bench: Bench) -> None:
    _, target = bench.softswitch()
    assert bench.table.send(bench.access, Address(PEER, 9), b"one", target) == "its connection is closed"
    assert not bench.table.books().connections


@pytest.mark.parametrize("bench", [{"handshakes": 2}], indirect=True)
def test_connections_of_one_host_that_have_brought_nothing_are_few(bench: Bench) -> None:
    first, second, third = bench.phone(), bench.phone(), bench.phone()
    bench.wait(lambda: bench.ended(third), "the end of the third")
    assert bench.heard.counted["connection-refused"] == 1
    first.sendall(REGISTER)
    bench.wait(lambda: bench.heard.messages, "the message")
    fourth, fifth = bench.phone(), bench.phone()
    bench.wait(lambda: bench.ended(fifth), "the end of the fifth")
    second.close()
    bench.wait(lambda: bench.heard.lost, "the end of the second")
    sixth = bench.phone()
    bench.turn()
    assert not any(map(bench.ended, (first, fourth, sixth)))


def test_a_fault_in_looking_at_one_keeps_no_other_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = bench.phone(), bench.phone()
    bench.wait(lambda: len(bench.table.books().connections) == 2, "both")
    noted, faults = Hearing.noted, iter([RuntimeError("a fault of ours")])

    def faulty(hearing: Hearing, note: Note) -> None:
        for fault in faults:
            raise fault
        noted(hearing, note)

    monkeypatch.setattr(Hearing, "noted", faulty)
    bench.pass_time(15)
    assert bench.ended(one) and bench.ended(other)


def test_who_has_a_network_of_addresses_is_counted_once() -> None:
    listener = Listener("access", "sip", "tcp", Address("2001:db8::5", 5060), Address("2001:db8::5", 5060))
    doors = {door_of(listener, Address(f"2001:db8:1::{host}", 1)) for host in range(1, 9)}
    assert len(doors) == 1 and door_of(listener, Address("2001:db8:1:1::1", 1)) not in doors
    assert door_of(listener, Address("192.0.2.1", 1)) != door_of(listener, Address("192.0.2.2", 1))


def answering(bench: Bench, door: socket.socket) -> tuple[socket.socket, WebSocket]:
    """A next hop that agrees on a WebSocket, once it is asked for one."""
    end, there = bench.taken(door), WebSocket("sip", SipFrames(), Web(paths=("/ws",)))
    bench.turn()
    end.sendall(there.feed(end.recv(65536)).reply)
    bench.turn()
    return end, there


def test_to_a_next_hop_by_a_websocket_goes_what_waits_when_it_is_agreed_on() -> None:
    with open_bench(Limits(queue=10_000), "ws", websocket=Web(target="/ws", ping=20.0)) as bench:
        door, address = bench.softswitch()
        for data in (REGISTER, INVITE):
            assert bench.table.send(bench.core, address, data) == ""
        assert bench.table.send(bench.core, address, b"x" * 10_000) == "it does not read what it is sent"
        bench.wait(lambda: bench.heard.lost, "the loss")
        for data in (REGISTER, INVITE):
            assert bench.table.send(bench.core, address, data) == ""
        end, there = answering(bench, door)
        assert bench.heard.let_in == [address], "not before"
        assert there.feed(end.recv(65536)).messages == [REGISTER, INVITE]
        assert bench.table.send(bench.core, address, REGISTER) == ""
        end.sendall(there.wrap(INVITE))
        bench.wait(lambda: bench.heard.messages, "a request by it")
        assert bench.heard.messages == [(address, INVITE)] and there.feed(end.recv(65536)).messages == [REGISTER]
        bench.pass_time(22)
        assert there.feed(end.recv(65536)).stirred, "it is asked whether it lives"


def test_a_next_hop_that_does_not_agree_is_lost() -> None:
    with open_bench(Limits(connect=2.0), "ws", websocket=Web(target="/other")) as bench:
        door, address = bench.softswitch()
        bench.table.send(bench.core, address, REGISTER)
        answering(bench, door)
        bench.wait(lambda: bench.heard.lost, "the loss")
        assert bench.heard.counted["connection-unwelcome"] == 1 and not bench.heard.let_in
        bench.table.send(bench.core, address, REGISTER)
        bench.taken(door)
        bench.turn()
        bench.pass_time(4)
        bench.wait(lambda: len(bench.heard.lost) == 2, "one that says nothing to be given up")
        assert bench.heard.counted["connection-slow"] == 1
