"""The runner: orders carried out with real sockets on loopback, a real engine, and a clock that the test moves."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import attrs
import pytest
from twisted.internet import reactor as real_reactor
from twisted.internet.task import Clock

from sbc.core.address import Address, Pair
from sbc.core.border import Border
from sbc.core.memory import Memory
from sbc.core.message import BadMessage
from sbc.core.mint import Mint
from sbc.core.orders import (
    CloseStream,
    Latch,
    Listen,
    Listener,
    Note,
    OpenStream,
    Rate,
    Record,
    Send,
    SideSpec,
    StreamSpec,
    Unlisten,
    UpdateStream,
    Wake,
)
from sbc.core.realm import Callers, Media, Path, Plan, Realm, Side, Signaling
from sbc.core.registry import Arrival
from sbc.core.remembered import Latched, Unsent
from sbc.core.taking import Mishap
from sbc.media.counters import SideCounters, StreamCounters
from sbc.media.interfaces import PortUnavailable
from sbc.policy.marking import Classes, Mark, Marks
from sbc.runner import Runner
from sbc.sip.codec import SipMessage
from sbc.sip.dialect import SipDialect
from sbc.sip.framing import SipFramer
from sbc.spoken import Datagrams
from tests.loopback import loopback
from tests.rig import PHONE, SECRET
from tests.sip_messages import header, invite, plain_answer, register, status

NET = loopback("runner")
ACCESS, CORE = f"{NET}.1", f"{NET}.2"


class MixedReactor(Clock):
    """Sockets of the real reactor, time of a Clock."""

    addReader = staticmethod(real_reactor.addReader)  # type: ignore[attr-defined]
    removeReader = staticmethod(real_reactor.removeReader)  # type: ignore[attr-defined]
    addWriter = staticmethod(real_reactor.addWriter)  # type: ignore[attr-defined]
    removeWriter = staticmethod(real_reactor.removeWriter)  # type: ignore[attr-defined]
    adoptStreamPort = staticmethod(real_reactor.adoptStreamPort)  # type: ignore[attr-defined]
    connectTCP = staticmethod(real_reactor.connectTCP)  # type: ignore[attr-defined]


class Engine:
    """An engine that keeps the books of one and opens nothing; `full` makes it refuse."""

    def __init__(self) -> None:
        self.open_streams: dict[str, StreamSpec] = {}
        self.updates: list[tuple[str, int]] = []
        self.full = False
        self.limits: dict[str, Rate | None] = {}

    def open(self, spec: StreamSpec) -> None:
        if self.full:
            raise PortUnavailable(spec.sides[0].local.rtp, "in use")
        self.open_streams[spec.id] = spec

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        assert stream in self.open_streams
        self.updates.append((stream, side))

    def close(self, stream: str) -> StreamCounters:
        del self.open_streams[stream]
        return StreamCounters((SideCounters(), SideCounters()))

    def streams(self) -> list[str]:
        return list(self.open_streams)

    def limit_realm(self, realm: str, rate: Rate | None) -> None:
        self.limits[realm] = rate

    def forwarder(self, stream: str) -> tuple[str, str]:
        assert stream in self.open_streams
        return "twisted", "not-latched"

    def stop(self, keep: bool = False) -> None:
        assert not self.open_streams


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def listener(realm: str, host: str) -> Listener:
    address = Address(host, free_port(host))
    return Listener(realm, "sip", "udp", address, address)


@attrs.define
class Bench:
    clock: MixedReactor
    runner: Runner
    engine: Engine
    access: Listener
    core: Listener
    softswitch: socket.socket

    def heard(self) -> list[bytes]:
        """What has reached the softswitch."""
        found = []
        while True:
            try:
                found.append(self.softswitch.recv(65535))
            except TimeoutError:
                return found


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    extra: dict[str, Any] = getattr(request, "param", {})
    access, core = listener("access", ACCESS), listener("core", CORE)
    softswitch = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    softswitch.bind((f"{NET}.3", 0))
    softswitch.settimeout(0.05)
    hop = Address(*softswitch.getsockname())
    plan = Plan(
        {
            "access": Realm("access", Side.ACCESS, (access,), Media(ACCESS, ACCESS, range(20000, 20100))),
            "core": Realm("core", Side.CORE, (core,), Media(CORE, CORE, range(30000, 30100))),
        },
        (Path("main", "access", "core", (hop,), **{"callers": Callers.ANY, **extra}),),
    )
    clock, engine = MixedReactor(), Engine()
    runner = Runner(clock, Border(plan, {"sip": SipDialect(emergency=("112",))}, Mint(SECRET)), {"sip": Datagrams})
    runner.engine = engine
    for own in (access, core):
        runner.listen(own)
    yield Bench(clock, runner, engine, access, core, softswitch)
    runner.stop()
    clock.advance(0)  # on which Twisted closes datagram sockets
    softswitch.close()
    assert not runner.listeners()


def test_a_call_goes_through_sockets_engine_and_timers(bench: Bench) -> None:
    bench.runner.received(bench.access, Address(f"{NET}.4", 5060), invite(PHONE))
    (sent,) = bench.heard()
    assert header(sent, b"Via").startswith(b"SIP/2.0/UDP %b:" % CORE.encode())
    assert bench.runner.audit() == []
    bench.clock.advance(0.6)
    assert bench.heard() == [sent]
    assert len(bench.engine.open_streams) == 1
    bench.runner.received(bench.core, Address(*bench.softswitch.getsockname()), plain_answer(sent, b"486 Busy Here"))
    assert not bench.engine.open_streams
    assert bench.runner.counted["call-open"] == bench.runner.counted["call-close"] == 1
    for _ in range(200):
        bench.clock.advance(1)
        assert bench.runner.audit() == []
    assert bench.clock.getDelayedCalls() == []


def test_messages_of_urgent_calls_are_marked_as_such(bench: Bench) -> None:
    marks = Marks(signalling=Mark(24), emergency=Classes(signalling=Mark(44)))
    border, softswitch = bench.runner._border, bench.softswitch
    realms = {name: attrs.evolve(realm, marks=marks) for name, realm in border.plan.realms.items()}
    border.replan(attrs.evolve(border.plan, realms=realms), bench.clock.seconds())
    bench.runner.mark(border.plan)
    softswitch.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    for uri, dscp in ((b"sip:bob@sbc.example.com", 24), (b"sip:112@sbc.example.com", 44)):
        request = invite(PHONE, call=b"to-%d" % dscp, to=uri)
        bench.runner.received(bench.access, Address(f"{NET}.4", 5060), request)
        _, ancillary, _, _ = softswitch.recvmsg(65_535, 64)
        assert [data[0] >> 2 for _, _, data in ancillary] == [dscp]


def test_a_media_port_that_cannot_be_had_refuses_the_call(bench: Bench) -> None:
    bench.engine.full = True
    caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    caller.bind((f"{NET}.4", 0))
    caller.settimeout(0.2)
    bench.runner.received(bench.access, Address(*caller.getsockname()), invite(PHONE))
    with caller:
        assert status(caller.recv(65535)) == 503  # all that a stranger hears
    assert bench.heard() == []
    assert bench.runner.audit() == []


@pytest.mark.parametrize(
    "bench",
    [{"signaling": Signaling.PORT_PER_TERMINAL, "signaling_ports": range(42000, 42002)}],
    indirect=True,
)
def test_a_terminals_port_is_opened_used_and_closed(bench: Bench) -> None:
    bench.runner.received(bench.access, Address(f"{NET}.4", 5060), register(PHONE))
    (own,) = set(bench.runner.listeners()) - {bench.access, bench.core}
    (sent,) = bench.heard()
    assert b"%b:42000" % CORE.encode() in header(sent, b"Via")
    assert bench.runner.audit() == []
    for _ in range(100):
        bench.clock.advance(1)
    assert own not in bench.runner.listeners()
    assert bench.runner.audit() == []


@pytest.mark.parametrize(
    "bench",
    [{"signaling": Signaling.PORT_PER_TERMINAL, "signaling_ports": range(42010, 42011)}],
    indirect=True,
)
def test_a_terminals_port_that_cannot_be_had_refuses_the_registration(bench: Bench) -> None:
    squatter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    squatter.bind((CORE, 42010))
    caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    caller.bind((f"{NET}.4", 0))
    caller.settimeout(0.2)
    bench.runner.received(bench.access, Address(*caller.getsockname()), register(PHONE))
    reply = caller.recv(65535)
    squatter.close()
    caller.close()
    assert status(reply) == 503
    assert bench.runner.audit() == []


def test_a_port_that_cannot_be_had_closes_no_stream_that_was_to_be_opened_after_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(Address(ACCESS, 20000), Address(ACCESS, 20001))
    side = SideSpec("access", pair, None, False, "", Latch.NAT, 3.0)
    before, after = StreamSpec("c/1", "c", "rtp", (side, side)), StreamSpec("c/2", "c", "rtp", (side, side))
    taken = attrs.evolve(bench.core, address=Address(*bench.softswitch.getsockname()))
    instead = [CloseStream("c/1", "c"), CloseStream("c/2", "c"), Note("call-over", "")]
    monkeypatch.setattr(Border, "unlistened", lambda *_: instead)
    bench.runner.carry_out([OpenStream(before), Listen(taken), OpenStream(after)])
    assert not bench.engine.open_streams and bench.runner.counted["call-over"] == 1


def test_sending_that_fails_is_counted_and_nothing_else(bench: Bench) -> None:
    too_long = Send(bench.core, Address(f"{NET}.3", 9), b"x" * 70_000)
    bench.runner.carry_out([too_long])
    assert bench.runner.counted["send-error"] == 1
    closed = attrs.evolve(bench.core, address=Address(CORE, 1))
    bench.runner.carry_out([Send(closed, Address(f"{NET}.3", 9), b"x")])
    assert bench.runner.counted["unsent"] == 1


def test_what_comes_back_is_told_to_the_core(bench: Bench) -> None:
    """From this machine's own kernel, which answers for a next hop that is gone; so another call comes through."""
    port = bench.runner.listeners()[bench.core]
    bench.softswitch.close()
    bench.runner.received(bench.access, Address(f"{NET}.4", 5060), invite(PHONE))
    give_up = monotonic() + 20
    while not bench.runner.counted["bounced"]:
        assert monotonic() < give_up
        port.doRead()
    bench.clock.advance(0.6)  # it is sent once more, and comes back
    while not bench.runner.counted["gave-up"]:
        assert monotonic() < give_up
        port.doRead()
    assert bench.runner.counted["bounced"] == 2 and bench.runner.audit() == []


