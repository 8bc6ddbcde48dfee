"""What the kernel forwards of one stream, and what it has carried of it altogether."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from sbc.core.address import Address
from sbc.core.orders import SideSpec, StreamSpec
from sbc.core.vpn import MAIN
from sbc.media.counters import Drops, SideCounters, StreamCounters, Volume, together
from sbc.media.flow import Flow
from sbc.media.kernel.arrival import UNHEARD, Arrival
from sbc.media.kernel.plane import NONE, Last, Plane, Tally
from sbc.media.kernel.shared import Lend, nobody
from sbc.media.quality import assess

NOTHING = Tally()

# Seconds after which a stream that the kernel does not forward is looked at again; else when something happens to it.
_AGAIN = {"learning": 0.25, "no-destination": 5.0, "mux": 5.0, "no-route": 5.0, "no-interface": 5.0, "no-room": 5.0}
_RTCP_AGAIN, _RTCP_SELDOM = 5.0, 60.0  # the same of one whose RTCP is not yet: reports are seconds apart
_ROUTE_SELDOM = 160.0  # the most for one that goes where the kernel does not route, as to another call of our own


@attrs.define
class Entered:
    """A flow that the kernel forwards: its slot, whether RTCP comes by its port, too, and what of the slot's counters
    an earlier process has recorded, and how well that had come."""

    slot: int
    side: int
    local: Address  # of ours, to which it comes
    rtcp: bool
    mux: bool
    before: Tally = NOTHING
    came: Arrival = UNHEARD


@attrs.define
class Promoted:
    """A stream, as the engine keeps it. There are tens of thousands: what most have alike they share."""

    spec: StreamSpec
    entered: tuple[Entered, ...] = ()
    carried: tuple[Tally, Tally] = (NOTHING, NOTHING)  # by side, of flows that are no more
    arrived: tuple[Arrival, Arrival] = (UNHEARD, UNHEARD)  # the same, of how well they came
    owed: Volume = (
        NONE  # what flows that an earlier process has left had carried, until they ended, and nobody has paid
    )
    why: str = ""  # why the kernel does not forward it
    claims: frozenset[str] = frozenset()  # why user space must see its packets
    policed: frozenset[int] = frozenset()  # sides that the observer was told of
    heard: int = -1  # packets that user space had accepted when it was settled; -1: it is to be settled in any case
    wait: float = 0.0  # seconds until it is looked at again, if nothing happens
    route_wait: float = 0.0  # seconds it was left to user space when there was no route last
    unrouted: float = -1e9  # when that was
    unsettled: float = -1e9  # when it was looked at because the kernel had left packets to user space

    def hindrance(self, shaped: Collection[str] = ()) -> str:
        """What besides its latches keeps a stream in user space; empty if nothing does. `shaped` are realms in which
        what is over their rate waits: the programs can hold nothing back."""
        if self.claims:
            return min(self.claims)
        first, second = self.spec.sides
        if first.realm in shaped or second.realm in shaped:
            return "shaped"
        if (":" in first.local.rtp.host) != (":" in second.local.rtp.host):
            return "families"  # the packet would change its size
        if first.vpn != MAIN or second.vpn != MAIN:
            return (
                "vpn"  # the program is not on its interfaces, asks the main routing table, and sends in one namespace
            )
        return "mark" if first.mark or second.mark else ""

    def rests(self, inner: Any) -> bool:
        """Whether there can be nothing new to settle, since the engine in user space has accepted no packet but those
        of before: what the kernel does not forward yet is RTCP, and of thousands of streams there may long be none."""
        return bool(self.entered) and inner.received(self.spec.id) == self.heard

    def again(self) -> float | None:
        """Seconds after which it is to be looked at again, though nothing happens; None: never."""
        if not self.entered:
            return _AGAIN.get(self.why)
        if len(self.entered) == len(self.ports()):
            return None
        self.wait = min(_RTCP_SELDOM, 2 * self.wait or _RTCP_AGAIN)
        return self.wait

    def route_again(self, now: float) -> float:
        """The same where the kernel has found no route: each time twice as long, up to a bound; anew after it has been
        forwarded for long."""
        lately = now - self.unrouted < self.route_wait + _ROUTE_SELDOM
        self.route_wait = min(_ROUTE_SELDOM, 2 * self.route_wait) if lately and self.route_wait else _AGAIN["no-route"]
        self.unrouted = now
        return self.route_wait

    def ports(self) -> tuple[Address, ...]:
        """The ports of ours that it has, as far as the kernel's programs see to them: in a VPN there may be ports of
        the same addresses, which are others."""
        return ports_of(self.spec.sides[0]) + ports_of(self.spec.sides[1])

    def at(self, local: Address) -> Entered | None:
        """The flow that comes to an address of ours, if it is entered."""
        return next((each for each in self.entered if each.local == local), None)

    def tallies(self, plane: Plane) -> list[Tally]:
        """What the kernel has carried of each side until now."""
        return self._sums(plane)[0]

    def _sums(self, plane: Plane, record: bool = False) -> tuple[list[Tally], list[Arrival]]:
        """The same, and how well it has come. `record`: that is noted as recorded."""
        carried, arrived = list(self.carried), list(self.arrived)
        for each in self.entered:
            tally, arrival = plane.tally(each.slot), Arrival.of(*plane.meters(each.slot))
            if record:
                plane.recorded.note(each.slot, tally, arrival)
            carried[each.side] = carried[each.side].plus(_less(tally, each.before))
            arrived[each.side] = arrived[each.side].plus(arrival.less(each.came))
        return carried, arrived

    def take_over(self, plane: Plane, flow: Flow, mux: bool) -> Entered | None:
        """Have a flow that an earlier process has left be ours, if there is one."""
        slot = plane.take_over(flow)
        if slot is None:
            self.inherit(plane, flow.local)
            return None
        plane.charge(slot, plane.realm(flow.realm))
        return self._entered(slot, flow, mux, plane.recorded.tally(slot), plane.recorded.arrival(slot))

    def inherit(self, plane: Plane, *ports: Address) -> None:
        """Let flows go on no more that an earlier process has left at ports of it. What they have carried that nobody
        has recorded is the stream's, if it was open then between the same ports."""
        was_open = any(each.latched is not None for each in self.spec.sides)
        for local in ports:
            side = 0 if local in ports_of(self.spec.sides[0]) else 1
            found = plane.forget(local)
            if found and was_open and plane.addresses(found[0])[2] in ports_of(self.spec.sides[1 - side]):
                slot, tally = found
                self._keep(plane, slot, side, _less(tally, plane.recorded.tally(slot)), plane.recorded.arrival(slot))

    def enter(self, plane: Plane, flow: Flow, longest: int, mux: bool, lend: Lend = nobody) -> Entered:
        """Let the kernel forward one of its flows, packets up to `longest` octets; a bucket that is new is given to
        `lend`. @raises OSError."""
        own = -1 if flow.limit is not None else 0
        rtp = self.at(self.spec.sides[flow.side].local.rtp)
        if own and flow.rtcp and rtp is not None:
            own = rtp.slot  # RTP and RTCP of a side share its bucket
        return self._entered(plane.enter(flow, longest, mux, own, plane.realm(flow.realm), lend), flow, mux)

    def _entered(self, slot: int, flow: Flow, mux: bool, before: Tally = NOTHING, came: Arrival = UNHEARD) -> Entered:
        each = Entered(slot, flow.side, flow.local, flow.rtcp, mux, before, came)
        self.entered = (*self.entered, each)
        return each

    def take_out(self, plane: Plane, each: Entered) -> tuple[Last, ...]:
        """Let the kernel forward one of its flows no more; what its source has said last."""
        self.entered = tuple(other for other in self.entered if other is not each)
        tally, last = plane.shut(each.slot)
        self._keep(plane, each.slot, each.side, _less(tally, each.before), each.came)
        return last

    def _keep(self, plane: Plane, slot: int, side: int, tally: Tally, before: Arrival) -> None:
        """Keep what a slot that is shut has carried and measured of a side, without what was measured before."""
        self.owed += plane.unbooked(slot)
        arrived, carried = list(self.arrived), list(self.carried)
        arrived[side] = arrived[side].plus(Arrival.of(*plane.meters(slot)).less(before))
        carried[side] = carried[side].plus(tally)
        self.arrived, self.carried = (arrived[0], arrived[1]), (carried[0], carried[1])

    def join_reports(self, plane: Plane) -> None:
        """Let RTCP of each side be measured by what the other's has told."""
        slots = {each.side: each.slot for each in self.entered if each.rtcp or each.mux}
        if len(slots) == 2:
            plane.join(slots[0], slots[1])

    def counters(self, plane: Plane, inner: StreamCounters, record: bool = False) -> StreamCounters:
        """The counters of both planes; `inner` are those of user space. `record`: they are noted as recorded."""
        if not self.entered and self.carried[0] is NOTHING and self.carried[1] is NOTHING:
            return inner  # the kernel has never had any of it
        carried, arrived = self._sums(plane, record)
        both = merged(inner, carried)
        medias = [side.media for side in self.spec.sides]
        sides = [
            attrs.evolve(side, quality=together(side.quality, assess(found.tally, found, (medias[n], medias[1 - n]))))
            for n, (side, found) in enumerate(zip(both.sides, arrived, strict=True))
        ]
        return StreamCounters((sides[0], sides[1]))

    def received(self, plane: Plane) -> int:
        """Packets that the kernel has accepted of it until now."""
        before = sum(tally.packets + tally.rtcp_packets for tally in self.carried)
        return before + sum(
            plane.received(each.slot) - each.before.packets - each.before.rtcp_packets for each in self.entered
        )


