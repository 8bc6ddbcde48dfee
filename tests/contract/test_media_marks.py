"""How every media engine marks what it sends: as the other side has it, or by what packets came marked with."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from sbc.core.address import Pair
from sbc.core.orders import OWN, Shared
from sbc.policy.marking import Incoming, Mapped, Marks
from tests.contract.engines import Call, Peer, Rig
from tests.contract.test_media_sockets import media_sockets, traffic_class
from tests.media.packets import receiver_report, rtp

KEEP = Marks(incoming=Incoming.KEEP).table
MAP = Marks(incoming=Incoming.MAP, map=(Mapped(40, 46), Mapped(8, 0))).table
_SO_PRIORITY = 12  # asm-generic/socket.h


def hear_marks(*peers: Peer) -> None:
    for peer in peers:
        peer.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)


def came_as(call: Call, sender: Peer, to: Any, hearer: Peer, tos: int, data: bytes) -> int:
    """The octet that the IP header of a packet has at the far end, which has left with `tos`."""
    sender.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    call.send(sender, to, data)
    return traffic_class(hearer.sock)


@pytest.mark.parametrize(
    ("table", "leaves"),
    [
        (b"", {0: 26, 40: 26, 46: 26, 8: 26}),
        (KEEP, {0: 0, 40: 40, 46: 46, 63: 63}),
        (MAP, {0: 26, 40: 46, 46: 26, 8: 0}),
    ],
    ids=["bleach", "keep", "map"],
)
def test_marks_that_arrive_are_forgotten_kept_or_mapped(rig: Rig, table: bytes, leaves: dict[int, int]) -> None:
    call = Call(rig, a={"incoming": table, "dscp": 34}, b={"dscp": 26})
    hear_marks(call.a, call.b, call.b_rtcp)
    for number, (arrives, wanted) in enumerate(leaves.items()):
        ecn = number & 3  # which is between two neighbours, and goes no further
        assert came_as(call, call.a, call.at_a, call.b, arrives << 2 | ecn, rtp(number)) == wanted << 2
        report = receiver_report(number)
        assert came_as(call, call.a_rtcp, call.at_a_rtcp, call.b_rtcp, arrives << 2, report) == wanted << 2
    assert came_as(call, call.b, call.at_b, call.a, 46 << 2, rtp()) == 34 << 2  # nobody trusts that side


def test_what_becomes_of_marks_changes_with_the_spec(rig: Rig) -> None:
    call = Call(rig, b={"dscp": 26})
    hear_marks(call.b)
    assert came_as(call, call.a, call.at_a, call.b, 40 << 2, rtp(0)) == 26 << 2
    call.update(0, incoming=KEEP)
    assert came_as(call, call.a, call.at_a, call.b, 40 << 2, rtp(1)) == 40 << 2
    assert came_as(call, call.a, call.at_a, call.b, 46 << 2, rtp(2)) == 46 << 2
    call.update(0, incoming=MAP)
    assert came_as(call, call.a, call.at_a, call.b, 40 << 2, rtp(3)) == 46 << 2
    call.update(0, incoming=b"")
    assert came_as(call, call.a, call.at_a, call.b, 40 << 2, rtp(4)) == 26 << 2


def test_a_batch_leaves_with_as_many_marks_as_it_came_with(rig: Rig) -> None:
    call = Call(rig, a={"incoming": KEEP}, b={"dscp": 26})
    hear_marks(call.b)
    call.send(call.a, call.at_a, rtp(0))
    traffic_class(call.b.sock)
    marks = [number * 7 % 64 for number in range(1, 40)]
    with rig.unread():
        for number, dscp in enumerate(marks, 1):
            call.a.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
            call.a.send(call.at_a, rtp(number))
    call.expected += len(marks)
    rig.wait_for(call.id, call.expected)
    rig.wait(lambda: call.counters().sides[1].sent_rtp.packets == 1 + len(marks), "all to be sent")
    assert [traffic_class(call.b.sock) >> 2 for _ in marks] == marks


def test_by_shared_ports_it_is_the_same(rig: Rig) -> None:
    ports = rig.pair(1)
    call = Call(rig, a={"incoming": MAP, "shared": Shared(Pair(*ports), 7)}, b={"dscp": 26})
    hear_marks(call.b)
    number = (7).to_bytes(4, "big")
    assert came_as(call, call.a, ports.rtp, call.b, 40 << 2, number + rtp(0)) == 46 << 2
    assert came_as(call, call.a, ports.rtp, call.b, 0, number + rtp(1)) == 26 << 2


def test_frames_have_the_priority_of_the_side_they_are_sent_to(rig: Rig) -> None:
    call = Call(rig, a={"priority": 3}, b={"dscp": 46, "priority": 5})

    def priorities() -> list[int]:
        found = []
        for address in (call.at_a, call.at_b, call.at_b_rtcp):
            (sock,) = media_sockets(address)
            with sock:
                found.append(sock.getsockopt(socket.SOL_SOCKET, _SO_PRIORITY))
        return found

    assert priorities() == [3, 5, 5]
    call.update(1, dscp=34, priority=4)
    assert priorities() == [3, 4, 4]
    assert [(side.dscp, side.priority) for side in rig.engine.sides(call.id)] == [(0, 3), (34, 4)]
    call.update(0, priority=-1)
    assert priorities()[0] == 0


def test_a_table_says_something_of_each_mark() -> None:
    assert (len(KEEP), len(MAP), MAP.count(OWN)) == (64, 64, 62)
