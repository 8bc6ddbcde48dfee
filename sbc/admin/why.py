"""Why a call went as it did: every decision with its cause, in order, and in one sentence the first fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sbc.admin.faults import Heard, Media, Seen, verdict
from sbc.admin.story import View, began, clock_time, legs, opened, record
from sbc.admin.tables import Row, duration
from sbc.config.faults import printable
from sbc.core.address import Pair
from sbc.core.memory import Story
from sbc.core.message import BadMessage, Intent, Phase
from sbc.core.orders import Note, OpenStream, Record, Send, Shared, SideSpec, UpdateStream
from sbc.core.remembered import Closed, Decision, Latched, Unsent
from sbc.media.counters import StreamCounters


def why_view(
    story: Story, dialects: Mapping[str, Any], sides: Mapping[str, str], live: Mapping[str, StreamCounters], now: float,
    offset: float,
) -> View:  # fmt: skip
    """What was decided about a call, and its first fault.

    `sides` says of each realm whether it is "access" or "core"; `live` has the counters of the streams that are open.
    ``decisions`` are ``at`` (seconds after the beginning), ``time``, ``what`` and ``cause``, in order.
    """
    start = began(story)
    heard = _heard(story, dialects)
    decisions = [(entry.at, *_told(entry.what)) for entry in story.decisions]
    decisions += _spoken(heard, legs(story))
    decisions.sort(key=lambda decision: decision[0])
    seen = Seen(
        opened=_fields(opened(story)),
        answered=_fields(record(story, "answer")),
        rang=_fields(record(story, "ring")),
        closed=_fields(record(story, "close")),
        legs=[f"{_role(sides, leg['realm'])} ({leg['realm']} {leg['peer']})" for leg in legs(story)],
        roles=[_role(sides, leg["realm"]) for leg in legs(story)],
        notes=[(entry.at, entry.what) for entry in story.decisions if isinstance(entry.what, Note)],
        unsent=[(entry.at, entry.what) for entry in story.decisions if isinstance(entry.what, Unsent)],
        heard=heard,
        media=_media(story, live),
        start=start,
        now=now,
    )
    return {
        "call": story.call,
        "begun": clock_time(start + offset),
        "verdict": verdict(seen),
        "lost": story.decisions.lost + story.messages.lost,
        "decisions": [
            {"at": at - start, "time": clock_time(at + offset), "what": what, "cause": cause}
            for at, what, cause in decisions
        ],
    }


def why_text(why: Row) -> str:
    """The text of what `why_view` returns."""
    lines = [f"call {why['call']}, from {why['begun']}", f"  {printable(why['verdict'])}", ""]
    for decision in why["decisions"]:
        cause = f": {printable(decision['cause'])}" if decision["cause"] else ""
        lines.append(f"{decision['at']:>10.3f}  {printable(decision['what'])}{cause}")
    if why["lost"]:
        lines.append(f"  {why['lost']} messages and decisions are not kept")
    return "\n".join(lines)


def _role(sides: Mapping[str, str], realm: str) -> str:
    return {"core": "the softswitch", "access": "the terminal"}.get(sides.get(realm, ""), "the peer")


def _fields(found: Record | None) -> dict[str, Any]:
    return {} if found is None else found.fields


# -- messages


def _heard(story: Story, dialects: Mapping[str, Any]) -> list[Heard]:
    """The messages, as the dialect describes them; the same message again counts with the first."""
    realms = [leg["realm"] for leg in legs(story)]
    found: dict[tuple[bool, int, bytes], Heard] = {}
    for entry in story.messages:
        message = entry.message
        dialect = dialects[message.listener.dialect]
        out, leg = isinstance(message, Send), 0 if message.listener.realm == realms[0] else 1
        known = found.get((out, leg, message.data))
        if known is not None:
            known.times += 1
            known.last = entry.at
            continue
        peer = message.to if isinstance(message, Send) else message.source
        found[out, leg, message.data] = Heard(
            entry.at, out, leg, str(peer), dialect.tell(message.data), _intent(dialect, message.data)
        )
    return list(found.values())


def _intent(dialect: Any, data: bytes) -> Intent | None:
    try:
        intent: Intent = dialect.describe(dialect.decode(data))
    except BadMessage:
        return None
    return intent


def _spoken(heard: list[Heard], sides: list[View]) -> list[tuple[float, str, str]]:
    """Requests and answers that came, and what was said again, as decisions are told."""
    told = []
    for each in heard:
        where = f"{sides[each.leg]['realm']} {each.peer}"
        if each.intent is not None and not each.out and each.intent.phase is not Phase.CONFIRM:
            word = "answered" if each.intent.phase.reply else "sent"
            told.append((each.at, f"{where} {word}", each.what))
        if each.times > 1:
            verb = "sent again to" if each.out else "sent again by"
            told.append((each.last, f"{each.what}", f"{verb} {where}, {each.times - 1} times since"))
    return told


# -- decisions


def _told(what: Decision) -> tuple[str, str]:
    """A decision in words: what, and its cause."""
    if isinstance(what, Record):
        return _record(what)
    if isinstance(what, Note):
        fields = "".join(f" {key}={value}" for key, value in what.fields.items())
        return what.event, f"{what.reason}{fields}"
    if isinstance(what, OpenStream):
        spec = what.spec
        return f"stream {spec.id} opened", "; ".join(side_text(side) for side in spec.sides)
    if isinstance(what, UpdateStream):
        return f"stream {what.stream} side {what.side} changed", side_text(what.spec)
    if isinstance(what, Latched):
        return f"stream {what.stream} side {what.side}: media goes to {what.address}", what.reason
    if isinstance(what, Closed):
        return f"stream {what.stream} closed", _volume(what.counters)
    return f"not sent to {what.to}", what.why


def _record(what: Record) -> tuple[str, str]:
    fields = what.fields
    if what.event == "open":
        near = fields["legs"][0]
        nat = f", behind NAT ({near['claimed']} claimed)" if near["behind_nat"] else ""
        who = f"{fields['method']} from {fields['caller'] or '-'} for {fields['called'] or fields['callee'] or '-'}"
        return f"opened from {fields['from']}{nat} to {fields['to']}", f"{who}, by path {fields['path']}"
    if what.event == "close":
        answered = fields["answered_for"]
        length = "not answered" if answered is None else f"answered for {duration(answered)}"
        return f"ended by {fields['who']}, {length}", f"{fields['cause']} ({fields['ending']})"
    return {"ring": "rings", "answer": "answered"}.get(what.event, what.event), ""


def side_text(side: SideSpec) -> str:
    """A side of a stream as it was ordered, in a line."""
    nat = ", behind NAT" if side.behind_nat else ""
    media = f" {side.media}" if side.media else ""
    shared = "" if side.shared is None else f", {_shared(side.shared)}"
    signalled = f"signalled {_pair(side.remote)}{media}{nat}"
    return f"{side.realm} {_pair(side.local)}, {signalled}, latch {side.latch.value}{shared}"


def _shared(shared: Shared) -> str:
    """By which numbers a side is found at ports that it shares, and the peer wants to be sent to."""
    told = "told" if shared.told else "not told"
    wants = "".join(
        f", wants {name} as {n}" for name, n in (("RTP", shared.rtp), ("RTCP", shared.rtcp)) if n is not None
    )
    return f"number {shared.number} at {shared.local.rtp} ({told}){wants}"


def _pair(pair: Pair | None) -> str:
    return "nothing" if pair is None else str(pair.rtp)


def _volume(counters: StreamCounters) -> str:
    return "; ".join(
        f"side {index} received {side.received.packets} packets, was sent {side.sent.packets}, dropped"
        f" {', '.join(f'{n} {name}' for name, n in attrs.asdict(side.drops).items() if n) or '0'}"
        for index, side in enumerate(counters.sides)
    )


def _media(story: Story, live: Mapping[str, StreamCounters]) -> list[Media]:
    """The streams the call had: from when, what was last signalled, and what flowed, to the end or up to now."""
    found: dict[str, Media] = {}
    for entry in story.decisions:
        what = entry.what
        if isinstance(what, OpenStream):
            spec, held = what.spec, any(side.held for side in what.spec.sides)
            found[spec.id] = Media(spec.id, entry.at, list(spec.sides), live.get(spec.id), held=held)
        elif isinstance(what, UpdateStream) and what.stream in found:
            found[what.stream].sides[what.side] = what.spec
            found[what.stream].held = found[what.stream].held or what.spec.held
        elif isinstance(what, Closed) and what.stream in found:
            found[what.stream].counters, found[what.stream].until = what.counters, entry.at
    return list(found.values())
