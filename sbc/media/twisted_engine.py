"""The `twisted` media engine: relays on the reactor's thread, wherever Twisted runs; the reference for the others."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from functools import partial
from typing import Any

from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.orders import OWN, UNSET, Rate, SideSpec, StreamSpec
from sbc.core.secured import Bundled, Key
from sbc.media.bucket import Bucket, Drawn, LentBucket, SharedBucket
from sbc.media.counters import StreamCounters
from sbc.media.flow import Flow, SideView
from sbc.media.herald import Herald
from sbc.media.inlet import LONGEST, Inlet, Outlet, Sender, Source
from sbc.media.interfaces import IMediaObserver, IUserSpaceEngine
from sbc.media.kept import check_apart
from sbc.media.riding import Riding
from sbc.media.rounds import Rounds
from sbc.media.sealing import Row, Unsealed
from sbc.media.side import Side
from sbc.media.silence import SilenceWatch
from sbc.media.sockets import RECEIVE_BUFFER, MediaSockets, marking
from sbc.media.srtp import Session, suites
from sbc.media.stream import Stream
from sbc.media.twisted_shared import SharedPorts
from sbc.media.udp import BESIDE, MAX_DATAGRAM, beside, dscp_of, kernel_drops, traffic_class


class _Port:
    """A media socket and the inlet that judges what is read from it."""

    __slots__ = ("inlet", "sock", "unread")

    def __init__(self, sock: socket.socket, inlet: Inlet) -> None:
        self.sock, self.inlet = sock, inlet
        self.unread = 0  # reads that failed

    def read(self, now: float) -> None:
        """Relay one datagram, if there is one."""
        dscp = UNSET
        try:
            if self.inlet.incoming:
                data, told, _, source = self.sock.recvmsg(MAX_DATAGRAM, BESIDE)
                dscp = dscp_of(told)
            else:
                data, source = self.sock.recvfrom(MAX_DATAGRAM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.unread += 1
            return
        relay(self.inlet, data, source, now, False, dscp)

    def count_drops(self) -> None:
        self.inlet.kernel = kernel_drops(self.sock) + self.unread


def relay(inlet: Inlet, data: bytes, source: Source, now: float, shared: bool, dscp: int = UNSET) -> None:
    """Let an inlet judge a packet, and send it by the outlet that it names, marked by what it came with if that is what
    its side wants."""
    outlet = inlet.arrive(data, source, now, shared)
    if outlet is not None:
        _forward(inlet, outlet, data if inlet.seals is None else inlet.opened, now, dscp)
    elif inlet.parts:
        for taken, outlet, part in inlet.parts:
            _forward(taken, outlet, part, now, dscp)
        inlet.parts.clear()


def _forward(inlet: Inlet, outlet: Outlet, data: bytes, now: float, dscp: int) -> None:
    if outlet.to is None:
        return
    as_what = inlet.incoming[dscp] if dscp != UNSET and inlet.incoming else OWN
    if as_what == OWN:
        as_what = outlet.dscp
    if outlet.sent is not None and not outlet.is_rtcp:
        outlet.sent(int.from_bytes(data[8:12], "big"))
    if inlet.pacer.holds(now):
        waiting = partial(_depart, outlet, outlet.send, outlet.to, outlet.prefix, data, as_what)
        inlet.pacer.hold(waiting, now)
    else:
        _depart(outlet, outlet.send, outlet.to, outlet.prefix, data, as_what)


def _depart(outlet: Outlet, send: Sender, to: Source, prefix: bytes, data: bytes, as_what: int) -> None:
    try:
        if outlet.seals is not None:
            data = outlet.seals.close(data, outlet.is_rtcp)
        whole = prefix + data if prefix else data
        if as_what != OWN:
            sock: socket.socket = send.__self__  # type: ignore[attr-defined]  # whose method it is
            sock.sendmsg([whole], beside(sock, as_what), 0, to)
        else:
            send(whole, to)
    except (OSError, Unsealed):  # refused, queue full, not permitted, too long: media is never sent again, only counted
        outlet.failed += 1
    else:
        outlet.packets += 1
        outlet.octets += len(data)


class _Relay:
    """An open stream: the call it is of, its logic, its ports by side."""

    __slots__ = ("call", "ports", "stream")

    def __init__(self, call: str, stream: Stream, ports: tuple[list[_Port], list[_Port]]) -> None:
        self.call, self.stream, self.ports = call, stream, ports

    def all_ports(self) -> list[_Port]:
        return self.ports[0] + self.ports[1]

    def counters(self) -> StreamCounters:
        for port in self.all_ports():
            port.count_drops()
        return self.stream.counters()


@implementer(IUserSpaceEngine)
class TwistedEngine:
    """Carries out media orders with sockets of its own. Not thread-safe: everything on the reactor's thread."""

    name = "twisted"
    charges = None

    def __init__(
        self,
        reactor: Any,
        observer: IMediaObserver,
        silence: float = 0.0,
        receive_buffer: int = RECEIVE_BUFFER,
        longest: int = LONGEST,
    ) -> None:
        """`reactor` provides IReactorFDSet and IReactorTime. `silence`: seconds after which a stream that neither side
        speaks on is reported once, 0 for never. `receive_buffer`: octets of queue to ask for a socket. `longest`: the
        most octets a packet may have."""
        self._reactor = reactor
        self._herald = Herald(observer, self._call_of)
        self._watch = SilenceWatch(reactor, self._herald, self.received, self.streams, silence)
        self._sockets = MediaSockets(receive_buffer)
        self._longest = longest
        self._relays: dict[str, _Relay] = {}
        self._shared: dict[str, Drawn] = {}  # by realm
        self._rounds = Rounds(reactor)
        self._many = SharedPorts(self._sockets, self._rounds, relay)
        self._riding = Riding(self._relays, self._ride, lambda stream, side: self._side(stream, side).walk())

    def open(self, spec: StreamSpec) -> None:
        """See IMediaEngine. @raises PortUnavailable; @raises ValueError for an id that is already open, or a DSCP that
        is none. Then nothing is left open."""
        if spec.id in self._relays:
            raise ValueError(f"stream {spec.id} is already open")
        check_apart(spec)
        with ExitStack() as opened:
            opened.callback(self._many.tidy)
            shared = [self._many.senders(side) for side in spec.sides]
            pairs = [self._sockets.open_pair(side, opened) for side in spec.sides]
            senders: list[tuple[Sender, Sender | None]] = [
                (rtp.sendto, None if rtcp is None else rtcp.sendto) for rtp, rtcp in pairs
            ]
            now = self._reactor.seconds()
            stream = Stream(
                spec,
                (senders[0], senders[1]),
                now,
                lambda side, address, reason: self._herald.latched(spec.id, side, address, reason),
                self._longest,
                lambda side, word: self._herald.told(word, spec.id, side),
                (shared[0], shared[1]),
                lambda side, rtcp, data, source: self._herald.handshake(spec.id, side, rtcp, data, source),
                Session,
                self._reactor,
                lambda side, address: self._herald.rtcp_latched(spec.id, side, address),
            )
            for realm, bucket in self._shared.items():
                stream.share(realm, bucket)
            opened.pop_all()
        ports: tuple[list[_Port], list[_Port]] = ([], [])
        for side, (rtp, rtcp), mine in zip(stream.sides, pairs, ports, strict=True):
            mine.append(_Port(rtp, side.rtp))
            if rtcp is not None and side.rtcp is not None:
                mine.append(_Port(rtcp, side.rtcp))
        for side in stream.sides:
            self._many.join(side.spec, side.rtp, side.rtcp)
        relay = self._relays[spec.id] = _Relay(spec.call, stream, ports)
        for port in relay.all_ports():
            self._rounds.add(port.sock.fileno(), port.read)
        self._riding.opened(spec)
        self._sockets.see_buffers(pairs[0][0])
        self._watch.add(spec.id)

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        """See IMediaEngine. The window of the other side opens again too (see `Stream.update`). @raises KeyError;
        @raises ValueError for another local pair, mark or network, or a DSCP that is none."""
        relay = self._relays[stream]
        traffic_class(spec.dscp)  # nothing is changed by what is refused
        remark = marking(spec) != marking(relay.stream.sides[side].spec)
        relay.stream.update(side, spec, self._reactor.seconds())
        self._riding.changed(stream, side, spec)
        if remark:
            for port in relay.ports[side]:
                self._sockets.remark(port.sock, spec)
            self._many.mark(spec)
        self._watch.renew(stream)

    def key(self, stream: str, side: int, receive: Key, send: Key, rtcp: bool = False) -> None:
        """See IMediaEngine. @raises KeyError; ValueError."""
        self._side(stream, side).key(receive, send, self._reactor.seconds(), rtcp)

    def aim(self, stream: str, side: int, rtp: Address | None, rtcp: Address | None) -> None:
        """See IMediaEngine. @raises KeyError."""
        self._side(stream, side).aim(rtp, rtcp, self._reactor.seconds())

    def say(self, stream: str, side: int, data: bytes, to: Address, rtcp: bool = False) -> bool:
        """See IMediaEngine. @raises KeyError."""
        ports = self._relays[stream].ports[side]
        try:
            ports[rtcp and len(ports) > 1].sock.sendto(data, to)
        except OSError:
            return False
        return True

    def rollovers(self, stream: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """See IMediaEngine. @raises KeyError."""
        first, second = self._relays[stream].stream.sides
        return first.rollover(), second.rollover()

    def suites(self) -> tuple[str, ...]:
        """See IMediaEngine."""
        return suites()

    def close(self, stream: str) -> StreamCounters:
        """See IMediaEngine. The ports are free again when this returns. @raises KeyError."""
        relay = self._relays[stream]
        relay.stream.flush()
        self._riding.closed(stream)
        del self._relays[stream]
        final = relay.counters()
        for port in relay.all_ports():
            self._rounds.remove(port.sock.fileno())
            port.sock.close()
        for side in relay.stream.sides:
            self._many.leave(side.spec)
        self._watch.drop(stream)
        return final

    def report_silence(self, seconds: float) -> None:
        """See IMediaEngine."""
        self._watch.limit(seconds)

    def counters(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        return self._relays[stream].counters()

    def recorded(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        return self.counters(stream)

    def streams(self) -> list[str]:
        """See IMediaEngine."""
        return list(self._relays)

    def sides(self, stream: str) -> tuple[SideView, SideView]:
        """How both sides stand: where media goes and why, and who was refused. @raises KeyError."""
        first, second = self._relays[stream].stream.sides
        return first.view(), second.view()

    def limit_realm(self, realm: str, rate: Rate | None) -> None:
        """See IMediaEngine."""
        now = self._reactor.seconds()
        known = self._shared.pop(realm, None)
        bucket: Bucket | None = None
        if rate is not None and isinstance(known, Bucket):
            known.change(rate, now)
            bucket = known
        elif rate is not None:
            bucket = Bucket(rate, now)
        if bucket is not None:
            self._shared[realm] = bucket
        for relay in self._relays.values():
            relay.stream.share(realm, bucket)

    def share_realm(self, realm: str, bucket: SharedBucket | None) -> None:
        """See IUserSpaceEngine."""
        self._shared.pop(realm, None)
        if bucket is not None:
            self._shared[realm] = bucket
        for relay in self._relays.values():
            relay.stream.share(realm, bucket)

    def lend(self, stream: str, side: int, bucket: LentBucket | None) -> None:
        """See IUserSpaceEngine. @raises KeyError."""
        self._side(stream, side).lend(bucket, self._reactor.seconds())

    def forwarder(self, stream: str) -> tuple[str, str]:
        """See IMediaEngine. @raises KeyError."""
        return self.name, self._relays[stream].stream.flows(self._reactor.seconds())[1]

    def flows(self, stream: str) -> tuple[Flow, ...]:
        """See IUserSpaceEngine. @raises KeyError."""
        return self._relays[stream].stream.flows(self._reactor.seconds())[0]

    def carried(
        self,
        stream: str,
        side: int,
        rtcp: bool,
        ssrc: int,
        sequence: int | None,
        timestamp: int | None,
        ago: float = 0.0,
    ) -> None:
        """See IUserSpaceEngine. @raises KeyError."""
        at = self._reactor.seconds() - ago
        self._relays[stream].stream.carried(side, rtcp, ssrc, sequence, timestamp, at)

    def away(self, stream: str, side: int, away: bool) -> None:
        """See IUserSpaceEngine. @raises KeyError."""
        self._side(stream, side).rtp.away(away)

    def received(self, stream: str) -> int:
        """See IMediaEngine. @raises KeyError."""
        return self._relays[stream].stream.received()

    def in_kernel(self) -> None:
        """See IMediaEngine."""

    def stop(self, keep: bool = False) -> None:
        """See IMediaEngine."""
        for stream in list(self._relays):
            self.close(stream)

    def strays(self) -> int:
        """See IMediaEngine."""
        return self._many.strays

    def sockets(self) -> int:
        """How many sockets are open, for whoever keeps the books."""
        return len(self._rounds)

    def _side(self, stream: str, side: int) -> Side:
        return self._relays[stream].stream.sides[side]

    def _ride(self, stream: str, side: int, carrier: str, bundled: Bundled) -> bool:
        return self._side(stream, side).ride(stream, self._side(carrier, side), bundled)

    def _call_of(self, stream: str) -> str:
        relay = self._relays.get(stream)
        return "" if relay is None else relay.call
