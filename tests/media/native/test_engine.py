"""What the native engine has that others do not: threads, rings, counters that are read while they grow."""

from __future__ import annotations

import ctypes
import itertools
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import attrs
import pytest

from sbc.core.address import Address
from sbc.core.orders import Rate
from sbc.media.interfaces import PortUnavailable
from sbc.media.native import engine as native
from sbc.media.native.engine import NativeEngine
from tests.contract.engines import ENGINES, PATIENCE, Call, Peer, Rig, RigReactor, balanced
from tests.media.native.tasks import media_threads
from tests.media.packets import rtp
from tests.waiting import until

pytestmark = pytest.mark.skipif(bool(native.missing()), reason=native.missing())


@pytest.fixture(scope="module")
def reactor() -> Iterator[RigReactor]:
    with closing(RigReactor()) as reactor:
        yield reactor


@pytest.fixture
def rig(reactor: RigReactor) -> Iterator[Rig]:
    rig = Rig(reactor, ENGINES["native"], itertools.count(32_000, 2), threads=2)
    yield rig
    rig.close()


def threads() -> int:
    """How many media threads there are in this process."""
    return len(media_threads())


@contextmanager
def flood(call: Call) -> Iterator[None]:
    """A sends without end meanwhile."""
    stop = threading.Event()

    def send() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            call.a.sock.sendto(rtp(number & 0xFFFF), call.at_a)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_threads_start_with_the_first_stream_and_end_when_told(reactor: RigReactor) -> None:
    rig = Rig(reactor, ENGINES["native"], itertools.count(31_000, 2), threads=3)
    before = threads()
    call = Call(rig)
    call.send(call.a, call.at_a, rtp())
    rig.wait(lambda: threads() == before + 3)  # each takes its name when it first runs
    assert rig.engine.traffic in ("epoll", "io_uring")
    rig.close()
    until(lambda: threads() == before)  # the kernel takes an ended one off the list a moment later
    assert rig.engine.streams() == []


def test_a_stopped_engine_can_be_used_again(rig: Rig) -> None:
    call = Call(rig)
    rig.engine.stop()
    rig.engine.stop()
    rig.engine.open(call.spec)
    call.send(call.a, call.at_a, rtp())
    assert call.b.data() == [rtp()]


def test_counters_balance_whenever_they_are_read(rig: Rig) -> None:
    call = Call(rig)
    seen = []
    with flood(call):
        rig.wait(lambda: rig.engine.counters(call.id).sides[0].received.packets > 0)
        for _ in range(300):
            seen.append(rig.engine.counters(call.id))
    assert all(map(balanced, seen))


def test_what_close_returns_is_final_in_the_middle_of_a_flood(rig: Rig) -> None:
    for _ in range(20):
        call = Call(rig)
        with flood(call):
            rig.wait(lambda call=call: rig.engine.counters(call.id).sides[0].received.packets > 100)  # type: ignore[misc]
            final = rig.engine.close(call.id)
        assert balanced(final)
        sent = final.sides[1].sent.packets
        assert len(call.b.data()) <= sent  # the receiver's own queue may have been full
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(call.at_a)


def test_an_update_counts_for_what_comes_after_it(rig: Rig) -> None:
    call = Call(rig)
    unheld = call.b_pair
    held = unheld._replace(rtp=unheld.rtp._replace(port=0))
    for number in range(100):
        call.update(1, remote=held)
        call.a.send(call.at_a, rtp(2 * number))
        rig.wait_for(call.id, 2 * number + 1)
        call.update(1, remote=unheld)
        call.a.send(call.at_a, rtp(2 * number + 1))
        rig.wait_for(call.id, 2 * number + 2)
    assert call.b.data() == [rtp(2 * number + 1) for number in range(100)]
    assert call.counters().sides[1].drops.no_destination == 100


def test_sides_tell_of_an_update_at_once(rig: Rig) -> None:
    call = Call(rig)
    for number in range(100):
        call.update(1, remote=call.b_pair._replace(rtp=call.b_pair.rtp._replace(port=number % 2)))
        assert rig.engine.sides(call.id)[1].held == (number % 2 == 0)


def test_all_that_can_be_asked_can_be_asked_in_the_middle_of_a_flood(rig: Rig) -> None:
    """Nothing here can be said exactly; it is there for the thread sanitizer (make sanitize-threads)."""
    calls = [Call(rig) for _ in range(4)]
    engine, realm = rig.engine, calls[0].spec.sides[0].realm
    engine.report_silence(0.01)
    with flood(calls[0]), flood(calls[1]):
        for number in range(100):
            call = calls[number % 4]
            engine.limit_realm(realm, Rate(10_000 * (number + 1), 20_000) if number % 3 else None)
            call.update(number % 2, limit=Rate(50_000, 5000) if number % 5 else None, clock=8000 * (number % 2))
            engine.carried(call.id, number % 2, number % 7 == 0, 1, number, number * 160, 0.001)
            assert all(side.local for side in engine.sides(call.id))
            assert balanced(engine.counters(call.id))
            assert len(engine.flows(call.id)) <= 4
            rig.reactor.iterate(0)
            if number % 10 == 9:
                assert balanced(engine.close(call.id))
                engine.open(call.spec)
    engine.limit_realm(realm, None)
    call.send(call.a, call.at_a, rtp(ssrc=5))


