"""Builds one call's detail record out of what the core says of the call, and the engine of its streams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs

from sbc.core.address import Address, Pair
from sbc.core.orders import Record, SideSpec, StreamSpec
from sbc.core.secured import said
from sbc.core.value import value
from sbc.ledger.reported import counted, differing
from sbc.ledger.volume import NOTHING, Plain, added, carried, header_of_side, ways_of
from sbc.media.codecs import agreed, foremost_of
from sbc.media.counters import SideCounters, StreamCounters
from sbc.said import iso

VERSION = 1
"""Of the format: keys may be added without a new number, but none changes its meaning."""

LONGEST = 256
"""Characters of a text that peers have a hand in."""

MOST_REPORTS = 64
"""Members of a call whose own figures stand in its record."""

MOST_MOVES = 64
"""Members that have come from other calls, or gone to them, which stand in a record."""

MOST_FIGURES = 32
"""Figures of one of them."""

MOST_STREAMS = 32
"""Ended streams that stand in a record by themselves; the volume of further ones is summed."""

MOST_CHANGES = 16
"""Changes of a stream's codecs that are told of one by one; the last of them stands for all further ones."""

INCOMPLETE = "incomplete"
"""The ending of a call whose record a crash cut short."""

Counters = Callable[[str], StreamCounters]
"""What tells a live stream's volume."""

_EMPTY = StreamCounters((SideCounters(), SideCounters()))


@value
class Moment:
    """When something happened: `wall` is the time of day (seconds since 1970, UTC), `tick` is good for differences."""

    wall: float
    tick: float

    def ago(self, wall: float) -> Moment:
        """The moment at the time of day `wall`, on the clock of differences of this one."""
        return Moment(wall, self.tick - (self.wall - wall))

    def __str__(self) -> str:
        """ISO 8601, UTC, to the millisecond."""
        return iso(self.wall) + "Z"


@attrs.define(eq=False)
class _StreamFacts:
    """What is known of a stream: the latest specs of its sides, and where their media was last found to come from."""

    spec: StreamSpec
    sides: list[SideSpec]
    latched: list[Address | None] = attrs.field(factory=lambda: [None, None])
    before: Plain | None = None  # the same stream, as an earlier life of the SBC left it
    flowing: list[str] = attrs.field(factory=list)  # what both sides have agreed upon last
    changes: list[Plain] = attrs.field(factory=list)  # what it had carried when its codecs changed
    bared: list[str | None] = attrs.field(factory=lambda: [None, None])  # when media that was secured was so no more

    carriers: list[_StreamFacts | None] = attrs.field(factory=lambda: [None, None])
    """Those by whose transport its sides' media goes, where it is not their own."""

    @property
    def media(self) -> tuple[str, str]:
        """What both sides have signalled."""
        return self.sides[0].media, self.sides[1].media


