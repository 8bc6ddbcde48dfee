"""How every media engine treats sockets: ports, descriptors, DSCP, floods, what the kernel drops or will not send."""

from __future__ import annotations

import gc
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.vpn import Vpn
from sbc.media.counters import Drops, Volume
from sbc.media.interfaces import PortUnavailable
from tests.contract.engines import QUIET, Call, Rig, balanced
from tests.media.packets import receiver_report, rtp


def descriptors() -> int:
    """How many file descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def descriptor_limit(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def traffic_class(sock: socket.socket) -> int:
    """The TOS octet of the next packet in a socket."""
    _, ancillary, _, _ = sock.recvmsg(2048, socket.CMSG_SPACE(1))
    ((level, kind, value),) = ancillary
    assert (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS)
    return value[0]


def test_a_port_that_is_taken_leaves_nothing_open(rig: Rig) -> None:
    call = Call(rig)
    rig.engine.close(call.id)
    before = descriptors()
    for side in call.spec.sides:
        for address in side.local:
            assert address is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind(address)
                with pytest.raises(PortUnavailable) as caught:
                    rig.engine.open(call.spec)
                assert caught.value.address == address
                assert str(address) in str(caught.value)
            assert rig.engine.streams() == []
            assert descriptors() == before
    rig.engine.open(call.spec)


@pytest.mark.parametrize("host", ["203.0.113.77", "localhost", "2001:db8::77"])
def test_an_address_that_is_not_ours_is_refused(rig: Rig, host: str) -> None:
    call = Call(rig)
    ours = Pair(Address(host, 20000), None)
    spec = attrs.evolve(call.spec, id="other", sides=(attrs.evolve(call.spec.sides[0], local=ours), call.spec.sides[1]))
    with pytest.raises(PortUnavailable):
        rig.engine.open(spec)


def test_when_descriptors_run_out_the_stream_is_refused(rig: Rig) -> None:
    call = Call(rig)
    rig.engine.close(call.id)
    rig.engine.open(call.spec)  # whatever the engine opens for itself is open
    more = [rig.pair(1) for _ in range(2)]
    sides = (attrs.evolve(call.spec.sides[0], local=more[0]), attrs.evolve(call.spec.sides[1], local=more[1]))
    another = attrs.evolve(call.spec, id="another", sides=sides)
    before = descriptors()
    highest = max(map(int, os.listdir("/proc/self/fd")))
    with descriptor_limit(highest + 2):
        spare = []
        try:
            while True:
                spare.append(os.dup(0))
        except OSError:
            os.close(spare.pop())  # room for one socket of four
        with pytest.raises(PortUnavailable):
            rig.engine.open(another)
        for fd in spare:
            os.close(fd)
    assert descriptors() == before
    rig.engine.open(another)


def test_when_a_stream_is_closed_its_ports_are_free_at_once_and_it_is_forgotten(rig: Rig) -> None:
    call = Call(rig)
    final = call.send(call.a, call.at_a, rtp())
    assert rig.engine.close(call.id) == final
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(call.at_a)
    for forgotten in (rig.engine.close, rig.engine.counters):
        with pytest.raises(KeyError):
            forgotten(call.id)
    with pytest.raises(KeyError):
        rig.engine.update(call.id, 0, call.spec.sides[0])
    assert rig.engine.streams() == []


def test_500_streams_open_and_close_without_leaving_a_descriptor(rig: Rig) -> None:
    some = Call(rig).spec.sides
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = descriptors() + 2100
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"needs {needed} file descriptors, only {hard} are allowed")
    with descriptor_limit(max(needed, resource.getrlimit(resource.RLIMIT_NOFILE)[0])):
        gc.collect()  # what earlier tests have left to it is not to be counted here
        before = descriptors()
        for n in range(500):
            sides: list[SideSpec] = [attrs.evolve(side, local=rig.pair(1)) for side in some]
            rig.engine.open(StreamSpec(f"many-{n}", "call-1", "rtp", (sides[0], sides[1])))
        assert descriptors() >= before + 2000
        for n in range(500):
            rig.engine.close(f"many-{n}")
        assert descriptors() == before


def test_packets_carry_the_dscp_of_the_side_they_are_sent_to(rig: Rig) -> None:
    call = Call(rig, a={"dscp": 34}, b={"dscp": 46})
    for peer in (call.a, call.b, call.b_rtcp):
        peer.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    call.send(call.a, call.at_a, rtp())
    call.send(call.a_rtcp, call.at_a_rtcp, receiver_report())
    call.send(call.b, call.at_b, rtp())
    assert [traffic_class(peer.sock) for peer in (call.a, call.b, call.b_rtcp)] == [34 << 2, 46 << 2, 46 << 2]
    call.update(1, dscp=0)
    call.send(call.a, call.at_a, rtp())
    assert traffic_class(call.b.sock) == 0


def media_sockets(*addresses: Address) -> list[socket.socket]:
    """Copies of the descriptors in this process that are bound there."""
    found: list[socket.socket] = []
    for name in os.listdir("/proc/self/fd"):
        if int(name) in [each.fileno() for each in found]:  # a copy, in the place of the listing's own descriptor
            continue
        try:
            descriptor = os.dup(int(name))
        except OSError:  # gone
            continue
        try:
            copy = socket.socket(fileno=descriptor)
        except OSError:  # no socket
            os.close(descriptor)
            continue
        here = copy.getsockname()
        if copy.type == socket.SOCK_DGRAM and isinstance(here, tuple) and Address(*here[:2]) in addresses:
            found.append(copy)
        else:
            copy.close()
    return found


def option(sock: socket.socket, name: int) -> bytes:
    return sock.getsockopt(socket.SOL_SOCKET, name, 16).rstrip(b"\0")


def test_the_sockets_of_a_side_have_its_mark_and_device(rig: Rig) -> None:
    try:
        call = Call(rig, a={"mark": 7, "vpn": Vpn("", "lo")})
    except PortUnavailable as error:
        assert os.geteuid() != 0
        pytest.skip(f"may not be set here: {error}")
    of_a, of_b = media_sockets(call.at_a, call.at_a_rtcp), media_sockets(call.at_b, call.at_b_rtcp)
    try:
        assert [(option(each, 36), option(each, socket.SO_BINDTODEVICE)) for each in of_a] == [(b"\7", b"lo")] * 2
        assert [(option(each, 36), option(each, socket.SO_BINDTODEVICE)) for each in of_b] == [(b"", b"")] * 2
    finally:
        for each in of_a + of_b:
            each.close()
    call.send(call.a, call.at_a, rtp())
    assert call.b.data() == [rtp()]


def test_a_device_that_is_not_there_is_a_port_that_cannot_be_had(rig: Rig) -> None:
    call = Call(rig)
    rig.engine.close(call.id)
    before = descriptors()
    far = attrs.evolve(call.spec.sides[1], vpn=Vpn("", "sbc-no-such"))
    with pytest.raises(PortUnavailable, match="device sbc-no-such: No such device"):
        rig.engine.open(attrs.evolve(call.spec, sides=(call.spec.sides[0], far)))
    assert descriptors() == before
    rig.engine.open(call.spec)


def test_the_kernels_drops_are_counted(rig: Rig) -> None:
    call = Call(rig)
    with rig.unread():
        call.a.send(call.at_a, rtp(), times=3000)
    rig.wait(lambda: rig.engine.counters(call.id).sides[0].drops.kernel > 0, "drops of the kernel")
    counters = rig.wait_for(call.id, 3000)
    assert counters.sides[0].received_rtp.packets + counters.sides[0].drops.kernel == 3000
    assert counters.sides[1].sent_rtp.packets == counters.sides[0].received_rtp.packets


def test_a_receiver_that_is_gone_hurts_nobody(rig: Rig) -> None:
    call = Call(rig)
    call.b.sock.close()  # the kernel answers each packet with an ICMP port unreachable
    counters = call.send(call.a, call.at_a, *(rtp(n) for n in range(20)))
    assert counters.sides[0].received_rtp.packets == 20
    assert balanced(counters)
    back = rig.peer(call.b_pair.rtp)
    counters = call.send(back, call.at_b, rtp(99))
    assert call.a.data() == [rtp(99)]


def test_what_the_kernel_will_not_send_is_counted(rig: Rig) -> None:
    call = Call(rig)
    call.update(1, remote=Pair(Address("203.0.113.77", 4000), None))  # not to be reached from a loopback address
    counters = call.send(call.a, call.at_a, rtp(), rtp())
    assert counters.sides[1].drops == Drops(send_error=2)
    assert counters.sides[1].sent == Volume()
    assert balanced(counters)


def test_a_flood_on_one_stream_does_not_starve_another(rig: Rig) -> None:
    flooded, neighbour = Call(rig), Call(rig)
    stop = threading.Event()

    def flood() -> None:
        sock, packet = flooded.a.sock, rtp()
        while not stop.is_set():
            sock.sendto(packet, flooded.at_a)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for n in range(50):
            neighbour.send(neighbour.a, neighbour.at_a, rtp(n))
    finally:
        stop.set()
        thread.join()
    assert neighbour.b.data() == [rtp(n) for n in range(50)]
    assert neighbour.counters().sides[0].drops == QUIET
    assert flooded.counters().sides[0].received.packets > 0
