"""Shared ports of the `native` engine where something fails; the rest tests/contract/test_media_shared.py asks."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import attrs
import pytest

from sbc.core.multiplexed import shared_pair
from sbc.core.orders import Latch, Shared, SideSpec
from sbc.media.interfaces import PortUnavailable
from sbc.media.sockets import MediaSockets
from tests.contract.engines import ENGINES, Call, Rig, RigReactor
from tests.loopback import loopback
from tests.media.packets import receiver_report, rtp
from tests.waiting import until

native = pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
from sbc.media.native.shared import SharedPorts  # noqa: E402

HOST = f"{loopback('shared')}.2"


class Refusing:
    """The library of an engine that takes no socket."""

    def engine_share(self, engine: Any, fds: list[int]) -> Any:
        return native.ffi.NULL


class Module:
    ffi = native.ffi
    lib = Refusing()


def test_ports_that_the_engine_does_not_take_are_closed_again() -> None:
    ports = SharedPorts(Module, MediaSockets())
    shared = Shared(shared_pair(HOST, 10_000), 7)
    side = SideSpec("access", shared_pair(HOST, 10_002), None, False, HOST, Latch.NAT, 3.0, shared=shared)
    for _ in range(2):  # else they would be taken the second time
        with pytest.raises(PortUnavailable):
            ports.join(None, side)
    assert ports.sockets == ports.strays == 0
    ports.leave(None, side)
    ports.leave(None, attrs.evolve(side, shared=None))


@pytest.fixture
def rig() -> Iterator[Rig]:
    """One thread by epoll, whose packets can be kept back until all are there."""
    with closing(RigReactor()) as reactor:
        rig = Rig(reactor, ENGINES["native-epoll"], itertools.count(33_000, 2), threads=1)
        yield rig
        rig.close()


def numbered(number: int, data: bytes) -> bytes:
    return number.to_bytes(4, "big") + data


def test_who_has_ports_of_its_own_is_not_kept_waiting_by_crowds_at_shared_ones(rig: Rig) -> None:
    gates = [rig.pair(1) for _ in range(4)]
    crowds = [Call(rig, a={"shared": Shared(ports, 7, True)}) for ports in gates]
    alone = Call(rig, b={"remote": crowds[0].b_pair})
    for call in crowds[1:]:
        call.update(1, remote=crowds[0].b_pair)
    with rig.unread():
        for n in range(150):
            for call, ports in zip(crowds, gates, strict=True):
                call.a.send(ports.rtp, numbered(7, rtp(n)))
        alone.a.send(alone.at_a, rtp(9999))
    rig.wait_for(alone.id, 1)
    for call in crowds:
        rig.wait_for(call.id, 150)
    came = crowds[0].b.data()
    assert len(came) == 601
    assert came.index(rtp(9999)) < 256, "in the first turn"


def test_crowds_at_shared_ports_share_what_room_is_left(rig: Rig) -> None:
    gates = [rig.pair(1) for _ in range(8)]
    crowds = [Call(rig, a={"shared": Shared(ports, 7, True)}) for ports in gates]
    for call in crowds[1:]:
        call.update(1, remote=crowds[0].b_pair)
    with rig.unread():
        for call, ports in zip(crowds, gates, strict=True):
            for n in range(100):
                call.a.send(ports.rtp, numbered(7, rtp(n, ssrc=crowds.index(call))))
    for call in crowds:
        rig.wait_for(call.id, 100)
    first = crowds[0].b.data()[:256]
    assert [sum(each[8:12] == n.to_bytes(4, "big") for each in first) for n in range(8)] == [32] * 8


def test_a_packet_leaves_as_it_was_judged_though_the_next_turns_its_way(rig: Rig) -> None:
    """A report goes to the terminal's RTCP port without a number, and then it is found to want them on its RTP port."""
    ports = rig.pair(1)
    call = Call(rig, a={"shared": Shared(ports, 7, True, None, 9)})
    call.send(call.a, call.at_a, rtp(1))
    with rig.unread():
        call.b_rtcp.send(call.at_b_rtcp, receiver_report(2))
        call.a.send(call.at_a, receiver_report(1))
    rig.wait_for(call.id, 3)
    assert call.a_rtcp.data() == [numbered(9, receiver_report(2))]
    assert call.a.data() == []
    sent = call.counters().sides[0].sent_rtcp
    assert (sent.packets, sent.octets) == (1, len(receiver_report(2)))


class Late:
    """The library of an engine, to which a packet without a number comes just before shared ports are closed."""

    def __init__(self, ports: SharedPorts, at: Any) -> None:
        self._ports, self._at, self._gate = ports, at, None

    def __getattr__(self, name: str) -> Any:
        return getattr(native.lib, name)

    def engine_share(self, engine: Any, fds: list[int]) -> Any:
        self._gate = native.lib.engine_share(engine, fds)
        return self._gate

    def engine_unshare(self, engine: Any, gate: Any) -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"stray", self._at)
            until(lambda: native.lib.engine_strays(gate) == 1, "the stray")
        return int(native.lib.engine_unshare(engine, gate))


def test_strays_count_that_come_while_the_ports_are_closed(rig: Rig) -> None:
    call = Call(rig)
    ports = rig.pair(1)
    shared = rig.engine._shared
    shared._lib = Late(shared, ports.rtp)
    side = attrs.evolve(call.spec.sides[0], shared=Shared(ports, 7))
    shared.join(rig.engine._engine, side)
    shared.leave(rig.engine._engine, side)
    assert rig.engine.strays() == 1
