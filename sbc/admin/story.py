"""What is remembered of a call, as plain values: its messages, whose they are, and which came of which."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sbc.core.memory import Decided, Spoken, Story
from sbc.core.orders import Record, Send
from sbc.core.remembered import Refusal

View = dict[str, Any]


def trace_view(story: Story, dialects: Mapping[str, Any], offset: float) -> View:
    """A call's messages. `offset` is what the core's clock is behind the wall's, in seconds.

    ``legs``: realm and peer of both; ``lost``: how many messages there was no room for, ``gap``: the number of the
    first after those; ``partial``: whether the call's beginning is among what was forgotten. Of each message:
    ``number`` (from 1), ``at`` (seconds after the first), ``time``, ``way`` ("in" or "out"), ``leg``, ``listener``,
    ``peer``, ``what`` (in a few words), ``octets``, ``again`` (the number of the same message before, or None), ``of``
    (that of the message it came of, or None), ``text``, or ``base64`` where it is none. What is secret is masked.
    """
    sides = legs(story)
    spoken = list(story.messages)
    start = began(story)
    numbers = {id(entry.message): number for number, entry in enumerate(spoken, 1) if entry.of is None}
    said: dict[tuple[str, int, bytes], int] = {}
    messages = []
    for number, entry in enumerate(spoken, 1):
        way, leg = _way(entry), _leg(entry, sides)
        data = entry.message.data
        dialect = dialects[entry.message.listener.dialect]
        messages.append(
            {
                "number": number,
                "at": entry.at - start,
                "time": clock_time(entry.at + offset),
                "way": way,
                "leg": leg,
                "listener": str(entry.message.listener),
                "peer": _peer(entry),
                "what": dialect.tell(data),
                "octets": len(data),
                "again": said.get((way, leg, data)),
                "of": None if entry.of is None else numbers.get(id(entry.of)),
                **_content(dialect.mask(data)),
            }
        )
        said.setdefault((way, leg, data), number)
    return {
        "call": story.call,
        "begun": clock_time(start + offset),
        "legs": sides,
        "partial": opened(story) is None,
        "lost": story.messages.lost,
        "gap": story.messages.kept + 1,
        "messages": messages,
    }


def refusal_view(refusal: Refusal, now: float, offset: float) -> View:
    """A refusal; `age` is how many seconds ago it last was."""
    return {
        "event": refusal.event,
        "source": refusal.source,
        "reason": refusal.reason,
        "fields": {name: str(value) for name, value in refusal.fields.items() if name != "source"},
        "count": refusal.count,
        "first": clock_time(refusal.first + offset),
        "last": clock_time(refusal.last + offset),
        "age": now - refusal.last,
    }


def _content(data: bytes) -> View:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}
    return {"base64": b64encode(data).decode()} if "\0" in text else {"text": text}


def opened(story: Story) -> Record | None:
    """The record of the call's beginning, if that is remembered."""
    return record(story, "open")


def record(story: Story, event: str) -> Record | None:
    """The (last) record of that event, if there is one."""
    found = None
    for entry in story.decisions:
        if isinstance(entry.what, Record) and entry.what.event == event:
            found = entry.what
    return found


def began(story: Story) -> float:
    """When the first that is remembered was (seconds on the core's clock)."""
    first: list[Spoken | Decided] = [*_first(story.messages), *_first(story.decisions)]
    return min((entry.at for entry in first), default=0.0)


def _first(ring: Any) -> list[Any]:
    for entry in ring:
        return [entry]
    return []


def legs(story: Story) -> list[View]:
    """Realm and peer of both legs: as its latest record says, or as its messages do."""
    told = record(story, "close") or record(story, "answer") or opened(story)
    if told is not None:
        return [{"realm": leg["realm"], "peer": leg["seen"]} for leg in told.fields["legs"]]
    found: list[View] = []
    for entry in story.messages:
        realm = entry.message.listener.realm
        if len(found) < 2 and all(leg["realm"] != realm for leg in found):
            found.append({"realm": realm, "peer": _peer(entry)})
    return found + [{"realm": "", "peer": ""}] * (2 - len(found))


def _leg(entry: Spoken, sides: list[View]) -> int:
    return 0 if entry.message.listener.realm == sides[0]["realm"] else 1


def _way(entry: Spoken) -> str:
    return "out" if isinstance(entry.message, Send) else "in"


def _peer(entry: Spoken) -> str:
    message = entry.message
    return str(message.to if isinstance(message, Send) else message.source)


def clock_time(seconds: float) -> str:
    """A time of day, UTC (ISO 8601)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
