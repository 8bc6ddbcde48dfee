"""One port of one side, without its socket: what arrives there, judged, and where it leaves by."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Protocol

from sbc.core.address import Address
from sbc.core.orders import OWN, Rate
from sbc.media import rtcp, rtp
from sbc.media.bucket import Bucket, Drawn, waits
from sbc.media.bundle import Bundle
from sbc.media.latching import SideLatch, Verdict
from sbc.media.meter import FOLD, Meter, Tally
from sbc.media.pacing import Pacer
from sbc.media.packet import Kind, classify, classify_udptl, is_handshake
from sbc.media.sealing import Seals, Unsealed

Source = tuple[str, int] | tuple[str, int, int, int]
"""A sender as the socket names it: host, port, and for IPv6 flow and scope."""

Sender = Callable[[bytes, Source], Any]
"""How a socket of ours sends: ``socket.sendto``. Kept and handed back, never called here."""

LONGEST = 65_535
"""The most octets a datagram can have."""

TURN = 1.0
"""Seconds: that a source comes by the other of its two ports is told no sooner after the last time."""

TRIALS = Rate(1000, 200)
"""Packets a second, and at once, of which a key is tried though nothing speaks for where they come from: it costs."""
HANDSHAKES = Rate(100, 100)
"""Of checks and handshakes: of what comes from where the side's media goes, and of what does not."""
_CREDIBLE = ("latched", "signalled", "seen-host", "rtp-host", "nominated")

_FIELDS = struct.Struct("!HII")  # sequence number, timestamp and SSRC of an RTP header


class Outlet:
    """What goes out to one side as RTP, or as RTCP: whither (`to`), from which socket (`send`), and how much went.

    Whoever gets an outlet from `Inlet.arrive` has the data sealed by `seals`, if there are any (as RTCP if `is_rtcp`),
    calls ``outlet.send(data, outlet.to)``, with `prefix` before the data, marked by `dscp` unless that is OWN,
    and then adds to `packets` and (without the prefix) `octets`, or to `failed`. `sent` hears the SSRC of RTP that is
    sent, where that is to be known.
    """

    __slots__ = (
        "dscp", "failed", "is_rtcp", "no_destination", "octets", "packets", "prefix", "seals", "send", "sent", "to",
    )  # fmt: skip

    def __init__(self, send: Sender, is_rtcp: bool = False) -> None:
        self.send = send
        self.is_rtcp = is_rtcp
        self.seals: Seals | None = None
        self.to: Source | None = None
        self.prefix = b""  # the number that the side wants before what it gets
        self.dscp = OWN
        self.sent: Callable[[int], None] | None = None
        self.packets = self.octets = self.failed = self.no_destination = 0


class Owner(Protocol):
    """What an inlet asks of the side it belongs to, and tells it."""

    def latched(self, inlet: Inlet, address: Address, reason: str) -> None:
        """The inlet's latch has changed, or its source comes by the other of its two ports: to be told of."""

    def turned(self) -> None:
        """The source of an inlet now comes by the other of its two ports; whether that is told is yet to be seen."""

    def rtcp_came(self, muxed: bool, now: float) -> None:
        """RTCP was accepted, on the RTP port (`muxed`) or on its own."""

    def reported(self, data: bytes, now: float) -> None:
        """RTCP goes on, within the rates."""

    def was_policed(self) -> None:
        """More has come than is allowed."""

    def unusable(self, address: Address) -> bool:
        """Whether nothing may be sent to `address`."""

    def began(self, inlet: Inlet, data: bytes, source: Address) -> None:
        """A check or a part of a handshake has come, on a side that is secured by such."""