def _less(tally: Tally, before: Tally) -> Tally:
    return tally if before is NOTHING else Tally(*(now - then for now, then in zip(tally, before, strict=True)))


def merged(inner: StreamCounters, tallies: list[Tally]) -> StreamCounters:
    """The counters of both planes. What the kernel has taken from one side it has sent to the other."""
    sides = [_side(inner.sides[n], tallies[n], tallies[1 - n]) for n in (0, 1)]
    return StreamCounters((sides[0], sides[1]))


def _side(inner: SideCounters, came: Tally, went: Tally) -> SideCounters:
    drops = inner.drops
    return attrs.evolve(
        inner,
        received_rtp=inner.received_rtp + Volume(came.packets, came.octets),
        received_rtcp=inner.received_rtcp + Volume(came.rtcp_packets, came.rtcp_octets),
        sent_rtp=inner.sent_rtp + Volume(went.packets, went.octets),
        sent_rtcp=inner.sent_rtcp + Volume(went.rtcp_packets, went.rtcp_octets),
        drops=_drops(drops, came) if came.policed or came.wrong_source else drops,
    )


def _drops(inner: Drops, came: Tally) -> Drops:
    return attrs.evolve(
        inner, policed=inner.policed + came.policed, wrong_source=inner.wrong_source + came.wrong_source
    )


def ports_of(side: SideSpec) -> tuple[Address, ...]:
    """The ports of ours that a side has, as far as the kernel's programs see to them."""
    if side.vpn != MAIN:
        return ()
    rtp, rtcp = side.local.rtp, side.local.rtcp
    return (rtp,) if rtcp is None or rtcp == rtp else (rtp, rtcp)