class CallRecord:
    """A record in the making. `key` names it for good; `begun` is the core's Record "open"."""

    def __init__(self, key: str, begun: Record, at: Moment) -> None:
        fields = begun.fields
        self.key, self.call = key, begun.call
        self._record: Plain = {
            "record": key,
            "version": VERSION,
            "id": begun.call,
            "complete": False,
            "path": fields["path"],
            "protocol": fields["protocol"],
            "method": _cut(fields["method"]),
            "start": str(at),
            "ring": None,
            "answer": None,
            "end": None,
            "known": "",
            "resumed": 0,
            "setup": 0.0,
            "duration": None,
            "held": 0.0,
            "ending": None,
            "ended_by": None,
            "cause": "",
            "caller": _cut(fields["caller"]),
            "callee": _cut(fields["callee"]),
            "called": _cut(fields["called"]),
            "terminal": _cut_texts(fields["terminal"]),
            "mos": None,
            "legs": _legs(fields["legs"]),
            "streams": [],
            "more_streams": None,
        }
        if (gateway := fields.get("gateway")) is not None:
            self._record |= {"gateway": gateway, "reported": [], "parts": [], "moves": []}
        self._start = at
        self._answer: Moment | None = None
        self._end: Moment | None = None
        self._held = 0.0  # seconds
        self._held_since: Moment | None = None
        self._live: dict[str, _StreamFacts] = {}
        self._ended: list[Plain] = []
        self._before: dict[str, Plain] = {}  # streams of an earlier life that have not been opened again
        self._more = 0
        self._more_sides = [NOTHING, NOTHING]

    @property
    def start(self) -> float:
        """The time of day when it began."""
        return self._start.wall

    def began(self, at: Moment) -> float:
        """When it began, by what has passed until the moment `at`, and as the clock is set then."""
        return at.wall - (at.tick - self._start.tick)

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self._end is not None

    def go_on(self, record: Plain | None, at: Moment) -> None:
        """The SBC was restarted, and the call goes on: so does its `record`, as far as that had been written."""
        if record is not None:
            self.key = record["record"]
            same = ("record", "start", "ring", "caller", "callee", "called", "method", "resumed")
            self._record.update({name: record.get(name, 0) for name in same})
            self._start = Moment(wall_of(record["start"]), self._start.tick)  # by what has passed, whatever was set
            if record["answer"] is not None:
                self._record["answer"], answer = record["answer"], wall_of(record["answer"])
                self._answer = at.ago(answer) if self._answer is None else Moment(answer, self._answer.tick)
            self._before = {each["stream"]: each for each in record["streams"]}
            for name in ("reported", "moves"):
                if name in record and name in self._record:
                    self._record[name] = record[name]
            if record["more_streams"] is not None:
                self._more = record["more_streams"]["streams"]
                self._more_sides = record["more_streams"]["sides"]
        self._record["resumed"] += 1

    def heard(self, order: Record, at: Moment) -> None:
        """The core has said that the call rings, is answered, on hold or not, has lost or won a member, or is over."""
        record, fields = self._record, order.fields
        if "legs" in fields:
            record["legs"] = _legs(fields["legs"])
        if order.event == "ring" and record["ring"] is None:
            record["ring"] = str(at)
        elif order.event == "answer" and self._answer is None:
            self._answer, record["answer"] = at, str(at)
        elif order.event == "hold":
            self._hold(fields["held"], at)
        elif order.event == "move":
            self._move(order, at)
        elif order.event == "close":
            self._hold(False, at)
            self._end, record["end"] = at, str(at)
            record.update(complete=True, ending=fields["ending"], ended_by=fields["who"], cause=_cut(fields["cause"]))

    def report(self, order: Record, counters: Counters) -> list[str]:
        """A gateway has said what it has counted itself of a member of the call: that stands beside what was counted
        here, of its streams until now. Returns where both differ by more than a little."""
        fields, known = order.fields, self._record.get("reported")
        if known is None or len(known) >= MOST_REPORTS:
            return []
        sides = []
        for stream in fields["streams"]:
            facts = self._live.get(stream)
            if facts is not None:
                sides.append(_carried(facts, counters(stream))[self._record["gateway"]])
            else:  # it was taken off by us, with its streams
                sides += [each["sides"][self._record["gateway"]] for each in self._ended if each["stream"] == stream]
        figures = {_cut(word): _cut(value) for word, value in list(fields["figures"].items())[:MOST_FIGURES]}
        here = counted(sides)
        said = {"member": _cut(fields["member"]), "figures": figures, "counted": here}
        self._record["reported"] = [*(each for each in known if each["member"] != said["member"]), said]
        return differing(figures, here) if sides else []

    def _move(self, order: Record, at: Moment) -> None:
        """A member has gone to another call, or come from one."""
        known = self._record.get("moves")
        if known is None or len(known) >= MOST_MOVES:
            return
        way = next(way for way in ("to", "from") if way in order.fields)
        move = {"at": str(at), "member": _cut(order.fields["member"]), way: order.fields[way]}
        self._record["moves"] = [*known, move]

    def _hold(self, held: bool, at: Moment) -> None:
        """The call is on hold from now on, or no longer."""
        if self._held_since is not None:
            self._held += max(0.0, at.tick - self._held_since.tick)  # it may end before (Meter.unheard)
        self._held_since = at if held else None

    def opened(self, spec: StreamSpec) -> None:
        """A stream has been opened."""
        facts = _StreamFacts(spec, list(spec.sides), [side.latched for side in spec.sides])
        facts.before = self._before.pop(spec.id, None)
        facts.flowing = agreed(facts.media) if all(facts.media) else []
        if facts.before is not None:
            facts.changes = facts.before.get("changes", [])
            facts.bared = [each.get("downgraded") for each in facts.before["sides"]]
        self._live[spec.id] = facts
        for each in self._live.values():
            self._ride(each)

    def _ride(self, facts: _StreamFacts) -> None:
        """See by whose transport its media goes."""
        for side, spec in enumerate(facts.sides):
            bundled = None if spec.security is None else spec.security.bundled
            carrier = "" if bundled is None else bundled.carrier
            facts.carriers[side] = self._live.get(carrier) or (facts.carriers[side] if carrier else None)

    def updated(self, stream: str, side: int, spec: SideSpec, at: Moment, counters: Counters) -> bool:
        """A peer has signalled anew. Whether another codec flows from now on, or a first one in a call that is
        answered: what was carried by the one before is noted."""
        facts = self._live.get(stream)
        if facts is None:
            return False
        if self._answer is not None and facts.sides[side].security is not None and spec.security is None:
            facts.bared[side] = facts.bared[side] or str(at)
        facts.sides[side] = spec
        self._ride(facts)
        before, now = facts.flowing, agreed(facts.media) if all(facts.media) else []
        if not now:  # an offer that has nothing in common with what flows, until it is answered
            return False
        facts.flowing = now
        if not before:
            return self._answer is not None
        if foremost_of(before) == foremost_of(now):
            return False
        sides = [ways_of(each) for each in _carried(facts, counters(stream))]
        told = {"until": str(at), "codecs": [_cut(each) for each in before], "sides": sides}
        facts.changes = [*facts.changes[: MOST_CHANGES - 1], told]
        return True

    def latched(self, stream: str, side: int, address: Address) -> None:
        """The engine has found where a side's media comes from."""
        facts = self._live.get(stream)
        if facts is not None:
            facts.latched[side] = address

    def closed(self, stream: str, counters: StreamCounters) -> None:
        """A stream has been closed with this final volume, which is the charged one.

        One offered in vain, that nothing came by, is none: a challenged attempt offers all its streams anew.
        """
        facts = self._live.pop(stream, None)
        vain = counters == _EMPTY and (facts is None or facts.before is None)
        if facts is None or (vain and any(side.remote is None for side in facts.sides)):
            return
        if len(self._ended) < MOST_STREAMS:
            self._ended.append(_stream(facts, counters))
            return
        self._more += 1
        self._more_sides = [added(*pair) for pair in zip(self._more_sides, _carried(facts, counters), strict=True)]

    def snapshot(self, at: Moment, counters: Counters) -> Plain:
        """The record as it stands, sharing nothing with what will change. `counters` tells a live stream's volume."""
        known, answer = self._end or at, self._answer
        streams = [
            *self._before.values(),
            *self._ended,
            *(_stream(facts, counters(stream)) for stream, facts in self._live.items()),
        ]
        return {
            **self._record,
            "mos": worst(streams),
            "known": self._record["end"] or str(at),
            "setup": round((answer or known).tick - self._start.tick, 3),
            "duration": None if answer is None else round(known.tick - answer.tick, 3),
            "held": round(self._held + (0.0 if self._held_since is None else known.tick - self._held_since.tick), 3),
            "streams": streams,
            "more_streams": self._more_streams() if self._more else None,
        }

    def salvaged(self, at: Moment, counters: Counters) -> Plain:
        """The record where a fault of ours keeps it from being made: as `snapshot`, marked incomplete, and without the
        live streams that the fault is in: of those a sink has what was written last (`filled_up`)."""
        all_live = self._live
        self._live = {stream: facts for stream, facts in all_live.items() if _is_sound(stream, facts, counters)}
        try:
            return {**self.snapshot(at, counters), "complete": False}
        finally:
            self._live = all_live

    def _more_streams(self) -> Plain:
        return {"streams": self._more, "sides": self._more_sides}