def accepted(rig: Rig, stream: str, side: int, peer: Peer, to: Address, data: bytes) -> None:
    """Wait, without turning the reactor, until something that was sent to a side has been accepted. It is sent again
    now and then: loopback, too, loses a datagram where the kernel has no memory for it at once (UDP's MemErrors)."""
    begun = again = time.monotonic()
    while not rig.engine.counters(stream).sides[side].received.packets:
        now = time.monotonic()
        assert now - begun < PATIENCE, f"nothing is accepted of {stream} side {side}: {rig.engine.counters(stream)}"
        if now - again > 0.5:
            again = now
            peer.send(to, data)


def test_no_event_is_lost_when_nobody_listens(reactor: RigReactor) -> None:
    """More latches than the ring has places, before the reactor turns."""
    count = 600
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(os.listdir("/proc/self/fd")) + 4 * count + 100
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"needs {needed} file descriptors, only {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    rig = Rig(reactor, ENGINES["native"], itertools.cycle(range(10_000, 32_000, 2)), threads=1)
    try:
        first = Call(rig)
        ids = {}
        for number in range(count):
            sides = tuple(attrs.evolve(side, local=rig.pair(1)) for side in first.spec.sides)
            spec = attrs.evolve(first.spec, id=f"many-{number}", sides=sides)
            rig.engine.open(spec)
            ids[spec.id] = (first.a, sides[0].local.rtp, rtp(number)), (first.b, sides[1].local.rtp, rtp(number))
            for peer, to, data in ids[spec.id]:
                peer.send(to, data)
        for each, (of_a, of_b) in ids.items():
            accepted(rig, each, 0, *of_a)
            accepted(rig, each, 1, *of_b)
        assert rig.observer.latches == []
        rig.wait(lambda: len(rig.observer.latches) == 2 * count, "all latches")
        assert {(stream, side) for stream, side, _, _ in rig.observer.latches} == set(itertools.product(ids, (0, 1)))
    finally:
        rig.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("traffic", ["epoll", "io_uring"])
def test_packets_of_many_sockets_that_wait_together_are_all_relayed(reactor: RigReactor, traffic: str) -> None:
    """Twice as many as a worker has buffers: receives end for want of one, and must go on when there is."""
    rig = Rig(reactor, ENGINES["native"], itertools.count(29_000, 2), threads=1, traffic=traffic)
    try:
        calls = [Call(rig) for _ in range(10)]
        for _ in range(3):
            with rig.unread():
                for call, number in itertools.product(calls, range(100)):
                    call.a.send(call.at_a, rtp(call.expected + number))
            for call in calls:
                call.expected += 100
                counters = rig.wait_for(call.id, call.expected)
                assert counters.sides[1].sent.packets == call.expected
                assert len(call.b.data()) == 100
    finally:
        rig.close()


@pytest.mark.parametrize("traffic", ["epoll", "io_uring"])
def test_receives_that_fail_are_counted_and_go_on(reactor: RigReactor, traffic: str) -> None:
    rig = Rig(reactor, ENGINES["native"], itertools.count(28_000, 2), threads=1, traffic=traffic)
    try:
        calls = [Call(rig) for _ in range(20)]
        for _ in range(3):
            with rig.unread():
                for call in calls:
                    refused(rig.engine, call)
            for call in calls:
                call.expected += 1
                rig.wait_for(call.id, call.expected)
                call.send(call.a, call.at_a, rtp(call.expected))
                assert call.b.data() == [rtp(call.expected - 1)]
        assert {call.counters().sides[0].drops.kernel for call in calls} == {3}
    finally:
        rig.close()


@pytest.fixture
def ringed(reactor: RigReactor) -> Iterator[Rig]:
    """One thread, on io_uring; and afterwards the kernel takes again what is submitted."""
    rig = Rig(reactor, ENGINES["native"], itertools.count(26_000, 2), threads=1, traffic="io_uring")
    yield rig
    rig.engine.refuse_submissions(0)
    rig.close()


