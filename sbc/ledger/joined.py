"""Records that are one: of calls of gateways whose media meets at addresses of ours, so that each is half of the other.

The first call's record takes the others in: `parts` has what each says of itself, the rest is of the whole. Until all
have ended it is open; what of it has ended is kept as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sbc.core.address import Address
from sbc.core.orders import Record, SideSpec, StreamSpec
from sbc.ledger.record import CallRecord, Counters, Moment, cut_short, wall_of, worst
from sbc.ledger.volume import Plain, add_up
from sbc.media.counters import StreamCounters

_WHOLE = ("version", "protocol", "method", "streams", "reported", "mos", "parts")
"""What does not stand in a part by itself."""

MOST_PARTS = 64
"""Parts of one record: it is written whole with each piece of news. What meets one of them later has its own."""


class JoinedRecord:
    """The record of several calls in the making, `key` the first's. A part is a record in the making, or what is left
    of one that has not come back after a restart."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._parts: dict[str, CallRecord | Plain] = {}

    @property
    def start(self) -> float:
        """The time of day when the first of them began."""
        return min(map(_start, self._parts.values()))

    @property
    def over(self) -> bool:
        """Whether all have ended."""
        return all(map(_over, self._parts.values()))

    def live(self) -> list[str]:
        """The calls that are not over, and are known here."""
        return [call for call, part in self._parts.items() if isinstance(part, CallRecord) and not part.over]

    def __len__(self) -> int:
        return len(self._parts)

    def take(self, part: CallRecord | JoinedRecord) -> None:
        """Take in a record, or all that another has taken in."""
        self._parts.update(part._parts if isinstance(part, JoinedRecord) else {part.call: part})

    def go_on(self, record: Plain, part: CallRecord) -> None:
        """After a restart a part goes on of what was written as `record`."""
        for each in () if self._parts else apart(record):
            self._parts[each["id"]] = each
        self._parts[part.call] = part

    def lose(self, call: str, cause: str) -> None:
        """After a restart a part does not go on."""
        part = self._parts.get(call)
        if isinstance(part, dict):
            self._parts[call] = {**cut_short(part), "cause": cause}

    def heard(self, order: Record, at: Moment) -> None:
        """See CallRecord; as all that follows."""
        self._of(order.call).heard(order, at)

    def report(self, order: Record, counters: Counters) -> list[str]:
        return self._of(order.call).report(order, counters)

    def opened(self, spec: StreamSpec) -> None:
        self._of(spec.call).opened(spec)

    def updated(self, stream: str, side: int, spec: SideSpec, at: Moment, counters: Counters) -> bool:
        return self._of_stream(stream).updated(stream, side, spec, at, counters)

    def latched(self, stream: str, side: int, address: Address) -> None:
        self._of_stream(stream).latched(stream, side, address)

    def closed(self, stream: str, counters: StreamCounters) -> None:
        self._of_stream(stream).closed(stream, counters)

    def snapshot(self, at: Moment, counters: Counters) -> Plain:
        parts = [part if isinstance(part, dict) else part.snapshot(at, counters) for part in self._parts.values()]
        return together(self.key, parts, self._starts(at))

    def salvaged(self, at: Moment, counters: Counters) -> Plain:
        parts = [part if isinstance(part, dict) else part.salvaged(at, counters) for part in self._parts.values()]
        return together(self.key, parts, self._starts(at))

    def _starts(self, at: Moment) -> dict[str, float]:
        """By record, when parts would have begun by what the clock is set to. What was set since is known of those in
        the making; of one that was over before a restart it is taken to be as of whichever began nearest to it."""
        made = [part for part in self._parts.values() if isinstance(part, CallRecord)]
        starts = {part.key: part.began(at) for part in made}
        for part in self._parts.values() if made else ():
            if isinstance(part, dict):
                began = wall_of(part["start"])
                near = min(made, key=lambda each: abs(each.start - began))
                starts[part["record"]] = began + starts[near.key] - near.start
        return starts

    def _of(self, call: str) -> CallRecord:
        part = self._parts[call]
        assert isinstance(part, CallRecord)  # nothing is heard of what has not come back
        return part

    def _of_stream(self, stream: str) -> CallRecord:
        return self._of(stream.partition("/")[0])


def _start(part: CallRecord | Plain) -> float:
    return wall_of(part["start"]) if isinstance(part, dict) else part.start


def _over(part: CallRecord | Plain) -> bool:
    return part["ending"] is not None if isinstance(part, dict) else part.over


