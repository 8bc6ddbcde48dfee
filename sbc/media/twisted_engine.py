"""The `twisted` media engine: relays on the reactor's thread, wherever Twisted runs; the reference for the others."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from sbc.core.address import Address
from sbc.core.orders import Rate, SideSpec, StreamSpec
from sbc.interfaces import IMediaObserver, IUserSpaceEngine
from sbc.media.bucket import Bucket
from sbc.media.counters import StreamCounters
from sbc.media.flow import Flow
from sbc.media.inlet import LONGEST, Inlet, Sender
from sbc.media.rounds import Rounds
from sbc.media.sockets import RECEIVE_BUFFER, MediaSockets
from sbc.media.stream import SideView, Stream
from sbc.media.udp import MAX_DATAGRAM, kernel_drops, set_dscp, traffic_class


class _Port:
    """A media socket and the inlet that judges what is read from it."""

    __slots__ = ("inlet", "sock", "unread")

    def __init__(self, sock: socket.socket, inlet: Inlet) -> None:
        self.sock, self.inlet = sock, inlet
        self.unread = 0  # reads that failed

    def read(self, now: float) -> None:
        """Relay one datagram, if there is one."""
        try:
            data, source = self.sock.recvfrom(MAX_DATAGRAM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.unread += 1
            return
        outlet = self.inlet.arrive(data, source, now)
        if outlet is None or outlet.to is None:
            return
        try:
            outlet.send(data, outlet.to)
        except OSError:  # refused, queue full, not permitted, too long: media is never sent again, only counted
            outlet.failed += 1
        else:
            outlet.packets += 1
            outlet.octets += len(data)

    def count_drops(self) -> None:
        self.inlet.kernel = kernel_drops(self.sock) + self.unread


class _Relay:
    """An open stream: its logic, its ports by side, and when it was last heard."""

    __slots__ = ("heard", "ports", "since", "stream", "told")

    def __init__(self, stream: Stream, ports: tuple[list[_Port], list[_Port]], now: float) -> None:
        self.stream, self.ports = stream, ports
        self.heard, self.since, self.told = 0, now, False

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
    _log = Logger()

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
        self._observer: Any = observer
        self._silence = silence
        self._sockets = MediaSockets(receive_buffer)
        self._longest = longest
        self._relays: dict[str, _Relay] = {}
        self._shared: dict[str, Bucket] = {}  # by realm
        self._rounds = Rounds(reactor)
        self._watch: Any = None

    def open(self, spec: StreamSpec) -> None:
        """See IMediaEngine. @raises PortUnavailable; @raises ValueError for an id that is already open, or a DSCP that
        is none. Then nothing is left open."""
        if spec.id in self._relays:
            raise ValueError(f"stream {spec.id} is already open")
        with ExitStack() as opened:
            pairs = [self._sockets.open_pair(side, opened) for side in spec.sides]
            senders: list[tuple[Sender, Sender | None]] = [
                (rtp.sendto, None if rtcp is None else rtcp.sendto) for rtp, rtcp in pairs
            ]
            now = self._reactor.seconds()
            stream = Stream(
                spec,
                (senders[0], senders[1]),
                now,
                lambda side, address, reason: self._latched(spec, side, address, reason),
                self._longest,
                lambda side: self._tell(self._observer.policed, spec.id, side),
            )
            for realm, bucket in self._shared.items():
                stream.share(realm, bucket)
            opened.pop_all()
        ports: tuple[list[_Port], list[_Port]] = ([], [])
        for side, (rtp, rtcp), mine in zip(stream.sides, pairs, ports, strict=True):
            mine.append(_Port(rtp, side.rtp))
            if rtcp is not None and side.rtcp is not None:
                mine.append(_Port(rtcp, side.rtcp))
        relay = self._relays[spec.id] = _Relay(stream, ports, now)
        for port in relay.all_ports():
            self._rounds.add(port.sock.fileno(), port.read)
        self._sockets.see_buffers(pairs[0][0])
        self._keep_watch()

    def update(self, stream: str, side: int, spec: SideSpec) -> None:
        """See IMediaEngine. The window of the other side opens again too (see `Stream.update`). @raises KeyError;
        @raises ValueError for another local pair, mark or device, or a DSCP that is none."""
        relay = self._relays[stream]
        traffic_class(spec.dscp)  # nothing is changed by what is refused
        remark = spec.dscp != relay.stream.sides[side].spec.dscp
        now = self._reactor.seconds()
        relay.stream.update(side, spec, now)
        if remark:
            for port in relay.ports[side]:
                set_dscp(port.sock, spec.dscp)
        relay.since, relay.told = now, False  # what is silent after a change is told anew

    def close(self, stream: str) -> StreamCounters:
        """See IMediaEngine. The ports are free again when this returns. @raises KeyError."""
        relay = self._relays.pop(stream)
        final = relay.counters()
        for port in relay.all_ports():
            self._rounds.remove(port.sock.fileno())
            port.sock.close()
        if not self._relays and self._watch is not None:
            self._watch.cancel()
            self._watch = None
        return final

    def report_silence(self, seconds: float) -> None:
        """See IMediaEngine."""
        if seconds != self._silence:
            self._silence = seconds
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            self._keep_watch()

    def _keep_watch(self) -> None:
        if self._silence and self._relays and self._watch is None:
            self._watch = self._reactor.callLater(self._silence / 4, self._look)

    def counters(self, stream: str) -> StreamCounters:
        """See IMediaEngine. @raises KeyError."""
        return self._relays[stream].counters()

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
        bucket = self._shared.pop(realm, None)
        if rate is not None and bucket is not None:
            bucket.change(rate, now)
        elif rate is not None:
            bucket = Bucket(rate, now)
        else:
            bucket = None
        if bucket is not None:
            self._shared[realm] = bucket
        for relay in self._relays.values():
            relay.stream.share(realm, bucket)

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

    def in_kernel(self) -> None:
        """See IMediaEngine."""

    def stop(self, keep: bool = False) -> None:
        """See IMediaEngine."""
        for stream in list(self._relays):
            self.close(stream)

    def sockets(self) -> int:
        """How many sockets are open, for whoever keeps the books."""
        return len(self._rounds)

    def _latched(self, spec: StreamSpec, side: int, address: Address, reason: str) -> None:
        self._log.info(
            "stream {stream} side {side}: media goes to {address} ({reason})",
            stream=spec.id,
            side=side,
            address=address,
            reason=reason,
            call=spec.call,
        )
        try:
            self._observer.latched(spec.id, side, address, reason)
        except Exception:  # noqa: BLE001 - what hears us must not stop the media
            self._log.failure("the observer failed on a latch of stream {stream}", stream=spec.id, call=spec.call)

    def _look(self) -> None:
        """Report the streams that have gone silent, and look again a quarter of the silence later."""
        now = self._reactor.seconds()
        self._watch = self._reactor.callLater(self._silence / 4, self._look)
        for name, relay in list(self._relays.items()):
            heard = relay.stream.received()
            if heard != relay.heard:
                resumed, relay.told = relay.told, False
                relay.heard, relay.since = heard, now
                if resumed:
                    self._tell(self._observer.resumed, name)
            elif not relay.told and now - relay.since >= self._silence:
                relay.told = True
                self._tell(self._observer.silent, name, now - relay.since)

    def _tell(self, tell: Callable[..., None], stream: str, *what: float) -> None:
        try:
            tell(stream, *what)
        except Exception:  # noqa: BLE001 - what hears us must not stop the media
            self._log.failure("the observer failed on what stream {stream} did", stream=stream)
