"""The kernel engine among hosts whose interfaces leave work to devices, as between containers on one host; by TC."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Iterator

import attrs
import pytest

from sbc.core.address import Address
from tests.media.kernel.frames import Frame, checksum
from tests.media.kernel.net import Call, Net, Rig
from tests.media.packets import rtp

_UDP_SEGMENT = 103  # linux/udp.h
_SIOCGIFHWADDR = 0x8927  # linux/sockios.h


@pytest.fixture(scope="module")
def net(kernel_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    made = Net(tmp_path_factory.mktemp("bpf"), offload=True)
    yield made
    made.close()


@pytest.fixture
def rig(net: Net) -> Iterator[Rig]:
    made = Rig(net, modes=("tc",))
    yield made
    made.close()


def _heard(call: Call, number: int) -> list[bytes]:
    found: list[bytes] = []
    call.rig.wait(lambda: found.extend(call.b.data()) or len(found) >= number, f"{number} packets")
    return found


def test_checksums_that_are_left_to_devices_are_made_anew_for_them(rig: Rig) -> None:
    call = Call(rig).open()
    sent = call.talk_until_promoted(rtp)
    _heard(call, sent)
    before = rig.ask(rig.engine.inner.counters, call.id)
    said = [rtp(n, payload=bytes([n]) * (n + 1)) for n in range(60)]
    with rig.net.b.call(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire:
        wire.bind(("eth0", 0x0800))
        wire.settimeout(10.0)
        for data in said:
            call.a.send(call.at_a.rtp, data)
        assert _heard(call, 60) == said
        for data in said:
            pseudo = Frame(call.at_b.rtp, call.b_pair.rtp, data).pseudo()
            frame = wire.recv(2048)
            assert frame[42:] == data
            assert int.from_bytes(frame[40:42], "big") == ~checksum(pseudo) & 0xFFFF, "what a device is to begin with"
    assert rig.ask(rig.engine.inner.counters, call.id) == before, "the kernel has forwarded all"


def test_datagrams_that_come_joined_are_relayed_each_by_itself(rig: Rig) -> None:
    """As one frame of several, which only the stack takes apart (UDP_SEGMENT of a sender on the same host)."""
    call = Call(rig).open()
    sent = call.talk_until_promoted(rtp)
    _heard(call, sent)
    before = call.counters().sides[0].received.packets
    call.a.send(call.at_a.rtp, rtp(0))
    said = [rtp(n) for n in range(1, 6)]
    assert _heard(call, 1) == [rtp(0)]
    call.a.sock.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, len(said[0]))
    call.a.send(call.at_a.rtp, b"".join(said))
    call.a.sock.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, 0)
    assert _heard(call, 5) == said
    for n in (6, 8):
        call.a.send(call.at_a.rtp, rtp(n))
    rig.wait(lambda: rig.engine.counters(call.id).sides[0].received.packets == before + 8)
    quality = call.counters().sides[0].quality
    assert quality is not None and quality.lost == 1, "what is relayed by sockets is not lost to the kernel's meter"


def _mac(interface: str) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return fcntl.ioctl(sock, _SIOCGIFHWADDR, interface.encode().ljust(40, b"\0"))[18:24]


def test_a_frame_of_another_vlan_is_of_no_flow(rig: Rig) -> None:
    """Whose tag the kernel has taken off and keeps beside it: it is for the VLAN's interface, which is not here."""
    call = Call(rig).open()
    sent = call.talk_until_promoted(rtp)
    _heard(call, sent)
    before = call.counters().sides[0]
    ours, theirs = rig.ask(_mac, "left"), rig.net.a.call(_mac, "eth0")
    frame = Frame(call.a_pair.rtp, call.at_a.rtp, rtp(7), destination=ours)
    wire = rig.net.a.call(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
    with wire:
        wire.bind(("eth0", 0))
        for tags in (b"\x81\x00\x00\x64", b"\x88\xa8\x00\x64\x81\x00\x00\x65", b""):
            for source in (call.a_pair.rtp, Address(call.a_pair.rtp.host, 9)) if tags else (call.a_pair.rtp,):
                each = attrs.evolve(frame, tags=tags, source=source)
                wire.send(each.data(theirs))
    rig.wait(lambda: rig.engine.counters(call.id).sides[0].received.packets == before.received.packets + 1)
    assert _heard(call, 1) == [rtp(7)]
    assert call.counters().sides[0].drops == before.drops