def test_the_auditor_sees_what_the_core_does_not_know_of(bench: Bench) -> None:
    pair = Pair(Address(ACCESS, 20000), Address(ACCESS, 20001))
    side = SideSpec("access", pair, None, False, "", Latch.NAT, 3.0)
    bench.runner.carry_out([OpenStream(StreamSpec("ghost", "nobody", "rtp", (side, side)))])
    stray = listener("core", CORE)
    bench.runner.carry_out([Listen(stray)])
    faults = bench.runner.audit()
    assert faults[0] == "stream ghost is open in the engine but in no call"
    assert any("open but wanted by nobody" in fault for fault in faults)
    bench.runner.carry_out([UpdateStream("ghost", 0, side), CloseStream("ghost", "nobody"), Unlisten(stray)])
    assert bench.engine.updates == [("ghost", 0)]
    assert bench.runner.audit() == []


def test_notes_and_records_are_counted(bench: Bench) -> None:
    close = Record("c", "close", {"cause": "x", "answered_for": 1.5})
    bench.runner.carry_out([Note("refused", "why"), Record("c", "answer", {}), close, Wake(5.0)])
    counted = bench.runner.counted
    assert counted["refused"] == counted["call-answer"] == counted["call-close"] == 1
    bench.runner.latched("c/1", 0, PHONE, "signalled")
    bench.runner.silent("c/1", 30)
    bench.runner.policed("c/1", 0)
    bench.runner.forwards("c/1", "kernel", "latched")
    assert counted["latched"] == counted["silent"] == counted["policed"] == counted["forwarded"] == 1
    bench.runner.expired("c/1", 0)
    assert counted["unsecured"] == 1
    bench.runner.used("c/1")  # nobody wants to know
    heard: list[str] = []
    bench.runner.used = heard.append
    bench.runner.used("c/1")
    assert heard == ["c/1"]