def filled_up(record: Plain, before: Plain) -> Plain:
    """A record that could be made only in part, with the streams that it lacks as they were written `before`."""
    known = {each["stream"] for each in record["streams"]}
    lacking = [each for each in before["streams"] if each["stream"] not in known]
    return {**record, "streams": [*record["streams"], *lacking], "mos": worst([*record["streams"], *lacking])}


def cut_short(record: Plain) -> Plain:
    """The record of a call that a crash cut short, from its last snapshot. It ends where it was last known to live, so
    its duration is too short rather than too long. One that had ended is whole, whatever was still to be said of it."""
    if record.get("ending") is not None:
        return record
    return {**record, "complete": False, "ending": INCOMPLETE, "ended_by": None, "cause": "the SBC ended unexpectedly"}


def _stream(facts: _StreamFacts, counters: StreamCounters) -> Plain:
    first, second = facts.sides
    kind = (first.media or second.media).partition(" ")[0] or facts.spec.kind
    sides = zip((0, 1), facts.carriers, facts.bared, _carried(facts, counters), strict=True)
    return {
        "stream": facts.spec.id,
        "kind": _cut(kind),
        "codecs": agreed(facts.media),
        "changes": list(facts.changes),
        "sides": [_side(facts, *each) for each in sides],
    }