class Inlet:
    """One port of one side: judges what arrives and names the outlet it leaves by.

    `trusted` is the latched source as its socket names it, once a packet from it has been judged in the present window.
    `shared`: it comes by the port that others share, or is expected there, and is answered from there. `seals` are
    those of its side, if that is secured; `opened` is then what the packet that was taken last is without its seal.
    """

    __slots__ = (
        "_classify", "_clock", "bundle", "incoming", "_handshakes", "_headers", "_is_rtcp", "_is_rtp", "_longest",
        "_meter", "parts", "_named", "_onward", "_onward_rtcp", "_said", "_side", "_times", "_told", "_trials", "_turn",
        "buckets", "kernel", "latch", "not_rtp", "octets", "opened", "pacer", "packets", "policed", "refused",
        "rtcp_octets", "rtcp_packets", "seals", "send", "send_shared", "shared", "too_long", "too_short", "trusted",
        "unsealed",
    )  # fmt: skip

    def __init__(
        self,
        side: Owner,
        latch: SideLatch,
        send: Sender,
        kind: str,
        longest: int,
        send_shared: Sender | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        """`kind` is what comes to the port: "rtp", "rtcp" or "t38"; `longest` the most octets a packet may have;
        `send_shared` sends from the port that others share, where there is one; `pacer` is what the side's packets
        wait in."""
        self._side = side
        self._longest = longest
        self._classify = classify_udptl if kind == "t38" else classify
        self._is_rtp, self._is_rtcp = kind == "rtp", kind == "rtcp"
        self._named: Source | None = None  # the latched source as the socket named it
        self.latch = latch
        self.pacer = pacer or Pacer(None)
        self.send, self.send_shared = send, send_shared
        self.shared = self._said = False  # by which of both ports it comes, and as the side was told last;
        self._turn = 0.0  # it is not told of another turn before then
        self.trusted: Source | None = None
        self.packets = self.octets = self.rtcp_packets = self.rtcp_octets = 0
        self.too_short = self.too_long = self.not_rtp = self.kernel = self.policed = 0
        self._meter = Meter()
        self._clock = 0
        self._headers: list[bytes] = []  # of RTP that the meter has not taken yet,
        self._times: list[float] = []  # when it came,
        self._told = 0  # and of how much of it the latch knows
        self.buckets: tuple[Drawn, ...] = ()  # out of which what is accepted is taken
        self.refused: dict[str, int] = {}  # the latch's reasons, counted
        self.seals: Seals | None = None
        self.opened = b""
        self.unsealed: dict[str, int] = {}  # why packets could not be read, counted
        self._trials: Bucket | None = None
        self._handshakes: tuple[Bucket, Bucket] | None = None
        self.bundle: Bundle[Any] | None = None  # of inlets: the streams that share its transport,
        self.parts: list[tuple[Inlet, Outlet, bytes]] = []  # and what of the last packet is to be sent for each
        self.incoming = b""  # see SideSpec: what is done about the DSCP of what comes

    def join(self, onward: Outlet, onward_rtcp: Outlet) -> None:
        """Name the outlets of the other side."""
        self._onward, self._onward_rtcp = onward, onward_rtcp

    def arrive(self, data: bytes, source: Source, now: float, shared: bool = False) -> Outlet | None:
        """Take a datagram, from the port that others share less its number if `shared`; return the outlet it is to be
        sent by, or None if it was dropped (and counted)."""
        size = len(data)
        if (
            source == self.trusted
            and shared is self.shared
            and 12 <= size <= self._longest
            and data[0] >> 6 == 2
            and not 192 <= data[1] <= 223
            and self._is_rtp
        ):
            # What nearly every packet of a call is: RTP from the latched source. The rest of this class is _examine.
            if self.buckets and not self._within(size, now):
                self._told = len(self._headers)
                self._heard(data, now)
                return None
            headers = self._headers
            headers.append(data[:12])
            self._times.append(now)
            if len(headers) == FOLD:
                self._fold()
            self.packets += 1
            self.octets += size
            onward = self._onward
            if onward.to is None:
                onward.no_destination += 1
                return None
            return onward
        return self._examine(data, source, now, shared)

    def _examine(self, data: bytes, source: Source, now: float, shared: bool) -> Outlet | None:
        if len(data) > self._longest:
            self.too_long += 1
            return None
        kind = self._classify(data)
        if kind is Kind.TOO_SHORT:
            self.too_short += 1
            return None
        if kind is Kind.NOT_RTP or (kind is Kind.RTP and self._is_rtcp):
            self.not_rtp += 1
            return None
        is_secured = self.seals is not None or self._onward.seals is not None
        if is_secured and kind is not Kind.RTP and kind is not Kind.RTCP:  # never encrypted, so it ends here
            self._end(data, Address(source[0], source[1]), now)
            return None
        if self.seals is None:
            if not self._accepts(kind, data, source, now, shared):
                return None
        elif not self._opens(self.seals, kind, data, source, now, shared):
            return None
        if kind is Kind.RTCP:
            self._side.rtcp_came(self._is_rtp, now)
        if self.bundle is not None:
            self._divide(self.bundle, kind, len(data), now)
            return None
        return self._take(kind, data if self.seals is None else self.opened, len(data), now)

    def _divide(self, bundle: Bundle[Any], kind: Kind, size: int, now: float) -> None:
        """Take what was opened for the streams that it is for."""
        if kind is Kind.RTP:
            found, data = bundle.find(self.opened)
            for_each = [] if found is None else [(found, data)]
        else:
            for_each = bundle.parts(self.opened)
        if not for_each:
            self.refused["no-stream"] = self.refused.get("no-stream", 0) + 1
        more = size - len(self.opened)
        for inlet, data in for_each:
            outlet = inlet._take(kind, data, len(data) + more, now)
            if outlet is not None:
                self.parts.append((inlet, outlet, data))

    def _take(self, kind: Kind, data: bytes, size: int, now: float) -> Outlet | None:
        """Take what was accepted; it had so many octets when it came."""
        if self.buckets and not self._within(size, now):
            return None
        if kind is Kind.RTP:
            self._headers.append(data[:12])
            self._times.append(now)
            if len(self._headers) == FOLD:
                self._fold()
        elif kind is Kind.RTCP:
            self._side.reported(data, now)
        if kind is Kind.RTCP or self._is_rtcp:
            self.rtcp_packets += 1
            self.rtcp_octets += size
            onward = self._onward_rtcp
        else:
            self.packets += 1
            self.octets += size
            onward = self._onward
        if onward.to is None:
            onward.no_destination += 1
            return None
        return onward

    def _within(self, size: int, now: float) -> bool:
        """Whether a packet is within the rates, or will be soon; one that is not is counted."""
        delay = waits(self.buckets, size, now)
        if delay is not None and self.pacer.admits(delay, now):
            return True
        self.policed += 1
        self._side.was_policed()
        return False

    def _accepts(self, kind: Kind, data: bytes, source: Source, now: float, shared: bool) -> bool:
        """Ask the latch, and carry out what it says."""
        self._tell()
        address = Address(source[0], source[1])
        verdict = self.latch.judge(address, now, kind, *_identity(kind, data))
        if not verdict.accept:
            self.refused[verdict.reason] = self.refused.get(verdict.reason, 0) + 1
            return False
        if address == self.latch.latched:  # of others nothing is learned
            self._follow(source, verdict, now, shared)
        return True

    def _opens(self, seals: Seals, kind: Kind, data: bytes, source: Source, now: float, shared: bool) -> bool:
        """Ask the latch, but believe no packet that does not prove its sender."""
        address, identity = Address(source[0], source[1]), _identity(kind, data)
        verdict = self.latch.consider(address, now, *identity)
        reason = verdict.reason
        if verdict.accept and reason not in _CREDIBLE and seals.reads and not self._may_try(now):
            verdict, reason = Verdict(False, None, "unproven"), "unproven"
        if not verdict.accept:
            self.refused[reason] = self.refused.get(reason, 0) + 1
            return False
        try:
            self.opened = seals.open(data, kind is Kind.RTCP, now)
        except Unsealed as unsealed:
            self.unsealed[unsealed.reason] = self.unsealed.get(unsealed.reason, 0) + 1
            return False
        self.latch.learn(address, now, verdict, *identity)
        self._follow(source, verdict, now, shared)
        self.trusted = None  # each comes here
        return True

    def _may_try(self, now: float) -> bool:
        if self._trials is None:
            self._trials = Bucket(TRIALS, now)
        return waits((self._trials,), 1, now) is not None

    def _end(self, data: bytes, source: Address, now: float) -> None:
        """Pass a check or handshake to who sees to those of a side that is secured by such; all else ends here."""
        if self.seals is None or not self.seals.hears or not is_handshake(data):
            self.not_rtp += 1
            return
        if not self.latch.permits(source):
            self.refused["may-not-latch"] = self.refused.get("may-not-latch", 0) + 1
            return
        if self._handshakes is None:
            self._handshakes = Bucket(HANDSHAKES, now), Bucket(HANDSHAKES, now)
        if waits((self._handshakes[source == self.latch.destination],), 1, now) is not None:
            self._side.began(self, data, source)
        else:
            self.policed += 1

    def _follow(self, source: Source, verdict: Verdict, now: float, shared: bool) -> None:
        """A packet of the latched source was accepted."""
        address = Address(source[0], source[1])
        self._named = source
        turned, self.shared = shared is not self.shared, shared
        tells = self._tells(verdict.latched is not None, now)
        if tells:
            self._said = shared
        self.trusted = source if self._said is shared else None  # until it is told each packet comes here
        if tells:
            self._side.latched(self, address, verdict.reason)
        elif turned:
            self._side.turned()

    def _tells(self, moved: bool, now: float) -> bool:
        """Whether it is to be told where media goes now: elsewhere, or by the other port. A source may turn at each
        packet, and is followed: it must not make those who hear of it work at that rate."""
        if moved:
            return True
        if self.shared is self._said or now < self._turn:
            return False
        self._turn = now + TURN
        return True

    def expect(self, shared: bool) -> None:
        """Its source, which has not spoken yet, comes by the port that others share, or by the own one."""
        self.shared = self._said = shared

    def way(self) -> Sender:
        """How what goes to the peer is sent: from where that is spoken to."""
        return self.send_shared if self.shared and self.send_shared is not None else self.send

    def time_by(self, clock: int) -> None:
        """From now on the RTP timestamps run by this clock, in Hz; 0: nobody knows."""
        if clock != self._clock:
            self._fold()
            self._clock = clock

    def away(self, away: bool) -> None:
        """See IUserSpaceEngine."""
        self._fold()
        self._meter.pause() if away else self._meter.resume()

    def measured(self) -> Tally:
        """What has been counted of the RTP that was accepted and within the rates."""
        self._fold()
        return Tally.of(self._meter)

    def _fold(self) -> None:
        if self._headers:
            self._tell()
            self._meter.fold(self._headers, self._times, self._clock)
            self._headers.clear()
            self._times.clear()
            self._told = 0

    def _tell(self) -> None:
        """Let the latch know what came last without having been judged."""
        if len(self._headers) > self._told:
            self._told = len(self._headers)
            self._heard(self._headers[-1], self._times[-1])

    def _heard(self, packet: bytes, at: float) -> None:
        sequence, timestamp, ssrc = _FIELDS.unpack_from(packet, 2)
        self.latch.heard(at, ssrc, sequence, timestamp)

    def carried(self, ssrc: int, sequence: int | None, timestamp: int | None, at: float) -> None:
        """Note what the latched source sent last, at `at`, as somebody else has seen who forwarded it."""
        self._fold()
        if self._is_rtcp or sequence is None:  # RTCP may come on the RTP port
            self.latch.heard(at, ssrc)
        else:
            self._meter.carried(ssrc, sequence)
            self.latch.heard(at, ssrc, sequence, timestamp)

    def destination(self) -> Source | None:
        """Where the side wants what this port is for, or None if it is not known or not to be sent to."""
        address = self.latch.destination
        if address is None or self._side.unusable(address):
            return None
        # The source as the socket named it holds the scope that a link-local IPv6 destination needs.
        return self._named if self._named is not None and self._named[:2] == address else address


def _identity(kind: Kind, data: bytes) -> tuple[int | None, int | None, int | None]:
    """SSRC, sequence number and timestamp of a packet, where it has them."""
    if kind is Kind.RTP and (packet := rtp.parse(data)) is not None:
        return packet.ssrc, packet.sequence, packet.timestamp
    if kind is Kind.RTCP and (report := rtcp.parse(data)) is not None:
        return report.ssrc, None, None
    return None, None, None
