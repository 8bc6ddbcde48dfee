"""A stream without sockets: where each datagram that arrives goes, or why it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sbc.core.address import Address, Pair, literal
from sbc.core.orders import SideSpec, StreamSpec
from sbc.media import rtcp, rtp
from sbc.media.counters import Drops, SideCounters, StreamCounters, Volume
from sbc.media.flow import Flow, Footing, Stance, flows_of
from sbc.media.latching import SideLatch
from sbc.media.packet import Kind, classify, classify_udptl

Source = tuple[str, int] | tuple[str, int, int, int]
"""A sender as the socket names it: host, port, and for IPv6 flow and scope."""

Sender = Callable[[bytes, Source], Any]
"""How a socket of ours sends: ``socket.sendto``. Kept and handed back, never called here."""

LONGEST = 65_535
"""The most octets a datagram can have."""


class Outlet:
    """What goes out to one side as RTP, or as RTCP: whither (`to`), from which socket (`send`), and how much went.

    Whoever gets an outlet from `Inlet.arrive` calls ``outlet.send(data, outlet.to)`` and then adds to `packets` and
    `octets`, or to `failed`.
    """

    __slots__ = ("failed", "no_destination", "octets", "packets", "send", "to")

    def __init__(self, send: Sender) -> None:
        self.send = send
        self.to: Source | None = None
        self.packets = self.octets = self.failed = self.no_destination = 0


class Inlet:
    """One port of one side: judges what arrives and names the outlet it leaves by.

    `trusted` is the latched source as its socket names it, once a packet from it has been judged in the present window.
    """

    __slots__ = (
        "_classify", "_is_rtcp", "_is_rtp", "_last", "_last_at", "_longest", "_named", "_onward", "_onward_rtcp",
        "_side", "kernel", "latch", "not_rtp", "octets", "packets", "refused", "rtcp_octets", "rtcp_packets", "send",
        "too_long", "too_short", "trusted",
    )  # fmt: skip

    def __init__(self, side: Side, latch: SideLatch, send: Sender, kind: str, longest: int) -> None:
        """`kind` is what comes to the port: "rtp", "rtcp" or "t38"; `longest` the most octets a packet may have."""
        self._side = side
        self._longest = longest
        self._classify = classify_udptl if kind == "t38" else classify
        self._is_rtp, self._is_rtcp = kind == "rtp", kind == "rtcp"
        self._named: Source | None = None  # the latched source as the socket named it
        self._last: bytes | None = None  # the latest RTP packet that was not judged
        self._last_at = 0.0  # and when it came
        self.latch = latch
        self.send = send
        self.trusted: Source | None = None
        self.packets = self.octets = self.rtcp_packets = self.rtcp_octets = 0
        self.too_short = self.too_long = self.not_rtp = self.kernel = 0
        self.refused: dict[str, int] = {}  # the latch's reasons, counted

    def join(self, onward: Outlet, onward_rtcp: Outlet) -> None:
        """Name the outlets of the other side."""
        self._onward, self._onward_rtcp = onward, onward_rtcp

    def arrive(self, data: bytes, source: Source, now: float) -> Outlet | None:
        """Take a datagram; return the outlet it is to be sent by, or None if it was dropped (and counted)."""
        size = len(data)
        if (
            source == self.trusted
            and 12 <= size <= self._longest
            and data[0] >> 6 == 2
            and not 192 <= data[1] <= 223
            and self._is_rtp
        ):
            # What nearly every packet of a call is: RTP from the latched source. The rest of this class is _examine.
            self.packets += 1
            self.octets += size
            self._last, self._last_at = data, now
            onward = self._onward
            if onward.to is None:
                onward.no_destination += 1
                return None
            return onward
        return self._examine(data, source, now)

    def _examine(self, data: bytes, source: Source, now: float) -> Outlet | None:
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
        if not self._accepts(kind, data, source, now):
            return None
        if kind is Kind.RTCP:
            self._side.rtcp_came(muxed=self._is_rtp)
        if kind is Kind.RTCP or self._is_rtcp:
            self.rtcp_packets += 1
            self.rtcp_octets += len(data)
            onward = self._onward_rtcp
        else:
            self.packets += 1
            self.octets += len(data)
            onward = self._onward
        if onward.to is None:
            onward.no_destination += 1
            return None
        return onward

    def _accepts(self, kind: Kind, data: bytes, source: Source, now: float) -> bool:
        """Ask the latch, and carry out what it says."""
        latch = self.latch
        if self._last is not None:
            latch.heard(self._last_at, *_identity(Kind.RTP, self._last))
            self._last = None
        address = Address(source[0], source[1])
        verdict = latch.judge(address, now, kind, *_identity(kind, data))
        if not verdict.accept:
            self.refused[verdict.reason] = self.refused.get(verdict.reason, 0) + 1
            return False
        if address == latch.latched:
            self.trusted = self._named = source
        if verdict.latched is not None:
            self._side.latched(self, verdict.latched, verdict.reason)
        return True

    def carried(self, ssrc: int, sequence: int, timestamp: int, at: float) -> None:
        """Note what the latched source sent last, at `at`, as somebody else has seen who forwarded it."""
        self._last = None
        if self._is_rtcp:
            self.latch.heard(at, ssrc)
        else:
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


@attrs.frozen
class SideView:
    """A side as it stands now, for people: where its media goes and why, and whom its latches refused."""

    realm: str
    local: Pair
    signalled: Pair | None
    rtp: Address | None
    rtp_reason: str
    rtcp: Address | None
    rtcp_reason: str
    mux: bool
    held: bool
    refused: dict[str, int]


class Side:
    """One side of a stream: its ports' inlets and its two outlets."""

    def __init__(
        self,
        spec: SideSpec,
        kind: str,
        senders: tuple[Sender, Sender | None],
        now: float,
        on_latch: Callable[[Address, str], None],
        longest: int,
    ) -> None:
        self.spec = spec
        self._on_latch = on_latch
        self._muxed = False  # RTCP has come on the RTP port
        send_rtp, send_rtcp = senders
        latch = SideLatch(spec, _signalled(spec, rtcp=False), now)
        self.rtp = Inlet(self, latch, send_rtp, kind, longest)
        self.rtcp: Inlet | None = None
        if send_rtcp is not None:
            latch = SideLatch(spec, _signalled(spec, rtcp=True), now, rtp=latch)
            self.rtcp = Inlet(self, latch, send_rtcp, "rtcp", longest)
        self.to_rtp = Outlet(send_rtp)
        self.to_rtcp = Outlet(send_rtp if send_rtcp is None else send_rtcp)
        self._aim()

    def inlets(self) -> tuple[Inlet, ...]:
        return (self.rtp,) if self.rtcp is None else (self.rtp, self.rtcp)

    def join(self, other: Side) -> None:
        """Let what arrives here leave by `other`."""
        for inlet in self.inlets():
            inlet.join(other.to_rtp, other.to_rtcp)

    def update(self, spec: SideSpec, now: float) -> None:
        """Take a new spec. @raises ValueError if it asks for another local pair: a side keeps its sockets for life."""
        if spec.local != self.spec.local:
            raise ValueError(f"a side keeps its local pair {self.spec.local}, it cannot become {spec.local}")
        if spec.remote is None or self.spec.remote is None or spec.remote.rtp != self.spec.remote.rtp:
            self._muxed = False
        self.spec = spec
        self.rtp.latch.update(spec, _signalled(spec, rtcp=False), now)
        if self.rtcp is not None:
            self.rtcp.latch.update(spec, _signalled(spec, rtcp=True), now)
        self._doubt()

    def reopen(self, now: float) -> None:
        """Open the learning window again, everything else as it was."""
        for inlet in self.inlets():
            inlet.latch.reopen(now, self.spec.window)
        self._doubt()

    def _doubt(self) -> None:
        """Send each inlet's next packet to its latch, which must learn in a new window who still speaks."""
        for inlet in self.inlets():
            inlet.trusted = None
        self._aim()

    def latched(self, inlet: Inlet, address: Address, reason: str) -> None:
        """Called by an inlet whose latch has changed."""
        self._aim()
        if inlet is self.rtp:
            self._on_latch(address, reason)

    def rtcp_came(self, muxed: bool) -> None:
        """Called by an inlet that has accepted RTCP, on the RTP port (`muxed`) or on its own."""
        if muxed != self._muxed:
            self._muxed = muxed
            self._aim()

    @property
    def mux(self) -> bool:
        """Whether this side takes RTCP on its RTP port: it signalled one address for both, or sends that way."""
        remote = self.spec.remote
        return self._muxed or (remote is not None and remote.rtp == remote.rtcp)

    def _aim(self) -> None:
        """Point the outlets at what is now known."""
        self.to_rtp.to = self.rtp.destination()
        if self.mux:
            self.to_rtcp.to, self.to_rtcp.send = self.to_rtp.to, self.rtp.send
        elif self.rtcp is not None:
            self.to_rtcp.to, self.to_rtcp.send = self.rtcp.destination(), self.rtcp.send
        else:
            self.to_rtcp.to = None

    def unusable(self, address: Address) -> bool:
        """Whether nothing may be sent to `address`: no name is looked up, no group or broadcast address floods a
        network, no socket has to speak the other IP version, and a stream does not feed itself."""
        ip, ours = literal(address.host), literal(self.spec.local.rtp.host)
        return (
            ip is None
            or ours is None
            or ip.version != ours.version
            or ip.is_multicast
            or ip.is_unspecified
            or address.host == "255.255.255.255"
            or not 0 < address.port <= LONGEST
            or address in self.spec.local
        )

    def counters(self) -> SideCounters:
        inlets = self.inlets()
        return SideCounters(
            received_rtp=Volume(sum(i.packets for i in inlets), sum(i.octets for i in inlets)),
            received_rtcp=Volume(sum(i.rtcp_packets for i in inlets), sum(i.rtcp_octets for i in inlets)),
            sent_rtp=Volume(self.to_rtp.packets, self.to_rtp.octets),
            sent_rtcp=Volume(self.to_rtcp.packets, self.to_rtcp.octets),
            drops=Drops(
                wrong_source=sum(sum(i.refused.values()) for i in inlets),
                too_short=sum(i.too_short for i in inlets),
                too_long=sum(i.too_long for i in inlets),
                not_rtp=sum(i.not_rtp for i in inlets),
                kernel=sum(i.kernel for i in inlets),
                no_destination=self.to_rtp.no_destination + self.to_rtcp.no_destination,
                send_error=self.to_rtp.failed + self.to_rtcp.failed,
            ),
        )

    def stance(self, now: float) -> Stance:
        """How the side stands, for whoever would forward without judging."""
        rtcp = None if self.rtcp is None else _footing(self.rtcp, self.to_rtcp, now)
        return Stance(self.spec, self.rtp.latch.held, self.mux, _footing(self.rtp, self.to_rtp, now), rtcp)

    def view(self) -> SideView:
        refused: dict[str, int] = {}
        for inlet in self.inlets():
            for reason, count in inlet.refused.items():
                refused[reason] = refused.get(reason, 0) + count
        latches = [inlet.latch for inlet in self.inlets()]
        return SideView(
            realm=self.spec.realm,
            local=self.spec.local,
            signalled=self.spec.remote,
            rtp=_shown(self.to_rtp.to),
            rtp_reason=latches[0].reason,
            rtcp=_shown(self.to_rtcp.to),
            rtcp_reason=latches[-1].reason if len(latches) > 1 else "",
            mux=self.mux,
            held=latches[0].held,
            refused=refused,
        )


