"""The `kernel` media engine: user space learns, the kernel forwards what is learned, and what it cannot goes back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.orders import Rate, SideSpec, StreamSpec
from sbc.core.vpn import MAIN
from sbc.media.counters import StreamCounters
from sbc.media.flow import Flow, KernelView, SideView
from sbc.media.herald import Herald
from sbc.media.inlet import LONGEST
from sbc.media.interfaces import IMediaEngine, IMediaObserver
from sbc.media.kernel.agenda import Agenda
from sbc.media.kernel.charges import Charges
from sbc.media.kernel.here import clear as clear  # what is asked of each engine's module
from sbc.media.kernel.here import missing as missing
from sbc.media.kernel.interfaces import Interfaces
from sbc.media.kernel.lookups import Lookups, forbid
from sbc.media.kernel.passing import Passing
from sbc.media.kernel.plane import OTHERS, POLICED, STRANGERS, UNROUTED, Last, Plane
from sbc.media.kernel.promoted import Entered, Promoted
from sbc.media.kernel.realms import Realms
from sbc.media.silence import SilenceWatch

_TICK = 0.1  # seconds between looks at the slots
_SECOND = 10  # ticks
_AT_ONCE = 16  # streams that are seen to in one turn of the reactor, so that signalling gets its turn;
_CHARGED_AT_ONCE = 64
_PAUSE = 0.005  # and seconds until the next are
_GRACE = 5.0  # seconds a flow that an earlier process has left is kept for the stream that takes it up
_FAILED_AGAIN = 5.0  # seconds after which a stream is looked at again with which something has failed


@implementer(IMediaEngine, IMediaObserver)
class KernelEngine(Passing):
    """Stands upon an engine in user space, which opens the sockets, judges and learns. A stream whose both sides have
    latched is *promoted*: its flows are entered in the kernel's maps, and packets no longer come up. Whatever needs
    them in user space *demotes* it: the flows are taken out, and packets go to the sockets, which were open all along.
    So none is lost or doubled. Not thread-safe: everything on the reactor's thread.
    """

    name = "kernel"
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        observer: IMediaObserver,
        make_inner: Callable[[IMediaObserver], Any],
        silence: float = 0.0,
        longest: int = LONGEST,
        *,
        directory: str,
        room: int,
        interfaces: Iterable[str] = (),
        modes: tuple[str, ...] = (),
        redirect_peer: bool = True,
    ) -> None:
        """`make_inner` makes an IUserSpaceEngine for the observer it is given. `directory`: where programs and maps are
        pinned. `room`: flows there can be, up to four a stream. `interfaces`, `modes`, `redirect_peer`: see Interfaces.

        @raises sbc.media.kernel.directory.Unavailable."""
        self._reactor = reactor
        self._herald = Herald(observer, self._call_of)
        self._watch = SilenceWatch(reactor, self._herald, self.received, self.streams, silence)
        self._longest = longest
        self._plane = Plane(directory, room)
        self._lookups = Lookups(self._plane.lease)
        self.interfaces = Interfaces(self._plane, interfaces, modes, redirect_peer)
        self._streams: dict[str, Promoted] = {}
        self.barrier, self.charges = self._plane.barrier, Charges(self._plane, self._streams)
        self._by_slot: dict[int, str] = {}
        self._agenda = Agenda()
        self._news: deque[tuple[int, int]] = deque()  # slots at which something has happened, and what
        self._again: deque[str] = deque()  # streams to settle anew: interfaces have changed, or the system's settings
        self._uncharged: deque[str] = deque()  # streams to be taken out of a realm's new bucket
        self._rest: Any = None
        self._ticks = 0
        self.inner: Any = make_inner(self)
        self._realms = Realms(self._plane, self.inner)
        self._grace: Any = reactor.callLater(_GRACE, self._collect)
        self._tick: Any = reactor.callLater(_TICK, self._look)

    # -- the contract

    def open(self, spec: StreamSpec) -> None:
        """See IMediaEngine. @raises PortUnavailable, ValueError."""
        self._renew()  # a start that takes up thousands of calls is one long turn of the reactor
        self.inner.open(spec)
        for side in spec.sides:  # before there is media: a driver may lose packets while XDP is put there
            if side.vpn == MAIN:
                self._guard(spec.id, self.interfaces.ensure, side.local.rtp.host)
        stream = self._streams[spec.id] = Promoted(spec)
        self._watch.add(spec.id)
        if any(address in self._plane.left for address in stream.ports()):
            self._guard(spec.id, self._settle, spec.id, stream, False)  # what was left goes on, or ends
            stream.inherit(self._plane, *stream.ports())
        else:
            self._look_at(spec.id, 0.0)

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        """See IMediaEngine. @raises KeyError, ValueError."""
        found = self._streams[stream]
        self._demote(stream, found, "re-offer")
        self._look_at(stream, 0.0)  # also where what follows is refused
        self.inner.update(stream, side, spec)
        sides = (spec, found.spec.sides[1]) if side == 0 else (found.spec.sides[0], spec)
        found.spec = StreamSpec(found.spec.id, found.spec.call, found.spec.kind, sides)
        found.policed = frozenset()
        found.route_wait = 0.0
        self._watch.renew(stream)

    def close(self, stream: str) -> StreamCounters:
        """See IMediaEngine. The kernel's counters are final: no packet is under way in it. @raises KeyError."""
        found = self._streams.pop(stream)
        self._agenda.drop(stream)
        self._watch.drop(stream)
        for each in found.entered:
            self._take_out(found, each)
        return found.counters(self._plane, self.inner.close(stream))

    def counters(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        return self._streams[stream].counters(self._plane, self.inner.counters(stream))

    def recorded(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        return self._streams[stream].counters(self._plane, self.inner.counters(stream), record=True)

    def sides(self, stream: str) -> tuple[SideView, SideView]:
        """See IMediaEngine. @raises KeyError."""
        views: tuple[SideView, SideView] = self.inner.sides(stream)
        for view, tally in zip(views, self._streams[stream].tallies(self._plane), strict=True):
            if tally.wrong_source:
                reason = "latched-elsewhere"
                view.refused[reason] = view.refused.get(reason, 0) + tally.wrong_source
        return views

    def streams(self) -> list[str]:
        """See IMediaEngine."""
        return list(self._streams)

    def report_silence(self, seconds: float) -> None:
        """See IMediaEngine. The engine in user space reports none: it does not see what the kernel forwards."""
        self._watch.limit(seconds)

    def limit_realm(self, realm: str, rate: Rate | None) -> None:
        """See IMediaEngine."""
        turned, uncharged = self._realms.limit(realm, rate)
        if turned:
            self._settle_all()
            self._go_on_soon()
        if uncharged:
            self._uncharged.extend(self._streams)
            self._charge_some()

    def forwarder(self, stream: str) -> tuple[str, str]:
        """See IMediaEngine. @raises KeyError."""
        found = self._streams[stream]
        if found.entered:
            return self.name, ""
        inner: tuple[str, str] = self.inner.forwarder(stream)
        return inner[0], inner[1] or found.why or "promoting"

    def in_kernel(self) -> KernelView:
        """See IMediaEngine."""
        return KernelView(self.interfaces.taps(), len(self._by_slot), self._plane.room, self._plane.directory)

    def stop(self, keep: bool = False) -> None:
        """See IMediaEngine. `keep`: what the kernel forwards it goes on forwarding, for the next process."""
        for call in (self._tick, self._grace, self._rest):
            if call is not None and call.active():
                call.cancel()
        if not keep:  # else the next process counts from what was recorded last
            for stream in list(self._streams):
                self.close(stream)
            self._collect()
            self.interfaces.detach()
            forbid(self._plane.lease)
        self._watch.limit(0.0)
        self._streams.clear()
        self._plane.lease.renew()
        self.inner.stop()
        self._plane.close()

    # -- what keeps a stream in user space

    def claim(self, stream: str, reason: str) -> None:
        """Have all packets of a stream in user space: the word says what for. To be called by who does something with
        packets: recording ("recording"), telephone events ("dtmf"), media security ("srtp"). @raises KeyError."""
        found = self._streams[stream]
        found.claims |= {reason}
        self._demote(stream, found, reason)

    def disclaim(self, stream: str, reason: str) -> None:
        """No longer need them for that. @raises KeyError."""
        found = self._streams[stream]
        found.claims -= {reason}
        self._look_at(stream, 0.0)

    # -- promotion and demotion

    def _settle(self, name: str, stream: Promoted, tell: bool = True) -> None:
        """Let the kernel forward what may be, and nothing else."""
        heard = self.inner.received(name)
        before, why = bool(stream.entered), stream.hindrance(self._realms.shaped)
        flows: tuple[Flow, ...] = () if why else self.inner.flows(name)
        if not flows:
            why = why or self.inner.forwarder(name)[1]
        else:
            why = next(filter(None, map(self.interfaces.ensure, {flow.local.host for flow in flows})), "")
        wanted = {} if why else {flow.local: flow for flow in flows}
        mux = bool(wanted) and all(view.mux for view in self.inner.sides(name))
        try:
            for each in stream.entered:
                flow = wanted.get(each.local)
                if flow is None or not self._plane.same(each.slot, flow, mux and not flow.rtcp):
                    self._give_back(name, stream, each)
            for flow in wanted.values():
                if stream.at(flow.local) is None:
                    self._enter(name, stream, flow, mux and not flow.rtcp)
        except OSError as error:
            self._log.warn("the kernel takes no flow of {stream}: {why}", stream=name, why=error.strerror)
            why = "no-room"
            for each in stream.entered:
                self._give_back(name, stream, each)
            self._lend_no_more(name)  # also what was lent for the one that was not entered
        stream.join_reports(self._plane)
        stream.heard = heard
        self._settled(name, stream, why, tell and bool(stream.entered) != before)

    def _settled(self, name: str, stream: Promoted, why: str, tell: bool) -> None:
        stream.why = why
        if tell:
            engine, reason = (self.name, "latched") if stream.entered else (self.inner.name, why)
            self._herald.forwards(name, engine, reason)
        self._look_again(name, stream)

    def _look_again(self, name: str, stream: Promoted) -> None:
        if (again := stream.again()) is not None:
            self._look_at(name, again)

    def _enter(self, name: str, stream: Promoted, flow: Flow, mux: bool) -> None:
        each = stream.take_over(self._plane, flow, mux)
        if each is not None and not self._plane.fits(each.slot, flow, mux):
            self._give_back(name, stream, each)  # it begins anew, and what it has counted stays
            each = None
        if each is None:
            each = stream.enter(self._plane, flow, self._longest, mux, partial(self.inner.lend, name, flow.side))
        self._by_slot[each.slot] = name
        if not flow.rtcp:
            self.inner.away(name, flow.side, True)

    def _demote(self, name: str, stream: Promoted, reason: str) -> None:
        before = bool(stream.entered)
        for each in stream.entered:
            self._give_back(name, stream, each)
        stream.wait = 0.0
        if before:
            stream.why = reason
            self._herald.forwards(name, self.inner.name, reason)

    def _give_back(self, name: str, stream: Promoted, each: Entered) -> None:
        """Take a flow out, and let user space know where its stream has got to."""
        last = self._take_out(stream, each)
        self._returned(name, each, last, self._plane.owns(each.slot))

    def _take_out(self, stream: Promoted, each: Entered) -> tuple[Last, ...]:
        self._by_slot.pop(each.slot, None)
        return stream.take_out(self._plane, each)

    # -- what happens in the kernel

    def _look(self) -> None:
        self._tick = self._reactor.callLater(_TICK, self._look)
        self._ticks += 1
        self._renew()  # before anybody acts on what the kernel has heard last
        if not self._news:
            self._news.extend(self._plane.look())
        self._see_to_some()
        if self._ticks % _SECOND == 0 and self._lookups.keep() | self.interfaces.look():  # each of them looks
            self._settle_all()

    def _settle_all(self) -> None:
        for stream in self._streams.values():
            stream.heard = -1
        self._again = deque(self._streams)

    def _see_to_some(self) -> None:
        """See to some of what has happened and is due; to the rest soon."""
        now = self._reactor.seconds()
        for _ in range(min(_AT_ONCE, len(self._news))):
            slot, what = self._news.popleft()
            name = self._by_slot.get(slot)
            stream = self._streams.get(name or "")
            if name is not None and stream is not None:
                self._guard(name, self._happened, name, stream, slot, what)
        due = self._agenda.due(now, _AT_ONCE)
        while self._again and len(due) < _AT_ONCE:
            due.append(self._again.popleft())
        for name in due:
            if name in self._streams:  # what was settled before it may have ended it
                self._guard(name, self._see_to, name, self._streams[name])
        self._charge_some()
        if self._news or self._again or self._agenda.has_due(now):
            self._go_on_soon()

    def _see_to(self, name: str, stream: Promoted) -> None:
        (self._look_again if stream.rests(self.inner) else self._settle)(name, stream)

    def _charge_some(self) -> None:
        """Take some of the flows that were there before their realm had a rate out of its bucket; the rest soon."""
        for _ in range(min(_CHARGED_AT_ONCE, len(self._uncharged))):
            if (stream := self._streams.get(self._uncharged.popleft())) is not None:
                for each in stream.entered:
                    self._plane.charge(each.slot, self._plane.realm(stream.spec.sides[each.side].realm))
        if self._uncharged:
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        if self._rest is None or not self._rest.active():
            self._rest = self._reactor.callLater(_PAUSE, self._see_to_some)

    def _renew(self) -> None:
        """Answer for what the kernel forwards."""
        passed = self._plane.lease.renew()
        if passed:
            self._log.warn("the reactor stood still: user space had {packets} packets of the kernel's", packets=passed)

    def _guard(self, stream: str, action: Callable[..., Any], *arguments: Any) -> None:
        """Let what fails with one stream cost no other anything: user space relays it meanwhile."""
        try:
            action(*arguments)
        except Exception:  # noqa: BLE001 - whatever it is, the others' turn comes
            self._log.failure("the kernel's part of stream {stream} has failed", stream=stream)
            self._look_at(stream, _FAILED_AGAIN)

    def _happened(self, name: str, stream: Promoted, slot: int, what: int) -> None:
        each = next((each for each in stream.entered if each.slot == slot), None)
        if each is None:
            return
        if what & STRANGERS:  # somebody else, while the source is silent: user space judges whether it goes on
            self._carried(name, each, self._plane.last(slot))
        if what & POLICED and each.side not in stream.policed:
            stream.policed |= {each.side}
            self._herald.policed(name, each.side)
        if what & UNROUTED:
            self._demote(name, stream, "no-route")
            self._look_at(name, stream.route_again(self._reactor.seconds()))
        elif what & OTHERS and self._reactor.seconds() - stream.unsettled > 1.0:
            stream.unsettled, stream.heard = self._reactor.seconds(), -1
            self._look_at(name, 0.0)  # what user space has made of it may change the flows

    def _look_at(self, name: str, after: float) -> None:
        """Settle a stream so many seconds from now, or before if that is asked already; none that the observer has
        closed meanwhile."""
        if name in self._streams:
            self._agenda.put(name, self._reactor.seconds() + after)

    def _collect(self) -> None:
        """Let go of what an earlier process has left and nobody has taken up."""
        for local in list(self._plane.left):
            self._plane.forget(local)
        self.interfaces.collect()

    # -- what user space finds

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None:
        """See IMediaObserver."""
        found = self._streams.get(stream)
        if found is not None:
            self._demote(stream, found, reason)
            self._look_at(stream, 0.0)
        self._herald.tell("latched", stream, side, address, reason)

    def policed(self, stream: str, side: int) -> None:
        """See IMediaObserver."""
        found = self._streams.get(stream)
        if found is not None and side not in found.policed:
            found.policed |= {side}
            self._herald.policed(stream, side)

    def received(self, stream: str) -> int:
        """See IMediaEngine. @raises KeyError."""
        return int(self.inner.received(stream)) + self._streams[stream].received(self._plane)

    def _call_of(self, stream: str) -> str:
        found = self._streams.get(stream)
        return "" if found is None else found.spec.call
