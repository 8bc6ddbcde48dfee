"""A stream without sockets: two sides joined, and what is asked of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbc.core.address import Address
from sbc.core.orders import SideSpec, StreamSpec
from sbc.media.bucket import Drawn
from sbc.media.counters import StreamCounters
from sbc.media.flow import Flow, flows_of
from sbc.media.inlet import LONGEST, Sender
from sbc.media.sealing import MakeSeal
from sbc.media.side import Side


class Stream:
    """Two sides joined."""

    def __init__(
        self,
        spec: StreamSpec,
        senders: tuple[tuple[Sender, Sender | None], tuple[Sender, Sender | None]],
        now: float,
        on_latch: Callable[[int, Address, str], None],
        longest: int = LONGEST,
        on_told: Callable[[int, str], None] = lambda side, word: None,
        shared: tuple[tuple[Sender, Sender | None] | None, ...] = (None, None),
        on_handshake: Callable[[int, bool, bytes, Address], None] = lambda side, rtcp, data, source: None,
        make_seal: MakeSeal | None = None,
        reactor: Any = None,
        on_rtcp: Callable[[int, Address], None] = lambda side, address: None,
    ) -> None:
        """`senders` are the sockets' sendto for (rtp, rtcp) of each side, `shared` those of ports that it shares.
        `on_latch` hears side, address and reason when RTP goes to a newly latched address, `on_rtcp` side and address,
        `on_told` a side and "policed", "expired" or "used" (see IMediaObserver), `on_handshake` what it says."""
        self.spec = spec

        def made(n: int) -> Side:
            return Side(
                spec.sides[n], spec.kind, senders[n], now,
                lambda address, reason: on_latch(n, address, reason), lambda word: on_told(n, word), longest, shared[n],
                lambda rtcp, data, source: on_handshake(n, rtcp, data, source),
                make_seal, reactor, lambda address: on_rtcp(n, address),
            )  # fmt: skip

        first, second = made(0), made(1)
        first.join(second)
        second.join(first)
        self.sides = (first, second)

    def update(self, side: int, spec: SideSpec, now: float) -> None:
        """Take a new spec for one side. The window of *both* is opened again: an answer ends an exchange that concerns
        both, and the side that made the offer is only now told where to send to."""
        self.sides[side].update(spec, now)
        self.sides[1 - side].reopen(now)

    def share(self, realm: str, bucket: Drawn | None) -> None:
        """Let what comes from peers in that realm be taken out of `bucket`, which all streams there share."""
        for side in self.sides:
            if side.spec.realm == realm:
                side.share(bucket)

    def flush(self) -> None:
        """Send at once whatever waits."""
        for side in self.sides:
            side.pacer.flush()

    def counters(self) -> StreamCounters:
        return StreamCounters((self.sides[0].counters(), self.sides[1].counters()))

    def flows(self, now: float) -> tuple[tuple[Flow, ...], str]:
        """What may be forwarded without judging, or why nothing may (see sbc.media.flow)."""
        return flows_of(self.spec.kind, (self.sides[0].stance(now), self.sides[1].stance(now)))

    def carried(self, side: int, rtcp: bool, ssrc: int, sequence: int | None, timestamp: int | None, at: float) -> None:
        """Note what of a side has been forwarded by somebody else last, at `at`."""
        found = self.sides[side]
        (found.rtcp if rtcp and found.rtcp is not None else found.rtp).carried(ssrc, sequence, timestamp, at)

    def received(self) -> int:
        """Packets accepted so far from both sides."""
        return sum(i.packets + i.rtcp_packets for side in self.sides for i in side.inlets())