def _signalled(spec: SideSpec, rtcp: bool) -> Address | None:
    """The signalled address a port of the side is for."""
    if spec.remote is None:
        return None
    return spec.remote.rtcp if rtcp else spec.remote.rtp


def _footing(inlet: Inlet, outlet: Outlet, now: float) -> Footing:
    return Footing(inlet.latch.latched, inlet.latch.firm(now), _shown(outlet.to))


def _shown(to: Source | None) -> Address | None:
    return None if to is None else Address(to[0], to[1])


class Stream:
    """Two sides joined."""

    def __init__(
        self,
        spec: StreamSpec,
        senders: tuple[tuple[Sender, Sender | None], tuple[Sender, Sender | None]],
        now: float,
        on_latch: Callable[[int, Address, str], None],
        longest: int = LONGEST,
    ) -> None:
        """`senders` are the sockets' sendto for (rtp, rtcp) of each side; `on_latch` hears side, address and reason
        whenever a side's RTP goes to a newly latched address."""
        self.spec = spec
        first, second = (
            Side(side, spec.kind, senders[n], now, lambda a, r, n=n: on_latch(n, a, r), longest)  # type: ignore[misc]
            for n, side in enumerate(spec.sides)
        )
        first.join(second)
        second.join(first)
        self.sides = (first, second)

    def update(self, side: int, spec: SideSpec, now: float) -> None:
        """Take a new spec for one side. The window of *both* is opened again: an answer ends an exchange that concerns
        both, and the side that made the offer is only now told where to send to."""
        self.sides[side].update(spec, now)
        self.sides[1 - side].reopen(now)

    def counters(self) -> StreamCounters:
        return StreamCounters((self.sides[0].counters(), self.sides[1].counters()))

    def flows(self, now: float) -> tuple[tuple[Flow, ...], str]:
        """What may be forwarded without judging, or why nothing may (see sbc.media.flow)."""
        return flows_of(self.spec.kind, (self.sides[0].stance(now), self.sides[1].stance(now)))

    def carried(self, side: int, rtcp: bool, ssrc: int, sequence: int, timestamp: int, at: float) -> None:
        """Note what of a side has been forwarded by somebody else last, at `at`."""
        found = self.sides[side]
        (found.rtcp if rtcp and found.rtcp is not None else found.rtp).carried(ssrc, sequence, timestamp, at)

    def received(self) -> int:
        """Packets accepted so far from both sides."""
        return sum(i.packets + i.rtcp_packets for side in self.sides for i in side.inlets())