def together(key: str, parts: Sequence[Plain], starts: Mapping[str, float] = {}) -> Plain:
    """One record of several. It is answered when two are, and ends with the last, as that does; what lasts is measured
    in each part by itself, and where parts began by the time of day. The clock may have been set in between: `starts`
    has, by record, when each would have begun by what it is set to now, where that is known."""
    told = {part["record"]: starts.get(part["record"], wall_of(part["start"])) for part in parts}
    parts = sorted(parts, key=lambda part: (round(told[part["record"]], 3), part["record"]))
    first, others = parts[0], parts[1:] or parts
    second = next((part for part in others if part["answer"] is not None), others[0])  # not one that was refused before
    over = all(part["ending"] is not None for part in parts)
    last = max(parts, key=lambda part: told[part["record"]] + _length(part))
    after = {part: told[part] - told[first["record"]] for part in told}
    answers = sorted((after[p["record"]] + p["setup"], p["answer"]) for p in parts if p["answer"] is not None)
    ends = max(after[part["record"]] + _length(part) for part in parts)
    setup, answer = answers[1] if len(answers) > 1 else (ends, None)
    streams = _marked(parts)
    return {
        "record": key,  # the first, as in every record
        **_without(first, "record", "gateway", "moves"),
        "complete": all(part["complete"] for part in parts),
        "ring": min((part["ring"] for part in parts if part["ring"] is not None), default=None),
        "answer": answer,
        "end": last["end"] if over else None,
        "known": max(part["known"] for part in parts),
        "resumed": max(part["resumed"] for part in parts),
        "setup": round(setup, 3),
        "duration": None if answer is None else round(ends - setup, 3),
        "held": max(part["held"] for part in parts),
        "ending": last["ending"] if over else None,
        "ended_by": last["ended_by"] if over else None,
        "cause": last["cause"] if over else "",
        "caller": first["caller"] or first["callee"],
        "callee": second["callee"] or second["caller"],
        "called": second["called"],
        "mos": worst(streams),
        "legs": [part["legs"][part["gateway"]] for part in parts],
        "streams": streams,
        "more_streams": add_up([part["more_streams"] for part in parts if part["more_streams"] is not None]),
        "reported": [{**each, "part": part["id"]} for part in parts for each in part["reported"]],
        "parts": [{name: value for name, value in part.items() if name not in _WHOLE} for part in parts],
    }


def _length(part: Plain) -> float:
    """Seconds from when a part began to its end, or as far as it is known."""
    return float(part["setup"] + (part["duration"] or 0.0))


def apart(record: Plain) -> list[Plain]:
    """The records that `together` was given, as far as that told."""
    whole = {name: record[name] for name in _WHOLE if name in record}
    return [
        {
            **part,
            **whole,
            "streams": [_unmarked(each) for each in record["streams"] if each["stream"].startswith(part["id"] + "/")],
            "reported": [_without(each, "part") for each in record["reported"] if each["part"] == part["id"]],
            "parts": [],
        }
        for part in record["parts"]
    ]


def _marked(parts: Sequence[Plain]) -> list[Plain]:
    """The streams, with those sides of the core marked that lead from one part to another: what they carry is counted
    there. What a gateway says of itself marks nothing: there any port may be that of somebody of ours by chance."""
    inner = [(stream, stream["sides"][1 - part["gateway"]]) for part in parts for stream in part["streams"]]
    ours = {(side["realm"], _port(side["assigned"])): (stream, side) for stream, side in inner}
    leading = {stream["stream"] for stream, side in inner if _leads(stream, side, ours)}

    def mark(stream: Plain, core: int) -> Plain:
        sides = [{**side, "inner": True} if index == core else side for index, side in enumerate(stream["sides"])]
        return {**stream, "sides": sides if stream["stream"] in leading else stream["sides"]}

    return [mark(stream, 1 - part["gateway"]) for part in parts for stream in part["streams"]]


def _leads(stream: Plain, side: Plain, ours: dict[tuple[str, str], tuple[Plain, Plain]]) -> bool:
    """Whether a side's media goes to where that of another part comes in. Peers may know our host by another address;
    then each is to name the other's port."""
    if side["signalled"] is None:
        return False
    there, back = ours.get((side["realm"], _port(side["signalled"])), (stream, side))
    if _part(there) == _part(stream):
        return False
    same = _host(side["signalled"]) == _host(back["assigned"])
    return same or (back["signalled"] is not None and _port(back["signalled"]) == _port(side["assigned"]))


def _port(pair: Plain) -> str:
    return str(pair["rtp"]).rpartition(":")[2]


def _host(pair: Plain) -> str:
    return str(pair["rtp"]).rpartition(":")[0]


def _part(stream: Plain) -> str:
    return str(stream["stream"]).partition("/")[0]


def _unmarked(stream: Plain) -> Plain:
    return {**stream, "sides": [_without(side, "inner") for side in stream["sides"]]}


def _without(plain: Plain, *keys: str) -> Plain:
    return {name: value for name, value in plain.items() if name not in keys}


# -- what the files need to know


def calls_of(record: Plain) -> list[str]:
    """The ids of all calls that a record is about."""
    return [part["id"] for part in record.get("parts") or (record,)]


def keys_of(record: Plain) -> list[str]:
    """Its own key, and those that its parts had before."""
    return list(dict.fromkeys([record["record"], *(part["record"] for part in record.get("parts") or ())]))


def left_open(records: Collection[Plain], keep: Collection[str]) -> tuple[dict[str, Plain], list[Plain]]:
    """Of the records that were found open: those of calls that go on (`keep`), by the call's id, and the others. What
    of a joined one does not go on is cut short; and what has been taken in stands there alone."""
    taken_in = {key for record in records for key in keys_of(record)[1:] if key != record["record"]}
    kept: dict[str, Plain] = {}
    lost: list[Plain] = []
    for record in records:
        if record["record"] in taken_in:
            continue
        going = [call for call in calls_of(record) if call in keep]
        kept.update(dict.fromkeys(going, _cut_parts(record, going)))
        lost += [] if going else [_cut_parts(record, ())]
    return kept, lost


def _cut_parts(record: Plain, going: Collection[str]) -> Plain:
    if not record.get("parts"):
        return record
    parts = [p if p["id"] in going or p["ending"] is not None else {**p, **cut_short({})} for p in record["parts"]]
    return {**record, "parts": parts}


def lose_part(record: Plain, call: str, cause: str) -> bool:
    """A call of a joined record does not go on after a restart, for that cause: it is marked in the record itself.
    Whether any still does."""
    for part in record["parts"]:
        if part["id"] == call:
            part.update(cut_short({}), cause=cause)
    return any(part["ending"] is None for part in record["parts"])