def test_the_meter_hears_of_calls_and_of_streams_that_are_open(bench: Bench) -> None:
    heard: list[tuple[str, Any]] = []

    class Ear:
        def __getattr__(self, name: str) -> Any:
            return lambda *what: heard.append((name, what[0]))

    bench.runner.meter = Ear()  # type: ignore[assignment]
    pair = Pair(Address(ACCESS, 20000), Address(ACCESS, 20001))
    side = SideSpec("access", pair, None, False, "", Latch.NAT, 3.0)
    spec, other = (StreamSpec(f"c/{number}", "c", "rtp", (side, side)) for number in (1, 2))
    answer = Record("c", "answer", {})
    bench.runner.carry_out([answer, OpenStream(spec), UpdateStream("c/1", 0, side)])
    bench.runner.latched("c/1", 0, PHONE, "signalled")
    bench.runner.carry_out([CloseStream("c/1", "c"), OpenStream(other)])
    bench.engine.full = True
    bench.runner.carry_out([OpenStream(attrs.evolve(other, id="c/3"))])
    bench.engine.full = False
    bench.runner.stop()
    assert heard == [
        ("record", answer),
        ("opened", spec),
        ("updated", "c/1"),
        ("latched", "c/1"),
        ("closed", "c/1"),
        ("opened", other),
        ("closed", "c/2"),
    ]


