"""What is the twisted engine's own: its bearing on reactors, what it does when others fail, what it tells of itself."""

from __future__ import annotations

import errno
import gc
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.logger import LogEvent

from sbc.core.address import Address, Pair
from sbc.core.orders import Latch, SideSpec, StreamSpec
from sbc.media import sockets
from sbc.media.twisted_engine import TwistedEngine
from sbc.media.udp import open_udp
from tests.media.packets import receiver_report, rtp


class Observer:
    """Does what it is told when it hears of a latch."""

    def __init__(self, act: Callable[..., None]) -> None:
        self.latched = self.silent = act


@attrs.define
class Bench:
    """An engine on a reactor that is turned by hand, and one stream from `a` to `b`."""

    reactor: Any
    engine: TwistedEngine
    spec: StreamSpec
    a: socket.socket
    b: socket.socket

    def send(self, *packets: bytes) -> None:
        """Send packets from A and turn the reactor till they are read."""
        for data in packets:
            self.a.sendto(data, self.spec.sides[0].local.rtp)
        for _ in range(5):
            self.reactor.iterate(0)

    def received(self) -> list[bytes]:
        """What B has been sent."""
        packets = []
        while True:
            try:
                packets.append(self.b.recv(65535))
            except BlockingIOError:
                return packets

    def stop(self) -> None:
        for stream in self.engine.streams():
            self.engine.close(stream)


def free_pair() -> Pair:
    """A pair that is free on a loopback host which is this process's own."""
    own = Address(f"127.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}.99", 0)
    with open_udp(own) as one, open_udp(own) as two:
        return Pair(Address(*one.getsockname()), Address(*two.getsockname()))


Start = Callable[..., Bench]


@pytest.fixture(scope="module", params=[EPollReactor, PollReactor, SelectReactor])
def any_reactor(request: pytest.FixtureRequest) -> Any:
    gc.collect()  # select knows no descriptor above 1023: what earlier tests have left goes
    return request.param()


