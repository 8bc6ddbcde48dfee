"""Connections over real sockets on loopback, with a clock the test moves: found, opened, bounded, told about."""

from __future__ import annotations

import socket

import pytest
from twisted.internet.error import CannotListenError

from sbc.core.address import Address
from tests.streams import CORE, INVITE, PEER, REGISTER, Bench, bench

__all__ = ["bench"]


def test_to_a_phone_no_connection_is_ever_opened(bench: Bench) -> None:
    door, address = bench.softswitch()
    assert bench.table.send(bench.access, address, INVITE) == "its connection is closed"
    door.settimeout(0.05)
    with pytest.raises(TimeoutError):
        bench.taken(door)


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
    other = [socket.create_connection(bench.access.address, 2, ("127.0.9.14", 0)) for _ in range(2)]
    for each in other:
        each.settimeout(0.05)
        bench.ends.callback(each.close)
    bench.turn(10)
    assert [bench.ended(each) for each in other] == [False, True]
    assert bench.heard.counted["connection-refused"] == 2
    first[0].close()
    bench.wait(lambda: len(bench.table.books().connections) == 2, "one to go")
    assert not bench.ended(bench.phone())


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
