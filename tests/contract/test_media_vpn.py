"""Streams in networks that have the same addresses: what comes in one leaves by no other. The same for every engine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, Shared, SideSpec, StreamSpec
from sbc.core.vpn import MAIN, Vpn
from sbc.media.interfaces import PortUnavailable
from sbc.media.namespaces import inside
from tests.contract.engines import Peer, Rig
from tests.media.packets import rtp
from tests.namespaces import NEED, namespace

pytestmark = NEED
PHONE, OURS = Address("127.0.0.2", 22_000), Pair(Address("127.0.0.1", 21_000), Address("127.0.0.1", 21_001))
GATE = Pair(Address("127.0.0.1", 10_000), Address("127.0.0.1", 10_001))


@pytest.fixture(scope="module")
def customers() -> Iterator[tuple[Vpn, Vpn]]:
    with namespace() as red, namespace() as blue:
        yield Vpn(red), Vpn(blue)


def side(local: Pair, remote: Address, vpn: Vpn = MAIN, **more: Any) -> SideSpec:
    there = Pair(remote, Address(remote.host, remote.port + 1))
    return SideSpec("realm", local, there, False, remote.host, Latch.NAT, 3.0, vpn=vpn, **more)


def peer(at: Address, vpn: Vpn, until: ExitStack) -> Peer:
    with inside(vpn.namespace):
        made = Peer(at)
    until.callback(made.sock.close)
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_two_customers_with_the_same_addresses(rig: Rig, customers: tuple[Vpn, Vpn], stack: ExitStack) -> None:
    phones = [peer(PHONE, vpn, stack) for vpn in customers]
    cores = [rig.peer(3), rig.peer(3)]
    for name, vpn, core in zip("12", customers, cores, strict=True):
        rig.engine.open(StreamSpec(f"c/{name}", "c", "rtp", (side(OURS, PHONE, vpn), side(rig.pair(1), core.address))))
    for number in range(20):
        for n, phone in enumerate(phones):
            phone.send(OURS.rtp, rtp(number, ssrc=n))
    for name in "12":
        rig.wait_for(f"c/{name}", 20)
    assert [core.data() for core in cores] == [[rtp(number, ssrc=n) for number in range(20)] for n in (0, 1)]
    for n, (name, core) in enumerate(zip("12", cores, strict=True)):
        local = rig.engine.sides(f"c/{name}")[1].local
        core.send(local.rtp, rtp(7, ssrc=50 + n), times=1)
        rig.wait_for(f"c/{name}", 21)
    assert [phone.drain() for phone in phones] == [[(rtp(7, ssrc=50 + n), OURS.rtp)] for n in (0, 1)]
    assert all(rig.engine.forwarder(f"c/{name}")[0] == rig.engine.name for name in "12")


def test_both_sides_of_a_stream_may_have_one_address(rig: Rig, customers: tuple[Vpn, Vpn], stack: ExitStack) -> None:
    red, blue = (peer(PHONE, vpn, stack) for vpn in customers)
    first, second = (side(OURS, PHONE, vpn) for vpn in customers)
    rig.engine.open(StreamSpec("c/1", "c", "rtp", (first, second)))
    with pytest.raises(PortUnavailable, match="in use"):
        rig.engine.open(StreamSpec("c/2", "c", "rtp", (side(rig.pair(1), PHONE), second)))
    red.send(OURS.rtp, rtp(1))
    blue.send(OURS.rtp, rtp(2))
    rig.wait_for("c/1", 2)
    assert (red.data(), blue.data()) == ([rtp(2)], [rtp(1)])


def test_ports_that_streams_share_are_a_networks_own(rig: Rig, customers: tuple[Vpn, Vpn], stack: ExitStack) -> None:
    phones = [peer(PHONE, vpn, stack) for vpn in customers]
    core = rig.peer(3)
    for number, vpn in enumerate(customers, 5):
        shared = Shared(GATE, number, True)
        here, there = side(OURS, PHONE, vpn, shared=shared), side(rig.pair(1), core.address)
        rig.engine.open(StreamSpec(f"c/{number}", "c", "rtp", (here, there)))
    for number, phone in enumerate(phones, 5):
        phone.send(GATE.rtp, (11 - number).to_bytes(4, "big") + rtp(1))  # the other customer's, which is nobody's here
        phone.send(GATE.rtp, number.to_bytes(4, "big") + rtp(number))
        rig.wait_for(f"c/{number}", 1)
    assert sorted(core.data()) == [rtp(5), rtp(6)]
    rig.wait(lambda: rig.engine.strays() == 2, "both strays")
    for number in (5, 6):
        rig.engine.close(f"c/{number}")


def test_a_network_that_is_gone_is_a_port_that_cannot_be_had(rig: Rig) -> None:
    spec = StreamSpec("c/1", "c", "rtp", (side(rig.pair(1), PHONE), side(rig.pair(1), PHONE, Vpn("/run/netns/none"))))
    with pytest.raises(PortUnavailable, match="there is no such namespace"):
        rig.engine.open(spec)
    rig.engine.open(attrs.evolve(spec, sides=(spec.sides[0], side(rig.pair(1), PHONE))))


def test_a_socket_knows_nothing_of_the_thread_that_reads_it(customers: tuple[Vpn, Vpn], stack: ExitStack) -> None:
    """What the engines' threads rely on: they are not in any of these networks."""
    made = peer(PHONE, customers[0], stack)
    made.send(PHONE, b"itself")
    made.sock.setblocking(True)
    assert made.sock.recv(10) == b"itself" and made.sock.family == socket.AF_INET