def test_calls_are_remembered_as_they_were_carried_out(bench: Bench) -> None:
    memory = bench.runner.memory = Memory()
    sending = Send(bench.access, Address("255.255.255.255", 1), b"lost", "abc")  # which a socket may not send to
    bench.runner.carry_out([sending, Note("something", "why", "abc")])
    bench.runner.latched("abc/1", 0, Address("127.0.0.1", 4000), "signalled")
    bench.runner.noted(Note("refused", "no", "", {"source": "127.0.0.9:1"}))
    (story,) = memory.find("abc")
    assert [entry.message for entry in story.messages] == [sending]
    unsent, note, latched = (entry.what for entry in story.decisions)
    assert isinstance(unsent, Unsent) and unsent.to == sending.to
    assert note.event == "something"
    assert latched == Latched("abc/1", 0, Address("127.0.0.1", 4000), "signalled")
    assert [each.source for each in memory.refusals()] == ["127.0.0.9:1"]


def test_without_a_memory_nothing_is_remembered(bench: Bench) -> None:
    bench.runner.carry_out([Note("something", "why", "abc")])
    assert len(bench.runner.memory) == 0


def test_a_fault_of_ours_costs_one_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(arrival: object) -> list[object]:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(bench.runner._border, "receive", broken)
        bench.runner.received(bench.access, PHONE, invite(PHONE))
    assert bench.runner.counted["internal-error"] == 1
    bench.runner.received(bench.access, PHONE, invite(PHONE))
    assert len(bench.heard()) == 1


def test_a_fault_of_ours_costs_no_connection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[object]:
        raise ZeroDivisionError

    for name in ("stirred", "unframed", "accepted"):
        monkeypatch.setattr(bench.runner._border, name, broken)
    bench.runner.stirred(bench.access, PHONE)
    bench.runner.unframed(bench.access, PHONE, BadMessage("none"))
    bench.runner.accepted(bench.access, PHONE)
    assert bench.runner.counted["internal-error"] == 3


