"""Carries out the core's orders: sockets, timers, the media engine, the log. It decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from zope.interface import implementer

from sbc.alarm import Alarm
from sbc.config.values import EngineName
from sbc.connections import Connections
from sbc.core.address import Address
from sbc.core.audit import CHECKS, audit_streams
from sbc.core.border import Border
from sbc.core.memory import Memory
from sbc.core.message import BadMessage
from sbc.core.orders import (
    Adopt,
    Alias,
    CloseStream,
    Connect,
    HangUp,
    Listen,
    Listener,
    Note,
    OpenStream,
    Order,
    Record,
    Send,
    Unlisten,
    UpdateStream,
    Wake,
)
from sbc.core.reach import without
from sbc.core.realm import Plan
from sbc.core.registry import Arrival
from sbc.core.remembered import FORGETFUL, Closed, Decision, Latched, Unsent
from sbc.core.taking import Mishap
from sbc.failures import Failures
from sbc.interfaces import IFramer
from sbc.journal import Journal
from sbc.ledger.charger import Charger
from sbc.ledger.meter import Meter
from sbc.listening import Listening, Protocols
from sbc.media.choose import Choice
from sbc.media.interfaces import IMediaObserver, PortUnavailable
from sbc.media.totals import Totals
from sbc.sockets import audit_sockets
from sbc.tls import Security

Framers = Mapping[str, Callable[[], IFramer]]


@implementer(IMediaObserver)
class Runner:
    """The one place where orders meet Twisted. Everything happens on the reactor's thread.

    `protocols` maps a dialect's word to what makes its datagram protocol, `framers` to what makes an IFramer of a
    connection, `frames` of a WebSocket's messages, `security` a realm to what secures its connections; `engine` is set
    by whoever wires things, `choice` with it, `meter` where calls are to have records, `memory` where they are to be
    remembered, `totals` where media is to be summed up, and `keeps` where calls outlive the process, and so should what
    the kernel forwards of them.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        border: Border,
        protocols: Protocols,
        framers: Framers | None = None,
        security: Mapping[str, Security] | None = None,
        frames: Mapping[str, Callable[[], IFramer] | None] | None = None,
    ) -> None:
        self._reactor = reactor
        self._border = border
        self.needed, self.named, self.door = border.needs, border.named, border.door  # what connections ask
        self.connections = Connections(reactor, border.plan.realms, framers or {}, security or {}, self, frames or {})
        self._listening = Listening(reactor, border, protocols, self.connections, self)
        self._ports, self.listeners = self._listening.ports, self._listening.all
        self.listen, self.unlisten, self.mark = self._listening.open, self._listening.close, self._listening.mark
        self._failures = Failures(border, reactor.seconds, self.carry_out, self._fault)
        self._alarm, self._journal = Alarm(reactor, self._woken), Journal(reactor.seconds)
        self.engine: Any = None
        self.choice, self.keeps = Choice(EngineName.TWISTED, ""), False
        self.meter: Meter | None = None
        self.charger: Charger | None = None
        self.memory = Memory(FORGETFUL)
        self.afterwards: Callable[[], None] | None = None  # whom to tell when the core may have changed
        self.totals: Totals | None = None
        self.resumed, self.used = border.resumed, lambda stream: None  # see IMediaObserver; the store hears
        self.worked, self.handshakes = border.worked, Counter[str]()  # of connections; of media: what they came to
        self.counted = self._journal.counted

    # -- what comes in

    def received(self, listener: Listener, source: Address, data: bytes, proven: str = "") -> None:
        """Something has arrived: mostly one message."""
        now = self._reactor.seconds()
        word = self._border.knock(listener, source, len(data), proven, now)
        if word:
            self._dropped(word, listener, source)
            return
        began = perf_counter()
        for arrival in self._border.parts(Arrival(listener, source, data, now, proven)):
            self._take(arrival)
        self._border.spent(perf_counter() - began, now)

    def _dropped(self, word: str, listener: Listener, source: Address) -> None:
        """What has arrived is not read, for a reason of that name. There may be very much of it."""
        event = f"dropped-{word}"
        self.counted[event] += 1
        if self._journal.may_say(event, 1):
            self._log.info("{event}: from {source} at {listener}", event=event, source=source, listener=listener)

    def _take(self, arrival: Arrival) -> None:
        """Deal with one message. A fault of ours in that ends here: it costs this message, and is told."""
        self.counted["messages"] += 1
        try:
            try:
                orders = self._border.receive(arrival)
            finally:
                self.memory.heard(self._border.concerned, arrival)
            self.carry_out(orders)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next message is to be heard
            self._fault(f"a message of {len(arrival.data)} octets from {arrival.source}", fault)
        finally:
            self.memory.done()

    def _fault(self, what: str, fault: Exception) -> None:
        """A fault of ours in dealing with `what` has been caught: it is counted and told, what it has left half-done is
        taken back, and all else goes on."""
        self.counted["internal-error"] += 1
        if self._journal.may_say("internal-error"):
            self._log.failure("a fault in dealing with {what}", what=what)
        self._alarm.set(self._border.restless())
        if isinstance(fault, Mishap):
            try:
                self.carry_out(fault.orders)
            except Exception as another:  # noqa: BLE001 - the same
                self._fault("what a fault had left", another)

    def _safely(self, what: str, act: Callable[[], list[Order]]) -> None:
        """Carry out what the core orders. A fault of ours in dealing with `what` ends here, and costs that alone."""
        try:
            self.carry_out(act())
        except Exception as fault:  # noqa: BLE001 - whatever it is
            self._fault(what, fault)

    def stirred(self, listener: Listener, source: Address) -> None:
        """A connection has brought a sign of life."""
        arrival = Arrival(listener, source, b"", self._reactor.seconds())
        self._safely(f"a sign of life from {source}", lambda: self._border.stirred(arrival))

    def unframed(self, listener: Listener, source: Address, bad: BadMessage) -> None:
        """A connection has brought what is no message."""
        arrival = Arrival(listener, source, b"", self._reactor.seconds())
        self._safely(f"what is no message from {source}", lambda: self._border.unframed(arrival, bad))

    def unreached(self, listener: Listener, peer: Address, why: str) -> None:
        """A connection is lost, or could not be had. The core is told when it is done with what it is at."""
        self._failures.add(listener, peer, why)

    def bounced(self, listener: Listener, peer: Address, data: bytes, why: str) -> None:
        """A datagram of ours, which began with `data`, has come back. The core is told likewise."""
        self._failures.add(listener, peer, why, data)

    def barred(self, listener: Listener, peer: Address) -> str:
        """Why a connection from `peer` is not to be taken; empty where it is."""
        return self._border.barred(listener, peer, self._reactor.seconds())

    def accepted(self, listener: Listener, peer: Address) -> None:
        """A connection is up."""
        now = self._reactor.seconds()
        self._safely(f"a connection from {peer}", lambda: self._border.accepted(listener, peer, now))

    def noted(self, note: Note) -> None:
        """A decision: of the core, or about a connection."""
        self._journal.note(note)
        self.memory.noted(note, self._reactor.seconds())

    def latched(self, stream: str, side: int, address: Address, reason: str) -> None:
        """See IMediaObserver. The engine has logged it."""
        self.counted["latched"] += 1
        self._remember(stream, Latched(stream, side, address, reason))
        self._border.latched(stream, side, address)
        self.carry_out([])
        if self.meter is not None:
            self.meter.latched(stream, side, address)

    def rtcp_latched(self, stream: str, side: int, address: Address) -> None:
        """See IMediaObserver."""
        self._border.rtcp_latched(stream, side, address)
        self.carry_out([])

    def silent(self, stream: str, seconds: float) -> None:
        """See IMediaObserver."""
        self.noted(Note("silent", f"no media for {seconds:.0f} s", stream.partition("/")[0], {"stream": stream}))
        self.carry_out(self._border.silent(stream, seconds, self._reactor.seconds()))

    def policed(self, stream: str, side: int) -> None:
        """See IMediaObserver."""
        self.noted(Note("policed", "media over its rate", stream.partition("/")[0], {"stream": stream, "side": side}))

    def expired(self, stream: str, side: int) -> None:
        """See IMediaObserver."""
        self.noted(Note("unsecured", "expired", stream.partition("/")[0], {"stream": stream, "side": side}))

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        """See IMediaObserver."""
        self.noted(Note("forwarded", reason, stream.partition("/")[0], {"stream": stream, "engine": engine}))
        if self.totals is not None:
            self.totals.forwards(stream, engine, reason)

    def _remember(self, stream: str, what: Decision) -> None:
        self.memory.decided(stream.partition("/")[0], what, self._reactor.seconds())

    # -- what goes out

    def carry_out(self, orders: list[Order]) -> None:
        """Carry out orders, one after the other. Where a port cannot be had the core is asked what to do instead; of
        peers that could not be reached it hears afterwards."""
        outermost = self._failures.hold()
        try:
            self._each(orders)
        finally:
            if outermost:
                self._failures.let()
        if outermost:
            self._failures.tell()
            if self.afterwards is not None:
                self.afterwards()

    def _each(self, orders: list[Order]) -> None:
        for done, order in enumerate(orders, 1):
            if isinstance(order, Send):
                self._send(order)
            elif isinstance(order, OpenStream):
                if not self._open_stream(order):
                    return
            elif isinstance(order, Listen):
                if not self._listen_for(order.listener, orders[done:]):
                    return
            else:
                self._plain(order)

    def _plain(self, order: Order) -> None:
        if isinstance(order, UpdateStream):
            self.engine.update(order.stream, order.side, order.spec)
            self._remember(order.stream, order)
            if self.meter is not None:
                self.meter.updated(order.stream, order.side, order.spec)
        elif isinstance(order, CloseStream):
            self._close_stream(order)
        elif isinstance(order, Wake):
            self._alarm.set(order.at, order.exact)
        elif isinstance(order, Note):
            self.noted(order)
        elif isinstance(order, Record):
            self._journal.record(order)
            self.memory.decided(order.call, order, self._reactor.seconds())
            if self.meter is not None:
                self.meter.record(order)
            if self.charger is not None:
                self.charger.record(order)
        elif isinstance(order, Alias):
            self.connections.alias(order.listener, order.peer, order.address)
        elif isinstance(order, Adopt):
            self.connections.adopt(order.listener, order.peer, order.made_at, order.source)
        elif isinstance(order, Unlisten):
            self.unlisten(order.listener)
        elif isinstance(order, Connect):
            self.connections.open(order.listener, order.peer)
        elif isinstance(order, HangUp):
            self.connections.hang_up(order.listener, order.peer, order.late)

    def _send(self, order: Send) -> None:
        port = self._ports.get(order.listener.shared)
        if order.call:
            self.memory.sent(order, self._reactor.seconds())
        if port is None:
            self._not_sent(order, "our socket is closed")
            self.counted["unsent"] += 1
            self._log.warn("call {call}: {listener} is closed, nothing sent", call=order.call, listener=order.listener)
            return
        if order.listener.reliable:
            why = self.connections.send(order.listener, order.to, order.data, order.otherwise)
            if why:
                self._not_sent(order, why)
                self.counted["unsent"] += 1
                self._failures.add(order.listener, order.to, why)
            return
        try:
            port.send(order.data, order.to, *self._marked(order))
        except OSError as error:
            self._not_sent(order, error.strerror or str(error))
            self.counted["send-error"] += 1
            if not self._journal.may_say("send-error"):
                return
            said = "call {call}: sending {size} octets to {to} from {listener}: {error}"
            self._log.warn(
                said, call=order.call or "-", size=len(order.data), to=order.to, listener=order.listener, error=error
            )

    def _marked(self, order: Send) -> tuple[int, ...]:
        """The DSCP of a message of a call that is more urgent than others, where such are marked otherwise."""
        realm = self._border.plan.realms.get(order.listener.realm)
        if realm is None or not order.call or not realm.marks.differs:
            return ()
        call = self._border.registry.calls.get(order.call)
        return () if call is None or not call.urgency else (realm.marks.signalling_of(call.urgency).dscp,)

    def _not_sent(self, order: Send, why: str) -> None:
        if order.call:
            self.memory.decided(order.call, Unsent(order.to, why), self._reactor.seconds())

    def _open_stream(self, order: OpenStream) -> bool:
        try:
            self.engine.open(order.spec)
        except PortUnavailable as error:
            instead, go_on = self._border.unopened(order.spec.id, str(error), self._reactor.seconds())
            self.carry_out(instead)
            return go_on
        self._remember(order.spec.id, order)
        if self.meter is not None:
            self.meter.opened(order.spec)
        if self.totals is not None:
            self.totals.opened(order.spec, self.engine.forwarder(order.spec.id)[0])
        return True

    def _close_stream(self, order: CloseStream) -> None:
        volume = self.engine.close(order.stream)
        self._journal.volume(order.call, order.stream, volume)
        self._remember(order.stream, Closed(order.stream, volume))
        if self.totals is not None:
            self.totals.closed(order.stream, volume)
        if self.meter is not None:
            self.meter.closed(order.stream, volume)
        if self.charger is not None:
            self.charger.closed(order.stream, volume)

    def _listen_for(self, listener: Listener, rest: list[Order]) -> bool:
        try:
            self.listen(listener)
        except CannotListenError as error:
            instead = self._border.unlistened(listener, str(error.socketError), self._reactor.seconds())
            self.carry_out(without(instead, {each.spec.id for each in rest if isinstance(each, OpenStream)}))
            return False
        return True

    def _woken(self) -> None:
        try:
            self.carry_out(self._border.wake(self._reactor.seconds()))
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next deadline is to be met
            self._fault("what was due", fault)

    # -- what there is

    def limit_realms(self, plan: Plan) -> None:
        """Let the engine police what comes from each realm as the plan says."""
        for realm in plan.realms.values():
            self.engine.limit_realm(realm.name, realm.media.realm_limit)

    def stop(self) -> Deferred[Any]:
        """Close all sockets and streams and sleep no more; fires when the listeners are closed."""
        self._alarm.cancel()
        self.connections.stop()
        closing = self._listening.stop()
        for stream in self.engine.streams():
            volume = self.engine.recorded(stream) if self.keeps else self.engine.close(stream)
            if self.meter is not None:
                self.meter.closed(stream, volume)
            if self.charger is not None:
                self.charger.closed(stream, volume)
        self.engine.stop(keep=self.keeps)
        return DeferredList(closing)

    # -- the books

    def audit(self) -> list[str]:
        """What does not add up, in the core's books and between them and what is open here."""
        return [fault for check in self.checks() for fault in check()]

    def checks(self) -> list[Callable[[], list[str]]]:
        """The auditor's checks one by one, so that no look over the books need hold everything up."""
        registry = self._border.registry
        return [
            lambda: audit_streams(registry, self.engine.streams()),
            *(partial(check, registry) for check in CHECKS),
            lambda: [] if self.charger is None else self.charger.faults(),
            lambda: audit_sockets(registry, self._ports, self.connections, self._alarm.active),
        ]
