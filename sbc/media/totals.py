"""What all streams have carried since the start, by realm: sums that only grow, though streams come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from sbc.core.orders import StreamSpec
from sbc.ledger.usage import medium
from sbc.ledger.volume import header_of_side, ip_octets
from sbc.media.counters import Drops, Quality, SideCounters, StreamCounters, Volume
from sbc.media.histogram import Histogram
from sbc.media.quality import LEAST

_NOTHING = StreamCounters((SideCounters(), SideCounters()))
_REASONS = tuple(field.name for field in attrs.fields(Drops))

BOUNDS = {
    "mos": (1.5, 2.0, 2.5, 3.0, 3.3, 3.6, 3.8, 4.0, 4.2, 4.3, 4.4),
    "loss": (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5),  # a ratio
    "jitter": (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5),  # seconds
    "rtt": (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
}
"""The figures that are told of each direction when its stream is closed, and the bounds they are counted by."""


@attrs.define
class _Open:
    realms: tuple[str, str]
    engine: str
    kind: str
    headers: tuple[int, int]
    known: StreamCounters = _NOTHING
    lost: list[int] = attrs.field(factory=lambda: [0, 0])  # the most there were: what comes late was lost for a while


class Totals:
    """Told of streams as they open and close, it looks at those that are open a few at a time, so that no look holds
    anything up; what has flowed since the last is added. `counted` has ("packets" | "octets", realm, "in" | "out"),
    `dropped` (realm, reason): what came from or went to peers in that realm. `expected` and `lost` are packets of RTP
    from there, `figures` has (figure, realm), see BOUNDS. `forwarded` has (engine, reason) of each stream that went
    from one engine to another. `by_media` has (realm, kind of media, "in" | "out"): octets of whole IP packets."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self.counted: Counter[tuple[str, str, str]] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.by_media: Counter[tuple[str, str, str]] = Counter()
        self.forwarded: Counter[tuple[str, str]] = Counter()
        self.expected: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.figures: dict[tuple[str, str], Histogram] = {}

    def opened(self, spec: StreamSpec, engine: str) -> None:
        """A stream is open, and `engine` forwards it."""
        first, second = spec.sides
        kind = medium((first.media or second.media).partition(" ")[0] or spec.kind)
        headers = header_of_side(first), header_of_side(second)
        self._open[spec.id] = _Open((first.realm, second.realm), engine, kind, headers)

    def forwards(self, stream: str, engine: str, reason: str) -> None:
        """Another engine forwards the stream from now on."""
        self.forwarded[engine, reason] += 1
        if stream in self._open:
            self._open[stream].engine = engine

    def engines(self) -> Counter[str]:
        """How many streams each engine forwards."""
        return Counter(found.engine for found in self._open.values())

    def closed(self, stream: str, counters: StreamCounters) -> None:
        """A stream is closed, and this is its final volume."""
        found = self._open.pop(stream, None)
        if found is not None:
            self._add(found, counters)
            for realm, side in zip(found.realms, counters.sides, strict=True):
                if side.quality is not None and side.quality.expected >= LEAST:
                    self._figure(realm, side.quality)

    def look(self, counters: Callable[[str], StreamCounters], most: int) -> None:
        """Look at the next `most` streams; `counters` is the engine's. What it does not hold is passed over."""
        for stream in list(self._open)[:most]:
            found = self._open.pop(stream)
            self._open[stream] = found  # to the end of the queue
            try:
                now = counters(stream)
            except KeyError:
                continue
            self._add(found, now)

    def __len__(self) -> int:
        return len(self._open)

    def _add(self, found: _Open, now: StreamCounters) -> None:
        for index, (realm, before, after) in enumerate(zip(found.realms, found.known.sides, now.sides, strict=True)):
            self._count(realm, "in", before.received.packets, after.received.packets, "packets")
            self._count(realm, "in", before.received.octets, after.received.octets, "octets")
            self._count(realm, "out", before.sent.packets, after.sent.packets, "packets")
            self._count(realm, "out", before.sent.octets, after.sent.octets, "octets")
            self._whole(found, index, "in", before.received, after.received)
            self._whole(found, index, "out", before.sent, after.sent)
            if after.drops != before.drops:
                for reason in _REASONS:
                    self.dropped[realm, reason] += max(0, getattr(after.drops, reason) - getattr(before.drops, reason))
            if after.quality is not None:
                self.expected[realm] += max(0, after.quality.expected - _expected(before.quality))
                self.lost[realm] += max(0, after.quality.lost - found.lost[index])
                found.lost[index] = max(found.lost[index], after.quality.lost)
        found.known = now

    def _whole(self, found: _Open, index: int, way: str, before: Volume, after: Volume) -> None:
        header = found.headers[index]
        more = ip_octets(after, header) - ip_octets(before, header)
        if more > 0:
            self.by_media[found.realms[index], found.kind, way] += more

    def _figure(self, realm: str, quality: Quality) -> None:
        figures = {"mos": quality.mos, "loss": quality.loss, "jitter": quality.jitter, "rtt": quality.rtt}
        for figure, value in figures.items():
            if value is not None:
                histogram = self.figures.setdefault((figure, realm), Histogram(BOUNDS[figure]))
                histogram.observe(value / 1000 if figure in ("jitter", "rtt") else value)

    def _count(self, realm: str, way: str, before: int, after: int, what: str) -> None:
        if after > before:
            self.counted[what, realm, way] += after - before


def _expected(quality: Quality | None) -> int:
    return 0 if quality is None else quality.expected