def test_what_one_datagram_has_is_dealt_with_message_by_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that cannot be had for one, or a fault of ours in another, spoils no third; each is remembered with
    its own call."""
    memory = bench.runner.memory = Memory()
    dialect, open_stream, decode = SipDialect(), bench.engine.open, SipDialect().decode
    parts = [invite(PHONE, b"first"), invite(PHONE, b"second"), invite(PHONE, b"third")]

    def opening(spec: StreamSpec) -> None:
        if spec.sides[0].local.rtp.port == 20000:
            raise PortUnavailable(spec.sides[0].local.rtp, "in use")
        open_stream(spec)

    def decoding(data: bytes) -> SipMessage:
        if data == parts[1]:
            raise ZeroDivisionError
        return decode(data)

    monkeypatch.setattr(dialect, "parts", lambda data: parts)
    plan = bench.runner._border.plan  # of a stranger only the first is dealt with
    monkeypatch.setitem(plan.realms, "access", attrs.evolve(plan.realms["access"], sparing=False))  # type: ignore[arg-type]
    monkeypatch.setitem(bench.runner._border.dialects, "sip", dialect)  # type: ignore[arg-type]
    monkeypatch.setattr(bench.engine, "open", opening)
    monkeypatch.setattr(dialect, "decode", decoding)
    bench.runner.received(bench.access, PHONE, b"".join(parts))
    assert len(bench.heard()) == 1 and len(bench.engine.open_streams) == 1
    assert bench.runner.counted["messages"] == 3 and bench.runner.counted["internal-error"] == 1
    stories = [story for call in bench.runner._border.registry.calls for story in memory.find(call)]
    came = [[each.message.data for each in story.messages if isinstance(each.message, Arrival)] for story in stories]
    assert came == [[parts[0]], [parts[2]]]


def test_what_a_fault_has_left_is_taken_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    note = Note("unbound", "a fault of ours")

    def broken(arrival: object) -> list[object]:
        raise Mishap([note, CloseStream("nobody's", "c"), note], ZeroDivisionError())

    with monkeypatch.context() as patched:
        patched.setattr(bench.runner._border, "receive", broken)
        bench.runner.received(bench.access, PHONE, invite(PHONE))
    # the engine knows no such stream, which is a fault again, and the end of it
    assert (bench.runner.counted["unbound"], bench.runner.counted["internal-error"]) == (1, 2)


def pump(until: Callable[[], object] = lambda: False, turns: int = 100) -> None:
    """Let the real reactor run until that is true."""
    for _ in range(turns):
        if until():
            return
        real_reactor.iterate(0.005)  # type: ignore[attr-defined]


@pytest.fixture
def streams() -> Iterator[tuple[Runner, MixedReactor, Listener, socket.socket]]:
    """A runner with TCP on both sides, its clock, the phones' listener, and the softswitch's door."""
    door = socket.create_server((f"{NET}.3", 0))
    door.settimeout(2)
    own = {}
    for name, host in (("access", ACCESS), ("core", CORE)):
        address = Address(host, free_port(host))
        own[name] = Listener(name, "sip", "tcp", address, address)
    plan = Plan(
        {
            name: Realm(name, Side(name), (own[name],), Media(own[name].address.host, ACCESS, range(20000, 20100)))
            for name in own
        },
        (Path("main", "access", "core", (Address(*door.getsockname()),), callers=Callers.ANY),),
    )
    clock = MixedReactor()
    border = Border(plan, {"sip": SipDialect()}, Mint(SECRET))
    runner = Runner(clock, border, {"sip": Datagrams}, {"sip": SipFramer})
    runner.engine = Engine()
    for each in own.values():
        runner.listen(each)
    yield runner, clock, own["access"], door
    assert runner.audit() == []
    runner.stop()
    pump(turns=5)
    door.close()
    assert not clock.getDelayedCalls()


def heard_on(end: socket.socket) -> bytes:
    pump(turns=10)
    end.settimeout(0.05)
    try:
        return end.recv(65535)
    except TimeoutError:
        return b""


Streams = tuple[Runner, MixedReactor, Listener, socket.socket]


def test_a_call_goes_over_connections(streams: Streams) -> None:
    runner, clock, access, door = streams
    with socket.create_connection(access.address, 2) as phone:
        phone.sendall(invite(PHONE).replace(b"/UDP", b"/TCP"))
        pump(lambda: runner.counted["connection-opened"])
        switch, _ = door.accept()
        with switch:
            sent = heard_on(switch)
            assert header(sent, b"Via").startswith(b"SIP/2.0/TCP %b:" % CORE.encode())
            assert status(heard_on(phone)) == 100
            for _ in range(10):
                clock.advance(1)
            assert heard_on(switch) == b"", "nothing is sent twice"
            assert runner.audit() == []
            switch.sendall(plain_answer(sent, b"486 Busy Here"))
            assert status(heard_on(phone)) == 486
            assert heard_on(switch).startswith(b"ACK ")


def test_a_refused_connection_ends_the_call_at_once(streams: Streams) -> None:
    runner, _, access, door = streams
    door.close()
    with socket.create_connection(access.address, 2) as phone:
        phone.sendall(invite(PHONE).replace(b"/UDP", b"/TCP"))
        said = b""
        while b"503" not in said:
            more = heard_on(phone)
            assert more, said
            said += more
    assert not runner.engine.open_streams
    assert runner.counted["unreachable"] == 1


def test_a_lost_connection_ends_what_rings(streams: Streams) -> None:
    runner, _, access, door = streams
    with socket.create_connection(access.address, 2) as phone:
        phone.sendall(invite(PHONE).replace(b"/UDP", b"/TCP"))
        pump(lambda: runner.counted["connection-opened"])
        switch, _ = door.accept()
        with switch:
            switch.sendall(plain_answer(heard_on(switch), b"180 Ringing"))
            assert status(heard_on(phone)) == 100
        assert b"SIP/2.0 503" in heard_on(phone)
        again, _ = door.accept()
        with again:
            assert heard_on(again).startswith(b"CANCEL ")


def test_a_phone_that_is_gone_is_not_reached(streams: Streams) -> None:
    runner, _, access, _ = streams
    runner.carry_out([Send(access, Address(f"{NET}.4", 5060), b"x")])
    assert runner.counted["unsent"] == 1


def test_what_cannot_be_framed_is_answered_and_closed(streams: Streams) -> None:
    runner, _, access, _ = streams
    with socket.create_connection(access.address, 2) as phone:
        phone.sendall(invite(PHONE).replace(b"Content-Length", b"Content-Size"))
        assert status(heard_on(phone)) == 400
        assert phone.recv(10) == b""
    assert runner.counted["bad-message"] == runner.counted["connection-unframed"] == 1
