"""Shared ports of the `twisted` engine by themselves; tests/contract/test_media_shared.py asks the same of all."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.multiplexed import shared_pair
from sbc.core.orders import UNSET, Latch, Shared, SideSpec, StreamSpec
from sbc.media.sockets import MediaSockets
from sbc.media.stream import Stream
from sbc.media.twisted_shared import SharedPorts
from tests.loopback import loopback

HOST = f"{loopback('shared')}.1"


class Rounds:
    """What would read the sockets."""

    def __init__(self) -> None:
        self.reads: dict[int, Any] = {}

    def add(self, fd: int, read: Any) -> None:
        self.reads[fd] = read

    def remove(self, fd: int) -> None:
        del self.reads[fd]


def side(number: int, port: int) -> SideSpec:
    own = shared_pair(HOST, port)
    shared = Shared(shared_pair(HOST, 10_000), number)
    return SideSpec("access", own, None, False, HOST, Latch.NAT, 3.0, shared=shared)


def test_ports_are_read_while_somebody_shares_them() -> None:
    rounds, relayed = Rounds(), []
    ports = SharedPorts(MediaSockets(), rounds, lambda *packet: relayed.append(packet))  # type: ignore[arg-type]
    spec = side(7, 10_002)
    assert ports.senders(attrs.evolve(spec, shared=None)) is None
    senders = ports.senders(spec)
    assert senders is not None
    assert len(rounds.reads) == 2
    ports.tidy()  # nobody has joined: the stream could not be opened
    assert rounds.reads == {}
    senders = ports.senders(spec)
    assert senders is not None
    assert spec.shared is not None
    stream = _stream(spec)
    ports.join(spec, stream.sides[0].rtp, stream.sides[0].rtcp)
    ports.tidy()
    assert len(rounds.reads) == 2
    senders[0](b"\0\0\0\7media", Address(HOST, 10_000))
    senders[0](b"\0\0\0\10media", Address(HOST, 10_000))
    senders[0](b"\0\0", Address(HOST, 10_000))
    for _ in range(4):
        next(iter(rounds.reads.values()))(5.0)
    assert relayed == [(stream.sides[0].rtp, b"media", (HOST, 10_000), 5.0, True, UNSET)]
    assert ports.strays == 2
    ports.leave(spec)
    assert rounds.reads == {}
    assert ports.strays == 2


def _stream(spec: SideSpec) -> Stream:
    def nothing(data: bytes, to: Any) -> None:
        """Sends nothing."""

    both = (nothing, nothing)
    return Stream(StreamSpec("1", "", "rtp", (spec, side(8, 10_004))), (both, both), 0.0, lambda *told: None)