def test_what_the_kernel_would_not_take_is_counted_and_never_sent_later(ringed: Rig) -> None:
    """Its buffer has another packet then, for another stream perhaps."""
    calls = [Call(ringed) for _ in range(3)]
    for call in calls:
        call.send(call.a, call.at_a, rtp(0))
    for batch in range(1, 4):
        ringed.engine.refuse_submissions(1 << 40)
        for call in calls:
            counters = call.send(call.a, call.at_a, *(rtp(100 * batch + n) for n in range(50)))
            assert counters.sides[1].drops.send_error == 50 * batch
        ringed.engine.refuse_submissions(0)
        for call in calls:
            call.send(call.a, call.at_a, rtp(batch))
            assert balanced(call.counters())
    for call in calls:
        assert call.b.data() == [rtp(n) for n in range(4)]


def test_of_many_batches_only_those_are_lost_that_the_kernel_would_not_take(ringed: Rig) -> None:
    calls = [Call(ringed) for _ in range(10)]
    got = dict.fromkeys(calls, 0)
    for refusals in (1, 2, 3):
        with ringed.unread():
            for call, number in itertools.product(calls, range(60)):
                call.a.send(call.at_a, rtp(number))
            ringed.engine.refuse_submissions(refusals)
        for call in calls:
            call.expected += 60
            ringed.wait_for(call.id, call.expected)
            assert balanced(call.counters())
            got[call] += len(call.b.data())
        ringed.engine.refuse_submissions(0)
    assert [call.counters().sides[1].sent.packets for call in calls] == list(got.values())
    assert sum(call.counters().sides[1].drops.send_error for call in calls) > 0


def test_streams_open_and_close_though_the_kernel_takes_nothing_for_a_while(ringed: Rig) -> None:
    """Of more receives than the queue has places none is forgotten, neither to begin nor to end."""
    first = Call(ringed)
    first.send(first.a, first.at_a, rtp())
    ringed.engine.refuse_submissions(1 << 40)
    calls = [Call(ringed) for _ in range(160)]
    ringed.engine.refuse_submissions(20)
    for call in calls:
        call.send(call.a, call.at_a, rtp(7))
        assert call.b.data() == [rtp(7)]
    for call in calls:
        ringed.engine.refuse_submissions(2)
        assert balanced(ringed.engine.close(call.id))
    first.send(first.a, first.at_a, rtp(8))
    assert first.b.data()[-1] == rtp(8)


def refused(engine: NativeEngine, call: Call) -> None:
    """Have the kernel tell side A's RTP socket that a datagram was refused: the next receive by it fails."""
    fd = engine._fds(engine._relays[call.id])[0][0]
    with socket.socket(fileno=os.dup(fd)) as sock:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind((call.at_a.host, 0))
            sock.connect(gone.getsockname())
        sock.send(b"")
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.connect(fd, bytes(16), 16) == 0  # AF_UNSPEC: to nobody again


def test_what_happened_to_a_stream_that_is_closed_is_not_told(rig: Rig) -> None:
    call = Call(rig)
    call.a.send(call.at_a, rtp())
    accepted(rig, call.id, 0, call.a, call.at_a, rtp())
    rig.engine.close(call.id)
    rig.reactor.iterate(0)
    assert rig.observer.latches == []


def test_a_kind_of_traffic_that_is_none_is_refused(reactor: RigReactor) -> None:
    rig = Rig(reactor, ENGINES["native"], itertools.count(30_000, 2), traffic="pigeons")
    with pytest.raises(PortUnavailable, match="no threads: Invalid argument"):
        Call(rig)
    rig.close()


def test_where_it_was_not_built_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_MODULE", "sbc.media.native._no_such")
    assert "not built" in native.missing()
    with pytest.raises(ImportError):
        NativeEngine(None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("realtime", [True, False])
def test_threads_that_need_little_run_before_all_else_where_that_is_permitted(
    reactor: RigReactor, realtime: bool
) -> None:
    before = media_threads()
    rig = Rig(reactor, ENGINES["native"], itertools.count(32_000, 2), threads=2, realtime=realtime)
    call = Call(rig)
    permitted = rig.engine._lib.urgent_may()
    try:
        until(lambda: len(media_threads() - before) == 2)
        ours = media_threads() - before
        wanted = os.SCHED_RR if realtime and permitted else os.SCHED_OTHER
        until(lambda: {os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK for thread in ours} == {wanted})
        assert os.sched_getscheduler(0) == os.SCHED_OTHER, "the reactor's is as it was"
        call.send(call.a, call.at_a, rtp())
        assert call.b.data() == [rtp()]
    finally:
        rig.close()


@pytest.mark.parametrize(
    ("has", "used", "deserves"),
    [(True, 10, True), (True, 11, False), (False, 5, False), (False, 4, True), (True, 20, False), (False, 0, True)],
)
def test_who_needs_much_is_not_urgent(rig: Rig, has: bool, used: int, deserves: bool) -> None:
    lib = rig.engine._lib
    assert lib.urgent_deserves(has, used * 1_000_000, 20_000_000) == deserves