@pytest.fixture(scope="module")
def reactor() -> EPollReactor:
    return EPollReactor()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts engines with a stream each, and stops them afterwards."""
    benches: list[Bench] = []

    def start(reactor: Any, act: Callable[..., None] = lambda *event: None, **options: Any) -> Bench:
        a, b = open_udp(Address("127.0.0.1", 0)), open_udp(Address("127.0.0.1", 0))
        sides = [
            SideSpec(
                realm=realm,
                local=free_pair(),
                remote=Pair(Address(*peer.getsockname()), None),
                behind_nat=False,
                seen_host="127.0.0.1",
                latch=Latch.NAT,
                window=3.0,
            )
            for realm, peer in (("access", a), ("core", b))
        ]
        spec = StreamSpec("stream-1", "call-1", "rtp", (sides[0], sides[1]))
        engine = TwistedEngine(reactor, Observer(act), **options)
        engine.open(spec)
        benches.append(Bench(reactor, engine, spec, a, b))
        return benches[-1]

    yield start
    for bench in benches:
        bench.stop()
        bench.a.close()
        bench.b.close()


def test_runs_on_any_reactor_and_leaves_it_as_it_was(any_reactor: Any, start: Start) -> None:
    readers = set(any_reactor.getReaders())
    bench = start(any_reactor, silence=60.0)
    assert bench.engine.sockets() == 4
    bench.send(rtp(1), rtp(2))
    assert bench.received() == [rtp(1), rtp(2)]
    bench.engine.close("stream-1")
    assert bench.engine.sockets() == 0
    assert set(any_reactor.getReaders()) == readers
    assert any_reactor.getDelayedCalls() == []


def test_a_second_stream_of_the_same_id_is_a_mistake_and_changes_nothing(reactor: Any, start: Start) -> None:
    bench = start(reactor)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ValueError, match="stream-1"):
        bench.engine.open(bench.spec)
    assert len(os.listdir("/proc/self/fd")) == before
    bench.send(rtp())
    assert bench.received() == [rtp()]


def test_a_bad_dscp_opens_nothing(reactor: Any, start: Start) -> None:
    bench = start(reactor)
    bench.engine.close("stream-1")
    before = len(os.listdir("/proc/self/fd"))
    sides = (bench.spec.sides[0], attrs.evolve(bench.spec.sides[1], dscp=64))
    with pytest.raises(ValueError, match="64"):
        bench.engine.open(attrs.evolve(bench.spec, sides=sides))
    assert len(os.listdir("/proc/self/fd")) == before
    assert bench.engine.streams() == []


def test_an_update_that_is_refused_changes_nothing(reactor: Any, start: Start) -> None:
    bench = start(reactor)
    side = bench.spec.sides[1]
    for refused in (attrs.evolve(side, dscp=46, mark=7), attrs.evolve(side, dscp=64, window=9.0)):
        with pytest.raises(ValueError):
            bench.engine.update("stream-1", 1, refused)
    relay = bench.engine._relays["stream-1"]
    assert relay.stream.sides[1].spec == side
    assert [port.sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) for port in relay.ports[1]] == [0, 0]
    bench.engine.update("stream-1", 1, attrs.evolve(side, dscp=46))
    assert [port.sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) for port in relay.ports[1]] == [184, 184]


def test_an_observer_that_fails_is_told_of_and_media_flows(reactor: Any, start: Start, log: list[LogEvent]) -> None:
    def fail(*event: Any) -> None:
        raise RuntimeError("of ours")

    bench = start(reactor, fail)
    bench.send(rtp(1), rtp(2))
    assert bench.received() == [rtp(1), rtp(2)]
    assert [event["log_failure"].getErrorMessage() for event in log if "log_failure" in event] == ["of ours"]
    assert all(event["call"] == "call-1" for event in log)


def test_an_observer_that_fails_on_silence_is_told_of_too(reactor: Any, start: Start, log: list[LogEvent]) -> None:
    def fail(*event: Any) -> None:
        raise RuntimeError("of ours")

    start(reactor, fail, silence=0.02)
    while not log:
        reactor.iterate(0.01)
    assert [event["log_failure"].getErrorMessage() for event in log] == ["of ours"]


def test_an_observer_may_close_the_stream_it_hears_of(reactor: Any, start: Start) -> None:
    finals = []
    bench = start(reactor, lambda stream, *event: finals.append(bench.engine.close(stream)))
    bench.send(rtp(1), rtp(2), rtp(3))
    assert len(finals) == 1
    assert bench.engine.streams() == []


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EPERM, errno.ECONNREFUSED, errno.ENOBUFS, errno.EMSGSIZE])
def test_whatever_the_kernel_says_to_a_packet_it_is_counted(
    reactor: Any, start: Start, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(socket.socket):
        def sendto(self, *args: Any) -> int:
            raise OSError(code, os.strerror(code))

    def opened(address: Address, *args: Any, **options: Any) -> socket.socket:
        plain = open_udp(address, *args, **options)
        return Refusing(fileno=plain.detach())

    monkeypatch.setattr(sockets, "open_udp", opened)
    bench = start(reactor)
    bench.send(rtp(1), rtp(2), rtp(3))
    counters = bench.engine.counters("stream-1")
    assert counters.sides[0].received_rtp.packets == 3
    assert counters.sides[1].drops.send_error == 3
    assert counters.sides[1].sent.packets == 0


def test_a_read_that_fails_counts_as_the_kernels_drop(
    reactor: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(socket.socket):
        failed = False

        def recvfrom(self, size: int, flags: int = 0) -> Any:
            if not self.failed:
                self.failed = True
                raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
            return super().recvfrom(size, flags)

    def opened(address: Address, *args: Any, **options: Any) -> socket.socket:
        return Failing(fileno=open_udp(address, *args, **options).detach())

    monkeypatch.setattr(sockets, "open_udp", opened)
    bench = start(reactor)
    bench.send(rtp(1))
    assert bench.received() == [rtp(1)]
    assert bench.engine.counters("stream-1").sides[0].drops.kernel == 1


def test_short_buffers_are_told_of_once(reactor: Any, start: Start, log: list[LogEvent]) -> None:
    bench = start(reactor, receive_buffer=1 << 30)
    other = attrs.evolve(
        bench.spec, id="stream-2", sides=tuple(attrs.evolve(s, local=free_pair()) for s in bench.spec.sides)
    )
    bench.engine.open(other)
    (event,) = [event for event in log if "granted" in event]
    assert event["granted"] < event["asked"] == 1 << 30
    assert "rmem_max" in event["log_format"]


def test_granted_buffers_are_not_worth_a_word(reactor: Any, start: Start, log: list[LogEvent]) -> None:
    start(reactor, receive_buffer=16_384)
    assert log == []


def test_shows_how_both_sides_stand(reactor: Any, start: Start) -> None:
    bench = start(reactor)
    bench.send(rtp(), receiver_report())
    access, core = bench.engine.sides("stream-1")
    assert (access.rtp, access.rtp_reason, access.mux) == (Address(*bench.a.getsockname()), "signalled", True)
    assert (core.rtp, core.rtp_reason, core.mux) == (Address(*bench.b.getsockname()), "", False)
    with pytest.raises(KeyError):
        bench.engine.sides("nobody")


def test_every_line_about_a_latch_names_stream_call_and_reason(reactor: Any, start: Start, log: list[LogEvent]) -> None:
    bench = start(reactor)
    bench.send(rtp(1), rtp(2))
    (event,) = log
    assert (event["stream"], event["call"], event["side"], event["reason"]) == ("stream-1", "call-1", 0, "signalled")
