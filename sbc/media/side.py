"""One side of a stream, without its sockets: its ports, its outlets, and where its media goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.core.address import Address, literal
from sbc.core.orders import OWN, SideSpec
from sbc.core.secured import OF_RTCP, Bundled, Key, SideSecurity, of_rtcp
from sbc.media.bucket import Drawn, LentBucket
from sbc.media.bundle import Bundle
from sbc.media.counters import Drops, SideCounters, Volume
from sbc.media.flow import Footing, SideView, Stance
from sbc.media.inlet import LONGEST, TURN, Inlet, Outlet, Sender, Source
from sbc.media.kept import check_kept
from sbc.media.latching import SideLatch
from sbc.media.limits import Limits
from sbc.media.meter import Reports
from sbc.media.pacing import Pacer
from sbc.media.quality import assess
from sbc.media.sealing import MakeSeal, Past, Row, Seals

NUMBER = 4
"""Octets of the number before a packet that comes or goes by a shared port."""


class Side:
    """One side of a stream: its ports' inlets and its two outlets."""

    def __init__(
        self,
        spec: SideSpec,
        kind: str,
        senders: tuple[Sender, Sender | None],
        now: float,
        on_latch: Callable[[Address, str], None],
        on_told: Callable[[str], None],
        longest: int,
        shared: tuple[Sender, Sender | None] | None = None,
        on_handshake: Callable[[bool, bytes, Address], None] = lambda rtcp, data, source: None,
        make_seal: MakeSeal | None = None,
        reactor: Any = None,
        on_rtcp: Callable[[Address], None] = lambda address: None,
    ) -> None:
        self.spec = spec
        self.pacer = Pacer(reactor)
        self._on_latch, self._on_rtcp, self._on_told = on_latch, on_rtcp, on_told
        self._told = False  # that something was policed
        self._limits = Limits(spec.limit, now)
        self._muxed = spec.latched is not None and spec.latched == spec.latched_rtcp  # RTCP has come on the RTP port
        self._said = spec.latched_rtcp, 0.0  # where RTCP comes from, as it was told last; no other is told before then
        send_rtp, send_rtcp = senders
        shared_rtp, shared_rtcp = shared or (None, None)
        latch = SideLatch(spec, _signalled(spec, rtcp=False), now)
        self.rtp = Inlet(self, latch, send_rtp, kind, longest, shared_rtp, self.pacer)
        self.rtcp: Inlet | None = None
        if send_rtcp is not None:
            latch = SideLatch(spec, _signalled(spec, rtcp=True), now, rtp=latch)
            self.rtcp = Inlet(self, latch, send_rtcp, "rtcp", longest, shared_rtcp, self.pacer)
        self.to_rtp = Outlet(send_rtp)
        self.to_rtcp = Outlet(send_rtp if send_rtcp is None else send_rtcp, is_rtcp=True)
        self._make_seal, self._on_handshake = make_seal, on_handshake
        self._past, self._past_rtcp = Past(), Past()
        self._rtcp_seals: Seals | None = None  # where RTCP has keys of its own
        self._name = ""  # as others know it that share its transport,
        self._carrier: Side | None = None  # whose that is: None, its own
        self._riders: list[Side] = []  # and who goes by it besides
        self._aimed_apart: bool | None = None  # where checks have said where RTCP goes: not where RTP does
        self.reports = Reports()
        self.rtp.time_by(spec.clock)
        for inlet in self.inlets():  # one whose latch is remembered, too: the peer was told
            inlet.expect(self._is_told())
            inlet.incoming = spec.incoming
        self._secure(spec.security, now)
        self._aim()
        self.share(None)

    def inlets(self) -> tuple[Inlet, ...]:
        return (self.rtp,) if self.rtcp is None else (self.rtp, self.rtcp)

    def join(self, other: Side) -> None:
        """Let what arrives here leave by `other`."""
        self._other = other
        for inlet in self.inlets():
            inlet.join(other.to_rtp, other.to_rtcp)

    def update(self, spec: SideSpec, now: float) -> None:
        """Take a new spec. @raises ValueError if it asks for what is another socket's."""
        check_kept(self.spec, spec)
        if spec.remote is None or self.spec.remote is None or spec.remote.rtp != self.spec.remote.rtp:
            self._muxed = False
        self._secure(spec.security, now)
        self.spec = spec
        self.rtp.latch.update(spec, _signalled(spec, rtcp=False), now)
        if self.rtcp is not None:
            self.rtcp.latch.update(spec, _signalled(spec, rtcp=True), now)
        self.rtp.time_by(spec.clock)
        for inlet in self.inlets():
            inlet.incoming = spec.incoming
        self._limits.change(spec.limit, now)
        self._police()
        self._doubt()

    @property
    def seals(self) -> Seals | None:
        """What its packets are read and written with, if it is secured."""
        return self.rtp.seals

    def _secure(self, security: SideSecurity | None, now: float) -> None:
        """Take what a spec says of its security."""
        seals = self._taken(self.seals, security, self._past, now)
        own = None if security is None or self.rtcp is None else of_rtcp(security)
        if seals is None or (own is None and self._rtcp_seals is not None):
            self._aimed_apart = None
        elif own is not None and self._aimed_apart is not None:
            self._aimed_apart = True
        self._rtcp_seals = self._taken(self._rtcp_seals, own, self._past_rtcp, now)
        for inlet in self.inlets():
            inlet.seals = seals if inlet is self.rtp else self._rtcp_seals or seals
        if self._carrier is None or self._carrier is self:
            self.to_rtp.seals = self.to_rtcp.seals = seals

    def _taken(self, seals: Seals | None, security: SideSecurity | None, past: Past, now: float) -> Seals | None:
        """What takes the place of those seals."""
        if security is None:
            if seals is not None:
                seals.leave()
            return None
        if seals is not None:
            seals.take(security, now)
            return seals
        if self._make_seal is None:
            raise ValueError("media cannot be secured here")
        return Seals(self._make_seal, security, now, past, self._on_told)

    def key(self, receive: Key, send: Key, now: float, rtcp: bool = False) -> None:
        """Read and write with these from now on; `rtcp`: RTCP alone, which has its own. @raises ValueError where there
        are none."""
        seals = self._rtcp_seals if rtcp else self.seals
        if seals is None:
            raise ValueError("a side that is not secured has no keys")
        seals.key(receive, send, now)
        self._aim()

    def aim(self, rtp: Address | None, rtcp: Address | None, now: float) -> None:
        """Its media goes there from now on."""
        own = self._rtcp_seals is not None
        self._aimed_apart = own or (rtcp is not None and rtcp != rtp)
        before = self.rtp.latch.latched
        self.rtp.latch.aim(rtp, now)
        if self.rtcp is not None:
            self.rtcp.latch.aim(rtcp if own else rtcp or rtp, now)
        self._doubt()
        if (latched := self.rtp.latch.latched) not in (None, before):
            self._on_latch(latched, "nominated")

    def ride(self, name: str, carrier: Side, bundled: Bundled) -> bool:
        """Let its media go by the transport of `carrier`, its own or another side's of the same number, with that of
        others (see Bundled); it is known to them by a `name`. Whether there was room."""
        self.walk()
        bundle = carrier.rtp.bundle or Bundle()
        if not bundle.join(name, self.rtp, bundled):
            return False
        self._name, self._carrier, carrier.rtp.bundle = name, carrier, bundle
        self.to_rtp.sent = lambda ssrc: bundle.sent(name, ssrc)
        if carrier is not self:
            carrier._riders.append(self)
        self._aim()
        return True

    def walk(self) -> None:
        """Let its media go by its own transport alone."""
        carrier, self._carrier, self.to_rtp.sent = self._carrier, None, None
        if carrier is None:
            return
        bundle = carrier.rtp.bundle
        if bundle is not None:
            bundle.leave(self._name)
            carrier.rtp.bundle = bundle if len(bundle) else None
        if carrier is not self:
            carrier._riders.remove(self)
        for outlet in (self.to_rtp, self.to_rtcp):
            outlet.seals, outlet.dscp = self.seals, OWN
        self._aim()

    def _aim_along(self, carrier: Side) -> None:
        """Point the outlets where media of another side goes, RTCP with RTP, but with marks of our own."""
        its = carrier.to_rtp
        for outlet in (self.to_rtp, self.to_rtcp):
            outlet.to, outlet.send, outlet.prefix, outlet.seals = its.to, its.send, its.prefix, its.seals
            outlet.dscp = self.spec.dscp

    def rollover(self) -> tuple[Row, ...]:
        """How far its keys have been used."""
        own = () if self._rtcp_seals is None else self._rtcp_seals.rollover()
        rows = () if self.seals is None else self.seals.rollover()
        return (*rows, *((row[0] + OF_RTCP, *row[1:]) for row in own))

    def began(self, inlet: Inlet, data: bytes, source: Address) -> None:
        """Called by an inlet that a check or a part of a handshake has come to."""
        self._on_handshake(inlet is self.rtcp, data, source)

    def reopen(self, now: float) -> None:
        """Open the learning window again, everything else as it was."""
        for inlet in self.inlets():
            inlet.latch.reopen(now, self.spec.window)
        self._doubt()

    def share(self, bucket: Drawn | None) -> None:
        """Take what is accepted here out of `bucket`, too, which others share; None: out of the side's own alone."""
        self._limits.share(bucket)
        self._told = False
        self._police()

    def lend(self, bucket: LentBucket | None, now: float) -> None:
        """Take it out of `bucket` instead of the side's own; None: out of that again (see IUserSpaceEngine)."""
        self._limits.lend(bucket, now)
        self._police()

    def _police(self) -> None:
        for inlet in self.inlets():
            inlet.buckets = self._limits.buckets

    def was_policed(self) -> None:
        """Called by an inlet to which more has come than is allowed."""
        if not self._told:
            self._told = True
            self._on_told("policed")

    def _expect(self) -> None:
        """Who has not been heard yet is spoken to from where it was told that we are."""
        for inlet in self.inlets():
            if inlet.latch.latched is None:
                inlet.expect(self._is_told())

    def _is_told(self) -> bool:
        """Whether the peer knows of the ports that others share, too."""
        return self.spec.shared is not None and self.spec.shared.told

    def _doubt(self) -> None:
        """Send each inlet's next packet to its latch, which must learn in a new window who still speaks; and tell anew
        of what is policed."""
        self._told = False
        self._expect()
        for inlet in self.inlets():
            inlet.trusted = None
        self._aim()

    def latched(self, inlet: Inlet, address: Address, reason: str) -> None:
        """Called by an inlet whose latch has changed, or whose source has turned to the other port."""
        self._aim()
        if inlet is self.rtp:
            self._on_latch(address, reason)

    def turned(self) -> None:
        """Called by an inlet whose source has turned to the other port, of which nobody is to hear yet."""
        self._aim()

    def reported(self, data: bytes, now: float) -> None:
        """Called by an inlet that lets RTCP through: what is policed is measured no more than lost RTP is."""
        self.reports.take(self._other.reports, data, int(now * 1e9))

    def rtcp_came(self, muxed: bool, now: float) -> None:
        """Called by an inlet that has accepted RTCP, on the RTP port (`muxed`) or on its own."""
        if muxed != self._muxed:
            self._muxed = muxed
            self._aim()
        found = (self.rtp if muxed or self.rtcp is None else self.rtcp).latch.latched
        if found is not None and found != self._said[0] and now >= self._said[1]:
            self._said = found, now + TURN
            self._on_rtcp(found)

    @property
    def mux(self) -> bool:
        """Whether this side takes RTCP on its RTP port: it signalled one address for both, or sends that way."""
        remote = self.spec.remote
        if self._aimed_apart is not None:
            return not self._aimed_apart
        return self._muxed or (remote is not None and remote.rtp == remote.rtcp)

    def _aim(self) -> None:
        """Point the outlets at what is now known."""
        if self._carrier is not None and self._carrier is not self:
            self._aim_along(self._carrier)
            return
        self._aim_alone()
        for rider in self._riders:
            rider._aim_along(self)

    def _aim_alone(self) -> None:
        shared, to_rtp, to_rtcp = self.spec.shared, self.to_rtp, self.to_rtcp
        to_rtp.to, to_rtp.send = self.rtp.destination(), self.rtp.way()
        to_rtp.prefix = _prefix(None if shared is None else shared.rtp)
        if self.mux:
            to_rtcp.to, to_rtcp.send, to_rtcp.prefix = to_rtp.to, to_rtp.send, to_rtp.prefix
        elif self.rtcp is not None:
            to_rtcp.to, to_rtcp.send = self.rtcp.destination(), self.rtcp.way()
            to_rtcp.prefix = _prefix(None if shared is None else shared.rtcp)
        else:
            to_rtcp.to = None
        to_rtcp.seals = self.seals if self.mux else self._rtcp_seals or self.seals
        for outlet in (to_rtp, to_rtcp):
            if outlet.seals is not None and not outlet.seals.writes:
                outlet.to = None

    def unusable(self, address: Address) -> bool:
        """Whether nothing may be sent to `address`: no name is looked up, no group or broadcast address floods a
        network, no socket has to speak the other IP version, and a stream does not feed itself."""
        ip, ours = literal(address.host), literal(self.spec.local.rtp.host)
        return (
            ip is None
            or ours is None
            or ip.version != ours.version
            or ip.is_multicast
            or (ip.version == 6 and ip.ipv4_mapped is not None)  # which is on no wire
            or ip.is_unspecified
            or address.host == "255.255.255.255"
            or not 0 < address.port <= LONGEST
            or address in self.spec.local
            or (self.spec.shared is not None and address in self.spec.shared.local)
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
                policed=sum(i.policed for i in inlets),
                no_destination=self.to_rtp.no_destination + self.to_rtcp.no_destination,
                send_error=self.to_rtp.failed + self.to_rtcp.failed,
                **self._unsealed(),
            ),
            quality=assess(self.rtp.measured(), self.reports, (self.spec.media, self._other.spec.media)),
        )

    def _unsealed(self) -> dict[str, int]:
        each = [inlet.unsealed for inlet in self.inlets()]
        return {reason: sum(one.get(reason, 0) for one in each) for reason in {why for one in each for why in one}}

    def stance(self, now: float) -> Stance:
        """How the side stands, for whoever would forward without judging."""
        rtcp = None if self.rtcp is None else _footing(self.rtcp, self.to_rtcp, now)
        shared = bool(self.to_rtp.prefix or self.to_rtcp.prefix) or any(inlet.shared for inlet in self.inlets())
        return Stance(self.spec, self.rtp.latch.held, self.mux, _footing(self.rtp, self.to_rtp, now), rtcp, shared)

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
            dscp=self.spec.dscp,
            priority=self.spec.priority,
            incoming=self.spec.incoming,
            security="" if self.to_rtp.seals is None else self.to_rtp.seals.suite or "unkeyed",
        )


def _prefix(number: int | None) -> bytes:
    return b"" if number is None else number.to_bytes(NUMBER, "big")


def _signalled(spec: SideSpec, rtcp: bool) -> Address | None:
    """The signalled address a port of the side is for."""
    if spec.remote is None:
        return None
    return spec.remote.rtcp if rtcp else spec.remote.rtp


def _footing(inlet: Inlet, outlet: Outlet, now: float) -> Footing:
    return Footing(inlet.latch.latched, inlet.latch.firm(now), _shown(outlet.to))


def _shown(to: Source | None) -> Address | None:
    return None if to is None else Address(to[0], to[1])