def _carried(facts: _StreamFacts, counters: StreamCounters) -> list[Plain]:
    """What both sides of a stream have carried in all its lives."""
    now = [carried(side, header_of_side(spec)) for side, spec in zip(counters.sides, facts.sides, strict=True)]
    return now if facts.before is None else [added(*pair) for pair in zip(facts.before["sides"], now, strict=True)]


def _is_sound(stream: str, facts: _StreamFacts, counters: Counters) -> bool:
    try:
        _stream(facts, counters(stream))
    except Exception:  # noqa: BLE001 - whatever it is, what else is known of the call is to be written
        return False
    return True


def _side(facts: _StreamFacts, side: int, carrier: _StreamFacts | None, bared: str | None, volume: Plain) -> Plain:
    by = carrier or facts
    spec, latched = by.sides[side], by.latched[side]
    return {
        "realm": spec.realm,
        "assigned": _pair(spec.local),
        "signalled": None if spec.remote is None else _pair(spec.remote),
        "latched": None if latched is None else str(latched),
        "security": said(spec.security),
        "downgraded": bared,
        "carrier": None if carrier is None else _cut(carrier.spec.id),
        **volume,
    }


def worst(streams: list[Plain]) -> float | None:
    """The lowest MOS of any side."""
    qualities = (side.get("quality") for stream in streams for side in stream["sides"])
    return min((each["mos"] for each in qualities if each and each["mos"] is not None), default=None)


def _pair(pair: Pair) -> Plain:
    return {"rtp": _cut(str(pair.rtp)), "rtcp": None if pair.rtcp is None else _cut(str(pair.rtcp))}


def wall_of(text: str) -> float:
    """The time of day (seconds since 1970) that a record has as `text`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _legs(legs: list[Plain]) -> list[Plain]:
    return [_cut_texts(leg) for leg in legs]


def _cut_texts(values: Plain) -> Plain:
    return {
        name: _cut(value) if isinstance(value, str) and len(value) > LONGEST else value
        for name, value in values.items()
    }


def _cut(text: str) -> str:
    return text[:LONGEST]
