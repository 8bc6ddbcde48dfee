"""The `native` media engine: threads in C relay, and no Python is on the packets' path."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sbc.core.orders import Rate, SideSpec, StreamSpec
from sbc.media.counters import StreamCounters
from sbc.media.flow import Flow, SideView, flows_of
from sbc.media.herald import Herald
from sbc.media.inlet import LONGEST
from sbc.media.interfaces import IMediaObserver, IUserSpaceEngine, PortUnavailable
from sbc.media.kept import check_apart, check_kept
from sbc.media.native.elsewhere import Elsewhere
from sbc.media.native.rates import Rates
from sbc.media.native.secured import Seals, Secured
from sbc.media.native.shared import SharedPorts
from sbc.media.native.values import Values
from sbc.media.riding import Riding
from sbc.media.sealing import Keys, Past
from sbc.media.silence import SilenceWatch
from sbc.media.sockets import RECEIVE_BUFFER, MediaSockets, marking
from sbc.media.udp import borrowed, traffic_class

_MODULE = "sbc.media.native._native"
_AT_ONCE = 64  # events that are told in one turn of the reactor
_NANO = 1_000_000_000


def missing() -> str:
    """Why this engine cannot run here, in one sentence; empty where it can."""
    try:
        import_module(_MODULE)
    except ImportError as error:
        return (
            f"the native engine was not built when sbc was installed (it needs a C compiler and python3-dev): {error}"
        )
    return ""


def unsecured() -> str:
    """Why it cannot secure media here, in one sentence; empty where it can."""
    return Seals(import_module(_MODULE)).missing()


class _Relay:
    """An open stream: its spec as it is now, what its events are known by, its struct in C, with the sockets, and the
    keys of each side, as they are and as they were."""

    __slots__ = ("handle", "keys", "past", "spec", "stream")

    def __init__(self, spec: StreamSpec, handle: int, stream: Any, keys: list[Keys]) -> None:
        self.spec, self.handle, self.stream, self.keys = spec, handle, stream, keys
        self.past: tuple[Past, ...] = ()


@implementer(IUserSpaceEngine)
class NativeEngine(Elsewhere, Secured):
    """Carries out media orders with threads of its own. All of it is called on the reactor's thread."""

    name = "native"
    charges = None
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        observer: IMediaObserver,
        silence: float = 0.0,
        receive_buffer: int = RECEIVE_BUFFER,
        longest: int = LONGEST,
        threads: int = 0,
        traffic: str = "",
        realtime: bool = True,
    ) -> None:
        """`reactor` provides IReactorFDSet and IReactorTime. `silence`: seconds after which a stream that neither side
        speaks on is reported once, 0 for never. `receive_buffer`: octets of queue to ask for a socket. `longest`: the
        most octets a packet may have. `threads`: how many relay, 0 for one a core. `traffic`: how packets come and go
        ("epoll", "io_uring"), empty for the best there is. `realtime`: threads that need but a part of a processor run
        before all else, where the system permits that. The threads start with the first stream.

        @raises ImportError where `missing` says why."""
        module = import_module(_MODULE)
        self._ffi, self._lib = module.ffi, module.lib
        self._values = Values(module)
        self._seals = Seals(module)
        self._rates = Rates(module)
        self._reactor = reactor
        self._herald = Herald(observer, self._call_of)
        self._watch = SilenceWatch(reactor, self._herald, self.received, self.streams, silence)
        self._sockets = MediaSockets(receive_buffer)
        self._shared = SharedPorts(module, self._sockets)
        self._longest = longest
        self._threads = threads or len(os.sched_getaffinity(0))
        self._traffic = traffic
        self._realtime = realtime
        self._relays: dict[str, _Relay] = {}
        self._handles: dict[int, _Relay] = {}
        self._of_call: dict[str, dict[str, _Relay]] = {}
        self._riding = Riding(self._relays, self._ride, self._walk)
        self._engine: Any = None
        self._reader = _Events(self)
        self._state = self._ffi.new("struct stream_state *")
        self._event = self._ffi.new("struct event *")
        self._handed = self._ffi.new("struct handed *")
        self._opened = 0
        self._more: Any = None

    # -- orders

    def open(self, spec: StreamSpec) -> None:
        """See IMediaEngine. @raises PortUnavailable; @raises ValueError for an id that is already open, or a DSCP that
        is none. Then nothing is left open."""
        if spec.id in self._relays:
            raise ValueError(f"stream {spec.id} is already open")
        check_apart(spec)
        self._start(spec)
        with ExitStack() as opened:
            pairs = [self._sockets.open_pair(side, opened) for side in spec.sides]
            sockets = [sock for pair in pairs for sock in pair]
            specs = self._ffi.new("struct side_spec[2]")
            for to, side in zip(specs, spec.sides, strict=True):
                self._values.write_side(to, side, self._rates.realm(side.realm))
            fds = [-1 if sock is None else sock.fileno() for sock in sockets]
            shared = []
            for side in spec.sides:
                shared.append(self._shared.join(self._engine, side))
                opened.callback(self._shared.leave, self._engine, side)
            keys = self._secure_first(specs, spec)
            handle = self._opened = self._opened + 1
            where = fds, shared, specs, self._beside(spec.call)
            stream = self._lib.engine_open(self._engine, handle, spec.kind == "t38", *where)
            if stream == self._ffi.NULL:
                raise PortUnavailable(spec.sides[0].local.rtp, os.strerror(self._ffi.errno))
            opened.pop_all()
        self._sockets.see_buffers(pairs[0][0])
        for sock in filter(None, sockets):
            sock.detach()
        relay = self._relays[spec.id] = self._handles[handle] = _Relay(spec, handle, stream, keys)
        self._entered(relay)
        self._watch.add(spec.id)

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        """See IMediaEngine. The window of the other side opens again too. What has come before is judged by the former
        spec, what comes after by this. @raises KeyError; @raises ValueError for another local pair, mark or network, or
        a DSCP that is none."""
        relay = self._relays[stream]
        known = relay.spec.sides[side]
        check_kept(known, spec)
        traffic_class(spec.dscp)
        if marking(spec) != marking(known):
            for fd in (*self._fds(relay)[side], *self._shared.fds(spec)):
                with borrowed(fd) as sock:
                    self._sockets.remark(sock, spec)
        to = self._ffi.new("struct side_spec *")
        self._values.write_side(to, spec, self._rates.realm(spec.realm))
        self._secure(to, relay, side, spec)
        self._lib.engine_update(relay.stream, side, to)
        sides = (spec, relay.spec.sides[1]) if side == 0 else (relay.spec.sides[0], spec)
        relay.spec = StreamSpec(relay.spec.id, relay.spec.call, relay.spec.kind, sides)
        self._riding.changed(stream, side, spec)
        self._watch.renew(stream)

    def close(self, stream: str) -> StreamCounters:
        """See IMediaEngine. The ports are free again when this returns. @raises KeyError."""
        relay = self._relays[stream]
        self._leaves(relay)
        fds = self._fds(relay)
        self._lib.engine_close(self._engine, relay.stream, self._state)
        del self._handles[relay.handle]
        for fd in (*fds[0], *fds[1]):
            os.close(fd)
        for side in relay.spec.sides:
            self._shared.leave(self._engine, side)
        self._watch.drop(stream)
        return self._values.counters(self._state, relay.spec.sides)

    def limit_realm(self, realm: str, rate: Rate | None) -> None:
        """See IMediaEngine."""
        self._rates.limit(realm, rate)

    def report_silence(self, seconds: float) -> None:
        """See IMediaEngine."""
        self._watch.limit(seconds)

    def in_kernel(self) -> None:
        """See IMediaEngine."""

    def stop(self, keep: bool = False) -> None:
        """See IMediaEngine."""
        for stream in list(self._relays):
            self.close(stream)
        if self._engine is not None:
            self._reactor.removeReader(self._reader)
            self._hear_no_more()
            self._lib.engine_free(self._engine)
            self._engine = None

    # -- questions

    def counters(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        relay = self._relays[stream]
        return self._values.counters(self._read(relay), relay.spec.sides)

    def recorded(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        return self.counters(stream)

    def streams(self) -> list[str]:
        """See IMediaEngine."""
        return list(self._relays)

    def sides(self, stream: str) -> tuple[SideView, SideView]:
        """See IMediaEngine. @raises KeyError."""
        relay = self._relays[stream]
        state = self._read(relay).sides
        views = []
        for n, spec in enumerate(relay.spec.sides):
            suite, rtcp = self._suite(relay, n), self._has_rtcp(relay, n)
            views.append(self._values.view(state[n], spec, rtcp, suite))
        return views[0], views[1]

    def forwarder(self, stream: str) -> tuple[str, str]:
        """See IMediaEngine. @raises KeyError."""
        return self.name, self._flows(self._relays[stream])[1]

    def flows(self, stream: str) -> tuple[Flow, ...]:
        """See IUserSpaceEngine. @raises KeyError."""
        return self._flows(self._relays[stream])[0]

    def received(self, stream: str) -> int:
        """See IMediaEngine. @raises KeyError."""
        return int(self._lib.engine_received(self._relays[stream].stream))

    def strays(self) -> int:
        """See IMediaEngine."""
        return self._shared.strays

    def sockets(self) -> int:
        """How many sockets are open, for whoever keeps the books."""
        return sum(len(side) for relay in self._relays.values() for side in self._fds(relay)) + self._shared.sockets

    @property
    def traffic(self) -> str:
        """How packets come and go, "epoll" or "io_uring"; empty while there are no threads."""
        return "" if self._engine is None else self._ffi.string(self._lib.engine_traffic(self._engine)).decode()

    def put_clock_forward(self, seconds: float) -> None:
        """For tests: let time pass, for all engines of this process."""
        self._lib.clock_put_forward(int(seconds * _NANO))

    def refuse_submissions(self, times: int) -> None:
        """For tests: let the kernel refuse so many submissions to io_uring from now on, as for want of memory."""
        self._lib.uring_refuse(times, errno.EAGAIN)

    def pause(self, pause: bool) -> None:
        """For tests: let the threads leave packets where they are, or go on."""
        if self._engine is not None:
            self._lib.engine_pause(self._engine, pause)

    def _fds(self, relay: _Relay) -> list[list[int]]:
        """The sockets of each side: RTP's, and RTCP's if it has one of its own."""
        fds = [self._lib.engine_fd(relay.stream, n) for n in range(4)]
        return [[fd for fd in side if fd >= 0] for side in (fds[:2], fds[2:])]

    def _has_rtcp(self, relay: _Relay, side: int) -> bool:
        """Whether there is a port of its own for it."""
        return bool(self._lib.engine_fd(relay.stream, 2 * side + 1) >= 0)

    def _read(self, relay: _Relay) -> Any:
        self._lib.engine_read(self._engine, relay.stream, self._state)
        return self._state

    def _flows(self, relay: _Relay) -> tuple[tuple[Flow, ...], str]:
        first, second = self._read(relay).sides
        stances = (
            self._values.stance(first, relay.spec.sides[0], self._has_rtcp(relay, 0)),
            self._values.stance(second, relay.spec.sides[1], self._has_rtcp(relay, 1)),
        )
        return flows_of(relay.spec.kind, stances)

    # -- sockets and threads

    def _start(self, spec: StreamSpec) -> None:
        """Start the threads, with the first stream."""
        if self._engine is not None:
            return
        urgent = self._realtime and self._lib.urgent_may()
        engine = self._lib.engine_new(self._threads, self._longest, self._traffic.encode(), urgent)
        if engine == self._ffi.NULL:
            raise PortUnavailable(spec.sides[0].local.rtp, f"no threads: {os.strerror(self._ffi.errno)}")
        self._engine = engine
        self._reactor.addReader(self._reader)
        self._log.info(
            "the native media engine relays with {threads} threads ({traffic}), {urgent}",
            threads=self._threads,
            traffic=self.traffic,
            urgent="in real time" if urgent else "like everything else" if self._realtime else "not in real time",
        )

    def events_fd(self) -> int:
        """The descriptor that is readable when the threads have something to tell, -1 while there are none."""
        return -1 if self._engine is None else int(self._lib.engine_events_fd(self._engine))

    # -- events

    def hear(self) -> None:
        """Tell the observer what the threads have found; if that is much, the rest in a later turn of the reactor."""
        self._hear_no_more()
        told = handed = 0
        while told < _AT_ONCE and self._engine is not None and self._lib.engine_next_event(self._engine, self._event):
            self._hear_one(self._event)
            told += 1
        while (
            handed < _AT_ONCE and self._engine is not None and self._lib.engine_next_handed(self._engine, self._handed)
        ):
            self._hear_handed(self._handed)
            handed += 1
        if self._engine is not None and _AT_ONCE in (told, handed):
            self._more = self._reactor.callLater(0, self.hear)

    def _hear_no_more(self) -> None:
        if self._more is not None and self._more.active():
            self._more.cancel()

    def _hear_one(self, event: Any) -> None:
        relay = self._handles.get(event.handle)
        if relay is None:  # closed meanwhile
            return
        stream = relay.spec.id
        if event.kind == self._lib.EVENT_POLICED:
            self._herald.policed(stream, event.side)
        elif event.kind == self._lib.EVENT_EXPIRED:
            self._herald.expired(stream, event.side)
        elif event.kind == self._lib.EVENT_USED:
            self._herald.used(stream)
        elif (address := self._values.address(event.address)) is None:
            return
        elif event.kind == self._lib.EVENT_RTCP_LATCHED:
            self._herald.rtcp_latched(stream, event.side, address)
        else:
            self._herald.latched(stream, event.side, address, self._values.reason(event.reason))

    def _call_of(self, stream: str) -> str:
        return self._relays[stream].spec.call if stream in self._relays else ""


@implementer(IReadDescriptor)
class _Events:
    """The threads' eventfd as a reader of the reactor."""

    def __init__(self, engine: NativeEngine) -> None:
        self._engine = engine

    def fileno(self) -> int:
        return self._engine.events_fd()

    def logPrefix(self) -> str:
        return "media"

    def doRead(self) -> None:
        self._engine.hear()

    def connectionLost(self, reason: Failure) -> None:
        self._engine._log.failure("the native media engine is no longer heard", failure=reason)
